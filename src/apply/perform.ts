import { type Access, userScopes } from '../access/access.ts'
import type { Actor } from '../audit/audit.ts'
import type { Billing } from '../billing/billing.ts'
import type { Budgets } from '../budgets/budgets.ts'
import type { Database } from '../db/database.ts'
import type { Epoch } from '../db/epoch.ts'
import type { KeyCheck, ServiceKeys } from '../keys/keys.ts'
import type { Identity } from '../identity/identity.ts'
import type { Clock } from '../kit/clock.ts'
import { type Outcome, success } from '../kit/fault.ts'
import { platformOrganizationId } from '../kit/id.ts'
import type { Limits } from '../limits/limits.ts'
import type { Machines } from '../machines/machines.ts'
import type { Organizations } from '../organizations/organizations.ts'
import type { Oversight } from '../oversight/oversight.ts'
import { mayUserManageKey } from '../policy/control.ts'
import type { Provisioning } from '../provisioning/provisioning.ts'
import type { Rotation } from '../rotation/rotation.ts'
import type { Catalogue } from '../routing/catalogue.ts'
import type { Sso } from '../sso/sso.ts'
import type { Teams } from '../teams/teams.ts'
import type { Vault } from '../vault/vault.ts'
import type { Webhooks } from '../webhooks/webhooks.ts'
import { performAnomalies } from './anomalies.ts'
import { performBilling } from './billing.ts'
import { type BudgetHome, type BudgetScope, performBudget } from './budgets.ts'
import { performCentralBilling } from './central-billing.ts'
import type { DocumentUser } from './document.ts'
import { performException } from './exceptions.ts'
import { performInstallation } from './installation.ts'
import { performMachine } from './machines.ts'
import { findPerson, homeOf, keyIdOf, memberOf, organizationIdOf } from './places.ts'
import type { Action } from './plan.ts'
import type { PlannedKey } from './plan-keys.ts'
import { performSchedule } from './policies.ts'
import { performProvisioning } from './provisioning.ts'
import { performRateLimits } from './rate-limits.ts'
import { performRotation } from './rotation.ts'
import { performSignOn } from './sign-on.ts'
import { performTeam, teamIdOf } from './teams.ts'
import { writePrivateFile } from './token-files.ts'
import { performWebhook } from './webhooks.ts'

/** The rooms that a document reaches. */
export interface ApplyRooms {
  readonly database: Database
  readonly epoch: Epoch
  readonly vault: Pick<Vault, 'fingerprint'>
  readonly catalogue: Catalogue
  readonly organizations: Organizations
  readonly serviceKeys: ServiceKeys
  readonly access: Access
  readonly billing: Pick<
    Billing,
    'tiers' | 'packs' | 'settings' | 'saveTier' | 'archiveTier' | 'savePack' | 'saveSettings'
  >
  readonly budgets: Pick<Budgets, 'create' | 'change' | 'archive'>
  readonly identity: Pick<Identity, 'saveSessionPolicy' | 'setBreakGlass'>
  readonly limits: Pick<Limits, 'set'>
  readonly machines: Pick<Machines, 'accounts' | 'applications'>
  readonly oversight: Pick<Oversight, 'saveCostCentre' | 'assignCostCentre' | 'centralBilling' | 'anomalies'>
  readonly provisioning: Pick<Provisioning, 'groups'>
  readonly rotation: Pick<Rotation, 'setSchedule' | 'setMaximumAge'>
  readonly sso: Pick<Sso, 'connections' | 'domains'>
  readonly teams: Teams
  readonly webhookEndpoints: Webhooks
  readonly clock: Clock
}

export interface Performance {
  readonly rooms: ApplyRooms
  readonly actor: Actor
  readonly secrets: ReadonlyMap<string, string>
  /** New organisations and people are marked as demo data. */
  readonly isDemo: boolean
  readonly pathOf: (path: string) => string
}

/** A note for the person, such as a key that could not be proven now; null: nothing to add. */
export type Performed = Outcome<string | null>

