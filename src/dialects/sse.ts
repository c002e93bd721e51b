/** Whole events, each with its closing blank line: the first from 0 to `ends[0]`, the next from there, and so on. */
export interface Events {
  readonly text: Buffer
  readonly ends: readonly number[]
}

/** Splits the bytes of a server-sent event stream into whole events, however they were cut into chunks. */
export interface EventSplitter {
  push(chunk: Buffer): Events
  /** Bytes of an event that has not ended. */
  pending(): number
}

const lineFeed = 0x0a
const carriageReturn = 0x0d

/**
 * An event ends at a blank line, LF LF or CR LF CR LF (no service sends lone CRs). Throws RangeError when one event grows beyond
 * `maximumBytes`, so that a service that never ends a line costs bounded memory.
 */
export const makeEventSplitter = (maximumBytes: number): EventSplitter => {
  let rest: Buffer | null = null

  return {
    push(chunk) {
      // The blank line may begin in the rest: look at most three bytes back into it.
      const text = rest === null ? chunk : Buffer.concat([rest, chunk])
      const searched = rest === null ? 0 : Math.max(0, rest.length - 3)
      const ends: number[] = []
      let start = 0
      let end = endOfEvent(text, searched)
      while (end !== -1) {
        ends.push(end)
        start = end
        end = endOfEvent(text, start)
      }
      rest = start === text.length ? null : text.subarray(start)
      if (rest !== null && rest.length > maximumBytes)
        throw new RangeError(`an event is larger than ${maximumBytes} bytes`)
      return { text, ends }
    },
    pending: () => rest?.length ?? 0,
  }
}

/** Offset behind the first blank line at or after `from`, or -1. */
const endOfEvent = (text: Buffer, from: number): number => {
  for (let at = text.indexOf(lineFeed, from); at !== -1; at = text.indexOf(lineFeed, at + 1)) {
    if (text[at + 1] === lineFeed) return at + 2
    if (text[at + 1] === carriageReturn && text[at + 2] === lineFeed) return at + 3
  }
  return -1
}

/** The `data:` payload of an event: its lines joined, without the field names. */
export const dataOf = (event: Buffer): string =>
  event
    .toString('utf8')
    .split(/\r?\n/)
    .filter((line) => line.startsWith('data:'))
    .map((line) => line.slice(line[5] === ' ' ? 6 : 5))
    .join('\n')
