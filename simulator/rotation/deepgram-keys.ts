import { randomBytes } from 'node:crypto'
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
  texts,
  whole,
  wordOf,
} from './stand-in.ts'

export interface DeepgramSettings {
  readonly adminKey: string
  readonly projectId: string
}

interface Facts {
  comment: string
  scopes: readonly string[]
  tags: readonly string[]
  expiration: string | null
}

const service = 'deepgram'
const failure = (status: number, message: string, category = 'INVALID_REQUEST'): Reply =>
  json(status, { category, message, details: message, request_id: '00000000-0000-4000-8000-000000000000' })

/** Keys of a Deepgram project. https://developers.deepgram.com/reference/manage/keys/create */
export const makeDeepgramKeys = (
  parts: Parts,
  settings: DeepgramSettings,
): StandIn & { readonly settings: DeepgramSettings; factsOf(id: string): Facts | undefined } => {
  const { secrets, conditions, next } = parts
  const facts = new Map<string, Facts>()

  const issue = (wanted: Facts, secret: string) => {
    const id = `00000000-0000-4000-8000-${String(next()).padStart(12, '0')}`
    facts.set(id, wanted)
    return secrets.issue({ service, id, secret, name: wanted.comment, delayMs: conditions.propagationMs })
  }
  const bodyOf = (one: IssuedSecret) => {
    const known = facts.get(one.id)
    return {
      api_key_id: one.id,
      comment: known?.comment,
      scopes: known?.scopes,
      tags: known?.tags,
      created: stamp(one.createdAt),
      ...(known?.expiration ? { expiration_date: known.expiration } : {}),
    }
  }
  const member = { member_id: '00000000-0000-4000-8000-00000000000a', email: 'person@demo.example' }
  const inProject = (id: string | undefined): Reply | null =>
    id === settings.projectId ? null : failure(404, 'Project not found.', 'NOT_FOUND')
  const find = (project: string | undefined, id: string): IssuedSecret | Reply => {
    const refusal = inProject(project)
    if (refusal) return refusal
    const one = secrets.find(service, id)
    return one && one.revokedAt === null ? one : failure(404, 'API key not found.', 'NOT_FOUND')
  }
  const create = (call: Call, [project]: readonly string[]): Reply => {
    const body = readBody(
      call,
      { comment: text, scopes: texts, tags: texts, expiration_date: text, time_to_live_in_seconds: whole },
      ['comment', 'scopes'],
    )
    if ('wrong' in body) return failure(400, body.wrong)
    const { value } = body
    if ('expiration_date' in value && 'time_to_live_in_seconds' in value)
      return failure(400, 'Send one of expiration_date and time_to_live_in_seconds.')
    const refusal = inProject(project)
    if (refusal) return refusal
    if (isFull(parts, service)) return failure(400, 'The project has too many keys.', 'TOO_MANY_KEYS')
    const wanted: Facts = {
      comment: wordOf(value['comment']),
      scopes: value['scopes'] as string[],
      tags: (value['tags'] as string[] | undefined) ?? [],
      expiration: (value['expiration_date'] as string | undefined) ?? null,
    }
    const one = issue(wanted, `de300${randomBytes(20).toString('hex')}`.slice(0, 40))
    return json(200, { ...bodyOf(one), key: one.secret })
  }

  const keys = /^\/v1\/projects\/([^/]+)\/keys$/
  const key = /^\/v1\/projects\/([^/]+)\/keys\/([^/]+)$/
  return {
    service,
    settings,
    factsOf: (id) => facts.get(id),
    routes: [
      { method: 'POST', path: keys, verb: 'create', handle: create },
      {
        method: 'GET',
        path: keys,
        verb: 'list',
        query: ['status'],
        handle: (_, [project]) =>
          inProject(project) ??
          json(200, {
            api_keys: listed(parts, service).map((one) => ({ member, api_key: bodyOf(one) })),
          }),
      },
      {
        method: 'GET',
        path: key,
        verb: 'read',
        handle: (_, [project, id = '']) => {
          const one = find(project, id)
          return 'status' in one ? one : json(200, { item: { member: { ...member, api_key: bodyOf(one) } } })
        },
      },
      {
        method: 'DELETE',
        path: key,
        verb: 'revoke',
        handle: (_, [project, id = '']) => {
          const one = find(project, id)
          if ('status' in one) return one
          secrets.revoke(service, id)
          return json(200, { message: 'Successfully deleted the API key!' })
        },
      },
    ],
    authenticate(call) {
      const key = /^Token (\S+)$/.exec(call.headers['authorization'] ?? '')?.[1]
      if (key === settings.adminKey) return null
      return key !== undefined && secrets.look(service, key) !== null
        ? failure(403, 'The key lacks the scope keys:write.', 'FORBIDDEN')
        : failure(401, 'Invalid credentials.', 'INVALID_AUTH')
    },
    refuse: (status, message) => failure(status, message),
    adopt: (secret, name = 'Made by hand') =>
      issue({ comment: name, scopes: ['usage:write'], tags: ['production'], expiration: null }, secret),
  }
}
