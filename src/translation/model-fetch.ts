import { isParseable } from '../dialects/json-bounds.ts'
import { isObject } from '../dialects/request.ts'
import { FaultError, fault } from '../kit/fault.ts'

type Fetch = typeof globalThis.fetch

export interface FetchLimits {
  readonly maximumBytes: number
  /** The most a reply may hold, reasoning included; null: what the service has. */
  readonly outputTokens: number | null
  readonly signal: AbortSignal
}

const longestErrorBytes = 64 * 1024
/** The shortest reasoning that Anthropic's models take. */
const leastThinkingTokens = 1_024

/**
 * The AI SDK reads replies whole and events however long they are, and adds a budget for reasoning on top of the limit
 * it was given. Both end here: nothing larger comes in, and no larger limit goes out.
 */
export const limitFetch =
  (fetch: Fetch, limits: FetchLimits): Fetch =>
  async (input, init) => {
    limits.signal.throwIfAborted()
    const body = init?.body
    const bounded =
      limits.outputTokens !== null && typeof body === 'string' ? boundOutput(body, limits.outputTokens) : body
    const reply = await fetch(input, { ...init, body: bounded ?? null })
    return limitReply(reply, limits)
  }

const limitReply = async (reply: Response, { maximumBytes }: FetchLimits): Promise<Response> => {
  const { status, headers } = reply
  if (reply.body === null) return reply
  if (status >= 400) return new Response(await firstBytes(reply.body, longestErrorBytes), { status, headers })
  const counted = reply.body.pipeThrough(countBytes(maximumBytes))
  const isJson = /^application\/(?:[\w.+-]+\+)?json\b/i.test(headers.get('content-type') ?? '')
  if (!isJson) return new Response(counted, { status, headers })
  const text = Buffer.from(await new Response(counted).arrayBuffer())
  if (!isParseable(text)) throw new FaultError(fault('service_reply_invalid'))
  return new Response(text, { status, headers })
}

const countBytes = (maximumBytes: number) => {
  let bytes = 0
  return new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      bytes += chunk.byteLength
      if (bytes > maximumBytes) controller.error(new FaultError(fault('service_reply_too_large')))
      else controller.enqueue(chunk)
    },
  })
}

const firstBytes = async (body: ReadableStream<Uint8Array>, most: number): Promise<Buffer> => {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body) {
    chunks.push(chunk)
    bytes += chunk.byteLength
    if (bytes >= most) break
  }
  return Buffer.concat(chunks).subarray(0, most)
}

/** Anthropic's and Bedrock's limit beside a budget of reasoning; all other requests stay as they are. */
const boundOutput = (body: string, most: number): string => {
  if (!body.includes('"budget_tokens"')) return body
  const request = JSON.parse(body) as Record<string, unknown>
  const config = request.inferenceConfig
  const [place, name] = isObject(config) ? [config, 'maxTokens'] : [request, 'max_tokens']
  const limit = place[name]
  if (typeof limit !== 'number' || limit <= most) return body
  place[name] = most
  const extra = isObject(request.additionalModelRequestFields)
    ? request.additionalModelRequestFields
    : request
  const { thinking } = extra
  if (!isObject(thinking) || typeof thinking.budget_tokens !== 'number') return JSON.stringify(request)
  // Something must be left to say.
  const budget = Math.min(thinking.budget_tokens, Math.floor(most * 0.8))
  if (budget >= leastThinkingTokens) thinking.budget_tokens = budget
  else delete extra.thinking
  return JSON.stringify(request)
}
