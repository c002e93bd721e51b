import { readDirectives } from './directives.ts'
import { vectorOf } from './embeddings.ts'
import { disturb, type Exchange, isRecord, sendJson, shown } from './exchange.ts'
import type { KeyBehaviour } from './keys.ts'
import { bearerOf } from './openai-host.ts'
import { tokensOf } from './text.ts'

type Fields = Record<string, unknown>

/** How many of the query's words a document has, best first. */
export const relevanceOf = (query: string, documents: readonly string[]) => {
  const words = new Set(query.toLowerCase().match(/\p{L}{3,}/gu) ?? [])
  const score = (text: string) => {
    const found = [...words].filter((word) => text.toLowerCase().includes(word)).length
    return Math.round(((found + 0.1) / (words.size + 0.2)) * 1e6) / 1e6
  }
  return documents
    .map((text, index) => ({ index, relevance_score: score(text) }))
    .sort((a, b) => b.relevance_score - a.relevance_score || a.index - b.index)
}

interface Rules {
  readonly embeddingModels: Readonly<Record<string, number>>
  readonly rerankModels: readonly string[]
  readonly embedFields: readonly string[]
  readonly rerankFields: readonly string[]
}

const rules: Readonly<Record<'voyage' | 'jina', Rules>> = {
  voyage: {
    embeddingModels: {
      'voyage-3.5': 1024,
      'voyage-3.5-lite': 1024,
      'voyage-3-large': 1024,
      'voyage-code-3': 1024,
    },
    rerankModels: ['rerank-2.5', 'rerank-2.5-lite', 'rerank-2'],
    embedFields: [
      'input',
      'model',
      'input_type',
      'truncation',
      'output_dimension',
      'output_dtype',
      'encoding_format',
    ],
    rerankFields: ['query', 'documents', 'model', 'top_k', 'return_documents', 'truncation'],
  },
  jina: {
    embeddingModels: { 'jina-embeddings-v3': 1024, 'jina-embeddings-v4': 2048 },
    rerankModels: ['jina-reranker-v3', 'jina-reranker-v2-base-multilingual', 'jina-reranker-m0'],
    embedFields: [
      'input',
      'model',
      'task',
      'dimensions',
      'embedding_type',
      'normalized',
      'late_chunking',
      'truncate',
      'return_multivector',
    ],
    rerankFields: ['query', 'documents', 'model', 'top_n', 'return_documents', 'max_doc_length'],
  },
}

/** Voyage and Jina: embeddings and rerank, errors as `{"detail"}`. */
export const handleRetrieval = async (exchange: Exchange): Promise<void> => {
  const { path, request, state } = exchange
  const service = exchange.service as 'voyage' | 'jina'
  const fail = (status: number, detail: string, headers: Record<string, string> = {}) =>
    sendJson(exchange, status, { detail }, headers)
  if (path !== '/v1/embeddings' && path !== '/v1/rerank') return fail(404, 'Not Found')
  if (request.method !== 'POST') return fail(405, 'Method Not Allowed')
  const secret = bearerOf(exchange)
  const used = secret === null ? null : state.keys.use(service, secret)
  if (!used)
    return fail(
      401,
      service === 'voyage'
        ? 'Provided API key is invalid.'
        : 'Invalid API key, please get a new one from https://jina.ai/?sui=apikey',
    )
  if (await disturb(exchange, used.behaviour)) return
  const status = statusOf(used.behaviour)
  if (status !== null)
    return fail(
      status,
      detailOf(status),
      status === 429 ? { 'retry-after': String(waitOf(used.behaviour)) } : {},
    )
  const body = readBody(exchange)
  if (!body) return fail(400, 'The request body is not valid JSON.')
  exchange.entry.model = shown(body['model'])
  const { embedFields, rerankFields } = rules[service]
  const allowed = path === '/v1/rerank' ? rerankFields : embedFields
  const stranger = Object.keys(body).find((name) => !allowed.includes(name))
  if (stranger)
    return fail(service === 'voyage' ? 400 : 422, `Argument '${stranger}' is not supported by our API.`)
  const directives = readDirectives(shown(body['query'] ?? [body['input']].flat().join('\n')))
  if ('unknown' in directives)
    return fail(400, `The simulator does not know the directive “${directives.unknown}”.`)
  if (directives.error) return fail(directives.error.status, detailOf(directives.error.status))
  return path === '/v1/rerank' ? rerank(exchange, body, service, fail) : embed(exchange, body, service, fail)
}

