import { memberNamed } from './filter.ts'
import type { Resource } from './patch.ts'
import { enterpriseSchema, type Found, found, groupSchema, problem, userSchema } from './problem.ts'

/** What we take from a user as an identity provider describes them; the rest is kept as it was sent. */
export interface ProvisionedFacts {
  readonly userName: string
  readonly email: string
  readonly name: string
  readonly externalId: string | null
  readonly active: boolean
  readonly resource: Resource
}

const largestResource = 16 * 1024
const ours = new Set(['id', 'meta', 'schemas', 'groups', 'password'])
const emailPattern = /^[^\s@"<>]{1,64}@[^\s@"<>]{1,190}$/

/** Entra sends "True" and "False". */
const truth = (value: unknown): boolean | null => {
  if (typeof value === 'boolean') return value
  if (typeof value !== 'string') return null
  return { true: true, false: false }[value.trim().toLowerCase()] ?? null
}

const at = (resource: Resource, name: string): unknown => {
  const key = memberNamed(resource, name)
  return key === undefined ? undefined : resource[key]
}
const textAt = (resource: unknown, name: string): string | null => {
  const value = typeof resource === 'object' && resource !== null ? at(resource as Resource, name) : undefined
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : null
}

/** The first that says it is primary, else the one of work, else the first there is, else the name to sign in with. */
const emailOf = (resource: Resource, userName: string): string | null => {
  const emails = [at(resource, 'emails') ?? []].flat() as Resource[]
  const chosen =
    emails.find((email) => truth(email?.['primary']) === true) ??
    emails.find((email) => textAt(email, 'type')?.toLowerCase() === 'work') ??
    emails[0]
  const email = (typeof chosen === 'string' ? chosen : textAt(chosen, 'value')) ?? userName
  return emailPattern.test(email) ? email : null
}

const nameOf = (resource: Resource, userName: string): string => {
  const name = at(resource, 'name')
  const parts = [textAt(name, 'givenName'), textAt(name, 'familyName')].filter((part) => part !== null)
  const full = textAt(resource, 'displayName') ?? textAt(name, 'formatted') ?? parts.join(' ')
  return (full === '' ? userName : full).slice(0, 120)
}

export const readUser = (body: unknown): Found<ProvisionedFacts> => {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    return problem(400, 'A user is a JSON object.', 'invalidSyntax')
  const sent = body as Resource
  const userName = textAt(sent, 'userName')
  if (userName === null || userName.length > 254)
    return problem(400, 'userName is missing or too long.', 'invalidValue')
  const email = emailOf(sent, userName)
  if (email === null)
    return problem(400, 'Neither emails nor userName hold an e-mail address.', 'invalidValue')
  const active = at(sent, 'active') === undefined ? true : truth(at(sent, 'active'))
  if (active === null) return problem(400, 'active must be true or false.', 'invalidValue')
  const externalId = textAt(sent, 'externalId')
  if (externalId !== null && externalId.length > 254)
    return problem(400, 'externalId is too long.', 'invalidValue')
  const resource: Resource = Object.fromEntries(
    Object.entries(sent).filter(([name]) => !ours.has(name.toLowerCase()) && name !== '__proto__'),
  )
  for (const name of ['userName', 'active', 'externalId']) {
    const key = memberNamed(resource, name)
    if (key !== undefined) delete resource[key]
  }
  const kept = { ...resource, userName, active, ...(externalId !== null && { externalId }) }
  if (JSON.stringify(kept).length > largestResource)
    return problem(400, 'The user is too large.', 'invalidValue')
  return found({ userName, email, name: nameOf(sent, userName), externalId, active, resource: kept })
}

export interface GroupFacts {
  readonly displayName: string
  readonly externalId: string | null
  /** Null: nothing was said of them. */
  readonly memberIds: readonly string[] | null
}

export const readGroup = (body: unknown): Found<GroupFacts> => {
  if (typeof body !== 'object' || body === null)
    return problem(400, 'A group is a JSON object.', 'invalidSyntax')
  const displayName = textAt(body, 'displayName')
  if (displayName === null || displayName.length > 254)
    return problem(400, 'displayName is missing or too long.', 'invalidValue')
  const members = at(body as Resource, 'members')
  const memberIds =
    members === undefined || members === null
      ? null
      : [members].flat().map((member: unknown) => textAt(member, 'value') ?? '')
  return found({ displayName, externalId: textAt(body, 'externalId'), memberIds })
}

interface Meta {
  readonly id: string
  readonly version: number
  readonly createdAt: Date
  readonly updatedAt: Date
}

const metaOf = (
  base: string,
  resourceType: 'User' | 'Group',
  { id, version, createdAt, updatedAt }: Meta,
) => ({
  resourceType,
  created: createdAt.toISOString(),
  lastModified: updatedAt.toISOString(),
  location: `${base}/${resourceType}s/${id}`,
  version: etagOf(version),
})
export const etagOf = (version: number): string => `W/"${version}"`

export interface StoredUser extends Meta {
  readonly resource: Resource
  readonly active: boolean
  readonly groups: readonly { readonly id: string; readonly name: string }[]
}

export const userOnScim = (base: string, user: StoredUser): Resource => ({
  schemas: [userSchema, ...(enterpriseSchema in user.resource ? [enterpriseSchema] : [])],
  id: user.id,
  ...user.resource,
  active: user.active,
  groups: user.groups.map(({ id, name }) => ({
    value: id,
    display: name,
    $ref: `${base}/Groups/${id}`,
    type: 'direct',
  })),
  meta: metaOf(base, 'User', user),
})

export interface StoredGroup extends Meta {
  readonly displayName: string
  readonly externalId: string | null
  readonly members: readonly { readonly id: string; readonly name: string }[]
}

export const groupOnScim = (base: string, group: StoredGroup): Resource => ({
  schemas: [groupSchema],
  id: group.id,
  displayName: group.displayName,
  ...(group.externalId !== null && { externalId: group.externalId }),
  members: group.members.map(({ id, name }) => ({
    value: id,
    display: name,
    $ref: `${base}/Users/${id}`,
    type: 'User',
  })),
  meta: metaOf(base, 'Group', group),
})

/** `attributes` and `excludedAttributes`, by the first name of each. */
export const selected = (
  resource: Resource,
  { attributes, excludedAttributes }: { attributes?: string; excludedAttributes?: string },
): Resource => {
  const namesOf = (list: string) =>
    new Set(
      list.split(',').map(
        (name) =>
          name
            .trim()
            .toLowerCase()
            .replace(/^urn:.*:(?=[a-z]+)/, '')
            .split('.')[0],
      ),
    )
  const always = new Set(['id', 'schemas', 'meta'])
  if (attributes) {
    const wanted = namesOf(attributes)
    return Object.fromEntries(
      Object.entries(resource).filter(([name]) => always.has(name) || wanted.has(name.toLowerCase())),
    )
  }
  if (!excludedAttributes) return resource
  const unwanted = namesOf(excludedAttributes)
  return Object.fromEntries(
    Object.entries(resource).filter(
      ([name]) => name === 'id' || name === 'schemas' || !unwanted.has(name.toLowerCase()),
    ),
  )
}
