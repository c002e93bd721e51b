import { Button, TextInput } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type { CentralBilling as Standing } from '../../src/contract/oversight.ts'
import { may } from '../../src/contract/permissions.ts'
import { useAct, useRead } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import { ConfirmDialog } from '../ui/dialog.tsx'
import { Credits, Moment } from '../ui/figures.tsx'
import { counted, dayWithYear } from '../ui/format.ts'
import { Block, FaultNotice, Loaded, Notice } from '../ui/notice.tsx'
import { Fact, Facts, Page, Panel } from '../ui/page.tsx'
import { TextLink } from '../ui/text-link.tsx'
import { tellDone } from '../ui/toast.tsx'
import classes from './oversight.module.css'

const reads = [
  'readCentralBilling',
  'readCredits',
  'readBalance',
  'readSubscription',
  'readIdleSubscription',
] as const

/** Whether one account of the organisation pays for everybody's credits. */
export const CentralBilling = () => {
  const { organization } = useMe()
  const central = useRead('readCentralBilling', {})
  return (
    <Page
      narrow
      title="Central billing"
      description={`Who pays for operations on system keys in ${organization.name}. Operations on own keys cost no credits.`}
    >
      <Loaded of={central} skeleton={<Block height={240} />}>
        {(data) => <Setting central={data} />}
      </Loaded>
    </Page>
  )
}

/** What ends with the other switch. */
const endsWords = ({ central, standing }: Standing): string => {
  if (standing === null) return ''
  if (central)
    return standing.organizationPaidUntil === null
      ? ''
      : `Its paid subscription ends on ${dayWithYear(standing.organizationPaidUntil)} and is not renewed.`
  return standing.paidSubscriptions === 0
    ? ''
    : `${counted(standing.paidSubscriptions, 'paid subscription')} of members ${standing.paidSubscriptions === 1 ? 'ends' : 'end'} with the current period and ${standing.paidSubscriptions === 1 ? 'is' : 'are'} not renewed; each can be cancelled at once by who pays it.`
}

const Setting = ({ central }: { central: Standing }) => {
  const { role, user } = useMe()
  const mayChange = may(role, 'billing.manage')
  const [confirming, setConfirming] = useState(false)
  const [email, setEmail] = useState(central.standing?.billingEmail ?? user.email)
  const set = useAct('setCentralBilling', reads)
  const change = (to: boolean, told: string) =>
    set.mutate(
      { body: { central: to, billingEmail: email.trim() } },
      {
        onSuccess: () => {
          setConfirming(false)
          tellDone(told)
        },
      },
    )
  return (
    <>
      <Panel
        title={central.central ? 'The organisation pays for everybody' : 'Everybody pays for themselves'}
      >
        <div className={classes.form}>
          <p className={classes.words}>
            {central.central
              ? 'Operations of all members draw on one credit account of the organisation. Budgets of members and teams hold as before.'
              : 'Operations of each member draw on that member’s own credits. One account for all is filled, seen and invoiced in one place.'}
          </p>
          <Facts>
            {central.since && (
              <Fact name="Since">
                <Moment at={central.since} />
              </Fact>
            )}
            {central.standing && (
              <Fact name="On members’ own accounts">
                <Credits micros={central.standing.memberCreditMicros} unit />,{' '}
                {counted(central.standing.membersWithCredits, 'account')}
              </Fact>
            )}
          </Facts>
          {!central.central && central.standing && central.standing.paidSubscriptions > 0 && (
            <Notice
              tone="warning"
              title={`${counted(central.standing.paidSubscriptions, 'member has a', 'members have')} paid ${central.standing.paidSubscriptions === 1 ? 'subscription' : 'subscriptions'} of their own`}
            >
              When the organisation pays for everybody, they end with the period that is paid for.
            </Notice>
          )}
          {mayChange && (
            <TextInput
              type="email"
              label="Invoices are addressed to"
              value={email}
              w={320}
              onChange={(event) => setEmail(event.currentTarget.value)}
            />
          )}
          {set.error && !confirming ? <FaultNotice error={set.error} /> : null}
          {mayChange &&
            (central.central ? (
              <>
                <Button
                  variant="default"
                  loading={set.isPending && !confirming}
                  disabled={email.trim() === central.standing?.billingEmail}
                  onClick={() => change(true, 'The address is saved.')}
                >
                  Save the address
                </Button>
                <Button variant="default" onClick={() => setConfirming(true)}>
                  Let everybody pay for themselves
                </Button>
              </>
            ) : (
              <Button onClick={() => setConfirming(true)}>Let the organisation pay for everybody</Button>
            ))}
          {central.central && (
            <TextLink>
              <Link to="/credits">Credits of the organisation</Link>
            </TextLink>
          )}
        </div>
      </Panel>
      <ConfirmDialog
        opened={confirming}
        title={
          central.central ? 'Let everybody pay for themselves?' : 'Let the organisation pay for everybody?'
        }
        submit={central.central ? 'Everybody for themselves' : 'One account for all'}
        busy={set.isPending}
        error={set.error}
        onConfirm={() =>
          change(
            !central.central,
            central.central ? 'Everybody pays for themselves.' : 'The organisation pays for everybody.',
          )
        }
        onClose={() => setConfirming(false)}
      >
        {central.central
          ? 'From the next operation on, each member’s own credits are taken. What the organisation’s account has stays there.'
          : 'From the next operation on, credits of the organisation’s account are taken. What members have themselves stays theirs and waits.'}{' '}
        {endsWords(central)}
      </ConfirmDialog>
    </>
  )
}
