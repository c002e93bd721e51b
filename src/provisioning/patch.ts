import { attributePath, type Filter, matches, memberNamed, parseFilter } from './filter.ts'
import { enterpriseSchema, type Found, found, problem } from './problem.ts'

/**
 * PATCH of RFC 7644 § 3.5.2, and what Entra and Okta make of it: operations in capitals, members of a value named by paths, a
 * remove that says in its value what is to go, elements that a replace expects to be there. Pure: gives a new resource.
 */
export type Resource = Record<string, unknown>

const mostOperations = 1_000
const mostElements = 50_000
/** Ours, or told by other means: what is sent of them is passed over. */
const notTheirs = new Set(['id', 'meta', 'schemas', 'groups', 'password'])
const namePattern = /^[A-Za-z$][A-Za-z0-9$-]*$/
const knownNames = [
  'userName',
  'externalId',
  'displayName',
  'nickName',
  'profileUrl',
  'title',
  'userType',
  'preferredLanguage',
  'locale',
  'timezone',
  'active',
  'name',
  'formatted',
  'familyName',
  'givenName',
  'middleName',
  'emails',
  'phoneNumbers',
  'members',
  'value',
  'type',
  'primary',
  'department',
  'employeeNumber',
  'manager',
]
const canonical = new Map(knownNames.map((name) => [name.toLowerCase(), name]))
const severalValued = new Set([
  'emails',
  'phoneNumbers',
  'members',
  'addresses',
  'roles',
  'entitlements',
  'ims',
  'photos',
])

interface Target {
  readonly names: readonly string[]
  readonly filter: Filter | null
  readonly part: string | null
}

export const applyPatch = (resource: Resource, body: unknown): Found<Resource> => {
  const operations = fieldOf(body, 'operations')
  if (!Array.isArray(operations) || operations.length === 0 || operations.length > mostOperations)
    return problem(400, `Operations must be a list of 1 to ${mostOperations}.`, 'invalidSyntax')
  const changed = structuredClone(resource)
  for (const operation of operations) {
    const done = applyOne(changed, operation)
    if (!done.ok) return done
  }
  return found(changed)
}

const fieldOf = (object: unknown, name: string): unknown => {
  if (typeof object !== 'object' || object === null) return undefined
  const key = memberNamed(object as Resource, name)
  return key === undefined ? undefined : (object as Resource)[key]
}

type Verb = 'add' | 'replace' | 'remove'

const applyOne = (resource: Resource, operation: unknown): Found<null> => {
  const verb = fieldOf(operation, 'op')
  const op = typeof verb === 'string' ? verb.toLowerCase() : ''
  if (op !== 'add' && op !== 'replace' && op !== 'remove')
    return problem(400, 'op must be add, replace or remove.', 'invalidSyntax')
  const path = fieldOf(operation, 'path')
  const value = fieldOf(operation, 'value')
  if (typeof path === 'string' && path !== '') return applyAt(resource, op, path, value)
  if (op === 'remove') return problem(400, 'A remove needs a path.', 'noTarget')
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return problem(400, 'Without a path the value must be an object.', 'invalidValue')
  for (const [name, part] of Object.entries(value)) {
    const done = applyAt(resource, op, name, part)
    if (!done.ok) return done
  }
  return found(null)
}

const targetOf = (path: string): Found<Target> => {
  const bracket = /^([^[\]]+)\[(.*)\](?:\.([A-Za-z$][A-Za-z0-9$-]*))?$/s.exec(path)
  const names = attributePath(bracket ? (bracket[1] as string) : path)
  const isFine =
    names.length > 0 && names.every((name) => namePattern.test(name) || name === enterpriseSchema)
  if (!isFine || names.length > 4) return problem(400, 'The path names no attribute.', 'invalidPath')
  const canonicalNames = names.map((name) => canonical.get(name.toLowerCase()) ?? name)
  if (!bracket) return found({ names: canonicalNames, filter: null, part: null })
  const filter = parseFilter(bracket[2] as string)
  if (!filter.ok) return problem(400, filter.problem.detail, 'invalidPath')
  return found({ names: canonicalNames, filter: filter.value, part: bracket[3] ?? null })
}

const applyAt = (resource: Resource, op: Verb, path: string, value: unknown): Found<null> => {
  const target = targetOf(path)
  if (!target.ok) return target
  const { names, filter, part } = target.value
  if (notTheirs.has((names[0] as string).toLowerCase())) return found(null)
  const holder = holderOf(resource, names.slice(0, -1), op)
  if (holder === null) return found(null)
  const last = names.at(-1) as string
  const name = memberNamed(holder, last) ?? last
  if (filter !== null) return applyWithin(holder, name, { op, filter, part, value })
  if (op === 'remove') return removeFrom(holder, name, value)
  return setIn(holder, name, op, value)
}

