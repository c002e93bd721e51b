import type { Pool, PoolClient } from 'pg'
import { currentTenant, type TenantScope } from './tenant-scope.ts'

const enterStatement = {
  name: 'enter_tenant',
  text: `SELECT set_config('aideon.organization_id', $1, false), set_config('aideon.user_id', $2, false), set_config('role', $3, false)`,
}
const leaveStatement = {
  name: 'leave_tenant',
  text: `SELECT set_config('role', 'none', false), set_config('aideon.organization_id', '', false), set_config('aideon.user_id', '', false)`,
}
/** The role that the policies are for; none where the database did not let us make one. */
const wallRoleStatement = `SELECT r.rolname FROM pg_policy p JOIN pg_roles r ON r.oid = ANY (p.polroles)
  WHERE p.polname = 'tenant' AND p.polrelid = to_regclass('organizations') LIMIT 1`

type Callback = (
  error: Error | undefined,
  client: PoolClient | undefined,
  done: (failed?: boolean | Error) => void,
) => void

/**
 * The one place where a request's scope reaches the database: a connection that is taken within one works under the
 * tenants' role until it is given back. Costs such a request one round trip for each time it takes a connection, and
 * one more behind it; whoever is in no scope pays nothing.
 */
export const holdToTenants = (pool: Pool): void => {
  const connect = pool.connect.bind(pool) as (callback?: Callback) => Promise<PoolClient>
  let wallRole: string | null | undefined

  const enter = async (client: PoolClient, scope: TenantScope): Promise<void> => {
    if (wallRole === undefined) {
      const { rows } = await client.query<{ rolname: string }>(wallRoleStatement)
      wallRole = rows[0]?.rolname ?? null
    }
    if (wallRole === null) return
    await client.query({ ...enterStatement, values: [scope.organizationId, scope.userId, wallRole] })
    leaveAtRelease(client)
  }

  const connectWithin = async (scope: TenantScope): Promise<PoolClient> => {
    const client = await connect()
    try {
      await enter(client, scope)
      return client
    } catch (error) {
      client.release(true)
      throw error
    }
  }

  pool.connect = ((callback?: Callback) => {
    const scope = currentTenant()
    if (scope === null) return callback ? connect(callback) : connect()
    const connected = connectWithin(scope)
    if (!callback) return connected
    connected.then(
      (client) => callback(undefined, client, client.release),
      (error: Error) => callback(error, undefined, () => {}),
    )
    return undefined
  }) as Pool['connect']
}

/** Nobody gets the connection before it is clean; one that cannot be cleaned is closed. */
const leaveAtRelease = (client: PoolClient): void => {
  const release = client.release
  client.release = (failed) => {
    if (failed) return release(failed)
    client.query(leaveStatement).then(
      () => release(),
      () => release(true),
    )
  }
}
