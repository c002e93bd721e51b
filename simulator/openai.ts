import { embed } from './embeddings.ts'
import { disturb, type Exchange, type Refusal, sendJson, shown } from './exchange.ts'
import { sendSpeech, transcribe } from './openai-audio.ts'
import { chat } from './openai-chat.ts'
import { incorrectKey, missingKey, openAiKeyRefusal } from './openai-errors.ts'
import { handleStored, isStoredPath } from './openai-files.ts'
import { bearerOf, openAi, type OpenAiHost, readForm, readJson, refuse } from './openai-host.ts'
import { editImages, generateImages } from './openai-images.ts'
import { moderate } from './openai-moderations.ts'
import { respond } from './openai-responses.ts'
import { handleVideos, isVideoPath } from './openai-videos.ts'

/** OpenAI: what a model answers, models, files and batches. */
export const handleOpenAi = async (exchange: Exchange): Promise<void> => {
  const { path, request, state } = exchange
  const refused = (refusal: Refusal) => refuse(exchange, openAi, refusal)
  if (!isStoredPath(path) && !isVideoPath(path)) {
    const refusal = checkRoute(path, request.method ?? '')
    if (refusal) return refused(refusal)
  }
  const secret = bearerOf(exchange)
  if (secret === null) return refused(missingKey)
  const used = state.keys.use('openai', secret)
  if (!used) return refused(incorrectKey(secret))
  if (await disturb(exchange, used.behaviour)) return
  const keyRefusal = openAiKeyRefusal(used.behaviour, secret, request.method === 'POST')
  if (keyRefusal) return refused(keyRefusal)
  if (isStoredPath(path)) return handleStored(exchange, secret)
  if (isVideoPath(path)) return handleVideos(exchange, secret)
  if (request.method === 'GET') return sendModels(exchange, openAi)
  return callModel(exchange, secret, path, openAi)
}

type Json = (
  exchange: Exchange,
  secret: string,
  body: Record<string, unknown>,
  host: OpenAiHost,
) => void | Promise<void>

const jsonCalls: Readonly<Record<string, Json>> = {
  '/v1/chat/completions': chat,
  '/v1/responses': respond,
  '/v1/embeddings': (exchange, _secret, body, host) => embed(exchange, body, host),
  '/v1/images/generations': (exchange, _secret, body, host) => generateImages(exchange, body, host),
  '/v1/audio/speech': (exchange, _secret, body, host) => sendSpeech(exchange, body, host),
  '/v1/moderations': (exchange, _secret, body, host) => moderate(exchange, body, host),
}

const formCalls = {
  '/v1/images/edits': editImages,
  '/v1/audio/transcriptions': transcribe,
  '/v1/audio/translations': transcribe,
}

/** One call of a model, by its path. */
export const callModel = async (
  exchange: Exchange,
  secret: string,
  path: string,
  host: OpenAiHost,
): Promise<void> => {
  const formCall = Object.hasOwn(formCalls, path) ? formCalls[path as keyof typeof formCalls] : null
  if (formCall) {
    const form = await readForm(exchange)
    if ('status' in form) return refuse(exchange, host, form)
    exchange.entry.model = shown(form.fields['model'])
    return formCall(exchange, form, host, path)
  }
  const body = readJson(exchange)
  if ('status' in body) return refuse(exchange, host, body)
  exchange.entry.model = shown(body.value['model'])
  return jsonCalls[path]?.(exchange, secret, body.value, host)
}

export const checkRoute = (path: string, used: string): Refusal | null => {
  const posts = Object.hasOwn(jsonCalls, path) || Object.hasOwn(formCalls, path)
  const method = posts ? 'POST' : /^\/v1\/models(?:\/|$)/.test(path) ? 'GET' : null
  if (!method) return { status: 404, message: `Invalid URL (${used} ${path})` }
  if (method === used) return null
  return {
    status: 405,
    message: `Not allowed to ${used} on ${path}. (HINT: Perhaps you meant to use a different HTTP method?)`,
    headers: { allow: method },
  }
}

export const sendModels = (exchange: Exchange, host: OpenAiHost, path = exchange.path): void => {
  const all = [
    ...host.chatModels.flatMap((m) => (m.snapshot ? [m, { ...m, id: m.snapshot }] : [m])),
    ...host.embeddingModels,
    ...[...new Set(Object.values(host.mediaModels).flat())].map((id) => ({ id, created: 1_700_000_000 })),
  ].map((m) => ({ id: m.id, object: 'model', created: m.created, owned_by: 'system' }))
  if (path === '/v1/models')
    return sendJson(exchange, 200, { object: 'list', data: all }, host.headers(exchange))
  const id = decodeURIComponent(path.slice('/v1/models/'.length))
  const found = all.find((m) => m.id === id)
  if (found) return sendJson(exchange, 200, found, host.headers(exchange))
  refuse(exchange, host, {
    ...host.unknownModel(id),
    message: `The model '${id}' does not exist`,
    param: 'model',
  })
}
