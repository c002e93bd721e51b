import { type Outcome, success } from '../kit/fault.ts'
import type { Units } from '../metering/usage.ts'
import type { BodyChanges, Codec, ParsedRequest, RequestSource } from './dialect.ts'
import { errorShapes } from './errors.ts'
import { type InputMeasure, measureOf, nothingFound, nothingToRead } from './estimate.ts'
import {
  type Attachment,
  attachmentsOf,
  type Fields,
  type GeminiRequest,
  listOf,
  nameIn,
  partsOf,
  readGemini,
} from './gemini-request.ts'
import { makeGeminiTap } from './gemini-tap.ts'
import { usageOfGeminiEmbeddings, usageOfGeminiReply } from './gemini-usage.ts'
import { applyEdits, type Edit, memberEdits, readMembers, readObjectElements } from './json-members.ts'
import { usageOfFreeReply } from './reported.ts'
import { readCount } from './request.ts'
import { unpricedInEmbedding, unpricedInGemini, unpricedInGeminiCount } from './unpriced-gemini.ts'

/** generateContent and streamGenerateContent. Shapes: https://ai.google.dev/api/generate-content */
const parseGenerate = ({ endpoint, body, pathModel }: RequestSource): Outcome<ParsedRequest> => {
  const read = readGemini(body, pathModel)
  if (!read.ok) return read
  const { model, fields, generationConfig } = read.value
  const limit = readCount(generationConfig, 'maxOutputTokens')
  if (!limit.ok) return limit
  const candidates = readCount(generationConfig, 'candidateCount')
  if (!candidates.ok) return candidates
  const choices = candidates.value ?? 1
  const maximumOutputTokens = limit.value === null ? null : limit.value * choices
  const attachments = [fields.contents, fields.systemInstruction].flatMap(partsOf).flatMap(attachmentsOf)
  return success({
    ...requestOf(endpoint, body, model),
    streamed: endpoint === 'stream_generate_content',
    maximumOutputTokens,
    producesOutput: true,
    choices,
    input: measure(body, attachments, fields.tools),
    mostUnits: mostUnits(read.value, attachments, maximumOutputTokens, choices),
    unpriced: unpricedInGemini(fields),
  })
}

/** What requests of all endpoints have in common. */
const requestOf = (endpoint: ParsedRequest['endpoint'], body: Buffer, model: string) => ({
  endpoint,
  body,
  contentType: 'application/json',
  model,
  streamed: false,
  maximumOutputTokens: null,
  producesOutput: false,
  choices: 1,
  mostUnits: null,
  wantsUsageEvent: true,
})

const measure = (body: Buffer, attachments: readonly Attachment[], tools: unknown): InputMeasure => {
  const found = nothingFound()
  for (const { kind, base64 } of attachments) {
    const bytes = base64?.length ?? 0
    if (kind === 'image') {
      found.images++
      found.imageBytes += bytes
    } else {
      found.documents++
      found.documentBytes += bytes
    }
  }
  return measureOf(body, found, tools)
}

/** 32 tokens a second, at no less than 8 kbit/s in base64. https://ai.google.dev/gemini-api/docs/audio */
const leastBase64PerAudioToken = 40
/** Where it is named by an address: the longest context there is. */
const mostAudioTokens = 1_048_576
/** Where nobody limits them: ten minutes of speech, or three images of the largest size. */
const mostSpokenTokens = 16_384
const mostDrawnTokens = 8_192
/** Draw and speak unasked. */
const drawingModel = /-image\b|image-generation/
const speakingModel = /-tts\b|native-audio/

const mostUnits = (
  { model, generationConfig }: GeminiRequest,
  attachments: readonly Attachment[],
  limit: number | null,
  choices: number,
): Units | null => {
  const modalities = listOf(generationConfig.responseModalities)
  const heard = attachments
    .filter(({ kind }) => kind === 'audio' || kind === 'video')
    .map(({ base64 }) =>
      base64 === null ? mostAudioTokens : Math.ceil(base64.length / leastBase64PerAudioToken),
    )
    .reduce((a, b) => a + b, 0)
  const draws = modalities.includes('IMAGE') || drawingModel.test(model)
  const speaks = modalities.includes('AUDIO') || speakingModel.test(model)
  if (heard === 0 && !draws && !speaks) return null
  return {
    ...(heard > 0 && { input_audio_tokens: Math.min(heard, mostAudioTokens) }),
    ...(speaks && { output_audio_tokens: limit ?? mostSpokenTokens * choices }),
    ...(draws && { output_image_tokens: limit ?? mostDrawnTokens * choices }),
  }
}

