import { type DriverContext, type DriverReply, done, type RotationDriver } from '../driver.ts'
import { allPages, type Asked, ask, at, jsonHeaders, listAt, parsed, textAt } from './call.ts'
import { onlyMatch, ownScope } from './names.ts'

const name = 'Anthropic'

const request = (
  context: DriverContext,
  what: string,
  method: Asked['method'],
  path: string,
  body?: unknown,
): Asked => ({
  what,
  method,
  url: `${context.addressOf('https://api.anthropic.com')}/v1/organizations/api_keys${path}`,
  headers: {
    'x-api-key': context.credential['adminKey'] ?? '',
    'anthropic-version': '2023-06-01',
    ...(body === undefined ? {} : jsonHeaders),
  },
  ...(body === undefined ? {} : { body: JSON.stringify(body) }),
})

const list = (context: DriverContext) =>
  allPages(name, (after) =>
    ask(
      context,
      name,
      request(
        context,
        'list keys',
        'GET',
        `?limit=1000&status=active${after === null ? '' : `&after_id=${encodeURIComponent(after)}`}`,
      ),
      ({ body }) => {
        const page = parsed(body)
        const items = listAt(page, 'data')?.flatMap((one) => {
          const id = textAt(one, 'id')
          return id === null ? [] : [{ id, hint: textAt(one, 'partial_key_hint') }]
        })
        return items && { items, next: at(page, 'has_more') === true ? textAt(page, 'last_id') : null }
      },
    ),
  )

/** The reply has the key as it is now: a status that did not change is no success. */
const setStatus = (
  context: DriverContext,
  id: string,
  status: 'active' | 'inactive' | 'archived',
): Promise<DriverReply<void>> =>
  ask<void>(
    context,
    name,
    request(context, `make a key ${status}`, 'POST', `/${encodeURIComponent(id)}`, { status }),
    () => undefined,
    (reply) =>
      (reply.status === 200 && textAt(parsed(reply.body), 'status') === status) ||
      (reply.status === 404 && status === 'archived')
        ? done(undefined)
        : null,
  )

/**
 * Keys are made in the console only, so a person pastes the new one. What the administration API can do is switch the old
 * one off, and archive it, which cannot be taken back. Without an admin key the person does that, too.
 */
export const anthropic: RotationDriver = {
  id: 'anthropic',
  name: 'Anthropic, assisted',
  serviceIds: ['anthropic'],
  crashClass: 'assisted',
  docsUrl: 'https://platform.claude.com/docs/en/manage-claude/admin-api',
  credential: [
    {
      id: 'adminKey',
      label: 'Admin key',
      hint: 'sk-ant-admin01-…, made by an organisation’s admin under Settings → Admin keys',
      required: true,
      secret: true,
      pattern: /^sk-ant-admin[A-Za-z0-9_-]{20,400}$/,
      expected: 'An admin key begins with sk-ant-admin.',
    },
  ],
  maximumKeys: null,
  settleSeconds: 0,
  propagationSeconds: 60,
  scopeOf: ownScope,

  async check(context) {
    const keys = await list(context)
    if (keys.kind !== 'done') return keys
    return done([
      {
        what: 'Admin key',
        ok: true,
        detail: `It may list the organisation’s ${keys.value.length} active keys.`,
      },
    ])
  },

  async identify(context) {
    const keys = await list(context)
    if (keys.kind !== 'done') return keys
    const match = await onlyMatch(context, keys.value, ({ hint }) => hint)
    return match.kind === 'done' ? done(match.value && { id: match.value.id }) : match
  },

  disable: (context, { id }) => setStatus(context, id, 'inactive'),
  enable: (context, { id }) => setStatus(context, id, 'active'),
  revoke: (context, { id }) => setStatus(context, id, 'archived'),
}
