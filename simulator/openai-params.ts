import { isRecord, type Refusal, shown } from './exchange.ts'

/** Checks of request parameters, in OpenAI's words. */
export type Check = (value: unknown, name: string) => Refusal | null

const kindOf = (value: unknown): string => {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object') return 'an object'
  if (typeof value === 'number') return Number.isInteger(value) ? 'an integer' : 'a decimal'
  return `a ${typeof value}`
}

export const wrongType = (name: string, expected: string, value: unknown): Refusal => ({
  status: 400,
  message: `Invalid type for '${name}': expected ${expected}, but got ${kindOf(value)} instead.`,
  param: name,
  code: 'invalid_type',
})

export const missing = (name: string): Refusal => ({
  status: 400,
  message: `Missing required parameter: '${name}'.`,
  param: name,
  code: 'missing_required_parameter',
})

const outside = (name: string, kind: string, above: boolean, bound: number, value: number): Refusal => ({
  status: 400,
  message: `Invalid '${name}': ${kind} ${above ? 'above maximum' : 'below minimum'} value. Expected a value ${above ? '<=' : '>='} ${bound}, but got ${value} instead.`,
  param: name,
  code: `${kind}_${above ? 'above_max' : 'below_min'}_value`,
})

const numeric =
  (kind: 'integer' | 'decimal', low: number, high: number): Check =>
  (value, name) => {
    const fits = typeof value === 'number' && (kind === 'decimal' || Number.isInteger(value))
    if (!fits) return wrongType(name, kind === 'integer' ? 'an integer' : 'a decimal', value)
    if (value > high) return outside(name, kind, true, high, value)
    return value < low ? outside(name, kind, false, low, value) : null
  }
export const integer = (low: number, high: number): Check => numeric('integer', low, high)
export const decimal = (low: number, high: number): Check => numeric('decimal', low, high)

const ofType =
  (type: 'boolean' | 'string' | 'object', expected: string): Check =>
  (value, name) => {
    const fits = type === 'object' ? isRecord(value) : typeof value === type
    return fits ? null : wrongType(name, expected, value)
  }
export const boolean = ofType('boolean', 'a boolean')
export const text = ofType('string', 'a string')
export const record = ofType('object', 'an object')

export const list: Check = (value, name) => (Array.isArray(value) ? null : wrongType(name, 'an array', value))

export const oneOf =
  (...values: readonly string[]): Check =>
  (value, name) => {
    if (typeof value !== 'string') return wrongType(name, `one of ${values.join(', ')}`, value)
    if (values.includes(value)) return null
    const supported = values.map((v) => `'${v}'`).join(', ')
    return {
      status: 400,
      message: `Invalid value: '${value}'. Supported values are: ${supported}.`,
      param: name,
      code: 'invalid_value',
    }
  }

export const nullable =
  (check: Check): Check =>
  (value, name) =>
    value === null ? null : check(value, name)

const longText =
  (limit: number): Check =>
  (value, name) =>
    text(value, name) ??
    (shown(value).length <= limit
      ? null
      : {
          status: 400,
          message: `Invalid '${name}': string too long. Expected a string with maximum length ${limit}, but got a string with length ${shown(value).length} instead.`,
          param: name,
          code: 'string_above_max_length',
        })

const stop: Check = (value, name) => {
  if (typeof value === 'string') return null
  if (!Array.isArray(value) || value.some((item) => typeof item !== 'string'))
    return wrongType(name, 'a string or an array of strings', value)
  if (value.length <= 4) return null
  return {
    status: 400,
    message: `Invalid '${name}': array too long. Expected an array with maximum length 4, but got an array with length ${value.length} instead.`,
    param: name,
    code: 'array_above_max_length',
  }
}

const metadata: Check = (value, name) =>
  record(value, name) ??
  (Object.values(value as object).every((item) => typeof item === 'string')
    ? null
    : wrongType(name, 'an object of strings', value))

/** Every parameter of chat completions that the current reference lists. */
export const chatParameters: Readonly<Record<string, Check>> = {
  model: text,
  messages: list,
  audio: nullable(record),
  frequency_penalty: nullable(decimal(-2, 2)),
  function_call: (value, name) => (isRecord(value) ? null : oneOf('none', 'auto')(value, name)),
  functions: list,
  logit_bias: nullable(record),
  logprobs: nullable(boolean),
  max_completion_tokens: nullable(integer(1, 10_000_000)),
  max_tokens: nullable(integer(1, 10_000_000)),
  metadata: nullable(metadata),
  modalities: nullable(list),
  moderation: nullable(record),
  n: nullable(integer(1, 128)),
  parallel_tool_calls: boolean,
  prediction: nullable(record),
  presence_penalty: nullable(decimal(-2, 2)),
  prompt_cache_key: nullable(text),
  prompt_cache_options: record,
  prompt_cache_retention: nullable(oneOf('in_memory', 'in-memory', '24h')),
  reasoning_effort: nullable(oneOf('none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max')),
  response_format: record,
  safety_identifier: nullable(text),
  seed: nullable(integer(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)),
  service_tier: nullable(oneOf('auto', 'default', 'flex', 'scale', 'priority', 'fast')),
  stop: nullable(stop),
  store: nullable(boolean),
  stream: nullable(boolean),
  stream_options: nullable(record),
  temperature: nullable(decimal(0, 2)),
  tool_choice: (value, name) => (isRecord(value) ? null : oneOf('none', 'auto', 'required')(value, name)),
  tools: list,
  top_logprobs: nullable(integer(0, 20)),
  top_p: nullable(decimal(0, 1)),
  user: longText(512),
  verbosity: nullable(oneOf('low', 'medium', 'high')),
  web_search_options: record,
}

export const unrecognized = (names: readonly string[]): Refusal => ({
  status: 400,
  message: `Unrecognized request argument${names.length > 1 ? 's' : ''} supplied: ${names.join(', ')}`,
})

/** Names, then types and ranges; `lenient` services ignore names they do not know. */
export const checkParameters = (
  body: Record<string, unknown>,
  parameters: Readonly<Record<string, Check>>,
  lenient: boolean,
): Refusal | null => {
  const unknown = Object.keys(body).filter((name) => !Object.hasOwn(parameters, name))
  if (unknown.length > 0 && !lenient) return unrecognized(unknown)
  for (const [name, check] of Object.entries(parameters)) {
    const refusal = body[name] === undefined ? null : check(body[name], name)
    if (refusal) return refusal
  }
  return null
}
