import { type DriverContext, done, type RotationDriver } from '../driver.ts'
import { allPages, type Asked, ask, at, change, jsonHeaders, listAt, parsed, remove, textAt } from './call.ts'
import { bearing, onlyMatch, ownScope } from './names.ts'

const name = 'xAI'
/** A key without access lists may do nothing at all. */
const everything = ['api-key:model:*', 'api-key:endpoint:*']

const request = (
  context: DriverContext,
  what: string,
  method: Asked['method'],
  path: string,
  body?: unknown,
): Asked => ({
  what,
  method,
  url: `${context.addressOf('https://management-api.x.ai')}/auth${path}`,
  headers: {
    authorization: `Bearer ${context.credential['managementKey'] ?? ''}`,
    ...(body === undefined ? {} : jsonHeaders),
  },
  ...(body === undefined ? {} : { body: JSON.stringify(body) }),
})
const teamOf = ({ credential }: DriverContext): string =>
  `/teams/${encodeURIComponent(credential['teamId'] ?? '')}/api-keys`
const keyOf = (id: string): string => `/api-keys/${encodeURIComponent(id)}`

const list = (context: DriverContext) =>
  allPages(name, (cursor) =>
    ask(
      context,
      name,
      request(
        context,
        'list keys',
        'GET',
        `${teamOf(context)}?pageSize=100${cursor === null ? '' : `&paginationToken=${encodeURIComponent(cursor)}`}`,
      ),
      ({ body }) => {
        const page = parsed(body)
        if (typeof page !== 'object' || page === null) return undefined
        const items = (listAt(page, 'apiKeys') ?? []).flatMap((one) => {
          const id = textAt(one, 'apiKeyId')
          return id === null ? [] : [{ id, body: one }]
        })
        return { items, next: textAt(page, 'paginationToken') ?? textAt(page, 'nextPaginationToken') }
      },
    ),
  )

const setDisabled = (context: DriverContext, id: string, disabled: boolean) =>
  change(
    context,
    name,
    request(context, disabled ? 'switch a key off' : 'switch a key on', 'PUT', keyOf(id), {
      apiKey: { apiKeyId: id, disabled },
      fieldMask: 'disabled',
    }),
  )

/** Anything in a report that says no: how clusters are named in it is not published. */
const saysNo = (value: unknown): boolean =>
  value === false ||
  value === 'false' ||
  (typeof value === 'object' && value !== null && Object.values(value).some(saysNo))

export const xai: RotationDriver = {
  id: 'xai',
  name: 'xAI keys',
  serviceIds: ['xai'],
  crashClass: 'orphan_detectable',
  docsUrl: 'https://docs.x.ai/docs/key-information/using-management-api',
  credential: [
    {
      id: 'managementKey',
      label: 'Management key',
      hint: 'made at console.x.ai → Settings → Management keys, with read and write of keys',
      required: true,
      secret: true,
      pattern: /^[A-Za-z0-9_-]{20,300}$/,
      expected: 'A management key has letters, digits, - and _ only.',
    },
    {
      id: 'teamId',
      label: 'Team',
      hint: 'the team’s id, as in the address of its console',
      required: true,
      secret: false,
      pattern: /^[A-Za-z0-9_-]{4,100}$/,
      expected: 'A team’s id has letters, digits and hyphens.',
    },
  ],
  maximumKeys: null,
  settleSeconds: 30,
  propagationSeconds: 300,
  scopeOf: ownScope,

  async check(context) {
    const keys = await list(context)
    if (keys.kind !== 'done') return keys
    return done([
      {
        what: 'Management key and team',
        ok: true,
        detail: `It may list the team’s ${keys.value.length} keys.`,
      },
    ])
  },

  async identify(context) {
    const keys = await list(context)
    if (keys.kind !== 'done') return keys
    const match = await onlyMatch(context, keys.value, ({ body }) => textAt(body, 'redactedApiKey'))
    return match.kind === 'done' ? done(match.value && { id: match.value.id }) : match
  },

  /** Access lists and limits of the old key; there is no call that reads one alone. */
  async prepare(context, current) {
    if (current === null) return done({})
    const keys = await list(context)
    if (keys.kind !== 'done') return keys
    const key = keys.value.find(({ id }) => id === current.id)?.body
    const acls = (listAt(key, 'aclStrings') ?? listAt(key, 'acls') ?? []).filter(
      (acl) => typeof acl === 'string',
    )
    const like = Object.fromEntries([
      ...(acls.length > 0 ? [['acls', acls]] : []),
      ...['qps', 'qpm', 'tpm'].flatMap((field) => {
        const value = at(key, field)
        return typeof value === 'number' || (typeof value === 'string' && value !== '')
          ? [[field, value]]
          : []
      }),
    ]) as object
    return done({ like: JSON.stringify(like) })
  },

  create: (context, attempt) =>
    ask(
      context,
      name,
      request(context, 'make a key', 'POST', teamOf(context), {
        acls: everything,
        ...(parsed(attempt.prepared['like'] ?? '{}') as object),
        name: attempt.name,
      }),
      ({ body }) => {
        const made = parsed(body)
        const [id, secret] = [textAt(made, 'apiKeyId'), textAt(made, 'apiKey')]
        return id === null || secret === null ? undefined : { remote: { id }, secret }
      },
    ),

  find: async (context, attempt) =>
    bearing(await list(context), attempt.name, ({ id, body }) => ({ id, name: textAt(body, 'name') })),

  ready: (context, { id }) =>
    ask(
      context,
      name,
      request(context, 'say whether a key has spread', 'GET', `${keyOf(id)}/propagation`),
      ({ body }) => {
        const report = parsed(body)
        return typeof report === 'object' && report !== null ? !saysNo(report) : undefined
      },
      // Not known there yet.
      ({ status }) => (status === 404 ? done(false) : null),
    ),

  disable: (context, { id }) => setDisabled(context, id, true),
  enable: (context, { id }) => setDisabled(context, id, false),
  revoke: (context, { id }) => remove(context, name, request(context, 'delete a key', 'DELETE', keyOf(id))),
}