export const perform = async (action: Action, p: Performance): Promise<Performed> => {
  const { billing, catalogue } = p.rooms
  switch (action.kind) {
    case 'add_allowance':
      return noted(await catalogue.addAllowance(p.actor, action.address))
    case 'change_service':
      return noted(await catalogue.change(p.actor, action.serviceId, action.change))
    case 'save_tier':
    case 'archive_tier':
    case 'save_pack':
    case 'save_billing':
      return noted(await performBilling(action, billing, p.actor))
    case 'create_organization':
    case 'change_organization':
      return performOrganization(action, p)
    case 'create_user':
    case 'add_member':
    case 'change_role':
    case 'change_standing':
    case 'change_user':
    case 'change_preferences':
      return performUser(action, p)
    case 'add_key':
    case 'change_key':
      return performKey(action, p)
    case 'create_budget':
    case 'change_budget':
      return performBudget(action, p.rooms.budgets, p.actor, (home) => budgetScopeOf(home, p))
    case 'write_token':
      return writeToken(action, p)
    case 'save_webhook':
      return performWebhook(action, p)
    case 'save_team':
    case 'set_team_members':
    case 'save_cost_centre':
    case 'assign_cost_centre':
      return noted(await performTeam(action, p))
    case 'save_service_account':
    case 'write_credential':
    case 'save_host_application':
      return noted(await performMachine(action, p))
    case 'save_session_policy':
    case 'set_break_glass':
    case 'save_connection':
    case 'add_domain':
    case 'enforce_domain':
      return noted(await performSignOn(action, p))
    case 'write_provisioning_token':
    case 'set_group_role':
      return noted(await performProvisioning(action, p))
    case 'set_central_billing':
      return noted(await performCentralBilling(action, p))
    case 'set_rate_limits':
      return noted(await performRateLimits(action, p))
    case 'set_rotation':
    case 'set_maximum_key_age':
      return noted(await performRotation(action, p))
    case 'grant_exception':
    case 'end_exception':
      return noted(await performException(action, p))
    case 'schedule_policy':
      return noted(await performSchedule(action, p))
    case 'set_anomaly_thresholds':
      return noted(await performAnomalies(action, p))
    case 'save_group':
    case 'remove_group':
    case 'set_key_hygiene':
      return noted(await performInstallation(action, p))
  }
}

const noted = (outcome: Outcome<unknown>): Performed => (outcome.ok ? success(null) : outcome)

type OrganizationAction = Extract<Action, { kind: 'create_organization' | 'change_organization' }>

const performOrganization = async (action: OrganizationAction, p: Performance): Promise<Performed> => {
  const { organizations } = p.rooms
  const { name, change } = action
  if (action.kind === 'create_organization') {
    const { selfService } = action
    const { id } = await organizations.create(p.actor, {
      name,
      kind: 'company',
      isDemo: p.isDemo,
      selfService,
    })
    const says = Object.values(change).some((value) => value !== undefined)
    return says ? noted(await organizations.change(p.actor, id, change)) : success(null)
  }
  const organizationId = await organizationIdOf(name, p)
  return organizationId.ok
    ? noted(await organizations.change(p.actor, organizationId.value, change))
    : organizationId
}

type UserAction = Extract<
  Action,
  {
    kind:
      | 'create_user'
      | 'add_member'
      | 'change_role'
      | 'change_standing'
      | 'change_user'
      | 'change_preferences'
  }
>

const performUser = async (action: UserAction, p: Performance): Promise<Performed> => {
  if (action.kind === 'create_user') return createUser(action.user, action.organization, p)
  const { organizations } = p.rooms
  const email = action.kind === 'add_member' ? action.user.email : action.email
  const member = await memberOf({ organization: action.organization, email }, p)
  if (!member.ok) return member
  const { organizationId, userId } = member.value
  if (action.kind === 'change_user')
    return noted(await organizations.changeUser(p.actor, userId, { ...action.change, organizationId }))
  if (action.kind === 'change_preferences')
    return noted(await organizations.changePreferences({ organizationId, userId }, action.preferences))
  if (action.kind === 'change_standing')
    return noted(
      action.suspended
        ? await organizations.suspendMember(p.actor, { organizationId, userId })
        : await organizations.restoreMember(p.actor, { organizationId, userId }),
    )
  if (action.kind === 'change_role')
    return noted(await organizations.changeRole(p.actor, { organizationId, userId, role: action.role }))
  const joined = await organizations.join(p.actor, {
    organizationId,
    who: { userId },
    role: action.user.role ?? 'member',
    tierId: action.user.tier,
    source: 'operator',
  })
  return noted(joined)
}

const createUser = async (
  user: DocumentUser,
  organization: string | null,
  p: Performance,
): Promise<Performed> => {
  const home = organization === null ? success(null) : await organizationIdOf(organization, p)
  if (!home.ok) return home
  const created = await p.rooms.organizations.createPerson(p.actor, {
    email: user.email,
    name: user.name,
    organizationId: home.value,
    role: user.role ?? 'member',
    ...(user.tier && { tierId: user.tier }),
    isPlatformAdministrator: user.platformAdministrator ?? false,
    isDemo: p.isDemo,
  })
  return noted(created)
}

