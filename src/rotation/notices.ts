import type { Notice } from '../alerts/alerts.ts'
import type { ServiceKeyView } from '../keys/keys.ts'
import { findService } from '../services/registry.ts'
import type { RotationAttempt } from './attempt.ts'

type Known = Pick<ServiceKeyView, 'organizationId' | 'owner' | 'userId' | 'serviceId' | 'label' | 'lastFour'>

const audienceOf = ({ organizationId, owner, userId }: Known): Notice['audience'] =>
  owner === 'user' && userId !== null
    ? { kind: 'user', organizationId, userId }
    : { kind: 'platform_administrators' }

const nameOf = ({ serviceId, label }: Known): string =>
  `${findService(serviceId)?.name ?? serviceId} key “${label}”`

const titles = {
  asked: 'is to be rotated: a new key is needed',
  confirming: 'was rotated: delete the old key at the service',
  needs_human: 'could not be rotated by itself',
  failed_safe: 'was not rotated; the old key stays in use',
  rolling_back: 'goes back to its old version',
} as const
type Told = keyof typeof titles

/** Who has to know of the state an attempt has come to; again with each `reminder`. */
export const noticesFor = (
  { id, state, message, nextStep, mode }: RotationAttempt,
  key: Known,
  reminder: number,
): Notice[] => {
  if (!(state in titles)) return []
  const told = state as Told
  const urgent = mode === 'breach' || told === 'needs_human' || told === 'rolling_back'
  return [
    {
      audience: audienceOf(key),
      kind: 'key_rotation',
      severity: mode === 'breach' ? 'critical' : urgent || reminder > 0 ? 'warning' : 'info',
      key: `rotation:${id}:${state}:${reminder}`,
      title: `${nameOf(key)} ${titles[told]}`,
      text:
        [message, nextStep].filter((part) => part !== null).join(' ') || `${nameOf(key)} ${titles[told]}.`,
      path: key.owner === 'user' ? '/keys' : '/admin/rotation',
    },
  ]
}
