import type { Transaction } from 'kysely'
import type { Schema } from '../db/schema.ts'
import { type KeyControl, usersManageKeys } from '../policy/control.ts'
import { emit } from '../webhooks/events.ts'
import * as store from './store.ts'

/** Ids of the keys that changed. */
export interface PolicyEffect {
  readonly suspended: readonly string[]
  readonly restored: readonly string[]
}

/** Keys that users had are suspended, not deleted, and come back as they were. `excepted`: services by user. */
export const applyControlPolicy = async (
  transaction: Transaction<Schema>,
  organizationId: string,
  control: KeyControl,
  excepted: ReadonlyMap<string, readonly string[]>,
): Promise<PolicyEffect> => {
  const allows = ({ userId, serviceId }: { userId: string | null; serviceId: string }) =>
    usersManageKeys({ ...control, exceptedServices: excepted.get(userId ?? '') ?? null }, serviceId)
  const keys = await store.lockUserKeys(transaction, organizationId)
  const suspended = keys.filter((key) => key.status !== 'suspended' && !allows(key)).map((key) => key.id)
  const restored = keys.filter((key) => key.status === 'suspended' && allows(key)).map((key) => key.id)
  await store.suspendKeys(transaction, organizationId, suspended)
  await store.restoreKeys(transaction, organizationId, restored)
  if (suspended.length > 0)
    await emit(transaction, { organizationId, type: 'key.suspended', data: { keys: suspended } })
  if (restored.length > 0)
    await emit(transaction, { organizationId, type: 'key.restored', data: { keys: restored } })
  return { suspended, restored }
}
