import { randomBytes } from 'node:crypto'
import { checkAssertion } from '../service-account.ts'
import {
  bearerOf,
  type Call,
  isFull,
  isRecord,
  json,
  pageOf,
  type Parts,
  readBody,
  type Reply,
  stamp,
  type StandIn,
  text,
  wordOf,
} from './stand-in.ts'

export interface GoogleSettings {
  /** The JSON document of the service account that may manage keys. */
  readonly serviceAccount: string
  readonly project: string
  /** How often an operation is asked for before it is done. */
  pollsUntilDone: number
}

interface Resource {
  readonly keyId: string
  readonly uid: string
  readonly displayName: string
  readonly restrictions: Record<string, unknown> | null
  readonly etag: string
  readonly createdAt: number
  deletedAt: number | null
}
interface Operation {
  readonly name: string
  polls: number
  /** Null: the operation went wrong. */
  readonly finish: () => unknown
}

const service = 'gemini'
const statusNames: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  409: 'ALREADY_EXISTS',
  429: 'RESOURCE_EXHAUSTED',
  500: 'INTERNAL',
  503: 'UNAVAILABLE',
}
const failure = (status: number, message: string): Reply =>
  json(status, { error: { code: status, message, status: statusNames[status] ?? 'UNKNOWN' } })

const keyIdPattern = /^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/
const uuid = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/

const isRestrictions = (value: unknown): boolean =>
  isRecord(value) &&
  Object.keys(value).every((field) =>
    ['apiTargets', 'serverKeyRestrictions', 'browserKeyRestrictions'].includes(field),
  ) &&
  (value['apiTargets'] === undefined ||
    (Array.isArray(value['apiTargets']) &&
      value['apiTargets'].every((target) => isRecord(target) && text(target['service']))))

