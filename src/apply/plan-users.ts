import type { Fallback } from '../policy/control.ts'
import {
  type Document,
  type DocumentMember,
  type DocumentOrganization,
  type DocumentUser,
  usersOf,
} from './document.ts'
import { planExceptions } from './exceptions.ts'
import { findServiceAccount } from './machines.ts'
import type { Action, PlanContext } from './plan.ts'
import type { MemberPlace } from './places.ts'
import { type KeyHome, planKeys } from './plan-keys.ts'
import { planRateLimits } from './rate-limits.ts'
import { planBreakGlass } from './sign-on.ts'
import { findOrganization, type Snapshot, type StoredMembership, type StoredUser } from './snapshot.ts'
import { differences, settings, type Step, step } from './step.ts'
import { isSameName } from './teams.ts'

/** People in a document, and what hangs on each. */

/** Who somebody is already, and as what in that organisation: without one, in the first that they have. */
export const standingOf = ({ email }: DocumentUser, organization: string | null, stored: Snapshot) => {
  const before = stored.users.find((user) => isSameName(user.email, email))
  const memberships = stored.memberships.filter(({ userId }) => userId === before?.id)
  const homeId = organization === null ? undefined : findOrganization(organization, stored)?.id
  const membership =
    organization === null ? memberships[0] : memberships.find((one) => one.organizationId === homeId)
  return { before, membership }
}

/** Somebody of several organisations is made with the first of them, and joins the others. */
export const planUsers = (document: Document, stored: Snapshot, context: PlanContext): Step[] => {
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
  return [
    ...(before && membership
      ? planMember(user, organization, before, membership)
      : [planNewMember(user, organization, before !== undefined || isMade)]),
    ...(user.suspended === false ? planStanding(user, organization, membership) : []),
    ...(user.suspendedEverywhere === false ? planSuspendedEverywhere(user, before) : []),
    ...(organization === null ? [] : planBreakGlass(user, organization, membership)),
    ...planMemberParts(
      user,
      { title: subject, organization, reference: user.email },
      { organizationId: membership?.organizationId ?? null, userId: before?.id ?? null },
      stored,
      context,
    ),
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

export const planMachineParts = (
  { name: organization, serviceAccounts }: DocumentOrganization,
  organizationId: string | undefined,
  stored: Snapshot,
  context: PlanContext,
): Step[] =>
  (serviceAccounts ?? []).flatMap((account) => {
    const title = `organisation ${organization}: service account ${account.name}`
    const known = findServiceAccount(organizationId, account.name, stored)
    const ids = { organizationId: organizationId ?? null, userId: known?.id ?? null }
    return planMemberParts(account, { title, organization, reference: account.name }, ids, stored, context)
  })

/** Of a person or a service account; ids are null for whom the plan itself creates. */
const planMemberParts = (
  member: DocumentMember,
  { title, organization, reference }: { title: string; organization: string | null; reference: string },
  { organizationId, userId }: { organizationId: string | null; userId: string | null },
  stored: Snapshot,
  context: PlanContext,
): Step[] => {
  const current = organizationId === null || userId === null ? undefined : { organizationId, id: userId }
  const place = { organization, email: reference }
  const keyHome: KeyHome = { owner: 'user', title: `${title}: key`, organizationId, userId, ...place }
  return [
    ...planRateLimits(`${title}: rate limits`, member.rateLimits, place, current, 'user', stored.rateLimits),
    ...planPreferences(title, member, place, current, stored),
    // Before the keys that they let somebody have.
    ...(organization === null
      ? []
      : planExceptions(organization, member, reference, current, stored, context)),
    ...planKeys(member.keys ?? [], keyHome, stored, context),
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

const planSuspendedEverywhere = (
  { email, suspendedEverywhere }: DocumentUser,
  before: StoredUser | undefined,
): Step[] => [
  step(
    `user ${email}: standing in all organisations`,
    false,
    differences<{ suspended?: boolean }>(
      { suspended: before?.isSuspended ?? false },
      { suspended: suspendedEverywhere },
    ),
    { kind: 'change_user', email, organization: null, change: { suspended: suspendedEverywhere } },
  ),
]

export const planSuspension = (user: DocumentUser, organization: string | null, stored: Snapshot): Step[] => {
  const { before, membership } = standingOf(user, organization, stored)
  return [
    ...(user.suspended === true ? planStanding(user, organization, membership) : []),
    ...(user.suspendedEverywhere === true ? planSuspendedEverywhere(user, before) : []),
  ]
}

/** What the document names is set; overrides for other services stay. */
const planPreferences = (
  title: string,
  { fallback: all, fallbackByService = {} }: DocumentMember,
  place: MemberPlace,
  current: { readonly organizationId: string; readonly id: string } | undefined,
  stored: Snapshot,
): Step[] => {
  const named = new Map<string, Fallback>([
    ...(all ? [['*', all] as const] : []),
    ...Object.entries(fallbackByService),
  ])
  if (named.size === 0) return []
  const before = new Map(
    stored.preferences
      .filter((p) => p.userId === current?.id && p.organizationId === current?.organizationId)
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
    step(`${title}: fallback preference`, false, details, {
      kind: 'change_preferences',
      ...place,
      preferences,
    }),
  ]
}

export const planToken = (
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
