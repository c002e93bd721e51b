import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'

export interface LosingProxy extends AsyncDisposable {
  readonly url: string
  /** The next answers with this command tag (`COMMIT`, `INSERT 0 1`) never arrive: the connection breaks instead. */
  lose(tag: string, times: number): void
  /** How many answers are still to be lost. */
  left(): number
}

/**
 * Stands between a client and PostgreSQL and breaks the connection at the worst moment: when the server has committed
 * and the client has not heard of it.
 */
export const openLosingProxy = async (url: string): Promise<LosingProxy> => {
  const target = new Client({ connectionString: url })
  const directory = await mkdtemp(join(tmpdir(), 'aideon-proxy-'))
  const sockets = new Set<Socket>()
  let tag: Buffer | null = null
  let times = 0

  const isLost = (answer: Buffer): boolean => {
    if (times === 0 || tag === null || !answer.includes(tag)) return false
    times--
    return true
  }

  const server = createServer((client) => {
    const upstream = target.host.startsWith('/')
      ? connect(join(target.host, `.s.PGSQL.${target.port}`))
      : connect(target.port, target.host)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        client.destroy()
        upstream.destroy()
        sockets.delete(socket)
      })
    }
    client.on('data', (chunk) => void upstream.write(chunk))
    upstream.on('data', (chunk: Buffer) => void (isLost(chunk) ? client.destroy() : client.write(chunk)))
  })
  await new Promise<void>((resolve) => server.listen(join(directory, '.s.PGSQL.5432'), resolve))

  const password = target.password ? `:${encodeURIComponent(target.password)}` : ''
  return {
    url: `postgres://${encodeURIComponent(target.user ?? '')}${password}@/${target.database}?host=${encodeURIComponent(directory)}`,
    lose: (text, count) => {
      tag = Buffer.from(`${text}\0`)
      times = count
    },
    left: () => times,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
      await rm(directory, { recursive: true, force: true })
    },
  }
}
