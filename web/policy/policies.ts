import type { ControlPolicy } from '../../src/contract/wire.ts'

export const policies: readonly { value: ControlPolicy; label: string; consequence: string }[] = [
  {
    value: 'it_control',
    label: 'IT control',
    consequence:
      'Only the organisation’s and system keys are used. Members cannot add or change keys; keys they have are suspended, not deleted.',
  },
  {
    value: 'hybrid',
    label: 'Hybrid',
    consequence:
      'The services marked critical are under IT control; for all others members manage their own keys.',
  },
  {
    value: 'user_control',
    label: 'User control',
    consequence:
      'Members manage their own keys for every service. Administrators see status and usage, never secrets.',
  },
]

export const policyName = (value: ControlPolicy): string =>
  policies.find((policy) => policy.value === value)?.label ?? value
