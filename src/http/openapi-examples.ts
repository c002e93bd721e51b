/**
 * An example of whatever a schema describes, always the same one: names of fields say what is usual there, the schema what is
 * possible. A test parses each of them with the schema that the server checks by.
 */
export interface JsonSchema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly default?: unknown
  readonly examples?: readonly unknown[]
  readonly anyOf?: readonly JsonSchema[]
  readonly oneOf?: readonly JsonSchema[]
  readonly allOf?: readonly JsonSchema[]
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | JsonSchema
  readonly propertyNames?: JsonSchema
  readonly items?: JsonSchema
  readonly prefixItems?: readonly JsonSchema[]
  readonly minItems?: number
  readonly format?: string
  readonly pattern?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
}

export type Schemas = Readonly<Record<string, JsonSchema>>

const id = '019ab1c2-7d3e-7f40-8a51-62b3c4d5e6f7'
const time = '2026-11-23T09:30:00.000Z'

const byFormat: Readonly<Record<string, string>> = {
  uuid: id,
  'date-time': time,
  date: '2026-11-23',
  email: 'ada@example.com',
  uri: 'https://example.com/',
  ipv4: '192.0.2.1',
  cidrv4: '192.0.2.0/24',
}

/** By the name of the field, or the end of it; the first that the schema takes. */
const byName: readonly (readonly [RegExp, string | number])[] = [
  [/^(email|userEmail|actorEmail|paysEmail)$/i, 'ada@example.com'],
  [/(Micros|micros)$/, '1500000'],
  [/(NanoUsd|nanoUsd)$/, '2500000'],
  [/Minor$/, '1900'],
  [/^currency$/, 'USD'],
  [/^(credits)$/, '25'],
  [/^model(s)?$/, 'gpt-5-mini'],
  [/^(serviceId|service)$/, 'openai'],
  [/^tier(Id|s)?$/, 'pro'],
  [/^timeZone$/, 'Europe/Berlin'],
  [/^(from|since|startsAt)$/, time],
  [/^(reason|note)$/, 'Quarterly review'],
  [/^(label)$/, 'Production'],
  [/^(name)$/, 'Research'],
  [/^(userName|displayName)$/, 'Ada Lovelace'],
  [/^organizationName$/, 'Example Ltd'],
  [/^(description|title|text|message|summary)$/, 'What it is for'],
  [/^(url|baseUrl|returnUrl|resultUrl|webhookUrl)$/, 'https://example.com/hook'],
  [/^(lastFour|secretLastFour)$/, 'x7Qa'],
  [/^secret$/, 'the secret as the service shows it'],
  [/^token$/, 'aik_…'],
  [/^version$/, 3],
  [/^per$/, '1000000'],
  [/^(nanoUsdPerCredit|before|after)$/, '10000000'],
  [/^limit$/, 50],
]

/** For what has a pattern of its own. */
const texts = [
  id,
  time,
  '2026-11-23',
  '1500000',
  'openai',
  'key.added',
  'service_key',
  'gpt-5-mini',
  'https://example.com',
  'https://example.com/hook',
  'example.com',
  '0123456789abcdef'.repeat(4),
  'x'.repeat(43),
  'Europe/Berlin',
  'EU',
  'de',
  'USD',
  '3',
  '0.25',
  '09:30',
  '123456',
  'AKIAEXAMPLE',
  '192.0.2.0/24',
  'allocation,usage',
  'Example 1',
]

/** What excludes the field beside it, which has an example. */
const leftOut: ReadonlySet<string> = new Set(['jwks'])

/** Deep enough for anything that is; schemas that contain themselves end here. */
const deepest = 12

export const exampleOf = (schema: JsonSchema, schemas: Schemas = {}, name = '', depth = 0): unknown => {
  if (depth > deepest) return null
  const again = (inner: JsonSchema, as = name) => exampleOf(inner, schemas, as, depth + 1)
  if (schema.$ref !== undefined) return again(schemas[schema.$ref.split('/').at(-1) ?? ''] ?? {})
  if (schema.examples?.[0] !== undefined) return schema.examples[0]
  if (schema.const !== undefined) return schema.const
  if (schema.default !== undefined && schema.default !== null) return schema.default
  if (schema.enum !== undefined) return schema.enum[0]
  if (schema.allOf !== undefined && schema.type === undefined)
    return merged(schema.allOf.map((one) => again(one)))
  const choices = schema.anyOf ?? schema.oneOf
  if (choices !== undefined) {
    const isNullable = choices.some((one) => one.type === 'null')
    return isNullable && leftOut.has(name) ? null : again(choices.find((one) => one.type !== 'null') ?? {})
  }
  const type = typeof schema.type === 'string' ? schema.type : schema.type?.find((one) => one !== 'null')
  switch (type) {
    case 'object':
      return exampleOfObject(schema, again)
    case 'array':
      return exampleOfArray(schema, again, name)
    case 'string':
      return exampleOfText(schema, name)
    case 'integer':
    case 'number':
      return exampleOfNumber(schema, name)
    case 'boolean':
      return true
    case 'null':
      return null
    case undefined:
    default:
      return schema.properties === undefined ? 'anything' : exampleOfObject(schema, again)
  }
}

