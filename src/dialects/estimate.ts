/**
 * Input tokens, bounded from above without a tokenizer: every token of a byte-pair encoding is at least one byte of
 * text, so the bytes of the body bound its text. Attachments are not text: their base64 is left out and each counts
 * as the most a service is known to make of one. Tools add a hidden prompt (Anthropic documents 346 to 804 tokens).
 */
const tokensPerAttachment = 6_000
const tokensPerByteOfAttachment = 1 / 40
const tokensOfHiddenPrompt = 64
const tokensOfHiddenToolPrompt = 1_000

export const boundInputTokens = (body: Buffer, parsed: Record<string, unknown>): number => {
  const attachments = attachmentsOf(parsed.messages)
  const text = body.length - attachments.bytes
  const data =
    attachments.count * tokensPerAttachment + Math.ceil(attachments.bytes * tokensPerByteOfAttachment)
  const hidden = tokensOfHiddenPrompt + (parsed.tools === undefined ? 0 : tokensOfHiddenToolPrompt)
  return text + data + hidden
}

/**
 * Output tokens of a stream that ended before usage was reported. Each content event carries at least one token, and
 * at about four bytes a token what exceeds the smallest event (its envelope) carries the rest.
 */
export interface OutputEstimate {
  add(eventBytes: number): void
  tokens(): number
}

export const makeOutputEstimate = (): OutputEstimate => {
  let events = 0
  let bytes = 0
  let smallest = Number.POSITIVE_INFINITY
  return {
    add(eventBytes) {
      events++
      bytes += eventBytes
      if (eventBytes < smallest) smallest = eventBytes
    },
    tokens: () => (events === 0 ? 0 : Math.max(events, Math.ceil((bytes - events * smallest) / 4))),
  }
}

const attachmentsOf = (messages: unknown): { count: number; bytes: number } => {
  const found = { count: 0, bytes: 0 }
  if (!Array.isArray(messages)) return found
  for (const message of messages) count((message as { content?: unknown } | null)?.content, found, 0)
  return found
}

/** Content parts that are not text, also those inside a tool's result; deeper nesting is no valid request anywhere. */
const count = (content: unknown, found: { count: number; bytes: number }, depth: number): void => {
  if (!Array.isArray(content) || depth > 3) return
  for (const part of content) {
    if (typeof part !== 'object' || part === null) continue
    const { type, content: inner } = part as { type?: unknown; content?: unknown }
    if (type === 'text' || type === 'tool_use') continue
    if (type === 'tool_result') {
      count(inner, found, depth + 1)
      continue
    }
    found.count++
    found.bytes += base64Bytes(part)
  }
}

const base64Bytes = (part: object): number => {
  const { image_url, source, input_audio, file } = part as Record<string, Record<string, unknown> | undefined>
  const candidates = [image_url?.url, source?.data, input_audio?.data, file?.file_data]
  const data = candidates.find((value) => typeof value === 'string')
  return typeof data === 'string' && !data.startsWith('http') ? data.length : 0
}
