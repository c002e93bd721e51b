import { createHash } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { vertexTokenExchange } from '../../services/vertex-token.ts'
import {
  type CreatedKey,
  type DriverContext,
  type DriverReply,
  done,
  refused,
  type RotationDriver,
  unknownOutcome,
} from '../driver.ts'
import {
  allPages,
  type Asked,
  ask,
  at,
  beforehand,
  exchange,
  failureOf,
  isSuccess,
  jsonHeaders,
  listAt,
  parsed,
  textAt,
} from './call.ts'
import { ownScope } from './names.ts'

const name = 'Google Cloud'

/** Without a restriction Gemini refuses a key. */
const geminiOnly = { apiTargets: [{ service: 'generativelanguage.googleapis.com' }] }
/** Operations on keys take a second or two; the key is there before they say that they are done. */
const pollsMs = [0, 250, 500, 1_000] as const
/** Their secrets are read one by one to find the one in use. */
const mostCompared = 50

interface Access {
  readonly context: DriverContext
  readonly token: string
}

/** A service account's own assertion for a token; the address of the document is never used (src/services/vertex-token.ts). */
const open = async (context: DriverContext): Promise<DriverReply<Access>> => {
  const request = vertexTokenExchange.request(context.credential['serviceAccount'] ?? '', context.now())
  if (request === null)
    return refused('credential', 'The service account’s document holds no usable private key.')
  const { headers, body } = request
  const asked = {
    what: 'issue an access token',
    method: 'POST',
    url: `${context.addressOf('https://oauth2.googleapis.com')}/token`,
    headers,
    body,
  } as const
  return beforehand(
    await ask<Access>(
      context,
      name,
      asked,
      (reply) => {
        const token = vertexTokenExchange.read(reply.status, reply.body)?.accessToken
        return token === undefined ? undefined : { context, token }
      },
      ({ status }) =>
        status === 400 ? refused('credential', 'Google refused the service account’s assertion.') : null,
    ),
  )
}

const request = (
  { context, token }: Access,
  what: string,
  method: Asked['method'],
  path: string,
  body?: unknown,
): Asked => ({
  what,
  method,
  url: `${context.addressOf('https://apikeys.googleapis.com')}/v2/${path}`,
  headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : jsonHeaders) },
  ...(body === undefined ? {} : { body: JSON.stringify(body) }),
})
const parentOf = ({ context }: Access): string =>
  `projects/${encodeURIComponent(context.credential['projectId'] ?? '')}/locations/global/keys`

const keyString = (access: Access, id: string): Promise<DriverReply<string | null>> =>
  ask<string | null>(
    access.context,
    name,
    request(access, 'read a key', 'GET', `${parentOf(access)}/${encodeURIComponent(id)}/keyString`),
    ({ body }) => textAt(parsed(body), 'keyString') ?? undefined,
    // 400: it was deleted, and stays for thirty days.
    ({ status }) => (status === 404 || status === 400 ? done(null) : null),
  )

const finished = async (access: Access, operation: string): Promise<boolean> => {
  for (const ms of pollsMs) {
    if (ms > 0) await wait(ms)
    const asked = request(access, 'finish', 'GET', operation)
    const reply = await ask(access.context, name, asked, ({ body }) => parsed(body) ?? undefined)
    if (reply.kind !== 'done') return false
    if (at(reply.value, 'done') === true) return true
  }
  return false
}

const readCreated = async (access: Access, id: string): Promise<DriverReply<CreatedKey>> => {
  const secret = await keyString(access, id)
  if (secret.kind === 'done' && secret.value !== null) return done({ remote: { id }, secret: secret.value })
  // It was asked for, so whatever is wrong now: it may be there.
  return unknownOutcome('The key was asked for at Google Cloud and could not be read afterwards.')
}

const list = (access: Access) =>
  allPages(name, (token) =>
    ask(
      access.context,
      name,
      request(
        access,
        'list keys',
        'GET',
        `${parentOf(access)}?pageSize=300${token === null ? '' : `&pageToken=${encodeURIComponent(token)}`}`,
      ),
      ({ body }) => {
        const page = parsed(body)
        if (typeof page !== 'object' || page === null) return undefined
        const items = (listAt(page, 'keys') ?? []).flatMap(
          (one) => textAt(one, 'name')?.split('/').at(-1) ?? [],
        )
        return { items, next: textAt(page, 'nextPageToken') }
      },
    ),
  )

const restrictionsOf = (text: string | undefined): unknown => (text === undefined ? geminiOnly : parsed(text))
const digest = (text: string): string => createHash('sha256').update(text).digest('hex')

