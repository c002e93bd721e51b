import { FaultError, fault } from '../kit/fault.ts'

/** What a translation cannot say in the service's words: names of fields, told to the caller in a header. */
export interface Notes {
  /** A harmless hint that is left out. */
  list(field: string): void
  readonly listed: ReadonlySet<string>
  /** Remembers where a part of a prompt stood, for refusals that only the service's side can decide. */
  place<Part extends object>(part: Part, field: string): Part
  placeOf(part: object): string
}

export const makeNotes = (): Notes => {
  const listed = new Set<string>()
  const places = new WeakMap<object, string>()
  return {
    list: (field) => void listed.add(field),
    listed,
    place(part, field) {
      places.set(part, field)
      return part
    },
    placeOf: (part) => places.get(part) ?? 'messages',
  }
}

/** Thrown, because it ends a descent of many levels; `translate` turns it into a value. */
export const refuse = (field: string, message: string): never => {
  throw new FaultError(fault('not_translatable', { field, message }))
}

export const malformed = (field: string, expected: string): never => {
  throw new FaultError(fault('invalid_request', { field, message: `${field} must be ${expected}.` }))
}
