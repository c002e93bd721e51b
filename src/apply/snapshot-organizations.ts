import { type Kysely, sql } from 'kysely'
import type { Schema } from '../db/schema.ts'
import { noSessionPolicy } from '../identity/session-policy.ts'
import type { StoredThresholds } from './anomalies.ts'
import type { StoredException } from './exceptions.ts'
import type { StoredApplication, StoredServiceAccount } from './machines.ts'
import type { StoredScheduledPolicy } from './policies.ts'
import type { StoredGroupRole } from './provisioning.ts'
import type { StoredLimits } from './rate-limits.ts'
import type { StoredSchedule } from './rotation.ts'
import type { StoredConnection, StoredDomain, StoredSessionPolicy } from './sign-on.ts'
import type { StoredAssignment, StoredCostCentre, StoredTeam } from './teams.ts'
import type { StoredEndpoint } from './webhooks.ts'

/** What organisations have beside members and keys. */
export interface OrganizationParts {
  /** Without archived ones. */
  readonly teams: readonly StoredTeam[]
  readonly costCentres: readonly StoredCostCentre[]
  readonly assignments: readonly StoredAssignment[]
  readonly scheduledPolicies: readonly StoredScheduledPolicy[]
  readonly exceptions: readonly StoredException[]
  readonly serviceAccounts: readonly StoredServiceAccount[]
  readonly hostApplications: readonly StoredApplication[]
  readonly sessionPolicies: readonly StoredSessionPolicy[]
  readonly connections: readonly StoredConnection[]
  readonly domains: readonly StoredDomain[]
  readonly groupRoles: readonly StoredGroupRole[]
  readonly webhooks: readonly StoredEndpoint[]
  readonly rateLimits: readonly StoredLimits[]
  readonly schedules: readonly StoredSchedule[]
  readonly thresholds: readonly StoredThresholds[]
}

export const readOrganizationParts = async (
  kysely: Kysely<Schema>,
  now: Date,
): Promise<OrganizationParts> => {
  const [people, scheduledPolicies, machines, signOn, limits] = await Promise.all([
    readTeams(kysely, now),
    readScheduledPolicies(kysely),
    readMachines(kysely),
    readSignOn(kysely),
    readLimits(kysely),
  ])
  return { ...people, scheduledPolicies, ...machines, ...signOn, ...limits }
}

const readTeams = async (kysely: Kysely<Schema>, now: Date) => {
  const teams = await kysely
    .selectFrom('teams as t')
    .select([
      't.organization_id as organizationId',
      't.id',
      't.name',
      't.description',
      sql<StoredTeam['members']>`coalesce((
        SELECT json_agg(json_build_object('userId', m.user_id, 'role', m.role)) FROM team_members m
        WHERE m.organization_id = t.organization_id AND m.team_id = t.id), '[]')`.as('members'),
    ])
    .where('t.archived_at', 'is', null)
    .execute()
  const costCentres = await kysely
    .selectFrom('cost_centres')
    .select([
      'organization_id as organizationId',
      'code',
      'name',
      sql<boolean>`archived_at IS NOT NULL`.as('archived'),
    ])
    .execute()
  const assignments = await kysely
    .selectFrom('cost_centre_assignments')
    .distinctOn(['organization_id', 'subject_kind', 'subject_id'])
    .select(['organization_id as organizationId', 'subject_id as id', 'code'])
    .where('from_at', '<=', now)
    .orderBy('organization_id')
    .orderBy('subject_kind')
    .orderBy('subject_id')
    .orderBy('from_at', 'desc')
    .execute()
  const exceptions = await kysely
    .selectFrom('own_key_exceptions')
    .select([
      'organization_id as organizationId',
      'user_id as userId',
      'service_id as serviceId',
      'reason',
      'expires_at as until',
    ])
    .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', now)]))
    .execute()
  return { teams, costCentres, assignments, exceptions }
}

const readScheduledPolicies = (kysely: Kysely<Schema>): Promise<StoredScheduledPolicy[]> =>
  kysely
    .selectFrom('control_policies')
    .select([
      'organization_id as organizationId',
      'version',
      'starts_at as startsAt',
      sql<string>`reason`.as('reason'),
      sql<StoredScheduledPolicy['document']>`document`.as('document'),
    ])
    .where('state', '=', 'scheduled')
    .execute()

