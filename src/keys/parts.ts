import type { Transaction } from 'kysely'
import type { Alerts } from '../alerts/alerts.ts'
import type { AuditAction } from '../audit/actions.ts'
import { type Actor, recordAudit } from '../audit/audit.ts'
import type { Database } from '../db/database.ts'
import type { Epoch } from '../db/epoch.ts'
import type { Schema } from '../db/schema.ts'
import type { Clock } from '../kit/clock.ts'
import { FaultError, type Outcome, success } from '../kit/fault.ts'
import type { Log } from '../kit/log.ts'
import type { Outbound } from '../net/outbound.ts'
import type { KeySettings } from '../services/service.ts'
import type { SecretBinding, Vault } from '../vault/vault.ts'
import type { KeyReference, ServiceKeyView, Which } from './service-key.ts'
import type { StoredKey } from './store.ts'

/** What this room needs to know of the services as they are set up here. */
export interface ServiceAddresses {
  isEnabled(serviceId: string): boolean
  baseUrlOf(serviceId: string, serviceKeyBaseUrl?: string | null, settings?: KeySettings): string | null
}

export interface ServiceKeyParts {
  readonly database: Database
  readonly epoch: Epoch
  readonly vault: Vault
  readonly outbound: Pick<Outbound, 'request' | 'check'>
  readonly catalogue: ServiceAddresses
  /** Who is told of keys that may have leaked; left out: nobody. */
  readonly alerts?: Pick<Alerts, 'notifyIn' | 'soon'>
  readonly clock: Clock
  readonly log: Log
}

export const isWithin = (key: Pick<ServiceKeyView, 'userId'>, which: Which): boolean =>
  which.userId === undefined || key.userId === which.userId

/** Leaves out the columns that are the room's own. */
export const viewOf = (key: StoredKey): ServiceKeyView => {
  const { suspendedStatus: _, fingerprint: __, failedRechecks: ___, ...view } = key
  return view
}

export const bindingOf = (
  key: Pick<ServiceKeyView, 'organizationId' | 'owner' | 'userId' | 'serviceId' | 'id'>,
  version: number,
): SecretBinding => ({
  organizationId: key.organizationId,
  owner: key.owner,
  userId: key.userId,
  serviceId: key.serviceId,
  serviceKeyId: key.id,
  version,
})

/** What the trail says happened to a key, without `service_key.`. */
type KeyAction = AuditAction extends infer Action
  ? Action extends `service_key.${infer Verb}`
    ? Verb
    : never
  : never

export const recordKeyChange = (
  transaction: Transaction<Schema>,
  actor: Actor,
  key: KeyReference,
  action: KeyAction,
  before: unknown,
  after: unknown,
): Promise<void> =>
  recordAudit(transaction, {
    organizationId: key.organizationId,
    actor,
    action: `service_key.${action}`,
    subject: { kind: 'service_key', id: key.id },
    before,
    after,
  })

/** A fault thrown inside a transaction takes it back; here it becomes a value again. */
export const outcomeOf = async <T>(work: () => Promise<T>): Promise<Outcome<T>> => {
  try {
    return success(await work())
  } catch (error) {
    if (error instanceof FaultError) return { ok: false, fault: error.fault }
    throw error
  }
}
