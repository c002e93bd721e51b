import { chat } from './cohere-chat.ts'
import { errorOf, invalid, keyRefusal, refuse, unknownField, unknownModel } from './cohere-errors.ts'
import { readDirectives } from './directives.ts'
import { vectorOf } from './embeddings.ts'
import { disturb, type Exchange, isRecord, type Refusal, sendJson, shown } from './exchange.ts'
import { cohereModels } from './models.ts'
import { bearerOf } from './openai-host.ts'
import { relevanceOf } from './retrieval.ts'
import { tokensOf } from './text.ts'

type Fields = Record<string, unknown>

/** Cohere's API version 2 (`chat`, `embed`, `rerank`), the check of a key, and the list of models. */
export const handleCohere = async (exchange: Exchange): Promise<void> => {
  const { path, request, state } = exchange
  const method = {
    '/v2/chat': 'POST',
    '/v2/embed': 'POST',
    '/v2/rerank': 'POST',
    '/v1/check-api-key': 'POST',
    '/v1/models': 'GET',
  }[path]
  if (!method || method !== request.method)
    return refuse(exchange, { status: 404, message: '404 page not found' })
  const secret = bearerOf(exchange)
  if (secret === null) return refuse(exchange, { status: 401, message: 'no api key supplied' })
  const used = state.keys.use('cohere', secret)
  if (!used) return refuse(exchange, { status: 401, message: 'invalid api token' })
  if (await disturb(exchange, used.behaviour)) return
  const refusal = keyRefusal(used.behaviour, path.startsWith('/v2/'))
  if (refusal) return refuse(exchange, refusal)
  if (path === '/v1/check-api-key')
    return sendJson(exchange, 200, { valid: true, organization_id: 'demo', owner_id: 'demo' })
  if (path === '/v1/models') return sendModels(exchange)
  const body = readBody(exchange)
  if ('status' in body) return refuse(exchange, body)
  exchange.entry.model = shown(body.value['model'])
  if (path === '/v2/chat') return chat(exchange, body.value)
  return path === '/v2/embed' ? embed(exchange, body.value) : rerank(exchange, body.value)
}

const readBody = ({ request, body }: Exchange): { value: Fields } | Refusal => {
  if (!/^application\/json/i.test(request.headers['content-type'] ?? ''))
    return { status: 415, message: 'unsupported media type' }
  try {
    const value: unknown = JSON.parse(body.toString('utf8'))
    if (isRecord(value)) return { value }
  } catch {
    // The words are the same.
  }
  return { status: 400, message: 'invalid request: could not parse JSON body' }
}

const embed = (exchange: Exchange, body: Fields): void => {
  const refusal =
    unknownField(body, [
      'model',
      'input_type',
      'texts',
      'images',
      'inputs',
      'max_tokens',
      'output_dimension',
      'embedding_types',
      'truncate',
      'priority',
    ]) ??
    (typeof body['model'] === 'string' ? null : invalid('model is required')) ??
    (body['input_type'] === undefined
      ? invalid('valid input_type must be provided with the provided model')
      : null)
  if (refusal) return refuse(exchange, refusal)
  const model = shown(body['model'])
  const full = { 'embed-v4.0': 1536, 'embed-english-v3.0': 1024, 'embed-multilingual-v3.0': 1024 }[model]
  if (!full) return refuse(exchange, unknownModel(model))
  const texts = Array.isArray(body['texts']) ? body['texts'].map(shown) : []
  if (texts.length === 0 || texts.length > 96)
    return refuse(
      exchange,
      invalid('at most 96 texts can be embedded in one call, and at least one must be given'),
    )
  const directives = readDirectives(texts.join('\n'))
  if (!('unknown' in directives) && directives.error)
    return refuse(exchange, errorOf(directives.error.status, directives.error.retryAfterSeconds))
  const dimensions = Number(body['output_dimension'] ?? full)
  const types = Array.isArray(body['embedding_types']) ? body['embedding_types'].map(shown) : ['float']
  if (types.some((type) => type !== 'float'))
    return refuse(exchange, invalid('the simulator knows embedding type float only'))
  const tokens = texts.reduce((sum, text) => sum + tokensOf(text).length, 0)
  sendJson(exchange, 200, {
    id: exchange.requestId,
    embeddings: { float: texts.map((text) => vectorOf(model, text, dimensions)) },
    texts,
    meta: { api_version: { version: '2' }, billed_units: { input_tokens: tokens } },
    response_type: 'embeddings_by_type',
  })
}

const rerank = (exchange: Exchange, body: Fields): void => {
  const refusal =
    unknownField(body, ['model', 'query', 'documents', 'top_n', 'max_tokens_per_doc', 'priority']) ??
    (typeof body['model'] === 'string' ? null : invalid('model is required')) ??
    (typeof body['query'] === 'string' && body['query'] !== '' ? null : invalid('query must be specified'))
  if (refusal) return refuse(exchange, refusal)
  const model = shown(body['model'])
  if (!['rerank-v3.5', 'rerank-v4.0-pro', 'rerank-v4.0-fast', 'rerank-english-v3.0'].includes(model))
    return refuse(exchange, unknownModel(model))
  const documents = body['documents']
  if (
    !Array.isArray(documents) ||
    documents.length === 0 ||
    documents.some((text) => typeof text !== 'string')
  )
    return refuse(exchange, invalid('list of documents must not be empty and hold strings'))
  const query = shown(body['query'])
  const directives = readDirectives(query)
  if (!('unknown' in directives) && directives.error)
    return refuse(exchange, errorOf(directives.error.status, directives.error.retryAfterSeconds))
  sendJson(exchange, 200, {
    id: exchange.requestId,
    results: relevanceOf(query, documents.map(shown)).slice(0, Number(body['top_n'] ?? documents.length)),
    meta: {
      api_version: { version: '2' },
      billed_units: { search_units: Math.ceil(documents.length / 100) },
    },
  })
}

const sendModels = (exchange: Exchange): void =>
  sendJson(exchange, 200, {
    models: cohereModels.map((m) => ({
      name: m.id,
      endpoints: ['chat'],
      finetuned: false,
      context_length: m.contextTokens,
      default_endpoints: [],
      features: ['tools'],
    })),
  })
