import type { JSONObject, LanguageModelV4, LanguageModelV4CallOptions } from '@ai-sdk/provider'
import { leastResponsesTokens } from '../services/openai-models.ts'
import { adaptPrompt } from './adapt.ts'
import type { Call, Settings, Wishes } from './call.ts'
import { type Family, familyOf } from './family.ts'
import { type Notes, refuse } from './notes.ts'
import { fitsStrictMode } from './settings.ts'

type Options = Record<string, JSONObject>

/** All that a model is called with. */
export const callOptions = async (
  call: Call,
  model: LanguageModelV4,
  maximumOutputTokens: number | null,
  names: Readonly<Record<string, string>>,
  notes: Notes,
): Promise<LanguageModelV4CallOptions> => {
  const family = familyOf(model.provider)
  const { settings, wishes } = call
  if (family === 'openai_responses' && (settings.stopSequences ?? []).length > 0)
    refuse(names.stopSequences ?? 'stop', 'This service has no stop sequences.')
  const hasCalls = call.prompt.some(({ role }) => role === 'tool')
  // Its package would leave out the calls and results.
  if (family === 'bedrock' && hasCalls && (settings.tools ?? []).length === 0)
    refuse('tools', 'A conversation with tool calls must come with its tools at this service.')
  const responseFormat = formatFor(settings.responseFormat, family)
  const outputTokens = takenLimit(maximumOutputTokens, family, names, notes)
  return {
    ...withoutUndefined(settings),
    ...(responseFormat === undefined ? {} : { responseFormat }),
    ...(outputTokens === null ? {} : { maxOutputTokens: outputTokens }),
    prompt: adaptPrompt(call, family, await model.supportedUrls, notes),
    providerOptions: providerOptions({ ...settings, responseFormat }, wishes, model, family, notes),
  }
}

const takenLimit = (
  asked: number | null,
  family: Family,
  names: Readonly<Record<string, string>>,
  notes: Notes,
): number | null => {
  if (asked === null || family !== 'openai_responses' || asked >= leastResponsesTokens) return asked
  notes.list(`${names.maxOutputTokens ?? 'max_tokens'} below ${leastResponsesTokens}`)
  return leastResponsesTokens
}

const withoutUndefined = (settings: Settings): Settings =>
  Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined))

/** “Some JSON object”: these have no mode without a schema, and would answer in prose. */
const anyObject = { type: 'object', additionalProperties: true } as const

const formatFor = (format: Settings['responseFormat'], family: Family): Settings['responseFormat'] =>
  format?.type === 'json' && format.schema === undefined && (family === 'anthropic' || family === 'bedrock')
    ? { ...format, schema: anyObject }
    : format

const providerOptions = (
  settings: Settings,
  wishes: Wishes,
  model: LanguageModelV4,
  family: Family,
  notes: Notes,
): Options => {
  if (wishes.thinkingTokens !== null && wishes.thinkingTokens > 0 && family !== 'anthropic')
    notes.list('thinking budget')
  if (wishes.cachesPrompt !== null && family !== 'anthropic') notes.list('cache_control')
  const parts = [
    singleCalls(wishes, model, family),
    strictSchema(settings, wishes, model, family),
    thinking(settings, wishes, family),
    caching(wishes, family),
  ]
  return parts.reduce((all, part) => {
    for (const [namespace, values] of Object.entries(part)) all[namespace] = { ...all[namespace], ...values }
    return all
  }, {})
}

const namespaceOf = (model: LanguageModelV4): string => model.provider.split('.')[0] ?? model.provider

const singleCalls = ({ singleCalls: field }: Wishes, model: LanguageModelV4, family: Family): Options => {
  if (field === null) return {}
  switch (family) {
    case 'openai_chat':
    case 'openai_responses':
      return { openai: { parallelToolCalls: false } }
    case 'mistral':
      return { mistral: { parallelToolCalls: false } }
    case 'compatible':
      return { [namespaceOf(model)]: { parallel_tool_calls: false } }
    case 'anthropic':
      return { anthropic: { disableParallelToolUse: true } }
    case 'bedrock':
      if (/anthropic|claude/.test(model.modelId)) return { anthropic: { disableParallelToolUse: true } }
      return refuse(field, 'This model may always call several tools at once.')
    case 'google':
    case 'cohere':
      return refuse(field, 'This service may always call several tools at once.')
  }
}

const strictSchema = (
  { responseFormat: format }: Settings,
  wishes: Wishes,
  model: LanguageModelV4,
  family: Family,
): Options => {
  if (format?.type !== 'json' || format.schema === undefined) return {}
  const strictJsonSchema = wishes.strictSchema && fitsStrictMode(format.schema)
  if (family === 'compatible') return { [namespaceOf(model)]: { strictJsonSchema } }
  if (family === 'mistral') return { mistral: { strictJsonSchema } }
  return family === 'openai_chat' || family === 'openai_responses' ? { openai: { strictJsonSchema } } : {}
}

const thinking = ({ reasoning }: Settings, wishes: Wishes, family: Family): Options => {
  const { thinkingTokens, showsThoughts } = wishes
  switch (family) {
    case 'openai_responses':
      return {
        openai: {
          // What callers say through us is not stored at the service.
          store: false,
          // Its package asks for summaries by itself, which accounts must be approved for.
          reasoningSummary: showsThoughts && reasoning !== 'none' ? 'auto' : null,
        },
      }
    case 'google': {
      if (!showsThoughts || reasoning === 'none') return {}
      const thinkingConfig = { includeThoughts: true }
      return { google: { thinkingConfig }, googleVertex: { thinkingConfig } }
    }
    case 'anthropic':
      return thinkingTokens === null || thinkingTokens === 0
        ? {}
        : { anthropic: { thinking: { type: 'enabled', budgetTokens: thinkingTokens } } }
    case 'bedrock':
    case 'cohere':
    case 'compatible':
    case 'mistral':
    case 'openai_chat':
      return {}
  }
}

const caching = ({ cachesPrompt }: Wishes, family: Family): Options =>
  cachesPrompt === null || family !== 'anthropic'
    ? {}
    : { anthropic: { cacheControl: { type: 'ephemeral', ttl: cachesPrompt.ttl } } }
