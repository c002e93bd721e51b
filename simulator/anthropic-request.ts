import { invalid } from './anthropic-errors.ts'
import { checkAnthropicMessages, contentText } from './anthropic-messages.ts'
import { type Directives, readDirectives } from './directives.ts'
import { isRecord, type Refusal, shown } from './exchange.ts'
import { anthropicModels, findModel, type SimulatedModel } from './models.ts'
import { asTools, type Question } from './reply.ts'
import { strictSchemaFault } from './strict-schema.ts'
import { digestOf } from './text.ts'

type Check = (value: unknown, at: string) => Refusal | null

/** Anthropic's words are pydantic's. */
const check =
  (fits: (value: unknown) => boolean, should: string): Check =>
  (value, at) =>
    fits(value) ? null : invalid(`${at}: Input should be ${should}`)

const integer = check((v) => Number.isInteger(v), 'a valid integer')
const boolean = check((v) => typeof v === 'boolean', 'a valid boolean')
const text = check((v) => typeof v === 'string', 'a valid string')
const record = check(isRecord, 'a valid dictionary')
const list = check(Array.isArray, 'a valid list')
const textOrList = check((v) => typeof v === 'string' || Array.isArray(v), 'a valid string or list')
const nullable =
  (inner: Check): Check =>
  (value, at) =>
    value === null ? null : inner(value, at)
const within =
  (low: number, high: number): Check =>
  (value, at) => {
    if (typeof value !== 'number') return invalid(`${at}: Input should be a valid number`)
    return value >= low && value <= high ? null : invalid(`${at}: range: ${low}..${high}`)
  }
const oneOf = (...values: readonly string[]): Check =>
  check((v) => values.includes(shown(v)), values.map((v) => `'${v}'`).join(' or '))

const parameters: Readonly<Record<string, Check>> = {
  model: text,
  messages: list,
  max_tokens: integer,
  cache_control: nullable(record),
  container: nullable(check((v) => isRecord(v) || typeof v === 'string', 'a valid string or dictionary')),
  context_management: nullable(record),
  diagnostics: nullable(record),
  inference_geo: nullable(text),
  mcp_servers: list,
  metadata: nullable(record),
  output_config: record,
  service_tier: oneOf('auto', 'standard_only'),
  speed: nullable(oneOf('standard', 'fast')),
  stop_sequences: nullable(list),
  stream: boolean,
  system: textOrList,
  temperature: within(0, 1),
  thinking: record,
  tool_choice: record,
  tools: list,
  top_k: nullable(integer),
  top_p: within(0, 1),
  user_profile_id: text,
  workspace_id: text,
}

/** Which of them a call may send. */
export interface Accepts {
  /** Parameters behind an `anthropic-beta` header. */
  readonly beta: boolean
  /** API version 2026-10-21 removed `temperature`, `top_p` and `top_k`. */
  readonly sampling: boolean
  /** Absent: Anthropic's. */
  readonly models?: readonly SimulatedModel[]
}
const betaOnly = new Set(['context_management', 'mcp_servers'])
const samplingOnly = new Set(['temperature', 'top_p', 'top_k'])
const isAccepted = (name: string, accepts: Accepts): boolean =>
  Object.hasOwn(parameters, name) &&
  (accepts.beta || !betaOnly.has(name)) &&
  (accepts.sampling || !samplingOnly.has(name))

export interface MessagesRequest {
  readonly model: SimulatedModel
  readonly body: Record<string, unknown>
  readonly directives: Directives
  readonly question: Question
}

export const readMessages = (body: Record<string, unknown>, accepts: Accepts): MessagesRequest | Refusal => {
  const refusal = checkShape(body, accepts) ?? checkAnthropicMessages(body['messages'] as unknown[])
  if (refusal) return refusal
  const model = findModel(accepts.models ?? anthropicModels, body['model'])
  if (!model) return { status: 404, message: `model: ${shown(body['model'])}` }
  const problem =
    checkLimits(body, model) ??
    checkThinking(body) ??
    checkTools(body) ??
    checkFormat(body) ??
    checkPrefill(body, model)
  if (problem) return problem
  const directives = readDirectives(`${contentText(body['system'])}\n${allText(body)}`)
  if ('unknown' in directives)
    return invalid(`The simulator does not know the directive “${directives.unknown}”.`)
  return { model, body, directives, question: questionOf(body, model, directives) }
}

