/** Ten times the largest context there is: a report beyond it is a defect, and its cost would not fit the ledger. */
const mostTokens = 100_000_000

/** Whether a service may mean this as a count of tokens. */
export const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= mostTokens

/** A detail of a report whose totals are sound; one that is missing or unsound counts as zero. */
export const countOf = (value: unknown): number => (isCount(value) ? value : 0)

/** What a whole reply without a usage report is: some services and most proxies answer 200 with an error. */
export const judgeUnreported = (reply: Buffer): 'reply' | 'error' | 'invalid' => {
  try {
    const parsed = JSON.parse(reply.toString('utf8')) as unknown
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return 'invalid'
    return (parsed as { error?: unknown }).error == null ? 'reply' : 'error'
  } catch {
    return 'invalid'
  }
}
