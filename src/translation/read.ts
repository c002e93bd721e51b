import { isObject } from '../dialects/request.ts'
import { malformed } from './notes.ts'

export type Json = Readonly<Record<string, unknown>>

/** Readers of one value each; what has another shape than the dialect documents is the caller's mistake, by name. */
export const readText = (value: unknown, field: string): string =>
  typeof value === 'string' ? value : malformed(field, 'text')

export const readOptionalText = (value: unknown, field: string): string | undefined =>
  value === undefined || value === null ? undefined : readText(value, field)

export const readJson = (value: unknown, field: string): Json =>
  isObject(value) ? value : malformed(field, 'an object')

export const readOptionalJson = (value: unknown, field: string): Json | undefined =>
  value === undefined || value === null ? undefined : readJson(value, field)

export const readNumber = (value: unknown, field: string): number | undefined => {
  if (value === undefined || value === null) return undefined
  return typeof value === 'number' && Number.isFinite(value) ? value : malformed(field, 'a number')
}

export const readFlag = (value: unknown, field: string): boolean | undefined => {
  if (value === undefined || value === null) return undefined
  return typeof value === 'boolean' ? value : malformed(field, 'true or false')
}

export const readList = (value: unknown, field: string): readonly unknown[] =>
  Array.isArray(value) ? (value as unknown[]) : malformed(field, 'a list')

/** Items with their place, for messages that name it. */
export const readItems = (
  value: unknown,
  field: string,
): readonly (readonly [item: Json, field: string])[] =>
  value === undefined || value === null
    ? []
    : readList(value, field).map((item, index) => [
        readJson(item, `${field}[${index}]`),
        `${field}[${index}]`,
      ])

export const readTexts = (value: unknown, field: string): string[] | undefined => {
  if (isEmpty(value)) return undefined
  return (Array.isArray(value) ? (value as unknown[]) : [value]).map((item) => readText(item, field))
}

/** The arguments of a call in a conversation, which every service takes as an object. */
export const readArguments = (value: unknown, field: string): Json => {
  if (isObject(value)) return value
  const text = value === undefined || value === null ? '' : readText(value, field)
  if (text.trim() === '') return {}
  try {
    const parsed = JSON.parse(text) as unknown
    if (isObject(parsed)) return parsed
  } catch {
    // Told below.
  }
  return malformed(field, 'a JSON object, as text')
}

export const isEmpty = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  (Array.isArray(value) && value.length === 0) ||
  (isObject(value) && Object.keys(value).length === 0)
