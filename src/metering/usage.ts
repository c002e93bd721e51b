/**
 * Tokens of one operation in disjoint classes: no token is counted twice, so the input of a reply that read its
 * prompt from a cache is `input + cacheRead + …` (services differ in what their own totals include).
 */
export interface TokenUsage {
  /** Neither read from nor written to a cache. */
  readonly input: number
  readonly cacheRead: number
  /** Written to the cache at its ordinary lifetime. */
  readonly cacheWrite: number
  /** Written to the cache for an hour, which costs more. */
  readonly cacheWrite1h: number
  /** Without reasoning. */
  readonly output: number
  readonly reasoning: number
}

/**
 * What is counted beside the six classes of text tokens, as whole numbers by a unit's name; a variant follows a colon:
 * `image:1024x1024:high`, `audio_seconds`, `characters`, `search`, `input_audio_tokens`. Disjoint from the classes.
 */
export type Units = Readonly<Record<string, number>>

/** All that one operation used. */
export interface Usage extends TokenUsage {
  readonly units?: Units
  /** The service did not say it: worked out from the request and the reply (docs/metering.md). */
  readonly estimated?: true
}

export type TokenClass = keyof TokenUsage

export const tokenClasses = [
  'input',
  'cacheRead',
  'cacheWrite',
  'cacheWrite1h',
  'output',
  'reasoning',
] as const satisfies readonly TokenClass[]

export const noUsage: Usage = Object.freeze({
  input: 0,
  cacheRead: 0,
  cacheWrite: 0,
  cacheWrite1h: 0,
  output: 0,
  reasoning: 0,
})

export const addUsage = (a: TokenUsage, b: TokenUsage): TokenUsage => ({
  input: a.input + b.input,
  cacheRead: a.cacheRead + b.cacheRead,
  cacheWrite: a.cacheWrite + b.cacheWrite,
  cacheWrite1h: a.cacheWrite1h + b.cacheWrite1h,
  output: a.output + b.output,
  reasoning: a.reasoning + b.reasoning,
})

/** All tokens of the prompt, however they were read: what services choose the price tier by. */
export const inputTokens = (usage: TokenUsage): number =>
  usage.input + usage.cacheRead + usage.cacheWrite + usage.cacheWrite1h

export const outputTokens = (usage: TokenUsage): number => usage.output + usage.reasoning

/** The columns of `operations` that hold a usage. */
export const usageColumns = (usage: TokenUsage) => ({
  inputTokens: usage.input,
  cacheReadTokens: usage.cacheRead,
  cacheWriteTokens: usage.cacheWrite,
  cacheWrite1hTokens: usage.cacheWrite1h,
  outputTokens: usage.output,
  reasoningTokens: usage.reasoning,
})
