import { randomBytes } from 'node:crypto'
import {
  bearerOf,
  type Call,
  isFull,
  json,
  listed,
  orNull,
  pageOf,
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

export interface OpenAiSettings {
  readonly adminKey: string
  readonly projectId: string
  /**
   * Whether the deletion of one key is taken where a service account owns it. Versions of OpenAI's own client disagree:
   * an error until August 2026, a deletion since.
   */
  keyDeletion: 'deletes' | 'refuses'
}

interface Account {
  readonly id: string
  readonly name: string
  readonly createdAt: number
}
/** `account`: the service account that owns it; null: a person. */
interface KeyOwner {
  readonly account: string | null
  readonly name: string
}
const service = 'openai'

const failure = (status: number, message: string, code: string | null = null): Reply =>
  json(status, { error: { message, type: 'invalid_request_error', param: null, code } })

/** Projects' service accounts and keys of OpenAI's administration API. https://platform.openai.com/docs/api-reference/administration */
export const makeOpenAiKeys = (
  parts: Parts,
  settings: OpenAiSettings,
): StandIn & { readonly settings: OpenAiSettings; accounts(): readonly Account[] } => {
  const { secrets, conditions, now, next } = parts
  const accounts = new Map<string, Account>()
  const owners = new Map<string, KeyOwner>()

  const issue = (name: string, account: string | null, secret: string) => {
    const id = `key_${next()}`
    owners.set(id, { account, name })
    return secrets.issue({ service, id, secret, name, delayMs: conditions.propagationMs })
  }
  const newSecret = () => `sk-svcacct-demo-not-a-real-key-${randomBytes(24).toString('hex')}`

  const created = ({ id, name, secret, createdAt }: ReturnType<typeof issue>) => ({
    id,
    object: 'organization.project.service_account.api_key',
    name,
    value: secret,
    created_at: seconds(createdAt),
    expires_at: null,
  })
  const accountBody = ({ id, name, createdAt }: Account) => ({
    object: 'organization.project.service_account',
    id,
    name,
    role: 'member',
    created_at: seconds(createdAt),
  })
  const keyBody = (id: string) => {
    const key = secrets.find(service, id)
    const owner = owners.get(id)
    const account = owner?.account == null ? null : accounts.get(owner.account)
    return {
      object: 'organization.project.api_key',
      id,
      name: owner?.name ?? '',
      redacted_value: `${key?.secret.slice(0, 8)}...${key?.secret.slice(-4)}`,
      created_at: seconds(key?.createdAt ?? 0),
      last_used_at: key?.lastUsedAt == null ? null : seconds(key.lastUsedAt),
      owner_project_access: 'active',
      owner: account
        ? { type: 'service_account', service_account: accountBody(account) }
        : {
            type: 'user',
            user: { id: 'user_1', name: 'A person', email: 'person@demo.example', role: 'owner' },
          },
    }
  }
  const list = (call: Call, all: readonly { id: string }[]): Reply => {
    const limit = Number(call.query.get('limit') ?? 20)
    if (!Number.isInteger(limit) || limit < 1 || limit > 100)
      return failure(400, "Invalid value for 'limit'.")
    const { page, more } = pageOf(all, ({ id }) => id, call.query.get('after'), limit)
    const ids = page.map(({ id }) => id)
    return json(200, {
      object: 'list',
      data: page,
      first_id: ids[0] ?? null,
      last_id: ids.at(-1) ?? null,
      has_more: more,
    })
  }
  const inProject = (project: string | undefined): Reply | null =>
    project === settings.projectId
      ? null
      : failure(404, `Project with id '${project}' not found`, 'not_found')
  const noAccount = (id: string) => failure(404, `Service account ${id} not found`, 'not_found')

  const createAccount = (call: Call, [project]: readonly string[]): Reply => {
    const body = readBody(
      call,
      { name: text, create_service_account_only: orNull(truth), expires_in_seconds: orNull(whole) },
      ['name'],
    )
    if ('wrong' in body) return failure(400, body.wrong)
    const refusal = inProject(project)
    if (refusal) return refusal
    if (isFull(parts, service))
      return failure(400, 'The project has reached its limit of API keys.', 'api_key_limit_reached')
    const account = { id: `svc_acct_${next()}`, name: wordOf(body.value['name']), createdAt: now() }
    accounts.set(account.id, account)
    const only = body.value['create_service_account_only'] === true
    const key = only ? null : created(issue('Secret Key', account.id, newSecret()))
    return json(200, { ...accountBody(account), role: only ? 'none' : 'member', api_key: key })
  }
  const createKey = (call: Call, [project, account = '']: readonly string[]): Reply => {
    const body = readBody(call, { name: text, scopes: texts, expires_in_seconds: orNull(whole) })
    if ('wrong' in body) return failure(400, body.wrong)
    if (!accounts.has(account)) return inProject(project) ?? noAccount(account)
    return (
      inProject(project) ??
      json(200, created(issue(wordOf(body.value['name'], 'Secret Key'), account, newSecret())))
    )
  }
  const deleteAccount = (_: Call, [project, id = '']: readonly string[]): Reply => {
    const refusal = inProject(project)
    if (refusal) return refusal
    if (!accounts.delete(id)) return noAccount(id)
    for (const [key, owner] of owners) if (owner.account === id) secrets.revoke(service, key)
    return json(200, { object: 'organization.project.service_account.deleted', id, deleted: true })
  }
  const deleteKey = (_: Call, [project, id = '']: readonly string[]): Reply => {
    const refusal = inProject(project)
    if (refusal) return refusal
    const key = secrets.find(service, id)
    if (!key || key.revokedAt !== null) return failure(404, `API key ${id} not found`, 'not_found')
    if (settings.keyDeletion === 'refuses' && owners.get(id)?.account != null)
      return failure(400, 'API keys that belong to a service account cannot be deleted by themselves.')
    secrets.revoke(service, id)
    return json(200, { object: 'organization.project.api_key.deleted', id, deleted: true })
  }

  const accountsPath = /^\/v1\/organization\/projects\/([^/]+)\/service_accounts$/
  const accountPath = /^\/v1\/organization\/projects\/([^/]+)\/service_accounts\/([^/]+)$/
  const keysPath = /^\/v1\/organization\/projects\/([^/]+)\/api_keys$/
  const keyPath = /^\/v1\/organization\/projects\/([^/]+)\/api_keys\/([^/]+)$/
  return {
    service,
    settings,
    accounts: () => [...accounts.values()],
    routes: [
      { method: 'POST', path: accountsPath, verb: 'create', handle: createAccount },
      {
        method: 'GET',
        path: accountsPath,
        verb: 'list',
        query: ['limit', 'after'],
        handle: (call, [project]) =>
          inProject(project) ??
          list(
            call,
            [...accounts.values()]
              .filter(({ createdAt }) => createdAt + conditions.listingMs <= now())
              .map(accountBody),
          ),
      },
      {
        method: 'GET',
        path: accountPath,
        verb: 'read',
        handle: (_, [project, id = '']) => {
          const account = accounts.get(id)
          return inProject(project) ?? (account ? json(200, accountBody(account)) : noAccount(id))
        },
      },
      { method: 'DELETE', path: accountPath, verb: 'revoke', handle: deleteAccount },
      {
        method: 'POST',
        path: /^\/v1\/organization\/projects\/([^/]+)\/service_accounts\/([^/]+)\/api_keys$/,
        verb: 'create',
        handle: createKey,
      },
      {
        method: 'GET',
        path: keysPath,
        verb: 'list',
        query: ['limit', 'after', 'owner_project_access'],
        handle: (call, [project]) =>
          inProject(project) ??
          list(
            call,
            listed(parts, service).map(({ id }) => keyBody(id)),
          ),
      },
      {
        method: 'GET',
        path: keyPath,
        verb: 'read',
        handle: (_, [project, id = '']) => {
          const key = secrets.find(service, id)
          const isThere = key !== null && key.revokedAt === null
          return (
            inProject(project) ??
            (isThere ? json(200, keyBody(id)) : failure(404, `API key ${id} not found`, 'not_found'))
          )
        },
      },
      { method: 'DELETE', path: keyPath, verb: 'revoke', handle: deleteKey },
    ],
    authenticate(call) {
      const key = bearerOf(call)
      if (key === settings.adminKey) return null
      if (key === null) return failure(401, "You didn't provide an API key.")
      return secrets.look(service, key) === null
        ? failure(401, 'Incorrect API key provided.', 'invalid_api_key')
        : failure(
            403,
            'You have insufficient permissions for this operation. Missing scopes: api.management.write.',
          )
    },
    refuse: (status, message) => failure(status, message),
    adopt: (secret, name = 'A key made by hand') => issue(name, null, secret),
    memory: {
      save: () => ({ accounts: [...accounts], owners: [...owners] }),
      load(saved) {
        const before = saved as { accounts: [string, Account][]; owners: [string, KeyOwner][] }
        for (const [id, account] of before.accounts) accounts.set(id, account)
        for (const [id, owner] of before.owners) owners.set(id, owner)
      },
    },
  }
}