/** Google's API Keys API v2, with the token endpoint before it. https://cloud.google.com/api-keys/docs/reference/rest */
export const makeGoogleKeys = (
  parts: Parts,
  settings: GoogleSettings,
): StandIn & { readonly settings: GoogleSettings } => {
  const { secrets, conditions, now, next } = parts
  const resources = new Map<string, Resource>()
  const operations = new Map<string, Operation>()
  const tokens = new Map<string, number>()

  const parent = `projects/${settings.project}/locations/global`
  const nameOf = ({ keyId }: Resource) => `${parent}/keys/${keyId}`
  const bodyOf = (one: Resource) => ({
    name: nameOf(one),
    uid: one.uid,
    displayName: one.displayName,
    createTime: stamp(one.createdAt),
    updateTime: stamp(one.deletedAt ?? one.createdAt),
    ...(one.restrictions ? { restrictions: one.restrictions } : {}),
    etag: one.etag,
    ...(one.deletedAt === null ? {} : { deleteTime: stamp(one.deletedAt) }),
  })
  const add = (keyId: string, displayName: string, restrictions: Record<string, unknown> | null) => {
    const one: Resource = {
      keyId,
      uid: `00000000-0000-4000-8000-${String(next()).padStart(12, '0')}`,
      displayName,
      restrictions,
      etag: `W/"${randomBytes(12).toString('base64url')}"`,
      createdAt: now(),
      deletedAt: null,
    }
    resources.set(keyId, one)
    return one
  }
  const begin = (finish: () => unknown): Reply => {
    const operation = { name: `operations/akmf.p7-1-${next()}`, polls: 0, finish }
    operations.set(operation.name, operation)
    return json(200, { name: operation.name })
  }
  const inProject = (project: string | undefined): Reply | null =>
    project === settings.project
      ? null
      : failure(403, `Permission denied on resource project ${project}, or it does not exist.`)
  const find = (project: string | undefined, keyId: string): Resource | Reply =>
    inProject(project) ?? resources.get(keyId) ?? failure(404, 'Requested entity was not found.')

  const create = (call: Call, [project]: readonly string[]): Reply => {
    const refusal = inProject(project)
    if (refusal) return refusal
    const body = readBody(call, { displayName: text, restrictions: isRestrictions, annotations: isRecord })
    if ('wrong' in body) return failure(400, `Invalid JSON payload received. ${body.wrong}`)
    const keyId = call.query.get('keyId') ?? `00000000-0000-4000-9000-${String(next()).padStart(12, '0')}`
    if (call.query.has('keyId') && (!keyIdPattern.test(keyId) || uuid.test(keyId)))
      return failure(400, 'The key_id is not valid.')
    // One that was deleted keeps its id for thirty days.
    if (resources.has(keyId)) return failure(409, 'Requested entity already exists')
    if (isFull(parts, service)) return failure(429, 'Quota exceeded for keys of the project.')
    const restrictions = isRecord(body.value['restrictions']) ? body.value['restrictions'] : null
    const one = add(keyId, wordOf(body.value['displayName'], ''), restrictions)
    const secret = `AIza${`DEMONOTAREALKEY${randomBytes(20).toString('hex')}`.slice(0, 35)}`
    secrets.issue({ service, id: keyId, secret, name: keyId, delayMs: conditions.propagationMs })
    return begin(() => ({
      '@type': 'type.googleapis.com/google.api.apikeys.v2.Key',
      ...bodyOf(one),
      keyString: secret,
    }))
  }
  const remove = (call: Call, [project, keyId = '']: readonly string[]): Reply => {
    const one = find(project, keyId)
    if ('status' in one) return one
    if (one.deletedAt !== null) return failure(400, 'The key is deleted already.')
    const etag = call.query.get('etag')
    if (etag !== null && etag !== one.etag) return failure(409, 'The etag does not match.')
    one.deletedAt = now()
    secrets.revoke(service, keyId)
    return begin(() => ({ '@type': 'type.googleapis.com/google.api.apikeys.v2.Key', ...bodyOf(one) }))
  }
  const operation = (_: Call, [id = '']: readonly string[]): Reply => {
    const found = operations.get(`operations/${id}`)
    if (!found) return failure(404, 'Requested entity was not found.')
    found.polls += 1
    if (found.polls < settings.pollsUntilDone) return json(200, { name: found.name })
    return json(200, { name: found.name, done: true, response: found.finish() })
  }
  const keyString = (_: Call, [project, keyId = '']: readonly string[]): Reply => {
    const one = find(project, keyId)
    if ('status' in one) return one
    if (one.deletedAt !== null) return failure(400, 'The key is deleted.')
    return json(200, { keyString: secrets.find(service, keyId)?.secret ?? '' })
  }
  const list = (call: Call, [project]: readonly string[]): Reply => {
    const refusal = inProject(project)
    if (refusal) return refusal
    const showDeleted = call.query.get('showDeleted') === 'true'
    const all = [...resources.values()].filter(
      (one) => (showDeleted || one.deletedAt === null) && one.createdAt + conditions.listingMs <= now(),
    )
    const size = Math.min(Number(call.query.get('pageSize') ?? 50) || 50, 300)
    const { page, more } = pageOf(all, ({ keyId }) => keyId, call.query.get('pageToken'), size)
    return json(200, {
      keys: page.map(bodyOf),
      ...(more ? { nextPageToken: page.at(-1)?.keyId } : {}),
    })
  }
  const token = (call: Call): Reply => {
    if (!call.headers['content-type']?.startsWith('application/x-www-form-urlencoded'))
      return json(400, { error: 'invalid_request' })
    const form = new URLSearchParams(call.body.toString('utf8'))
    if (form.get('grant_type') !== 'urn:ietf:params:oauth:grant-type:jwt-bearer')
      return json(400, { error: 'unsupported_grant_type' })
    const assertion = checkAssertion(form.get('assertion') ?? '', [settings.serviceAccount], now())
    if ('refused' in assertion)
      return json(400, { error: 'invalid_grant', error_description: assertion.refused })
    const access = `ya29.demo-not-a-real-token-${next()}-${randomBytes(12).toString('hex')}`
    tokens.set(access, now() + 3_599_000)
    return json(200, { access_token: access, expires_in: 3599, token_type: 'Bearer' })
  }

  const keys = /^\/v2\/projects\/([^/]+)\/locations\/global\/keys$/
  const key = /^\/v2\/projects\/([^/]+)\/locations\/global\/keys\/([^/]+)$/
  return {
    service,
    settings,
    routes: [
      { method: 'POST', path: /^\/token$/, verb: 'token', open: true, handle: token },
      { method: 'POST', path: keys, verb: 'create', query: ['keyId'], handle: create },
      {
        method: 'GET',
        path: keys,
        verb: 'list',
        query: ['pageSize', 'pageToken', 'showDeleted'],
        handle: list,
      },
      {
        method: 'GET',
        path: key,
        verb: 'read',
        handle: (_, [project, keyId = '']) => {
          const one = find(project, keyId)
          return 'status' in one ? one : json(200, bodyOf(one))
        },
      },
      {
        method: 'GET',
        path: /^\/v2\/projects\/([^/]+)\/locations\/global\/keys\/([^/]+)\/keyString$/,
        verb: 'read',
        handle: keyString,
      },
      { method: 'DELETE', path: key, verb: 'revoke', query: ['etag'], handle: remove },
      { method: 'GET', path: /^\/v2\/operations\/([^/]+)$/, verb: 'ready', handle: operation },
    ],
    authenticate(call) {
      const until = tokens.get(bearerOf(call) ?? '')
      return until !== undefined && until > now()
        ? null
        : failure(401, 'Request had invalid authentication credentials. Expected OAuth 2 access token.')
    },
    refuse: failure,
    adopt(secret, name = 'made-by-hand') {
      add(name, name, { apiTargets: [{ service: 'generativelanguage.googleapis.com' }] })
      return secrets.issue({ service, id: name, secret, name })
    },
  }
}
