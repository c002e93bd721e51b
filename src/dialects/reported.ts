import { noUsage, type TokenUsage, type Units, type Usage } from '../metering/usage.ts'
import { isParseable } from './json-bounds.ts'
import { isObject } from './request.ts'

/** Ten times the largest context there is: a report beyond it is a defect, and its cost would not fit the ledger. */
const mostTokens = 100_000_000

/** Whether a service may mean this as a count of tokens. */
export const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= mostTokens

/** A detail of a report whose totals are sound; one that is missing or unsound counts as zero. */
export const countOf = (value: unknown): number => (isCount(value) ? value : 0)

/** A detail that services name differently: the first that is a count. */
export const firstCount = (...values: readonly unknown[]): number => countOf(values.find(isCount))

/** A part of a report that may be missing. */
export const detailsOf = (value: unknown): Record<string, unknown> => (isObject(value) ? value : {})

/** A usage with what was counted beside the text tokens; units of which there are none are left out. */
export const withUnits = (tokens: TokenUsage, units: Units): Usage => {
  const counted = Object.entries(units).filter(([, count]) => count > 0)
  return counted.length === 0 ? tokens : { ...tokens, units: Object.fromEntries(counted) }
}

/** What a service sent, or undefined where it is no JSON, or more of it than we care to hold. */
export const parseReported = (text: Buffer): unknown => {
  if (!isParseable(text)) return undefined
  try {
    return JSON.parse(text.toString('utf8'))
  } catch {
    return undefined
  }
}

/** The same of a text that was taken out of an event; short ones, and nearly all are, need no look at their bounds. */
export const parseReportedText = (text: string): unknown => {
  if (text.length > harmlessLength) return parseReported(Buffer.from(text))
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
const harmlessLength = 4_096

/**
 * A member of the object that a text is, without parsing what comes before it: from its last occurrence to the end the
 * text is an object again (with a brace in front) only if the member is the object's own. One that a model made up, in
 * the arguments of a call, ends in too many braces; then all is parsed. A quote within a string is escaped, so the
 * bytes never occur there. `mark` is the name in its quotes.
 */
export const lastMember = (text: Buffer, mark: Buffer): Record<string, unknown> | null => {
  const at = text.lastIndexOf(mark)
  if (at === -1) return null
  const name = mark.toString('utf8', 1, mark.length - 1)
  const tail = parseReportedText(`{${text.toString('utf8', at)}`)
  const found = isObject(tail) ? tail : parseReported(text)
  const value = isObject(found) ? found[name] : null
  return isObject(value) ? value : null
}

/** What a whole reply without a usage report is: some services and most proxies answer 200 with an error. */
export const judgeUnreported = (reply: Buffer): 'reply' | 'error' | 'invalid' => {
  // Embeddings may have millions of values; only depth is no reply of anybody's.
  if (!isParseable(reply, Number.POSITIVE_INFINITY)) return 'invalid'
  try {
    const parsed = JSON.parse(reply.toString('utf8')) as unknown
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return 'invalid'
    return (parsed as { error?: unknown }).error == null ? 'reply' : 'error'
  } catch {
    return 'invalid'
  }
}

/** Of endpoints that cost nothing: a reply that is one used nothing. */
export const usageOfFreeReply = (reply: Buffer): Usage | null =>
  judgeUnreported(reply) === 'reply' ? noUsage : null
