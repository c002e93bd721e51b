import { type Exchange, type Refusal, sendJson, shown } from './exchange.ts'
import { openAi, type OpenAiHost, refuse as refuseAs } from './openai-host.ts'
import { type Check, checkParameters, integer, missing, oneOf, text, wrongType } from './openai-params.ts'
import { readDirectives } from './directives.ts'
import { seededNumbers, tokensOf } from './text.ts'

const input: Check = (value, name) => {
  if (typeof value === 'string' || Array.isArray(value)) return null
  return wrongType(name, 'a string, an array of strings, or an array of token arrays', value)
}

const parameters: Readonly<Record<string, Check>> = {
  model: text,
  input,
  dimensions: integer(1, 100_000),
  encoding_format: oneOf('float', 'base64'),
  user: text,
}

type Input = string | readonly number[]

/** The inputs one by one, or why they are refused. */
const readInputs = (value: unknown): Input[] | Refusal => {
  const invalid: Refusal = {
    status: 400,
    message:
      "'$.input' is invalid. Please check the API reference: https://platform.openai.com/docs/api-reference.",
  }
  if (typeof value === 'string') return value === '' ? invalid : [value]
  const items = value as unknown[]
  if (items.length === 0 || items.length > 2048) return invalid
  if (items.every(isToken)) return [items]
  const fine = items.every((item) => (typeof item === 'string' ? item !== '' : isTokens(item)))
  return fine ? (items as Input[]) : invalid
}

const isToken = (item: unknown): item is number =>
  typeof item === 'number' && Number.isInteger(item) && item >= 0
const isTokens = (item: unknown): boolean => Array.isArray(item) && item.length > 0 && item.every(isToken)

const countOf = (item: Input): number => (typeof item === 'string' ? tokensOf(item).length : item.length)

/** A unit vector that depends on the text only; the same for equal texts. */
export const vectorOf = (model: string, item: Input, dimensions: number): number[] => {
  const next = seededNumbers(`${model}:${JSON.stringify(item)}`)
  const raw = Array.from({ length: dimensions }, () => next() - 0.5)
  const length = Math.hypot(...raw)
  return raw.map((value) => Math.fround(value / length))
}

export const embed = async (
  exchange: Exchange,
  body: Record<string, unknown>,
  host: OpenAiHost = openAi,
): Promise<void> => {
  const refuse = (refusal: Refusal) => refuseAs(exchange, host, refusal)
  if (body['model'] === undefined)
    return refuse({ status: 400, message: 'you must provide a model parameter' })
  if (body['input'] === undefined) return refuse(missing('input'))
  const refusal = checkParameters(body, parameters, host.rules.lenient)
  if (refusal) return refuse(refusal)
  const model = host.embeddingModels.find((m) => m.id === body['model'])
  if (!model) return refuse(host.unknownModel(shown(body['model'])))
  const dimensions = body['dimensions'] as number | undefined
  if (dimensions !== undefined && !model.shortens)
    return refuse({ status: 400, message: 'This model does not support specifying dimensions.' })
  if (dimensions !== undefined && dimensions > model.dimensions)
    return refuse({
      status: 400,
      message: `Invalid value for 'dimensions' = ${dimensions}. Must be less than or equal to ${model.dimensions}.`,
    })
  const inputs = readInputs(body['input'])
  if ('status' in inputs) return refuse(inputs)
  const longest = Math.max(...inputs.map(countOf))
  if (longest > 8192)
    return refuse({
      status: 400,
      message: `This model's maximum context length is 8192 tokens, however you requested ${longest} tokens (${longest} in your prompt; 0 for the completion). Please reduce your prompt; or completion length.`,
    })
  const directives = readDirectives(inputs.filter((item) => typeof item === 'string').join('\n'))
  if ('error' in directives && directives.error)
    return refuse(host.errorOf(directives.error.status, directives.error.retryAfterSeconds))
  sendEmbeddings(
    exchange,
    host,
    model.id,
    inputs,
    dimensions ?? model.dimensions,
    body['encoding_format'] === 'base64',
  )
}

const sendEmbeddings = (
  exchange: Exchange,
  host: OpenAiHost,
  model: string,
  inputs: readonly Input[],
  dimensions: number,
  base64: boolean,
) => {
  const tokens = inputs.reduce((sum, item) => sum + countOf(item), 0)
  const data = inputs.map((item, index) => {
    const vector = vectorOf(model, item, dimensions)
    const embedding = base64 ? Buffer.from(new Float32Array(vector).buffer).toString('base64') : vector
    return { object: 'embedding', index, embedding }
  })
  const usage = { prompt_tokens: tokens, total_tokens: tokens }
  sendJson(exchange, 200, { object: 'list', data, model, usage }, host.modelHeaders(exchange, tokens))
}
