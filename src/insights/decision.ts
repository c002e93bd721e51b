import type { Decision } from '../contract/operations.ts'

/**
 * The decision as it lies in the record (routing/decision.ts writes it). Records outlive programs, so what is not as
 * expected is left out rather than believed.
 */
export const decisionOnWire = (kept: unknown): Decision | null => {
  if (!isObject(kept) || !Array.isArray(kept['candidates'])) return null
  return {
    fallback: oneOf(fallbacks, kept['fallback']),
    candidates: kept['candidates'].flatMap(candidateOf),
    passedOver: Array.isArray(kept['passedOver']) ? kept['passedOver'].flatMap(passedOf) : [],
    moreCandidates: countOf(kept['moreCandidates']),
    morePassedOver: countOf(kept['morePassedOver']),
  }
}

const fallbacks = ['system', 'alternative', 'alternative_then_system', 'none'] as const
const owners = ['user', 'organization', 'system'] as const

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const oneOf = <Value extends string>(values: readonly Value[], value: unknown): Value | null =>
  values.find((each) => each === value) ?? null

const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null)
const countOf = (value: unknown): number => (Number.isSafeInteger(value) ? Number(value) : 0)

const offerOf = (kept: Record<string, unknown>) => {
  const serviceId = textOf(kept['service'])
  const keyOwner = oneOf(owners, kept['owner'])
  if (serviceId === null || keyOwner === null) return null
  return { serviceId, keyOwner, model: textOf(kept['model']) ?? '' }
}

const candidateOf = (kept: unknown): Decision['candidates'] => {
  const offer = isObject(kept) ? offerOf(kept) : null
  if (offer === null || !isObject(kept)) return []
  return [
    {
      ...offer,
      serviceKeyId: textOf(kept['key']) ?? '',
      keyPriority: Number.isSafeInteger(kept['priority']) ? Number(kept['priority']) : null,
      via: kept['via'] === 'translation' ? 'translation' : 'pass_through',
      health: kept['health'] === 'half_open' ? 'half_open' : 'ok',
      reason: textOf(kept['reason']) ?? '',
    },
  ]
}

const passedOf = (kept: unknown): Decision['passedOver'] => {
  const offer = isObject(kept) ? offerOf(kept) : null
  if (offer === null || !isObject(kept)) return []
  return [
    {
      ...offer,
      serviceKeyId: textOf(kept['key']),
      why: textOf(kept['why']) ?? '',
      until: textOf(kept['until']),
    },
  ]
}
