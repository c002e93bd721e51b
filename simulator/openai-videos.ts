import { type Exchange, type Refusal, sendBytes, sendJson, shown, type StoredObject } from './exchange.ts'
import { openAi, readForm, readJson, refuse } from './openai-host.ts'
import { missing, oneOf } from './openai-params.ts'
import { seededId } from './text.ts'

export const isVideoPath = (path: string): boolean => /^\/v1\/videos(?:\/|$)/.test(path)

/** A video is under way when it is looked at for the first time, and done at the second; `fail` in its prompt ends it. */
export const handleVideos = async (exchange: Exchange, secret: string): Promise<void> => {
  const { request, path } = exchange
  const [, , , id, action, ...more] = path.split('/')
  const route = `${request.method}${id === undefined ? '' : ' id'}${action === undefined ? '' : ` ${action}`}`
  const handler = more.length === 0 ? handlers[route] : undefined
  if (!handler)
    return refuse(exchange, openAi, { status: 404, message: `Invalid URL (${request.method} ${path})` })
  if (id === undefined) return handler(exchange, secret, null)
  const found = exchange.state.stored.get(id)
  if (found?.owner !== secret || found.value['object'] !== 'video')
    return refuse(exchange, openAi, { status: 404, message: `Video with id '${id}' not found.`, param: 'id' })
  return handler(exchange, secret, found)
}

type Handler = (exchange: Exchange, secret: string, found: StoredObject | null) => void | Promise<void>

const sizes = ['720x1280', '1280x720', '1024x1792', '1792x1024']

const readFields = async (exchange: Exchange): Promise<{ value: Record<string, unknown> } | Refusal> => {
  if (!/^multipart\//i.test(exchange.request.headers['content-type'] ?? '')) return readJson(exchange)
  const form = await readForm(exchange)
  if ('status' in form) return form
  // The form's reader takes digits for numbers.
  const { seconds, ...fields } = form.fields
  return { value: seconds === undefined ? fields : { ...fields, seconds: shown(seconds) } }
}

const start = (
  exchange: Exchange,
  secret: string,
  fields: Readonly<Record<string, unknown>>,
  remixOf: string | null,
): void => {
  const video = {
    id: seededId('video_', `${secret}:${exchange.entry.number}`, 40),
    object: 'video',
    created_at: Math.floor(exchange.state.now() / 1000),
    completed_at: null,
    expires_at: null,
    error: null,
    model: fields['model'],
    status: 'queued',
    progress: 0,
    prompt: fields['prompt'],
    seconds: fields['seconds'],
    size: fields['size'],
    remixed_from_video_id: remixOf,
  }
  exchange.state.stored.set(video.id, { owner: secret, value: video, content: null })
  sendJson(exchange, 200, video, openAi.headers(exchange))
}

const create: Handler = async (exchange, secret) => {
  const fields = await readFields(exchange)
  if ('status' in fields) return refuse(exchange, openAi, fields)
  const { prompt, model = 'sora-2', seconds = '4', size = '720x1280' } = fields.value
  exchange.entry.model = shown(model)
  const refusal =
    prompt === undefined
      ? missing('prompt')
      : (oneOf('sora-2', 'sora-2-pro')(model, 'model') ??
        oneOf('4', '8', '12')(seconds, 'seconds') ??
        oneOf(...sizes)(size, 'size'))
  if (refusal) return refuse(exchange, openAi, refusal)
  start(exchange, secret, { prompt, model, seconds, size }, null)
}

const remix: Handler = (exchange, secret, found) => {
  const body = readJson(exchange)
  if ('status' in body) return refuse(exchange, openAi, body)
  if (body.value['prompt'] === undefined) return refuse(exchange, openAi, missing('prompt'))
  const of = found?.value ?? {}
  if (of['status'] !== 'completed')
    return refuse(exchange, openAi, { status: 400, message: 'The video is not completed.' })
  start(exchange, secret, { ...of, prompt: body.value['prompt'] }, shown(of['id']))
}

const look: Handler = (exchange, secret, found) => {
  const { value } = found as StoredObject
  sendJson(exchange, 200, value, openAi.headers(exchange))
  exchange.state.stored.set(shown(value['id']), {
    owner: secret,
    value: { ...value, ...nextOf(value) },
    content: Buffer.from(`mp4 of ${shown(value['id'])}`),
  })
}

const nextOf = (video: Readonly<Record<string, unknown>>): Record<string, unknown> => {
  if (video['status'] === 'queued') return { status: 'in_progress', progress: 50 }
  if (video['status'] !== 'in_progress') return {}
  return shown(video['prompt']).includes('fail')
    ? { status: 'failed', error: { code: 'moderation_blocked', message: 'The video was blocked.' } }
    : { status: 'completed', progress: 100 }
}

const handlers: Readonly<Record<string, Handler>> = {
  POST: create,
  GET: (exchange, secret) => {
    const data = [...exchange.state.stored.values()]
      .filter(({ owner, value }) => owner === secret && value['object'] === 'video')
      .map(({ value }) => value)
    sendJson(exchange, 200, { object: 'list', data, has_more: false }, openAi.headers(exchange))
  },
  'GET id': look,
  'GET id content': (exchange, _secret, found) =>
    found?.value['status'] === 'completed'
      ? sendBytes(exchange, 'video/mp4', found.content ?? Buffer.alloc(0))
      : refuse(exchange, openAi, { status: 404, message: 'The video is not ready.' }),
  'DELETE id': (exchange, _secret, found) => {
    const id = shown(found?.value['id'])
    exchange.state.stored.delete(id)
    sendJson(exchange, 200, { object: 'video.deleted', id, deleted: true }, openAi.headers(exchange))
  },
  'POST id remix': remix,
}
