import { fault, type Outcome, success } from '../kit/fault.ts'
import { platformOrganizationId } from '../kit/id.ts'
import type { Performance } from './perform.ts'
import type { KeyHome } from './plan-keys.ts'

/** A document names what it is about; these are the ids of it, once everybody exists. */

export const organizationIdOf = async (name: string, p: Performance): Promise<Outcome<string>> => {
  const found = await p.rooms.organizations.findByName(name)
  return found ? success(found.id) : vanished(`organisation ${name}`)
}

export const findPerson = async (email: string, p: Performance) => {
  const person = await p.rooms.organizations.findPerson({ email })
  return person ? success(person) : vanished(`user ${email}`)
}

export interface MemberPlace {
  /** Null: where they work alone. */
  readonly organization: string | null
  /** Or the name of a service account. */
  readonly email: string
}

export const memberOf = async (
  { organization, email }: MemberPlace,
  p: Performance,
): Promise<Outcome<{ organizationId: string; userId: string }>> => {
  if (organization === null) return findPerson(email, p)
  const home = await organizationIdOf(organization, p)
  if (!home.ok) return home
  const userId = await memberIdOf(email, home.value, p)
  return userId.ok ? success({ organizationId: home.value, userId: userId.value }) : userId
}

/** Machines have no address, people no name of their own. */
export const isEmail = (reference: string): boolean => reference.includes('@')

/** A person by their e-mail address, a machine by its name. */
export const memberIdOf = async (
  reference: string,
  organizationId: string,
  p: Performance,
): Promise<Outcome<string>> => {
  if (isEmail(reference)) {
    const person = await findPerson(reference, p)
    return person.ok ? success(person.value.userId) : person
  }
  const accounts = await p.rooms.machines.accounts.list(organizationId)
  const found = accounts.find(({ name }) => name === reference)
  return found ? success(found.id) : vanished(`service account ${reference}`)
}

/** Where a key belongs. */
export const homeOf = async (
  home: KeyHome,
  p: Performance,
): Promise<Outcome<{ organizationId: string; userId: string | null }>> => {
  if (home.owner === 'system') return success({ organizationId: platformOrganizationId, userId: null })
  if (home.email !== null) return memberOf({ organization: home.organization, email: home.email }, p)
  const organizationId = await organizationIdOf(home.organization ?? '', p)
  return organizationId.ok ? success({ organizationId: organizationId.value, userId: null }) : organizationId
}

export interface KeyPlace {
  readonly home: KeyHome
  readonly serviceId: string
  readonly label: string
  readonly baseUrl: string | null
}

export const keyIdOf = async (
  { home, serviceId, label, baseUrl }: KeyPlace,
  p: Performance,
): Promise<Outcome<{ organizationId: string; id: string }>> => {
  const place = await homeOf(home, p)
  if (!place.ok) return place
  const { organizationId, userId } = place.value
  const keys = await p.rooms.serviceKeys.list({ organizationId, owners: [home.owner] })
  const found = keys.find(
    (key) =>
      key.serviceId === serviceId && key.label === label && key.baseUrl === baseUrl && key.userId === userId,
  )
  return found ? success({ organizationId, id: found.id }) : vanished(`key ${serviceId} “${label}”`)
}

/** Something else changed the installation between the plan and now. */
export const vanished = (what: string): Extract<Outcome<never>, { ok: false }> => ({
  ok: false,
  fault: fault('not_found', { message: `There is no ${what} any more.`, next: 'Apply the file again.' }),
})
