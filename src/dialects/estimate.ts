import { isObject } from './request.ts'

/** What a request gives a model to read, as far as it can be told without a tokenizer. */
export interface InputMeasure {
  /** Bytes of the body but for the base64 of attachments: every token of a byte-pair encoding is at least one of them. */
  readonly textBytes: number
  /** Prompts that a service adds. */
  readonly hiddenTokens: number
  readonly images: number
  readonly documents: number
  readonly documentBytes: number
}

/** The most that a model makes of an attachment. */
export interface AttachmentTokens {
  readonly image: number
  /** A model's whole context: the text in a PDF is compressed, so its size bounds nothing. */
  readonly document: number
}

const tokensOfHiddenPrompt = 64
/** Tools add a prompt (Anthropic documents 346 to 804 tokens); those whose schema the service has, up to 735 each. */
const tokensOfHiddenToolPrompt = 1_000

/** For endpoints that cost nothing, and for what brings its own measure. */
export const nothingToRead: InputMeasure = Object.freeze({
  textBytes: 0,
  hiddenTokens: 0,
  images: 0,
  documents: 0,
  documentBytes: 0,
})

/** Chat completions, messages, embeddings and responses: `messages`, or `input` items with their `content` or `output`. */
export const measureInput = (body: Buffer, parsed: Record<string, unknown>): InputMeasure => {
  const found = nothingFound()
  for (const list of [parsed.messages, parsed.input])
    if (Array.isArray(list))
      for (const message of list)
        if (isObject(message)) {
          count(message.content, found, 0)
          count(isObject(message.output) ? [message.output] : message.output, found, 0)
        }
  return measureOf(body, found, parsed.tools)
}

export const measureOf = (body: Buffer, found: Found, tools: unknown): InputMeasure => ({
  textBytes: body.length - found.imageBytes - found.documentBytes,
  hiddenTokens: tokensOfHiddenPrompt + hiddenToolTokens(tools),
  images: found.images,
  documents: found.documents,
  documentBytes: found.documentBytes,
})

const hiddenToolTokens = (tools: unknown): number => {
  if (tools === undefined || tools === null) return 0
  const known = Array.isArray(tools)
    ? tools.filter((tool) => isObject(tool) && tool.input_schema === undefined)
    : []
  return tokensOfHiddenToolPrompt * (1 + known.filter(({ type }) => type !== 'function').length)
}

/** No tokenizer counts more than this; for holds. */
export const boundInputTokens = (input: InputMeasure, most: AttachmentTokens): number => {
  const tokens = input.textBytes + input.hiddenTokens + input.images * most.image
  return input.documents > 0 ? Math.max(tokens, most.document) : tokens
}

/** About what a service counts where it did not say: four bytes a token, an ordinary image, a page for each 100 KB. */
export const estimateInputTokens = ({ textBytes, images, documents, documentBytes }: InputMeasure): number =>
  Math.ceil(textBytes / 4) + images * 1_500 + documents * 1_500 + Math.ceil(documentBytes / 40)

/**
 * Output tokens of a stream that ended before usage was reported. Each content event carries at least one token, and
 * at about four bytes a token what exceeds an event's envelope carries the rest.
 */
export interface OutputEstimate {
  add(eventBytes: number): void
  tokens(): number
}

/** The smallest event is nearly all envelope, unless a stream has few and large ones: no service's is larger than this. */
const largestEnvelopeBytes = 400

export const makeOutputEstimate = (): OutputEstimate => {
  let events = 0
  let bytes = 0
  let envelope = largestEnvelopeBytes
  return {
    add(eventBytes) {
      events++
      bytes += eventBytes
      if (eventBytes < envelope) envelope = eventBytes
    },
    tokens: () => Math.max(events, Math.ceil((bytes - events * envelope) / 4)),
  }
}

/** Attachments and their base64, which is no text. */
export interface Found {
  images: number
  documents: number
  imageBytes: number
  documentBytes: number
}

export const nothingFound = (): Found => ({ images: 0, documents: 0, imageBytes: 0, documentBytes: 0 })

const imageTypes = new Set<unknown>(['image_url', 'image', 'input_image', 'computer_screenshot'])
const documentTypes = new Set<unknown>(['document', 'file', 'input_file', 'input_audio'])

/** Content parts that are not text, also those inside a tool's result; deeper nesting is no valid request anywhere. */
const count = (content: unknown, found: Found, depth: number): void => {
  if (!Array.isArray(content) || depth > 3) return
  for (const part of content) {
    if (!isObject(part)) continue
    if (imageTypes.has(part.type)) {
      found.images++
      found.imageBytes += base64Bytes(part)
    } else if (documentTypes.has(part.type)) {
      found.documents++
      found.documentBytes += base64Bytes(part)
      if (isObject(part.source)) count(part.source.content, found, depth + 1)
    } else if (part.type === 'tool_result') count(part.content, found, depth + 1)
  }
}

/** Only what cannot be read as text: plain text in a document is text. */
const base64Bytes = (part: Record<string, unknown>): number => {
  const { image_url, source, input_audio, file } = part as Record<string, Record<string, unknown> | undefined>
  if (source?.type === 'text') return 0
  const candidates = [
    image_url?.url,
    image_url,
    source?.data,
    input_audio?.data,
    file?.file_data,
    part.file_data,
  ]
  const data = candidates.find((value) => typeof value === 'string')
  return typeof data === 'string' && !data.startsWith('http') ? data.length : 0
}

/** The base64 of audio that a chat is given to hear. */
export const audioBytesIn = (messages: unknown): number => {
  let bytes = 0
  if (!Array.isArray(messages)) return bytes
  for (const message of messages)
    if (isObject(message) && Array.isArray(message.content))
      for (const part of message.content)
        if (isObject(part) && part.type === 'input_audio') bytes += Math.max(base64Bytes(part), 1)
  return bytes
}
