import { type Fault, faults, failure, type Outcome, success } from '../kit/fault.ts'
import type { TokenUsage } from '../metering/usage.ts'
import type { Endpoint } from '../services/service.ts'
import type { BodyChanges, Codec, EventKind, ParsedRequest, StreamTap } from './dialect.ts'
import { boundInputTokens } from './estimate.ts'
import { readMembers, replaceMembers } from './json-members.ts'
import { parseObject, readCount, readFlag, readModel, reportedCount } from './request.ts'
import { dataOf } from './sse.ts'

/** Chat completions and embeddings. Shapes: https://platform.openai.com/docs/api-reference */
interface OpenAiRequest extends ParsedRequest {
  readonly parsed: Record<string, unknown>
}

const parse = (endpoint: Endpoint, body: Buffer): Outcome<ParsedRequest> => {
  const object = parseObject(body)
  if (!object.ok) return object
  const parsed = object.value
  const model = readModel(parsed)
  if (!model.ok) return model
  const streamed = readFlag(parsed, 'stream')
  if (!streamed.ok) return streamed
  const limit = readCount(
    parsed,
    parsed.max_completion_tokens == null ? 'max_tokens' : 'max_completion_tokens',
  )
  if (!limit.ok) return limit
  const choices = readCount(parsed, 'n')
  if (!choices.ok) return choices
  const producesOutput = endpoint === 'chat_completions'
  const n = producesOutput ? (choices.value ?? 1) : 1
  return success<OpenAiRequest>({
    endpoint,
    body,
    parsed,
    model: model.value,
    streamed: streamed.value && producesOutput,
    maximumOutputTokens: limit.value === null ? null : limit.value * n,
    producesOutput,
    choices: n,
    inputTokensBound: boundInputTokens(body, parsed),
    wantsUsageEvent: usageAsked(parsed.stream_options),
  })
}

const usageAsked = (options: unknown): boolean =>
  typeof options === 'object' &&
  options !== null &&
  (options as { include_usage?: unknown }).include_usage === true

const bodyFor = (request: ParsedRequest, changes: BodyChanges): Buffer => {
  const { parsed } = request as OpenAiRequest
  const values = new Map<string, unknown>()
  if (changes.model !== request.model) values.set('model', changes.model)
  if (changes.maximumOutputTokens !== null) values.set(changes.outputLimitField, changes.maximumOutputTokens)
  if (request.streamed && !request.wantsUsageEvent)
    values.set('stream_options', { ...(parsed.stream_options as object | undefined), include_usage: true })
  return values.size === 0 ? request.body : replaceMembers(request.body, readMembers(request.body), values)
}

const doneMark = Buffer.from('[DONE]')
const usageMark = Buffer.from('"usage"')
const errorMark = Buffer.from('"error"')
const contentMark = Buffer.from('"delta"')
const dataMark = Buffer.from('data:')

/**
 * A quote inside a JSON string is escaped, so the bytes `"usage"` never occur within generated text. Every chunk of a
 * stream that was asked for usage has `"usage":null`; only the one that is not null is parsed.
 */
const hasUsage = (event: Buffer): boolean => {
  let at = event.lastIndexOf(usageMark)
  if (at === -1) return false
  at += usageMark.length
  while (event[at] === 0x3a || event[at] === 0x20) at++
  return event[at] === 0x7b
}

const makeTap = (): StreamTap => {
  let usage: TokenUsage | null = null

  const read = (event: Buffer): EventKind => {
    try {
      const chunk = JSON.parse(dataOf(event)) as { usage?: unknown; error?: unknown; choices?: unknown[] }
      if (chunk.error !== undefined && chunk.error !== null) return 'error'
      if (isObject(chunk.usage)) usage = usageFrom(chunk.usage)
      return isObject(chunk.usage) && chunk.choices?.length === 0 ? 'usage' : 'content'
    } catch {
      return 'other'
    }
  }

  return {
    event(event) {
      if (event.indexOf(dataMark) !== 0) return event.includes(dataMark) ? read(event) : 'other'
      if (event.length < 24 && event.includes(doneMark)) return 'end'
      if (hasUsage(event) || (event.includes(errorMark) && !event.includes(contentMark))) return read(event)
      return 'content'
    },
    reported: () => usage,
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null

/** Cached input is part of `prompt_tokens`, reasoning of `completion_tokens`: taken apart so that nothing counts twice. */
const usageFrom = (usage: Record<string, unknown>): TokenUsage => {
  const input = usage.prompt_tokens_details as Record<string, unknown> | undefined | null
  const output = usage.completion_tokens_details as Record<string, unknown> | undefined | null
  const prompt = reportedCount(usage.prompt_tokens)
  const completion = reportedCount(usage.completion_tokens)
  const cacheRead = Math.min(reportedCount(input?.cached_tokens), prompt)
  const cacheWrite = Math.min(reportedCount(input?.cache_write_tokens), prompt - cacheRead)
  const reasoning = Math.min(reportedCount(output?.reasoning_tokens), completion)
  return {
    input: prompt - cacheRead - cacheWrite,
    cacheRead,
    cacheWrite,
    cacheWrite1h: 0,
    output: completion - reasoning,
    reasoning,
  }
}

/** Embedding replies can be megabytes of numbers before their usage: only that member is parsed. */
const usageOf = (reply: Buffer): TokenUsage | null => {
  const at = reply.lastIndexOf(usageMark)
  if (at === -1) return null
  const tail = reply.subarray(at)
  try {
    const wrapped = JSON.parse(`{${tail.toString('utf8', 0, endOfUsage(tail))}}`) as { usage: unknown }
    return isObject(wrapped.usage) ? usageFrom(wrapped.usage) : null
  } catch {
    return null
  }
}

/** Offset behind the closing brace of the first object in `"usage": {…}`; its strings hold no braces. */
const endOfUsage = (tail: Buffer): number => {
  let depth = 0
  for (let at = 0; at < tail.length; at++) {
    if (tail[at] === 0x7b) depth++
    if (tail[at] === 0x7d && --depth === 0) return at + 1
  }
  return tail.length
}

const errorTypes: Record<number, string> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'insufficient_quota',
  403: 'permission_error',
  404: 'invalid_request_error',
  429: 'rate_limit_error',
}

const errorObject = (fault: Fault, operationId: string) => ({
  error: {
    message: `${fault.message} ${fault.next}`,
    type:
      errorTypes[faults[fault.code].status] ??
      (faults[fault.code].status < 500 ? 'invalid_request_error' : 'server_error'),
    param: fault.field ?? null,
    code: fault.code,
    operation_id: operationId,
  },
})

export const openaiCodec: Codec = {
  parse: (endpoint, body) => {
    const request = parse(endpoint, body)
    if (!request.ok) return request
    const { duplicate } = readMembers(body)
    return duplicate === null ? request : failure('duplicate_field', { field: duplicate })
  },
  bodyFor,
  makeTap,
  usageOf,
  errorBody: (fault, operationId) => JSON.stringify(errorObject(fault, operationId)),
  errorEvent: (fault, operationId) => `data: ${JSON.stringify(errorObject(fault, operationId))}\n\n`,
}
