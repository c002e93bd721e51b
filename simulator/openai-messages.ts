import { isRecord, type Refusal, shown } from './exchange.ts'
import { missing, wrongType } from './openai-params.ts'
import { tokensOf } from './text.ts'

const roles = ['system', 'developer', 'user', 'assistant', 'tool', 'function']
const partsOfUser = ['text', 'image_url', 'input_audio', 'file']

const invalidValue = (param: string, value: unknown, supported: readonly string[]): Refusal => ({
  status: 400,
  message: `Invalid value: '${shown(value)}'. Supported values are: ${supported.map((s) => `'${s}'`).join(', ')}.`,
  param,
  code: 'invalid_value',
})

const refused = (message: string, param: string, code: string | null = null): Refusal => ({
  status: 400,
  message,
  param,
  code,
})

/** The `messages` of a chat completion: shape, parts, and the order of tool calls and their results. */
export const checkMessages = (messages: unknown): Refusal | null => {
  if (messages === undefined) return missing('messages')
  if (!Array.isArray(messages)) return wrongType('messages', 'an array of objects', messages)
  if (messages.length === 0)
    return refused(
      "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.",
      'messages',
      'empty_array',
    )
  for (const [index, message] of messages.entries()) {
    const refusal = checkMessage(message, `messages[${index}]`)
    if (refusal) return refusal
  }
  return checkToolOrder(messages as Record<string, unknown>[])
}

const checkMessage = (message: unknown, at: string): Refusal | null => {
  if (!isRecord(message)) return wrongType(at, 'an object', message)
  if (message['role'] === undefined) return missing(`${at}.role`)
  const role = message['role']
  if (typeof role !== 'string' || !roles.includes(role)) return invalidValue(`${at}.role`, role, roles)
  if (role === 'tool' && typeof message['tool_call_id'] !== 'string') return missing(`${at}.tool_call_id`)
  const calls = message['tool_calls']
  if (calls !== undefined && !Array.isArray(calls))
    return wrongType(`${at}.tool_calls`, 'an array of objects', calls)
  if (Array.isArray(calls) && calls.length === 0)
    return refused(
      `Invalid '${at}.tool_calls': empty array. Expected an array with minimum length 1, but got an empty array instead.`,
      `${at}.tool_calls`,
      'empty_array',
    )
  return checkContent(
    message['content'],
    role,
    calls !== undefined || message['function_call'] !== undefined,
    at,
  )
}

const checkContent = (content: unknown, role: string, calls: boolean, at: string): Refusal | null => {
  if (typeof content === 'string') return null
  if (content === null || content === undefined) {
    if (role === 'assistant' && calls) return null
    if (content === undefined && role !== 'assistant') return missing(`${at}.content`)
    return refused(`Invalid value for 'content': expected a string, got null.`, `${at}.content`)
  }
  if (!Array.isArray(content)) return wrongType(`${at}.content`, 'a string or an array of objects', content)
  for (const [index, part] of content.entries()) {
    const refusal = checkPart(part, role, `${at}.content[${index}]`)
    if (refusal) return refusal
  }
  return null
}

const checkPart = (part: unknown, role: string, at: string): Refusal | null => {
  if (!isRecord(part)) return wrongType(at, 'an object', part)
  const allowed = role === 'user' ? partsOfUser : role === 'assistant' ? ['text', 'refusal'] : ['text']
  const type = part['type']
  if (typeof type !== 'string' || !allowed.includes(type)) return invalidValue(`${at}.type`, type, allowed)
  if (type === 'text' && typeof part['text'] !== 'string') return missing(`${at}.text`)
  return type === 'image_url' ? checkImage(part['image_url'], `${at}.image_url`) : null
}

const checkImage = (image: unknown, at: string): Refusal | null => {
  if (!isRecord(image)) return wrongType(at, 'an object', image)
  const { url, detail } = image
  if (typeof url !== 'string') return missing(`${at}.url`)
  if (detail !== undefined && !['auto', 'low', 'high', 'original'].includes(shown(detail)))
    return invalidValue(`${at}.detail`, detail, ['auto', 'low', 'high', 'original'])
  if (/^data:image\/(?:png|jpe?g|gif|webp);base64,[A-Za-z0-9+/]+={0,2}$/.test(url)) return null
  if (/^https?:\/\/[^\s]+$/.test(url)) return null
  return refused(
    'Invalid image URL. The URL must be a valid HTTP or HTTPS URL, or a data URL with base64 encoding.',
    'messages',
    'invalid_image_url',
  )
}

const idsOf = (message: Record<string, unknown>): string[] =>
  Array.isArray(message['tool_calls'])
    ? message['tool_calls'].flatMap((call) =>
        isRecord(call) && typeof call['id'] === 'string' ? [call['id']] : [],
      )
    : []

const checkToolOrder = (messages: readonly Record<string, unknown>[]): Refusal | null => {
  let open: string[] = []
  for (const [index, message] of messages.entries()) {
    if (message['role'] === 'tool') {
      const id = shown(message['tool_call_id'])
      if (!open.includes(id))
        return refused(
          "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.",
          `messages.[${index}].role`,
        )
      open = open.filter((other) => other !== id)
      continue
    }
    if (open.length > 0) return unanswered(open, index)
    open = idsOf(message)
  }
  return open.length > 0 ? unanswered(open, messages.length) : null
}

const unanswered = (ids: readonly string[], index: number): Refusal =>
  refused(
    `An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: ${ids.join(', ')}`,
    `messages.[${index}].role`,
  )

/** All text of a message, parts joined. */
export const textOf = (content: unknown): string => {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return content
    .map((part) => (isRecord(part) && typeof part['text'] === 'string' ? part['text'] : ''))
    .join('\n')
}

const imageTokens = (content: unknown): number =>
  Array.isArray(content)
    ? content
        .filter((part) => isRecord(part) && part['type'] === 'image_url')
        .reduce((sum, part) => sum + (part.image_url?.detail === 'low' ? 85 : 765), 0)
    : 0

/** What the model reads: tools and messages as tokens (for the prompt cache), and how many tokens in all. */
export const measurePrompt = (
  messages: readonly Record<string, unknown>[],
  tools: unknown,
): { tokens: string[]; count: number } => {
  const parts = messages.map(
    (m) =>
      `${shown(m['role'])}\n${textOf(m['content'])}${m['tool_calls'] ? JSON.stringify(m['tool_calls']) : ''}\n`,
  )
  const tokens = tokensOf((tools ? JSON.stringify(tools) : '') + parts.join(''))
  const images = messages.reduce((sum, m) => sum + imageTokens(m['content']), 0)
  return { tokens, count: tokens.length + 3 * messages.length + 3 + images }
}

/** The text of the last message of the user, where directives and questions are. */
export const lastUserText = (messages: readonly Record<string, unknown>[]): string =>
  textOf(messages.findLast((m) => m['role'] === 'user')?.['content'])
