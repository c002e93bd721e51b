type Headers = Readonly<Record<string, string | string[] | undefined>>

/** What a service says of one of its limits, and in which headers. */
interface LimitNames {
  readonly kind: string
  readonly remaining: string
  readonly limit: string
  readonly reset: string
}
const named = (kind: string, nameOf: (what: string) => string): LimitNames => ({
  kind,
  remaining: nameOf('remaining'),
  limit: nameOf('limit'),
  reset: nameOf('reset'),
})
const limitsSaid: readonly LimitNames[] = [
  ...['requests', 'tokens'].map((kind) => named(kind, (what) => `x-ratelimit-${what}-${kind}`)),
  ...['requests', 'tokens', 'input-tokens', 'output-tokens'].map((kind) =>
    named(kind, (what) => `anthropic-ratelimit-${kind}-${what}`),
  ),
]

/**
 * For how many seconds a model should be left alone on a key, because a successful reply says that nothing of its limit
 * remains; null: something remains, or the service does not say. Both services fill up evenly and name the time until
 * everything is there again, so one request more is there after that divided by the limit, and a tenth of the tokens
 * after a tenth of it.
 */
export const secondsUntilRefilled = (headers: Headers, now: Date): number | null => {
  let longest: number | null = null
  for (const { kind, remaining, limit, reset } of limitsSaid) {
    if (headers[remaining] !== '0') continue
    const seconds = resetSeconds(headers[reset], now)
    if (seconds === null) continue
    const most = Number(headers[limit])
    const share = kind === 'requests' ? (most >= 1 ? most : 1) : 10
    longest = Math.max(longest ?? 1, Math.ceil(seconds / share))
  }
  return longest
}

/** `6m0s`, `1.5s`, `20ms`, `1h2m`; plain seconds; or a time. */
const resetSeconds = (value: string | string[] | undefined, now: Date): number | null => {
  if (typeof value !== 'string' || value === '' || value.length > 40) return null
  if (/^\d+(?:\.\d+)?$/.test(value)) return Number(value)
  if (/^(?:\d+(?:\.\d+)?(?:ms|h|m|s))+$/.test(value)) {
    let seconds = 0
    for (const [, amount, unit] of value.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g))
      seconds += Number(amount) * (secondsIn[unit ?? ''] ?? 0)
    return seconds
  }
  const at = Date.parse(value)
  return Number.isNaN(at) ? null : Math.max(0, (at - now.getTime()) / 1000)
}

const secondsIn: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600 }
