import type { IncomingMessage } from 'node:http'
import type { Logger } from 'pino'
import type { Budgets } from '../budgets/budgets.ts'
import type { Health } from '../health/health.ts'
import type { Epoch } from '../db/epoch.ts'
import type { ServiceKeys } from '../keys/keys.ts'
import type { TokenExchange } from '../keys/token-exchange.ts'
import type { KeyUses } from '../keys/uses.ts'
import type { Clock } from '../kit/clock.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Limits } from '../limits/limits.ts'
import type { LongOperations } from '../long-operations/long-operations.ts'
import type { Prices } from '../metering/prices.ts'
import type { Recorder } from '../metering/recorder.ts'
import type { Outbound } from '../net/outbound.ts'
import type { Catalogue } from '../routing/catalogue.ts'
import type { Vault } from '../vault/vault.ts'
import type { Admission } from './admission.ts'
import type { Caller, Callers } from './callers.ts'
import type { Counters } from './counters.ts'
import type { GatewayLimits } from './limits.ts'

/** What the stages of an operation work with. */
export interface GatewayParts {
  /** Of who calls, as far as trusted proxies tell. */
  readonly addressOf: (incoming: IncomingMessage) => string
  readonly admission: Admission
  readonly budgets: Budgets
  readonly callers: Callers
  readonly catalogue: Catalogue
  readonly clock: Clock
  /** Remembers from where somebody calls; null: nobody says. */
  readonly noteOrigin?: ((caller: Caller, incoming: IncomingMessage) => void) | null
  readonly counters: Counters
  readonly epoch: Pick<Epoch, 'current'>
  readonly health: Health
  readonly keyUses: KeyUses
  readonly keys: ServiceKeys
  readonly ledger: Ledger
  readonly limits: GatewayLimits
  readonly log: Logger
  readonly longOperations: LongOperations
  readonly outbound: Outbound
  readonly prices: Prices
  readonly rateLimits: Limits
  readonly recorder: Recorder
  readonly tokenExchange: TokenExchange
  readonly vault: Vault
}
