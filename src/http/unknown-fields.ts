import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Endpoint } from '../contract/endpoint.ts'
import { FaultError, fault } from '../kit/fault.ts'
import { redactSecrets } from '../kit/redact.ts'

/**
 * Refuses what no schema of the endpoint knows. A misspelt filter or scope that is passed over would ask for everything, or
 * set a budget on a whole organisation.
 */
export const requireKnownFields =
  ({ query, body }: Pick<Endpoint, 'query' | 'body'>) =>
  async (request: FastifyRequest): Promise<void> => {
    const unknown =
      unknownField(query ?? z.object({}), request.query) ?? (body ? unknownField(body, request.body) : null)
    if (unknown === null) return
    const field = redactSecrets(unknown.path.join('.')).slice(0, longestField)
    throw new FaultError(
      fault('invalid_request', {
        message: `There is no field ${field}.`,
        next: `Leave it out, or write one of: ${unknown.known.join(', ')}.`,
        field,
      }),
    )
  }

const longestField = 200

export interface UnknownField {
  readonly path: readonly string[]
  /** What stands in its place. */
  readonly known: readonly string[]
}

type Definition = z.core.$ZodTypes['_zod']['def']

/** The first field that the schema has no word for. What is wrong otherwise is the schema's to say. */
export const unknownField = (schema: z.core.$ZodType, value: unknown): UnknownField | null => {
  const { def } = schema as unknown as { readonly def: Definition }
  if (def.type === 'object') return isRecord(value) && !def.catchall ? unknownOf(def.shape, value) : null
  if (def.type === 'array')
    return Array.isArray(value) ? first(value, (each, n) => below(n, unknownField(def.element, each))) : null
  if (def.type === 'record')
    return isRecord(value)
      ? first(Object.entries(value), ([name, each]) => below(name, unknownField(def.valueType, each)))
      : null
  if (def.type === 'union') {
    const fitting = def.options.filter((option) => z.safeParse(option, value).success)
    const found = (fitting.length > 0 ? fitting : def.options).map((option) => unknownField(option, value))
    return found.includes(null) ? null : (found[0] ?? null)
  }
  if (def.type === 'pipe') return unknownField(def.in, value)
  if (def.type === 'lazy') return unknownField(def.getter(), value)
  return 'innerType' in def ? unknownField(def.innerType, value) : null
}

const unknownOf = (
  shape: Readonly<Record<string, z.core.$ZodType>>,
  value: Readonly<Record<string, unknown>>,
): UnknownField | null =>
  first(Object.entries(value), ([name, each]) => {
    const field = Object.hasOwn(shape, name) ? shape[name] : undefined
    return below(name, field ? unknownField(field, each) : { path: [], known: Object.keys(shape) })
  })

const below = (name: string | number, found: UnknownField | null): UnknownField | null =>
  found && { ...found, path: [String(name), ...found.path] }

const first = <Each>(
  all: readonly Each[],
  look: (each: Each, index: number) => UnknownField | null,
): UnknownField | null => {
  for (const [index, each] of all.entries()) {
    const found = look(each, index)
    if (found) return found
  }
  return null
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
