import { failure, type Outcome, success } from '../kit/fault.ts'
import { addUsage, type TokenUsage, type Usage } from '../metering/usage.ts'
import type { BodyChanges, Codec, EventKind, ParsedRequest, RequestSource, StreamTap } from './dialect.ts'
import { errorShapes } from './errors.ts'
import { measureInput, nothingToRead } from './estimate.ts'
import { duplicateMember, readMembers, replaceMembers } from './json-members.ts'
import {
  countOf,
  detailsOf,
  isCount,
  parseReported,
  parseReportedText,
  usageOfFreeReply,
  withUnits,
} from './reported.ts'
import { isObject, parseObject, readCount, readFlag, readModel } from './request.ts'
import { dataOf } from './sse.ts'
import { unpricedInCount, unpricedInMessages } from './unpriced.ts'

/** Messages. Shapes: https://platform.claude.com/docs/en/api/messages */
const parse = ({ endpoint, body }: RequestSource): Outcome<ParsedRequest> => {
  const object = parseObject(body)
  if (!object.ok) return object
  const parsed = object.value
  const model = readModel(parsed)
  if (!model.ok) return model
  const streamed = readFlag(parsed, 'stream')
  if (!streamed.ok) return streamed
  const limit = readCount(parsed, 'max_tokens')
  if (!limit.ok) return limit
  if (limit.value === null)
    return failure('invalid_request', { message: 'max_tokens is missing.', field: 'max_tokens' })
  const duplicate = duplicateMember(body, parsed)
  if (duplicate !== null) return failure('duplicate_field', { field: duplicate })
  return success({
    endpoint,
    body,
    contentType: 'application/json',
    model: model.value,
    streamed: streamed.value,
    maximumOutputTokens: limit.value,
    producesOutput: true,
    choices: 1,
    input: measureInput(body, parsed),
    mostUnits: null,
    unpriced: unpricedInMessages(parsed),
    wantsUsageEvent: true,
  })
}

const bodyFor = (request: ParsedRequest, changes: BodyChanges): Buffer => {
  const values = new Map<string, unknown>()
  if (changes.model !== request.model) values.set('model', changes.model)
  if (changes.maximumOutputTokens !== null) values.set('max_tokens', changes.maximumOutputTokens)
  return values.size === 0 ? request.body : replaceMembers(request.body, readMembers(request.body), values)
}

const eventMark = Buffer.from('event: ')

const nameOf = (event: Buffer): string => {
  if (event.indexOf(eventMark) !== 0) return /^event:\s*(\S+)/m.exec(event.toString('utf8'))?.[1] ?? ''
  let end = event.indexOf(0x0a)
  if (event[end - 1] === 0x0d) end--
  return event.toString('latin1', eventMark.length, end)
}

const makeTap = (): StreamTap => {
  let counts: Record<string, unknown> | null = null

  /** Later reports are running totals that replace earlier ones, field by field; null leaves a field as it was. */
  const read = (event: Buffer): void => {
    const data = parseReportedText(dataOf(event))
    if (!isObject(data)) return
    const usage = isObject(data.message) ? data.message.usage : data.usage
    if (!isObject(usage)) return
    const told = Object.entries(usage).filter(([, value]) => value !== null)
    counts = { ...counts, ...Object.fromEntries(told) }
  }

  const kindOf = (event: Buffer): EventKind => {
    const name = nameOf(event)
    if (name === 'content_block_delta') return 'content'
    if (name === 'message_stop') return 'end'
    if (name === 'error') return 'error'
    if (name === 'message_start' || name === 'message_delta') read(event)
    return 'other'
  }

  return {
    classify(text, ends) {
      let start = 0
      return ends.map((end) => {
        const kind = kindOf(text.subarray(start, end))
        start = end
        return kind
      })
    },
    reported: () => counts && usageFrom(counts),
  }
}

/** More would be no report of anybody's, and their sum might not fit the ledger. */
const mostRuns = 20

/**
 * `input_tokens` excludes what was read from or written to the cache; `output_tokens` includes the thinking. Null where
 * the totals are no counts: then there is no report.
 */
const usageFrom = (usage: Record<string, unknown>): Usage | null => {
  const { input_tokens: input, output_tokens: output } = usage
  if (!isCount(input) || !isCount(output)) return null
  const reasoning = Math.min(countOf(detailsOf(usage.output_tokens_details).thinking_tokens), output)
  let tokens: TokenUsage = { ...classesOf(usage), output: output - reasoning, reasoning }
  // A compaction is a run of the same model that the totals leave out.
  const runs = Array.isArray(usage.iterations) ? usage.iterations.slice(0, mostRuns).filter(isObject) : []
  for (const run of runs) if (run.type === 'compaction') tokens = addUsage(tokens, classesOf(run))
  return withUnits(tokens, { search: countOf(detailsOf(usage.server_tool_use).web_search_requests) })
}

const classesOf = (usage: Record<string, unknown>): TokenUsage => {
  const writes = countOf(usage.cache_creation_input_tokens)
  const cacheWrite1h = Math.min(countOf(detailsOf(usage.cache_creation).ephemeral_1h_input_tokens), writes)
  return {
    input: countOf(usage.input_tokens),
    cacheRead: countOf(usage.cache_read_input_tokens),
    cacheWrite: writes - cacheWrite1h,
    cacheWrite1h,
    output: countOf(usage.output_tokens),
    reasoning: 0,
  }
}

const usageOf = (reply: Buffer): Usage | null => {
  const parsed = parseReported(reply)
  return isObject(parsed) && isObject(parsed.usage) ? usageFrom(parsed.usage) : null
}

export const anthropicCodec: Codec = {
  parse,
  bodyFor,
  reply: 'json',
  makeTap,
  usageOf: ({ body }) => usageOf(body),
  errorEvent: (fault, operationId) => `event: error\ndata: ${errorShapes.anthropic(fault, operationId)}\n\n`,
}

/** https://platform.claude.com/docs/en/api/messages-count-tokens: free of charge, and limited apart from messages. */
const parseCount = ({ endpoint, body }: RequestSource): Outcome<ParsedRequest> => {
  const object = parseObject(body)
  if (!object.ok) return object
  const model = readModel(object.value)
  if (!model.ok) return model
  const duplicate = duplicateMember(body, object.value)
  if (duplicate !== null) return failure('duplicate_field', { field: duplicate })
  return success({
    endpoint,
    body,
    contentType: 'application/json',
    model: model.value,
    streamed: false,
    maximumOutputTokens: null,
    producesOutput: false,
    choices: 1,
    input: nothingToRead,
    mostUnits: null,
    unpriced: unpricedInCount(object.value),
    wantsUsageEvent: true,
  })
}

export const countTokensCodec: Codec = {
  ...anthropicCodec,
  parse: parseCount,
  usageOf: ({ body }) => usageOfFreeReply(body),
}
