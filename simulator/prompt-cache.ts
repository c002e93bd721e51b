import { createHash } from 'node:crypto'

/** Which prompt prefixes a service has seen lately, per account (secret) and model. */
export interface PromptCache {
  /** Automatic caching (OpenAI): longest known prefix in steps of 128 tokens from 1,024 on; then remembers this one. */
  automatic(account: string, model: string, tokens: readonly string[]): number
  /** Explicit caching (Anthropic): is this prefix known? Remembers it for `ttlSeconds`. */
  has(account: string, model: string, prefix: string): boolean
  remember(account: string, model: string, prefix: string, ttlSeconds: number): void
}

const smallestPrefixTokens = 1024
const stepTokens = 128
const mostPrefixes = 5000

const keyOf = (account: string, model: string, prefix: string) =>
  createHash('sha256')
    .update(JSON.stringify([account, model, prefix]))
    .digest('base64')

export const makePromptCache = (now: () => number): PromptCache => {
  const expiries = new Map<string, number>()
  const isLive = (key: string) => (expiries.get(key) ?? 0) > now()
  const store = (key: string, ttlSeconds: number) => {
    expiries.delete(key)
    expiries.set(key, now() + ttlSeconds * 1000)
    const oldest = expiries.size > mostPrefixes ? expiries.keys().next().value : undefined
    if (oldest !== undefined) expiries.delete(oldest)
  }
  return {
    automatic: (account, model, tokens) => {
      const running = createHash('sha256').update(JSON.stringify([account, model]))
      let cached = 0
      let from = 0
      for (let upTo = smallestPrefixTokens; upTo <= tokens.length; upTo += stepTokens) {
        running.update(tokens.slice(from, upTo).join('\0'))
        from = upTo
        const key = running.copy().digest('base64')
        if (isLive(key)) cached = upTo
        store(key, 600)
      }
      return cached
    },
    has: (account, model, prefix) => isLive(keyOf(account, model, prefix)),
    remember: (account, model, prefix, ttlSeconds) => store(keyOf(account, model, prefix), ttlSeconds),
  }
}
