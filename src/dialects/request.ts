import { isUtf8 } from 'node:buffer'
import { failure, type Outcome, success } from '../kit/fault.ts'
import { isParseable } from './json-bounds.ts'

/** The body as an object, or what is wrong with it. */
export const parseObject = (body: Buffer): Outcome<Record<string, unknown>> => {
  // Decoders differ in what they make of other bytes, so a service might read something else than we do.
  if (!isUtf8(body)) return failure('malformed_json', { message: 'The request body is not UTF-8.' })
  if (!isParseable(body))
    return failure('malformed_json', {
      message: 'The request body has too many or too deeply nested values.',
    })
  let parsed: unknown
  try {
    parsed = JSON.parse(body.toString('utf8'))
  } catch {
    return failure('malformed_json')
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    return failure('malformed_json', { message: 'The request body must be one JSON object.' })
  return success(parsed as Record<string, unknown>)
}

const wrong = (field: string, expected: string) =>
  failure('invalid_request', { message: `${field} must be ${expected}.`, field })

/** Only what the gateway itself relies on is checked; the service judges the rest. */
export const readModel = (parsed: Record<string, unknown>): Outcome<string> => {
  const { model } = parsed
  if (model === undefined) return failure('invalid_request', { message: 'model is missing.', field: 'model' })
  return typeof model === 'string' && model !== '' && model.length <= 256 && !notInModels.test(model)
    ? success(model)
    : wrong('model', 'a string of at most 256 printable characters')
}

const notInModels = /[\p{Cc}\p{Cs}]/u

export const readFlag = (parsed: Record<string, unknown>, field: string): Outcome<boolean> => {
  const value = parsed[field] ?? false
  return typeof value === 'boolean' ? success(value) : wrong(field, 'true or false')
}

/** A positive whole number, or null when the field is absent. */
export const readCount = (parsed: Record<string, unknown>, field: string): Outcome<number | null> => {
  const value = parsed[field]
  if (value === undefined || value === null) return success(null)
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1 && value <= 10_000_000
    ? success(value)
    : wrong(field, 'a whole number from 1 to 10000000')
}

/** An object, or undefined when the field is absent. */
export const readObject = (
  parsed: Record<string, unknown>,
  field: string,
): Outcome<Record<string, unknown> | undefined> => {
  const value = parsed[field] ?? undefined
  return value === undefined || isObject(value) ? success(value) : wrong(field, 'an object')
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
