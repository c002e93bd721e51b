/**
 * JSON that is small in bytes can be large in memory: 32 MB of nested brackets take JSON.parse 5 s and 1 GB, and the
 * whole process waits. Real requests have few values; the most are embeddings of token ids, some 300,000 in one call.
 */
const mostValues = 500_000
const deepest = 200
/** Too short for either to matter, and most calls are. */
const harmlessBytes = 4_096
/** Finding a quote with indexOf costs a call into C++, which only long strings are worth. */
const lookedThroughBytes = 48

const quote = 0x22
const backslash = 0x5c
const comma = 0x2c
const isOpening = (byte: number | undefined) => byte === 0x7b || byte === 0x5b
const isClosing = (byte: number | undefined) => byte === 0x7d || byte === 0x5d

/** Whether a text may go into JSON.parse. Its syntax need not be right. */
export const isParseable = (text: Buffer, most: number = mostValues): boolean => {
  if (text.length < harmlessBytes) return true
  let depth = 0
  let values = 0
  for (let at = 0; at < text.length; at++) {
    const byte = text[at]
    if (byte === quote) {
      at = closingQuote(text, at)
      if (at === -1) return true
    } else if (isOpening(byte)) {
      values++
      if (++depth > deepest) return false
    } else if (isClosing(byte)) depth--
    else if (byte === comma) values++
    if (values > most) return false
  }
  return true
}

/** Offset of the quote that closes the string that opens at `at`, or -1. */
export const closingQuote = (text: Buffer, at: number): number => {
  for (;;) {
    at = nextQuote(text, at + 1)
    if (at === -1) return -1
    let escapes = 0
    while (text[at - 1 - escapes] === backslash) escapes++
    if (escapes % 2 === 0) return at
  }
}

const nextQuote = (text: Buffer, from: number): number => {
  const near = Math.min(text.length, from + lookedThroughBytes)
  for (let at = from; at < near; at++) if (text[at] === quote) return at
  return text.indexOf(quote, near)
}
