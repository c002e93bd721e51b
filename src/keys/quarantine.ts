import type { Notice } from '../alerts/notice.ts'
import { findService } from '../services/registry.ts'
import type { Verdict } from '../services/service.ts'
import type { ServiceKeyView } from './service-key.ts'

/**
 * Services revoke keys that were found in public (docs/keys.md), so a refusal out of nothing is told of as a possible leak, and
 * never as one more key that stopped working. The key stays out of use until its service accepts it again or another is
 * put in its place.
 */
export const leakReason =
  'It worked, then its service refused it all at once: it may have leaked and been revoked there.'

export const leakAdvice = (serviceId: string): string => {
  const name = findService(serviceId)?.name ?? 'the service'
  return `Find out at ${name} who revoked it and what it was used for last. Make a new key there and replace this one. If nobody of yours revoked it, treat it as leaked: look for where it was kept besides here.`
}

/** It had been proven, or had served operations. */
export const hadWorked = (key: { readonly verdict: Verdict; readonly lastUsedAt: Date | null }): boolean =>
  key.verdict === 'valid' || key.lastUsedAt !== null

type TellOf = Pick<
  ServiceKeyView,
  'organizationId' | 'id' | 'owner' | 'userId' | 'serviceId' | 'label' | 'version' | 'lastFour'
>

/** Its owner, and those who administer where it belongs. */
const audiencesOf = ({ owner, organizationId, userId }: TellOf): Notice['audience'][] => {
  if (owner === 'system') return [{ kind: 'platform_administrators' }]
  const administrators = { kind: 'organization_administrators', organizationId } as const
  return userId === null ? [administrators] : [{ kind: 'user', organizationId, userId }, administrators]
}

const pathFor = (audience: Notice['audience'], { id }: TellOf): string => {
  if (audience.kind === 'platform_administrators') return `/admin/keys/${id}`
  return audience.kind === 'user' ? `/keys/${id}` : '/key-hygiene'
}

export const leakNotices = (key: TellOf, now: Date): Notice[] => {
  const name = findService(key.serviceId)?.name ?? key.serviceId
  const whose = { user: 'A key of a user', organization: 'A key of the organisation', system: 'A system key' }
  return audiencesOf(key).map((audience) => ({
    audience,
    kind: 'key_possibly_leaked',
    severity: 'critical',
    // Once a day for a key that comes and goes.
    key: `possibly-leaked:${key.id}:${key.version}:${now.toISOString().slice(0, 10)}`,
    title: `${name} refused a key that had worked: ${key.label}`,
    text: `${audience.kind === 'user' ? 'Your key' : whose[key.owner]} “${key.label}” for ${name} (…${key.lastFour}) worked, then was refused all at once. It is no longer used. ${leakAdvice(key.serviceId)}`,
    path: pathFor(audience, key),
  }))
}

/** For those who run the platform: whose secret it is stays with them. */
export const sharedSecretNotice = (key: TellOf): Notice => ({
  audience: { kind: 'platform_administrators' },
  kind: 'key_same_as_system_key',
  severity: 'warning',
  key: `same-as-system-key:${key.id}:${key.version}`,
  title: `A system key is stored by a ${key.owner === 'user' ? 'user' : 'organisation'}, too`,
  text: `The key “${key.label}” for ${findService(key.serviceId)?.name ?? key.serviceId} (…${key.lastFour}) is the same secret as a system key. Whoever entered it knows the platform’s secret: make a new system key, and revoke this one at the service.`,
  path: '/admin/key-hygiene',
})
