/** Days and months as the browser's clock has them: what is due on a day is due on the reader's day. */
export interface CalendarDay {
  readonly key: string
  readonly day: number
  readonly isOutside: boolean
}

const two = (value: number): string => String(value).padStart(2, '0')

export const dayKey = (at: Date): string =>
  `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`

export const monthOf = (at: Date): string => dayKey(at).slice(0, 7)

const parts = (month: string): readonly [year: number, month: number] => {
  const [year = '1970', number = '1'] = month.split('-')
  return [Number(year), Number(number) - 1]
}

export const monthAfter = (month: string, by: number): string => {
  const [year, number] = parts(month)
  return monthOf(new Date(year, number + by, 1))
}

export const monthName = (month: string): string => {
  const [year, number] = parts(month)
  return new Intl.DateTimeFormat('en-GB', { month: 'long', year: 'numeric' }).format(
    new Date(year, number, 1),
  )
}

export const weekdays = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'] as const

/** Whole weeks, from the Monday before the first to the Sunday after the last. */
export const daysOfMonth = (month: string): CalendarDay[] => {
  const [year, number] = parts(month)
  const first = new Date(year, number, 1)
  const before = (first.getDay() + 6) % 7
  const length = new Date(year, number + 1, 0).getDate()
  const cells = Math.ceil((before + length) / 7) * 7
  return Array.from({ length: cells }, (_, index) => {
    const at = new Date(year, number, index - before + 1)
    return { key: dayKey(at), day: at.getDate(), isOutside: at.getMonth() !== number }
  })
}
