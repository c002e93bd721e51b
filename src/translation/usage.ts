import type { JSONObject, LanguageModelV4Usage } from '@ai-sdk/provider'
import { countOf, isCount } from '../dialects/reported.ts'
import { isObject } from '../dialects/request.ts'
import type { TokenUsage } from '../metering/usage.ts'

/** A service's report in our disjoint classes; null when it made none. */
export const usageFrom = ({ inputTokens, outputTokens, raw }: LanguageModelV4Usage): TokenUsage | null => {
  const { total: input } = inputTokens
  const { total: output } = outputTokens
  if (!isCount(input) || !isCount(output)) return null
  const cacheRead = Math.min(countOf(inputTokens.cacheRead), input)
  const writes = Math.min(countOf(inputTokens.cacheWrite), input - cacheRead)
  const cacheWrite1h = Math.min(hourWrites(raw), writes)
  const reasoning = Math.min(countOf(outputTokens.reasoning), output)
  return {
    input: input - cacheRead - writes,
    cacheRead,
    cacheWrite: writes - cacheWrite1h,
    cacheWrite1h,
    output: output - reasoning,
    reasoning,
  }
}

/** Of Anthropic's and Bedrock's reports; the AI SDK has no class for it. */
const hourWrites = (raw: JSONObject | undefined): number => {
  if (raw === undefined) return 0
  if (isObject(raw.cache_creation)) return countOf(raw.cache_creation.ephemeral_1h_input_tokens)
  if (!Array.isArray(raw.cacheDetails)) return 0
  return raw.cacheDetails.reduce<number>(
    (sum, detail) => sum + (isObject(detail) && detail.ttl === '1h' ? countOf(detail.inputTokens) : 0),
    0,
  )
}

/** All of the prompt, and all of the reply. */
const totals = (usage: TokenUsage) => {
  const writes = usage.cacheWrite + usage.cacheWrite1h
  const input = usage.input + usage.cacheRead + writes
  const output = usage.output + usage.reasoning
  return { writes, input, output, all: input + output }
}

export const chatUsage = (usage: TokenUsage) => {
  const { writes, input, output, all } = totals(usage)
  return {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: all,
    prompt_tokens_details: {
      cached_tokens: usage.cacheRead,
      audio_tokens: 0,
      ...(writes === 0 ? {} : { cache_write_tokens: writes }),
    },
    completion_tokens_details: {
      reasoning_tokens: usage.reasoning,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  }
}

export const responsesUsage = (usage: TokenUsage) => {
  const { writes, input, output, all } = totals(usage)
  return {
    input_tokens: input,
    input_tokens_details: {
      cached_tokens: usage.cacheRead,
      ...(writes === 0 ? {} : { cache_write_tokens: writes }),
    },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: usage.reasoning },
    total_tokens: all,
  }
}

export const messagesUsage = (usage: TokenUsage) => {
  const { writes, output } = totals(usage)
  return {
    input_tokens: usage.input,
    cache_creation_input_tokens: writes,
    cache_read_input_tokens: usage.cacheRead,
    cache_creation: {
      ephemeral_5m_input_tokens: usage.cacheWrite,
      ephemeral_1h_input_tokens: usage.cacheWrite1h,
    },
    output_tokens: output,
    ...(usage.reasoning === 0 ? {} : { output_tokens_details: { thinking_tokens: usage.reasoning } }),
  }
}

/** Gemini knows no writes to a cache as a class of a reply; they are part of the prompt there, at its price. */
export const geminiUsage = (usage: TokenUsage) => {
  const { input, all } = totals(usage)
  return {
    promptTokenCount: input,
    ...(usage.cacheRead === 0 ? {} : { cachedContentTokenCount: usage.cacheRead }),
    candidatesTokenCount: usage.output,
    ...(usage.reasoning === 0 ? {} : { thoughtsTokenCount: usage.reasoning }),
    totalTokenCount: all,
  }
}
