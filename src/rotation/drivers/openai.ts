import type { OutboundReply } from '../../net/outbound.ts'
import {
  type DriverContext,
  type DriverReply,
  done,
  type RemoteKey,
  type RotationDriver,
  refused,
} from '../driver.ts'
import { allPages, ask, at, jsonHeaders, listAt, parsed, remove, textAt } from './call.ts'
import { isOurName, onlyMatch, ownScope } from './names.ts'

const name = 'OpenAI'

const projectUrl = (context: DriverContext, path: string): string =>
  `${context.addressOf('https://api.openai.com')}/v1/organization/projects/${encodeURIComponent(context.credential['projectId'] ?? '')}${path}`
const headersOf = ({ credential }: DriverContext) => ({
  authorization: `Bearer ${credential['adminKey'] ?? ''}`,
})

interface Listed {
  readonly id: string
  readonly body: unknown
}

/** Lists of the administration API: `after` is the last id that was read. */
const list = (context: DriverContext, path: string, what: string): Promise<DriverReply<readonly Listed[]>> =>
  allPages<Listed>(name, (after) =>
    ask(
      context,
      name,
      {
        what,
        method: 'GET',
        url: projectUrl(
          context,
          `${path}?limit=100${after === null ? '' : `&after=${encodeURIComponent(after)}`}`,
        ),
        headers: headersOf(context),
      },
      ({ body }) => {
        const page = parsed(body)
        const items = listAt(page, 'data')?.flatMap((one) => {
          const id = textAt(one, 'id')
          return id === null ? [] : [{ id, body: one }]
        })
        return items && { items, next: at(page, 'has_more') === true ? textAt(page, 'last_id') : null }
      },
    ),
  )

const accounts = (context: DriverContext) => list(context, '/service_accounts', 'list service accounts')

/**
 * Of the account that a rotation made: it has this one key and no other purpose. Somebody else's account is never
 * deleted, whatever the key's record says; so the name is read again first.
 */
const removeAccount = async (context: DriverContext, id: string): Promise<DriverReply<void>> => {
  const path = `/service_accounts/${encodeURIComponent(id)}`
  const account = await ask<string | null>(
    context,
    name,
    {
      what: 'read a service account',
      method: 'GET',
      url: projectUrl(context, path),
      headers: headersOf(context),
    },
    ({ body }) => textAt(parsed(body), 'name') ?? undefined,
    ({ status }) => (status === 404 ? done(null) : null),
  )
  if (account.kind !== 'done') return account
  if (account.value === null) return done(undefined)
  if (!isOurName(account.value))
    return refused(
      'invalid',
      'The service account was not made by a rotation, so it is left alone. Delete its key by hand.',
    )
  return remove(context, name, {
    what: 'delete a service account',
    method: 'DELETE',
    url: projectUrl(context, path),
    headers: headersOf(context),
  })
}

/** It makes no difference to try again what is about the admin key, the pace, or the connection. */
const isAboutTheKey = (reply: DriverReply<void>): boolean =>
  reply.kind === 'refused' && (reply.reason === 'invalid' || reply.reason === 'credential')

const remoteOf = (key: Listed): RemoteKey => {
  const account = textAt(key.body, 'owner', 'service_account', 'id')
  const isOurs = isOurName(textAt(key.body, 'owner', 'service_account', 'name'))
  return account !== null && isOurs ? { id: key.id, more: { serviceAccount: account } } : { id: key.id }
}

const created = ({ body }: OutboundReply) => {
  const account = parsed(body)
  const [id, key, secret] = [
    textAt(account, 'id'),
    textAt(account, 'api_key', 'id'),
    textAt(account, 'api_key', 'value'),
  ]
  return id === null || key === null || secret === null
    ? undefined
    : { remote: { id: key, more: { serviceAccount: id } }, secret }
}

