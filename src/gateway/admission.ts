import { type Fault, fault } from '../kit/fault.ts'

/** How many operations are under way, and whether new ones are let in. */
export interface Admission {
  /** Null: let in; then `leave` must follow. */
  enter(): Fault | null
  leave(): void
  /** Lets nobody in any more; resolves when everybody has left. */
  drain(): Promise<void>
  readonly underWay: number
}

export const makeAdmission = (maximumConcurrentOperations: number): Admission => {
  let underWay = 0
  let draining = false
  let empty: (() => void) | null = null
  return {
    enter() {
      if (draining) return fault('draining', { retryAfterSeconds: 1 })
      if (underWay >= maximumConcurrentOperations) return fault('overloaded', { retryAfterSeconds: 1 })
      underWay++
      return null
    },
    leave() {
      underWay--
      if (underWay === 0) empty?.()
    },
    drain() {
      draining = true
      return new Promise((done) => {
        empty = done
        if (underWay === 0) done()
      })
    },
    get underWay() {
      return underWay
    },
  }
}
