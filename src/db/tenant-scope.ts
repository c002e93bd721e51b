import { AsyncLocalStorage } from 'node:async_hooks'
import { sql, type Transaction } from 'kysely'
import type { Schema } from './schema.ts'

/** Whose rows the database shows and takes while a request of that organisation is answered. */
export interface TenantScope {
  readonly organizationId: string
  readonly userId: string
}

const scopes = new AsyncLocalStorage<TenantScope | null>()

/** Everything that `work` asks the database for, by whatever room, is held to this organisation (docs/decisions/0054). */
export const withinTenant = <T>(scope: TenantScope, work: () => T): T => scopes.run(scope, work)

/**
 * Out of the scope again: for what is shared by all (caches, batches, work that goes on by itself) and for the few reads of a
 * tenant's request that are about the platform. Each use is a hole in the wall and has its reason beside it.
 */
export const beyondTenants = <T>(work: () => T): T => scopes.run(null, work)

/** The same inside a transaction that has begun within a tenant: its statements up to the end of `work`. */
export const beyondTenantsIn = async <T>(
  transaction: Transaction<Schema>,
  work: () => Promise<T>,
): Promise<T> => {
  if (currentTenant() === null) return work()
  const { rows } = await sql<{ role: string }>`SELECT current_setting('role') AS role`.execute(transaction)
  await sql`SELECT set_config('role', 'none', true)`.execute(transaction)
  const result = await beyondTenants(work)
  // A failure ends the transaction, and with it what was set.
  await sql`SELECT set_config('role', ${rows[0]?.role ?? 'none'}, true)`.execute(transaction)
  return result
}

export const currentTenant = (): TenantScope | null => scopes.getStore() ?? null

/** The pieces of a reply are asked for after its handler has returned, by whoever takes them. */
export async function* piecesWithin<T>(scope: TenantScope, pieces: AsyncIterable<T>): AsyncGenerator<T> {
  const iterator = withinTenant(scope, () => pieces[Symbol.asyncIterator]())
  try {
    for (;;) {
      const next = await withinTenant(scope, () => iterator.next())
      if (next.done) return
      yield next.value
    }
  } finally {
    await withinTenant(scope, () => iterator.return?.())
  }
}
