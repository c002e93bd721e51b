import { z } from 'zod'
import { costCentreCode } from '../contract/oversight.ts'
import * as wire from '../contract/wire.ts'
import { type Outcome, success } from '../kit/fault.ts'
import type { Manager } from '../teams/teams.ts'
import { budgetSchema } from './budgets.ts'
import type { DocumentOrganization } from './document.ts'
import type { Performance } from './perform.ts'
import { memberIdOf, organizationIdOf, vanished } from './places.ts'
import type { Snapshot } from './snapshot.ts'
import { differences, settings, type Step, step } from './step.ts'

/** Teams and cost centres of an organisation in a document, and who is in which. */

export const costCentreSchema = z.strictObject({
  code: costCentreCode,
  name: wire.label,
  archived: z.boolean().optional(),
})
/** Null: of none. */
export const costCentreOf = costCentreCode.nullable().optional()

/** A member’s e-mail address, or the name of a service account. */
const reference = z.string().trim().min(1).max(254)

export const teamSchema = (serviceId: z.ZodType<string, string>) =>
  z.strictObject({
    name: wire.label,
    description: z.string().trim().max(500).optional(),
    leads: z.array(reference).optional(),
    members: z.array(reference).optional(),
    costCentre: costCentreOf,
    budgets: z.array(budgetSchema(serviceId)).optional(),
  })
type DocumentTeam = z.output<ReturnType<typeof teamSchema>>

export interface StoredTeam {
  readonly organizationId: string
  readonly id: string
  readonly name: string
  readonly description: string
  readonly members: readonly { readonly userId: string; readonly role: 'lead' | 'member' }[]
}

export interface StoredCostCentre {
  readonly organizationId: string
  readonly code: string
  readonly name: string
  readonly archived: boolean
}

/** As of now. */
export interface StoredAssignment {
  readonly organizationId: string
  /** Of a member or a team. */
  readonly id: string
  readonly code: string | null
}

type Assigned = { readonly team: string } | { readonly member: string }
interface TeamMember {
  readonly reference: string
  readonly role: 'lead' | 'member'
}

export type TeamAction =
  | {
      readonly kind: 'save_cost_centre'
      readonly organization: string
      readonly centre: { readonly code: string; readonly name: string; readonly archived: boolean }
    }
  | {
      readonly kind: 'assign_cost_centre'
      readonly organization: string
      readonly subject: Assigned
      readonly code: string | null
    }
  | {
      readonly kind: 'save_team'
      readonly organization: string
      /** Null: a new one. */
      readonly id: string | null
      readonly name: string
      readonly description: string | undefined
    }
  | {
      readonly kind: 'set_team_members'
      readonly organization: string
      readonly team: string
      readonly members: readonly TeamMember[]
    }

export const isSameName = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase()

export const findTeam = (organizationId: string | undefined, name: string, stored: Snapshot) =>
  stored.teams.find((team) => team.organizationId === organizationId && isSameName(team.name, name))

/** Of the members of an organisation, by how a document names them. */
export const storedMember = (
  reference: string,
  organizationId: string | undefined,
  stored: Snapshot,
): string | undefined =>
  stored.serviceAccounts.find((one) => one.organizationId === organizationId && one.name === reference)?.id ??
  stored.users.find(({ email }) => isSameName(email, reference))?.id

export const planCostCentres = (
  { name: organization, costCentres }: DocumentOrganization,
  organizationId: string | undefined,
  stored: Snapshot,
): Step[] =>
  (costCentres ?? []).map((wanted) => {
    const before = stored.costCentres.find(
      (one) => one.organizationId === organizationId && one.code === wanted.code,
    )
    const { archived = before?.archived ?? false } = wanted
    const centre = { code: wanted.code, name: wanted.name, archived }
    const said = { name: centre.name, archived: centre.archived }
    return step(
      `organisation ${organization}: cost centre ${wanted.code}`,
      !before,
      before ? differences(before, said) : settings({ name: centre.name }),
      { kind: 'save_cost_centre', organization, centre },
    )
  })

export const planTeams = (
  { name: organization, teams }: DocumentOrganization,
  organizationId: string | undefined,
  stored: Snapshot,
): Step[] =>
  (teams ?? []).flatMap((wanted) => {
    const before = findTeam(organizationId, wanted.name, stored)
    const { name, description } = wanted
    const subject = `organisation ${organization}: team ${name}`
    const said = { name, description }
    return [
      step(subject, !before, before ? differences(before, said) : settings({ description }), {
        kind: 'save_team',
        organization,
        id: before?.id ?? null,
        ...said,
      }),
      ...planTeamMembers(subject, organization, wanted, before, stored),
    ]
  })