/** API keys of a Google Cloud project. The key's id is the attempt's name, and its secret can be read again. */
export const google: RotationDriver = {
  id: 'google',
  name: 'Google API keys',
  serviceIds: ['gemini'],
  crashClass: 'recoverable',
  docsUrl: 'https://cloud.google.com/docs/authentication/api-keys',
  credential: [
    {
      id: 'serviceAccount',
      label: 'Service account key',
      hint: 'the JSON document of a service account with the role API Keys Admin (roles/serviceusage.apiKeysAdmin)',
      required: true,
      secret: true,
      kind: 'json',
      pattern: /^\s*\{[\s\S]{50,16000}\}\s*$/,
      expected: 'Paste the whole JSON document of the service account’s key.',
    },
    {
      id: 'projectId',
      label: 'Project',
      hint: 'id or number of the Google Cloud project that the keys are in',
      required: true,
      secret: false,
      pattern: /^(?:[a-z][a-z0-9-]{4,28}[a-z0-9]|\d{1,20})$/,
      expected: 'A project’s id has 6 to 30 small letters, digits and hyphens.',
    },
  ],
  maximumKeys: null,
  settleSeconds: 60,
  propagationSeconds: 300,
  scopeOf: ownScope,

  async check(context) {
    const access = await open(context)
    if (access.kind !== 'done') return access
    const keys = await list(access.value)
    if (keys.kind !== 'done') return keys
    return done([
      { what: 'Service account', ok: true, detail: 'Google issues access tokens to it.' },
      {
        what: 'Keys of the project',
        ok: true,
        detail: `It may list the project’s ${keys.value.length} keys.`,
      },
    ])
  },

  async identify(context) {
    const current = await context.currentSecret()
    if (!current.ok) return refused('invalid', current.fault.message)
    const access = await open(context)
    if (access.kind !== 'done') return access
    const keys = await list(access.value)
    if (keys.kind !== 'done') return keys
    for (const id of keys.value.slice(0, mostCompared)) {
      const secret = await keyString(access.value, id)
      if (secret.kind !== 'done') return secret
      if (secret.value !== null && digest(secret.value) === digest(current.value)) return done({ id })
    }
    return done(null)
  },

  /** The new key may what the old one may. */
  async prepare(context, current) {
    if (current === null) return done({})
    const access = await open(context)
    if (access.kind !== 'done') return access
    return ask<Readonly<Record<string, string>>>(
      context,
      name,
      request(
        access.value,
        'read a key',
        'GET',
        `${parentOf(access.value)}/${encodeURIComponent(current.id)}`,
      ),
      ({ body }) => {
        const key = parsed(body)
        if (textAt(key, 'name') === null) return undefined
        const restrictions = at(key, 'restrictions')
        const like: Record<string, string> =
          restrictions === undefined ? {} : { restrictions: JSON.stringify(restrictions) }
        return like
      },
      ({ status }) => (status === 404 ? done({}) : null),
    )
  },

  async create(context, attempt) {
    const access = await open(context)
    if (access.kind !== 'done') return access
    const asked = request(
      access.value,
      'make a key',
      'POST',
      `${parentOf(access.value)}?keyId=${encodeURIComponent(attempt.name)}`,
      { displayName: attempt.name, restrictions: restrictionsOf(attempt.prepared['restrictions']) },
    )
    const replied = await exchange(context, name, asked)
    if (replied.kind !== 'replied') return replied
    const { reply } = replied
    // Its id is nobody else's, so it is ours: an earlier reply was lost.
    if (reply.status === 409) return readCreated(access.value, attempt.name)
    if (!isSuccess(reply.status)) return failureOf(name, asked.what, reply)
    const operation = textAt(parsed(reply.body), 'name')
    if (operation === null || !/^operations\/[A-Za-z0-9._-]{1,200}$/.test(operation))
      return unknownOutcome('Google Cloud answered something unreadable when asked to make a key.')
    if (!(await finished(access.value, operation)))
      return unknownOutcome('Google Cloud had not finished making the key when we stopped asking.')
    return readCreated(access.value, attempt.name)
  },

  async find(context, attempt) {
    const access = await open(context)
    if (access.kind !== 'done') return access
    const secret = await keyString(access.value, attempt.name)
    if (secret.kind !== 'done') return secret
    return done(
      secret.value === null ? [] : [{ remote: { id: attempt.name }, secret: secret.value, certain: true }],
    )
  },

  async revoke(context, { id }) {
    const access = await open(context)
    if (access.kind !== 'done') return access
    const path = `${parentOf(access.value)}/${encodeURIComponent(id)}`
    const asked = request(access.value, 'delete a key', 'DELETE', path)
    const replied = await exchange(context, name, asked)
    if (replied.kind !== 'replied') return replied
    if (isSuccess(replied.reply.status) || replied.reply.status === 404) return done(undefined)
    if (replied.reply.status !== 400) return failureOf(name, asked.what, replied.reply)
    // Deleted before, and still shown for thirty days.
    return ask<void>(
      context,
      name,
      request(access.value, 'read a key', 'GET', path),
      () => undefined,
      (reply) =>
        reply.status === 404 || textAt(parsed(reply.body), 'deleteTime') !== null
          ? done(undefined)
          : failureOf(name, asked.what, replied.reply),
    )
  },
}
