/** One row of the table of faults. `blame` says who can mend it: src/kit/fault.ts. */
export interface FaultRow {
  readonly status: number
  readonly blame: 'caller' | 'operator' | 'service' | 'gateway'
  readonly retryable: boolean
  /** What was wrong, for a person. */
  readonly message: string
  /** What to do next. */
  readonly next: string
}

export const row = (
  status: number,
  blame: FaultRow['blame'],
  retryable: boolean,
  message: string,
  next: string,
): FaultRow => ({ status, blame, retryable, message, next })
