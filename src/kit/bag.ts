/** Where something lies in a bag. */
export interface Place<One> {
  readonly one: One
  at: number
}

/**
 * What comes and goes with each operation, in no order. Not a Set: V8 copies a Set's table now and then, and each table that it
 * leaves behind keeps what was in it, and the next table. Once one of them has become old, every operation that was ever in the
 * Set stays until the next full collection, and is copied twice until then: a fifth of the CPU time of an operation.
 */
export interface Bag<One> {
  add(one: One): Place<One>
  /** False: it was not there any more. */
  remove(place: Place<One>): boolean
  readonly places: readonly Place<One>[]
}

export const makeBag = <One>(): Bag<One> => {
  const places: Place<One>[] = []
  return {
    places,
    add(one) {
      const place = { one, at: places.length }
      places.push(place)
      return place
    },
    remove(place) {
      if (places[place.at] !== place) return false
      const last = places.pop() as Place<One>
      if (last !== place) {
        places[place.at] = last
        last.at = place.at
      }
      return true
    },
  }
}
