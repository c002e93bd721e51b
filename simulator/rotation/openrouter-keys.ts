import { randomBytes } from 'node:crypto'
import type { IssuedSecret } from './issued-secrets.ts'
import {
  bearerOf,
  type Call,
  isFull,
  json,
  listed,
  orNull,
  type Parts,
  readBody,
  type Reply,
  stamp,
  type StandIn,
  text,
  truth,
  wordOf,
} from './stand-in.ts'

export interface OpenRouterSettings {
  readonly managementKey: string
}

const service = 'openrouter'
const pageSize = 100
const failure = (status: number, message: string): Reply => json(status, { error: { code: status, message } })

const amount = (value: unknown) => typeof value === 'number' && value >= 0
const reset = (value: unknown) => ['daily', 'weekly', 'monthly'].includes(value as string)
const utc = (value: unknown) =>
  typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/.test(value)

interface Limits {
  name: string
  limit: number | null
  limit_reset: string | null
  include_byok_in_limit: boolean
  expires_at: string | null
}

/** OpenRouter's management of keys. https://openrouter.ai/docs/guides/overview/auth/management-api-keys */
export const makeOpenRouterKeys = (
  parts: Parts,
  settings: OpenRouterSettings,
): StandIn & { readonly settings: OpenRouterSettings; limitsOf(hash: string): Limits | undefined } => {
  const { secrets, conditions, next } = parts
  const limits = new Map<string, Limits>()

  const issue = (wanted: Limits, secret: string) => {
    const hash = `${next()}`.padStart(8, '0') + randomBytes(28).toString('hex')
    limits.set(hash, wanted)
    return secrets.issue({ service, id: hash, secret, name: wanted.name, delayMs: conditions.propagationMs })
  }
  const bodyOf = (one: IssuedSecret) => ({
    hash: one.id,
    label: `${one.secret.slice(0, 12)}...${one.secret.slice(-4)}`,
    ...limits.get(one.id),
    limit_remaining: limits.get(one.id)?.limit ?? null,
    disabled: one.disabled,
    usage: 0,
    usage_daily: 0,
    usage_weekly: 0,
    usage_monthly: 0,
    byok_usage: 0,
    byok_usage_daily: 0,
    byok_usage_weekly: 0,
    byok_usage_monthly: 0,
    created_at: stamp(one.createdAt),
    updated_at: null,
    creator_user_id: 'user_demo',
    workspace_id: '00000000-0000-4000-8000-000000000001',
  })
  const find = (hash: string): IssuedSecret | Reply => {
    const one = secrets.find(service, hash)
    return one && one.revokedAt === null ? one : failure(404, 'API key not found')
  }
  const create = (call: Call): Reply => {
    const body = readBody(
      call,
      {
        name: text,
        limit: orNull(amount),
        limit_reset: orNull(reset),
        include_byok_in_limit: truth,
        expires_at: orNull(utc),
        workspace_id: text,
        creator_user_id: orNull(text),
      },
      ['name'],
    )
    if ('wrong' in body) return failure(400, body.wrong)
    if (isFull(parts, service)) return failure(403, 'You have reached the maximum number of API keys.')
    const { value } = body
    const wanted: Limits = {
      name: wordOf(value['name']),
      limit: (value['limit'] as number | null | undefined) ?? null,
      limit_reset: (value['limit_reset'] as string | null | undefined) ?? null,
      include_byok_in_limit: value['include_byok_in_limit'] === true,
      expires_at: (value['expires_at'] as string | null | undefined) ?? null,
    }
    const one = issue(wanted, `sk-or-v1-de300${randomBytes(32).toString('hex')}`.slice(0, 73))
    return json(201, { data: bodyOf(one), key: one.secret })
  }
  const list = (call: Call): Reply => {
    const offset = Number(call.query.get('offset') ?? 0)
    if (!Number.isInteger(offset) || offset < 0) return failure(400, 'Invalid offset')
    const withDisabled = call.query.get('include_disabled') === 'true'
    const all = listed(parts, service).filter((one) => withDisabled || !one.disabled)
    return json(200, { data: all.slice(offset, offset + pageSize).map(bodyOf) })
  }
  const update = (call: Call, [hash = '']: readonly string[]): Reply => {
    const body = readBody(call, {
      name: text,
      disabled: truth,
      limit: orNull(amount),
      limit_reset: orNull(reset),
      include_byok_in_limit: truth,
    })
    if ('wrong' in body) return failure(400, body.wrong)
    const one = find(hash)
    if ('status' in one) return one
    if (typeof body.value['disabled'] === 'boolean') secrets.disable(service, hash, body.value['disabled'])
    return json(200, { data: bodyOf(one) })
  }

  const keys = /^\/v1\/keys$/
  const key = /^\/v1\/keys\/([0-9a-f]+)$/
  return {
    service,
    settings,
    limitsOf: (hash) => limits.get(hash),
    routes: [
      { method: 'POST', path: keys, verb: 'create', handle: create },
      {
        method: 'GET',
        path: keys,
        verb: 'list',
        query: ['offset', 'include_disabled', 'workspace_id'],
        handle: list,
      },
      {
        method: 'GET',
        path: key,
        verb: 'read',
        handle: (_, [hash = '']) => {
          const one = find(hash)
          return 'status' in one ? one : json(200, { data: bodyOf(one) })
        },
      },
      { method: 'PATCH', path: key, verb: 'disable', handle: update },
      {
        method: 'DELETE',
        path: key,
        verb: 'revoke',
        handle: (_, [hash = '']) => {
          const one = find(hash)
          if ('status' in one) return one
          secrets.revoke(service, hash)
          return json(200, { deleted: true })
        },
      },
    ],
    authenticate(call) {
      const key = bearerOf(call)
      if (key === settings.managementKey) return null
      return failure(401, key === null ? 'Missing Authentication header' : 'Invalid management key')
    },
    refuse: failure,
    adopt: (secret, name = 'Made by hand') =>
      issue({ name, limit: null, limit_reset: null, include_byok_in_limit: false, expires_at: null }, secret),
  }
}
