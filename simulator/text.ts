import { createHash } from 'node:crypto'

/**
 * Deterministic text: the same seed gives the same reply. One piece of `tokensOf` is one token, both in usage and
 * as a stream chunk, so that what was streamed and what is reported can be compared exactly.
 */
const tokenPattern = / ?[\p{L}\p{M}]{1,8}| ?\p{N}{1,3}|\s+|[^\s\p{L}\p{M}\p{N}]{1,2}/gu

export const tokensOf = (text: string): string[] => text.match(tokenPattern) ?? []

export const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex')

/** Numbers in [0, 1) that depend on the seed only (mulberry32). */
export const seededNumbers = (seed: string): (() => number) => {
  let state = Number.parseInt(digestOf(seed).slice(0, 8), 16)
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** An identifier of the services' shape, e.g. `chatcmpl-…`. */
export const seededId = (prefix: string, seed: string, length: number): string => {
  const next = seededNumbers(`${prefix}:${seed}`)
  return prefix + Array.from({ length }, () => alphabet[Math.floor(next() * alphabet.length)]).join('')
}

const sentences = [
  'A key is a promise that somebody pays.',
  'The shortest path is the one with the fewest surprises.',
  'Every attempt is counted once, and every credit has a reason.',
  'Streams end when they say so, not when the line goes quiet.',
  'Small steps make large changes readable.',
  'A cached prefix costs less than a fresh one.',
  'Measure first, then decide what to keep.',
  'What is written down can be checked by someone else.',
  'The second try is cheaper when the first one failed early.',
  'Good limits are the kind that nobody notices.',
  'An honest error says what to do next.',
  'Numbers in a table should line up.',
  'Rivers find the sea without a map; requests need one.',
  'Nothing here was written by a language model.',
  'Two clocks never agree, so one of them has to count.',
  'The receipt names the key that paid.',
]

const quote = (prompt: string): string => {
  const flat = prompt
    .replace(/\[\[simulate:[^\]]*\]\]/g, '')
    .replace(/\s+/g, ' ')
    .trim()
  return flat.length > 90 ? `${flat.slice(0, 90).trimEnd()}…` : flat
}

/** A reply of about `tokens` tokens; without a number, the seed chooses between 40 and 90. */
export const composeText = (o: { seed: string; model: string; prompt: string; tokens?: number }): string => {
  const next = seededNumbers(o.seed)
  const wanted = o.tokens ?? 40 + Math.floor(next() * 50)
  const asked = quote(o.prompt)
  const opening = `[simulated ${o.model}]${asked ? ` You wrote: “${asked}”.` : ''}`
  const pieces = tokensOf(opening)
  while (pieces.length < wanted) {
    pieces.push(...tokensOf(` ${sentences[Math.floor(next() * sentences.length)]}`))
  }
  return (o.tokens === undefined ? pieces : pieces.slice(0, wanted)).join('')
}
