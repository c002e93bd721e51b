import type { Alerts } from '../alerts/alerts.ts'
import type { Database } from '../db/database.ts'
import type { Epoch } from '../db/epoch.ts'
import type { ServiceKeys } from '../keys/keys.ts'
import type { KeyUses } from '../keys/uses.ts'
import type { Clock } from '../kit/clock.ts'
import type { Log } from '../kit/log.ts'
import type { Outbound } from '../net/outbound.ts'
import type { Vault } from '../vault/vault.ts'
import type { RotationDriver } from './driver.ts'

export interface RotationParts {
  readonly database: Database
  readonly epoch: Epoch
  readonly serviceKeys: Pick<ServiceKeys, 'versions' | 'list' | 'check'>
  readonly keyUses: KeyUses
  readonly vault: Vault
  readonly outbound: Pick<Outbound, 'request'>
  readonly alerts: Pick<Alerts, 'notifyIn' | 'soon'>
  readonly drivers: readonly RotationDriver[]
  readonly clock: Clock
  readonly log: Log
  /** What stands in for services' addresses: tests and the simulator. */
  readonly addressOf?: (standard: string) => string
  /** Told before and after each thing that a crash may separate; tests end the worker there. */
  readonly onEdge?: (edge: string) => void | Promise<void>
  readonly leaseMs?: number
  readonly reportEveryMs?: number
}

/** One call of a driver ends well before a worker's lease does: no two workers ever call at the same time. */
export const callTimeoutMs = 15_000
export const usualLeaseMs = 90_000
