import type { ControlChange } from '../organizations/organizations.ts'
import type { Fallback } from '../policy/control.ts'
import { platformOrganizationId } from '../kit/id.ts'
import { type Document, type DocumentOrganization, type DocumentUser, usersOf } from './document.ts'
import { type BillingAction, planBilling, planPack, planTier } from './billing.ts'
import {
  type BudgetAction,
  type BudgetHome,
  type DocumentBudget,
  installationHome,
  planBudget,
} from './budgets.ts'
import { type CentralBillingAction, planCentralBilling } from './central-billing.ts'
import { type MachineAction, planHostApplications, planServiceAccounts } from './machines.ts'
import { findKey, type KeyHome, placeOf, planKeys, type PlannedKey } from './plan-keys.ts'
import { planProvisioning, type ProvisioningAction } from './provisioning.ts'
import { planRateLimits, type RateLimitAction } from './rate-limits.ts'
import { planMaximumKeyAge, planRotation, type RotationAction } from './rotation.ts'
import { planBreakGlass, planSessionPolicy, planSingleSignOn, type SignOnAction } from './sign-on.ts'
import type { Snapshot, StoredMembership, StoredOrganization, StoredServiceKey } from './snapshot.ts'
import { differences, settings, type Step, step } from './step.ts'
import {
  findTeam,
  isSameName,
  planCostCentres,
  planCostCentresOf,
  planTeams,
  type TeamAction,
} from './teams.ts'
import { planWebhooks, type WebhookAction } from './webhooks.ts'

/** What to do, as data; who is new is named by organisation name and e-mail address. */
export type Action =
  | { readonly kind: 'add_allowance'; readonly address: string }
  | {
      readonly kind: 'change_service'
      readonly serviceId: string
      readonly change: { baseUrl?: string | null; enabled?: boolean }
    }
  | BillingAction
  | { readonly kind: 'create_organization'; readonly name: string; readonly change: ControlChange }
  | { readonly kind: 'change_organization'; readonly name: string; readonly change: ControlChange }
  | { readonly kind: 'create_user'; readonly user: DocumentUser; readonly organization: string | null }
  | { readonly kind: 'add_member'; readonly user: DocumentUser; readonly organization: string }
  | {
      readonly kind: 'change_role'
      readonly email: string
      readonly organization: string
      readonly role: StoredMembership['role']
    }
  | {
      readonly kind: 'change_user'
      readonly email: string
      readonly organization: string | null
      readonly change: { tierId?: string; isPlatformAdministrator?: boolean }
    }
  | {
      readonly kind: 'change_standing'
      readonly email: string
      readonly organization: string
      readonly suspended: boolean
    }
  | {
      readonly kind: 'change_preferences'
      readonly email: string
      readonly organization: string | null
      readonly preferences: ReadonlyMap<string, Fallback>
    }
  | PlannedKey
  | BudgetAction
  | WebhookAction
  | OrganizationPartAction
  | {
      readonly kind: 'write_token'
      readonly email: string | null
      readonly name: string
      readonly path: string
    }

/** What organisations have beside members, keys and budgets. */
type OrganizationPartAction =
  | TeamAction
  | MachineAction
  | SignOnAction
  | ProvisioningAction
  | CentralBillingAction
  | RateLimitAction
  | RotationAction

/** What planning needs besides the document and what is stored. */
export interface PlanContext {
  readonly secrets: ReadonlyMap<string, string>
  /** Those that have no fingerprint, by the id of whose they are: of connections and webhooks that the document names one for. */
  readonly storedSecrets: ReadonlyMap<string, string>
  /** Of a stored key, had it this secret. */
  readonly fingerprint: (key: StoredServiceKey, secret: string) => Buffer
  /** By path as the document writes it: the hash of the token that is in the file; null: no file. */
  readonly tokenFiles: ReadonlyMap<string, Buffer | null>
}

