import { type DriverContext, done, type RotationDriver } from '../driver.ts'
import { allPages, type Asked, ask, at, change, jsonHeaders, listAt, parsed, remove, textAt } from './call.ts'
import { bearing, onlyMatch, ownScope } from './names.ts'

const name = 'OpenRouter'
const pageSize = 100

const request = (
  context: DriverContext,
  what: string,
  method: Asked['method'],
  path: string,
  body?: unknown,
): Asked => ({
  what,
  method,
  url: `${context.addressOf('https://openrouter.ai/api')}/v1/keys${path}`,
  headers: {
    authorization: `Bearer ${context.credential['managementKey'] ?? ''}`,
    ...(body === undefined ? {} : jsonHeaders),
  },
  ...(body === undefined ? {} : { body: JSON.stringify(body) }),
})

/** Pages have a hundred keys; an empty or shorter one is the last. */
const list = (context: DriverContext) =>
  allPages(name, (offset) =>
    ask(
      context,
      name,
      request(context, 'list keys', 'GET', `?include_disabled=true&offset=${offset ?? '0'}`),
      ({ body }) => {
        const all = listAt(parsed(body), 'data')
        const items = all?.flatMap((one) => {
          const hash = textAt(one, 'hash')
          return hash === null ? [] : [{ hash, name: textAt(one, 'name'), label: textAt(one, 'label') }]
        })
        if (!items || !all) return undefined
        return { items, next: all.length < pageSize ? null : String(Number(offset ?? 0) + pageSize) }
      },
    ),
  )

/** What a key may spend goes over to its successor. */
const carried = ['limit', 'limit_reset', 'include_byok_in_limit', 'workspace_id'] as const

export const openrouter: RotationDriver = {
  id: 'openrouter',
  name: 'OpenRouter keys',
  serviceIds: ['openrouter'],
  crashClass: 'orphan_detectable',
  docsUrl: 'https://openrouter.ai/docs/guides/overview/auth/management-api-keys',
  credential: [
    {
      id: 'managementKey',
      label: 'Management key',
      hint: 'sk-or-v1-…, made under Settings → Management keys',
      required: true,
      secret: true,
      pattern: /^sk-or-[A-Za-z0-9_-]{20,200}$/,
      expected: 'A management key begins with sk-or-.',
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
      { what: 'Management key', ok: true, detail: `It may list the account’s ${keys.value.length} keys.` },
    ])
  },

  async identify(context) {
    const keys = await list(context)
    if (keys.kind !== 'done') return keys
    const match = await onlyMatch(context, keys.value, ({ label }) => label)
    return match.kind === 'done' ? done(match.value && { id: match.value.hash }) : match
  },

  async prepare(context, current) {
    if (current === null) return done({})
    return ask<Readonly<Record<string, string>>>(
      context,
      name,
      request(context, 'read a key', 'GET', `/${encodeURIComponent(current.id)}`),
      ({ body }) => {
        const key = at(parsed(body), 'data')
        if (textAt(key, 'hash') === null) return undefined
        const like = Object.fromEntries(
          carried.flatMap((field) => {
            const value = at(key, field)
            return value === null || value === undefined ? [] : [[field, value]]
          }),
        )
        return { like: JSON.stringify(like) }
      },
      ({ status }) => (status === 404 ? done({}) : null),
    )
  },

  create: (context, attempt) => {
    const like = parsed(attempt.prepared['like'] ?? '{}') as object
    return ask(
      context,
      name,
      request(context, 'make a key', 'POST', '', { ...like, name: attempt.name }),
      ({ body }) => {
        const made = parsed(body)
        const [id, secret] = [textAt(made, 'data', 'hash'), textAt(made, 'key')]
        return id === null || secret === null ? undefined : { remote: { id }, secret }
      },
    )
  },

  find: async (context, attempt) =>
    bearing(await list(context), attempt.name, ({ hash, name: its }) => ({ id: hash, name: its })),

  disable: (context, { id }) =>
    change(
      context,
      name,
      request(context, 'switch a key off', 'PATCH', `/${encodeURIComponent(id)}`, { disabled: true }),
    ),
  enable: (context, { id }) =>
    change(
      context,
      name,
      request(context, 'switch a key on', 'PATCH', `/${encodeURIComponent(id)}`, { disabled: false }),
    ),
  revoke: (context, { id }) =>
    remove(context, name, request(context, 'delete a key', 'DELETE', `/${encodeURIComponent(id)}`)),
}