type Fail = (status: number, detail: string) => void

const waitOf = (behaviour: KeyBehaviour): number =>
  behaviour.kind === 'rate_limited' ? (behaviour.retryAfterSeconds ?? 20) : 20

const statusOf = (behaviour: KeyBehaviour): number | null => {
  if (behaviour.kind === 'revoked') return 401
  if (behaviour.kind === 'forbidden') return 403
  if (behaviour.kind === 'failing') return behaviour.status ?? 503
  if (behaviour.kind === 'no_quota') return behaviour.status ?? 402
  return behaviour.kind === 'rate_limited' ? 429 : null
}

const detailOf = (status: number): string =>
  ({
    401: 'Provided API key is invalid.',
    402: 'Insufficient balance. Please top up your account.',
    403: 'Forbidden.',
    429: 'You have exceeded your rate limit.',
  })[status] ?? 'Something went wrong.'

const readBody = ({ request, body }: Exchange): Fields | null => {
  if (!/^application\/json/i.test(request.headers['content-type'] ?? '')) return null
  try {
    const value: unknown = JSON.parse(body.toString('utf8'))
    return isRecord(value) ? value : null
  } catch {
    return null
  }
}

const embed = (exchange: Exchange, body: Fields, service: 'voyage' | 'jina', fail: Fail): void => {
  const model = shown(body['model'])
  const full = rules[service].embeddingModels[model]
  if (!full) return fail(400, `Model ${model} is not supported.`)
  const texts = [body['input']].flat()
  if (body['input'] === undefined || texts.length === 0 || texts.some((text) => typeof text !== 'string'))
    return fail(400, "The 'input' must be a string or a list of strings.")
  const dimensions = Number(body['output_dimension'] ?? body['dimensions'] ?? full)
  const base64 = body['encoding_format'] === 'base64' || body['embedding_type'] === 'base64'
  const tokens = texts.reduce((sum: number, text) => sum + tokensOf(shown(text)).length, 0)
  const data = texts.map((text, index) => {
    const vector = vectorOf(model, shown(text), dimensions)
    return {
      object: 'embedding',
      index,
      embedding: base64 ? Buffer.from(new Float32Array(vector).buffer).toString('base64') : vector,
    }
  })
  sendJson(exchange, 200, {
    object: 'list',
    model,
    data,
    usage: { total_tokens: tokens, ...(service === 'jina' && { prompt_tokens: tokens }) },
  })
}

const rerank = (exchange: Exchange, body: Fields, service: 'voyage' | 'jina', fail: Fail): void => {
  const model = shown(body['model'])
  if (!rules[service].rerankModels.includes(model)) return fail(400, `Model ${model} is not supported.`)
  const { query, documents } = body
  if (typeof query !== 'string' || !Array.isArray(documents) || documents.length === 0)
    return fail(service === 'voyage' ? 400 : 422, 'A query and documents are required.')
  const texts = documents.map((document) => (isRecord(document) ? shown(document['text']) : shown(document)))
  const most = Number(body['top_n'] ?? body['top_k'] ?? texts.length)
  // Jina returns documents unless told not to.
  const returns = service === 'jina' ? body['return_documents'] !== false : body['return_documents'] === true
  const results = relevanceOf(query, texts)
    .slice(0, most)
    .map((result) => ({
      ...result,
      ...(returns && { document: service === 'jina' ? { text: texts[result.index] } : texts[result.index] }),
    }))
  const tokens = texts.reduce((sum, text) => sum + tokensOf(text).length + tokensOf(query).length, 0)
  if (service === 'jina')
    return sendJson(exchange, 200, { model, object: 'list', usage: { total_tokens: tokens }, results })
  sendJson(exchange, 200, { object: 'list', data: results, model, usage: { total_tokens: tokens } })
}
