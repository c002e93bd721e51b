import { sql } from 'kysely'
import type { Billing } from '../billing/billing.ts'
import type { Role } from '../contract/permissions.ts'
import type { Database } from '../db/database.ts'
import type { HygieneSettings } from '../keys/hygiene.ts'
import type { ServiceKeys } from '../keys/keys.ts'
import type { AllowedUses, ControlPolicy, Fallback } from '../policy/control.ts'
import type { Catalogue } from '../routing/catalogue.ts'
import type { ListedGroup } from '../routing/groups.ts'
import type { KeySettings } from '../services/service.ts'
import type { StoredBilling } from './billing.ts'
import type { StoredBudget } from './budgets.ts'
import { type OrganizationParts, readOrganizationParts } from './snapshot-organizations.ts'

/** What is stored now, as far as a document can speak of it. Read in a few queries; the plan is made from it alone. */
export interface Snapshot extends OrganizationParts {
  readonly allowances: readonly string[]
  readonly services: readonly { serviceId: string; baseUrl: string | null; enabled: boolean }[]
  readonly billing: StoredBilling
  readonly organizations: readonly StoredOrganization[]
  readonly users: readonly StoredUser[]
  readonly memberships: readonly StoredMembership[]
  readonly preferences: readonly {
    organizationId: string
    userId: string
    serviceId: string
    fallback: Fallback
  }[]
  /** Live ones. */
  readonly serviceKeys: readonly StoredServiceKey[]
  readonly accessTokens: readonly StoredAccessToken[]
  readonly budgets: readonly StoredBudget[]
  readonly modelGroups: readonly ListedGroup[]
  readonly keyHygiene: HygieneSettings
}

export interface StoredOrganization {
  readonly id: string
  readonly name: string
  readonly kind: 'platform' | 'personal' | 'company'
  readonly controlPolicy: ControlPolicy
  readonly allowed: AllowedUses | null
  readonly criticalServices: readonly string[]
  readonly systemKeysAllowed: boolean
  readonly lockedFallback: Fallback | null
  readonly centralBilling: boolean
  readonly billingEmail: string | null
  /** Of rotation; the control policy has one of its own. */
  readonly maximumKeyAgeDays: number | null
  readonly selfService: boolean
  readonly isToBeDeleted: boolean
}

export const findOrganization = (name: string, stored: Snapshot): StoredOrganization | undefined =>
  stored.organizations.find((o) => o.kind === 'company' && o.name === name)

export interface StoredUser {
  readonly id: string
  readonly email: string
  readonly name: string
  /** Others are no people: they are made elsewhere. */
  readonly isPerson: boolean
  readonly isPlatformAdministrator: boolean
  /** By the platform, wherever they are a member. */
  readonly isSuspended: boolean
  readonly isToBeDeleted: boolean
}

export interface StoredMembership {
  readonly organizationId: string
  readonly userId: string
  readonly role: Role
  readonly tierId: string | null
  readonly suspended: boolean
  readonly breakGlass: boolean
  /** They have what a break-glass account needs. */
  readonly mayBreakGlass: boolean
}

export interface StoredServiceKey {
  readonly organizationId: string
  readonly id: string
  readonly owner: 'user' | 'organization' | 'system'
  readonly userId: string | null
  /** Teams that a key of an organisation is kept for, archived ones, too; null: it serves every member. */
  readonly teamIds: readonly string[] | null
  readonly serviceId: string
  readonly label: string
  readonly priority: number | null
  readonly baseUrl: string | null
  readonly settings: KeySettings
  /** Among the keys of the same owner. */
  readonly position: number
  readonly lastFour: string
  readonly fingerprint: Buffer
  /** Of the versions before it, where a rotation made the one in use. */
  readonly rotatedFrom: readonly Buffer[]
}

/** Usable now; to recognise a token that stands in a file. */
export interface StoredAccessToken {
  readonly organizationId: string
  readonly userId: string | null
  readonly kind: 'user' | 'platform'
  readonly hash: Buffer
}

const rotatedFrom = sql<Buffer[]>`ARRAY(
  SELECT before.fingerprint FROM service_key_versions before
  JOIN service_key_versions current USING (organization_id, service_key_id)
  WHERE before.organization_id = service_keys.organization_id AND before.service_key_id = service_keys.id
    AND current.version = service_keys.current_version AND current.rotation_id IS NOT NULL
    AND before.version < current.version AND before.fingerprint IS NOT NULL)`.as('rotatedFrom')

const mayBreakGlass =
  sql<boolean>`u.password_hash IS NOT NULL AND u.suspended_at IS NULL AND m.suspended_at IS NULL AND (
  EXISTS (SELECT FROM totp_factors f WHERE f.user_id = u.id AND f.confirmed_at IS NOT NULL)
  OR EXISTS (SELECT FROM passkeys k WHERE k.user_id = u.id))`.as('mayBreakGlass')

