import type { LanguageModelV4FunctionTool } from '@ai-sdk/provider'
import {
  type AssistantPart,
  type Call,
  makePrompt,
  noWishes,
  type PromptBuilder,
  type Settings,
  type UserPart,
} from './call.ts'
import { applyFields, type Fields, onlyAs, refused } from './fields.ts'
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
import { effortOf, readFunctionSchema, readJsonSchemaFormat } from './settings.ts'
import { withGoogleSignature } from './thoughts.ts'

/** https://platform.openai.com/docs/api-reference/chat/create */
export const chatFields: Fields = {
  model: 'carried',
  messages: 'carried',
  stream: 'carried',
  stream_options: 'carried',
  max_tokens: 'carried',
  max_completion_tokens: 'carried',
  temperature: 'carried',
  top_p: 'carried',
  top_k: 'carried',
  frequency_penalty: 'carried',
  presence_penalty: 'carried',
  stop: 'carried',
  seed: 'carried',
  response_format: 'carried',
  tools: 'carried',
  tool_choice: 'carried',
  parallel_tool_calls: 'carried',
  reasoning_effort: 'carried',
  n: onlyAs([1], refused('Only one choice can be asked of this service.')),
  logprobs: onlyAs([false], refused('This service gives no log probabilities.')),
  top_logprobs: onlyAs([0], refused('This service gives no log probabilities.')),
  logit_bias: (value) => (isEmpty(value) ? 'carried' : refused('Token numbers differ between services.')),
  modalities: (value) =>
    Array.isArray(value) && value.every((item) => item === 'text')
      ? 'carried'
      : refused('Only text can be asked of this service here.'),
  audio: refused('Only text can be asked of this service here.'),
  functions: refused('Use tools; functions are not translated.'),
  function_call: refused('Use tool_choice; function_call is not translated.'),
  web_search_options: refused('Searches run at a service of this dialect only.'),
  prediction: 'listed',
  verbosity: 'listed',
  store: onlyAs([false], 'listed'),
  metadata: 'listed',
  user: 'listed',
  safety_identifier: 'listed',
  service_tier: onlyAs(['auto', 'default'], 'listed'),
  prompt_cache_key: 'listed',
  prompt_cache_options: 'listed',
  prompt_cache_retention: 'listed',
  // Extensions of services that speak this dialect.
  usage: 'listed',
  min_p: 'listed',
  top_a: 'listed',
  repetition_penalty: 'listed',
}

const messageFields: Fields = {
  role: 'carried',
  content: 'carried',
  name: 'listed',
  tool_calls: 'carried',
  tool_call_id: 'carried',
  refusal: 'carried',
  annotations: 'listed',
  // What this gateway and others of this dialect add to replies comes back in histories.
  reasoning_content: 'listed',
  reasoning: 'listed',
  reasoning_details: 'listed',
  audio: refused('Audio of earlier turns stays at the service that made it.'),
  function_call: refused('Use tool_calls; function_call is not translated.'),
}

export const fromChatCompletions = (body: Json, notes: Notes): Call => {
  applyFields(body, chatFields, '', notes)
  const builder = makePrompt()
  for (const [message, field] of readItems(body.messages, 'messages'))
    readMessage(message, field, builder, notes)
  const tools = readTools(body.tools, notes)
  const toolChoice = readToolChoice(body.tool_choice)
  const { format, strict } = readFormat(body.response_format)
  const reasoning = effortOf(readOptionalText(body.reasoning_effort, 'reasoning_effort'), 'reasoning_effort')
  const settings: Settings = {
    maxOutputTokens:
      readNumber(body.max_completion_tokens, 'max_completion_tokens') ??
      readNumber(body.max_tokens, 'max_tokens'),
    temperature: readNumber(body.temperature, 'temperature'),
    topP: readNumber(body.top_p, 'top_p'),
    topK: readNumber(body.top_k, 'top_k'),
    presencePenalty: readNumber(body.presence_penalty, 'presence_penalty'),
    frequencyPenalty: readNumber(body.frequency_penalty, 'frequency_penalty'),
    stopSequences: readTexts(body.stop, 'stop'),
    seed: readNumber(body.seed, 'seed'),
    responseFormat: format,
    tools,
    toolChoice,
    reasoning,
  }
  return {
    prompt: builder.prompt,
    settings,
    wishes: {
      ...noWishes,
      // Models without reasoning refuse to be asked for it.
      showsThoughts: reasoning !== undefined && reasoning !== 'none',
      strictSchema: strict,
      singleCalls:
        readFlag(body.parallel_tool_calls, 'parallel_tool_calls') === false && tools !== undefined
          ? 'parallel_tool_calls'
          : null,
    },
  }
}

