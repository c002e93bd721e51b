import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { IssuedSecret } from './issued-secrets.ts'
import {
  type Call,
  isFull,
  json,
  listed,
  type Parts,
  readBody,
  type Reply,
  stamp,
  type StandIn,
  text,
  wordOf,
} from './stand-in.ts'

export interface WebhookSettings {
  readonly signingSecret: string
}

const service = 'webhook'
const skewSeconds = 300
const failure = (status: number, error: string): Reply => json(status, { error })

const actionOf = (call: Call): string => {
  try {
    return String((JSON.parse(call.body.toString('utf8')) as { action?: unknown }).action)
  } catch {
    return ''
  }
}
const verbs = { create: 'create', revoke: 'revoke', disable: 'disable', enable: 'disable' } as const

/** The other side of our own protocol for systems in the house: docs/rotation-webhook.md. */
export const makeWebhookKeys = (
  parts: Parts,
  settings: WebhookSettings,
): StandIn & { readonly settings: WebhookSettings } => {
  const { secrets, conditions, now, next } = parts
  const issue = (name: string, secret: string) =>
    secrets.issue({ service, id: `house-${next()}`, secret, name, delayMs: conditions.propagationMs })

  const bodyOf = (one: IssuedSecret) => ({
    id: one.id,
    name: one.name,
    hint: `...${one.secret.slice(-4)}`,
    createdAt: stamp(one.createdAt),
    ...(one.lastUsedAt === null ? {} : { lastUsedAt: stamp(one.lastUsedAt) }),
  })
  const live = (id: unknown) => {
    const one = secrets.find(service, wordOf(id))
    return one && one.revokedAt === null ? one : null
  }
  const create = (call: Call): Reply => {
    const body = readBody(
      call,
      { version: (v) => v === 1, action: text, name: text, service: text, key: text },
      ['version', 'name', 'service', 'key'],
    )
    if ('wrong' in body) return failure(400, body.wrong)
    const name = wordOf(body.value['name'])
    if (call.headers['idempotency-key'] !== name) return failure(400, 'The idempotency key is not the name.')
    if (secrets.of(service).some((one) => one.name === name)) return failure(409, 'exists')
    if (isFull(parts, service)) return failure(409, 'limit_reached')
    const one = issue(name, `house_demo-not-a-real-key_${randomBytes(20).toString('hex')}`)
    return json(200, { id: one.id, secret: one.secret })
  }
  const onOne = (call: Call, act: (id: string) => void): Reply => {
    const body = readBody(
      call,
      { version: (v) => v === 1, action: text, id: text, service: text, key: text },
      ['version', 'id'],
    )
    if ('wrong' in body) return failure(400, body.wrong)
    const one = live(body.value['id'])
    if (!one) return failure(404, 'unknown')
    act(one.id)
    return json(200, {})
  }
  const actions: Readonly<Record<string, (call: Call) => Reply>> = {
    create,
    list: () => json(200, { keys: listed(parts, service).map(bodyOf) }),
    disable: (call) => onOne(call, (id) => secrets.disable(service, id, true)),
    enable: (call) => onOne(call, (id) => secrets.disable(service, id, false)),
    revoke: (call) => onOne(call, (id) => secrets.revoke(service, id)),
  }
  return {
    service,
    settings,
    routes: [
      {
        method: 'POST',
        path: /^\/rotate$/,
        verb: (call) => verbs[actionOf(call) as keyof typeof verbs] ?? 'list',
        handle: (call) => {
          const action = actionOf(call)
          return Object.hasOwn(actions, action) ? actions[action]!(call) : failure(400, 'no such action')
        },
      },
    ],
    authenticate(call) {
      const at = call.headers['aideon-timestamp'] ?? ''
      if (!/^\d{10}$/.test(at) || Math.abs(Number(at) - now() / 1000) > skewSeconds)
        return failure(401, 'The timestamp is missing or too far from now.')
      const expected = createHmac('sha256', settings.signingSecret)
        .update(`${at}.`)
        .update(call.body)
        .digest()
      const given = /^v1=([0-9a-f]{64})$/.exec(call.headers['aideon-signature'] ?? '')?.[1]
      return given !== undefined && timingSafeEqual(expected, Buffer.from(given, 'hex'))
        ? null
        : failure(401, 'The signature is missing or wrong.')
    },
    refuse: failure,
    adopt: (secret, name = 'made-by-hand') => issue(name, secret),
  }
}
