import type { KeySettings, Verdict } from '../services/service.ts'
import type { CoolingModels } from './health.ts'
import type { SealedSecret } from '../vault/vault.ts'

export type ServiceKeyStatus = 'active' | 'invalid' | 'exhausted' | 'suspended' | 'revoked'

/** What screens may see: never more of the secret than its last characters. */
export interface ServiceKeyView {
  readonly organizationId: string
  readonly id: string
  readonly owner: 'user' | 'organization' | 'system'
  readonly userId: string | null
  /** Teams that a key of the organisation is kept for; null: no such restriction. */
  readonly teamIds: readonly string[] | null
  readonly serviceId: string
  readonly label: string
  /** System keys: 1 Primary, 2 Secondary, 3 Tertiary. */
  readonly priority: 1 | 2 | 3 | null
  readonly position: number
  readonly baseUrl: string | null
  readonly settings: KeySettings
  readonly status: ServiceKeyStatus
  readonly statusReason: string | null
  /** Why beside the reason in words: refused all at once, although it had worked. */
  readonly statusCause: 'possibly_leaked' | null
  /** What it may do beyond serving operations (src/keys/scope.ts). */
  readonly scopeNotes: readonly string[]
  readonly coolingUntil: Date | null
  /** The service refused the key once in traffic; a second proof takes it out of use. */
  readonly suspectedAt: Date | null
  readonly verdict: Verdict
  readonly verdictDetail: string | null
  readonly validatedAt: Date | null
  readonly lastFour: string
  readonly version: number
  readonly lastUsedAt: Date | null
  readonly createdAt: Date
}

/** What the gateway plans routes with. The secret is sealed; the vault opens it for one attempt. */
export interface ServiceKey {
  readonly organizationId: string
  readonly id: string
  readonly owner: 'user' | 'organization' | 'system'
  readonly userId: string | null
  readonly teamIds: readonly string[] | null
  readonly serviceId: string
  readonly label: string
  readonly priority: 1 | 2 | 3 | null
  readonly position: number
  readonly baseUrl: string | null
  readonly settings: KeySettings
  readonly status: ServiceKeyStatus
  readonly coolingUntil: Date | null
  /** Models whose own limit is used up, each with the time until which (src/keys/health.ts). */
  readonly coolingModels?: CoolingModels
  readonly suspectedAt: Date | null
  /** Above zero: a success is news (src/keys/health.ts). */
  readonly failedRechecks: number
  readonly verdict: Verdict
  readonly version: number
  /** Since when the secret is in use. */
  readonly versionSince: Date
  readonly sealed: SealedSecret
  readonly lastFour: string
}

export interface SecretInput {
  readonly serviceId: string
  readonly secret: string
  /** The key's own server, for services without a fixed address. */
  readonly baseUrl?: string | null
  /** What the service asks for beside the secret (`Service.settingFields`). */
  readonly settings?: KeySettings
}

export interface NewServiceKey extends SecretInput {
  readonly organizationId: string
  readonly owner: 'user' | 'organization' | 'system'
  readonly userId: string | null
  readonly label?: string
  /** System keys: 1 unless given. */
  readonly priority?: 1 | 2 | 3
  /** Keys of the organisation: for every member unless given. */
  readonly teamIds?: readonly string[] | null
  /** Stores even what the service refuses; it is used once a recheck finds it valid. */
  readonly acceptUnproven?: boolean
}

export interface Replacement {
  readonly secret: string
  /** Those named change with the secret; an empty text takes one away. */
  readonly settings?: KeySettings
  readonly acceptUnproven?: boolean
}

export interface KeyCheck {
  readonly verdict: Verdict
  readonly detail: string
  /** The secret looks like another service's. */
  readonly warning: string | null
  /** What it may do beyond serving operations, in words. */
  readonly scopeWarnings: readonly string[]
  /** Where the same secret is stored already, as far as whoever asks may know. */
  readonly sameSecret: string | null
}

export interface StoredServiceKey {
  readonly serviceKey: ServiceKeyView
  readonly check: KeyCheck
}

export interface KeyReference {
  readonly organizationId: string
  readonly id: string
}

/** With a user, only that user's own key; with null, only one that is no user's. */
export interface Which extends KeyReference {
  readonly userId?: string | null
}

export interface KeyOrder {
  readonly id: string
  readonly priority: 1 | 2 | 3
}
