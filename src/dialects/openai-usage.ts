import type { Usage } from '../metering/usage.ts'
import { countOf, detailsOf, firstCount, isCount, lastMember, withUnits } from './reported.ts'
import { isObject } from './request.ts'

/** The same report under the names of chat completions and of responses. */
interface Report {
  readonly input: unknown
  readonly output: unknown
  readonly total: unknown
  readonly inputDetails: Readonly<Record<string, unknown>>
  readonly outputDetails: Readonly<Record<string, unknown>>
  readonly cached: number
  readonly searches: number
}

/**
 * Cached and audio input are parts of the input, reasoning and audio of the output: taken apart so that nothing counts
 * twice. Null where the totals are no counts: then there is no report. Of audio and cache no service tells what of the
 * audio was cached; text is taken to be, which is what is cached first and what the discount is for.
 */
const usageOfReport = (report: Report): Usage | null => {
  const { input, output, inputDetails, outputDetails } = report
  if (!isCount(input) || !isCount(output)) return null
  const audioIn = Math.min(countOf(inputDetails.audio_tokens), input)
  // More cached than read at all: the service counts it apart, as Anthropic does, behind whose API it may be.
  const isCacheApart = report.cached > input
  const text = input - audioIn + (isCacheApart ? report.cached : 0)
  const cacheRead = Math.min(report.cached, text)
  const cachedAudio = Math.min(report.cached - cacheRead, audioIn)
  const cacheWrite = Math.min(
    firstCount(inputDetails.cache_write_tokens, inputDetails.cache_creation_tokens),
    text - cacheRead,
  )
  const thought = countOf(outputDetails.reasoning_tokens)
  // xAI leaves reasoning out of its completion tokens; only its total tells. https://docs.x.ai/docs/key-information/consumption-and-rate-limits
  const isApart = thought > 0 && report.total === input + output + thought
  const reasoning = isApart ? thought : Math.min(thought, output)
  const rest = isApart ? output : output - reasoning
  const audioOut = Math.min(countOf(outputDetails.audio_tokens), rest)
  const tokens = {
    input: text - cacheRead - cacheWrite,
    cacheRead,
    cacheWrite,
    cacheWrite1h: 0,
    output: rest - audioOut,
    reasoning,
  }
  return withUnits(tokens, {
    input_audio_tokens: audioIn - cachedAudio,
    cache_read_audio_tokens: cachedAudio,
    output_audio_tokens: audioOut,
    search: report.searches,
  })
}

/** https://platform.openai.com/docs/api-reference/chat/object; rejected predictions are part of the completion. */
export const chatUsage = (usage: Readonly<Record<string, unknown>>): Usage | null => {
  const inputDetails = detailsOf(usage.prompt_tokens_details)
  return usageOfReport({
    input: usage.prompt_tokens,
    output: usage.completion_tokens ?? 0,
    total: usage.total_tokens,
    inputDetails,
    outputDetails: detailsOf(usage.completion_tokens_details),
    // DeepSeek, Moonshot and Mistral have names of their own.
    cached: firstCount(
      inputDetails.cached_tokens,
      usage.prompt_cache_hit_tokens,
      usage.cached_tokens,
      usage.num_cached_tokens,
    ),
    // Perplexity, which charges for them.
    searches: countOf(usage.num_search_queries),
  })
}

/** https://platform.openai.com/docs/api-reference/responses/object */
export const responseUsage = (response: Readonly<Record<string, unknown>>): Usage | null => {
  const { usage, output } = response
  if (!isObject(usage)) return null
  const inputDetails = detailsOf(usage.input_tokens_details)
  return usageOfReport({
    input: usage.input_tokens,
    output: usage.output_tokens,
    total: usage.total_tokens,
    inputDetails,
    outputDetails: detailsOf(usage.output_tokens_details),
    cached: countOf(inputDetails.cached_tokens),
    searches: Array.isArray(output) ? output.filter(isSearch).length : 0,
  })
}

/** Opening a page or looking through it costs nothing beside its tokens. */
const isSearch = (item: unknown): boolean =>
  isObject(item) && item.type === 'web_search_call' && (detailsOf(item.action).type ?? 'search') === 'search'

const usageMark = Buffer.from('"usage"')

export const usageOfChatReply = (reply: Buffer): Usage | null => {
  const usage = lastMember(reply, usageMark)
  return usage && chatUsage(usage)
}

/**
 * Embedding replies can be megabytes of numbers before or behind their usage: only that member is parsed. Nothing in
 * them is named by a caller or a model, so what looks like the report is it.
 */
export const usageOfEmbeddings = (reply: Buffer): Usage | null => {
  const at = reply.lastIndexOf(usageMark)
  if (at === -1) return null
  const tail = reply.subarray(at)
  try {
    const { usage } = JSON.parse(`{${tail.toString('utf8', 0, endOfObject(tail))}}`) as { usage?: unknown }
    return isObject(usage) ? chatUsage(usage) : null
  } catch {
    return null
  }
}

/** No report is longer. */
const longestReportBytes = 4_096

/** Offset behind the closing brace of the first object in `"usage": {…}`; its strings hold no braces. */
const endOfObject = (tail: Buffer): number => {
  const end = Math.min(tail.length, longestReportBytes)
  let depth = 0
  for (let at = 0; at < end; at++) {
    if (tail[at] === 0x7b) depth++
    if (tail[at] === 0x7d && --depth === 0) return at + 1
  }
  return end
}
