import type { Role } from '../contract/permissions.ts'
import type { AllowedUses, ControlPolicy, Fallback } from '../policy/control.ts'

export interface UserOverview {
  readonly id: string
  readonly email: string
  readonly name: string
  readonly organizationId: string
  readonly organizationName: string
  readonly role: Role
  readonly isPlatformAdministrator: boolean
  readonly suspendedAt: Date | null
  readonly deleteAt: Date | null
  readonly hasSecondFactor: boolean
  readonly createdAt: Date
  readonly tierId: string | null
  readonly availableMicros: bigint
  readonly heldMicros: bigint
  readonly debtMicros: bigint
  readonly serviceKeyCount: bigint
  readonly lastOperationAt: Date | null
}

export interface OrganizationOverview {
  readonly id: string
  readonly name: string
  readonly kind: 'platform' | 'personal' | 'company'
  readonly controlPolicy: ControlPolicy
  readonly criticalServices: string[]
  readonly systemKeysAllowed: boolean
  readonly lockedFallback: Fallback | null
  readonly allowed: AllowedUses | null
  readonly memberCount: bigint
  readonly suspendedKeyCount: bigint
  readonly createdAt: Date
}

export interface InstallationOverview {
  readonly organizations: bigint
  readonly users: bigint
  readonly operations: bigint
  readonly succeeded: bigint
  readonly failed: bigint
  readonly cancelled: bigint
  readonly interrupted: bigint
  readonly refused: bigint
  readonly ownKeyOperations: bigint
  readonly systemKeyOperations: bigint
  readonly systemCostNanoUsd: bigint
  readonly chargedMicros: bigint
  readonly systemKeys: bigint
  readonly usableSystemKeys: bigint
  readonly ailingSystemKeys: bigint
  readonly userKeys: bigint
  readonly ailingUserKeys: bigint
  readonly unresolvedHolds: bigint
}

export interface ProcessRow {
  readonly id: string
  readonly host: string
  readonly pid: number
  readonly version: string
  readonly startedAt: Date
  readonly live: boolean
}

export interface TierRow {
  readonly id: string
  readonly name: string
  readonly monthlyAllocationMicros: bigint
  readonly monthlyPriceCents: bigint
  readonly currency: string
}

export interface UserFilter {
  readonly search?: string
  readonly organizationId?: string
  readonly id?: string
}
