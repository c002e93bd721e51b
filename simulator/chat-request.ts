import { type Directives, readDirectives } from './directives.ts'
import { isRecord, type Refusal, shown } from './exchange.ts'
import { findModel, type SimulatedModel } from './models.ts'
import { checkMessages, lastUserText, measurePrompt, textOf } from './openai-messages.ts'
import { chatParameters, checkParameters, missing, wrongType } from './openai-params.ts'
import { asTools, type OfferedTool, type Question } from './reply.ts'
import { strictSchemaFault } from './strict-schema.ts'
import { digestOf } from './text.ts'

/** A chat completion request that passed the checks. */
export interface ChatRequest {
  readonly model: SimulatedModel
  readonly body: Record<string, unknown>
  readonly directives: Directives
  readonly promptTokens: readonly string[]
  readonly promptCount: number
  readonly choices: number
  readonly question: (choice: number) => Question
}

/** How a service that speaks this dialect differs in what it accepts. */
export interface ChatRules {
  readonly models: readonly SimulatedModel[]
  readonly unknownModel: (id: string) => Refusal
  /** Unknown parameters are ignored, and parameters that a model does not take as well. */
  readonly lenient: boolean
  /** Models take parameters that OpenAI's models of their kind refuse. */
  readonly anyCombination?: true
}

export const readChat = (body: Record<string, unknown>, rules: ChatRules): ChatRequest | Refusal => {
  if (body['model'] === undefined) return { status: 400, message: 'you must provide a model parameter' }
  const refusal = checkParameters(body, chatParameters, rules.lenient) ?? checkMessages(body['messages'])
  if (refusal) return refusal
  const model = findModel(rules.models, body['model'])
  if (!model) return rules.unknownModel(shown(body['model']))
  const problem =
    checkForModel(body, model, rules.lenient || rules.anyCombination === true) ??
    checkTools(body) ??
    checkFormat(body) ??
    checkOptions(body)
  if (problem) return problem
  const messages = body['messages'] as Record<string, unknown>[]
  const directives = readDirectives(messages.map((message) => textOf(message['content'])).join('\n'))
  if ('unknown' in directives)
    return { status: 400, message: `The simulator does not know the directive “${directives.unknown}”.` }
  const { tokens, count } = measurePrompt(messages, body['tools'])
  if (count > model.contextTokens) return tooLong(model, count)
  return {
    model,
    body,
    directives,
    promptTokens: tokens,
    promptCount: count,
    choices: typeof body['n'] === 'number' ? body['n'] : 1,
    question: (choice) => questionOf(body, model, directives, choice),
  }
}

const tooLong = (model: SimulatedModel, count: number): Refusal => ({
  status: 400,
  message: `This model's maximum context length is ${model.contextTokens} tokens. However, your messages resulted in ${count} tokens. Please reduce the length of the messages.`,
  param: 'messages',
  code: 'context_length_exceeded',
})

const unsupported = (name: string, instead?: string): Refusal => ({
  status: 400,
  message: `Unsupported parameter: '${name}' is not supported with this model.${instead ? ` Use '${instead}' instead.` : ''}`,
  param: name,
  code: 'unsupported_parameter',
})

const unsupportedValue = (name: string, value: unknown): Refusal => ({
  status: 400,
  message: `Unsupported value: '${name}' does not support ${shown(value)} with this model. Only the default (1) value is supported.`,
  param: name,
  code: 'unsupported_value',
})

const given = (value: unknown): boolean => value !== undefined && value !== null

