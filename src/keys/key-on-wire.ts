import type { ServiceKey as WireServiceKey } from '../contract/service-keys.ts'
import { findService } from '../services/registry.ts'
import { leakAdvice } from './quarantine.ts'
import { scopeNotesOf, scopeText } from './scope.ts'
import type { KeyCheck, ServiceKeyView } from './service-key.ts'

export const checkOnWire = ({ scopeWarnings, ...check }: KeyCheck) => ({
  ...check,
  scopeWarnings: [...scopeWarnings],
})

export const keyOnWire = (key: ServiceKeyView, now: Date): WireServiceKey => {
  const cooling = key.status === 'active' && key.coolingUntil !== null && key.coolingUntil > now
  const status = cooling ? 'cooling' : key.status
  return {
    id: key.id,
    serviceId: key.serviceId,
    owner: key.owner,
    label: key.label,
    priority: key.priority,
    position: key.position,
    baseUrl: key.baseUrl,
    settings: key.settings,
    status,
    statusReason: key.statusReason ?? reasonOf(status, key),
    statusCause: key.statusCause,
    scopeWarnings: scopeNotesOf(key.scopeNotes).map(scopeText),
    next: nextFor(status, key),
    coolingUntil: key.coolingUntil?.toISOString() ?? null,
    verdict: key.verdict,
    verdictDetail: key.verdictDetail,
    validatedAt: key.validatedAt?.toISOString() ?? null,
    lastFour: key.lastFour,
    version: key.version,
    lastUsedAt: key.lastUsedAt?.toISOString() ?? null,
    createdAt: key.createdAt.toISOString(),
  }
}

const reasonOf = (status: WireServiceKey['status'], key: ServiceKeyView): string | null => {
  if (status === 'cooling') return 'The service limits this key for now.'
  if (status === 'suspended')
    return 'The organisation’s control policy does not allow own keys for this service.'
  if (key.suspectedAt !== null)
    return 'The service refused this key once; a second refusal takes it out of use.'
  return null
}

const nextFor = (status: WireServiceKey['status'], key: ServiceKeyView): string | null => {
  const name = findService(key.serviceId)?.name ?? 'the service'
  switch (status) {
    case 'active':
      if (key.suspectedAt !== null) return 'Check it again now.'
      return key.verdict === 'valid' ? null : 'Check it again; until then it is tried as it is.'
    case 'cooling':
      return 'Nothing: it is used again by itself.'
    case 'invalid':
      if (key.statusCause === 'possibly_leaked') return leakAdvice(key.serviceId)
      return 'Replace it with a key that works, or check it again.'
    case 'exhausted':
      return `Add quota at ${name}, then check it again.`
    case 'suspended':
      return 'Nothing: it comes back when the policy allows it. You may revoke it.'
    case 'revoked':
      return null
  }
}
