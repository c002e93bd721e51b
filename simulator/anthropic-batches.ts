import { invalid, sendAnthropicError, anthropicHeaders } from './anthropic-errors.ts'
import { type Exchange, isRecord, sendBytes, sendJson, shown } from './exchange.ts'
import { seededId } from './text.ts'

export const isBatchPath = (path: string): boolean => /^\/v1\/messages\/batches(?:\/|$)/.test(path)

interface Asked {
  readonly custom_id: string
  readonly params: Record<string, unknown>
}

/** Message batches: under way when they are made, ended when they are looked at for the second time. */
export const handleBatches = (exchange: Exchange, secret: string): void => {
  const { request, path, state } = exchange
  const [, , , , id, action, ...more] = path.split('/')
  if (id === undefined) {
    if (request.method === 'POST') return create(exchange, secret)
    const data = [...state.stored.values()]
      .filter(({ owner, value }) => owner === secret && value['type'] === 'message_batch')
      .map(({ value }) => value)
    return send(exchange, { data, has_more: false, first_id: null, last_id: null })
  }
  const found = state.stored.get(id)
  if (more.length > 0 || found?.owner !== secret || found.value['type'] !== 'message_batch')
    return sendAnthropicError(exchange, { status: 404, message: `Batch ${id} was not found.` })
  if (action === 'results' && found.value['processing_status'] === 'ended')
    return sendBytes(exchange, 'application/x-jsonl', found.content ?? Buffer.alloc(0))
  if (action !== undefined) return sendAnthropicError(exchange, { status: 404, message: 'Not Found' })
  if (request.method === 'DELETE') {
    state.stored.delete(id)
    return send(exchange, { id, type: 'message_batch_deleted' })
  }
  send(exchange, found.value)
  const lines = (found.content?.toString('utf8') ?? '').split('\n').filter((line) => line !== '')
  state.stored.set(id, {
    ...found,
    value: {
      ...found.value,
      processing_status: 'ended',
      ended_at: new Date(state.now()).toISOString(),
      request_counts: { processing: 0, succeeded: lines.length, errored: 0, canceled: 0, expired: 0 },
      results_url: `https://api.anthropic.com/v1/messages/batches/${id}/results`,
    },
  })
}

const send = (exchange: Exchange, value: unknown): void =>
  sendJson(exchange, 200, value, anthropicHeaders(exchange, 0))

const create = (exchange: Exchange, secret: string): void => {
  const asked = requestsIn(exchange)
  if (asked === null)
    return sendAnthropicError(exchange, invalid('requests: a list of custom_id and params is required'))
  const id = seededId('msgbatch_', `${secret}:${exchange.entry.number}`, 24)
  const now = new Date(exchange.state.now())
  const value = {
    id,
    type: 'message_batch',
    processing_status: 'in_progress',
    request_counts: { processing: asked.length, succeeded: 0, errored: 0, canceled: 0, expired: 0 },
    ended_at: null,
    created_at: now.toISOString(),
    expires_at: new Date(now.getTime() + 24 * 3_600_000).toISOString(),
    archived_at: null,
    cancel_initiated_at: null,
    results_url: null,
  }
  const lines = asked.map(({ custom_id, params }) =>
    JSON.stringify({ custom_id, result: resultOf(id, params) }),
  )
  exchange.state.stored.set(id, { owner: secret, value, content: Buffer.from(`${lines.join('\n')}\n`) })
  send(exchange, value)
}

const requestsIn = ({ body }: Exchange): Asked[] | null => {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'))
    const requests = isRecord(value) ? value['requests'] : null
    const isAsked = (item: unknown): item is Asked =>
      isRecord(item) && typeof item['custom_id'] === 'string' && isRecord(item['params'])
    return Array.isArray(requests) && requests.length > 0 && requests.every(isAsked) ? requests : null
  } catch {
    return null
  }
}

/** Every request is answered with the same tokens, some of them out of a cache. */
const resultOf = (seed: string, params: Readonly<Record<string, unknown>>) => ({
  type: 'succeeded',
  message: {
    id: seededId('msg_', seed, 24),
    type: 'message',
    role: 'assistant',
    model: shown(params['model']),
    content: [{ type: 'text', text: 'Done.' }],
    stop_reason: 'end_turn',
    stop_sequence: null,
    usage: {
      input_tokens: 10,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 5,
      output_tokens: 3,
    },
  },
})
