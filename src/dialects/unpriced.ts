import { isObject } from './request.ts'

/**
 * What a request asks for that a service charges by something else than tokens of its list price, or that no limit of
 * ours bounds: calls of its search, a faster tier, another model, a tool that it runs itself and that fills the
 * prompt. Such a request may run on one's own key; on a system key it would spend more than was set aside, or for
 * nothing. What is listed is what is known to be covered, so that a field that a service adds tomorrow is refused until
 * somebody has looked at it. Files of the account are left out too: on a system key they are other people's.
 */
export type Request = Readonly<Record<string, unknown>>

/** The first top-level field that has no price, or null. */
export const unpricedInChat = (request: Request): string | null => firstThatIsNot(isPricedInChat, request)

export const unpricedInEmbeddings = (request: Request): string | null =>
  firstThatIsNot((field) => embeddingFields.has(field), request)

/** Counting is free; only what belongs to the account stays out, and calls that the service makes for it. */
export const unpricedInCount = (request: Request): string | null => {
  if (!everyPart(request.messages ?? [], isPricedPartOfMessages)) return 'messages'
  return ['mcp_servers', 'container', 'thread'].find((field) => request[field] != null) ?? null
}

export const unpricedInMessages = (request: Request): string | null =>
  firstThatIsNot(isPricedInMessages, request)

export const firstThatIsNot = (
  isPriced: (field: string, value: unknown) => boolean,
  request: Request,
): string | null => Object.keys(request).find((field) => !isPriced(field, request[field])) ?? null

const embeddingFields = new Set(['model', 'input', 'encoding_format', 'dimensions', 'user'])

/** https://platform.openai.com/docs/api-reference/chat/create and https://openrouter.ai/docs/api-reference/parameters */
const chatFields = new Set([
  'model',
  'stream',
  'stream_options',
  'max_tokens',
  'max_completion_tokens',
  'n',
  'temperature',
  'top_p',
  'top_k',
  'top_a',
  'min_p',
  'frequency_penalty',
  'presence_penalty',
  'repetition_penalty',
  'logit_bias',
  'logprobs',
  'top_logprobs',
  'stop',
  'seed',
  'response_format',
  'reasoning',
  'reasoning_effort',
  'include_reasoning',
  'verbosity',
  'tool_choice',
  'parallel_tool_calls',
  'functions',
  'function_call',
  'user',
  'metadata',
  'store',
  'safety_identifier',
  'prompt_cache_key',
  'prompt_cache_retention',
  'usage',
])

/**
 * Beside what is listed: `web_search_options`, whose calls no usage reports; `prediction`, which takes no output limit
 * and charges for what it got wrong; `moderation`; the tiers `flex`, `priority`, `fast` and `scale` at other prices.
 */
const isPricedInChat = (field: string, value: unknown): boolean => {
  if (value === null || chatFields.has(field)) return true
  switch (field) {
    case 'messages':
      return everyPart(value, isPricedPartOfChat)
    case 'tools':
      return every(value, ({ type }) => type === undefined || type === 'function' || type === 'custom')
    case 'modalities':
      return Array.isArray(value) && value.every((item) => item === 'text' || item === 'audio')
    case 'audio':
      // A voice of the account's own is other people's.
      return isObject(value) && typeof value.voice === 'string'
    case 'prompt_cache_options':
      return isShortCache(value)
    case 'service_tier':
      return value === 'auto' || value === 'default'
    default:
      return false
  }
}

/** Twelve hours in the cache have a price of their own; a response to compare with is the account's. */
export const isShortCache = (value: unknown): boolean =>
  isObject(value) && (value.ttl == null || value.ttl === '30m') && value.comparison_response_id == null

const isPricedPartOfChat = (part: Request): boolean => {
  // An hour in the cache costs more than a write does, and no service of this dialect reports it apart.
  if (isObject(part.cache_control) && part.cache_control.ttl === '1h') return false
  if (part.prompt_cache_breakpoint != null && !isShortCache(part.prompt_cache_breakpoint)) return false
  switch (part.type) {
    case 'text':
    case 'refusal':
    case 'image_url':
      return true
    case 'input_audio':
      return isObject(part.input_audio) && typeof part.input_audio.data === 'string'
    case 'file':
      return isObject(part.file) && part.file.file_id == null
    default:
      return false
  }
}

/** https://platform.claude.com/docs/en/api/messages */
const messagesFields = new Set([
  'model',
  'stream',
  'max_tokens',
  'system',
  'temperature',
  'top_k',
  'top_p',
  'stop_sequences',
  'metadata',
  'thinking',
  'tool_choice',
  'cache_control',
  'output_config',
  'output_format',
])

/** Tools that the caller runs; all others run at the service and charge by the call, the hour, or what they read. */
const callersTool = /^(?:custom|bash_\d+|text_editor_\d+|computer_\d+|memory_\d+)$/

/**
 * Beside what is listed: `speed: fast` and regions, which multiply all prices; `container`, `mcp_servers`, `fallbacks`,
 * `compaction` and the service's own tools (searches fill a prompt that nobody bounds); threads of the account.
 */
const isPricedInMessages = (field: string, value: unknown): boolean => {
  if (value === null || messagesFields.has(field)) return true
  switch (field) {
    case 'messages':
      return everyPart(value, isPricedPartOfMessages)
    case 'tools':
      return every(value, ({ type }) => type == null || (typeof type === 'string' && callersTool.test(type)))
    case 'service_tier':
      return value === 'auto' || value === 'standard_only'
    case 'speed':
      return value === 'standard'
    case 'inference_geo':
      return value === 'global'
    case 'context_management':
      // Compaction is a second run of the model that the totals leave out.
      return isObject(value) && every(value.edits ?? [], ({ type }) => String(type).startsWith('clear_'))
    default:
      return false
  }
}

const isPricedPartOfMessages = (part: Request): boolean => {
  switch (part.type) {
    case 'text':
    case 'tool_use':
    case 'thinking':
    case 'redacted_thinking':
    case 'search_result':
      return true
    case 'image':
    case 'document':
      return (
        isObject(part.source) &&
        part.source.type !== 'file' &&
        everyPart([part.source], isPricedPartOfMessages)
      )
    case 'tool_result':
      return everyPart([part], isPricedPartOfMessages)
    default:
      return false
  }
}

export const every = (value: unknown, holds: (item: Request) => boolean): boolean =>
  Array.isArray(value) && value.every((item) => isObject(item) && holds(item))

/** Every part of every content that is a list; a content that is text is one. `audio` is what a model once said. */
const everyPart = (messages: unknown, holds: (part: Request) => boolean): boolean =>
  every(
    messages,
    ({ content, audio }) =>
      audio == null && (Array.isArray(content) ? every(content, holds) : !isObject(content)),
  )