/** Whoever is in it and not in the document stays. */
const planTeamMembers = (
  subject: string,
  organization: string,
  wanted: DocumentTeam,
  before: StoredTeam | undefined,
  stored: Snapshot,
): Step[] => {
  const all: TeamMember[] = [
    ...(wanted.leads ?? []).map((one) => ({ reference: one, role: 'lead' as const })),
    ...(wanted.members ?? []).map((one) => ({ reference: one, role: 'member' as const })),
  ]
  if (all.length === 0) return []
  const members = all.filter(({ reference: one, role }) => {
    const userId = storedMember(one, before?.organizationId, stored)
    return !before?.members.some((member) => member.userId === userId && member.role === role)
  })
  return [
    step(
      `${subject}: members`,
      false,
      members.map((member) => `${member.reference}: ${member.role}`),
      { kind: 'set_team_members', organization, team: wanted.name, members },
    ),
  ]
}

export const planCostCentre = (
  of: { readonly organization: string; readonly subject: Assigned; readonly code: string | null | undefined },
  current: { readonly organizationId: string | undefined; readonly id: string | undefined },
  stored: Snapshot,
): Step[] => {
  if (of.code === undefined) return []
  const before = stored.assignments.find(
    (one) => one.id === current.id && one.organizationId === current.organizationId,
  )
  const what = 'team' in of.subject ? `team ${of.subject.team}` : of.subject.member
  return [
    step(
      `organisation ${of.organization}: cost centre of ${what}`,
      false,
      differences<{ costCentre: string | null }>(
        { costCentre: before?.code ?? null },
        { costCentre: of.code },
      ),
      { kind: 'assign_cost_centre', organization: of.organization, subject: of.subject, code: of.code },
    ),
  ]
}

export const planCostCentresOf = (
  { name: organization, teams, users, serviceAccounts }: DocumentOrganization,
  organizationId: string | undefined,
  stored: Snapshot,
): Step[] => {
  const members = [
    ...(users ?? []).map(({ email, costCentre }) => ({ member: email, code: costCentre })),
    ...(serviceAccounts ?? []).map(({ name, costCentre }) => ({ member: name, code: costCentre })),
  ]
  return [
    ...members.flatMap(({ member, code }) => {
      const id = storedMember(member, organizationId, stored)
      return planCostCentre({ organization, subject: { member }, code }, { organizationId, id }, stored)
    }),
    ...(teams ?? []).flatMap(({ name: team, costCentre: code }) => {
      const id = findTeam(organizationId, team, stored)?.id
      return planCostCentre({ organization, subject: { team }, code }, { organizationId, id }, stored)
    }),
  ]
}

/** Whoever applies a document has an owner’s rights in every organisation, and is a member of none. */
const managerOf = (organizationId: string, { actor }: Performance): Manager => ({
  actor,
  organizationId,
  userId: organizationId,
  role: 'owner',
})

export const teamIdOf = async (
  name: string,
  organizationId: string,
  p: Performance,
): Promise<Outcome<string>> => {
  const teams = await p.rooms.teams.list(managerOf(organizationId, p), { isArchived: false })
  const found = teams.find((team) => isSameName(team.name, name))
  return found ? success(found.id) : vanished(`team ${name}`)
}

export const performTeam = async (action: TeamAction, p: Performance): Promise<Outcome<unknown>> => {
  const home = await organizationIdOf(action.organization, p)
  if (!home.ok) return home
  const organizationId = home.value
  const { teams, oversight } = p.rooms
  const manager = managerOf(organizationId, p)
  switch (action.kind) {
    case 'save_cost_centre':
      return oversight.saveCostCentre(p.actor, { organizationId, ...action.centre })
    case 'save_team':
      return action.id === null
        ? teams.create(manager, { name: action.name, description: action.description ?? '' })
        : teams.change(manager, action.id, { name: action.name, description: action.description })
    case 'set_team_members': {
      const id = await teamIdOf(action.team, organizationId, p)
      if (!id.ok) return id
      for (const { reference: one, role } of action.members) {
        const userId = await memberIdOf(one, organizationId, p)
        if (!userId.ok) return userId
        const set = await teams.setMember(manager, id.value, userId.value, role)
        if (!set.ok) return set
      }
      return success(null)
    }
    case 'assign_cost_centre': {
      const { subject, code } = action
      const id =
        'team' in subject
          ? await teamIdOf(subject.team, organizationId, p)
          : await memberIdOf(subject.member, organizationId, p)
      if (!id.ok) return id
      const kind = 'team' in subject ? 'team' : 'member'
      return oversight.assignCostCentre(p.actor, {
        organizationId,
        subject: { kind, id: id.value },
        code,
        from: null,
      })
    }
  }
}
