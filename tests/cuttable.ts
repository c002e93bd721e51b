import { connect, createServer, type Server, type Socket } from 'node:net'
import { Client } from 'pg'

/** An address of the database whose packets can be made to vanish, unlike a connection that is closed. */
export const cuttableUrl = async (to: string) => {
  const { host, port, user, password, database } = new Client({ connectionString: to })
  const upstream = host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port }
  const sockets = new Set<Socket>()
  let silent = false
  const server: Server = createServer((near) => {
    const far = connect(upstream)
    for (const [from, onto] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.on('data', (data) => silent || onto.write(data))
      from.on('error', () => {})
      from.on('close', () => onto.destroy())
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address() as { port: number }
  return {
    url: `postgres://${user}:${password ?? ''}@127.0.0.1:${address.port}/${database}`,
    silence: () => void (silent = true),
    restore: () => void (silent = false),
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