const readMessage = (message: Json, field: string, builder: PromptBuilder, notes: Notes): void => {
  applyFields(message, messageFields, `${field}.`, notes)
  const { role } = message
  switch (role) {
    case 'system':
    case 'developer':
      for (const text of textsOf(message.content, `${field}.content`, notes)) builder.system(text)
      return
    case 'user':
      return builder.user(userParts(message.content, `${field}.content`, notes))
    case 'assistant':
      return builder.assistant(assistantParts(message, field, notes))
    case 'tool': {
      const toolCallId = readText(message.tool_call_id, `${field}.tool_call_id`)
      const toolName =
        builder.nameOf(toolCallId) ?? malformed(`${field}.tool_call_id`, 'the id of an earlier tool call')
      const value = textsOf(message.content, `${field}.content`, notes).join('')
      return builder.results([{ type: 'tool-result', toolCallId, toolName, output: { type: 'text', value } }])
    }
    default:
      return refuse(`${field}.role`, `${field}.role is not known to the translation.`)
  }
}

const partFields: Fields = {
  type: 'carried',
  text: 'carried',
  refusal: 'carried',
  image_url: 'carried',
  file: 'carried',
  input_audio: 'carried',
  cache_control: 'listed',
  prompt_cache_breakpoint: 'listed',
}

/** Content that may only be text: itself, or a list of text parts. */
const textsOf = (content: unknown, field: string, notes: Notes): string[] => {
  if (typeof content === 'string') return [content]
  return readItems(content, field).map(([part, at]) => {
    applyFields(part, partFields, `${at}.`, notes)
    if (part.type === 'text') return readText(part.text, `${at}.text`)
    if (part.type === 'refusal') return readText(part.refusal, `${at}.refusal`)
    return refuse(`${at}.type`, `${at} must be text for this service.`)
  })
}

const userParts = (content: unknown, field: string, notes: Notes): UserPart[] => {
  if (typeof content === 'string') return [notes.place({ type: 'text', text: content }, field)]
  return readItems(content, field).map(([part, at]): UserPart => {
    applyFields(part, partFields, `${at}.`, notes)
    switch (part.type) {
      case 'text':
        return notes.place({ type: 'text', text: readText(part.text, `${at}.text`) }, `${at}.text`)
      case 'image_url':
        return imageOf(part.image_url, `${at}.image_url`, notes)
      case 'file':
        return fileOf(readJson(part.file, `${at}.file`), `${at}.file`, notes)
      case 'input_audio':
        return audioOf(readJson(part.input_audio, `${at}.input_audio`), `${at}.input_audio`, notes)
      default:
        return refuse(`${at}.type`, `${at} is of a type that is not known to the translation.`)
    }
  })
}

const imageOf = (value: unknown, field: string, notes: Notes): UserPart => {
  const image: Json = typeof value === 'string' ? { url: value } : readJson(value, field)
  const part = fileFromUrl(readText(image.url, `${field}.url`), 'image/*', field)
  const { detail } = image
  return notes.place(isEmpty(detail) || detail === 'auto' ? part : withDetail(part, detail, field), field)
}

/** A size of tiles that only OpenAI's models know; for others it is a hint. */
export const withDetail = <Part extends UserPart>(part: Part, detail: unknown, field: string): Part => ({
  ...part,
  providerOptions: { openai: { imageDetail: readText(detail, `${field}.detail`) } },
})

