import type { Usage } from '../metering/usage.ts'
import type { EventKind, StreamTap } from './dialect.ts'
import { isObject } from './request.ts'
import { dataOf } from './sse.ts'

interface MediaEvents {
  /** Types of the last event of each thing made. */
  readonly done: readonly string[]
  /** Types of events that carry text. */
  readonly text?: readonly string[]
  /** So many last events make the stream whole. */
  readonly expected: number
  /** What a last event says was used; null when it says nothing. */
  readonly usageOf: (event: Record<string, unknown>) => Usage | null
  readonly add: (a: Usage | null, b: Usage | null) => Usage | null
}

/** Enough to find the type of nearly every event without looking through megabytes of base64. */
const headBytes = 4_096

/** Streams of images, speech and transcripts: one last event of each thing made, with its usage. */
export const makeMediaTap = ({ done, text = [], expected, usageOf, add }: MediaEvents): StreamTap => {
  let usage: Usage | null = null
  let ended = 0

  const finish = (event: Buffer): EventKind => {
    try {
      const data: unknown = JSON.parse(dataOf(event))
      if (isObject(data)) usage = add(usage, usageOf(data))
    } catch {
      // Not ours to judge: the caller gets the bytes as they are.
    }
    return ++ended >= expected ? 'end' : 'other'
  }

  const classifyOne = (event: Buffer): EventKind => {
    if (event.length < 64 && dataOf(event) === '[DONE]') return 'end'
    const types = typesOf(event)
    if (types.some((type) => done.includes(type))) return finish(event)
    if (types.some((type) => text.includes(type))) return 'content'
    return types.includes('error') || isErrorEvent(event) ? 'error' : 'other'
  }

  return {
    classify(bytes, ends) {
      let start = 0
      return ends.map((end) => {
        const kind = classifyOne(bytes.subarray(start, end))
        start = end
        return kind
      })
    },
    reported: () => usage,
    endsWithConnection: () => ended > 0,
  }
}

/**
 * Every `type` in it, also those of its parts: a quote within text is escaped, so none of them is generated. An event whose
 * head has none is looked through as a whole.
 */
const typesOf = (event: Buffer): string[] => {
  const head = typesIn(event.toString('latin1', 0, headBytes))
  return head.length > 0 || event.length <= headBytes ? head : typesIn(event.toString('latin1'))
}
const typesIn = (text: string): string[] => [
  ...[...text.matchAll(/^event:\s*([\w.]{1,80})/gm)].map(([, type]) => type as string),
  ...[...text.matchAll(/"type"\s*:\s*"([\w.]{1,80})"/g)].map(([, type]) => type as string),
]

const isErrorEvent = (event: Buffer): boolean => {
  if (!event.includes('"error"')) return false
  try {
    const data: unknown = JSON.parse(dataOf(event))
    return isObject(data) && data.error != null
  } catch {
    return false
  }
}
