import { attachmentsOf, type Fields, fieldsOf, partsOf } from './gemini-request.ts'
import { isObject } from './request.ts'
import { every, firstThatIsNot } from './unpriced.ts'

/**
 * Gemini, by the rules of unpriced.ts. On system keys are refused:
 * - `cachedContent` and uploaded files: they are the account's, which is shared;
 * - `googleSearch`, `googleMaps`, `urlContext`, `codeExecution`, `fileSearch`, …: tools that Google runs, charged by the
 *   query or filling the prompt with what they find;
 * - `serviceTier` and routing to other models, at other prices; `continuationToken`, a prompt that nobody measured;
 * - video as output, and whatever is not known yet.
 */
export const unpricedInGemini = (fields: Fields): string | null =>
  firstThatIsNot(isPriced, fields) ?? unpricedInConfig(fieldsOf(fields.generationConfig))

/** https://ai.google.dev/api/generate-content */
const isPriced = (field: string, value: unknown): boolean => {
  if (value === null) return true
  switch (field) {
    case 'model':
    case 'safetySettings':
    case 'toolConfig':
    case 'generationConfig':
      return true
    case 'contents':
    case 'systemInstruction':
      return partsOf(value).every(isPricedPart)
    case 'tools':
      return every(value, isCallersTool)
    case 'serviceTier':
      return value === 'standard' || value === 'unspecified'
    default:
      return false
  }
}

const isCallersTool = (tool: Fields): boolean =>
  Object.keys(fieldsOf(tool)).every((field) => field === 'functionDeclarations')

const partFields = new Set([
  'text',
  'thought',
  'thoughtSignature',
  'inlineData',
  'fileData',
  'functionCall',
  'functionResponse',
  'videoMetadata',
  'mediaResolution',
  'speechMetadata',
])

const isPricedPart = (part: Fields): boolean =>
  Object.keys(part).every((field) => part[field] === null || partFields.has(field)) &&
  attachmentsOf(part).every(({ isPublic }) => isPublic)

const configFields = new Set([
  'temperature',
  'topP',
  'topK',
  'candidateCount',
  'maxOutputTokens',
  'stopSequences',
  'responseLogprobs',
  'logprobs',
  'presencePenalty',
  'frequencyPenalty',
  'seed',
  'responseMimeType',
  'responseSchema',
  'responseJsonSchema',
  // As older clients write it, with an underscore in front.
  'ResponseJsonSchema',
  'mediaResolution',
  'thinkingConfig',
  'speechConfig',
  'imageConfig',
  'audioTimestamp',
  'enableEnhancedCivicAnswers',
])

const reportedModalities = new Set<unknown>(['TEXT', 'IMAGE', 'AUDIO'])

const unpricedInConfig = (config: Fields): string | null => {
  const field = firstThatIsNot(
    (name, value) =>
      value === null ||
      configFields.has(name) ||
      (name === 'responseModalities' &&
        Array.isArray(value) &&
        value.every((item) => reportedModalities.has(item))),
    config,
  )
  return field && `generationConfig.${field}`
}

/** Embeddings of text; those of media have prices of their own, and nothing reports how much of them was read. */
export const unpricedInEmbedding = (fields: Fields): string | null =>
  firstThatIsNot(isPricedInEmbedding, fields)

const embeddingFields = new Set(['model', 'taskType', 'title', 'outputDimensionality', 'embedContentConfig'])

const isPricedInEmbedding = (field: string, value: unknown): boolean => {
  if (value === null || embeddingFields.has(field)) return true
  if (field === 'content')
    return partsOf(value).every((part) => Object.keys(part).every((name) => name === 'text'))
  return field === 'requests' && every(value, (request) => unpricedInEmbedding(fieldsOf(request)) === null)
}

/** Counting is free; only what belongs to the account stays out. */
export const unpricedInGeminiCount = (fields: Fields): string | null => {
  const request = fieldsOf(fields.generateContentRequest)
  const contents = [fields.contents, request.contents, request.systemInstruction].filter(isObject)
  const lists = [fields.contents, request.contents].filter(Array.isArray)
  const isOwn = [...contents, ...lists].some((content) =>
    partsOf(content).some((part) => attachmentsOf(part).some(({ isPublic }) => !isPublic)),
  )
  if (isOwn) return 'contents'
  return request.cachedContent == null ? null : 'cachedContent'
}