const fileOf = (file: Json, field: string, notes: Notes): UserPart => {
  if (!isEmpty(file.file_id))
    refuse(`${field}.file_id`, 'Stored files are at the service that stores them; send file_data.')
  const data = readText(file.file_data, `${field}.file_data`)
  const filename = readOptionalText(file.filename, `${field}.filename`)
  const part = data.startsWith('data:')
    ? fileFromUrl(data, 'application/pdf', field, filename)
    : fileFromBase64(data, 'application/pdf', field, filename)
  return notes.place(part, field)
}

const audioOf = (audio: Json, field: string, notes: Notes): UserPart => {
  const format = readText(audio.format, `${field}.format`)
  const mediaType = format === 'mp3' ? 'audio/mpeg' : `audio/${format}`
  return notes.place(fileFromBase64(readText(audio.data, `${field}.data`), mediaType, field), field)
}

const assistantParts = (message: Json, field: string, notes: Notes): AssistantPart[] => {
  const texts = isEmpty(message.content) ? [] : textsOf(message.content, `${field}.content`, notes)
  const said = typeof message.refusal === 'string' ? [...texts, message.refusal] : texts
  return [
    ...said.map((text): AssistantPart => ({ type: 'text', text })),
    ...readItems(message.tool_calls, `${field}.tool_calls`).map(([call, at]) => readToolCall(call, at)),
  ]
}

const readToolCall = (call: Json, field: string): AssistantPart => {
  if ((call.type ?? 'function') !== 'function')
    refuse(`${field}.type`, 'Only calls of functions are translated.')
  const called = readJson(call.function, `${field}.function`)
  const signature = signatureOf(call)
  return {
    type: 'tool-call',
    toolCallId: readText(call.id, `${field}.id`),
    toolName: readText(called.name, `${field}.function.name`),
    input: readArguments(called.arguments, `${field}.function.arguments`),
    ...(signature === null ? {} : { providerOptions: withGoogleSignature(signature) }),
  }
}

/** Where Google documents it for this dialect: https://ai.google.dev/gemini-api/docs/openai */
const signatureOf = ({ extra_content: extra }: Json): string | null => {
  const { google } = (extra ?? {}) as { google?: { thought_signature?: unknown } }
  const signature = google?.thought_signature
  return typeof signature === 'string' ? signature : null
}

/** The last is a breakpoint of prompt caching, as some services of this dialect take it. */
const toolFields: Fields = {
  type: 'carried',
  function: 'carried',
  cache_control: 'listed',
  custom: 'carried',
}

const readTools = (value: unknown, notes: Notes): LanguageModelV4FunctionTool[] | undefined => {
  if (isEmpty(value)) return undefined
  return readItems(value, 'tools').map(([tool, field]) => {
    applyFields(tool, toolFields, `${field}.`, notes)
    if ((tool.type ?? 'function') !== 'function')
      refuse(`${field}.type`, 'Only functions that the caller runs are translated.')
    return readFunctionSchema(readJson(tool.function, `${field}.function`), `${field}.function`, notes)
  })
}

const readToolChoice = (value: unknown): Settings['toolChoice'] => {
  if (isEmpty(value)) return undefined
  if (value === 'none' || value === 'auto' || value === 'required') return { type: value }
  const choice = readJson(value, 'tool_choice')
  if (choice.type !== 'function')
    return refuse('tool_choice', 'Only a choice of one function, auto, none or required is translated.')
  const { name } = readJson(choice.function, 'tool_choice.function')
  return { type: 'tool', toolName: readText(name, 'tool_choice.function.name') }
}

const readFormat = (value: unknown): { format: Settings['responseFormat']; strict: boolean } => {
  const format = readOptionalJson(value, 'response_format')
  if (format === undefined || format.type === 'text') return { format: undefined, strict: false }
  if (format.type === 'json_object') return { format: { type: 'json' }, strict: false }
  if (format.type !== 'json_schema')
    return refuse('response_format.type', 'Only text, json_object and json_schema are translated.')
  return readJsonSchemaFormat(
    readJson(format.json_schema, 'response_format.json_schema'),
    'response_format.json_schema',
  )
}
