import type { JSONSchema7, LanguageModelV4FunctionTool } from '@ai-sdk/provider'
import type { Settings } from './call.ts'
import { applyFields, type Fields } from './fields.ts'
import { type Notes, refuse } from './notes.ts'
import { type Json, readFlag, readOptionalJson, readOptionalText, readText } from './read.ts'

type Effort = NonNullable<Settings['reasoning']>
const efforts: ReadonlySet<string> = new Set<Effort>([
  'none',
  'minimal',
  'low',
  'medium',
  'high',
  'xhigh',
  'max',
])

export const effortOf = (value: string | undefined, field: string): Effort | undefined => {
  if (value === undefined) return undefined
  const name = value.toLowerCase()
  return efforts.has(name) ? (name as Effort) : refuse(field, `${field} is not an effort that is known here.`)
}

/** Budgets by which Anthropic and Google describe their levels; between them the nearest above counts. */
const tokensOfEfforts: readonly (readonly [tokens: number, effort: Effort])[] = [
  [1_024, 'minimal'],
  [4_096, 'low'],
  [12_288, 'medium'],
  [32_768, 'high'],
  [Number.POSITIVE_INFINITY, 'xhigh'],
]

export const effortOfTokens = (tokens: number): Effort =>
  tokens === 0 ? 'none' : (tokensOfEfforts.find(([most]) => tokens <= most)?.[1] ?? 'high')

const functionFields: Fields = {
  // Of the flat shape of the responses endpoint.
  type: 'carried',
  name: 'carried',
  description: 'carried',
  parameters: 'carried',
  strict: 'carried',
}

const noParameters: JSONSchema7 = { type: 'object', properties: {} }

/** A tool of the OpenAI endpoints. */
export const readFunctionSchema = (tool: Json, field: string, notes: Notes): LanguageModelV4FunctionTool => {
  applyFields(tool, functionFields, `${field}.`, notes)
  const description = readOptionalText(tool.description, `${field}.description`)
  const strict = readFlag(tool.strict, `${field}.strict`)
  return {
    type: 'function',
    name: readText(tool.name, `${field}.name`),
    inputSchema: (readOptionalJson(tool.parameters, `${field}.parameters`) as JSONSchema7) ?? noParameters,
    ...(description === undefined ? {} : { description }),
    // False is what every other service does by itself.
    ...(strict === true ? { strict } : {}),
  }
}

export const readJsonSchemaFormat = (
  format: Json,
  field: string,
): { format: Settings['responseFormat']; strict: boolean } => {
  const name = readOptionalText(format.name, `${field}.name`)
  const description = readOptionalText(format.description, `${field}.description`)
  const schema = readOptionalJson(format.schema, `${field}.schema`)
  return {
    format: {
      type: 'json',
      ...(schema === undefined ? {} : { schema }),
      ...(name === undefined ? {} : { name }),
      ...(description === undefined ? {} : { description }),
    },
    strict: readFlag(format.strict, `${field}.strict`) === true,
  }
}

/** OpenAI enforces only schemas that name and require every property. */
export const fitsStrictMode = (schema: unknown): boolean => {
  if (Array.isArray(schema)) return schema.every(fitsStrictMode)
  if (typeof schema !== 'object' || schema === null) return true
  const { type, properties, required, additionalProperties } = schema as Json
  const isObjectSchema = type === 'object' || (Array.isArray(type) && type.includes('object'))
  if (isObjectSchema || properties !== undefined) {
    const names = Object.keys(properties ?? {})
    const needed = new Set(Array.isArray(required) ? (required as unknown[]) : [])
    if (additionalProperties !== false || !names.every((name) => needed.has(name))) return false
  }
  return Object.values(schema).every(fitsStrictMode)
}