const checkForModel = (
  body: Record<string, unknown>,
  model: SimulatedModel,
  lenient: boolean,
): Refusal | null => {
  const limit = body['max_completion_tokens'] ?? body['max_tokens']
  if (typeof limit === 'number' && limit > model.outputTokens && !lenient)
    return {
      status: 400,
      message: `max_tokens is too large: ${limit}. This model supports at most ${model.outputTokens} completion tokens, whereas you provided ${limit}.`,
      param: given(body['max_completion_tokens']) ? 'max_completion_tokens' : 'max_tokens',
      code: 'invalid_value',
    }
  if (lenient) return null
  if (!model.reasoning)
    return given(body['reasoning_effort'])
      ? { status: 400, message: 'Unrecognized request argument supplied: reasoning_effort' }
      : null
  if (given(body['max_tokens'])) return unsupported('max_tokens', 'max_completion_tokens')
  for (const name of ['temperature', 'top_p'])
    if (given(body[name]) && body[name] !== 1) return unsupportedValue(name, body[name])
  for (const name of [
    'presence_penalty',
    'frequency_penalty',
    'logprobs',
    'top_logprobs',
    'logit_bias',
    'stop',
  ])
    if (given(body[name]) && body[name] !== 0 && body[name] !== false) return unsupported(name)
  return null
}

const badName = /[^a-zA-Z0-9_-]/

const checkTools = (body: Record<string, unknown>): Refusal | null => {
  const tools = body['tools']
  if (tools === undefined) {
    const choice = body['tool_choice']
    return choice === undefined || choice === 'none'
      ? null
      : {
          status: 400,
          message:
            "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.",
          param: 'tool_choice',
        }
  }
  if (!Array.isArray(tools)) return wrongType('tools', 'an array of objects', tools)
  if (tools.length === 0)
    return {
      status: 400,
      message:
        "Invalid 'tools': empty array. Expected an array with minimum length 1, but got an empty array instead.",
      param: 'tools',
      code: 'empty_array',
    }
  for (const [index, tool] of tools.entries()) {
    const refusal = checkTool(tool, `tools[${index}]`)
    if (refusal) return refusal
  }
  return checkToolChoice(body['tool_choice'], tools)
}

const checkTool = (tool: unknown, at: string): Refusal | null => {
  if (!isRecord(tool)) return wrongType(at, 'an object', tool)
  if (tool['type'] === undefined) return missing(`${at}.type`)
  if (tool['type'] !== 'function')
    return {
      status: 400,
      message: `Invalid value: '${shown(tool['type'])}'. Supported values are: 'function'.`,
      param: `${at}.type`,
      code: 'invalid_value',
    }
  const described = tool['function']
  if (!isRecord(described)) return missing(`${at}.function`)
  const name = described['name']
  if (typeof name !== 'string' || name === '') return missing(`${at}.function.name`)
  if (name.length > 64 || badName.test(name))
    return {
      status: 400,
      message: `Invalid '${at}.function.name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.`,
      param: `${at}.function.name`,
      code: 'invalid_value',
    }
  const parameters = described['parameters']
  if (parameters !== undefined && (!isRecord(parameters) || parameters['type'] !== 'object'))
    return {
      status: 400,
      message: `Invalid schema for function '${name}': schema must be a JSON Schema of 'type: "object"', got 'type: "${shown(isRecord(parameters) ? parameters['type'] : parameters)}"'.`,
      param: `${at}.function.parameters`,
      code: 'invalid_function_parameters',
    }
  const fault = described['strict'] === true ? strictSchemaFault(parameters, true) : null
  return fault
    ? {
        status: 400,
        message: `Invalid schema for function '${name}': ${fault}`,
        param: `${at}.function.parameters`,
        code: 'invalid_function_parameters',
      }
    : null
}

const checkToolChoice = (choice: unknown, tools: readonly unknown[]): Refusal | null => {
  if (!isRecord(choice)) return null
  const name = isRecord(choice['function']) ? choice['function']['name'] : undefined
  const known = tools.some(
    (tool) => isRecord(tool) && isRecord(tool['function']) && tool['function']['name'] === name,
  )
  return known
    ? null
    : {
        status: 400,
        message: `Invalid value: '${shown(name)}'. No tool with that name was specified in 'tools'.`,
        param: 'tool_choice',
      }
}