export const planSetUp = (document: Document, stored: Snapshot, context: PlanContext): Step[] => {
  const inEach = (
    plan: (
      one: DocumentOrganization,
      organizationId: string | undefined,
      before?: StoredOrganization,
    ) => Step[],
  ) =>
    (document.organizations ?? []).flatMap((one) => {
      const before = findOrganization(one.name, stored)
      return plan(one, before?.id, before)
    })
  return [
    ...planAllowances(document, stored),
    ...planServices(document, stored),
    ...planSales(document, stored),
    ...planKeys(document.systemKeys ?? [], systemHome, stored, context),
    ...inEach((one, _, before) => planOrganization(one, before, stored, context)),
    ...planUsers(document, stored, context),
    ...inEach((one, id) => [
      ...planServiceAccounts(one, id, stored, context),
      ...planHostApplications(one, id, stored),
      ...planCostCentres(one, id, stored),
      ...planTeams(one, id, stored),
      ...planCostCentresOf(one, id, stored),
    ]),
    ...planBudgets(document, stored, context),
    ...inEach((one, id, before) => [
      ...planSingleSignOn(one, id, stored, context),
      ...planProvisioning(one, id, stored, context),
      ...planWebhooks(one, id, stored, context),
      ...planCentralBilling(one, before),
      ...planMaximumKeyAge(one.name, one.rotation, before?.maximumKeyAgeDays ?? null),
      ...planSessionPolicy(one.name, one.sessionPolicy, id, stored),
    ]),
    ...planSessionPolicy(null, document.sessionPolicy, platformOrganizationId, stored),
    // Last: whoever is suspended joins no team, and a locked preference refuses the changes of preferences above.
    ...usersOf(document).flatMap(({ user, organization }) => planSuspension(user, organization, stored)),
    ...inEach((one) => planLock(one, stored)),
    ...(document.platformTokens ?? []).map(({ name, file }) => planToken(null, name, file, stored, context)),
  ]
}

const systemHome: KeyHome = {
  owner: 'system',
  title: 'system key',
  organizationId: platformOrganizationId,
  organization: null,
  userId: null,
  email: null,
}

const planAllowances = (document: Document, stored: Snapshot): Step[] =>
  (document.outboundAllowances ?? []).map((address) =>
    step(`outbound allowance ${address}`, !stored.allowances.includes(address), [], {
      kind: 'add_allowance',
      address,
    }),
  )

const planServices = (document: Document, stored: Snapshot): Step[] =>
  Object.entries(document.services ?? {}).flatMap(([serviceId, { rotation, ...wanted } = {}]) => {
    const before = stored.services.find((s) => s.serviceId === serviceId) ?? { baseUrl: null, enabled: true }
    const change = { ...wanted, ...(wanted?.baseUrl && { baseUrl: wanted.baseUrl.replace(/\/+$/, '') }) }
    const details = differences({ baseUrl: before.baseUrl, enabled: before.enabled }, change)
    return [
      step(`service ${serviceId}`, false, details, { kind: 'change_service', serviceId, change }),
      ...planRotation(`service ${serviceId}`, rotation, { serviceId }, null, stored.schedules),
    ]
  })

/** Tiers before the settings that may name one; what is sold last. */
const planSales = (document: Document, { billing: stored }: Snapshot): Step[] =>
  [
    ...(document.tiers ?? []).map((tier) => planTier(tier, stored)),
    ...(document.billing === undefined ? [] : [planBilling(document.billing, stored)]),
    ...(document.packs ?? []).map((pack) => planPack(pack, document.billing, stored)),
  ].map(({ subject, isNew, details, action }) => step(subject, isNew, details, action))

export const findOrganization = (name: string, stored: Snapshot): StoredOrganization | undefined =>
  stored.organizations.find((o) => o.kind === 'company' && o.name === name)

/** Everything but the locked preference. */
const planOrganization = (
  wanted: DocumentOrganization,
  before: StoredOrganization | undefined,
  stored: Snapshot,
  context: PlanContext,
): Step[] => {
  const { controlPolicy, criticalServices, systemKeysAllowed, allowed } = wanted
  const change = { controlPolicy, criticalServices, systemKeysAllowed, allowed }
  const details = before ? differences(before, change) : settings(change)
  const kind = before ? 'change_organization' : 'create_organization'
  return [
    step(`organisation ${wanted.name}`, !before, details, { kind, name: wanted.name, change }),
    ...planKeys(wanted.keys ?? [], organizationHome(wanted.name, before), stored, context),
  ]
}

const organizationHome = (name: string, before: StoredOrganization | undefined): KeyHome => ({
  owner: 'organization',
  title: `organisation ${name}: key`,
  organizationId: before?.id ?? null,
  organization: name,
  userId: null,
  email: null,
})