/** Where the last name belongs; null: nothing to take away from. Of several values with a part named, `emails.value`, the first. */
const holderOf = (resource: Resource, names: readonly string[], op: Verb): Resource | null => {
  let holder = resource
  for (const name of names) {
    const key = memberNamed(holder, name) ?? name
    let next = holder[key]
    if (Array.isArray(next)) next = next.find((item) => typeof item === 'object' && item !== null)
    if (typeof next !== 'object' || next === null) {
      if (op === 'remove') return null
      const made: Resource = {}
      holder[key] = severalValued.has(key) ? [made] : made
      next = made
    }
    holder = next as Resource
  }
  return holder
}

const setIn = (holder: Resource, name: string, op: Verb, value: unknown): Found<null> => {
  const before = holder[name]
  if (value === undefined) return problem(400, `There is no value for ${name}.`, 'invalidValue')
  if (severalValued.has(name) || Array.isArray(before)) {
    const given = value === null ? [] : [value].flat()
    const kept = op === 'add' && Array.isArray(before) ? before : []
    const several = together(kept, given)
    if (several.length > mostElements) return problem(400, `There are too many ${name}.`, 'invalidValue')
    holder[name] = several
  } else if (isObject(before) && isObject(value)) {
    for (const [part, one] of Object.entries(value))
      if (namePattern.test(part)) before[memberNamed(before, part) ?? part] = one
  } else if (isObject(value)) {
    holder[name] = Object.fromEntries(Object.entries(value).filter(([part]) => namePattern.test(part)))
  } else holder[name] = value
  return found(null)
}

/** Each once, by its value; one that is primary takes that from the others. */
const together = (kept: readonly unknown[], given: readonly unknown[]): unknown[] => {
  const keyOf = (item: unknown) =>
    JSON.stringify(isObject(item) ? [item['value'] ?? item, item['type'] ?? null] : item)
  const isPrimary = given.some((item) => isObject(item) && item['primary'] === true)
  const old = isPrimary
    ? kept.map((item) => (isObject(item) && item['primary'] ? { ...item, primary: false } : item))
    : kept
  const all = new Map<string, unknown>()
  for (const item of [...old, ...given]) all.set(keyOf(item), item)
  return [...all.values()]
}

/** Entra names in the value what is to go from the list; the standard would have it in the path. */
const removeFrom = (holder: Resource, name: string, value: unknown): Found<null> => {
  const before = holder[name]
  const gone = value == null ? [] : [value].flat().map((item) => (isObject(item) ? item['value'] : item))
  if (Array.isArray(before) && gone.length > 0) {
    const ids = new Set(gone)
    holder[name] = before.filter((item) => !ids.has(isObject(item) ? item['value'] : item))
  } else delete holder[name]
  return found(null)
}

const applyWithin = (
  holder: Resource,
  name: string,
  { op, filter, part, value }: { op: Verb; filter: Filter; part: string | null; value: unknown },
): Found<null> => {
  const before = Array.isArray(holder[name]) ? (holder[name] as unknown[]) : []
  const isMeant = (item: unknown): item is Resource => isObject(item) && matches(filter, item)
  if (op === 'remove') {
    if (part === null) holder[name] = before.filter((item) => !isMeant(item))
    else for (const item of before.filter(isMeant)) delete item[memberNamed(item, part) ?? part]
    return found(null)
  }
  const meant = before.filter(isMeant)
  // Expected to be there, and named by what it has: `emails[type eq "work"].value`.
  if (meant.length === 0) {
    const made = elementOf(filter)
    if (made === null) return problem(400, `No element of ${name} fits the path.`, 'noTarget')
    before.push(made)
    meant.push(made)
  }
  for (const item of meant) {
    if (part !== null) item[memberNamed(item, part) ?? canonical.get(part.toLowerCase()) ?? part] = value
    else if (isObject(value))
      for (const [key, one] of Object.entries(value)) if (namePattern.test(key)) item[key] = one
  }
  holder[name] = before
  return found(null)
}

const elementOf = (filter: Filter): Resource | null => {
  if (filter.kind === 'and') {
    const [left, right] = [elementOf(filter.left), elementOf(filter.right)]
    return left && right && { ...left, ...right }
  }
  if (filter.kind !== 'compare' || filter.operator !== 'eq' || filter.path.length !== 1) return null
  const [name = ''] = filter.path
  return namePattern.test(name) ? { [canonical.get(name.toLowerCase()) ?? name]: filter.value } : null
}

const isObject = (value: unknown): value is Resource =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
