import { type DriverContext, done, type RotationDriver } from '../driver.ts'
import { type Asked, ask, jsonHeaders, listAt, parsed, remove, textAt } from './call.ts'
import { bearing, ownScope } from './names.ts'

const name = 'Deepgram'
/** Enough for transcription and speech, and not for the management of keys. */
const usage = ['usage:write']

const request = (
  context: DriverContext,
  what: string,
  method: Asked['method'],
  path: string,
  body?: unknown,
): Asked => ({
  what,
  method,
  url: `${context.addressOf('https://api.deepgram.com')}/v1/projects/${encodeURIComponent(context.credential['projectId'] ?? '')}/keys${path}`,
  headers: {
    authorization: `Token ${context.credential['adminKey'] ?? ''}`,
    ...(body === undefined ? {} : jsonHeaders),
  },
  ...(body === undefined ? {} : { body: JSON.stringify(body) }),
})

/** Only keys that have not expired; there is one page. */
const list = (context: DriverContext) =>
  ask(context, name, request(context, 'list keys', 'GET', '?status=active'), ({ body }) =>
    listAt(parsed(body), 'api_keys')?.flatMap((one) => {
      const id = textAt(one, 'api_key', 'api_key_id')
      return id === null
        ? []
        : [
            {
              id,
              comment: textAt(one, 'api_key', 'comment'),
              scopes: listAt(one, 'api_key', 'scopes'),
              tags: listAt(one, 'api_key', 'tags'),
            },
          ]
    }),
  )

/**
 * Keys of a project. Its list says nothing by which a secret could be told, so a key that a person pasted is not known
 * by its id: the first rotation leaves it to be deleted by hand.
 */
export const deepgram: RotationDriver = {
  id: 'deepgram',
  name: 'Deepgram keys',
  serviceIds: ['deepgram'],
  crashClass: 'orphan_detectable',
  docsUrl: 'https://developers.deepgram.com/docs/create-additional-api-keys',
  credential: [
    {
      id: 'adminKey',
      label: 'Administrator’s key',
      hint: 'a key of the project with the role Admin or Owner (keys:read, keys:write)',
      required: true,
      secret: true,
      pattern: /^[0-9a-z]{32,64}$/,
      expected: 'A key has 40 small letters and digits.',
    },
    {
      id: 'projectId',
      label: 'Project',
      hint: 'id of the project that the keys are in',
      required: true,
      secret: false,
      pattern: /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
      expected: 'A project’s id is a UUID.',
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
        what: 'Administrator’s key and project',
        ok: true,
        detail: `It may list the project’s ${keys.value.length} keys.`,
      },
    ])
  },

  async prepare(context, current) {
    if (current === null) return done({})
    const keys = await list(context)
    if (keys.kind !== 'done') return keys
    const key = keys.value.find(({ id }) => id === current.id)
    const like = {
      ...(key?.scopes && key.scopes.length > 0 && { scopes: key.scopes }),
      ...(key?.tags && key.tags.length > 0 && { tags: key.tags }),
    }
    return done({ like: JSON.stringify(like) })
  },

  create: (context, attempt) =>
    ask(
      context,
      name,
      request(context, 'make a key', 'POST', '', {
        scopes: usage,
        ...(parsed(attempt.prepared['like'] ?? '{}') as object),
        comment: attempt.name,
      }),
      ({ body }) => {
        const made = parsed(body)
        const [id, secret] = [textAt(made, 'api_key_id'), textAt(made, 'key')]
        return id === null || secret === null ? undefined : { remote: { id }, secret }
      },
    ),

  find: async (context, attempt) =>
    bearing(await list(context), attempt.name, ({ id, comment }) => ({ id, name: comment })),

  revoke: (context, { id }) =>
    remove(context, name, request(context, 'delete a key', 'DELETE', `/${encodeURIComponent(id)}`)),
}
