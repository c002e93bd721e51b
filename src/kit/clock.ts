/** Wall-clock time in; tests pass their own. */
export type Clock = () => Date
export const systemClock: Clock = () => new Date()
