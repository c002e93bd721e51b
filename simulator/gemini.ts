import { disturb, type Exchange, isRecord, sendJson } from './exchange.ts'
import {
  type GeminiRefusal,
  geminiErrorOf,
  geminiKeyRefusal,
  invalid,
  keyNotValid,
  noKey,
  sendGeminiError,
} from './gemini-errors.ts'
import { batchEmbedContents, embedContent, findEmbeddingModel } from './gemini-embeddings.ts'
import { generate } from './gemini-reply.ts'
import { readGenerate, unknownName } from './gemini-request.ts'
import { findModel, geminiEmbeddingModels, type GeminiModel, geminiModels } from './models.ts'

type Fields = Record<string, unknown>

/** The Gemini API. Both versions speak alike, as clients of both are about. */
export const handleGemini = async (exchange: Exchange): Promise<void> => {
  const { path, request, state } = exchange
  const refused = (refusal: GeminiRefusal) => sendGeminiError(exchange, refusal)
  const [, name, method] = /^\/(?:v1|v1beta)\/models(?:\/([^/:]+)(?::(\w+))?)?$/.exec(path) ?? []
  const expected = !/^\/(?:v1|v1beta)\/models/.test(path) ? null : method === undefined ? 'GET' : 'POST'
  if (expected === null || expected !== request.method) return sendNotFound(exchange)
  const secret = secretOf(exchange)
  if (secret === null) return refused(request.headers.authorization ? geminiErrorOf(401) : noKey)
  const used = state.keys.use('gemini', secret)
  if (!used) return refused(keyNotValid)
  if (await disturb(exchange, used.behaviour)) return
  const refusal = geminiKeyRefusal(used.behaviour, method !== undefined)
  if (refusal) return refused(refusal)
  if (method === undefined) return sendModels(exchange, name)
  const body = readBody(exchange)
  if ('status' in body) return refused(body)
  return callModel(exchange, {
    body: body.value,
    account: secret,
    model: decodeURIComponent(name ?? ''),
    method,
    vertex: false,
  })
}

/** A header, or the query as in the oldest examples. Bearer is for access tokens, not for keys. */
const secretOf = ({ request, query }: Exchange): string | null => {
  const header = request.headers['x-goog-api-key']
  return typeof header === 'string' ? header : query.get('key')
}

/** Google's own page. */
const sendNotFound = (exchange: Exchange): void => {
  exchange.entry.status = 404
  exchange.response
    .writeHead(404, { 'content-type': 'text/html; charset=UTF-8' })
    .end('<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>')
}

export const readBody = ({ request, body }: Exchange): { value: Fields } | GeminiRefusal => {
  if (!/^application\/json/i.test(request.headers['content-type'] ?? ''))
    return invalid('Invalid content type: expected application/json')
  try {
    const value: unknown = JSON.parse(body.toString('utf8'))
    if (isRecord(value)) return { value }
  } catch {
    // The words are the same.
  }
  return invalid('Invalid JSON payload received. Unable to parse.')
}

interface Call {
  readonly body: Fields
  readonly account: string
  readonly model: string
  readonly method: string
  readonly vertex: boolean
}

const unknownModel = (model: string, method: string): GeminiRefusal => ({
  status: 404,
  message: `models/${model} is not found for API version v1beta, or is not supported for ${method}. Call ListModels to see the list of available models and their supported methods.`,
})

/** `models/<model>:<method>`, of the Gemini API and of Vertex AI. */
export const callModel = async (exchange: Exchange, call: Call): Promise<void> => {
  const { body, method } = call
  const refused = (refusal: GeminiRefusal) => sendGeminiError(exchange, refusal)
  exchange.entry.model = call.model
  if (method === 'embedContent' || method === 'batchEmbedContents') {
    const model = findEmbeddingModel(call.model)
    if (!model) return refused(unknownModel(call.model, method))
    return method === 'embedContent'
      ? embedContent(exchange, body, model)
      : batchEmbedContents(exchange, body, model)
  }
  const model = findModel(geminiModels, call.model)
  if (!model || !methods.includes(method)) return refused(unknownModel(call.model, method))
  if (method === 'countTokens') return countTokens(exchange, body, model, call.vertex)
  const request = readGenerate(body, model)
  if ('status' in request) return refused(request)
  const streamed = method === 'streamGenerateContent'
  const events = exchange.query.get('alt') === 'sse'
  return generate(exchange, request, call.account, { streamed, events, vertex: call.vertex })
}

const methods = ['generateContent', 'streamGenerateContent', 'countTokens']

/** The Gemini API takes contents, or a whole request inside; Vertex AI takes the request's fields themselves. */
const countTokens = (exchange: Exchange, body: Fields, model: GeminiModel, vertex: boolean): void => {
  const allowed = vertex
    ? ['model', 'contents', 'systemInstruction', 'tools', 'generationConfig']
    : ['contents', 'generateContentRequest']
  const stranger = Object.keys(body).find((name) => !allowed.includes(name))
  if (stranger) return sendGeminiError(exchange, unknownName(stranger, ''))
  const inner = body['generateContentRequest']
  if (isRecord(inner) && inner['model'] !== undefined && inner['model'] !== `models/${model.id}`)
    return sendGeminiError(
      exchange,
      invalid('* CountTokensRequest.generate_content_request.model: must match the model in the path'),
    )
  const request = readGenerate(isRecord(inner) ? inner : body, model)
  if ('status' in request) return sendGeminiError(exchange, request)
  const { promptCount, directives } = request
  if (directives.error)
    return sendGeminiError(
      exchange,
      geminiErrorOf(directives.error.status, directives.error.retryAfterSeconds),
    )
  sendJson(exchange, 200, {
    totalTokens: promptCount,
    promptTokensDetails: [{ modality: 'TEXT', tokenCount: promptCount }],
    ...(vertex && { totalBillableCharacters: promptCount * 4 }),
  })
}

const sendModels = (exchange: Exchange, name: string | undefined): void => {
  const all = [
    ...geminiModels.map((m) => ({
      name: `models/${m.id}`,
      version: '001',
      displayName: m.id,
      inputTokenLimit: m.contextTokens,
      outputTokenLimit: m.outputTokens,
      supportedGenerationMethods: [
        'generateContent',
        'countTokens',
        'createCachedContent',
        'batchGenerateContent',
      ],
      temperature: 1,
      topP: 0.95,
      topK: 64,
      maxTemperature: 2,
      ...(m.reasoning && { thinking: true }),
    })),
    ...geminiEmbeddingModels.map((m) => ({
      name: `models/${m.id}`,
      version: '001',
      displayName: m.id,
      inputTokenLimit: 2048,
      outputTokenLimit: 1,
      supportedGenerationMethods: [
        'embedContent',
        'countTextTokens',
        'countTokens',
        'asyncBatchEmbedContent',
      ],
    })),
  ]
  if (name !== undefined) {
    const found = all.find((m) => m.name === `models/${decodeURIComponent(name)}`)
    return found ? sendJson(exchange, 200, found) : sendGeminiError(exchange, unknownModel(name, 'getModel'))
  }
  const size = Number(exchange.query.get('pageSize') ?? 50)
  if (!Number.isInteger(size) || size < 0) return sendGeminiError(exchange, invalid('Invalid page size'))
  const from = Number(exchange.query.get('pageToken') ?? 0)
  const upTo = from + Math.min(size || 50, 1000)
  sendJson(exchange, 200, {
    models: all.slice(from, upTo),
    ...(upTo < all.length && { nextPageToken: String(upTo) }),
  })
}