const messagesOf = (body: Record<string, unknown>) => body['messages'] as Record<string, unknown>[]
const allText = (body: Record<string, unknown>): string =>
  messagesOf(body)
    .map((message) => contentText(message['content']))
    .join('\n')

const checkShape = (body: Record<string, unknown>, accepts: Accepts): Refusal | null => {
  for (const name of ['model', 'messages', 'max_tokens'])
    if (body[name] === undefined) return invalid(`${name}: Field required`)
  for (const [name, value] of Object.entries(body)) {
    if (!isAccepted(name, accepts)) return invalid(`${name}: Extra inputs are not permitted`)
    const refusal = parameters[name]?.(value, name)
    if (refusal) return refusal
  }
  return null
}

const checkLimits = (body: Record<string, unknown>, model: SimulatedModel): Refusal | null => {
  const limit = Number(body['max_tokens'])
  // Zero is allowed: it fills the prompt cache without a reply.
  if (limit < 0) return invalid('max_tokens: Input should be greater than or equal to 0')
  if (limit > model.outputTokens)
    return invalid(
      `max_tokens: ${limit} > ${model.outputTokens}, which is the maximum allowed number of output tokens for ${model.snapshot ?? model.id}`,
    )
  const stops = Array.isArray(body['stop_sequences']) ? body['stop_sequences'] : []
  return stops.some((stop) => typeof stop !== 'string' || stop.trim() === '')
    ? invalid('stop_sequences: each stop sequence must contain non-whitespace')
    : null
}

const checkThinking = (body: Record<string, unknown>): Refusal | null => {
  const thinking = body['thinking']
  if (!isRecord(thinking)) return null
  const type = thinking['type']
  if (!['enabled', 'disabled', 'adaptive', 'between_tools'].includes(shown(type)))
    return invalid(
      `thinking: Input tag '${shown(type)}' found using 'type' does not match any of the expected tags: 'adaptive', 'between_tools', 'disabled', 'enabled'`,
    )
  if (type !== 'enabled') return null
  const budget = thinking['budget_tokens']
  if (!Number.isInteger(budget)) return invalid('thinking.enabled.budget_tokens: Field required')
  if (Number(budget) < 1024)
    return invalid('thinking.enabled.budget_tokens: Input should be greater than or equal to 1024')
  if (Number(budget) >= Number(body['max_tokens']))
    return invalid(
      '`max_tokens` must be greater than `thinking.budget_tokens`. Please consult our documentation at https://docs.claude.com/en/docs/build-with-claude/extended-thinking#max-tokens-and-context-window-size',
    )
  return body['temperature'] !== undefined && body['temperature'] !== 1
    ? invalid('`temperature` may only be set to 1 when thinking is enabled.')
    : null
}

const namePattern = /^[a-zA-Z0-9_-]{1,128}$/

const checkTools = (body: Record<string, unknown>): Refusal | null => {
  const tools = Array.isArray(body['tools']) ? body['tools'] : []
  const names = new Set<string>()
  for (const [index, tool] of tools.entries()) {
    const refusal = checkTool(tool, `tools.${index}`)
    if (refusal) return refusal
    if (names.has(tool.name)) return invalid('tools: Tool names must be unique.')
    names.add(tool.name)
  }
  const choice = body['tool_choice']
  if (!isRecord(choice)) return null
  if (!['auto', 'any', 'tool', 'none'].includes(shown(choice['type'])))
    return invalid(
      `tool_choice: Input tag '${shown(choice['type'])}' found using 'type' does not match any of the expected tags: 'any', 'auto', 'none', 'tool'`,
    )
  if (tools.length === 0 && choice['type'] !== 'none')
    return invalid('tool_choice: tool_choice may only be specified while providing tools.')
  return choice['type'] === 'tool' && !names.has(shown(choice['name']))
    ? invalid(`tool_choice.tool.name: Tool '${shown(choice['name'])}' not found in provided tools`)
    : null
}

