import type { EmbeddingModelV4 } from '@ai-sdk/provider'
import { familyOf } from './family.ts'
import { applyFields, type Fields, onlyAs, refused } from './fields.ts'
import { inCamelCase } from './google-json.ts'
import { formOf, json, modelParts } from './media-call.ts'
import { malformed, type Notes, refuse } from './notes.ts'
import { type Json, readItems, readJson, readNumber, readOptionalText, readText } from './read.ts'
import type { TranslationRequest, Translated } from './translation.ts'
import { noteWarnings } from './warnings.ts'

/** https://platform.openai.com/docs/api-reference/embeddings/create */
const openAiFields: Fields = {
  model: 'carried',
  input: 'carried',
  dimensions: 'carried',
  encoding_format: onlyAs(['float', 'base64'], refused('Only float and base64 are translated.')),
  user: 'listed',
}

interface Wanted {
  readonly values: readonly string[]
  readonly dimensions: number | undefined
  readonly taskType: string | undefined
}
interface Embedded {
  readonly vectors: readonly (readonly number[])[]
  readonly tokens: number | null
}

export const translateEmbeddings = async (
  request: TranslationRequest,
  body: Json,
  notes: Notes,
): Promise<Translated> => {
  const side =
    request.endpoint === 'embeddings' ? openAi : gemini(request.endpoint === 'batch_embed_contents')
  const wanted = side.decode(request, body, notes)
  const model = await request.service.translation?.embedding?.(modelParts(request))
  if (model === undefined) throw new Error('canTranslate says no')
  return json(side.encode(await embed(model, wanted, request.signal, notes), request, body))
}

/** In as many calls as the service wants, one after the other: a failure ends them all. */
const embed = async (
  model: EmbeddingModelV4,
  { values, dimensions, taskType }: Wanted,
  abortSignal: AbortSignal,
  notes: Notes,
): Promise<Embedded> => {
  const most = (await model.maxEmbeddingsPerCall) ?? values.length
  const vectors: (readonly number[])[] = []
  let tokens: number | null = 0
  const isGoogle = familyOf(model.provider) === 'google'
  if (taskType !== undefined && !isGoogle) notes.list('taskType')
  const google = taskType !== undefined && isGoogle ? { taskType } : {}
  for (let at = 0; at < values.length; at += most) {
    const result = await model.doEmbed({
      values: values.slice(at, at + most),
      abortSignal,
      ...(dimensions === undefined ? {} : { dimensions }),
      providerOptions: { google, googleVertex: google },
    })
    noteWarnings(result.warnings, {}, notes)
    vectors.push(...result.embeddings)
    tokens = tokens === null || result.usage === undefined ? null : tokens + result.usage.tokens
  }
  return { vectors, tokens }
}

/** Little-endian floats, as OpenAI’s own clients ask for by default. */
const base64Of = (vector: readonly number[]): string => {
  const bytes = Buffer.alloc(vector.length * 4)
  for (const [at, value] of vector.entries()) bytes.writeFloatLE(value, at * 4)
  return bytes.toString('base64')
}

const openAi = {
  decode(request: TranslationRequest, _: Json, notes: Notes): Wanted {
    const { fields } = formOf(request, openAiFields, notes)
    const inputs: readonly unknown[] = Array.isArray(fields.input)
      ? (fields.input as unknown[])
      : [fields.input]
    const values = inputs.map((value) =>
      typeof value === 'number' || Array.isArray(value)
        ? refuse('input', 'Token numbers differ between services; send text.')
        : readText(value, 'input'),
    )
    if (values.length === 0) malformed('input', 'text, or a list of texts')
    return { values, dimensions: readNumber(fields.dimensions, 'dimensions'), taskType: undefined }
  },
  encode: ({ vectors, tokens }: Embedded, { requestedModel }: TranslationRequest, body: Json) => ({
    object: 'list',
    data: vectors.map((vector, index) => ({
      object: 'embedding',
      index,
      embedding: body.encoding_format === 'base64' ? base64Of(vector) : vector,
    })),
    model: requestedModel,
    ...(tokens === null ? {} : { usage: { prompt_tokens: tokens, total_tokens: tokens } }),
  }),
}

/** https://ai.google.dev/api/embeddings */
const geminiFields: Fields = {
  model: 'carried',
  content: 'carried',
  taskType: 'carried',
  outputDimensionality: 'carried',
  title: 'listed',
  autoTruncate: 'listed',
}

const gemini = (isBatch: boolean) => ({
  decode(_: TranslationRequest, body: Json, notes: Notes): Wanted {
    const requests = isBatch ? readItems(body.requests, 'requests') : ([[body, '']] as const)
    const wanted = requests.map(([item, field]) => readOne(item, field === '' ? '' : `${field}.`, notes))
    const [first] = wanted
    if (first === undefined) return malformed('requests', 'a list of requests')
    const isUniform = wanted.every(
      ({ dimensions, taskType }) => dimensions === first.dimensions && taskType === first.taskType,
    )
    if (!isUniform) refuse('requests', 'All requests of a batch must want the same kind of embedding.')
    return { ...first, values: wanted.flatMap(({ values }) => values) }
  },
  encode: ({ vectors, tokens }: Embedded) => ({
    ...(isBatch
      ? { embeddings: vectors.map((values) => ({ values })) }
      : { embedding: { values: vectors[0] ?? [] } }),
    ...(tokens === null ? {} : { usageMetadata: { promptTokenCount: tokens, totalTokenCount: tokens } }),
  }),
})

const readOne = (raw: Json, prefix: string, notes: Notes): Wanted => {
  const request = inCamelCase(raw)
  applyFields(request, geminiFields, prefix, notes)
  const { parts } = readJson(request.content, `${prefix}content`)
  const texts = readItems(parts, `${prefix}content.parts`).map(([part, field]) =>
    part.text === undefined
      ? refuse(field, 'Only text is translated into embeddings.')
      : readText(part.text, `${field}.text`),
  )
  return {
    values: [texts.join('\n')],
    dimensions: readNumber(request.outputDimensionality, `${prefix}outputDimensionality`),
    taskType: readOptionalText(request.taskType, `${prefix}taskType`),
  }
}
