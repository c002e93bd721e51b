import { randomBytes } from 'node:crypto'
import type { IssuedSecret } from './issued-secrets.ts'
import {
  bearerOf,
  type Call,
  isFull,
  isRecord,
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
  texts,
  wordOf,
} from './stand-in.ts'

export interface XaiSettings {
  readonly managementKey: string
  readonly teamId: string
}

const service = 'xai'
const failure = (status: number, message: string): Reply =>
  json(status, { code: status, message, details: [] })

const number = (value: unknown) =>
  typeof value === 'number' || (typeof value === 'string' && /^\d+$/.test(value))
const acls = (value: unknown) =>
  texts(value) && (value as string[]).every((acl) => /^api-key:(?:model|endpoint):\S+$/.test(acl))

interface Facts {
  name: string
  acls: readonly string[]
  limits: Readonly<Record<string, unknown>>
}

/** xAI's management API. https://docs.x.ai/docs/key-information/using-management-api */
export const makeXaiKeys = (
  parts: Parts,
  settings: XaiSettings,
): StandIn & { readonly settings: XaiSettings; factsOf(id: string): Facts | undefined } => {
  const { secrets, conditions, now, next } = parts
  const facts = new Map<string, Facts>()

  const issue = (wanted: Facts, secret: string) => {
    const id = `00000000-0000-4000-8000-${String(next()).padStart(12, '0')}`
    facts.set(id, wanted)
    return secrets.issue({ service, id, secret, name: wanted.name, delayMs: conditions.propagationMs })
  }
  const bodyOf = (one: IssuedSecret) => {
    const known = facts.get(one.id)
    return {
      apiKeyId: one.id,
      redactedApiKey: `xai-...${one.secret.slice(-4)}`,
      userId: 'user-1',
      name: known?.name,
      createTime: stamp(one.createdAt),
      modifyTime: stamp(one.createdAt),
      modifiedBy: 'user-1',
      teamId: settings.teamId,
      aclStrings: known?.acls,
      ...known?.limits,
      disabled: one.disabled,
      expireTime: null,
    }
  }
  const inTeam = (team: string | undefined): Reply | null =>
    team === settings.teamId ? null : failure(403, 'The management key has no access to this team.')
  const find = (id: string): IssuedSecret | Reply => {
    const one = secrets.find(service, id)
    return one && one.revokedAt === null ? one : failure(404, 'API key not found')
  }
  const create = (call: Call, [team]: readonly string[]): Reply => {
    const body = readBody(
      call,
      {
        name: text,
        acls,
        qps: orNull(number),
        qpm: orNull(number),
        tpm: orNull(number),
        expireTime: orNull(text),
      },
      ['name'],
    )
    if ('wrong' in body) return failure(400, body.wrong)
    const refusal = inTeam(team)
    if (refusal) return refusal
    if (isFull(parts, service)) return failure(429, 'The team has as many API keys as it may have.')
    const { name, acls: given, ...limits } = body.value
    const wanted = { name: wordOf(name), acls: (given as string[] | undefined) ?? [], limits }
    const one = issue(wanted, `xai-${`DEMONOTAREALKEY${randomBytes(40).toString('hex')}`.slice(0, 80)}`)
    return json(200, { ...bodyOf(one), apiKey: one.secret })
  }
  const list = (call: Call, [team]: readonly string[]): Reply => {
    const refusal = inTeam(team)
    if (refusal) return refusal
    const size = Number(call.query.get('pageSize') ?? 10)
    const after = call.query.get('paginationToken') || null
    const { page, more } = pageOf(listed(parts, service), ({ id }) => id, after, size)
    return json(200, { apiKeys: page.map(bodyOf), ...(more ? { paginationToken: page.at(-1)?.id } : {}) })
  }
  const update = (call: Call, [id = '']: readonly string[]): Reply => {
    const body = readBody(call, { apiKey: isRecord, fieldMask: text }, ['apiKey', 'fieldMask'])
    if ('wrong' in body) return failure(400, body.wrong)
    const one = find(id)
    if ('status' in one) return one
    const given = body.value['apiKey'] as Record<string, unknown>
    for (const field of wordOf(body.value['fieldMask']).split(',')) {
      if (!['name', 'acls', 'qps', 'qpm', 'tpm', 'expireTime', 'disabled'].includes(field))
        return failure(400, `invalid field mask path: ${field}`)
      if (field === 'disabled') secrets.disable(service, id, given['disabled'] === true)
    }
    return json(200, bodyOf(one))
  }

  const keys = /^\/auth\/teams\/([^/]+)\/api-keys$/
  const key = /^\/auth\/api-keys\/([^/]+)$/
  return {
    service,
    settings,
    factsOf: (id) => facts.get(id),
    routes: [
      { method: 'POST', path: keys, verb: 'create', handle: create },
      {
        method: 'GET',
        path: keys,
        verb: 'list',
        query: ['pageSize', 'paginationToken', 'aclFilters'],
        handle: list,
      },
      { method: 'PUT', path: key, verb: 'disable', handle: update },
      {
        method: 'DELETE',
        path: key,
        verb: 'revoke',
        handle: (_, [id = '']) => {
          const one = find(id)
          if ('status' in one) return one
          secrets.revoke(service, id)
          return json(200, {})
        },
      },
      {
        method: 'GET',
        path: /^\/auth\/api-keys\/([^/]+)\/propagation$/,
        verb: 'ready',
        handle: (_, [id = '']) => {
          const one = find(id)
          if ('status' in one) return one
          const there = now() >= one.usableFrom
          return json(200, { icPropagation: { 'us-east-1': true, 'us-west-2': there } })
        },
      },
      {
        method: 'GET',
        path: /^\/auth\/management-keys\/validation$/,
        verb: 'read',
        handle: () =>
          json(200, {
            apiKeyId: 'management',
            teamId: settings.teamId,
            scope: 'SCOPE_TEAM',
            scopeId: settings.teamId,
          }),
      },
    ],
    authenticate: (call) =>
      bearerOf(call) === settings.managementKey
        ? null
        : failure(401, 'The management key is missing or invalid.'),
    refuse: failure,
    adopt: (secret, name = 'Made by hand') =>
      issue({ name, acls: ['api-key:model:*', 'api-key:endpoint:*'], limits: {} }, secret),
  }
}
