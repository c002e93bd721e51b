import { type Directives, readDirectives } from './directives.ts'
import { isRecord, type Refusal, shown } from './exchange.ts'
import { findModel, type SimulatedModel } from './models.ts'
import type { OpenAiHost } from './openai-host.ts'
import {
  boolean,
  type Check,
  checkParameters,
  decimal,
  integer,
  list,
  missing,
  nullable,
  oneOf,
  record,
  text,
  wrongType,
} from './openai-params.ts'
import { asTools, type Question } from './reply.ts'
import { strictSchemaFault } from './strict-schema.ts'
import { digestOf, tokensOf } from './text.ts'

const textOrList: Check = (value, name) =>
  typeof value === 'string' || Array.isArray(value)
    ? null
    : wrongType(name, 'a string or an array of objects', value)

/** Every parameter of the Responses API that the current reference lists. */
const parameters: Readonly<Record<string, Check>> = {
  model: text,
  input: textOrList,
  background: nullable(boolean),
  context_management: nullable(list),
  conversation: nullable((v, name) => (isRecord(v) ? null : text(v, name))),
  include: nullable(list),
  instructions: nullable(text),
  max_output_tokens: nullable(integer(16, 10_000_000)),
  max_tool_calls: nullable(integer(1, 1000)),
  metadata: nullable(record),
  moderation: nullable(record),
  parallel_tool_calls: nullable(boolean),
  previous_response_id: nullable(text),
  prompt: nullable(record),
  prompt_cache_key: nullable(text),
  prompt_cache_options: record,
  prompt_cache_retention: nullable(oneOf('in_memory', '24h')),
  reasoning: nullable(record),
  safety_identifier: nullable(text),
  service_tier: nullable(oneOf('auto', 'default', 'flex', 'scale', 'priority', 'fast')),
  store: nullable(boolean),
  stream: nullable(boolean),
  stream_options: nullable(record),
  temperature: nullable(decimal(0, 2)),
  text: record,
  tool_choice: (v, name) => (isRecord(v) ? null : oneOf('none', 'auto', 'required')(v, name)),
  tools: list,
  top_logprobs: nullable(integer(0, 20)),
  top_p: nullable(decimal(0, 1)),
  truncation: nullable(oneOf('auto', 'disabled')),
  user: text,
}

export interface ResponseRequest {
  readonly model: SimulatedModel
  readonly body: Record<string, unknown>
  readonly directives: Directives
  readonly question: Question
  readonly promptTokens: readonly string[]
  readonly promptCount: number
}

type Item = Record<string, unknown>

const unknownParameter = (name: string): Refusal => ({
  status: 400,
  message: `Unknown parameter: '${name}'.`,
  param: name,
  code: 'unknown_parameter',
})

const invalidValue = (param: string, value: unknown, supported: readonly string[]): Refusal => ({
  status: 400,
  message: `Invalid value: '${shown(value)}'. Supported values are: ${supported.map((s) => `'${s}'`).join(', ')}.`,
  param,
  code: 'invalid_value',
})

export const readResponse = (body: Record<string, unknown>, host: OpenAiHost): ResponseRequest | Refusal => {
  if (body['model'] === undefined) return missing('model')
  const unknown = Object.keys(body).find((name) => !Object.hasOwn(parameters, name))
  if (unknown !== undefined) return unknownParameter(unknown)
  const refusal = checkParameters(body, parameters, false)
  if (refusal) return refusal
  const model = findModel(host.chatModels, body['model'])
  if (!model) return host.unknownModel(shown(body['model']))
  const items = itemsOf(body['input'])
  const problem =
    checkItems(body['input'], items) ?? checkForModel(body, model) ?? checkTools(body) ?? checkFormat(body)
  if (problem) return problem
  const all = [shown(body['instructions'] ?? ''), ...items.map(itemText)].join('\n')
  const directives = readDirectives(all)
  if ('unknown' in directives)
    return { status: 400, message: `The simulator does not know the directive “${directives.unknown}”.` }
  const promptTokens = tokensOf(`${body['tools'] ? JSON.stringify(body['tools']) : ''}${all}`)
  return {
    model,
    body,
    directives,
    question: questionOf(body, model, items, directives),
    promptTokens,
    promptCount: promptTokens.length + 3 * items.length + 3 + imagesIn(items) * 765,
  }
}

