/**
 * When something runs out at the rate of late. The rate is the average of whole days (24 hours back from now) since the
 * first use within 28 days, over the last 7 of them or over all, whichever is faster: a start that was slow must not hide
 * what happens now, nor one quiet week what happens usually. It knows nothing of what is planned, and says so where
 * there are fewer than 3 days to go by.
 */
export interface Forecast {
  readonly state: 'not_enough_data' | 'nothing_used' | 'lasts' | 'runs_out' | 'ran_out'
  readonly method: 'trailing_7_days' | 'trailing_28_days' | null
  readonly perDay: bigint | null
  readonly daysOfData: number
  readonly runsOutAt: Date | null
  /** What it has to last for; null: for ever. */
  readonly until: Date | null
}

export interface ForecastInput {
  /** What was used 0 to 24 hours ago, 24 to 48 hours ago, …; one more than count. */
  readonly days: readonly bigint[]
  readonly remaining: bigint
  readonly now: Date
  readonly until: Date | null
}

export const trailingDays = 28
const shortDays = 7
export const leastDays = 3
const dayMs = 86_400_000

export const forecastOf = ({ days, remaining, now, until }: ForecastInput): Forecast => {
  const first = days.findLastIndex((used) => used > 0n)
  // The day of the first use is not whole: it began some time in it.
  const daysOfData = Math.max(first, 0)
  const base = { daysOfData, until, method: null, perDay: null, runsOutAt: null }
  if (remaining <= 0n) return { ...base, state: 'ran_out', runsOutAt: null }
  if (first === -1) return { ...base, state: 'nothing_used' }
  if (daysOfData < leastDays) return { ...base, state: 'not_enough_data' }
  const rate = (over: number) => ({ used: sum(days.slice(0, over)), over: BigInt(over) })
  const [short, long] = [rate(Math.min(shortDays, daysOfData)), rate(daysOfData)]
  const isShortFaster = short.used * long.over >= long.used * short.over
  const { used, over } = isShortFaster ? short : long
  const rated = {
    ...base,
    method: isShortFaster ? ('trailing_7_days' as const) : ('trailing_28_days' as const),
    perDay: used / over,
  }
  // Only the first, broken day had any use.
  if (used === 0n) return { ...base, state: 'nothing_used' }
  const lastsMs = (remaining * over * BigInt(dayMs)) / used
  const end = BigInt(now.getTime()) + lastsMs
  if (end > latestMs) return { ...rated, state: 'lasts' }
  const runsOutAt = new Date(Number(end))
  return { ...rated, runsOutAt, state: until === null || runsOutAt < until ? 'runs_out' : 'lasts' }
}

/** What a date can tell: the year 275760. */
const latestMs = 8_640_000_000_000_000n

const sum = (amounts: readonly bigint[]): bigint => amounts.reduce((total, amount) => total + amount, 0n)
