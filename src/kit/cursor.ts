import { FaultError, fault } from './fault.ts'
import { isId } from './id.ts'

/** Cursors are opaque on the wire, so that what is inside may change: the id or the number of a page's last row. */
export const encodeCursor = (last: string | bigint): string => Buffer.from(String(last)).toString('base64url')

/** Null for the first page; the fault names the field when the text is no cursor of ours. */
export const decodeCursor = (cursor: string | undefined): string | null => {
  if (cursor === undefined) return null
  const id = textOf(cursor)
  if (isId(id)) return id
  throw notOurs()
}

export const decodeNumberCursor = (cursor: string | undefined): bigint | null => {
  if (cursor === undefined) return null
  const number = textOf(cursor)
  if (/^\d{1,18}$/.test(number)) return BigInt(number)
  throw notOurs()
}

/** The numbers that a page's cursor holds, in their order. */
export const encodeNumbersCursor = (numbers: readonly bigint[]): string => encodeCursor(numbers.join('.'))

export const decodeNumbersCursor = (cursor: string | undefined, count: number): bigint[] | null => {
  if (cursor === undefined) return null
  const numbers = textOf(cursor).split('.')
  if (numbers.length === count && numbers.every((number) => /^\d{1,18}$/.test(number)))
    return numbers.map(BigInt)
  throw notOurs()
}

const textOf = (cursor: string): string => Buffer.from(cursor, 'base64url').toString()

const notOurs = () =>
  new FaultError(fault('invalid_request', { message: 'This cursor is not one of ours.', field: 'cursor' }))
