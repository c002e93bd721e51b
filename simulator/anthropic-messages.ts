import { invalid } from './anthropic-errors.ts'
import { isRecord, type Refusal, shown } from './exchange.ts'

const blocksOf: Readonly<Record<string, readonly string[]>> = {
  user: ['text', 'image', 'document', 'search_result', 'tool_result'],
  assistant: ['text', 'thinking', 'redacted_thinking', 'tool_use'],
  system: ['text'],
}

/** Roles, content blocks, and that every `tool_use` is answered in the next message. */
export const checkAnthropicMessages = (messages: readonly unknown[]): Refusal | null => {
  if (messages.length === 0) return invalid('messages: at least one message is required')
  for (const [index, message] of messages.entries()) {
    const refusal = checkMessage(message, index, index === messages.length - 1)
    if (refusal) return refusal
  }
  const list = messages as Record<string, unknown>[]
  if (list.find((m) => m['role'] !== 'system')?.['role'] !== 'user')
    return invalid('messages: first message must use the "user" role')
  return checkToolOrder(combine(list)) ?? checkBreakpoints(list)
}

const checkMessage = (message: unknown, index: number, last: boolean): Refusal | null => {
  const at = `messages.${index}`
  if (!isRecord(message)) return invalid(`${at}: Input should be a valid dictionary`)
  const { role, content } = message
  if (role === undefined) return invalid(`${at}.role: Field required`)
  if (typeof role !== 'string' || !blocksOf[role])
    return invalid(`messages: Unexpected role "${shown(role)}". Allowed roles are "user" or "assistant"`)
  const extra = Object.keys(message).find((name) => name !== 'role' && name !== 'content')
  if (extra) return invalid(`${at}.${extra}: Extra inputs are not permitted`)
  if (content === undefined) return invalid(`${at}.content: Field required`)
  if (typeof content !== 'string' && !Array.isArray(content))
    return invalid(`${at}.content: Input should be a valid list`)
  if (content.length === 0 && !(last && role === 'assistant'))
    return invalid(
      `${at}: all messages must have non-empty content except for the optional final assistant message`,
    )
  if (typeof content === 'string') return null
  for (const [position, block] of content.entries()) {
    const refusal = checkBlock(block, role, `${at}.content.${position}`)
    if (refusal) return refusal
  }
  return null
}

const checkBlock = (block: unknown, role: string, at: string): Refusal | null => {
  if (!isRecord(block)) return invalid(`${at}: Input should be a valid dictionary`)
  const type = shown(block['type'])
  const allowed = blocksOf[role] ?? []
  if (!allowed.includes(type))
    return invalid(
      `${at}: Input tag '${type}' found using 'type' does not match any of the expected tags: ${allowed.map((t) => `'${t}'`).join(', ')}`,
    )
  if (type === 'text') {
    if (typeof block['text'] !== 'string') return invalid(`${at}.text.text: Field required`)
    if (block['text'] === '') return invalid('messages: text content blocks must be non-empty')
  }
  if (type === 'tool_use' && !(typeof block['id'] === 'string' && typeof block['name'] === 'string'))
    return invalid(`${at}.tool_use.id: Field required`)
  if (type === 'tool_result' && typeof block['tool_use_id'] !== 'string')
    return invalid(`${at}.tool_result.tool_use_id: Field required`)
  return type === 'image' ? checkImage(block['source'], `${at}.image.source`) : null
}

const imageTypes = ['image/jpeg', 'image/png', 'image/gif', 'image/webp']

const checkImage = (source: unknown, at: string): Refusal | null => {
  if (!isRecord(source)) return invalid(`${at}: Field required`)
  if (source['type'] === 'url') {
    return /^https:\/\/\S+$/.test(shown(source['url']))
      ? null
      : invalid(`${at}.url.url: Only HTTPS URLs are supported.`)
  }
  if (source['type'] === 'file')
    return typeof source['file_id'] === 'string' ? null : invalid(`${at}.file.file_id: Field required`)
  if (source['type'] !== 'base64')
    return invalid(
      `${at}: Input tag '${shown(source['type'])}' found using 'type' does not match any of the expected tags: 'base64', 'file', 'url'`,
    )
  if (!imageTypes.includes(shown(source['media_type'])))
    return invalid(`${at}.base64.media_type: Input should be ${imageTypes.map((t) => `'${t}'`).join(', ')}`)
  return /^[A-Za-z0-9+/]+={0,2}$/.test(shown(source['data']))
    ? null
    : invalid(`${at}.base64: invalid base64 data`)
}

interface Turn {
  readonly role: string
  readonly index: number
  readonly blocks: Record<string, unknown>[]
}

/** Consecutive turns of one role are one turn to the service. */
const combine = (messages: readonly Record<string, unknown>[]): Turn[] => {
  const turns: Turn[] = []
  for (const [index, message] of messages.entries()) {
    const role = shown(message['role'])
    const blocks = Array.isArray(message['content']) ? message['content'] : []
    const last = turns.at(-1)
    if (last?.role === role) last.blocks.push(...blocks)
    else turns.push({ role, index, blocks: [...blocks] })
  }
  return turns
}

const idsOf = (turn: Turn | undefined, type: string, field: string): string[] =>
  (turn?.blocks ?? []).filter((block) => block['type'] === type).map((block) => shown(block[field]))

const checkToolOrder = (turns: readonly Turn[]): Refusal | null => {
  for (const [position, turn] of turns.entries()) {
    const results = idsOf(turn, 'tool_result', 'tool_use_id')
    const asked = idsOf(turns[position - 1], 'tool_use', 'id')
    const stray = results.find((id) => !asked.includes(id))
    if (stray)
      return invalid(
        `messages.${turn.index}.content.0: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${stray}. Each \`tool_result\` block must have a corresponding \`tool_use\` block in the previous message.`,
      )
    const calls = idsOf(turn, 'tool_use', 'id')
    const answered = idsOf(turns[position + 1], 'tool_result', 'tool_use_id')
    const left = calls.filter((id) => !answered.includes(id))
    if (left.length > 0)
      return invalid(
        `messages.${turn.index + 1}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${left.join(', ')}. Each \`tool_use\` block must have a corresponding \`tool_result\` block in the next message.`,
      )
  }
  return null
}

const checkBreakpoints = (messages: readonly Record<string, unknown>[]): Refusal | null => {
  const marks = messages
    .flatMap((m) => (Array.isArray(m['content']) ? m['content'] : []))
    .filter((block) => isRecord(block) && block['cache_control'])
  for (const mark of marks) {
    const control = mark.cache_control
    if (!isRecord(control) || control['type'] !== 'ephemeral')
      return invalid(
        "cache_control: Input tag found using 'type' does not match any of the expected tags: 'ephemeral'",
      )
    if (control['ttl'] !== undefined && !['5m', '1h'].includes(shown(control['ttl'])))
      return invalid("cache_control.ephemeral.ttl: Input should be '5m' or '1h'")
  }
  return null
}

/** The text of a message or of a system prompt. */
export const contentText = (content: unknown): string => {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return content
    .map((block) => (isRecord(block) && typeof block['text'] === 'string' ? block['text'] : ''))
    .filter((text) => text !== '')
    .join('\n')
}
