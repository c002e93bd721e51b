import { failure, type Fault, type Outcome, success } from '../kit/fault.ts'
import type { Usage } from '../metering/usage.ts'
import type { BodyChanges, Codec, EventKind, ParsedRequest, RequestSource, StreamTap } from './dialect.ts'
import { errorShapes } from './errors.ts'
import { measureInput } from './estimate.ts'
import { duplicateMember, readMembers, replaceMembers } from './json-members.ts'
import { responseUsage } from './openai-usage.ts'
import { parseReported, parseReportedText } from './reported.ts'
import { isObject, parseObject, readCount, readFlag, readModel } from './request.ts'
import { dataOf } from './sse.ts'
import { unpricedInResponses } from './unpriced-responses.ts'

/** Responses. Shapes: https://platform.openai.com/docs/api-reference/responses */
const parse = ({ endpoint, body }: RequestSource): Outcome<ParsedRequest> => {
  const object = parseObject(body)
  if (!object.ok) return object
  const parsed = object.value
  const model = readModel(parsed)
  if (!model.ok) return model
  const streamed = readFlag(parsed, 'stream')
  if (!streamed.ok) return streamed
  const limit = readCount(parsed, 'max_output_tokens')
  if (!limit.ok) return limit
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
    unpriced: unpricedInResponses(parsed),
    wantsUsageEvent: true,
  })
}

/** The limit has this one name at every service that speaks responses; it includes reasoning. */
const bodyFor = (request: ParsedRequest, changes: BodyChanges): Buffer => {
  const values = new Map<string, unknown>()
  if (changes.model !== request.model) values.set('model', changes.model)
  if (changes.maximumOutputTokens !== null) values.set('max_output_tokens', changes.maximumOutputTokens)
  return values.size === 0 ? request.body : replaceMembers(request.body, readMembers(request.body), values)
}

const eventMark = Buffer.from('event: ')
const deltaMark = Buffer.from('.delta')
const leastDeltaBytes = eventMark.length + deltaMark.length
const lineFeed = 0x0a

/** What an event is called: by its `event:` line, or by its data where a service sends no such line. */
const nameOf = (event: Buffer): string => {
  const line = /^event:[ \t]*(\S+)/m.exec(event.toString('latin1', 0, 200))?.[1]
  if (line !== undefined) return line
  const data = dataOf(event)
  if (data === '' || data === '[DONE]') return data
  const type = /^\s*\{\s*"type"\s*:\s*"([a-z_.]{1,80})"/.exec(data)?.[1]
  if (type !== undefined) return type
  const parsed = parseReportedText(data)
  if (!isObject(parsed)) return ''
  if (typeof parsed.type === 'string') return parsed.type
  return parsed.error == null ? '' : 'error'
}

/** `response.done` is OpenRouter's end. */
const ends = new Set(['response.completed', 'response.incomplete', 'response.done', '[DONE]'])

const makeTap = (): StreamTap => {
  let usage: Usage | null = null

  const read = (event: Buffer): void => {
    const data = parseReportedText(dataOf(event))
    if (isObject(data) && isObject(data.response)) usage = responseUsage(data.response) ?? usage
  }

  const kindOf = (event: Buffer): EventKind => {
    const name = nameOf(event)
    if (name.endsWith('.delta')) return 'content'
    if (name === 'error') return 'error'
    const isEnd = ends.has(name)
    if (!isEnd && name !== 'response.failed') return 'other'
    read(event)
    return isEnd ? 'end' : 'error'
  }

  /** Nearly all events; told without a copy. */
  const isDelta = (text: Buffer, start: number, end: number): boolean => {
    if (end - start < leastDeltaBytes || text.compare(eventMark, 0, 7, start, start + 7) !== 0) return false
    let lineEnd = text.indexOf(lineFeed, start)
    if (text[lineEnd - 1] === 0x0d) lineEnd--
    return lineEnd - start >= leastDeltaBytes && text.compare(deltaMark, 0, 6, lineEnd - 6, lineEnd) === 0
  }

  return {
    classify(text, offsets) {
      let start = 0
      return offsets.map((end) => {
        const kind = isDelta(text, start, end) ? 'content' : kindOf(text.subarray(start, end))
        start = end
        return kind
      })
    },
    reported: () => usage,
  }
}

const usageOf = (reply: Buffer): Usage | null => {
  const parsed = parseReported(reply)
  return isObject(parsed) ? responseUsage(parsed) : null
}

/** Clients differ in whether they read the error or the event itself. */
const errorEvent = (fault: Fault, operationId: string): string => {
  const { error } = JSON.parse(errorShapes.openai(fault, operationId)) as { error: Record<string, unknown> }
  const { code, message, param } = error
  const event = { type: 'error', sequence_number: 0, code, message, param, error }
  return `event: error\ndata: ${JSON.stringify(event)}\n\n`
}

export const responsesCodec: Codec = {
  parse,
  bodyFor,
  reply: 'json',
  makeTap,
  usageOf: ({ body }) => usageOf(body),
  errorEvent,
}
