/**
 * Instructions to the simulator inside a prompt, e.g. `[[simulate: error 500]]`. The list for readers is in
 * docs/demo.md. Unknown ones are refused, so that a misspelt test does not pass.
 */
export interface Directives {
  /** Answer with this status before anything else. */
  error?: { status: number; retryAfterSeconds?: number }
  /** Close the connection after so many content chunks (of a reply in one piece: half-way). */
  cutAfterChunks?: number
  /** Report an error inside the stream after so many content chunks, then end it. */
  streamErrorAfterChunks?: number
  /** Send nothing more after so many content chunks, and keep the connection open. */
  silenceAfterChunks?: number
  /** Pause before each chunk. */
  slowMs?: number
  /** Pause before the first byte. */
  waitMs?: number
  /** Stream until the caller hangs up; a reply in one piece never comes. */
  endless?: boolean
  /** Reply with so many tokens. */
  tokens?: number
  /** Reply with exactly this text. */
  say?: string
  /** Call so many tools; 0 calls none. */
  tools?: number
  refusal?: boolean
  /** Leave the usage out. */
  noUsage?: boolean
  /** Bytes that are not what the content type says. */
  garbage?: boolean
  /** One content chunk of so many bytes. */
  hugeBytes?: number
}

type Reader = readonly [RegExp, (match: RegExpExecArray) => Directives]

const number = (text: string | undefined): number => Number(text ?? 0)
const milliseconds = (amount: string | undefined, unit: string | undefined): number =>
  number(amount) * (unit === 's' ? 1000 : 1)

const readers: readonly Reader[] = [
  [
    /^error (\d{3})(?: retry-after (\d+))?$/,
    (m) => ({ error: { status: number(m[1]), ...(m[2] && { retryAfterSeconds: number(m[2]) }) } }),
  ],
  [/^cut after (\d+) chunks?$/, (m) => ({ cutAfterChunks: number(m[1]) })],
  [/^stream error after (\d+) chunks?$/, (m) => ({ streamErrorAfterChunks: number(m[1]) })],
  [/^silence after (\d+) chunks?$/, (m) => ({ silenceAfterChunks: number(m[1]) })],
  [/^slow (\d+)(ms|s)$/, (m) => ({ slowMs: milliseconds(m[1], m[2]) })],
  [/^wait (\d+)(ms|s)$/, (m) => ({ waitMs: milliseconds(m[1], m[2]) })],
  [/^endless$/, () => ({ endless: true })],
  [/^tokens (\d{1,6})$/, (m) => ({ tokens: number(m[1]) })],
  [/^say (.+)$/, (m) => ({ say: m[1] ?? '' })],
  [/^tools? (\d{1,2})$/, (m) => ({ tools: number(m[1]) })],
  [/^no tools?$/, () => ({ tools: 0 })],
  [/^refusal$/, () => ({ refusal: true })],
  [/^no usage$/, () => ({ noUsage: true })],
  [/^garbage$/, () => ({ garbage: true })],
  [/^huge (\d{1,9})$/, (m) => ({ hugeBytes: number(m[1]) })],
]

/** The directives of a prompt, or the text of the first one that is not understood. */
export const readDirectives = (prompt: string): Directives | { unknown: string } => {
  const found: Directives = {}
  for (const [, inner] of prompt.matchAll(/\[\[simulate:\s*([^\]]{1,2000}?)\s*\]\]/g)) {
    const text = inner ?? ''
    const reading = readers
      .map(([pattern, read]) => ({ match: pattern.exec(text), read }))
      .find((r) => r.match)
    if (!reading?.match) return { unknown: text }
    Object.assign(found, reading.read(reading.match))
  }
  return found
}
