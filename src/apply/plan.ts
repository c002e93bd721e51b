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
import { type KeyHome, planKeys, type PlannedKey } from './plan-keys.ts'
import type { Snapshot, StoredMembership, StoredOrganization, StoredServiceKey } from './snapshot.ts'

/** One line of the plan: what is there already, what is made, what is changed. */
export interface Step {
  readonly sign: '+' | '~' | '='
  readonly subject: string
  /** What is set or changed, for a person; never a secret. */
  readonly details: readonly string[]
  /** Null: nothing to do. */
  readonly action: Action | null
}

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
  | {
      readonly kind: 'write_token'
      readonly email: string | null
      readonly name: string
      readonly path: string
    }

/** What planning needs besides the document and what is stored. */
export interface PlanContext {
  readonly secrets: ReadonlyMap<string, string>
  /** Of a stored key, had it this secret. */
  readonly fingerprint: (key: StoredServiceKey, secret: string) => Buffer
  /** By path as the document writes it: the hash of the token that is in the file; null: no file. */
  readonly tokenFiles: ReadonlyMap<string, Buffer | null>
}

export const planSetUp = (document: Document, stored: Snapshot, context: PlanContext): Step[] => [
  ...planAllowances(document, stored),
  ...planServices(document, stored),
  ...planSales(document, stored),
  ...planKeys(document.systemKeys ?? [], systemHome, stored, context),
  ...(document.organizations ?? []).flatMap((o) => planOrganization(o, stored, context)),
  ...planUsers(document, stored, context),
  ...planBudgets(document, stored),
  // Last: a locked preference refuses the changes of preferences above.
  ...(document.organizations ?? []).flatMap((o) => planLock(o, stored)),
  ...(document.platformTokens ?? []).map(({ name, file }) => planToken(null, name, file, stored, context)),
]

const systemHome: KeyHome = {
  owner: 'system',
  title: 'system key',
  organizationId: platformOrganizationId,
  organization: null,
  userId: null,
  email: null,
}

const step = (subject: string, isNew: boolean, details: readonly string[], action: Action): Step =>
  isNew || details.length > 0
    ? { sign: isNew ? '+' : '~', subject, details, action }
    : { sign: '=', subject, details, action: null }

/** `name: before → after` for each field that differs. */
const differences = <T extends object>(before: T, wanted: Partial<T>): string[] =>
  (Object.keys(wanted) as (keyof T)[])
    .filter(
      (name) => wanted[name] !== undefined && shown(wanted[name] as Shown) !== shown(before[name] as Shown),
    )
    .map((name) => `${String(name)}: ${shown(before[name] as Shown)} → ${shown(wanted[name] as Shown)}`)

type Plain = string | number | bigint | boolean | readonly string[] | null | undefined
type Shown = Plain | { readonly [name: string]: Plain }

const isList = (value: Shown): value is readonly string[] => Array.isArray(value)

const shown = (value: Shown): string => {
  if (value === null || value === undefined) return '(none)'
  if (isList(value))
    return value.length === 0
      ? 'none'
      : value
          .map(String)
          .toSorted((a, b) => a.localeCompare(b))
          .join(', ')
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (typeof value === 'object')
    return Object.entries(value)
      .filter(([, part]) => part !== null && part !== false)
      .map(([name, part]) => `${name} ${shown(part)}`)
      .toSorted((a, b) => a.localeCompare(b))
      .join('; ')
  return String(value)
}

const settings = (wanted: Readonly<Record<string, Shown>>): string[] =>
  Object.entries(wanted)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}: ${shown(value)}`)

const planAllowances = (document: Document, stored: Snapshot): Step[] =>
  (document.outboundAllowances ?? []).map((address) =>
    step(`outbound allowance ${address}`, !stored.allowances.includes(address), [], {
      kind: 'add_allowance',
      address,
    }),
  )

const planServices = (document: Document, stored: Snapshot): Step[] =>
  Object.entries(document.services ?? {}).map(([serviceId, wanted]) => {
    const before = stored.services.find((s) => s.serviceId === serviceId) ?? { baseUrl: null, enabled: true }
    const change = { ...wanted, ...(wanted?.baseUrl && { baseUrl: wanted.baseUrl.replace(/\/+$/, '') }) }
    const details = differences({ baseUrl: before.baseUrl, enabled: before.enabled }, change)
    return step(`service ${serviceId}`, false, details, { kind: 'change_service', serviceId, change })
  })

/** Tiers before the settings that may name one; what is sold last. */
const planSales = (document: Document, { billing: stored }: Snapshot): Step[] =>
  [
    ...(document.tiers ?? []).map((tier) => planTier(tier, stored)),
    ...(document.billing === undefined ? [] : [planBilling(document.billing, stored)]),
    ...(document.packs ?? []).map((pack) => planPack(pack, document.billing, stored)),
  ].map(({ subject, isNew, details, action }) => step(subject, isNew, details, action))

const findOrganization = (name: string, stored: Snapshot): StoredOrganization | undefined =>
  stored.organizations.find((o) => o.kind === 'company' && o.name === name)

/** Everything but the locked preference. */
const planOrganization = (wanted: DocumentOrganization, stored: Snapshot, context: PlanContext): Step[] => {
  const before = findOrganization(wanted.name, stored)
  const { controlPolicy, criticalServices, systemKeysAllowed, allowed } = wanted
  const change = { controlPolicy, criticalServices, systemKeysAllowed, allowed }
  const details = before ? differences(before, change) : settings(change)
  const kind = before ? 'change_organization' : 'create_organization'
  const home: KeyHome = {
    owner: 'organization',
    title: `organisation ${wanted.name}: key`,
    organizationId: before?.id ?? null,
    organization: wanted.name,
    userId: null,
    email: null,
  }
  return [
    step(`organisation ${wanted.name}`, !before, details, { kind, name: wanted.name, change }),
    ...planKeys(wanted.keys ?? [], home, stored, context),
  ]
}

const planBudgets = (document: Document, stored: Snapshot): Step[] => {
  const steps = (wanted: readonly DocumentBudget[] | undefined, home: BudgetHome): Step[] =>
    (wanted ?? []).map((one) => {
      const { subject, isNew, details, action } = planBudget(one, home, stored.budgets)
      return step(subject, isNew, details, action)
    })
  return [
    ...steps(document.budgets, installationHome),
    ...(document.organizations ?? []).flatMap(({ name, budgets }) =>
      steps(budgets, {
        title: `organisation ${name}`,
        organizationId: findOrganization(name, stored)?.id ?? null,
        organization: name,
        userId: null,
        email: null,
      }),
    ),
    ...usersOf(document).flatMap(({ user, organization }) => {
      const before = stored.users.find((u) => u.email.toLowerCase() === user.email.toLowerCase())
      const memberships = stored.memberships.filter((m) => m.userId === before?.id)
      const home = organization === null ? undefined : findOrganization(organization, stored)
      return steps(user.budgets, {
        title: `user ${user.email}`,
        organizationId: home?.id ?? memberships[0]?.organizationId ?? null,
        organization,
        userId: before?.id ?? null,
        email: user.email,
      })
    }),
  ]
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
  const before = stored.users.find((u) => u.email.toLowerCase() === user.email.toLowerCase())
  const memberships = stored.memberships.filter((m) => m.userId === before?.id)
  const home = organization === null ? undefined : findOrganization(organization, stored)
  // A user without an organisation in the document keeps the one they have.
  const membership =
    organization === null ? memberships[0] : memberships.find((m) => m.organizationId === home?.id)
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
    ...planStanding(user, organization, membership),
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
