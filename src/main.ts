import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Config } from './config/config.ts'
import { openDatabase } from './db/database.ts'
import { migrate } from './db/migrate.ts'
import { startPostgres } from './db/postgres.ts'
import type { Log } from './kit/log.ts'

/** A running gateway, as src/cli/start.ts needs it. */
export interface Gateway {
  /** Where it listens. */
  readonly url: string
  /** Printed to the operator at start: the set-up link, the demo's sign-ins. */
  readonly notices: readonly string[]
  /** Takes no new operations, lets running ones end within the configured time, settles, stops the database. */
  stop(): Promise<void>
}

export const startGateway = async (config: Config, log: Log): Promise<Gateway> => {
  const postgres = await startPostgres({ ...config, log })
  const database = openDatabase({ url: postgres.url, maximumConnections: config.maximumConnections })
  try {
    await migrate(database, { log })
    const server = createServer((request, response) => {
      response.writeHead(request.url === '/healthz' ? 200 : 404).end()
    })
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(config.port, config.host, resolve)
    })
    const { port } = server.address() as AddressInfo
    return {
      url: `http://${config.host}:${port}`,
      notices: [],
      stop: async () => {
        server.close()
        await database.close()
        await postgres.stop()
      },
    }
  } catch (error) {
    await database.close()
    await postgres.stop()
    throw error
  }
}
