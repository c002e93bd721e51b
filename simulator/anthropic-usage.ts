import { invalid } from './anthropic-errors.ts'
import { isRecord, type Refusal } from './exchange.ts'
import type { SimulatedModel } from './models.ts'
import type { PromptCache } from './prompt-cache.ts'
import { tokensOf } from './text.ts'

export interface InputUsage {
  readonly input_tokens: number
  readonly cache_creation_input_tokens: number
  readonly cache_read_input_tokens: number
  readonly cache_creation: {
    readonly ephemeral_5m_input_tokens: number
    readonly ephemeral_1h_input_tokens: number
  }
}

interface Segment {
  readonly text: string
  readonly tokens: number
  /** Seconds that the prefix up to here stays cached; null: no breakpoint. */
  readonly ttlSeconds: number | null
}

const imageTokens = 1600
const mostBreakpoints = 4

const ttlOf = (control: unknown): number | null => {
  if (!isRecord(control)) return null
  return control['ttl'] === '1h' ? 3600 : 300
}

const segmentOf = (block: unknown): Segment => {
  const { cache_control: control, ...rest } = isRecord(block) ? block : { text: String(block) }
  const image = rest['type'] === 'image'
  const source = JSON.stringify(rest)
  return {
    text: source,
    tokens: image
      ? imageTokens
      : tokensOf(typeof rest['text'] === 'string' ? rest['text'] : source).length + 3,
    ttlSeconds: ttlOf(control),
  }
}

const listOf = (value: unknown): unknown[] => {
  if (typeof value === 'string') return [{ type: 'text', text: value }]
  return Array.isArray(value) ? value : []
}

/** The prompt in the order in which the service caches it: tools, system, messages. */
const segmentsOf = (body: Record<string, unknown>): Segment[] => {
  const messages = body['messages'] as Record<string, unknown>[]
  const segments = [
    ...listOf(body['tools']),
    ...listOf(body['system']),
    ...messages.flatMap((message) => [
      { type: 'role', text: String(message['role']) },
      ...listOf(message['content']),
    ]),
  ].map(segmentOf)
  const automatic = ttlOf(body['cache_control'])
  if (automatic === null) return segments
  // A mark on the whole request goes to its last block.
  return segments.map((segment, i) =>
    i === segments.length - 1 ? { ...segment, ttlSeconds: automatic } : segment,
  )
}

/** Counts the input and moves it through the prompt cache. */
export const measureInput = (
  body: Record<string, unknown>,
  model: SimulatedModel,
  account: string,
  cache: PromptCache,
): InputUsage | Refusal => {
  const segments = checkSegments(body, model)
  if ('status' in segments) return segments
  const total = segments.reduce((sum, segment) => sum + segment.tokens, 0)
  const { read, shortWritten, longWritten } = passThroughCache(segments, model, account, cache)
  const written = shortWritten + longWritten
  return {
    input_tokens: total - read - written,
    cache_creation_input_tokens: written,
    cache_read_input_tokens: read,
    cache_creation: { ephemeral_5m_input_tokens: shortWritten, ephemeral_1h_input_tokens: longWritten },
  }
}

/** The input as one number, past the cache. */
export const countInput = (body: Record<string, unknown>, model: SimulatedModel): number | Refusal => {
  const segments = checkSegments(body, model)
  return 'status' in segments ? segments : segments.reduce((sum, segment) => sum + segment.tokens, 0)
}

const checkSegments = (body: Record<string, unknown>, model: SimulatedModel): Segment[] | Refusal => {
  const segments = segmentsOf(body)
  const breakpoints = segments.filter((segment) => segment.ttlSeconds !== null).length
  if (breakpoints > mostBreakpoints)
    return invalid(
      `A maximum of ${mostBreakpoints} blocks with cache_control may be provided. Found ${breakpoints}.`,
    )
  const total = segments.reduce((sum, segment) => sum + segment.tokens, 0)
  if (total > model.contextTokens)
    return invalid(`prompt is too long: ${total} tokens > ${model.contextTokens} maximum`)
  return segments
}

const passThroughCache = (
  segments: readonly Segment[],
  model: SimulatedModel,
  account: string,
  cache: PromptCache,
) => {
  const smallest = model.cacheableTokens ?? 1024
  let prefix = ''
  let tokens = 0
  const marks: { prefix: string; tokens: number; ttlSeconds: number; hit: boolean }[] = []
  for (const segment of segments) {
    prefix += `${segment.text}\n`
    tokens += segment.tokens
    if (segment.ttlSeconds === null || tokens < smallest) continue
    const hit = cache.has(account, model.id, prefix)
    marks.push({ prefix, tokens, ttlSeconds: segment.ttlSeconds, hit })
  }
  const read = marks.findLast((mark) => mark.hit)?.tokens ?? 0
  const written = { short: 0, long: 0 }
  let from = read
  for (const mark of marks) {
    cache.remember(account, model.id, mark.prefix, mark.ttlSeconds)
    if (mark.tokens <= from) continue
    written[mark.ttlSeconds > 300 ? 'long' : 'short'] += mark.tokens - from
    from = mark.tokens
  }
  return { read, shortWritten: written.short, longWritten: written.long }
}
