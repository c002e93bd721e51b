import { randomBytes } from 'node:crypto'
import type { IssuedSecret } from './issued-secrets.ts'
import {
  bearerOf,
  type Call,
  isFull,
  isRecord,
  json,
  listed,
  pageOf,
  type Parts,
  readBody,
  type Reply,
  stamp,
  type StandIn,
  text,
  wordOf,
} from './stand-in.ts'

export interface FireworksSettings {
  readonly adminKey: string
  readonly accountId: string
  readonly userId: string
}

const service = 'fireworks'
const codes: Readonly<Record<number, number>> = { 400: 3, 401: 16, 403: 7, 404: 5, 429: 8 }
const failure = (status: number, message: string): Reply =>
  json(status, { code: codes[status] ?? 13, message, details: [] })

/** Keys of a user, or of a service account, at Fireworks. https://docs.fireworks.ai/api-reference/create-api-key */
export const makeFireworksKeys = (
  parts: Parts,
  settings: FireworksSettings,
): StandIn & { readonly settings: FireworksSettings } => {
  const { secrets, conditions, next } = parts

  const issue = (name: string, secret: string) =>
    secrets.issue({
      service,
      id: `key${next()}${randomBytes(4).toString('hex')}`,
      secret,
      name,
      delayMs: conditions.propagationMs,
    })
  const bodyOf = (one: IssuedSecret) => ({
    keyId: one.id,
    displayName: one.name,
    createTime: stamp(one.createdAt),
    secure: true,
    email: 'person@demo.example',
    prefix: one.secret.slice(0, 8),
    expireTime: null,
  })
  const ofUser = ([account, user]: readonly string[]): Reply | null => {
    if (account !== settings.accountId) return failure(403, `No access to account ${account}.`)
    return user === settings.userId ? null : failure(404, `User ${user} was not found.`)
  }
  const isKey = (value: unknown): boolean =>
    isRecord(value) &&
    Object.entries(value).every(([field, given]) =>
      field === 'displayName' || field === 'expireTime' ? text(given) : false,
    )
  const create = (call: Call, names: readonly string[]): Reply => {
    const body = readBody(call, { apiKey: isKey }, ['apiKey'])
    if ('wrong' in body) return failure(400, body.wrong)
    const refusal = ofUser(names)
    if (refusal) return refusal
    if (isFull(parts, service)) return failure(429, 'The user has as many API keys as it may have.')
    const { displayName = 'default' } = body.value['apiKey'] as { displayName?: string }
    const one = issue(displayName, `fw_${`DEMONOTAREALKEY${randomBytes(12).toString('hex')}`.slice(0, 24)}`)
    return json(200, { ...bodyOf(one), key: one.secret })
  }
  const list = (call: Call, names: readonly string[]): Reply => {
    const refusal = ofUser(names)
    if (refusal) return refusal
    const size = Math.min(Number(call.query.get('pageSize') ?? 50) || 50, 200)
    const all = listed(parts, service)
    const { page, more } = pageOf(all, ({ id }) => id, call.query.get('pageToken') || null, size)
    const nextPageToken = more ? (page.at(-1)?.id ?? '') : ''
    return json(200, { apiKeys: page.map(bodyOf), nextPageToken, totalSize: all.length })
  }
  const remove = (call: Call, names: readonly string[]): Reply => {
    const body = readBody(call, { keyId: text }, ['keyId'])
    if ('wrong' in body) return failure(400, body.wrong)
    const refusal = ofUser(names)
    if (refusal) return refusal
    const id = wordOf(body.value['keyId'])
    const one = secrets.find(service, id)
    if (!one || one.revokedAt !== null) return failure(404, 'API key not found.')
    secrets.revoke(service, id)
    return json(200, {})
  }

  const keys = /^\/v1\/accounts\/([^/]+)\/users\/([^/]+)\/apiKeys$/
  return {
    service,
    settings,
    routes: [
      { method: 'POST', path: keys, verb: 'create', handle: create },
      {
        method: 'GET',
        path: keys,
        verb: 'list',
        query: ['pageSize', 'pageToken', 'filter', 'orderBy', 'readMask'],
        handle: list,
      },
      {
        method: 'POST',
        path: /^\/v1\/accounts\/([^/]+)\/users\/([^/]+)\/apiKeys:delete$/,
        verb: 'revoke',
        handle: remove,
      },
    ],
    authenticate: (call) =>
      bearerOf(call) === settings.adminKey ? null : failure(401, 'The API key you provided is invalid.'),
    refuse: failure,
    adopt: (secret, name = 'default') => issue(name, secret),
  }
}
