interface Span {
  readonly left: number
  readonly width: number
}

/**
 * Attempts follow each other without overlapping, so each begins where the one before it ended. As parts of the whole time;
 * what took next to nothing stays visible.
 */
export const spansOf = (durationsMs: readonly (number | null)[], totalMs: number): Span[] => {
  const sum = durationsMs.reduce<number>((total, each) => total + (each ?? 0), 0)
  const whole = Math.max(totalMs, sum, 1)
  const least = 0.012
  return durationsMs.map((each, index) => {
    const before = durationsMs.slice(0, index).reduce<number>((total, earlier) => total + (earlier ?? 0), 0)
    const width = Math.max((each ?? 0) / whole, least)
    return { left: Math.min(before / whole, 1 - width), width }
  })
}
