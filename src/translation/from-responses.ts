import type { LanguageModelV4FunctionTool } from '@ai-sdk/provider'
import {
  type AssistantPart,
  type Call,
  makePrompt,
  noWishes,
  type PromptBuilder,
  type Settings,
  type ToolOutput,
  type UserPart,
} from './call.ts'
import { applyFields, type Fields, onlyAs, refused } from './fields.ts'
import { withDetail } from './from-chat-completions.ts'
import { fileFromBase64, fileFromUrl } from './media.ts'
import { malformed, type Notes, refuse } from './notes.ts'
import {
  isEmpty,
  type Json,
  readArguments,
  readFlag,
  readItems,
  readJson,
  readList,
  readNumber,
  readOptionalJson,
  readOptionalText,
  readText,
} from './read.ts'
import { effortOf, readFunctionSchema, readJsonSchemaFormat } from './settings.ts'
import { openThought } from './thoughts.ts'

const stored = refused('Stored conversations are at the service that stores them; send the whole input.')

/** https://platform.openai.com/docs/api-reference/responses/create */
export const responsesFields: Fields = {
  model: 'carried',
  input: 'carried',
  instructions: 'carried',
  stream: 'carried',
  max_output_tokens: 'carried',
  temperature: 'carried',
  top_p: 'carried',
  tools: 'carried',
  tool_choice: 'carried',
  parallel_tool_calls: 'carried',
  reasoning: 'carried',
  text: 'carried',
  include: 'carried',
  previous_response_id: stored,
  conversation: stored,
  prompt: stored,
  background: onlyAs([false], refused('A translated reply is not stored, so it cannot be fetched later.')),
  context_management: refused('Compaction runs at a service of this dialect only.'),
  top_logprobs: onlyAs([0], refused('This service gives no log probabilities.')),
  moderation: refused('Moderation runs at a service of this dialect only.'),
  // Left out by default too: nothing is stored, and the reply says so.
  store: onlyAs([false], 'listed'),
  truncation: onlyAs(['disabled'], 'listed'),
  stream_options: 'listed',
  max_tool_calls: 'listed',
  metadata: 'listed',
  user: 'listed',
  safety_identifier: 'listed',
  service_tier: onlyAs(['auto', 'default'], 'listed'),
  prompt_cache_key: 'listed',
  prompt_cache_options: 'listed',
  prompt_cache_retention: 'listed',
}

export const fromResponses = (body: Json, notes: Notes): Call => {
  applyFields(body, responsesFields, '', notes)
  const builder = makePrompt()
  const instructions = readOptionalText(body.instructions, 'instructions')
  if (instructions !== undefined) builder.system(instructions)
  if (typeof body.input === 'string') builder.user([notes.place({ type: 'text', text: body.input }, 'input')])
  else for (const [item, field] of readItems(body.input, 'input')) readItem(item, field, builder, notes)
  const includes = readIncludes(body.include, notes)
  const reasoning = readOptionalJson(body.reasoning, 'reasoning') ?? {}
  const { format, strict } = readFormat(readOptionalJson(body.text, 'text'), notes)
  const tools = readTools(body.tools, notes)
  return {
    prompt: builder.prompt,
    settings: {
      maxOutputTokens: readNumber(body.max_output_tokens, 'max_output_tokens'),
      temperature: readNumber(body.temperature, 'temperature'),
      topP: readNumber(body.top_p, 'top_p'),
      responseFormat: format,
      tools,
      toolChoice: readToolChoice(body.tool_choice),
      reasoning: effortOf(readOptionalText(reasoning.effort, 'reasoning.effort'), 'reasoning.effort'),
    },
    wishes: {
      ...noWishes,
      showsThoughts: !isEmpty(reasoning.summary) || !isEmpty(reasoning.generate_summary),
      keepsThoughts: includes.has('reasoning.encrypted_content'),
      strictSchema: strict,
      singleCalls:
        readFlag(body.parallel_tool_calls, 'parallel_tool_calls') === false && tools !== undefined
          ? 'parallel_tool_calls'
          : null,
    },
  }
}

const readIncludes = (value: unknown, notes: Notes): ReadonlySet<string> => {
  const names = isEmpty(value) ? [] : readList(value, 'include').map((name) => readText(name, 'include'))
  for (const name of names) {
    if (name === 'message.output_text.logprobs') refuse('include', 'This service gives no log probabilities.')
    if (name !== 'reasoning.encrypted_content') notes.list('include')
  }
  return new Set(names)
}

const itemFields: Fields = {
  type: 'carried',
  id: 'carried',
  status: 'carried',
  role: 'carried',
  content: 'carried',
  call_id: 'carried',
  name: 'carried',
  arguments: 'carried',
  output: 'carried',
  summary: 'carried',
  encrypted_content: 'carried',
  phase: 'listed',
}

const readItem = (item: Json, field: string, builder: PromptBuilder, notes: Notes): void => {
  applyFields(item, itemFields, `${field}.`, notes)
  switch (item.type ?? 'message') {
    case 'message':
      return readMessage(item, field, builder, notes)
    case 'function_call':
      return builder.assistant(
        [
          {
            type: 'tool-call',
            toolCallId: readText(item.call_id, `${field}.call_id`),
            toolName: readText(item.name, `${field}.name`),
            input: readArguments(item.arguments, `${field}.arguments`),
          },
        ],
        true,
      )
    case 'function_call_output': {
      const toolCallId = readText(item.call_id, `${field}.call_id`)
      const toolName =
        builder.nameOf(toolCallId) ?? malformed(`${field}.call_id`, 'the call_id of an earlier function_call')
      const output = outputOf(item.output, `${field}.output`, notes)
      return builder.results([{ type: 'tool-result', toolCallId, toolName, output }])
    }
    case 'reasoning':
      return builder.assistant([thoughtOf(item, field)], true)
    default:
      return refuse(`${field}.type`, `${field} is of a type that is not known to the translation.`)
  }
}

