import type { FastifyRequest } from 'fastify'
import { isStorableText, storableText } from '../db/arrays.ts'
import { FaultError, fault } from '../kit/fault.ts'
import { redactSecrets } from '../kit/redact.ts'

/**
 * PostgreSQL stores neither NUL nor half a surrogate pair, which JSON and addresses can carry. Refused here, once for every
 * endpoint, before its schema looks at it.
 */
export const requireStorableText = async ({ params, query, body }: FastifyRequest): Promise<void> => {
  for (const part of [params, query, body]) {
    const path = unstorablePath(part)
    if (path === null) continue
    const field = redactSecrets(storableText(path.join('.'))).slice(0, longestField)
    throw new FaultError(
      fault('invalid_request', {
        message: `${field}: it has a character that cannot be stored: NUL or half of a surrogate pair.`,
        field,
      }),
    )
  }
}

const longestField = 200

interface Place {
  readonly value: unknown
  readonly name: string
  readonly above: Place | null
}

/** Where the first text is that cannot be stored, names of fields included; without recursion, however deep the value is. */
export const unstorablePath = (whole: unknown): readonly string[] | null => {
  const places: Place[] = [{ value: whole, name: '', above: null }]
  for (let place = places.pop(); place !== undefined; place = places.pop()) {
    const { value } = place
    if (typeof value === 'string' && !isStorableText(value)) return pathOf(place)
    // Bytes are whatever they are.
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) continue
    for (const [name, inner] of Object.entries(value)) {
      const below = { value: inner, name, above: place }
      if (!isStorableText(name)) return pathOf(below)
      places.push(below)
    }
  }
  return null
}

const pathOf = (place: Place): readonly string[] => {
  const names: string[] = []
  for (let at: Place | null = place; at?.above; at = at.above) names.push(at.name)
  return names.toReversed()
}
