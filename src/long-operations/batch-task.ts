import { anthropicCodec } from '../dialects/anthropic.ts'
import type { ParsedRequest } from '../dialects/dialect.ts'
import { responseUsage, usageOfChatReply, usageOfEmbeddings } from '../dialects/openai-usage.ts'
import { addUsage, noUsage, type Usage } from '../metering/usage.ts'
import type { Service } from '../services/service.ts'
import { versionOf } from '../services/version.ts'
import type { LongOperation } from './long-operation.ts'
import { isObject, parseJson, readStatus } from './task-reply.ts'
import type { Answer, Tracker } from './trackers.ts'

type Body = Readonly<Record<string, unknown>>

const hour = 60 * 60_000
/** Services give a batch a day; then it expires there, with what was done until then. */
const deadlineMs = 26 * hour

const view = ({ externalId, said, state }: LongOperation): Record<string, unknown> =>
  said === null ? { id: externalId, status: state } : { ...said, id: externalId }

/** https://platform.openai.com/docs/api-reference/batch */
export const openaiBatchTracker: Tracker = {
  ask: (externalId, service) => ({
    method: 'GET',
    path: `${versionOf(service)}/batches/${encodeURIComponent(externalId)}`,
  }),
  read: (externalId, status, body) => {
    const said = readStatus(status, body)
    if (said.kind !== 'said') return said
    return said.body['id'] === externalId ? readOpenAiBatch(said.body) : { kind: 'unknown_task' }
  },
  // Batches of servers that do not count in the batch itself are counted by their lines.
  results: ({ usage, said }, _, service) => {
    const { output_file_id: file } = said
    return usage !== undefined || typeof file !== 'string'
      ? null
      : { method: 'GET', path: `${versionOf(service)}/files/${encodeURIComponent(file)}/content` }
  },
  readResults: (body) =>
    sumOfLines(body, (line) => {
      const { response } = line
      return isObject(response) && isObject(response['body']) ? usageOfReply(response['body']) : noUsage
    }),
  cancel: (externalId, service) => ({
    method: 'POST',
    path: `${versionOf(service)}/batches/${encodeURIComponent(externalId)}/cancel`,
  }),
  deadlineMs,
  view,
}

const openAiStates = {
  validating: 'submitted',
  in_progress: 'running',
  finalizing: 'running',
  cancelling: 'running',
  completed: 'succeeded',
  // With what was done until then.
  expired: 'succeeded',
  cancelled: 'cancelled',
  failed: 'failed',
} as const

const readOpenAiBatch = (said: Body): Answer => {
  const status = String(said['status'])
  const state = Object.hasOwn(openAiStates, status)
    ? openAiStates[status as keyof typeof openAiStates]
    : 'running'
  const counts = isObject(said['request_counts']) ? said['request_counts'] : {}
  const usage = isObject(said['usage']) ? responseUsage({ usage: said['usage'] }) : null
  const hasEnded = state !== 'submitted' && state !== 'running'
  return {
    kind: 'task',
    state,
    progress: shareOf(Number(counts['completed']) + Number(counts['failed']), Number(counts['total'])),
    failure: state === 'failed' ? firstError(said['errors']) : null,
    said,
    // A service that has not counted yet says zeros.
    ...(hasEnded && usage !== null && usage.input + usage.cacheRead + usage.output > 0 ? { usage } : {}),
  }
}

const firstError = (errors: unknown): string | null => {
  const [first] = isObject(errors) && Array.isArray(errors['data']) ? errors['data'] : []
  return isObject(first) && typeof first['message'] === 'string' ? first['message'].slice(0, 500) : null
}

const usageOfReply = (reply: Body): Usage => {
  if (reply['object'] === 'response') return responseUsage(reply) ?? noUsage
  const bytes = Buffer.from(JSON.stringify(reply))
  return (reply['object'] === 'list' ? usageOfEmbeddings(bytes) : usageOfChatReply(bytes)) ?? noUsage
}

const anthropicHeaders = { 'anthropic-version': '2023-06-01' }
const batchPath = (externalId: string, service: Service): string =>
  `${versionOf(service)}/messages/batches/${encodeURIComponent(externalId)}`

/** https://platform.claude.com/docs/en/api/creating-message-batches */
export const anthropicBatchTracker: Tracker = {
  ask: (externalId, service) => ({
    method: 'GET',
    path: batchPath(externalId, service),
    headers: anthropicHeaders,
  }),
  read: (externalId, status, body) => {
    const said = readStatus(status, body)
    if (said.kind !== 'said') return said
    return said.body['id'] === externalId ? readAnthropicBatch(said.body) : { kind: 'unknown_task' }
  },
  results: ({ said }, externalId, service) =>
    typeof said['results_url'] === 'string'
      ? { method: 'GET', path: `${batchPath(externalId, service)}/results`, headers: anthropicHeaders }
      : null,
  readResults: (body) =>
    sumOfLines(body, ({ result }) => {
      const message = isObject(result) && result['type'] === 'succeeded' ? result['message'] : null
      return isObject(message) ? usageOfMessage(message) : noUsage
    }),
  cancel: (externalId, service) => ({
    method: 'POST',
    path: `${batchPath(externalId, service)}/cancel`,
    headers: anthropicHeaders,
  }),
  deadlineMs,
  view,
}

/** It ends, whatever became of its requests; only where every one was cancelled, the batch was. */
const readAnthropicBatch = (said: Body): Answer => {
  const counts = isObject(said['request_counts']) ? said['request_counts'] : {}
  const count = (name: string) => Number(counts[name]) || 0
  const done = count('succeeded') + count('errored') + count('canceled') + count('expired')
  const ended = said['processing_status'] === 'ended'
  const isCancelled = done > 0 && count('canceled') === done
  return {
    kind: 'task',
    state: ended ? (isCancelled ? 'cancelled' : 'succeeded') : 'running',
    progress: ended ? 100 : shareOf(done, done + count('processing')),
    failure: null,
    said,
  }
}

/** What a reply tells for itself does not depend on what was asked. */
const noRequest = {} as ParsedRequest

const usageOfMessage = (message: Body): Usage => {
  const body = Buffer.from(JSON.stringify(message))
  return anthropicCodec.usageOf({ body, contentType: 'application/json' }, noRequest) ?? noUsage
}

const shareOf = (part: number, whole: number): number =>
  whole > 0 && part > 0 ? Math.min(100, Math.floor((part / whole) * 100)) : 0

/** One JSON object a line. Null: something else. */
const sumOfLines = (body: string, usageOf: (line: Body) => Usage): Usage | null => {
  let sum: Usage = noUsage
  let units: Record<string, number> | undefined
  for (const text of body.split('\n')) {
    if (text.trim() === '') continue
    const line = parseJson(text)
    if (line === null) return null
    const usage = usageOf(line)
    sum = addUsage(sum, usage)
    for (const [unit, quantity] of Object.entries(usage.units ?? {}))
      units = { ...units, [unit]: (units?.[unit] ?? 0) + quantity }
  }
  return units === undefined ? sum : { ...sum, units }
}
