import type { IssuedSecret } from './issued-secrets.ts'
import {
  type Call,
  json,
  listed,
  orNull,
  pageOf,
  type Parts,
  readBody,
  type Reply,
  stamp,
  type StandIn,
  text,
} from './stand-in.ts'

export interface AnthropicSettings {
  readonly adminKey: string
}

const service = 'anthropic'
const types: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  429: 'rate_limit_error',
  529: 'overloaded_error',
}
const failure = (status: number, message: string): Reply =>
  json(status, { type: 'error', error: { type: types[status] ?? 'api_error', message } })

const statuses = ['active', 'inactive', 'archived']

/** Anthropic's keys: listed and switched off by API, made by people only. https://platform.claude.com/docs/en/api/admin-api/apikeys/list-api-keys */
export const makeAnthropicKeys = (
  parts: Parts,
  settings: AnthropicSettings,
): StandIn & { readonly settings: AnthropicSettings; statusOf(id: string): string | undefined } => {
  const { secrets, conditions, next } = parts
  const status = new Map<string, string>()

  const bodyOf = (one: IssuedSecret) => ({
    id: one.id,
    type: 'api_key',
    name: one.name,
    status: status.get(one.id),
    partial_key_hint: `${one.secret.slice(0, 16)}...${one.secret.slice(-4)}`,
    created_at: stamp(one.createdAt),
    created_by: { id: 'user_demo', type: 'user' },
    expires_at: null,
    principal: null,
    scope: { type: 'workspace', workspace_id: 'wrkspc_demo' },
  })
  // An archived key stays in the list.
  const all = () =>
    listed(parts, service).concat(secrets.of(service).filter(({ revokedAt }) => revokedAt !== null))
  const find = (id: string): IssuedSecret | Reply => secrets.find(service, id) ?? failure(404, 'Not found')
  const list = (call: Call): Reply => {
    const limit = Number(call.query.get('limit') ?? 20)
    if (!Number.isInteger(limit) || limit < 1 || limit > 1000) return failure(400, 'limit: out of range')
    const wanted = call.query.get('status')
    if (wanted !== null && ![...statuses, 'expired'].includes(wanted)) return failure(400, 'status: invalid')
    const found = all().filter((one) => wanted === null || status.get(one.id) === wanted)
    const { page, more } = pageOf(found, ({ id }) => id, call.query.get('after_id'), limit)
    return json(200, {
      data: page.map(bodyOf),
      has_more: more,
      first_id: page[0]?.id ?? null,
      last_id: page.at(-1)?.id ?? null,
    })
  }
  const update = (call: Call, [id = '']: readonly string[]): Reply => {
    const body = readBody(call, {
      name: orNull(text),
      status: orNull((value) => statuses.includes(value as string)),
    })
    if ('wrong' in body) return failure(400, body.wrong)
    const one = find(id)
    if ('status' in one) return one
    const wanted = body.value['status'] as string | null | undefined
    if (wanted == null) return json(200, bodyOf(one))
    if (status.get(id) === 'archived' && wanted !== 'archived')
      return failure(400, 'An archived API key cannot be used again.')
    status.set(id, wanted)
    if (wanted === 'archived') secrets.revoke(service, id)
    else secrets.disable(service, id, wanted === 'inactive')
    return json(200, bodyOf(one))
  }

  const key = /^\/v1\/organizations\/api_keys\/([^/]+)$/
  return {
    service,
    settings,
    statusOf: (id) => status.get(id),
    routes: [
      {
        method: 'GET',
        path: /^\/v1\/organizations\/api_keys$/,
        verb: 'list',
        query: ['limit', 'status', 'workspace_id', 'after_id', 'before_id', 'created_by_user_id'],
        handle: list,
      },
      {
        method: 'GET',
        path: key,
        verb: 'read',
        handle: (_, [id = '']) => {
          const one = find(id)
          return 'status' in one ? one : json(200, bodyOf(one))
        },
      },
      {
        method: 'POST',
        path: key,
        verb: (call) => (call.body.includes('archived') ? 'revoke' : 'disable'),
        handle: update,
      },
    ],
    authenticate(call) {
      if (call.headers['anthropic-version'] !== '2023-06-01')
        return failure(400, 'anthropic-version: header is required')
      const key = call.headers['x-api-key']
      if (key === settings.adminKey) return null
      return failure(401, 'invalid x-api-key')
    },
    refuse: failure,
    adopt(secret, name = 'Made by hand') {
      const id = `apikey_${next()}`
      status.set(id, 'active')
      return secrets.issue({ service, id, secret, name, delayMs: conditions.propagationMs })
    },
  }
}