const thoughtOf = (item: Json, field: string): AssistantPart => {
  const text = readItems(item.summary, `${field}.summary`)
    .map(([part, at]) => readText(part.text, `${at}.text`))
    .join('\n\n')
  const sealed = readOptionalText(item.encrypted_content, `${field}.encrypted_content`)
  const providerOptions = sealed === undefined ? null : openThought(sealed)
  return { type: 'reasoning', text, ...(providerOptions === null ? {} : { providerOptions }) }
}

const readMessage = (item: Json, field: string, builder: PromptBuilder, notes: Notes): void => {
  const content = contentOf(item.content, `${field}.content`, notes)
  const texts = () =>
    content.map((part) =>
      part.type === 'text' ? part.text : refuse(`${field}.content`, `${field}.content must be text.`),
    )
  switch (item.role) {
    case 'system':
    case 'developer':
      for (const text of texts()) builder.system(text)
      return
    case 'user':
      return builder.user(content)
    case 'assistant':
      return builder.assistant(
        texts().map((text) => ({ type: 'text', text })),
        true,
      )
    default:
      return refuse(`${field}.role`, `${field}.role is not known to the translation.`)
  }
}

const contentOf = (content: unknown, field: string, notes: Notes): UserPart[] => {
  if (typeof content === 'string') return [notes.place({ type: 'text', text: content }, field)]
  return readItems(content, field).map(([part, at]) => partOf(part, at, notes))
}

const partFields: Fields = {
  type: 'carried',
  text: 'carried',
  refusal: 'carried',
  annotations: 'listed',
  logprobs: 'listed',
  image_url: 'carried',
  detail: 'carried',
  file_data: 'carried',
  file_url: 'carried',
  filename: 'carried',
  file_id: refused('Stored files are at the service that stores them; send their bytes.'),
}

const partOf = (part: Json, field: string, notes: Notes): UserPart => {
  applyFields(part, partFields, `${field}.`, notes)
  switch (part.type) {
    case 'input_text':
    case 'output_text':
    case 'text':
      return notes.place({ type: 'text', text: readText(part.text, `${field}.text`) }, `${field}.text`)
    case 'refusal':
      return { type: 'text', text: readText(part.refusal, `${field}.refusal`) }
    case 'input_image': {
      const image = fileFromUrl(
        readText(part.image_url, `${field}.image_url`),
        'image/*',
        `${field}.image_url`,
      )
      const { detail } = part
      const detailed = isEmpty(detail) || detail === 'auto' ? image : withDetail(image, detail, field)
      return notes.place(detailed, `${field}.image_url`)
    }
    case 'input_file':
      return notes.place(inputFile(part, field), `${field}.file_data`)
    default:
      return refuse(`${field}.type`, `${field} is of a type that is not known to the translation.`)
  }
}

const inputFile = (part: Json, field: string): UserPart => {
  const filename = readOptionalText(part.filename, `${field}.filename`)
  const source = readText(part.file_data ?? part.file_url, `${field}.file_data`)
  if (part.file_data === undefined || source.startsWith('data:'))
    return fileFromUrl(source, 'application/pdf', `${field}.file_data`, filename)
  return fileFromBase64(source, 'application/pdf', `${field}.file_data`, filename)
}

const outputOf = (value: unknown, field: string, notes: Notes): ToolOutput => {
  if (typeof value === 'string') return { type: 'text', value }
  return {
    type: 'content',
    value: contentOf(value, field, notes),
  }
}

const readTools = (value: unknown, notes: Notes): LanguageModelV4FunctionTool[] | undefined => {
  if (isEmpty(value)) return undefined
  return readItems(value, 'tools').map(([tool, field]) => {
    if (tool.type !== 'function')
      refuse(`${field}.type`, 'Only functions that the caller runs are translated.')
    return readFunctionSchema(tool, field, notes)
  })
}

const readToolChoice = (value: unknown): Settings['toolChoice'] => {
  if (isEmpty(value)) return undefined
  if (value === 'none' || value === 'auto' || value === 'required') return { type: value }
  const choice = readJson(value, 'tool_choice')
  if (choice.type !== 'function')
    return refuse('tool_choice', 'Only a choice of one function, auto, none or required is translated.')
  return { type: 'tool', toolName: readText(choice.name, 'tool_choice.name') }
}

const readFormat = (
  text: Json | undefined,
  notes: Notes,
): { format: Settings['responseFormat']; strict: boolean } => {
  if (!isEmpty(text?.verbosity)) notes.list('text.verbosity')
  const format = readOptionalJson(text?.format, 'text.format')
  if (format === undefined || format.type === 'text') return { format: undefined, strict: false }
  if (format.type === 'json_object') return { format: { type: 'json' }, strict: false }
  if (format.type !== 'json_schema')
    return refuse('text.format.type', 'Only text, json_object and json_schema are translated.')
  return readJsonSchemaFormat(format, 'text.format')
}
