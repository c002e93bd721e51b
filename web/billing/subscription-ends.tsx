import { Button, Select } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import type { SubscriptionOnWire } from '../../src/contract/billing.ts'
import { dayWithYear } from '../ui/format.ts'
import { Panel } from '../ui/page.tsx'
import classes from './billing.module.css'
import type { Change } from './subscription-page.tsx'

interface Props {
  readonly subscription: SubscriptionOnWire
  readonly isIdle?: boolean
  readonly onChange: (change: Change) => void
}

/** Pausing, ending, and the zone that periods are counted in. */
export const SubscriptionEnds = ({ subscription, isIdle = false, onChange }: Props) => {
  const { status, pending, tier } = subscription
  const isPaid = status !== 'canceled' && tier.priceMinor !== '0'
  const end = dayWithYear(subscription.periodEnd)
  if (isIdle && !isPaid) return null
  return (
    <Panel title={isIdle ? 'Pause, cancel' : 'Pause, cancel, time zone'}>
      <ul className={classes.ends}>
        {status === 'active' && isPaid && (
          <End
            title="Pause"
            text="Nothing is charged and nothing allocated until you resume."
            buttons={
              <Button variant="default" onClick={() => onChange({ kind: 'pause' })}>
                Pause
              </Button>
            }
          />
        )}
        {isPaid && (
          <End
            title={`Cancel ${tier.name}`}
            text={`At the end of the period, ${end}, or now without a refund. The free tier follows; your keys and data stay.`}
            buttons={
              <>
                {status !== 'paused' && pending?.kind !== 'cancel' && (
                  <Button variant="default" onClick={() => onChange({ kind: 'cancel', when: 'period_end' })}>
                    Cancel at the end
                  </Button>
                )}
                <Button
                  variant="default"
                  color="red"
                  onClick={() => onChange({ kind: 'cancel', when: 'now' })}
                >
                  Cancel now
                </Button>
              </>
            }
          />
        )}
        {!isIdle && (
          <End
            title="Time zone"
            text="Renewals and the months of caps are counted in it."
            buttons={<TimeZone subscription={subscription} onChange={onChange} />}
          />
        )}
      </ul>
    </Panel>
  )
}

const End = (props: { title: string; text: string; buttons: ReactNode }) => (
  <li className={classes.end}>
    <p className={classes.endWords}>
      <strong>{props.title}</strong>
      <br />
      <span className={classes.quiet}>{props.text}</span>
    </p>
    <div className={classes.buttons}>{props.buttons}</div>
  </li>
)

const TimeZone = ({ subscription, onChange }: Props) => {
  const [zones] = useState(() => [
    ...new Set(['UTC', subscription.timeZone, ...Intl.supportedValuesOf('timeZone')]),
  ])
  return (
    <Select
      aria-label="Time zone"
      searchable
      allowDeselect={false}
      limit={60}
      data={zones}
      value={subscription.timeZone}
      nothingFoundMessage="No zone of this name"
      onChange={(timeZone) =>
        timeZone !== null &&
        timeZone !== subscription.timeZone &&
        onChange({ kind: 'set_time_zone', timeZone })
      }
    />
  )
}
