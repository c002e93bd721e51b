const two = (value: number): string => String(value).padStart(2, '0')

/** What a datetime-local field takes: the browser’s own time, to the minute. */
export const localMoment = (at: Date): string =>
  `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}`