/** One service account for each version: its name is the attempt's, and what it owns goes with it. */
export const openai: RotationDriver = {
  id: 'openai',
  name: 'OpenAI service accounts',
  serviceIds: ['openai'],
  crashClass: 'orphan_detectable',
  docsUrl: 'https://platform.openai.com/docs/api-reference/project-service-accounts',
  credential: [
    {
      id: 'adminKey',
      label: 'Admin key',
      hint: 'sk-admin-…, made by an organisation owner under Settings → Organization → Admin keys',
      required: true,
      secret: true,
      pattern: /^sk-admin-[A-Za-z0-9_-]{20,400}$/,
      expected: 'An admin key begins with sk-admin-. A project key cannot manage keys.',
    },
    {
      id: 'projectId',
      label: 'Project',
      hint: 'proj_…, where the keys are; it may not be the Default project',
      required: true,
      secret: false,
      pattern: /^proj_[A-Za-z0-9_-]{1,100}$/,
      expected: 'A project’s id begins with proj_.',
    },
    {
      id: 'expiryDays',
      label: 'Days until a key expires',
      hint: 'empty: never. Needed where a policy of the organisation asks for it; rotate more often than that',
      required: false,
      secret: false,
      pattern: /^(?:[1-9]\d?|[12]\d\d|3[0-5]\d|36[0-5])$/,
      expected: 'A number of days from 1 to 365.',
    },
  ],
  maximumKeys: null,
  settleSeconds: 60,
  propagationSeconds: 120,
  scopeOf: ownScope,

  async check(context) {
    const found = await accounts(context)
    if (found.kind !== 'done') return found
    return done([
      {
        what: 'Admin key and project',
        ok: true,
        detail: `The key may list the project’s ${found.value.length} service accounts. Whether it may make one shows only when it does.`,
      },
    ])
  },

  async identify(context) {
    const keys = await list(context, '/api_keys', 'list keys')
    if (keys.kind !== 'done') return keys
    const match = await onlyMatch(context, keys.value, ({ body }) => textAt(body, 'redacted_value'))
    return match.kind === 'done' ? done(match.value && remoteOf(match.value)) : match
  },

  create: (context, attempt) => {
    const days = Number(context.credential['expiryDays'] || 0)
    const body = { name: attempt.name, ...(days > 0 && { expires_in_seconds: days * 86_400 }) }
    return ask(
      context,
      name,
      {
        what: 'make a service account',
        method: 'POST',
        url: projectUrl(context, '/service_accounts'),
        headers: { ...headersOf(context), ...jsonHeaders },
        body: JSON.stringify(body),
      },
      created,
    )
  },

  async find(context, attempt) {
    const found = await accounts(context)
    if (found.kind !== 'done') return found
    const ours = found.value.filter(({ body }) => textAt(body, 'name') === attempt.name)
    return done(
      ours.map(({ id }) => ({
        remote: { id, more: { serviceAccount: id } },
        secret: null,
        certain: true,
      })),
    )
  },

  async lastUsed(context, { id }) {
    return ask<Date | null>(
      context,
      name,
      {
        what: 'read a key',
        method: 'GET',
        url: projectUrl(context, `/api_keys/${encodeURIComponent(id)}`),
        headers: headersOf(context),
      },
      ({ body }) => {
        const used = at(parsed(body), 'last_used_at')
        return typeof used === 'number' ? new Date(used * 1000) : used === null ? null : undefined
      },
    )
  },

  /**
   * The key, then its empty account. Until August 2026 OpenAI refused to delete a key that a service account owns; where
   * it still does, deleting the account takes the key with it.
   */
  async revoke(context, { id, more }) {
    const account = more?.['serviceAccount']
    if (account !== id) {
      const key = await remove(context, name, {
        what: 'delete a key',
        method: 'DELETE',
        url: projectUrl(context, `/api_keys/${encodeURIComponent(id)}`),
        headers: headersOf(context),
      })
      if (key.kind !== 'done' && !(account !== undefined && isAboutTheKey(key))) return key
    }
    return account === undefined ? done(undefined) : removeAccount(context, account)
  },
}