const itemsOf = (input: unknown): Item[] => {
  if (typeof input === 'string') return [{ role: 'user', content: input }]
  return Array.isArray(input) ? input.filter(isRecord) : []
}

const roles = ['user', 'assistant', 'system', 'developer']
const partsOf: Readonly<Record<string, readonly string[]>> = {
  user: ['input_text', 'input_image', 'input_file', 'input_audio'],
  system: ['input_text'],
  developer: ['input_text'],
  assistant: ['output_text', 'refusal'],
}
const otherItems = ['function_call', 'function_call_output', 'reasoning', 'item_reference']

const checkItems = (input: unknown, items: readonly Item[]): Refusal | null => {
  if (input === undefined) return missing('input')
  if (Array.isArray(input) && items.length !== input.length)
    return wrongType('input[0]', 'an object', input[0])
  for (const [index, item] of items.entries()) {
    const refusal = checkItem(item, `input[${index}]`)
    if (refusal) return refusal
  }
  const called = new Set(items.filter((i) => i['type'] === 'function_call').map((i) => i['call_id']))
  const answered = new Set(items.filter((i) => i['type'] === 'function_call_output').map((i) => i['call_id']))
  const stray = [...answered].find((id) => !called.has(id))
  if (stray !== undefined)
    return {
      status: 400,
      message: `No tool call found for function call output with call_id ${shown(stray)}.`,
      param: 'input',
    }
  const open = [...called].find((id) => !answered.has(id))
  return open === undefined
    ? null
    : { status: 400, message: `No tool output found for function call ${shown(open)}.`, param: 'input' }
}

const checkItem = (item: Item, at: string): Refusal | null => {
  const type = item['type'] ?? 'message'
  if (type === 'function_call') {
    const left = ['call_id', 'name', 'arguments'].find((name) => typeof item[name] !== 'string')
    return left ? missing(`${at}.${left}`) : null
  }
  if (type === 'function_call_output') {
    if (typeof item['call_id'] !== 'string') return missing(`${at}.call_id`)
    return textOrList(item['output'], `${at}.output`)
  }
  if (type === 'reasoning') return Array.isArray(item['summary']) ? null : missing(`${at}.summary`)
  if (type !== 'message')
    return otherItems.includes(shown(type))
      ? null
      : invalidValue(`${at}.type`, type, ['message', ...otherItems])
  const role = shown(item['role'])
  if (!roles.includes(role)) return invalidValue(`${at}.role`, item['role'], roles)
  const content = item['content']
  if (typeof content === 'string') return null
  if (!Array.isArray(content)) return wrongType(`${at}.content`, 'a string or an array of objects', content)
  for (const [index, part] of content.entries()) {
    const refusal = checkPart(part, partsOf[role] ?? [], `${at}.content[${index}]`)
    if (refusal) return refusal
  }
  return null
}

const checkPart = (part: unknown, allowed: readonly string[], at: string): Refusal | null => {
  if (!isRecord(part)) return wrongType(at, 'an object', part)
  const type = shown(part['type'])
  if (!allowed.includes(type)) return invalidValue(`${at}.type`, part['type'], allowed)
  if (type.endsWith('_text') && typeof part['text'] !== 'string') return missing(`${at}.text`)
  if (type !== 'input_image') return null
  const url = part['image_url']
  // Unlike in chat completions, the address is no object here.
  if (typeof url !== 'string')
    return typeof part['file_id'] === 'string' ? null : wrongType(`${at}.image_url`, 'a string', url)
  return /^(?:https?:\/\/\S+|data:image\/(?:png|jpe?g|gif|webp);base64,[A-Za-z0-9+/]+={0,2})$/.test(url)
    ? null
    : { status: 400, message: 'Invalid image URL.', param: `${at}.image_url`, code: 'invalid_image_url' }
}

const checkForModel = (body: Item, model: SimulatedModel): Refusal | null => {
  const unsupported = (name: string): Refusal => ({
    status: 400,
    message: `Unsupported parameter: '${name}' is not supported with this model.`,
    param: name,
    code: 'unsupported_parameter',
  })
  const reasoning = isRecord(body['reasoning']) ? body['reasoning'] : null
  if (!model.reasoning) return reasoning?.['effort'] ? unsupported('reasoning.effort') : null
  for (const name of ['temperature', 'top_p'])
    if (typeof body[name] === 'number' && body[name] !== 1) return unsupported(name)
  if (body['stream_options'] && body['stream'] !== true)
    return {
      status: 400,
      message: "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
      param: 'stream_options',
    }
  const effort = reasoning?.['effort']
  return effort === undefined || effort === null
    ? null
    : oneOf('none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max')(effort, 'reasoning.effort')
}

