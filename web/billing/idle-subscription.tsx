import { Button } from '@mantine/core'
import { useState } from 'react'
import type { Reply } from '../../src/contract/endpoints.ts'
import { useAct, useRead } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import { ConfirmDialog } from '../ui/dialog.tsx'
import { dayWithYear } from '../ui/format.ts'
import { money } from '../ui/money.ts'
import { Notice } from '../ui/notice.tsx'
import { tellDone } from '../ui/toast.tsx'
import { commandKeys } from './command-key.ts'

type Idle = NonNullable<Reply<'readIdleSubscription'>['idle']>

/** What is still paid for the other account, since it was switched who pays. */
export const IdleSubscription = () => {
  const { organization } = useMe()
  const found = useRead('readIdleSubscription', {}, { enabled: organization.kind === 'company' })
  const idle = found.data?.idle
  return idle ? <Idle idle={idle} /> : null
}

const Idle = ({ idle: { account, subscription } }: { idle: Idle }) => {
  const { organization } = useMe()
  const [confirming, setConfirming] = useState(false)
  const cancel = useAct('cancelIdleSubscription', ['readIdleSubscription'])
  const { tier, pending, periodEnd } = subscription
  const end = dayWithYear(periodEnd)
  const name = `${tier.name} at ${money(tier.priceMinor, tier.currency)} a month`
  const command = { when: 'now', account } as const
  const onConfirm = () =>
    cancel.mutate(
      { body: { when: 'now', idempotencyKey: commandKeys.keyOf(command), returnPath: '/subscription' } },
      {
        onSuccess: () => {
          commandKeys.done(command)
          setConfirming(false)
          tellDone(`${tier.name} has ended.`)
        },
      },
    )
  return (
    <Notice
      tone="warning"
      title={
        account === 'own' ? `You still have ${name} of your own` : `${organization.name} still has ${name}`
      }
      action={
        <Button size="compact-sm" variant="default" onClick={() => setConfirming(true)}>
          Cancel now
        </Button>
      }
    >
      {account === 'own'
        ? 'Nothing is taken from its credits while your organisation pays.'
        : 'Nothing is taken from its credits while everybody pays for themselves.'}{' '}
      {pending?.kind === 'cancel' ? `It ends on ${end}.` : `It is renewed on ${end}.`}
      <ConfirmDialog
        opened={confirming}
        title={`Cancel ${tier.name} now?`}
        submit="Cancel now"
        busy={cancel.isPending}
        error={cancel.error}
        onConfirm={onConfirm}
        onClose={() => setConfirming(false)}
      >
        It ends at once and nothing is given back. Credits that are left stay until {end}.
      </ConfirmDialog>
    </Notice>
  )
}
