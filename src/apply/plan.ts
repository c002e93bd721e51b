import type { ControlChange } from '../organizations/organizations.ts'
import type { Fallback } from '../policy/control.ts'
import { platformOrganizationId } from '../kit/id.ts'
import { type Document, type DocumentOrganization, type DocumentUser, usersOf } from './document.ts'
import { type AnomalyAction, planAnomalies } from './anomalies.ts'
import { type BillingAction, planBilling, planPack, planTier } from './billing.ts'
import {
  type BudgetAction,
  type BudgetHome,
  type DocumentBudget,
  installationHome,
  planBudget,
} from './budgets.ts'
import { type CentralBillingAction, planCentralBilling } from './central-billing.ts'
import type { ExceptionAction } from './exceptions.ts'
import {
  findServiceAccount,
  type MachineAction,
  planHostApplications,
  planServiceAccounts,
} from './machines.ts'
import { findKey, type KeyHome, placeOf, planKeys, type PlannedKey } from './plan-keys.ts'
import { inForceAt, planScheduledPolicies, type ScheduleAction } from './policies.ts'
import { planProvisioning, type ProvisioningAction } from './provisioning.ts'
import { planMachineParts, planSuspension, planToken, planUsers, standingOf } from './plan-users.ts'
import { type InstallationAction, planKeyHygiene, planModelGroups } from './installation.ts'
import type { RateLimitAction } from './rate-limits.ts'
import { planMaximumKeyAge, planRotation, type RotationAction } from './rotation.ts'
import { planSessionPolicy, planSingleSignOn, type SignOnAction } from './sign-on.ts'
import {
  findOrganization,
  type Snapshot,
  type StoredMembership,
  type StoredOrganization,
  type StoredServiceKey,
} from './snapshot.ts'
import { differences, settings, type Step, step } from './step.ts'
import { findTeam, planCostCentres, planCostCentresOf, planTeams, type TeamAction } from './teams.ts'
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
  | {
      readonly kind: 'create_organization'
      readonly name: string
      readonly selfService: boolean
      readonly change: ControlChange
    }
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
      readonly change: { tierId?: string; isPlatformAdministrator?: boolean; suspended?: boolean }
    }
  | {
      readonly kind: 'change_standing'
      readonly email: string
      readonly organization: string
      readonly suspended: boolean
    }
  | {
      readonly kind: 'change_preferences'
      /** Or the name of a service account. */
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
  | ExceptionAction
  | ScheduleAction
  | AnomalyAction
  | InstallationAction

/** What planning needs besides the document and what is stored. */
export interface PlanContext {
  readonly secrets: ReadonlyMap<string, string>
  /** Those that have no fingerprint, by the id of whose they are: of connections and webhooks that the document names one for. */
  readonly storedSecrets: ReadonlyMap<string, string>
  /** Of a stored key, had it this secret. */
  readonly fingerprint: (key: StoredServiceKey, secret: string) => Buffer
  /** By path as the document writes it: the hash of the token that is in the file; null: no file. */
  readonly tokenFiles: ReadonlyMap<string, Buffer | null>
  readonly now: Date
}

export const planSetUp = (given: Document, stored: Snapshot, context: PlanContext): Step[] => {
  const document = { ...given, organizations: given.organizations?.map((one) => inForceAt(one, context.now)) }
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
    ...planModelGroups(document.modelGroups ?? [], stored.modelGroups),
    ...planKeyHygiene(document.keyHygiene, stored.keyHygiene),
    ...planSales(document, stored),
    ...planKeys(document.systemKeys ?? [], systemHome, stored, context),
    ...inEach((one, _, before) => planOrganization(one, before)),
    ...planUsers(document, stored, context),
    ...inEach((one, id, before) => [
      ...planServiceAccounts(one, id, stored, context),
      ...planMachineParts(one, id, stored, context),
      ...planHostApplications(one, id, stored),
      ...planCostCentres(one, id, stored),
      ...planTeams(one, id, stored),
      ...planCostCentresOf(one, id, stored),
      // After the teams: no key that is kept for some is open to everybody meanwhile.
      ...planKeys(one.keys ?? [], organizationHome(one.name, before), stored, context),
    ]),
    ...planBudgets(document, stored, context),
    ...inEach((one, id, before) => [
      ...planSingleSignOn(one, id, stored, context),
      ...planProvisioning(one, id, stored, context),
      ...planWebhooks(one, id, stored, context),
      ...planCentralBilling(one, before),
      ...planAnomalies(one, id, stored),
      ...planMaximumKeyAge(one.name, one.rotation, before?.maximumKeyAgeDays ?? null),
      ...planSessionPolicy(one.name, one.sessionPolicy, id, stored),
    ]),
    ...planSessionPolicy(null, document.sessionPolicy, platformOrganizationId, stored),
    // Last: whoever is suspended joins no team, and a locked preference refuses the changes of preferences above.
    ...usersOf(document).flatMap(({ user, organization }) => planSuspension(user, organization, stored)),
    ...inEach((one) => planLock(one, stored)),
    ...inEach((one, id) => planScheduledPolicies(one, id, stored, context)),
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
    ...(document.tiers ?? []).flatMap((tier) => planTier(tier, stored)),
    ...(document.billing === undefined ? [] : [planBilling(document.billing, stored)]),
    ...(document.packs ?? []).map((pack) => planPack(pack, document.billing, stored)),
  ].map(({ subject, isNew, details, action }) => step(subject, isNew, details, action))

/** Everything but the locked preference. */
const planOrganization = (wanted: DocumentOrganization, before: StoredOrganization | undefined): Step[] => {
  const { name, controlPolicy, criticalServices, systemKeysAllowed, allowed, selfService = false } = wanted
  const subject = `organisation ${name}`
  const change = { controlPolicy, criticalServices, systemKeysAllowed, allowed }
  if (before)
    return [step(subject, false, differences(before, change), { kind: 'change_organization', name, change })]
  const details = settings({ ...change, selfService: wanted.selfService })
  return [step(subject, true, details, { kind: 'create_organization', name, selfService, change })]
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
    ...(document.organizations ?? []).flatMap(({ name, budgets, teams, keys, serviceAccounts }) => {
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
        ...(serviceAccounts ?? []).flatMap((account) => {
          const known = findServiceAccount(before?.id, account.name, stored)
          const title = `organisation ${name}: service account ${account.name}`
          return steps(account.budgets, { ...home, title, userId: known?.id ?? null, email: account.name })
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