interface SnapshotRooms {
  readonly database: Pick<Database, 'kysely'>
  readonly billing: Pick<Billing, 'tiers' | 'packs' | 'settings'>
  readonly catalogue: { readonly groups: Pick<Catalogue['groups'], 'listAll'> }
  readonly serviceKeys: { readonly hygiene: Pick<ServiceKeys['hygiene'], 'settings'> }
}

export const readSnapshot = async (
  { database: { kysely }, billing, catalogue, serviceKeys: keyRoom }: SnapshotRooms,
  now: Date,
): Promise<Snapshot> => {
  const [tiers, packs, settings] = await Promise.all([
    billing.tiers(),
    billing.packs({ archived: true }),
    billing.settings(),
  ])
  const [
    allowances,
    services,
    organizations,
    users,
    memberships,
    preferences,
    serviceKeys,
    accessTokens,
    budgets,
    parts,
  ] = await Promise.all([
    kysely.selectFrom('outbound_allowances').select('address').execute(),
    kysely
      .selectFrom('service_settings')
      .select(['service_id as serviceId', 'base_url as baseUrl', 'enabled'])
      .execute(),
    kysely
      .selectFrom('organizations')
      .select([
        'id',
        'name',
        'kind',
        'control_policy as controlPolicy',
        sql<AllowedUses | null>`allowed_uses`.as('allowed'),
        'critical_services as criticalServices',
        'system_keys_allowed as systemKeysAllowed',
        'locked_fallback as lockedFallback',
        sql<boolean>`central_billing_at IS NOT NULL`.as('centralBilling'),
        'billing_email as billingEmail',
        'maximum_key_age_days as maximumKeyAgeDays',
        'self_service as selfService',
        sql<boolean>`delete_at IS NOT NULL`.as('isToBeDeleted'),
      ])
      .where('deleted_at', 'is', null)
      .orderBy('id')
      .execute(),
    kysely
      .selectFrom('users')
      .select([
        'id',
        'email',
        'name',
        sql<boolean>`kind = 'person'`.as('isPerson'),
        'is_platform_administrator as isPlatformAdministrator',
        sql<boolean>`suspended_at IS NOT NULL`.as('isSuspended'),
        sql<boolean>`delete_at IS NOT NULL`.as('isToBeDeleted'),
      ])
      .execute(),
    kysely
      .selectFrom('memberships as m')
      .innerJoin('users as u', 'u.id', 'm.user_id')
      .leftJoin('credit_accounts as a', (join) =>
        join.onRef('a.organization_id', '=', 'm.organization_id').onRef('a.user_id', '=', 'm.user_id'),
      )
      .select([
        'm.organization_id as organizationId',
        'm.user_id as userId',
        'm.role',
        'a.tier_id as tierId',
        sql<boolean>`m.suspended_at IS NOT NULL`.as('suspended'),
        sql<boolean>`m.break_glass_at IS NOT NULL`.as('breakGlass'),
        mayBreakGlass,
      ])
      .orderBy('m.created_at')
      .execute(),
    kysely
      .selectFrom('fallback_preferences')
      .select([
        'organization_id as organizationId',
        'user_id as userId',
        'service_id as serviceId',
        'fallback',
      ])
      .execute(),
    kysely
      .selectFrom('service_keys')
      .select([
        'organization_id as organizationId',
        'id',
        'owner',
        'user_id as userId',
        'team_ids as teamIds',
        'service_id as serviceId',
        'label',
        'priority',
        'base_url as baseUrl',
        sql<KeySettings>`settings`.as('settings'),
        'position',
        'last_four as lastFour',
        'fingerprint',
        rotatedFrom,
      ])
      .where('revoked_at', 'is', null)
      .execute(),
    kysely
      .selectFrom('access_tokens')
      .select(['organization_id as organizationId', 'user_id as userId', 'kind', 'token_hash as hash'])
      .where('revoked_at', 'is', null)
      .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', now)]))
      .execute(),
    kysely
      .selectFrom('budgets')
      .select([
        'organization_id as organizationId',
        'id',
        'user_id as userId',
        'team_id as teamId',
        'service_key_id as serviceKeyId',
        'set_by as setBy',
        'each_member as eachMember',
        'name',
        'service_id as serviceId',
        'measure',
        'limit_amount as limit',
        'enforcement',
        'period',
        'time_zone as timeZone',
      ])
      .where('archived_at', 'is', null)
      .where('follows', 'is', null)
      .where('access_token_id', 'is', null)
      .execute(),
    readOrganizationParts(kysely, now),
  ])
  return {
    allowances: allowances.map((row) => row.address),
    services,
    billing: { tiers, packs, settings },
    organizations,
    users,
    memberships,
    preferences,
    serviceKeys,
    accessTokens,
    budgets,
    modelGroups: catalogue.groups.listAll(),
    keyHygiene: await keyRoom.hygiene.settings(),
    ...parts,
  }
}
