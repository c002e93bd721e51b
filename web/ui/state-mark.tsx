import {
  IconAlertTriangle,
  IconCircleCheck,
  IconCircleDashed,
  IconCircleX,
  IconClock,
  IconProgress,
} from '@tabler/icons-react'
import { Mark } from './mark.tsx'

const tasks = {
  submitted: { tone: 'quiet', icon: IconClock, text: 'Submitted' },
  running: { tone: 'shared', icon: IconProgress, text: 'Running' },
  succeeded: { tone: 'own', icon: IconCircleCheck, text: 'Succeeded' },
  failed: { tone: 'bad', icon: IconCircleX, text: 'Failed' },
  unresolved: { tone: 'credits', icon: IconAlertTriangle, text: 'Unresolved' },
  cancelled: { tone: 'quiet', icon: IconCircleDashed, text: 'Cancelled' },
} as const

/** How a long operation stands. */
export const TaskMark = (props: { state: keyof typeof tasks }) => {
  const { tone, icon, text } = tasks[props.state]
  return (
    <Mark tone={tone} icon={icon} plain>
      {text}
    </Mark>
  )
}

const deliveries = {
  pending: { tone: 'quiet', icon: IconClock, text: 'Waiting' },
  delivered: { tone: 'own', icon: IconCircleCheck, text: 'Delivered' },
  failed: { tone: 'bad', icon: IconCircleX, text: 'Failed' },
  superseded: { tone: 'quiet', icon: IconCircleDashed, text: 'Superseded' },
} as const

export const DeliveryMark = (props: { state: keyof typeof deliveries }) => {
  const { tone, icon, text } = deliveries[props.state]
  return (
    <Mark tone={tone} icon={icon} plain>
      {text}
    </Mark>
  )
}
