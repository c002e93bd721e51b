import { isRecord, shown } from './exchange.ts'
import { type GeminiRefusal, invalid } from './gemini-errors.ts'
import type { GeminiModel } from './models.ts'

type Part = Record<string, unknown>

export interface Turn {
  readonly role: string
  readonly parts: readonly Part[]
}

const partFields = [
  'text',
  'inlineData',
  'fileData',
  'functionCall',
  'functionResponse',
  'executableCode',
  'codeExecutionResult',
  'toolCall',
  'toolResponse',
  'thought',
  'thoughtSignature',
  'videoMetadata',
  'mediaResolution',
  'partMetadata',
]
const camel = (name: string): string => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
const camelled = (value: Part): Part =>
  Object.fromEntries(Object.entries(value).map(([name, inner]) => [camel(name), inner]))

const partsOf = (content: unknown): Part[] =>
  isRecord(content) && Array.isArray(content['parts']) ? content['parts'].filter(isRecord).map(camelled) : []

export const turnsOf = (contents: unknown): Turn[] =>
  [contents]
    .flat()
    .filter(isRecord)
    .map((content) => ({
      role: shown(content['role'] ?? 'user'),
      parts: partsOf(content),
    }))

export const textOf = (content: unknown): string =>
  partsOf(content)
    .map((part) => (typeof part['text'] === 'string' && part['thought'] !== true ? part['text'] : ''))
    .filter((text) => text !== '')
    .join('\n')

export const checkContents = (contents: unknown, model: GeminiModel): GeminiRefusal | null => {
  const list = [contents ?? []].flat()
  if (list.length === 0) return invalid('* GenerateContentRequest.contents: contents is not specified')
  for (const [index, content] of list.entries()) {
    const refusal = checkContent(content, `contents[${index}]`)
    if (refusal) return refusal
  }
  return checkCalls(turnsOf(list), model)
}

const checkContent = (content: unknown, at: string): GeminiRefusal | null => {
  if (!isRecord(content))
    return invalid(
      `Invalid value at '${at}' (type.googleapis.com/google.ai.generativelanguage.v1beta.Content), ${shown(content)}`,
    )
  const stranger = Object.keys(content).find((name) => name !== 'role' && name !== 'parts')
  if (stranger)
    return invalid(`Invalid JSON payload received. Unknown name "${stranger}" at '${at}': Cannot find field.`)
  const role = content['role'] ?? 'user'
  if (!['user', 'model', 'function'].includes(shown(role)))
    return invalid('Please use a valid role: user, model.')
  const parts = content['parts']
  if (!Array.isArray(parts) || parts.length === 0)
    return invalid(`* GenerateContentRequest.${at}.parts: contents.parts must not be empty.`)
  for (const [index, part] of parts.entries()) {
    const refusal = checkPart(part, `${at}.parts[${index}]`)
    if (refusal) return refusal
  }
  return null
}

const data = [
  'text',
  'inlineData',
  'fileData',
  'functionCall',
  'functionResponse',
  'executableCode',
  'codeExecutionResult',
  'toolCall',
  'toolResponse',
]

const checkPart = (raw: unknown, at: string): GeminiRefusal | null => {
  if (!isRecord(raw)) return invalid(`Invalid value at '${at}': expected an object`)
  const part = camelled(raw)
  const stranger = Object.keys(part).find((name) => !partFields.includes(name))
  if (stranger)
    return invalid(`Invalid JSON payload received. Unknown name "${stranger}" at '${at}': Cannot find field.`)
  const given = data.filter((name) => part[name] !== undefined)
  if (given.length === 0 && part['thoughtSignature'] === undefined)
    return invalid(
      `* GenerateContentRequest.${at}.data: required oneof field 'data' must have one initialized field`,
    )
  if (given.length > 1)
    return invalid(
      `Invalid value at '${at}' (oneof), oneof field 'data' is already set. Cannot set '${given[1]}'`,
    )
  if (part['text'] !== undefined && typeof part['text'] !== 'string')
    return invalid(`Invalid value at '${at}.text' (TYPE_STRING), ${shown(part['text'])}`)
  return checkInline(part['inlineData'], at) ?? checkFunction(part, at)
}

const checkInline = (value: unknown, at: string): GeminiRefusal | null => {
  if (value === undefined) return null
  const inline = isRecord(value) ? camelled(value) : {}
  if (!/^[\w.+-]+\/[\w.+-]+/.test(shown(inline['mimeType'])))
    return invalid(`Unable to process input image. Unsupported MIME type: ${shown(inline['mimeType'])}`)
  return /^[A-Za-z0-9+/_-]+={0,2}$/.test(shown(inline['data']))
    ? null
    : invalid(`Invalid value at '${at}.inline_data.data' (TYPE_BYTES), Base64 decoding failed`)
}

const checkFunction = (part: Part, at: string): GeminiRefusal | null => {
  for (const name of ['functionCall', 'functionResponse']) {
    const value = part[name]
    if (value === undefined) continue
    if (!isRecord(value) || typeof value['name'] !== 'string' || value['name'] === '')
      return invalid(`* GenerateContentRequest.${at}.${name}.name: Name cannot be empty.`)
    const inner = name === 'functionCall' ? value['args'] : value['response']
    if (inner !== undefined && !isRecord(inner))
      return invalid(
        `Invalid value at '${at}.${name}': expected an object (google.protobuf.Struct), ${shown(inner)}`,
      )
  }
  return null
}

/** What stands in for a signature that was lost. https://ai.google.dev/gemini-api/docs/thought-signatures */
const allowedSignatures = ['context_engineering_is_the_way_to_go', 'skip_thought_signature_validator']
export const signature = Buffer.from('simulated signature of a thought').toString('base64')

const nameOf = (part: Part | undefined): string => {
  const call = part?.['functionCall']
  return isRecord(call) ? shown(call['name']) : ''
}

/** Each turn of calls is answered in the next one, call by call; newer models want their signatures back. */
const checkCalls = (turns: readonly Turn[], model: GeminiModel): GeminiRefusal | null => {
  for (const [index, turn] of turns.entries()) {
    const calls = turn.parts.filter((part) => part['functionCall'] !== undefined)
    const answers = turn.parts.filter((part) => part['functionResponse'] !== undefined)
    const asked = (turns[index - 1]?.parts ?? []).filter((part) => part['functionCall'] !== undefined)
    if (answers.length > 0 && asked.length === 0)
      return invalid(
        'Please ensure that function response turn comes immediately after a function call turn.',
      )
    if (answers.length !== asked.length)
      return invalid(
        'Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.',
      )
    if (calls.length > 0 && turn.role !== 'model')
      return invalid(
        'Please ensure that function call turn comes immediately after a user turn or after a function response turn.',
      )
    const given = calls[0]?.['thoughtSignature']
    if (!model.signatures || calls.length === 0) continue
    if (given === undefined)
      return invalid(
        `Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly, and missing thought_signature may lead to degraded model performance. Additional data, function call \`default_api:${nameOf(calls[0])}\`, position ${index + 1}. Please refer to https://ai.google.dev/gemini-api/docs/thought-signatures for more details.`,
      )
    if (given !== signature && !allowedSignatures.includes(shown(given)))
      return invalid('Thought signature is not valid.')
  }
  return null
}
