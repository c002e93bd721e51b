import {
  IconAlertTriangle,
  IconCircleCheck,
  IconCircleX,
  IconClockPause,
  IconHelpCircle,
  IconPlayerPause,
  IconProgress,
} from '@tabler/icons-react'
import type { KeyHealth, ServiceHealth } from '../../src/contract/health.ts'
import { Mark } from '../ui/mark.tsx'

const states = {
  closed: { tone: 'own', icon: IconCircleCheck, text: 'Working' },
  open: { tone: 'bad', icon: IconPlayerPause, text: 'Paused' },
  half_open: { tone: 'credits', icon: IconProgress, text: 'On trial' },
} as const

/** A circuit breaker in words: closed, open, half-open. */
export const BreakerMark = (props: { state: ServiceHealth['state']; plain?: boolean }) => {
  const { tone, icon, text } = states[props.state]
  return (
    <Mark tone={tone} icon={icon} plain={props.plain ?? false}>
      {text}
    </Mark>
  )
}

const troubles = {
  cooling: { tone: 'credits', icon: IconClockPause, text: 'Cooling down' },
  suspected: { tone: 'credits', icon: IconHelpCircle, text: 'Refused once, in doubt' },
  invalid: { tone: 'bad', icon: IconCircleX, text: 'Refused' },
  exhausted: { tone: 'bad', icon: IconAlertTriangle, text: 'Out of quota' },
  suspended: { tone: 'quiet', icon: IconClockPause, text: 'Suspended' },
  revoked: { tone: 'quiet', icon: IconCircleX, text: 'Revoked' },
} as const

/** What is wrong with a key itself; nothing for an active one. */
export const KeyTroubleMark = (props: { status: KeyHealth['status'] }) => {
  if (props.status === 'active') return null
  const { tone, icon, text } = troubles[props.status]
  return (
    <Mark tone={tone} icon={icon} plain>
      {text}
    </Mark>
  )
}
