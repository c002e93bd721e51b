import {
  type AssistantPart,
  type Call,
  makePrompt,
  noWishes,
  type PromptBuilder,
  type ToolOutput,
  type ToolResult,
  type UserPart,
} from './call.ts'
import { applyFields, type Fields, refused } from './fields.ts'
import { fileFromBase64, fileFromUrl } from './media.ts'
import { malformed, type Notes, refuse } from './notes.ts'
import {
  isEmpty,
  type Json,
  readArguments,
  readFlag,
  readItems,
  readJson,
  readNumber,
  readOptionalJson,
  readOptionalText,
  readText,
  readTexts,
} from './read.ts'
import {
  cached,
  cacheOf,
  readFormat,
  readThinking,
  readToolChoice,
  readTools,
  ttlOf,
} from './messages-settings.ts'
import { openThought } from './thoughts.ts'

/** https://platform.claude.com/docs/en/api/messages */
export const messagesFields: Fields = {
  model: 'carried',
  messages: 'carried',
  system: 'carried',
  max_tokens: 'carried',
  stream: 'carried',
  temperature: 'carried',
  top_p: 'carried',
  top_k: 'carried',
  stop_sequences: 'carried',
  tools: 'carried',
  tool_choice: 'carried',
  thinking: 'carried',
  output_config: 'carried',
  output_format: 'carried',
  cache_control: 'carried',
  mcp_servers: refused('Tools of other servers run at a service of this dialect only.'),
  container: refused('Containers are at the service that runs them.'),
  inference_geo: refused('Where a reply is computed cannot be promised for this service.'),
  metadata: 'listed',
  service_tier: 'listed',
  speed: 'listed',
  // Without it the model reads more of the conversation, never less.
  context_management: 'listed',
}

export const fromMessages = (body: Json, notes: Notes): Call => {
  applyFields(body, messagesFields, '', notes)
  const builder = makePrompt()
  if (typeof body.system === 'string') builder.system(body.system)
  else
    for (const [block, field] of readItems(body.system, 'system'))
      builder.system(textOf(block, field, notes), cacheOf(block))
  for (const [message, field] of readItems(body.messages, 'messages'))
    readMessage(message, field, builder, notes)
  const choice = readOptionalJson(body.tool_choice, 'tool_choice')
  const thinking = readThinking(body)
  const tools = readTools(body.tools, notes)
  return {
    prompt: builder.prompt,
    settings: {
      maxOutputTokens: readNumber(body.max_tokens, 'max_tokens'),
      temperature: readNumber(body.temperature, 'temperature'),
      topP: readNumber(body.top_p, 'top_p'),
      topK: readNumber(body.top_k, 'top_k'),
      stopSequences: readTexts(body.stop_sequences, 'stop_sequences'),
      responseFormat: readFormat(body),
      tools,
      toolChoice: readToolChoice(choice),
      reasoning: thinking.effort,
    },
    wishes: {
      ...noWishes,
      thinkingTokens: thinking.tokens,
      showsThoughts: thinking.shown,
      keepsThoughts: thinking.shown,
      strictSchema: true,
      singleCalls:
        readFlag(choice?.disable_parallel_tool_use, 'tool_choice.disable_parallel_tool_use') === true
          ? 'tool_choice.disable_parallel_tool_use'
          : null,
      cachesPrompt: isEmpty(body.cache_control) ? null : { ttl: ttlOf(body.cache_control) },
    },
  }
}

const messageFields: Fields = { role: 'carried', content: 'carried' }

const readMessage = (message: Json, field: string, builder: PromptBuilder, notes: Notes): void => {
  applyFields(message, messageFields, `${field}.`, notes)
  const { role, content } = message
  const blocks: readonly (readonly [Json, string])[] =
    typeof content === 'string'
      ? [[{ type: 'text', text: content }, `${field}.content`]]
      : readItems(content, `${field}.content`)
  if (role === 'assistant')
    return builder.assistant(blocks.map(([block, at]) => assistantPart(block, at, notes)))
  if (role === 'system') {
    for (const [block, at] of blocks) builder.system(textOf(block, at, notes), cacheOf(block))
    return
  }
  if (role !== 'user') return refuse(`${field}.role`, `${field}.role is not known to the translation.`)
  const isResult = ([block]: readonly [Json, string]) => block.type === 'tool_result'
  // The results of a turn stand first, as the dialect demands.
  const results = blocks.filter(isResult)
  builder.results(results.map(([block, at]) => resultOf(block, at, builder, notes)))
  const others = blocks.filter((block) => !isResult(block))
  if (others.length > 0 || results.length === 0)
    builder.user(others.map(([block, at]) => userPart(block, at, notes)))
}

