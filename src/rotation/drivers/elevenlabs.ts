import { type DriverContext, done, type RotationDriver } from '../driver.ts'
import { type Asked, ask, at, change, jsonHeaders, listAt, parsed, remove, textAt } from './call.ts'
import { bearing, onlyMatch, ownScope } from './names.ts'

const name = 'ElevenLabs'

const request = (
  context: DriverContext,
  what: string,
  method: Asked['method'],
  path: string,
  body?: unknown,
): Asked => ({
  what,
  method,
  url: `${context.addressOf('https://api.elevenlabs.io')}/v1/service-accounts/${encodeURIComponent(context.credential['serviceAccountId'] ?? '')}/api-keys${path}`,
  headers: {
    'xi-api-key': context.credential['adminKey'] ?? '',
    ...(body === undefined ? {} : jsonHeaders),
  },
  ...(body === undefined ? {} : { body: JSON.stringify(body) }),
})
const pathOf = (id: string): string => `/${encodeURIComponent(id)}`

const list = (context: DriverContext) =>
  ask(context, name, request(context, 'list keys', 'GET', ''), ({ body }) =>
    listAt(parsed(body), 'api-keys')?.flatMap((one) => {
      const id = textAt(one, 'key_id')
      return id === null ? [] : [{ id, body: one }]
    }),
  )

const setEnabled = (context: DriverContext, id: string, isEnabled: boolean) =>
  change(
    context,
    name,
    request(context, isEnabled ? 'switch a key on' : 'switch a key off', 'PATCH', pathOf(id), {
      is_enabled: isEnabled,
    }),
  )

/** Keys of a service account of the workspace: people's own keys cannot be made over the API. */
export const elevenlabs: RotationDriver = {
  id: 'elevenlabs',
  name: 'ElevenLabs service accounts',
  serviceIds: ['elevenlabs'],
  crashClass: 'orphan_detectable',
  docsUrl: 'https://elevenlabs.io/docs/api-reference/service-accounts/api-keys/create',
  credential: [
    {
      id: 'adminKey',
      label: 'Workspace administrator’s key',
      hint: 'sk_…, of a workspace administrator, with access to service accounts',
      required: true,
      secret: true,
      pattern: /^(?:sk_)?[0-9a-f]{32,64}$/,
      expected: 'A key is sk_ and 48 characters of 0-9 and a-f.',
    },
    {
      id: 'serviceAccountId',
      label: 'Service account',
      hint: 'the user id of the service account that owns the keys',
      required: true,
      secret: false,
      pattern: /^[A-Za-z0-9_-]{4,100}$/,
      expected: 'A service account’s id has letters, digits, - and _ only.',
    },
  ],
  maximumKeys: null,
  settleSeconds: 30,
  propagationSeconds: 60,
  scopeOf: ownScope,

  async check(context) {
    const keys = await list(context)
    if (keys.kind !== 'done') return keys
    return done([
      {
        what: 'Administrator’s key and service account',
        ok: true,
        detail: `It may list the service account’s ${keys.value.length} keys.`,
      },
    ])
  },

  async identify(context) {
    const keys = await list(context)
    if (keys.kind !== 'done') return keys
    const match = await onlyMatch(context, keys.value, ({ body }) => textAt(body, 'hint'))
    return match.kind === 'done' ? done(match.value && { id: match.value.id }) : match
  },

  /** What the old key may do and spend, and from where. */
  async prepare(context, current) {
    if (current === null) return done({})
    const keys = await list(context)
    if (keys.kind !== 'done') return keys
    const key = keys.value.find(({ id }) => id === current.id)?.body
    const like = Object.fromEntries(
      ['permissions', 'character_limit', 'allowed_ips'].flatMap((field) => {
        const value = at(key, field)
        return value === null || value === undefined ? [] : [[field, value]]
      }),
    )
    return done({ like: JSON.stringify(like) })
  },

  create: (context, attempt) =>
    ask(
      context,
      name,
      request(context, 'make a key', 'POST', '', {
        permissions: 'all',
        ...(parsed(attempt.prepared['like'] ?? '{}') as object),
        name: attempt.name,
      }),
      ({ body }) => {
        const made = parsed(body)
        const [id, secret] = [textAt(made, 'key_id'), textAt(made, 'xi-api-key')]
        return id === null || secret === null ? undefined : { remote: { id }, secret }
      },
    ),

  find: async (context, attempt) =>
    bearing(await list(context), attempt.name, ({ id, body }) => ({ id, name: textAt(body, 'name') })),

  disable: (context, { id }) => setEnabled(context, id, false),
  enable: (context, { id }) => setEnabled(context, id, true),
  revoke: (context, { id }) => remove(context, name, request(context, 'delete a key', 'DELETE', pathOf(id))),
}
