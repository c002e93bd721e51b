import { createHash, randomBytes } from 'node:crypto'
import type { IssuedSecret } from './issued-secrets.ts'
import {
  type Call,
  isFull,
  json,
  listed,
  orNull,
  type Parts,
  readBody,
  type Reply,
  seconds,
  type StandIn,
  text,
  texts,
  truth,
  whole,
  wordOf,
} from './stand-in.ts'

export interface ElevenLabsSettings {
  readonly adminKey: string
  readonly serviceAccountId: string
}

interface Facts {
  name: string
  permissions: 'all' | readonly string[]
  characterLimit: number | null
  allowedIps: readonly string[] | null
}

const service = 'elevenlabs'
const failure = (status: number, message: string, code = 'invalid_request'): Reply =>
  json(status, { detail: { status: code, message } })

const permissions = (value: unknown) => value === 'all' || texts(value)

/** Keys of ElevenLabs' service accounts. https://elevenlabs.io/docs/api-reference/service-accounts/api-keys/create */
export const makeElevenLabsKeys = (
  parts: Parts,
  settings: ElevenLabsSettings,
): StandIn & { readonly settings: ElevenLabsSettings; factsOf(id: string): Facts | undefined } => {
  const { secrets, conditions, next } = parts
  const facts = new Map<string, Facts>()

  const issue = (wanted: Facts, secret: string) => {
    const id = `keyid${next()}${randomBytes(6).toString('hex')}`
    facts.set(id, wanted)
    return secrets.issue({ service, id, secret, name: wanted.name, delayMs: conditions.propagationMs })
  }
  const bodyOf = (one: IssuedSecret) => {
    const known = facts.get(one.id)
    return {
      name: known?.name,
      hint: `...${one.secret.slice(-4)}`,
      key_id: one.id,
      service_account_user_id: settings.serviceAccountId,
      created_at_unix: seconds(one.createdAt),
      is_disabled: one.disabled,
      permissions: known?.permissions === 'all' ? null : known?.permissions,
      character_limit: known?.characterLimit ?? null,
      character_count: 0,
      hashed_xi_api_key: createHash('sha256').update(one.secret).digest('hex'),
      allowed_ips: known?.allowedIps ?? null,
    }
  }
  const inAccount = (id: string | undefined): Reply | null =>
    id === settings.serviceAccountId ? null : failure(404, 'Service account not found.', 'not_found')
  const find = (account: string | undefined, id: string): IssuedSecret | Reply => {
    const refusal = inAccount(account)
    if (refusal) return refusal
    const one = secrets.find(service, id)
    return one && one.revokedAt === null ? one : failure(404, 'API key not found.', 'not_found')
  }
  const create = (call: Call, [account]: readonly string[]): Reply => {
    const body = readBody(
      call,
      {
        name: text,
        permissions,
        character_limit: orNull(whole),
        allowed_ips: orNull(texts),
        third_party_disable_allowed: orNull(truth),
      },
      ['name', 'permissions'],
    )
    if ('wrong' in body)
      return json(422, { detail: [{ loc: ['body'], msg: body.wrong, type: 'value_error' }] })
    const refusal = inAccount(account)
    if (refusal) return refusal
    if (isFull(parts, service))
      return failure(400, 'Maximum number of API keys reached.', 'max_api_keys_reached')
    const { value } = body
    const wanted: Facts = {
      name: wordOf(value['name']),
      permissions: value['permissions'] as Facts['permissions'],
      characterLimit: (value['character_limit'] as number | null | undefined) ?? null,
      allowedIps: (value['allowed_ips'] as string[] | null | undefined) ?? null,
    }
    const one = issue(wanted, `sk_de300${randomBytes(24).toString('hex')}`.slice(0, 51))
    return json(200, { 'xi-api-key': one.secret, key_id: one.id })
  }
  const update = (call: Call, [account, id = '']: readonly string[]): Reply => {
    const body = readBody(call, {
      is_enabled: truth,
      name: text,
      permissions,
      character_limit: orNull(whole),
      allowed_ips: orNull(texts),
    })
    if ('wrong' in body)
      return json(422, { detail: [{ loc: ['body'], msg: body.wrong, type: 'value_error' }] })
    const one = find(account, id)
    if ('status' in one) return one
    if (typeof body.value['is_enabled'] === 'boolean') secrets.disable(service, id, !body.value['is_enabled'])
    return json(200, { status: 'ok' })
  }

  const keys = /^\/v1\/service-accounts\/([^/]+)\/api-keys$/
  const key = /^\/v1\/service-accounts\/([^/]+)\/api-keys\/([^/]+)$/
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
        handle: (_, [account]) =>
          inAccount(account) ?? json(200, { 'api-keys': listed(parts, service).map(bodyOf) }),
      },
      { method: 'PATCH', path: key, verb: 'disable', handle: update },
      {
        method: 'DELETE',
        path: key,
        verb: 'revoke',
        handle: (_, [account, id = '']) => {
          const one = find(account, id)
          if ('status' in one) return one
          secrets.revoke(service, id)
          return json(200, { status: 'ok' })
        },
      },
    ],
    authenticate(call) {
      const key = call.headers['xi-api-key']
      if (key === settings.adminKey) return null
      return failure(401, 'Invalid API key', key === undefined ? 'needs_authorization' : 'invalid_api_key')
    },
    refuse: (status, message) => failure(status, message),
    adopt: (secret, name = 'Made by hand') =>
      issue(
        { name, permissions: ['text_to_speech', 'user_read'], characterLimit: null, allowedIps: null },
        secret,
      ),
  }
}
