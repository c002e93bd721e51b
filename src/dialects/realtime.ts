import { isObject } from './request.ts'
import { countOf, isCount } from './reported.ts'
import type { Units, Usage } from '../metering/usage.ts'

/** Adds up what a realtime session's `response.done` events report, in disjoint classes. */
export interface RealtimeUsage {
  /** One text frame of the service; anything but a report is ignored. */
  read(frame: string): void
  /** Null until the service has reported any. */
  total(): Usage | null
}

const reportMark = '"response.done"'

/** Shapes: https://platform.openai.com/docs/api-reference/realtime-server-events/response/done */
export const makeRealtimeUsage = (): RealtimeUsage => {
  let total: Usage | null = null
  return {
    read(frame) {
      if (!frame.includes(reportMark)) return
      const usage = usageIn(frame)
      if (usage !== null) total = total === null ? usage : sum(total, usage)
    },
    total: () => total,
  }
}

const usageIn = (frame: string): Usage | null => {
  try {
    const event = JSON.parse(frame) as { type?: unknown; response?: { usage?: unknown } | null }
    const usage = event.type === 'response.done' ? event.response?.usage : null
    return isObject(usage) ? usageFrom(usage) : null
  } catch {
    return null
  }
}

const detail = (value: unknown): Record<string, unknown> => (isObject(value) ? value : {})

const usageFrom = (usage: Record<string, unknown>): Usage | null => {
  const { input_tokens: input, output_tokens: output } = usage
  if (!isCount(input) || !isCount(output)) return null
  const inputs = detail(usage.input_token_details)
  const cached = detail(inputs.cached_tokens_details)
  const outputs = detail(usage.output_token_details)
  const audioIn = Math.min(countOf(inputs.audio_tokens), input)
  const cachedAudio = Math.min(countOf(cached.audio_tokens), audioIn)
  const cachedText = Math.min(Math.max(countOf(inputs.cached_tokens) - cachedAudio, 0), input - audioIn)
  const audioOut = Math.min(countOf(outputs.audio_tokens), output)
  const units: Units = {
    ...(audioIn > cachedAudio && { input_audio_tokens: audioIn - cachedAudio }),
    ...(cachedAudio > 0 && { cache_read_audio_tokens: cachedAudio }),
    ...(audioOut > 0 && { output_audio_tokens: audioOut }),
  }
  return {
    input: input - audioIn - cachedText,
    cacheRead: cachedText,
    cacheWrite: 0,
    cacheWrite1h: 0,
    output: output - audioOut,
    reasoning: 0,
    ...(Object.keys(units).length > 0 && { units }),
  }
}

const sum = (a: Usage, b: Usage): Usage => {
  const units: Record<string, number> = { ...a.units }
  for (const [unit, count] of Object.entries(b.units ?? {})) units[unit] = (units[unit] ?? 0) + count
  return {
    input: a.input + b.input,
    cacheRead: a.cacheRead + b.cacheRead,
    cacheWrite: a.cacheWrite + b.cacheWrite,
    cacheWrite1h: a.cacheWrite1h + b.cacheWrite1h,
    output: a.output + b.output,
    reasoning: a.reasoning + b.reasoning,
    ...(Object.keys(units).length > 0 && { units }),
  }
}
