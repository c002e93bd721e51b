import { type DriverContext, done, refused, type RotationDriver } from '../driver.ts'
import { allPages, type Asked, ask, jsonHeaders, listAt, parsed, remove, textAt } from './call.ts'
import { bearing, ownScope } from './names.ts'

const name = 'Fireworks'

const request = (
  context: DriverContext,
  what: string,
  method: Asked['method'],
  path: string,
  body?: unknown,
): Asked => {
  const { accountId = '', userId = '', adminKey = '' } = context.credential
  const user = `/v1/accounts/${encodeURIComponent(accountId)}/users/${encodeURIComponent(userId)}`
  return {
    what,
    method,
    url: `${context.addressOf('https://api.fireworks.ai')}${user}${path}`,
    headers: { authorization: `Bearer ${adminKey}`, ...(body === undefined ? {} : jsonHeaders) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }
}

const list = (context: DriverContext) =>
  allPages(name, (cursor) =>
    ask(
      context,
      name,
      request(
        context,
        'list keys',
        'GET',
        `/apiKeys?pageSize=200${cursor === null ? '' : `&pageToken=${encodeURIComponent(cursor)}`}`,
      ),
      ({ body }) => {
        const page = parsed(body)
        if (typeof page !== 'object' || page === null) return undefined
        const items = (listAt(page, 'apiKeys') ?? []).flatMap((one) => {
          const id = textAt(one, 'keyId')
          return id === null
            ? []
            : [{ id, displayName: textAt(one, 'displayName'), prefix: textAt(one, 'prefix') }]
        })
        return { items, next: textAt(page, 'nextPageToken') }
      },
    ),
  )

/** Keys of a user, or of a service account, which is a user as well. */
export const fireworks: RotationDriver = {
  id: 'fireworks',
  name: 'Fireworks keys',
  serviceIds: ['fireworks'],
  crashClass: 'orphan_detectable',
  docsUrl: 'https://docs.fireworks.ai/api-reference/create-api-key',
  credential: [
    {
      id: 'adminKey',
      label: 'Administrator’s key',
      hint: 'fw_…, of an administrator of the account, other than the key to rotate',
      required: true,
      secret: true,
      pattern: /^fw_[A-Za-z0-9]{16,100}$/,
      expected: 'A key begins with fw_.',
    },
    {
      id: 'accountId',
      label: 'Account',
      hint: 'the account’s id, as firectl whoami says',
      required: true,
      secret: false,
      pattern: /^[a-z0-9][a-z0-9-]{0,99}$/,
      expected: 'An account’s id has small letters, digits and hyphens.',
    },
    {
      id: 'userId',
      label: 'User or service account',
      hint: 'whose keys they are',
      required: true,
      secret: false,
      pattern: /^[A-Za-z0-9][A-Za-z0-9_.@-]{0,99}$/,
      expected: 'A user’s id has letters, digits, - and _ only.',
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
        what: 'Administrator’s key and user',
        ok: true,
        detail: `It may list the user’s ${keys.value.length} keys.`,
      },
    ])
  },

  /** A list shows how keys begin, and nothing of their ends. */
  async identify(context) {
    const keys = await list(context)
    if (keys.kind !== 'done') return keys
    const secret = await context.currentSecret()
    if (!secret.ok) return refused('invalid', secret.fault.message)
    const beginning = keys.value.filter(
      ({ prefix }) => prefix !== null && prefix.length >= 6 && secret.value.startsWith(prefix),
    )
    return done(beginning.length === 1 && beginning[0] ? { id: beginning[0].id } : null)
  },

  create: (context, attempt) =>
    ask(
      context,
      name,
      request(context, 'make a key', 'POST', '/apiKeys', { apiKey: { displayName: attempt.name } }),
      ({ body }) => {
        const made = parsed(body)
        const [id, secret] = [textAt(made, 'keyId'), textAt(made, 'key')]
        return id === null || secret === null ? undefined : { remote: { id }, secret }
      },
    ),

  find: async (context, attempt) =>
    bearing(await list(context), attempt.name, ({ id, displayName }) => ({ id, name: displayName })),

  /** A verb of its own, not HTTP's. */
  revoke: (context, { id }) =>
    remove(context, name, request(context, 'delete a key', 'POST', '/apiKeys:delete', { keyId: id })),
}