const checkTool = (tool: unknown, at: string): Refusal | null => {
  if (!isRecord(tool)) return invalid(`${at}: Input should be a valid dictionary`)
  if (tool['type'] !== undefined && tool['type'] !== 'custom')
    return invalid(`${at}: the simulator knows custom tools only, not '${shown(tool['type'])}'`)
  if (typeof tool['name'] !== 'string') return invalid(`${at}.custom.name: Field required`)
  if (!namePattern.test(tool['name']))
    return invalid(`${at}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'`)
  const schema = tool['input_schema']
  if (!isRecord(schema)) return invalid(`${at}.custom.input_schema: Field required`)
  return schema['type'] === 'object'
    ? null
    : invalid(`${at}.custom.input_schema.type: Input should be 'object'`)
}

const checkFormat = (body: Record<string, unknown>): Refusal | null => {
  const config = body['output_config']
  const format = isRecord(config) ? config['format'] : undefined
  if (format === undefined || format === null) return null
  if (!isRecord(format) || format['type'] !== 'json_schema')
    return invalid("output_config.format.type: Input should be 'json_schema'")
  if (!isRecord(format['schema'])) return invalid('output_config.format.schema: Field required')
  const fault = strictSchemaFault(format['schema'], false)
  return fault
    ? invalid(
        "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false",
      )
    : null
}

const checkPrefill = (body: Record<string, unknown>, model: SimulatedModel): Refusal | null => {
  const last = messagesOf(body).at(-1)
  if (last?.['role'] !== 'assistant') return null
  if (!model.prefill)
    return invalid(
      'This model does not support assistant message prefill. The conversation must end with a user message.',
    )
  return /\s$/.test(contentText(last['content']))
    ? invalid('messages: final assistant content cannot end with trailing whitespace')
    : null
}

const choiceOf = (choice: unknown): Question['toolChoice'] => {
  const type = isRecord(choice) ? choice['type'] : 'auto'
  if (type === 'tool' && isRecord(choice)) return { name: shown(choice['name']) }
  return type === 'none' ? 'none' : type === 'any' ? 'required' : 'auto'
}

const questionOf = (
  body: Record<string, unknown>,
  model: SimulatedModel,
  directives: Directives,
): Question => {
  const last = messagesOf(body).at(-1)
  const blocks = Array.isArray(last?.['content']) ? last['content'] : []
  const config = isRecord(body['output_config']) ? body['output_config'] : {}
  const choice = body['tool_choice']
  const thinking = isRecord(body['thinking']) ? body['thinking']['type'] : undefined
  const { stream: _stream, ...asked } = body
  return {
    model: model.id,
    seed: digestOf(JSON.stringify(asked)),
    prompt: contentText(
      messagesOf(body).findLast((m) => m['role'] === 'user' && contentText(m['content']))?.['content'],
    ),
    directives,
    tools: asTools(body['tools'], (tool) => ({ name: shown(tool['name']), schema: tool['input_schema'] })),
    toolChoice: choiceOf(choice),
    parallelTools: !(isRecord(choice) && choice['disable_parallel_tool_use'] === true),
    lastIsToolResult: blocks.some((block) => isRecord(block) && block['type'] === 'tool_result'),
    schema: isRecord(config['format']) ? config['format']['schema'] : undefined,
    stops: Array.isArray(body['stop_sequences']) ? body['stop_sequences'].map(String) : [],
    outputLimit: Number(body['max_tokens']),
    reasoningTokens: thinking === 'enabled' || thinking === 'adaptive' ? 96 : 0,
  }
}
