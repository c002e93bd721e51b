import type { JSONSchema7 } from '@ai-sdk/provider'
import { isObject } from '../dialects/request.ts'
import { type Json, readJson } from './read.ts'

/** Proto JSON takes either form of a name; ours is the documented one. Values stay as they are. */
export const inCamelCase = (object: Json): Json => {
  if (!Object.keys(object).some((name) => name.includes('_'))) return object
  return Object.fromEntries(
    Object.entries(object).map(([name, value]) => [
      name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      value,
    ]),
  )
}

const noParameters: JSONSchema7 = { type: 'object', properties: {} }

/** Google's own schema language (OpenAPI 3.0 with types in capitals) as JSON schema. */
export const schemaFromGoogle = (value: unknown, field: string): JSONSchema7 =>
  value === undefined || value === null ? noParameters : (convert(readJson(value, field)) as JSONSchema7)

const counts = new Set(['minItems', 'maxItems', 'minLength', 'maxLength', 'minProperties', 'maxProperties'])

const convert = (schema: Json): Json => {
  const { nullable, ...members } = inCamelCase(schema)
  const entries = Object.entries(members).flatMap(([name, value]): [string, unknown][] => {
    if (name === 'propertyOrdering') return []
    if (name === 'type' && typeof value === 'string') return typeOf(value)
    // Proto JSON writes 64-bit numbers as text.
    if (counts.has(name)) return [[name, Number(value)]]
    if (name === 'properties' && isObject(value)) return [[name, mapValues(value, convertAny)]]
    if (name === 'items' || name === 'additionalProperties') return [[name, convertAny(value)]]
    if (name === 'anyOf' && Array.isArray(value)) return [[name, value.map(convertAny)]]
    return [[name, value]]
  })
  const converted = Object.fromEntries(entries)
  if (nullable !== true || typeof converted.type !== 'string') return converted
  return { ...converted, type: [converted.type, 'null'] }
}

const typeOf = (value: string): [string, unknown][] =>
  value === 'TYPE_UNSPECIFIED' ? [] : [['type', value.toLowerCase()]]

const convertAny = (value: unknown): unknown => (isObject(value) ? convert(value) : value)

const mapValues = (object: Json, change: (value: unknown) => unknown) =>
  Object.fromEntries(Object.entries(object).map(([name, value]) => [name, change(value)]))