const checkTools = (body: Item): Refusal | null => {
  for (const [index, tool] of (Array.isArray(body['tools']) ? body['tools'] : []).entries()) {
    const at = `tools[${index}]`
    if (!isRecord(tool)) return wrongType(at, 'an object', tool)
    if (tool['type'] !== 'function') return invalidValue(`${at}.type`, tool['type'], ['function'])
    // The tool itself, not `{"function": …}` as in chat completions.
    if (typeof tool['name'] !== 'string') return missing(`${at}.name`)
    const schema = tool['parameters']
    if (schema !== null && schema !== undefined && !isRecord(schema))
      return wrongType(`${at}.parameters`, 'an object', schema)
    const fault = tool['strict'] === true ? strictSchemaFault(schema, true) : null
    if (fault)
      return {
        status: 400,
        message: `Invalid schema for function '${tool['name']}': ${fault}`,
        param: `${at}.parameters`,
        code: 'invalid_function_parameters',
      }
  }
  return null
}

const checkFormat = (body: Item): Refusal | null => {
  const format = isRecord(body['text']) ? body['text']['format'] : undefined
  if (!isRecord(format)) return null
  const types = ['text', 'json_object', 'json_schema']
  if (!types.includes(shown(format['type']))) return invalidValue('text.format.type', format['type'], types)
  if (format['type'] !== 'json_schema') return null
  if (typeof format['name'] !== 'string') return missing('text.format.name')
  if (!isRecord(format['schema'])) return missing('text.format.schema')
  const fault = format['strict'] === true ? strictSchemaFault(format['schema'], true) : null
  return fault
    ? {
        status: 400,
        message: `Invalid schema for response_format '${format['name']}': ${fault}`,
        param: 'text.format.schema',
        code: 'invalid_json_schema',
      }
    : null
}

const itemText = (item: Item): string => {
  const content = item['content'] ?? item['output'] ?? item['arguments'] ?? ''
  if (typeof content === 'string') return content
  return Array.isArray(content)
    ? content
        .map((part) => (isRecord(part) && typeof part['text'] === 'string' ? part['text'] : ''))
        .join('\n')
    : ''
}

const imagesIn = (items: readonly Item[]): number =>
  items
    .flatMap((item) => (Array.isArray(item['content']) ? item['content'] : []))
    .filter((part) => isRecord(part) && part['type'] === 'input_image').length

const effortTokens: Readonly<Record<string, number>> = {
  none: 0,
  minimal: 0,
  low: 64,
  medium: 128,
  high: 320,
  xhigh: 640,
  max: 1024,
}

const schemaOf = (body: Item): unknown => {
  const format = isRecord(body['text']) ? body['text']['format'] : undefined
  if (!isRecord(format) || format['type'] === 'text') return undefined
  return format['type'] === 'json_object'
    ? { type: 'object', properties: { answer: { type: 'string' } }, required: ['answer'] }
    : format['schema']
}

const questionOf = (
  body: Item,
  model: SimulatedModel,
  items: readonly Item[],
  directives: Directives,
): Question => {
  const { stream: _stream, stream_options: _options, ...asked } = body
  const choice = body['tool_choice']
  const effort = isRecord(body['reasoning']) ? (body['reasoning']['effort'] ?? 'medium') : 'medium'
  const limit = body['max_output_tokens']
  return {
    model: model.id,
    seed: digestOf(JSON.stringify(asked)),
    prompt: itemText(items.findLast((item) => item['role'] === 'user') ?? {}),
    directives,
    tools: asTools(body['tools'], (tool) => ({ name: shown(tool['name']), schema: tool['parameters'] })),
    toolChoice: isRecord(choice)
      ? { name: shown(choice['name']) }
      : choice === 'none' || choice === 'required'
        ? choice
        : 'auto',
    parallelTools: body['parallel_tool_calls'] !== false,
    lastIsToolResult: items.at(-1)?.['type'] === 'function_call_output',
    schema: schemaOf(body),
    stops: [],
    outputLimit: typeof limit === 'number' ? limit : model.outputTokens,
    reasoningTokens: model.reasoning ? (effortTokens[shown(effort)] ?? 128) : 0,
  }
}
