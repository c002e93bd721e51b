import type { JSONSchema7, LanguageModelV4FunctionTool, SharedV4ProviderOptions } from '@ai-sdk/provider'
import type { Settings } from './call.ts'
import { applyFields, type Fields, onlyAs, refused } from './fields.ts'
import { type Notes, refuse } from './notes.ts'
import {
  isEmpty,
  type Json,
  readFlag,
  readItems,
  readJson,
  readNumber,
  readOptionalJson,
  readOptionalText,
  readText,
} from './read.ts'
import { effortOf, effortOfTokens } from './settings.ts'

export const ttlOf = (control: unknown): '5m' | '1h' => ((control as Json).ttl === '1h' ? '1h' : '5m')

/** Understood by Anthropic's models wherever they run; listed for all others. */
export const cacheOf = ({ cache_control: control }: Json): SharedV4ProviderOptions | undefined => {
  if (isEmpty(control)) return undefined
  const ttl = ttlOf(control)
  return {
    anthropic: { cacheControl: { type: 'ephemeral', ...(ttl === '1h' ? { ttl } : {}) } },
    bedrock: { cachePoint: { type: 'default', ...(ttl === '1h' ? { ttl } : {}) } },
  }
}
export const cached = <Part extends object>(part: Part, block: Json): Part => {
  const providerOptions = cacheOf(block)
  return providerOptions === undefined ? part : { ...part, providerOptions }
}

const toolFields: Fields = {
  type: onlyAs(['custom'], refused('Only tools with a schema that the caller runs are translated.')),
  name: 'carried',
  description: 'carried',
  input_schema: 'carried',
  strict: 'carried',
  cache_control: 'carried',
  input_examples: 'listed',
  eager_input_streaming: 'listed',
  defer_loading: onlyAs([false], 'listed'),
  allowed_callers: (value) =>
    Array.isArray(value) && value.every((caller) => caller === 'direct')
      ? 'carried'
      : refused('Only the model itself may call tools at this service.'),
}

export const readTools = (value: unknown, notes: Notes): LanguageModelV4FunctionTool[] | undefined => {
  if (isEmpty(value)) return undefined
  return readItems(value, 'tools').map(([tool, field]) => {
    applyFields(tool, toolFields, `${field}.`, notes)
    const description = readOptionalText(tool.description, `${field}.description`)
    const part: LanguageModelV4FunctionTool = {
      type: 'function',
      name: readText(tool.name, `${field}.name`),
      inputSchema: readJson(tool.input_schema, `${field}.input_schema`) as JSONSchema7,
      ...(description === undefined ? {} : { description }),
      ...(readFlag(tool.strict, `${field}.strict`) === true ? { strict: true } : {}),
    }
    return cached(part, tool)
  })
}

export const readToolChoice = (choice: Json | undefined): Settings['toolChoice'] => {
  switch (choice?.type) {
    case undefined:
      return undefined
    case 'auto':
    case 'none':
      return { type: choice.type }
    case 'any':
      return { type: 'required' }
    case 'tool':
      return { type: 'tool', toolName: readText(choice.name, 'tool_choice.name') }
    default:
      return refuse('tool_choice.type', 'tool_choice.type is not known to the translation.')
  }
}

const formatFields: Fields = { type: 'carried', schema: 'carried', name: 'carried' }

export const readFormat = (body: Json): Settings['responseFormat'] => {
  const config = readOptionalJson(body.output_config, 'output_config')
  const unknown = Object.keys(config ?? {}).find((name) => name !== 'format' && name !== 'effort')
  if (unknown !== undefined) refuse('output_config', 'output_config may hold format and effort only.')
  const format = readOptionalJson(config?.format ?? body.output_format, 'output_format')
  if (format === undefined) return undefined
  const known = format.type === 'json_schema' && Object.keys(format).every((name) => name in formatFields)
  if (!known) return refuse('output_format', 'Only a json_schema is translated.')
  return { type: 'json', schema: readJson(format.schema, 'output_format.schema') as JSONSchema7 }
}

export const readThinking = (body: Json) => {
  const thinking = readOptionalJson(body.thinking, 'thinking')
  const config = readOptionalJson(body.output_config, 'output_config')
  const asked = effortOf(readOptionalText(config?.effort, 'output_config.effort'), 'output_config.effort')
  switch (thinking?.type) {
    case undefined:
      return { effort: asked, tokens: null, shown: false }
    case 'disabled':
      return { effort: 'none' as const, tokens: null, shown: false }
    case 'adaptive':
      return { effort: asked ?? ('high' as const), tokens: null, shown: thinking.display !== 'omitted' }
    case 'enabled': {
      const tokens = readNumber(thinking.budget_tokens, 'thinking.budget_tokens') ?? 0
      return { effort: asked ?? effortOfTokens(tokens), tokens, shown: true }
    }
    default:
      return refuse('thinking.type', 'thinking.type is not known to the translation.')
  }
}
