import { isObject } from './request.ts'
import { every, firstThatIsNot, isShortCache, type Request } from './unpriced.ts'

/**
 * Responses, by the rules of unpriced.ts. On system keys are refused:
 * - `background`: one call neither runs to its end nor reports what it used;
 * - `previous_response_id`, `conversation`, `prompt`, item references, reasoning by its id, files by theirs: they name
 *   what is stored in the account, which is shared, and bring in a prompt that nobody measured;
 * - tools that the service runs (searches, interpreters, images, MCP): charged by the call or the hour, and what they
 *   find fills the prompt;
 * - `context_management`: a second run of the model that the totals leave out;
 * - tiers at other prices, `moderation`, and whatever is not known yet.
 */
export const unpricedInResponses = (request: Request): string | null =>
  firstThatIsNot(isPricedInResponses, request)

/** https://platform.openai.com/docs/api-reference/responses/create */
const fields = new Set([
  'model',
  'stream',
  'stream_options',
  'instructions',
  'max_output_tokens',
  'max_tool_calls',
  'metadata',
  'parallel_tool_calls',
  'prompt_cache_key',
  'prompt_cache_retention',
  'reasoning',
  'safety_identifier',
  'store',
  'temperature',
  'text',
  'tool_choice',
  'top_logprobs',
  'top_p',
  'truncation',
  'user',
])

/** Tools that the caller runs. */
const callersTools = new Set<unknown>(['function', 'custom', 'local_shell', 'apply_patch'])

const includable = new Set<unknown>([
  'reasoning.encrypted_content',
  'message.output_text.logprobs',
  'message.input_image.image_url',
])

const isPricedInResponses = (field: string, value: unknown): boolean => {
  if (value === null || fields.has(field)) return true
  switch (field) {
    case 'input':
      return typeof value === 'string' || every(value, isPricedItem)
    case 'tools':
      return every(value, ({ type }) => callersTools.has(type))
    case 'background':
      return value === false
    case 'include':
      return Array.isArray(value) && value.every((item) => includable.has(item))
    case 'prompt_cache_options':
      return isShortCache(value)
    case 'service_tier':
      return value === 'auto' || value === 'default'
    default:
      return false
  }
}

const isPricedItem = (item: Request): boolean => {
  switch (item.type ?? 'message') {
    case 'message':
      return arePricedParts(item.content)
    case 'reasoning':
      return typeof item.encrypted_content === 'string' || Array.isArray(item.content)
    case 'function_call':
    case 'custom_tool_call':
    case 'local_shell_call':
    case 'apply_patch_call':
      return true
    case 'function_call_output':
    case 'custom_tool_call_output':
    case 'local_shell_call_output':
    case 'apply_patch_call_output':
      return arePricedParts(item.output)
    default:
      return false
  }
}

const arePricedParts = (content: unknown): boolean =>
  Array.isArray(content) ? every(content, isPricedPart) : !isObject(content)

const isPricedPart = (part: Request): boolean => {
  if (part.prompt_cache_breakpoint != null && !isShortCache(part.prompt_cache_breakpoint)) return false
  switch (part.type) {
    case 'input_text':
    case 'output_text':
    case 'text':
    case 'refusal':
      return true
    case 'input_image':
    case 'input_file':
      return part.file_id == null
    default:
      return false
  }
}