const checkFormat = (body: Record<string, unknown>): Refusal | null => {
  const format = body['response_format']
  if (!isRecord(format)) return null
  const type = format['type']
  if (type === 'text') return null
  if (type === 'json_object') {
    const said = JSON.stringify(body['messages']).toLowerCase()
    return said.includes('json')
      ? null
      : {
          status: 400,
          message:
            "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.",
          param: 'messages',
        }
  }
  if (type !== 'json_schema')
    return {
      status: 400,
      message: `Invalid value: '${shown(type)}'. Supported values are: 'json_object', 'json_schema', and 'text'.`,
      param: 'response_format.type',
      code: 'invalid_value',
    }
  const described = format['json_schema']
  if (!isRecord(described)) return missing('response_format.json_schema')
  if (typeof described['name'] !== 'string') return missing('response_format.json_schema.name')
  if (!isRecord(described['schema'])) return missing('response_format.json_schema.schema')
  const fault = described['strict'] === true ? strictSchemaFault(described['schema'], true) : null
  return fault
    ? {
        status: 400,
        message: `Invalid schema for response_format '${described['name']}': ${fault}`,
        param: 'response_format',
      }
    : null
}

const checkOptions = (body: Record<string, unknown>): Refusal | null => {
  const options = body['stream_options']
  if (given(options) && body['stream'] !== true)
    return {
      status: 400,
      message: "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
      param: 'stream_options',
    }
  const include = isRecord(options) ? options['include_usage'] : undefined
  if (include !== undefined && typeof include !== 'boolean')
    return wrongType('stream_options.include_usage', 'a boolean', include)
  const modalities = body['modalities']
  if (Array.isArray(modalities) && modalities.includes('audio'))
    return {
      status: 400,
      message: 'This model does not support the requested output modalities.',
      param: 'modalities',
    }
  return body['top_logprobs'] && body['logprobs'] !== true
    ? {
        status: 400,
        message: "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.",
        param: 'top_logprobs',
      }
    : null
}

const effortTokens: Readonly<Record<string, number>> = {
  none: 0,
  minimal: 0,
  low: 64,
  medium: 128,
  high: 320,
  xhigh: 640,
  max: 1024,
}

const toolOf = (tool: Record<string, unknown>): OfferedTool | null =>
  isRecord(tool['function'])
    ? { name: shown(tool['function']['name']), schema: tool['function']['parameters'] }
    : null

const schemaOf = (format: unknown): unknown => {
  if (!isRecord(format) || format['type'] === 'text') return undefined
  if (format['type'] === 'json_object')
    return { type: 'object', properties: { answer: { type: 'string' } }, required: ['answer'] }
  return isRecord(format['json_schema']) ? format['json_schema']['schema'] : undefined
}

const choiceOf = (choice: unknown): Question['toolChoice'] => {
  if (isRecord(choice) && isRecord(choice['function'])) return { name: shown(choice['function']['name']) }
  return choice === 'none' || choice === 'required' ? choice : 'auto'
}

const questionOf = (
  body: Record<string, unknown>,
  model: SimulatedModel,
  directives: Directives,
  choice: number,
): Question => {
  const messages = body['messages'] as Record<string, unknown>[]
  const limit = body['max_completion_tokens'] ?? body['max_tokens']
  const { stream: _stream, stream_options: _options, ...asked } = body
  return {
    model: model.id,
    seed: digestOf(JSON.stringify([asked, choice])),
    prompt: lastUserText(messages),
    directives,
    tools: asTools(body['tools'], toolOf),
    toolChoice: choiceOf(body['tool_choice']),
    parallelTools: body['parallel_tool_calls'] !== false,
    lastIsToolResult: messages.at(-1)?.['role'] === 'tool',
    schema: schemaOf(body['response_format']),
    stops: [body['stop'] ?? []].flat().map(String),
    outputLimit: typeof limit === 'number' ? limit : model.outputTokens,
    reasoningTokens: model.reasoning ? (effortTokens[shown(body['reasoning_effort'] ?? 'medium')] ?? 128) : 0,
  }
}