const budgetScopeOf = async (
  { organization, email, team, key }: BudgetHome,
  p: Performance,
): Promise<Outcome<BudgetScope>> => {
  const onAll = { userId: null, teamId: null, serviceKeyId: null }
  if (email !== null) {
    const member = await memberOf({ organization, email }, p)
    return member.ok ? success({ ...onAll, ...member.value }) : member
  }
  if (organization === null) return success({ ...onAll, organizationId: platformOrganizationId })
  const home = await organizationIdOf(organization, p)
  if (!home.ok) return home
  const onOrganization = { ...onAll, organizationId: home.value }
  if (team) {
    const id = await teamIdOf(team.name, home.value, p)
    return id.ok ? success({ ...onOrganization, teamId: id.value }) : id
  }
  if (!key) return success(onOrganization)
  const found = await keyIdOf(key.place, p)
  return found.ok ? success({ ...onOrganization, serviceKeyId: found.value.id }) : found
}

const performKey = (action: PlannedKey, p: Performance): Promise<Performed> =>
  action.kind === 'add_key' ? addKey(action, p) : changeKey(action, p)

const secretOf = (reference: string, p: Performance): string => p.secrets.get(reference) ?? ''

const addKey = async (
  action: Extract<PlannedKey, { kind: 'add_key' }>,
  p: Performance,
): Promise<Performed> => {
  const home = await homeOf(action.home, p)
  if (!home.ok) return home
  const allowed = await mayHold(action, home.value, p)
  if (!allowed.ok) return allowed
  const teams =
    action.teams === null ? success(null) : await teamIdsOf(action.teams, home.value.organizationId, p)
  if (!teams.ok) return teams
  const added = await p.rooms.serviceKeys.add(p.actor, {
    ...home.value,
    owner: action.home.owner,
    serviceId: action.serviceId,
    label: action.label,
    secret: secretOf(action.secretReference, p),
    baseUrl: action.baseUrl,
    settings: action.settings,
    teamIds: teams.value,
    ...(action.priority !== null && { priority: action.priority }),
  })
  return added.ok ? success(proofNote(added.value.check)) : added
}

/** The control policy binds this file too: a key that could not be used must not look set up. */
const mayHold = async (
  action: Extract<PlannedKey, { kind: 'add_key' }>,
  { organizationId, userId }: { organizationId: string; userId: string | null },
  p: Performance,
): Promise<Outcome<void>> => {
  if (userId === null) return success(undefined)
  const control = await p.rooms.organizations.controlFor({ organizationId, userId })
  return control.ok ? mayUserManageKey(control.value, action.serviceId) : control
}

const teamIdsOf = async (
  teams: readonly string[],
  organizationId: string,
  p: Performance,
): Promise<Outcome<string[]>> => {
  const ids: string[] = []
  for (const name of teams) {
    const id = await teamIdOf(name, organizationId, p)
    if (!id.ok) return id
    ids.push(id.value)
  }
  return success(ids)
}

const changeKey = async (
  { key, label, teams, priority, settings, secretReference }: Extract<PlannedKey, { kind: 'change_key' }>,
  p: Performance,
): Promise<Performed> => {
  const { serviceKeys } = p.rooms
  const which = { organizationId: key.organizationId, id: key.id }
  if (teams !== undefined) {
    const ids = teams === null ? success(null) : await teamIdsOf(teams, key.organizationId, p)
    if (!ids.ok) return ids
    const kept = await serviceKeys.setTeams(p.actor, which, ids.value)
    if (!kept.ok) return kept
  }
  if (label !== undefined) {
    const renamed = await serviceKeys.rename(p.actor, which, label)
    if (!renamed.ok) return renamed
  }
  if (priority !== undefined) {
    const moved = await serviceKeys.setPriority(p.actor, which, priority)
    if (!moved.ok) return moved
  }
  if (secretReference === undefined && settings === undefined) return success(null)
  const proven =
    secretReference === undefined
      ? await serviceKeys.changeSettings(p.actor, which, settings ?? {})
      : await serviceKeys.replace(p.actor, which, {
          secret: secretOf(secretReference, p),
          ...(settings && { settings }),
        })
  return proven.ok ? success(proofNote(proven.value.check)) : proven
}

const proofNote = ({ verdict, detail, warning }: KeyCheck): string | null =>
  [verdict === 'valid' ? null : detail, warning].filter((text) => text !== null).join(' ') || null

const writeToken = async (
  { email, name, path }: Extract<Action, { kind: 'write_token' }>,
  p: Performance,
): Promise<Performed> => {
  const person =
    email === null
      ? success({ organizationId: platformOrganizationId, userId: null })
      : await findPerson(email, p)
  if (!person.ok) return person
  const { organizationId, userId } = person.value
  const { token } = await p.rooms.access.createToken(p.actor, {
    organizationId,
    kind: userId === null ? 'platform' : 'user',
    userId,
    name,
    scopes: userId === null ? ['act_for_users'] : [...userScopes],
    expiresAt: null,
  })
  await writePrivateFile(p.pathOf(path), `${token}\n`)
  return success(null)
}
