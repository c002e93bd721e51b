import type { IncomingMessage } from 'node:http'
import type { ParsedRequest } from '../dialects/dialect.ts'
import { isMultipart, readParts, textOf } from '../dialects/multipart.ts'
import { parseObject } from '../dialects/request.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'
import type { Binding, NamedResource } from '../long-operations/long-operations.ts'
import type { Candidate, Route } from '../routing/route.ts'
import type { Caller } from './callers.ts'
import { makeFollowUp } from './follow-up.ts'
import type { Operation } from './operation.ts'
import type { GatewayParts } from './parts.ts'
import { pathOf } from './service-paths.ts'
import { mayName, mostReferences, referencesIn } from './resource-names.ts'
import { type Bound, keyGone, rawPathOf, resourceCallIn } from './resource-call.ts'
import { isAmbiguous, type ResourceCall, segmentsOf } from './resource-paths.ts'

/** What a call names of what services keep. */
interface Names {
  readonly call: ResourceCall | null
  readonly references: readonly NamedResource[]
  /** Of a path that nothing is known of: whatever could be an id. */
  readonly loose: readonly string[]
}

/**
 * Keeps calls that name what a service keeps (files, stored responses, batches, …) on the key that made it:
 * - what this caller made goes to that key and no other;
 * - what nobody is known to have made may be the caller's only on keys of the caller's own;
 * - lists show what everybody made, so they too run on keys of the caller's own alone.
 * At once, and without a query, for calls that name nothing or can only go to one key of the caller's own.
 */
export const makeBind = (parts: GatewayParts) => {
  const { resources } = parts.longOperations
  const followUp = makeFollowUp(parts)

  const look = async (
    operation: Operation,
    caller: Caller,
    request: ParsedRequest,
    planned: Outcome<Route>,
    names: Names,
    incoming: IncomingMessage,
  ): Promise<Outcome<Bound>> => {
    const { call, references, loose } = names
    if (references.length > mostReferences)
      return failure('invalid_request', { message: `More than ${mostReferences} ids are named.` })
    const serviceIds = serviceIdsOf(operation, planned)
    const ids = [...references.map(({ id }) => id), ...loose]
    const bindings = await resources.find(caller.person, serviceIds, ids)
    const mine = bindings.filter(({ isMine }) => isMine)
    const keyIds = new Set(mine.map(({ serviceKeyId }) => serviceKeyId))
    if (keyIds.size > 1)
      return failure('conflict', {
        message: 'This call names things that were made with different service keys.',
        next: 'Make them anew with one key, or name one at a time.',
      })
    const known = new Set(mine.map(({ resourceId }) => resourceId))
    const unknown = references.find(({ id }) => !known.has(id)) ?? null
    const [keyId = null] = keyIds
    if (keyId !== null && call?.id != null && known.has(call.id)) {
      const followed = await followUp(operation, caller, request, planned, call, keyId, incoming)
      if (followed !== null) return followed
    }
    if (!planned.ok) {
      if (call?.action === 'list') return listsAll
      if (call?.kind === 'batch' && call.action === 'create') return batchesNeedKeys
      // Whoever has no key of their own is told the same of everything that is not theirs.
      return unknown !== null && call !== null && call.action !== 'create' ? notFound(unknown) : planned
    }
    const isList = call?.action === 'list'
    const candidates = planned.value.candidates.filter(
      (candidate) =>
        (keyId === null || candidate.serviceKey.id === keyId) &&
        ((unknown === null && !isList) || candidate.serviceKey.owner === 'user') &&
        !isForeign(candidate, bindings, known),
    )
    if (candidates.length > 0) return success({ request, route: { ...planned.value, candidates } })
    if (isList && keyId === null) return listsAll
    return keyId !== null && unknown === null ? keyGone(planned.value, keyId) : notFound(unknown)
  }

  return (
    operation: Operation,
    caller: Caller,
    request: ParsedRequest,
    planned: Outcome<Route>,
    incoming: IncomingMessage,
  ): Outcome<Bound> | Promise<Outcome<Bound>> => {
    const isRaw = request.endpoint === 'raw'
    if (!isRaw && (!planned.ok || isOwnAlone(planned.value) || !mayName(request.body)))
      return planned.ok ? success({ request, route: planned.value }) : planned
    if (isRaw && isAmbiguous(pathOf(rawPathOf(operation))) && !isOwnOnly(planned)) return notPlain
    const names = isRaw ? namesOfRaw(operation, request) : namesOfBody(request)
    if (names.call === null && names.references.length === 0 && names.loose.length === 0)
      return planned.ok ? success({ request, route: planned.value }) : planned
    return look(operation, caller, request, planned, names, incoming)
  }
}

