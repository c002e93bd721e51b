import { IconCircleCheck, IconCircleDashed, IconCircleX } from '@tabler/icons-react'
import type { WebhookEndpointOnWire } from '../../src/contract/webhooks.ts'
import { Ago } from '../ui/figures.tsx'
import { Mark } from '../ui/mark.tsx'
import classes from './webhooks.module.css'

const states = {
  enabled: { tone: 'own', icon: IconCircleCheck, text: 'On' },
  disabled: { tone: 'quiet', icon: IconCircleDashed, text: 'Off' },
  failing: { tone: 'bad', icon: IconCircleX, text: 'Switched off: it did not answer' },
} as const

export const EndpointMark = ({ endpoint }: { endpoint: WebhookEndpointOnWire }) => {
  const { tone, icon, text } = states[endpoint.state]
  return (
    <span className={classes.state}>
      <Mark tone={tone} icon={icon} plain>
        {text}
      </Mark>
      {endpoint.failingSince && (
        <span className={classes.quiet}>
          {endpoint.failedAttempts} failed in a row, since <Ago at={endpoint.failingSince} />
        </span>
      )}
    </span>
  )
}
