import { Button, NativeSelect, Switch, TextInput } from '@mantine/core'
import { useState } from 'react'
import type { Reply } from '../../src/contract/endpoints.ts'
import { useAct, useRead } from '../data/queries.ts'
import { FormDialog } from '../ui/dialog.tsx'
import { exactCredits } from '../ui/format.ts'
import { money, moneyText, parseCredits, parseMoney } from '../ui/money.ts'
import { Lines, Loaded } from '../ui/notice.tsx'
import { Panel } from '../ui/page.tsx'
import { tellDone } from '../ui/toast.tsx'
import classes from './billing.module.css'

type Packs = Reply<'listPacks'>
type TopUp = NonNullable<Reply<'readAutoTopUp'>['autoTopUp']>

/** Credits that are bought by themselves, never above a cap. */
export const AutoTopUp = () => {
  const found = useRead('readAutoTopUp', {})
  const packs = useRead('listPacks', {})
  const [editing, setEditing] = useState(false)
  const data = found.data && packs.data
  return (
    <Panel
      title="Automatic top-up"
      actions={
        data && (
          <Button variant="default" onClick={() => setEditing(true)}>
            {found.data.autoTopUp ? 'Change' : 'Set up'}
          </Button>
        )
      }
    >
      <Loaded of={found} skeleton={<Lines count={2} />}>
        {({ autoTopUp }) => (
          <Loaded of={packs} skeleton={<Lines count={2} />}>
            {(offered) => (
              <>
                <TopUpWords autoTopUp={autoTopUp} packs={offered} />
                {editing && (
                  <TopUpDialog autoTopUp={autoTopUp} packs={offered} onClose={() => setEditing(false)} />
                )}
              </>
            )}
          </Loaded>
        )}
      </Loaded>
    </Panel>
  )
}

const TopUpWords = ({ autoTopUp, packs }: { autoTopUp: TopUp | null; packs: Packs }) => {
  const pack = packs.items.find(({ id }) => id === autoTopUp?.packId)
  if (autoTopUp === null || !autoTopUp.enabled)
    return (
      <p className={classes.prose}>
        Off. Operations on system keys are refused when your credits are used up, until the next allocation or
        until you buy some.
      </p>
    )
  const currency = pack?.currency ?? packs.custom.currency
  return (
    <div className={classes.prose}>
      <p>
        Below {exactCredits(autoTopUp.thresholdMicros)} credits, {pack ? pack.name : 'a pack'}
        {pack && ` for ${money(pack.priceMinor, pack.currency)}`}{' '}
        {packs.provider === 'stripe'
          ? 'is bought with your saved payment method.'
          : 'is requested, for an administrator to approve.'}
      </p>
      <p>
        <strong>{money(autoTopUp.spentThisMonthMinor, currency)}</strong> of at most{' '}
        <strong>{money(autoTopUp.monthlyCapMinor, currency)}</strong> used this calendar month.
      </p>
      {!pack && <p className={classes.bad}>Its pack is no longer sold: choose another.</p>}
    </div>
  )
}

const TopUpDialog = (props: { autoTopUp: TopUp | null; packs: Packs; onClose: () => void }) => {
  const { autoTopUp, packs } = props
  const act = useAct('setAutoTopUp', ['readAutoTopUp'])
  const [enabled, setEnabled] = useState(autoTopUp?.enabled ?? true)
  const [threshold, setThreshold] = useState(exactCredits(autoTopUp?.thresholdMicros ?? '100000000'))
  const known = packs.items.find(({ id }) => id === autoTopUp?.packId)
  const [packId, setPackId] = useState((known ?? packs.items[0])?.id ?? '')
  const pack = packs.items.find(({ id }) => id === packId)
  const currency = pack?.currency ?? packs.custom.currency
  const [cap, setCap] = useState(moneyText(autoTopUp?.monthlyCapMinor ?? '5000', currency))
  const thresholdMicros = parseCredits(threshold)
  const monthlyCapMinor = parseMoney(cap, currency)
  const tooLow = pack && monthlyCapMinor !== null && BigInt(monthlyCapMinor) < BigInt(pack.priceMinor)
  const isWhole = thresholdMicros !== null && thresholdMicros !== '0' && monthlyCapMinor !== null && !tooLow
  return (
    <FormDialog
      opened
      title="Automatic top-up"
      submit="Save"
      busy={act.isPending}
      error={act.error}
      blocked={!isWhole || !pack}
      onSubmit={() =>
        isWhole &&
        act.mutate(
          { body: { autoTopUp: { enabled, thresholdMicros, packId, monthlyCapMinor } } },
          {
            onSuccess: () => {
              tellDone(enabled ? 'Automatic top-up is on.' : 'Automatic top-up is off.')
              props.onClose()
            },
          },
        )
      }
      onClose={props.onClose}
    >
      <Switch
        label="Buy credits when they run low"
        checked={enabled}
        onChange={(event) => setEnabled(event.currentTarget.checked)}
      />
      <TextInput
        label="When less than so many credits are available"
        inputMode="decimal"
        value={threshold}
        error={(thresholdMicros === null || thresholdMicros === '0') && 'A number of credits above zero.'}
        onChange={(event) => setThreshold(event.currentTarget.value)}
      />
      <NativeSelect
        label="Buy"
        value={packId}
        data={packs.items.map(({ id, name, priceMinor, currency: of }) => ({
          value: id,
          label: `${name}, ${money(priceMinor, of)}`,
        }))}
        onChange={(event) => setPackId(event.currentTarget.value)}
      />
      <TextInput
        label={`At most in a calendar month, in ${currency}`}
        inputMode="decimal"
        value={cap}
        error={
          monthlyCapMinor === null
            ? 'An amount of money.'
            : tooLow && `It has to allow one pack: ${money(pack.priceMinor, currency)}.`
        }
        onChange={(event) => setCap(event.currentTarget.value)}
      />
      <p className={classes.quiet}>
        One at a time, never above the cap, and not for a day after a payment that failed.
      </p>
    </FormDialog>
  )
}