const planBudgets = (document: Document, stored: Snapshot, context: PlanContext): Step[] => {
  const steps = (wanted: readonly DocumentBudget[] | undefined, home: BudgetHome): Step[] =>
    (wanted ?? []).map((one) => {
      const { subject, isNew, details, action } = planBudget(one, home, stored.budgets)
      return step(subject, isNew, details, action)
    })
  return [
    ...steps(document.budgets, installationHome),
    ...(document.organizations ?? []).flatMap(({ name, budgets, teams, keys }) => {
      const before = findOrganization(name, stored)
      const home = {
        title: `organisation ${name}`,
        organizationId: before?.id ?? null,
        organization: name,
        userId: null,
        email: null,
      }
      return [
        ...steps(budgets, home),
        ...(teams ?? []).flatMap((team) => {
          const id = findTeam(before?.id, team.name, stored)?.id ?? null
          return steps(team.budgets, {
            ...home,
            title: `organisation ${name}: team ${team.name}`,
            team: { id, name: team.name },
          })
        }),
        ...(keys ?? []).flatMap((key) => {
          const keyHome = organizationHome(name, before)
          const place = placeOf(key, keyHome)
          const id = findKey(key, keyHome, stored, context)?.id ?? null
          return steps(key.budgets, {
            ...home,
            title: `organisation ${name}: key ${place.serviceId} “${place.label}”`,
            key: { id, place },
          })
        }),
      ]
    }),
    ...usersOf(document).flatMap(({ user, organization }) => {
      const { before, membership } = standingOf(user, organization, stored)
      return steps(user.budgets, {
        title: `user ${user.email}`,
        organizationId: membership?.organizationId ?? null,
        organization,
        userId: before?.id ?? null,
        email: user.email,
      })
    }),
  ]
}

/** Who somebody is already, and as what in that organisation: without one, in the first that they have. */
const standingOf = ({ email }: DocumentUser, organization: string | null, stored: Snapshot) => {
  const before = stored.users.find((user) => isSameName(user.email, email))
  const memberships = stored.memberships.filter(({ userId }) => userId === before?.id)
  const homeId = organization === null ? undefined : findOrganization(organization, stored)?.id
  const membership =
    organization === null ? memberships[0] : memberships.find((one) => one.organizationId === homeId)
  return { before, membership }
}

const planLock = (wanted: DocumentOrganization, stored: Snapshot): Step[] => {
  if (wanted.lockedFallback === undefined) return []
  const change = { lockedFallback: wanted.lockedFallback }
  const before = { lockedFallback: findOrganization(wanted.name, stored)?.lockedFallback ?? null }
  const subject = `organisation ${wanted.name}: locked preference`
  return [
    step(subject, false, differences(before, change), {
      kind: 'change_organization',
      name: wanted.name,
      change,
    }),
  ]
}

/** Somebody of several organisations is made with the first of them, and joins the others. */
const planUsers = (document: Document, stored: Snapshot, context: PlanContext): Step[] => {
  const made = new Set<string>()
  return usersOf(document).flatMap(({ user, organization }) => {
    const email = user.email.toLowerCase()
    const isMade = made.has(email)
    made.add(email)
    return planUser(user, organization, stored, context, isMade)
  })
}

const planUser = (
  user: DocumentUser,
  organization: string | null,
  stored: Snapshot,
  context: PlanContext,
  isMade: boolean,
): Step[] => {
  const { before, membership } = standingOf(user, organization, stored)
  const subject = `user ${user.email}`
  const keyHome: KeyHome = {
    owner: 'user',
    title: `${subject}: key`,
    organizationId: membership?.organizationId ?? null,
    organization,
    userId: before?.id ?? null,
    email: user.email,
  }
  return [
    ...(before && membership
      ? planMember(user, organization, before, membership)
      : [planNewMember(user, organization, before !== undefined || isMade)]),
    ...(user.suspended === false ? planStanding(user, organization, membership) : []),
    ...(organization === null ? [] : planBreakGlass(user, organization, membership)),
    ...planRateLimits(
      `${subject}: rate limits`,
      user.rateLimits,
      { organization, email: user.email },
      membership && { organizationId: membership.organizationId, id: membership.userId },
      'user',
      stored.rateLimits,
    ),
    ...planPreferences(user, organization, membership, stored),
    ...planKeys(user.keys ?? [], keyHome, stored, context),
    ...(user.accessTokenFile
      ? [
          planToken(
            { email: user.email, id: before?.id ?? null },
            'aideon.yaml',
            user.accessTokenFile,
            stored,
            context,
          ),
        ]
      : []),
  ]
}

