import { failure, type Outcome, success } from '../kit/fault.ts'
import { noUsage, type Usage } from '../metering/usage.ts'
import type { Codec, ParsedRequest, RequestSource } from './dialect.ts'
import { errorShapes } from './errors.ts'
import { bodyWithModel, firstUnlisted, type FormRequest, modelOf, readForm, textMeasure } from './form.ts'
import { isCount } from './reported.ts'
import { isObject } from './request.ts'

/**
 * Rerank in the shape that Cohere, Jina and Voyage share. https://docs.cohere.com/reference/rerank,
 * https://api.jina.ai/redoc#tag/rerank, https://docs.voyageai.com/reference/reranker-api
 */
interface RerankRequest extends FormRequest {
  readonly documents: number
}

/** A search unit is a query with up to 100 documents; longer documents count as several, of some 500 tokens each. */
const documentsPerSearchUnit = 100
const leastTokensOfChunk = 250
const mostTokensOfDocument = 4_096

const listed = new Set([
  'model',
  'query',
  'documents',
  'top_n',
  'top_k',
  'max_tokens_per_doc',
  'max_chunks_per_doc',
  'return_documents',
  'rank_fields',
  'truncation',
  'truncate',
  'priority',
])

const parse = (source: RequestSource): Outcome<ParsedRequest> => {
  const read = readForm(source)
  if (!read.ok) return read
  const { modelPart, ...form } = read.value
  const model = modelOf(form)
  if (!model.ok) return model
  const { documents } = form.fields
  if (!Array.isArray(documents))
    return failure('invalid_request', { message: 'documents must be a list.', field: 'documents' })
  // Services read the query anew with each document.
  const queryBytes = typeof form.fields.query === 'string' ? Buffer.byteLength(form.fields.query) : 0
  const longest = isCount(form.fields.max_tokens_per_doc)
    ? form.fields.max_tokens_per_doc
    : mostTokensOfDocument
  return success<RerankRequest>({
    endpoint: source.endpoint,
    body: source.body,
    contentType: 'application/json',
    model: model.value,
    streamed: false,
    maximumOutputTokens: null,
    producesOutput: false,
    choices: 1,
    input: textMeasure(source.body.length + queryBytes * documents.length),
    mostUnits: { search_units: mostSearchUnits(documents, longest) },
    likelyUnits: { search_units: searchUnits(documents.length) },
    unpriced: documents.every(isText) ? firstUnlisted(form, listed) : 'documents',
    wantsUsageEvent: true,
    form,
    modelPart,
    documents: documents.length,
  })
}

/** An image among the documents costs something else. */
const isText = (document: unknown): boolean =>
  typeof document === 'string' || (isObject(document) && document.image === undefined)

const searchUnits = (documents: number): number => Math.max(1, Math.ceil(documents / documentsPerSearchUnit))

/** Every byte a token, and every query so long that it leaves a chunk half its room. */
const mostSearchUnits = (documents: readonly unknown[], longestTokens: number): number => {
  const bytesOf = (document: unknown) =>
    Buffer.byteLength(typeof document === 'string' ? document : JSON.stringify(document))
  const chunks = documents.reduce<number>(
    (sum, document) =>
      sum + Math.max(1, Math.ceil(Math.min(bytesOf(document), longestTokens) / leastTokensOfChunk)),
    0,
  )
  return searchUnits(chunks)
}

/** Cohere bills search units, Jina and Voyage tokens. Zero is a report as any other. */
const usageOfReply = (body: Buffer, request: RerankRequest): Usage | null => {
  try {
    const reply: unknown = JSON.parse(body.toString('utf8'))
    if (!isObject(reply)) return null
    const billed = isObject(reply.meta) && isObject(reply.meta.billed_units) ? reply.meta.billed_units : {}
    if (isCount(billed.search_units)) return { ...noUsage, units: { search_units: billed.search_units } }
    const tokens = isObject(reply.usage) ? (reply.usage.total_tokens ?? reply.usage.prompt_tokens) : undefined
    if (isCount(tokens)) return { ...noUsage, input: tokens }
    return Array.isArray(reply.results) || Array.isArray(reply.data) ? estimated(request) : null
  } catch {
    return null
  }
}

const estimated = ({ documents, input }: RerankRequest): Usage => ({
  ...noUsage,
  input: Math.ceil(input.textBytes / 4),
  units: { search_units: searchUnits(documents) },
  estimated: true,
})

export const rerankCodec: Codec = {
  parse,
  bodyFor: (request, { model }) => bodyWithModel(request, model),
  reply: 'json',
  makeTap: () => ({ classify: (_, ends) => ends.map(() => 'other'), reported: () => null }),
  usageOf: ({ body }, request) => usageOfReply(body, request as RerankRequest),
  errorEvent: (fault, operationId) => `data: ${errorShapes.cohere(fault, operationId)}\n\n`,
}
