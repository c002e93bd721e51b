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
const noBytes = Buffer.alloc(0)
const crumbBytes = 4_096

/**
 * An event ends at a blank line, LF LF or CR LF CR LF (no service sends lone CRs). Throws RangeError when one event grows beyond
 * `maximumBytes`, so that a service that never ends a line costs bounded memory.
 */
export const makeEventSplitter = (maximumBytes: number): EventSplitter => {
  // Joined only when an event ends: joining with each chunk would move a large event over and over.
  let rest: Buffer[] = []
  let restBytes = 0

  /** The blank line may begin in the rest: its last three bytes with the chunk's first tell. */
  let seam: Buffer = noBytes

  const endsWithin = (chunk: Buffer): boolean =>
    endOfEvent(chunk, 0) !== -1 ||
    (seam.length > 0 && endOfEvent(Buffer.concat([seam, chunk.subarray(0, 3)]), 0) !== -1)

  /** Crumbs are joined, so that a service that drips them costs no object each. */
  const keep = (chunk: Buffer): void => {
    const last = rest.at(-1)
    if (last !== undefined && last.length + chunk.length < crumbBytes)
      rest[rest.length - 1] = Buffer.concat([last, chunk])
    else rest.push(chunk)
  }

  return {
    push(chunk) {
      const ends: number[] = []
      if (!endsWithin(chunk)) {
        keep(chunk)
        restBytes += chunk.length
        seam = chunk.length >= 3 ? chunk.subarray(-3) : Buffer.concat([seam, chunk]).subarray(-3)
        if (restBytes > maximumBytes) throw new RangeError(`an event is larger than ${maximumBytes} bytes`)
        return { text: chunk, ends }
      }
      const text = rest.length === 0 ? chunk : Buffer.concat([...rest, chunk])
      let start = 0
      let end = endOfEvent(text, Math.max(0, restBytes - 3))
      while (end !== -1) {
        ends.push(end)
        start = end
        end = endOfEvent(text, start)
      }
      rest = start === text.length ? [] : [text.subarray(start)]
      restBytes = text.length - start
      seam = text.subarray(Math.max(start, text.length - 3))
      if (restBytes > maximumBytes) throw new RangeError(`an event is larger than ${maximumBytes} bytes`)
      return { text, ends }
    },
    pending: () => restBytes,
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
