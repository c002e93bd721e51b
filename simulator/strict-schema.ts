import { isRecord } from './exchange.ts'

/**
 * What a service with strict structured outputs refuses in a schema: objects that are not closed, or (OpenAI)
 * properties that are not required. Returns the place and the reason.
 */
export const strictSchemaFault = (
  schema: unknown,
  allRequired: boolean,
  at: readonly string[] = [],
): string | null => {
  if (!isRecord(schema)) return null
  const context = `In context=(${at.map((step) => `'${step}'`).join(', ')})`
  const properties = isRecord(schema['properties']) ? schema['properties'] : {}
  if (schema['type'] === 'object' || isRecord(schema['properties'])) {
    if (schema['additionalProperties'] !== false)
      return `${context}, 'additionalProperties' is required to be supplied and to be false.`
    const required = Array.isArray(schema['required']) ? schema['required'] : []
    const left = Object.keys(properties).find((name) => !required.includes(name))
    if (allRequired && left !== undefined)
      return `${context}, 'required' is required to be supplied and to be an array including every key in properties. Missing '${left}'.`
  }
  const inside: [string, unknown][] = [
    ...Object.entries(properties).map(([name, value]): [string, unknown] => [`properties:${name}`, value]),
    ...(isRecord(schema['$defs']) ? Object.entries(schema['$defs']) : []),
    ...(Array.isArray(schema['anyOf'])
      ? schema['anyOf'].map((s, i): [string, unknown] => [`anyOf:${i}`, s])
      : []),
    ['items', schema['items']],
  ]
  for (const [step, value] of inside) {
    const found = strictSchemaFault(value, allRequired, [...at, step])
    if (found) return found
  }
  return null
}
