import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Alerts } from '../src/alerts/alerts.ts'
import type { Actor } from '../src/audit/audit.ts'
import { type Database, openDatabase } from '../src/db/database.ts'
import { type Epoch, makeEpoch } from '../src/db/epoch.ts'
import { makeServiceKeys, type ServiceKeys } from '../src/keys/keys.ts'
import { systemClock } from '../src/kit/clock.ts'
import { newId } from '../src/kit/id.ts'
import { type Log, silentLog } from '../src/kit/log.ts'
import { makeOutbound, type Outbound } from '../src/net/outbound.ts'
import { findService } from '../src/services/registry.ts'
import type { OpenedVault } from '../src/vault/open-vault.ts'
import { openTestVault } from './vault.ts'

export interface Asked {
  readonly url: string
  readonly headers: IncomingHttpHeaders
}

/** A service as far as validation calls go: one status for each secret, 401 for unknown ones. */
export const startService = async () => {
  const asked: Asked[] = []
  const statusOf = new Map<string, number>()
  /** What is told of a secret that is accepted. */
  const bodyOf = new Map<string, unknown>()
  const server = createServer((request, response) => {
    const { headers } = request
    asked.push({ url: request.url ?? '', headers })
    const bearer = headers.authorization?.replace(/^Bearer /, '')
    const secret = String(bearer ?? headers['x-api-key'] ?? headers['mj-api-secret'])
    // As some services do: the key comes back in the error.
    response
      .writeHead(statusOf.get(secret) ?? 401)
      .end(JSON.stringify(bodyOf.get(secret) ?? { error: `Incorrect API key: ${secret}` }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const close = () => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  }
  return { url, asked, statusOf, bodyOf, close }
}

export interface KeyRoom {
  readonly keys: ServiceKeys
  readonly epoch: Epoch
  readonly outbound: Outbound
  readonly vault: OpenedVault['vault']
  readonly database: Database
  close(): Promise<void>
}

export const operator: Actor = { kind: 'operator', id: null }

/** The service-key room as one process has it. */
export const startKeyRoom = async (options: {
  url: string
  serviceUrl: string
  clock?: () => Date
  log?: Log
  outbound?: Pick<Outbound, 'request' | 'check'>
  alerts?: Pick<Alerts, 'notifyIn' | 'soon'>
}): Promise<KeyRoom> => {
  const { clock = systemClock, log = silentLog } = options
  const database = openDatabase({ url: options.url, maximumConnections: 6 })
  const epoch = makeEpoch({ database, clock: systemClock, log })
  const outbound = makeOutbound()
  outbound.allow(['127.0.0.1'])
  const catalogue = {
    isEnabled: () => true,
    baseUrlOf: (serviceId: string, own?: string | null) => {
      const service = findService(serviceId)
      return own ?? (service?.baseUrl || service?.baseUrlFor ? `${options.serviceUrl}/${serviceId}` : null)
    },
  }
  const vault = await openTestVault(database, { epoch, log })
  await epoch.start()
  const out = options.outbound ?? outbound
  const keys = makeServiceKeys({
    database,
    epoch,
    vault: vault.vault,
    outbound: out,
    catalogue,
    ...(options.alerts ? { alerts: options.alerts } : {}),
    clock,
    log,
  })
  const close = async () => {
    await keys.reportsSettled()
    await vault.close()
    await epoch.stop()
    await outbound.close()
    await database.close()
  }
  return { keys, epoch, outbound, vault: vault.vault, database, close }
}

/** An organization with one user who has no password. */
export const insertOrganization = async (database: Database) => {
  const organizationId = newId()
  const userId = newId()
  await database.pool.query(`INSERT INTO organizations (id, name, kind) VALUES ($1, 'Org', 'company')`, [
    organizationId,
  ])
  await insertUser(database, organizationId, userId)
  return { organizationId, userId }
}

export const insertUser = async (
  database: Database,
  organizationId: string,
  userId: string,
): Promise<void> => {
  await database.pool.query(`INSERT INTO users (id, email, name) VALUES ($1, $2, 'User')`, [
    userId,
    `${userId}@example.test`,
  ])
  await database.pool.query(
    `INSERT INTO memberships (organization_id, user_id, role) VALUES ($1, $2, 'member')`,
    [organizationId, userId],
  )
}