type Again = (inner: JsonSchema, as?: string) => unknown

const exampleOfObject = (schema: JsonSchema, again: Again): Record<string, unknown> => {
  const known = Object.entries(schema.properties ?? {}).map(
    ([key, inner]) => [key, again(inner, key)] as const,
  )
  if (known.length > 0) return Object.fromEntries(known)
  const { additionalProperties: any } = schema
  if (typeof any !== 'object' || Object.keys(any).length === 0) return {}
  const keys = schema.propertyNames?.enum
  if (keys) return Object.fromEntries(keys.map((one) => [String(one), again(any, String(one))]))
  const key = schema.propertyNames === undefined ? 'name' : again(schema.propertyNames, 'name')
  return { [String(key)]: again(any, String(key)) }
}

const exampleOfArray = (schema: JsonSchema, again: Again, name: string): unknown[] => {
  if (schema.prefixItems) return schema.prefixItems.map((one) => again(one))
  if (schema.items === undefined) return []
  const one = again(schema.items, name.replace(/s$/, ''))
  return Array.from({ length: Math.max(1, schema.minItems ?? 0) }, () => one)
}

const exampleOfText = (schema: JsonSchema, name: string): string => {
  const named = byName.filter(([pattern]) => pattern.test(name)).map(([, value]) => String(value))
  const formatted = schema.format === undefined ? [] : [byFormat[schema.format] ?? '']
  const found = [...(schema.format === undefined ? named : []), ...formatted, ...named, ...texts].find(
    (text) => takes(schema, text),
  )
  return found ?? 'text'.padEnd(schema.minLength ?? 0, '.').slice(0, schema.maxLength)
}

const takes = (
  { pattern, allOf = [], minLength = 0, maxLength = 1e9, format }: JsonSchema,
  text: string,
): boolean =>
  text.length >= minLength &&
  text.length <= maxLength &&
  [pattern, ...allOf.map((one) => one.pattern)].every(
    (one) => one === undefined || new RegExp(one, 'u').test(text),
  ) &&
  (format === undefined || byFormat[format] === undefined || byFormat[format] === text || format === 'uri')

const exampleOfNumber = (schema: JsonSchema, name: string): number => {
  const usual = byName.find(([pattern, value]) => typeof value === 'number' && pattern.test(name))?.[1] ?? 12
  const least =
    schema.minimum ?? (schema.exclusiveMinimum === undefined ? -Infinity : schema.exclusiveMinimum + 1)
  return Math.min(Math.max(Number(usual), least), schema.maximum ?? Infinity)
}

const merged = (parts: readonly unknown[]): unknown =>
  parts.every((part) => typeof part === 'object' && part !== null && !Array.isArray(part))
    ? Object.assign({}, ...(parts as object[]))
    : parts[0]

interface Media {
  schema?: JsonSchema
  example?: unknown
}
interface Operation {
  parameters?: { name: string; in: string; schema?: JsonSchema; example?: unknown; required?: boolean }[]
  requestBody?: { content?: Record<string, Media> }
  responses?: Record<string, { content?: Record<string, Media> }>
}
export interface OpenApiDocument {
  openapi: string
  info: Record<string, unknown>
  paths: Record<string, Record<string, Operation>>
  components?: { schemas?: Record<string, JsonSchema> }
}

/** Puts an example beside every body, reply and parameter that is JSON. */
export const withExamples = (document: OpenApiDocument): OpenApiDocument => {
  const schemas = document.components?.schemas ?? {}
  const fill = (content: Record<string, Media> | undefined) => {
    const media = content?.['application/json']
    if (media?.schema) media.example ??= exampleOf(media.schema, schemas)
  }
  for (const path of Object.values(document.paths))
    for (const operation of Object.values(path)) {
      for (const parameter of operation.parameters ?? [])
        if (parameter.schema) parameter.example ??= exampleOf(parameter.schema, schemas, parameter.name)
      fill(operation.requestBody?.content)
      for (const [status, reply] of Object.entries(operation.responses ?? {}))
        if (status === 'default') fillError(reply.content?.['application/json'])
        else fill(reply.content)
    }
  return document
}

const fillError = (media: Media | undefined): void => {
  if (media)
    media.example = {
      error: {
        code: 'not_found',
        message: 'There is no such object, or it is not yours.',
        next: 'Check the id.',
      },
    }
}
