import type { Fallback } from '../../src/contract/wire.ts'

export const choices: readonly { value: Fallback; label: string; consequence: string }[] = [
  {
    value: 'system',
    label: 'Use system keys',
    consequence: 'The call goes on at the same service on a system key, and costs credits.',
  },
  {
    value: 'alternative',
    label: 'Try another service',
    consequence:
      'The call moves to an equivalent model at a service where you have a key. It costs no credits; the model may differ.',
  },
  {
    value: 'alternative_then_system',
    label: 'Another service, then system keys',
    consequence:
      'As above; only if no such service can take the call, a system key does, and it costs credits.',
  },
  {
    value: 'none',
    label: 'No fallback',
    consequence:
      'The call is refused with a clear error. You never spend credits and never leave your own keys.',
  },
]

export const choiceLabel = (value: Fallback): string =>
  choices.find((choice) => choice.value === value)?.label ?? value