const planNewMember = (user: DocumentUser, organization: string | null, exists: boolean): Step => {
  const { name, role, tier, platformAdministrator } = user
  const details = settings({
    organisation: organization ?? 'a personal one',
    name,
    role: organization === null ? undefined : (role ?? 'member'),
    tier: tier ?? 'free',
    platformAdministrator,
  })
  return exists && organization !== null
    ? step(`user ${user.email}: member of ${organization}`, true, details, {
        kind: 'add_member',
        user,
        organization,
      })
    : step(`user ${user.email}`, true, details, { kind: 'create_user', user, organization })
}

const planMember = (
  user: DocumentUser,
  organization: string | null,
  before: { isPlatformAdministrator: boolean },
  membership: StoredMembership,
): Step[] => {
  const { email, tier: tierId, platformAdministrator: isPlatformAdministrator, role } = user
  const wanted = { tierId, isPlatformAdministrator }
  const current = {
    tierId: membership.tierId ?? undefined,
    isPlatformAdministrator: before.isPlatformAdministrator,
  }
  const steps = [
    step(`user ${email}`, false, differences(current, wanted), {
      kind: 'change_user',
      email,
      organization,
      change: wanted,
    }),
  ]
  if (organization === null || role === undefined || role === membership.role) return steps
  const details = [`role: ${membership.role} → ${role}`]
  return [
    ...steps,
    step(`user ${email}: role in ${organization}`, false, details, {
      kind: 'change_role',
      email,
      organization,
      role,
    }),
  ]
}

const planStanding = (
  { email, suspended }: DocumentUser,
  organization: string | null,
  membership: StoredMembership | undefined,
): Step[] => {
  if (suspended === undefined || organization === null) return []
  const details = differences({ suspended: membership?.suspended ?? false }, { suspended })
  return [
    step(`user ${email}: standing in ${organization}`, false, details, {
      kind: 'change_standing',
      email,
      organization,
      suspended,
    }),
  ]
}

const planSuspension = (user: DocumentUser, organization: string | null, stored: Snapshot): Step[] =>
  user.suspended === true
    ? planStanding(user, organization, standingOf(user, organization, stored).membership)
    : []

/** What the document names is set; overrides for other services stay. */
const planPreferences = (
  user: DocumentUser,
  organization: string | null,
  membership: StoredMembership | undefined,
  stored: Snapshot,
): Step[] => {
  const named = new Map<string, Fallback>([
    ...(user.fallback ? [['*', user.fallback] as const] : []),
    ...Object.entries(user.fallbackByService ?? {}),
  ])
  if (named.size === 0) return []
  const before = new Map(
    stored.preferences
      .filter((p) => p.userId === membership?.userId && p.organizationId === membership?.organizationId)
      .map((p) => [p.serviceId, p.fallback]),
  )
  const details = [...named]
    .filter(([serviceId, fallback]) => before.get(serviceId) !== fallback)
    .map(
      ([serviceId, fallback]) =>
        `${serviceId === '*' ? 'default' : serviceId}: ${before.get(serviceId) ?? '(none)'} → ${fallback}`,
    )
  const preferences = new Map([...before, ...named])
  return [
    step(`user ${user.email}: fallback preference`, false, details, {
      kind: 'change_preferences',
      email: user.email,
      organization,
      preferences,
    }),
  ]
}

const planToken = (
  user: { email: string; id: string | null } | null,
  name: string,
  path: string,
  stored: Snapshot,
  context: PlanContext,
): Step => {
  const inFile = context.tokenFiles.get(path) ?? null
  const works =
    inFile !== null &&
    stored.accessTokens.some((token) => {
      const belongs = user ? token.userId === user.id : token.kind === 'platform'
      return belongs && token.hash.equals(inFile)
    })
  const subject = user ? `user ${user.email}: access token in ${path}` : `platform token “${name}” in ${path}`
  const action: Action = { kind: 'write_token', email: user?.email ?? null, name, path }
  return step(subject, !works, [], action)
}
