import { createHmac } from 'node:crypto'
import {
  type DriverContext,
  type DriverReply,
  done,
  refused,
  type RotationDriver,
  unknownOutcome,
} from '../driver.ts'
import { type Asked, ask, change, jsonHeaders, listAt, parsed, remove, textAt } from './call.ts'
import { bearing, onlyMatch, ownScope, timeOf } from './names.ts'

const name = 'The webhook'

/**
 * One signed POST for every verb. The address is the credential's own, not a service's, so nothing stands in for it; the
 * guarded way out checks it as every other. docs/rotation-webhook.md is for whoever writes the other side.
 */
const request = (
  context: DriverContext,
  what: string,
  action: 'create' | 'list' | 'disable' | 'enable' | 'revoke',
  more: Readonly<Record<string, string>>,
  idempotencyKey?: string,
): Asked => {
  const { serviceId, serviceKeyId } = context.key
  const body = JSON.stringify({ version: 1, action, service: serviceId, key: serviceKeyId, ...more })
  const timestamp = String(Math.floor(context.now().getTime() / 1000))
  const signature = createHmac('sha256', context.credential['signingSecret'] ?? '')
    .update(`${timestamp}.${body}`)
    .digest('hex')
  return {
    what,
    method: 'POST',
    url: context.credential['url'] ?? '',
    headers: {
      ...jsonHeaders,
      'aideon-timestamp': timestamp,
      'aideon-signature': `v1=${signature}`,
      ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
    },
    body,
  }
}

const list = (context: DriverContext) =>
  ask(context, name, request(context, 'list keys', 'list', {}), ({ body }) =>
    listAt(parsed(body), 'keys')?.flatMap((one) => {
      const id = textAt(one, 'id')
      return id === null
        ? []
        : [
            {
              id,
              name: textAt(one, 'name'),
              hint: textAt(one, 'hint'),
              lastUsedAt: timeOf(textAt(one, 'lastUsedAt')),
            },
          ]
    }),
  )

const conflict = (error: string | null): DriverReply<never> | null => {
  if (error === 'limit_reached')
    return refused('cap', 'The webhook says that there are as many keys as there may be.')
  // One was made under this name, and its reply never came here.
  return error === 'exists'
    ? unknownOutcome('The webhook says that a key of this name exists already.')
    : null
}

/** Keys of systems in the house: whoever runs them writes the other side of a small protocol. */
export const webhook: RotationDriver = {
  id: 'webhook',
  name: 'Webhook of your own',
  serviceIds: '*',
  crashClass: 'orphan_detectable',
  docsUrl: '',
  credential: [
    {
      id: 'url',
      label: 'Address',
      hint: 'https://keys.example.com/rotate, which answers as docs/rotation-webhook.md says',
      required: true,
      secret: false,
      pattern: /^https?:\/\/[A-Za-z0-9.:[\]-]{1,255}(?:\/[\w./~%-]{0,500})?$/,
      expected: 'An address begins with https:// and has no query, no fragment and no credentials.',
    },
    {
      id: 'signingSecret',
      label: 'Signing secret',
      hint: 'at least 24 random characters, which the other side checks signatures with',
      required: true,
      secret: true,
      pattern: /^[\x21-\x7e]{24,200}$/,
      expected: 'A signing secret has 24 to 200 characters and no spaces.',
    },
  ],
  maximumKeys: null,
  settleSeconds: 30,
  propagationSeconds: 60,
  scopeOf: ownScope,

  async check(context) {
    const keys = await list(context)
    if (keys.kind !== 'done') return keys
    return done([{ what: 'Address and signature', ok: true, detail: `It listed ${keys.value.length} keys.` }])
  },

  async identify(context) {
    const keys = await list(context)
    if (keys.kind !== 'done') return keys
    const match = await onlyMatch(context, keys.value, ({ hint }) => hint)
    return match.kind === 'done' ? done(match.value && { id: match.value.id }) : match
  },

  create: (context, attempt) =>
    ask(
      context,
      name,
      request(context, 'make a key', 'create', { name: attempt.name }, attempt.name),
      ({ body }) => {
        const made = parsed(body)
        const [id, secret] = [textAt(made, 'id'), textAt(made, 'secret')]
        return id === null || secret === null ? undefined : { remote: { id }, secret }
      },
      ({ status, body }) => (status === 409 ? conflict(textAt(parsed(body), 'error')) : null),
    ),

  find: async (context, attempt) => bearing(await list(context), attempt.name, (key) => key),

  async lastUsed(context, remote) {
    const keys = await list(context)
    if (keys.kind !== 'done') return keys
    return done(keys.value.find(({ id }) => id === remote.id)?.lastUsedAt ?? null)
  },

  disable: (context, { id }) =>
    change(context, name, request(context, 'switch a key off', 'disable', { id })),
  enable: (context, { id }) => change(context, name, request(context, 'switch a key on', 'enable', { id })),
  revoke: (context, { id }) =>
    remove(context, name, request(context, 'delete a key', 'revoke', { id }, `revoke-${id}`)),
}
