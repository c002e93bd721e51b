import { vectorOf } from './embeddings.ts'
import { type Exchange, isRecord, sendJson, shown } from './exchange.ts'
import { textOf } from './gemini-contents.ts'
import { type GeminiRefusal, geminiErrorOf, invalid, sendGeminiError } from './gemini-errors.ts'
import { unknownName } from './gemini-request.ts'
import { type EmbeddingModel, geminiEmbeddingModels } from './models.ts'
import { readDirectives } from './directives.ts'
import { tokensOf } from './text.ts'

type Fields = Record<string, unknown>

const fields = ['model', 'content', 'taskType', 'title', 'outputDimensionality', 'embedContentConfig']
const taskTypes = [
  'TASK_TYPE_UNSPECIFIED',
  'RETRIEVAL_QUERY',
  'RETRIEVAL_DOCUMENT',
  'SEMANTIC_SIMILARITY',
  'CLASSIFICATION',
  'CLUSTERING',
  'QUESTION_ANSWERING',
  'FACT_VERIFICATION',
  'CODE_RETRIEVAL_QUERY',
]

export const findEmbeddingModel = (id: string): EmbeddingModel | undefined =>
  geminiEmbeddingModels.find((model) => model.id === id)

const check = (
  request: unknown,
  model: EmbeddingModel,
  at: string,
  batched: boolean,
): GeminiRefusal | null => {
  if (!isRecord(request)) return invalid(`Invalid value at '${at}'`)
  const stranger = Object.keys(request).find((name) => !fields.includes(name))
  if (stranger) return unknownName(stranger, at)
  const named = request['model']
  if (batched && named === undefined)
    return invalid(`* BatchEmbedContentsRequest.${at}.model: model is required`)
  if (named !== undefined && named !== `models/${model.id}`)
    return invalid(
      `* BatchEmbedContentsRequest.${at}.model: must match the model of the batch, models/${model.id}`,
    )
  if (!isRecord(request['content']) || textOf(request['content']) === '')
    return invalid(`* EmbedContentRequest.content: contents is not specified`)
  if (request['taskType'] !== undefined && !taskTypes.includes(shown(request['taskType'])))
    return invalid(
      `Invalid value at 'task_type' (type.googleapis.com/google.ai.generativelanguage.v1beta.TaskType), "${shown(request['taskType'])}"`,
    )
  const wanted = request['outputDimensionality']
  return wanted === undefined ||
    (Number.isInteger(wanted) && Number(wanted) >= 1 && Number(wanted) <= model.dimensions)
    ? null
    : invalid(`* EmbedContentRequest.output_dimensionality: must be in the range [1, ${model.dimensions}].`)
}

const embeddingOf = (request: Fields, model: EmbeddingModel) => ({
  values: vectorOf(
    model.id,
    textOf(request['content']),
    Number(request['outputDimensionality'] ?? model.dimensions),
  ),
})

export const embedContent = (exchange: Exchange, body: Fields, model: EmbeddingModel): void => {
  const refusal = check(body, model, 'content', false) ?? wished([body])
  if (refusal) return sendGeminiError(exchange, refusal)
  sendJson(exchange, 200, { embedding: embeddingOf(body, model), usageMetadata: usageOf([body]) })
}

export const batchEmbedContents = (exchange: Exchange, body: Fields, model: EmbeddingModel): void => {
  const stranger = Object.keys(body).find((name) => name !== 'requests')
  const requests = Array.isArray(body['requests']) ? body['requests'] : []
  if (stranger) return sendGeminiError(exchange, unknownName(stranger, ''))
  if (requests.length === 0 || requests.length > 100)
    return sendGeminiError(
      exchange,
      invalid(
        '* BatchEmbedContentsRequest.requests: at most 100 requests can be in one batch, and at least one',
      ),
    )
  for (const [index, request] of requests.entries()) {
    const refusal = check(request, model, `requests[${index}]`, true)
    if (refusal) return sendGeminiError(exchange, refusal)
  }
  const refusal = wished(requests)
  if (refusal) return sendGeminiError(exchange, refusal)
  const embeddings = requests.map((request: Fields) => embeddingOf(request, model))
  sendJson(exchange, 200, { embeddings, usageMetadata: usageOf(requests) })
}

const usageOf = (requests: readonly Fields[]) => {
  const count = requests.reduce((sum, request) => sum + tokensOf(textOf(request['content'])).length, 0)
  return { promptTokenCount: count, promptTokenDetails: [{ modality: 'TEXT', tokenCount: count }] }
}

/** An error that a directive asks for. */
const wished = (requests: readonly Fields[]): GeminiRefusal | null => {
  const directives = readDirectives(requests.map((request) => textOf(request['content'])).join('\n'))
  if ('unknown' in directives)
    return invalid(`The simulator does not know the directive “${directives.unknown}”.`)
  return directives.error ? geminiErrorOf(directives.error.status, directives.error.retryAfterSeconds) : null
}
