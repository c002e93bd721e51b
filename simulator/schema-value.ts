import { shown } from './exchange.ts'
import { seededNumbers } from './text.ts'

type Schema = { readonly [keyword: string]: unknown }

const isSchema = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])
const numberOr = (value: unknown, otherwise: number): number =>
  typeof value === 'number' ? value : otherwise

const words = ['amber', 'birch', 'cedar', 'delta', 'ember', 'fjord', 'grove', 'harbor', 'indigo', 'juniper']

const formats: Readonly<Record<string, string>> = {
  date: '2026-01-15',
  time: '09:30:00Z',
  'date-time': '2026-01-15T09:30:00Z',
  duration: 'PT15M',
  email: 'someone@example.com',
  hostname: 'example.com',
  ipv4: '192.0.2.10',
  ipv6: '2001:db8::10',
  uuid: '3f0c8a52-6d8e-4f6e-9a3b-2f6a6a0d1c11',
  uri: 'https://example.com/',
}

/** A value that conforms to a JSON schema of the kind that structured outputs and tools accept. */
export const valueFor = (schema: unknown, seed: string): unknown => {
  const next = seededNumbers(seed)
  const root = isSchema(schema) ? schema : {}
  const pick = <T>(items: readonly T[]): T | undefined => items[Math.floor(next() * items.length)]

  const resolve = (node: Schema): Schema => {
    const reference = node['$ref']
    if (typeof reference !== 'string' || !reference.startsWith('#')) return node
    const steps = reference.split('/').slice(1)
    const target = steps.reduce<unknown>((at, step) => (isSchema(at) ? at[step] : undefined), root)
    return isSchema(target) ? target : {}
  }

  const text = (node: Schema): string => {
    const format = formats[shown(node['format'])]
    if (format) return format
    const minimum = numberOr(node['minLength'], 0)
    let value = pick(words) ?? ''
    while (value.length < minimum) value += ` ${pick(words)}`
    return value.slice(0, numberOr(node['maxLength'], Math.max(minimum, value.length)))
  }

  const amount = (node: Schema, whole: boolean): number => {
    const step = numberOr(node['multipleOf'], whole ? 1 : 0.5)
    const low = numberOr(node['minimum'], numberOr(node['exclusiveMinimum'], -Infinity) + step)
    const high = numberOr(node['maximum'], numberOr(node['exclusiveMaximum'], Infinity) - step)
    const floor = Number.isFinite(low) ? low : Number.isFinite(high) ? high - 100 * step : 0
    const room = Math.min(Number.isFinite(high) ? high - floor : 100 * step, 100 * step)
    const value = Math.ceil(floor / step) * step + Math.floor((next() * room) / step) * step
    return value > high ? floor : value
  }

  const list = (node: Schema, depth: number): unknown[] => {
    const most = numberOr(node['maxItems'], 2)
    const count = Math.max(numberOr(node['minItems'], 0), Math.min(most, depth > 5 ? 0 : 2))
    return Array.from({ length: count }, () => make(node['items'], depth + 1))
  }

  const record = (node: Schema, depth: number): Record<string, unknown> => {
    const properties = isSchema(node['properties']) ? node['properties'] : {}
    const required = new Set(listOf(node['required']))
    const names = Object.keys(properties).filter((name) => required.has(name) || depth < 4)
    return Object.fromEntries(names.map((name) => [name, make(properties[name], depth + 1)]))
  }

  const make = (raw: unknown, depth: number): unknown => {
    const node = resolve(isSchema(raw) ? raw : {})
    if ('const' in node) return node['const']
    if (Array.isArray(node['enum'])) return pick(node['enum'])
    const options = [...listOf(node['anyOf']), ...listOf(node['oneOf'])]
    if (options.length > 0)
      return make(depth > 6 ? (options.find(isNull) ?? options[0]) : options[0], depth + 1)
    if (Array.isArray(node['allOf'])) {
      return Object.assign({}, ...node['allOf'].map((part: unknown) => make(part, depth + 1)))
    }
    return makeOfType(node, depth)
  }

  const makeOfType = (node: Schema, depth: number): unknown => {
    const declared = Array.isArray(node['type']) ? node['type'][0] : node['type']
    const type = declared ?? (isSchema(node['properties']) ? 'object' : 'string')
    if (type === 'object') return record(node, depth)
    if (type === 'array') return list(node, depth)
    if (type === 'integer' || type === 'number') return amount(node, type === 'integer')
    if (type === 'boolean') return next() < 0.5
    return type === 'null' ? null : text(node)
  }

  return make(root, 0)
}

const isNull = (option: unknown): boolean => isSchema(option) && option['type'] === 'null'