const readMachines = async (kysely: Kysely<Schema>) => {
  const serviceAccounts = await kysely
    .selectFrom('service_accounts as s')
    .innerJoin('users as u', 'u.id', 's.user_id')
    .innerJoin('memberships as m', (join) =>
      join.onRef('m.organization_id', '=', 's.organization_id').onRef('m.user_id', '=', 's.user_id'),
    )
    .select([
      's.organization_id as organizationId',
      's.user_id as id',
      'u.name',
      's.description',
      'm.role',
      sql<boolean>`m.suspended_at IS NOT NULL`.as('suspended'),
      's.pays_user_id as paysUserId',
    ])
    .where('s.removed_at', 'is', null)
    .orderBy('s.created_at')
    .execute()
  const hostApplications = await kysely
    .selectFrom('host_applications as h')
    .innerJoin('access_tokens as a', (join) =>
      join.onRef('a.organization_id', '=', 'h.organization_id').onRef('a.id', '=', 'h.id'),
    )
    .select([
      'h.organization_id as organizationId',
      'h.id',
      'a.name',
      sql<StoredApplication['scopes']>`a.scopes`.as('scopes'),
      'h.issuer',
      'h.jwks_uri as jwksUri',
      sql<StoredApplication['jwks']>`h.jwks`.as('jwks'),
      'h.user_claim as userClaim',
      'h.matching',
      'h.maximum_token_seconds as maximumTokenSeconds',
      'h.frame_ancestors as frameAncestors',
    ])
    .where('a.revoked_at', 'is', null)
    .orderBy('h.id')
    .execute()
  const webhooks = await kysely
    .selectFrom('webhook_endpoints as e')
    .select([
      'e.organization_id as organizationId',
      'e.id',
      'e.url',
      'e.description',
      sql<StoredEndpoint['types']>`e.types`.as('types'),
      sql<boolean>`e.state <> 'disabled'`.as('enabled'),
      sql<string>`(SELECT s.last_four FROM webhook_endpoint_secrets s
        WHERE s.organization_id = e.organization_id AND s.endpoint_id = e.id ORDER BY s.version DESC LIMIT 1)`.as(
        'lastFour',
      ),
    ])
    .where('e.removed_at', 'is', null)
    .orderBy('e.id')
    .execute()
  return { serviceAccounts, hostApplications, webhooks }
}

const columnOf = (field: string): string => field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

const readSignOn = async (kysely: Kysely<Schema>) => {
  const { rows: policies } = await sql<Record<string, unknown>>`SELECT * FROM session_policies`.execute(
    kysely,
  )
  const sessionPolicies = policies.map((row) =>
    Object.fromEntries(
      ['organizationId', ...Object.keys(noSessionPolicy)].map((name) => [name, row[columnOf(name)]]),
    ),
  ) as unknown as StoredSessionPolicy[]
  const connections = await kysely
    .selectFrom('sso_connections')
    .select([
      'organization_id as organizationId',
      'id',
      'name',
      'enabled',
      'joins_members as joinsMembers',
      sql<StoredConnection['defaultRole']>`default_role`.as('defaultRole'),
      sql<StoredConnection['roleRules']>`role_rules`.as('roleRules'),
      sql<StoredConnection['provider']>`json_build_object('kind', kind, 'settings', settings)`.as('provider'),
      sql<boolean>`sealed_secret IS NOT NULL`.as('hasSecret'),
      sql<boolean>`last_used_at IS NOT NULL`.as('isUsed'),
    ])
    .orderBy('created_at')
    .execute()
  const domains = await kysely
    .selectFrom('sso_domains')
    .select([
      'organization_id as organizationId',
      'domain',
      sql<boolean>`verified_at IS NOT NULL`.as('isVerified'),
      'enforced',
    ])
    .execute()
  const { rows: groupRoles } = await sql<StoredGroupRole>`
    SELECT organization_id AS "organizationId", lower(display_name) AS name, role FROM provisioned_groups
    WHERE role IS NOT NULL
    UNION ALL SELECT organization_id, name, role FROM awaited_groups`.execute(kysely)
  return { sessionPolicies, connections, domains, groupRoles }
}

const readLimits = async (kysely: Kysely<Schema>) => {
  const rateLimits = await kysely
    .selectFrom('rate_limits')
    .select([
      'organization_id as organizationId',
      'subject_kind as kind',
      'subject_id as id',
      'requests_per_minute as requestsPerMinute',
      sql<number | null>`tokens_per_minute::float8`.as('tokensPerMinute'),
      'concurrent',
    ])
    .where('subject_kind', '<>', 'access_token')
    .execute()
  const schedules = await kysely
    .selectFrom('rotation_schedules')
    .select([
      'organization_id as organizationId',
      'service_id as serviceId',
      'service_key_id as serviceKeyId',
      'every_days as everyDays',
      'overlap_seconds as overlapSeconds',
    ])
    .execute()
  const thresholds = await kysely
    .selectFrom('anomaly_thresholds')
    .select([
      'organization_id as organizationId',
      'spend_factor as spendFactor',
      'spend_floor_nano_usd as spendFloorNanoUsd',
      'tells_models as tellsModels',
      'tells_countries as tellsCountries',
    ])
    .execute()
  return { rateLimits, schedules, thresholds }
}