const blockFields: Fields = {
  type: 'carried',
  text: 'carried',
  source: 'carried',
  title: 'carried',
  id: 'carried',
  name: 'carried',
  input: 'carried',
  tool_use_id: 'carried',
  content: 'carried',
  is_error: 'carried',
  thinking: 'carried',
  signature: 'carried',
  data: 'carried',
  cache_control: 'carried',
  // Of the direct caller, the model: what a reply says and a history repeats.
  caller: 'listed',
  context: 'listed',
  citations: (value) =>
    Array.isArray(value)
      ? 'listed'
      : (value as { enabled?: unknown }).enabled === false
        ? 'carried'
        : refused('This service cites no documents.'),
}

const textOf = (block: Json, field: string, notes: Notes): string => {
  applyFields(block, blockFields, `${field}.`, notes)
  if (block.type !== 'text') refuse(`${field}.type`, `${field} must be text for this service.`)
  return readText(block.text, `${field}.text`)
}

const userPart = (block: Json, field: string, notes: Notes): UserPart => {
  applyFields(block, blockFields, `${field}.`, notes)
  switch (block.type) {
    case 'text':
      return notes.place(cached({ type: 'text', text: readText(block.text, `${field}.text`) }, block), field)
    case 'image':
    case 'document':
      return notes.place(cached(fileOf(block, field), block), `${field}.source`)
    default:
      return refuse(`${field}.type`, `${field} is of a type that is not known to the translation.`)
  }
}

const fileOf = (block: Json, field: string): UserPart & { type: 'file' } => {
  const source = readJson(block.source, `${field}.source`)
  const filename = readOptionalText(block.title, `${field}.title`)
  const fallback = block.type === 'image' ? 'image/*' : 'application/pdf'
  switch (source.type) {
    case 'base64': {
      const mediaType = readText(source.media_type, `${field}.source.media_type`)
      return fileFromBase64(
        readText(source.data, `${field}.source.data`),
        mediaType,
        `${field}.source`,
        filename,
      )
    }
    case 'url':
      return fileFromUrl(readText(source.url, `${field}.source.url`), fallback, `${field}.source`, filename)
    case 'text': {
      const data = Buffer.from(readText(source.data, `${field}.source.data`)).toString('base64')
      return {
        type: 'file',
        data: { type: 'data', data },
        mediaType: 'text/plain',
        ...(filename && { filename }),
      }
    }
    default:
      return refuse(
        `${field}.source.type`,
        'Send the bytes: stored files and content blocks are not translated.',
      )
  }
}

const assistantPart = (block: Json, field: string, notes: Notes): AssistantPart => {
  applyFields(block, blockFields, `${field}.`, notes)
  switch (block.type) {
    case 'text':
      return cached({ type: 'text', text: readText(block.text, `${field}.text`) }, block)
    case 'tool_use':
      return cached(
        {
          type: 'tool-call',
          toolCallId: readText(block.id, `${field}.id`),
          toolName: readText(block.name, `${field}.name`),
          input: readArguments(block.input, `${field}.input`),
        },
        block,
      )
    case 'thinking':
      return thought(
        readText(block.thinking, `${field}.thinking`),
        readOptionalText(block.signature, `${field}.signature`) ?? '',
        (signature) => ({ signature }),
      )
    case 'redacted_thinking':
      return thought('', readText(block.data, `${field}.data`), (redactedData) => ({ redactedData }))
    default:
      return refuse(`${field}.type`, `${field} is of a type that is not known to the translation.`)
  }
}

/** A signature that is not ours is Anthropic's, which its models take back on every platform. */
const thought = (
  text: string,
  signature: string,
  native: (text: string) => Record<string, string>,
): AssistantPart => {
  const opened = openThought(signature)
  if (opened !== null) return { type: 'reasoning', text, providerOptions: opened }
  if (signature === '') return { type: 'reasoning', text }
  return {
    type: 'reasoning',
    text,
    providerOptions: { anthropic: native(signature), bedrock: native(signature) },
  }
}

const resultOf = (block: Json, field: string, builder: PromptBuilder, notes: Notes): ToolResult => {
  applyFields(block, blockFields, `${field}.`, notes)
  const toolCallId = readText(block.tool_use_id, `${field}.tool_use_id`)
  const toolName =
    builder.nameOf(toolCallId) ?? malformed(`${field}.tool_use_id`, 'the id of an earlier tool_use')
  const output = outputOf(block, `${field}.content`, notes)
  return cached({ type: 'tool-result', toolCallId, toolName, output }, block)
}

const outputOf = (block: Json, field: string, notes: Notes): ToolOutput => {
  const isError = block.is_error === true
  const parts =
    typeof block.content === 'string'
      ? [{ type: 'text' as const, text: block.content }]
      : readItems(block.content, field).map(([part, at]) => userPart(part, at, notes))
  const texts = parts.flatMap((part) => (part.type === 'text' ? [part.text] : []))
  if (texts.length === parts.length) return { type: isError ? 'error-text' : 'text', value: texts.join('\n') }
  if (isError) refuse(field, 'A failed tool can report text only to this service.')
  return { type: 'content', value: parts }
}