const openBrace = 0x7b

const generateBody = (request: ParsedRequest, changes: BodyChanges): Buffer => {
  const { body } = request
  const isRenamed = changes.model !== request.model
  if (!isRenamed && changes.maximumOutputTokens === null) return body
  const members = readMembers(body)
  const values = new Map<string, unknown>()
  if (isRenamed && members.byName.has('model')) values.set('model', `models/${changes.model}`)
  const edits: Edit[] = []
  if (changes.maximumOutputTokens !== null) {
    const name = nameIn(members, 'generationConfig')
    const config = members.byName.get(name)
    if (config !== undefined && body[config.start] === openBrace) {
      const nested = readMembers(body, config.start)
      const limit = new Map([[nameIn(nested, 'maxOutputTokens'), changes.maximumOutputTokens]])
      edits.push(...memberEdits(body, nested, limit, config.start))
    } else values.set(name, { maxOutputTokens: changes.maximumOutputTokens })
  }
  return applyEdits(body, [...edits, ...memberEdits(body, members, values)])
}

/** Only names of the model differ: the body's own, its inner request's, and those of a batch. */
const renamedBody = (request: ParsedRequest, { model }: BodyChanges): Buffer => {
  const { body } = request
  if (model === request.model) return body
  const top = readMembers(body)
  const inner = top.byName.get(nameIn(top, 'generateContentRequest'))
  const batch = top.byName.get('requests')
  const starts = [
    0,
    ...(inner !== undefined && body[inner.start] === openBrace ? [inner.start] : []),
    ...(batch === undefined ? [] : readObjectElements(body, batch.start)),
  ]
  const edits = starts.flatMap((start) => {
    const members = readMembers(body, start)
    const values = new Map(members.byName.has('model') ? [['model', `models/${model}`]] : [])
    return memberEdits(body, members, values, start)
  })
  return applyEdits(body, edits)
}

const parseWith =
  (describe: (fields: Fields, body: Buffer) => Pick<ParsedRequest, 'input' | 'unpriced'>) =>
  ({ endpoint, body, pathModel }: RequestSource): Outcome<ParsedRequest> => {
    const read = readGemini(body, pathModel)
    if (!read.ok) return read
    const { model, fields } = read.value
    return success({ ...requestOf(endpoint, body, model), ...describe(fields, body) })
  }

export const geminiCodec: Codec = {
  parse: parseGenerate,
  bodyFor: generateBody,
  reply: 'json',
  makeTap: makeGeminiTap,
  usageOf: ({ body }) => usageOfGeminiReply(body),
  errorEvent: (fault, operationId) => `data: ${errorShapes.gemini(fault, operationId)}\n\n`,
}

/** Free of charge. https://ai.google.dev/api/tokens */
export const geminiCountCodec: Codec = {
  ...geminiCodec,
  parse: parseWith((fields) => ({ input: nothingToRead, unpriced: unpricedInGeminiCount(fields) })),
  bodyFor: renamedBody,
  usageOf: ({ body }) => usageOfFreeReply(body),
}

/**
 * embedContent and batchEmbedContents. Newer models report the prompt's tokens; where none are reported, the text is
 * estimated at four bytes a token and marked as such. https://ai.google.dev/api/embeddings
 */
export const geminiEmbeddingCodec: Codec = {
  ...geminiCodec,
  parse: parseWith((fields, body) => ({
    input: measure(body, attachmentsIn(fields), undefined),
    unpriced: unpricedInEmbedding(fields),
  })),
  bodyFor: renamedBody,
  usageOf: ({ body }) => usageOfGeminiEmbeddings(body),
}

const attachmentsIn = ({ content, requests }: Fields): Attachment[] =>
  [content, ...listOf(requests).map((request) => (request as Fields | null)?.content)]
    .flatMap(partsOf)
    .flatMap(attachmentsOf)