const isOwnAlone = ({ candidates }: Route): boolean =>
  candidates.length === 1 && candidates[0]?.serviceKey.owner === 'user'

const isOwnOnly = (planned: Outcome<Route>): boolean =>
  planned.ok && planned.value.candidates.every(({ serviceKey }) => serviceKey.owner === 'user')

const serviceIdsOf = ({ target }: Operation, planned: Outcome<Route>): string[] => {
  const ids = new Set(planned.ok ? planned.value.candidates.map(({ service }) => service.id) : [])
  if (target.kind === 'operation' && target.service !== null) ids.add(target.service.id)
  return [...ids]
}

const namesOfRaw = (operation: Operation, request: ParsedRequest): Names => {
  const call = resourceCallIn(operation)
  const { references } = namesOfBody(request)
  if (call === null) return { call, references, loose: segmentsOf(rawPathOf(operation)) }
  return {
    call,
    references: call.id === null ? references : [{ id: call.id, kind: call.kind }, ...references],
    loose: [],
  }
}

const namesOfBody = ({ body, contentType }: ParsedRequest): Names => {
  const none = { call: null, references: [], loose: [] }
  if (body.length === 0) return none
  if (isMultipart(contentType)) return { ...none, references: referencesIn(fieldsOf(body, contentType)) }
  if (!mayName(body)) return none
  const parsed = parseObject(body)
  return parsed.ok ? { ...none, references: referencesIn(parsed.value) } : none
}

/** `video[id]` is a field of a form as `{"video":{"id":…}}` is one of JSON. */
const fieldsOf = (body: Buffer, contentType: string): Record<string, unknown>[] => {
  const parts = readParts(body, contentType)
  if (!parts.ok) return []
  return parts.value.flatMap((part) => {
    const value = part.filename === null && part.end - part.start <= 500 ? textOf(body, part) : null
    return value === null ? [] : [{ [part.name.replace(/\[(?:id)?\]$/, '')]: value }]
  })
}

/** Somebody else's on a key that people share. */
const isForeign = (
  { serviceKey }: Candidate,
  bindings: readonly Binding[],
  known: ReadonlySet<string>,
): boolean =>
  serviceKey.owner !== 'user' &&
  bindings.some(
    ({ isMine, resourceId, serviceKeyId }) =>
      !isMine && serviceKeyId === serviceKey.id && !known.has(resourceId),
  )

const notFound = (unknown: NamedResource | null) =>
  failure('not_found', {
    message:
      unknown === null
        ? 'There is no such object, or it is not yours.'
        : `There is no ${unknown.kind.replaceAll('_', ' ')} ${JSON.stringify(unknown.id.slice(0, 80))} of yours.`,
    next: 'On keys that people share, only what you made through this gateway can be named.',
  })

const batchesNeedKeys = failure('no_route', {
  message:
    'What a batch costs is known when it ends, so batches run on your own and your organisation’s keys only.',
  next: 'Add a key for the service, or send the requests one by one.',
})

const notPlain = failure('invalid_request', {
  message: 'On keys that people share, a path must be plain: no dots, empty segments or encoded slashes.',
})

const listsAll = failure('no_route', {
  message: 'A list shows what everybody made with a key, so it runs on keys of your own only.',
  next: 'Keep the ids that you were given, or add a key of your own for the service.',
})
