import { hash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { type Access, type AccessToken, type Person, standing } from '../access/access.ts'
import type { Epoch } from '../db/epoch.ts'
import type { ServiceKey, ServiceKeys } from '../keys/keys.ts'
import type { Clock } from '../kit/clock.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'
import { platformOrganizationId } from '../kit/id.ts'

/** Who calls, and the service keys of their own that policy may let them use. */
export interface Caller {
  readonly token: AccessToken
  readonly person: Person
  readonly ownKeys: readonly ServiceKey[]
}

export interface Callers {
  /** Without a wait when cached. A caller who is out of date is never returned: see src/db/epoch.ts. */
  identify(headers: IncomingHttpHeaders): Outcome<Caller> | Promise<Outcome<Caller>>
  systemKeys(): readonly ServiceKey[] | Promise<readonly ServiceKey[]>
}

/** About 2 KB a caller. */
const maximumCallers = 20_000

export const makeCallers = (parts: {
  access: Access
  keys: ServiceKeys
  epoch: Epoch
  clock: Clock
}): Callers => {
  const { access, keys, epoch, clock } = parts
  const cache = new Map<string, Caller>()
  let systemKeys: readonly ServiceKey[] | null = null

  epoch.onChange((organizationId) => {
    if (organizationId === null || organizationId === platformOrganizationId) systemKeys = null
    if (organizationId === null) return cache.clear()
    for (const [id, caller] of cache)
      if (caller.person.organizationId === organizationId || caller.token.organizationId === organizationId)
        cache.delete(id)
  })

  const find = async (token: string, reference: string | undefined): Promise<Outcome<Caller>> => {
    const found = await access.authenticate(token)
    if (!found.ok) return found
    const person = await personOf(access, found.value, reference)
    if (!person.ok) return person
    const ownKeys = await keys.listForGateway(person.value.organizationId, person.value.userId)
    return success({ token: found.value, person: person.value, ownKeys })
  }

  /** What was read before a change must not be kept after it. */
  const load = async (id: string, token: string, reference: string | undefined): Promise<Outcome<Caller>> => {
    const before = epoch.current()
    const caller = await find(token, reference)
    if (caller.ok && epoch.isFresh() && epoch.current() === before) {
      if (cache.size >= maximumCallers) cache.clear()
      cache.set(id, caller.value)
    }
    return caller
  }

  const loadSystemKeys = async (): Promise<readonly ServiceKey[]> => {
    const before = epoch.current()
    const loaded = await keys.listSystemKeys()
    if (epoch.isFresh() && epoch.current() === before) systemKeys = loaded
    return loaded
  }

  return {
    identify(headers) {
      const token = tokenOf(headers)
      if (token === undefined) return failure('missing_token')
      const reference = headers['x-aideon-user'] as string | undefined
      const id = hash('sha256', token, 'base64') + (reference ?? '')
      const cached = epoch.isFresh() ? cache.get(id) : undefined
      if (cached === undefined) return load(id, token, reference)
      const valid = standing(cached.token, clock())
      if (!valid.ok) return valid
      access.noteUse(cached.token)
      return success(cached)
    },
    systemKeys: () => (epoch.isFresh() && systemKeys !== null ? systemKeys : loadSystemKeys()),
  }
}

const personOf = (
  access: Access,
  token: AccessToken,
  reference: string | undefined,
): Promise<Outcome<Person>> | Outcome<Person> => {
  if (token.kind === 'platform') {
    if (!token.scopes.includes('act_for_users')) return failure('insufficient_scope')
    if (reference === undefined)
      return failure('unknown_user', {
        message: 'A platform token must name the user it acts for.',
        next: 'Send x-aideon-user with the user’s id or e-mail address.',
      })
    return access.personFor(token, reference)
  }
  if (!token.scopes.includes('operations')) return failure('insufficient_scope')
  if (reference !== undefined)
    return failure('insufficient_scope', {
      message: 'Only a platform token may act for another user.',
      next: 'Leave x-aideon-user out.',
    })
  return access.person(token.organizationId, token.userId as string)
}

/** OpenAI's clients send a Bearer token, Anthropic's x-api-key. */
const tokenOf = (headers: IncomingHttpHeaders): string | undefined => {
  const { authorization } = headers
  if (authorization?.slice(0, 7).toLowerCase() === 'bearer ') return authorization.slice(7).trim()
  return (headers['x-api-key'] as string | undefined)?.trim()
}
