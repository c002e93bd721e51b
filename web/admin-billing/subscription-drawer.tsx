import { Button, Drawer, NativeSelect, TextInput } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { collection as collectionOf, type SubscriptionOnWire } from '../../src/contract/billing.ts'
import { useAct, useRead } from '../data/queries.ts'
import { TierName } from '../data/tier-name.tsx'
import { FormDialog } from '../ui/dialog.tsx'
import { Credits, Moment } from '../ui/figures.tsx'
import { Lines, Loaded, Notice } from '../ui/notice.tsx'
import { Fact, Facts } from '../ui/page.tsx'
import { money } from '../ui/money.ts'
import { TextLink } from '../ui/text-link.tsx'
import { tellDone } from '../ui/toast.tsx'
import { after } from './after.ts'
import classes from './billing.module.css'
import { collections, percent } from './billing-words.ts'
import { ChangeDialog } from './change-dialog.tsx'
import { SubscriptionMark } from './marks.tsx'
import { Person, PersonName } from './people.tsx'

export interface Owner {
  readonly organization: string
  readonly id: string
}

/** One user's subscription: how it stands, what comes next, and every change that they could make themselves. */
export const SubscriptionDrawer = (props: { owner: Owner | undefined; onClose: () => void }) => (
  <Drawer
    opened={props.owner !== undefined}
    onClose={props.onClose}
    title={props.owner ? <PersonName id={props.owner.id} /> : 'Subscription'}
    size={540}
  >
    {props.owner && <Subscription key={props.owner.id} owner={props.owner} />}
  </Drawer>
)

const Subscription = ({ owner }: { owner: Owner }) => {
  const subscription = useRead('readUserSubscription', { params: { ...owner } })
  return (
    <Loaded of={subscription} skeleton={<Lines count={12} />}>
      {(data) => <Detail owner={owner} subscription={data} />}
    </Loaded>
  )
}

interface Part {
  readonly owner: Owner
  readonly subscription: SubscriptionOnWire
}

const Detail = ({ owner, subscription }: Part) => (
  <div className={classes.detail}>
    {subscription.status === 'past_due' && (
      <Notice tone="warning" title="A payment is due">
        {subscription.graceUntil && (
          <>
            Without it the free tier takes over on <Moment at={subscription.graceUntil} />.{' '}
          </>
        )}
        <TextLink>
          <Link to="/admin/payments">Payments to decide</Link>
        </TextLink>
      </Notice>
    )}
    <Facts>
      <Fact name="Subscriber">
        <Person id={owner.id} link />
      </Fact>
      <Fact name="State">
        <SubscriptionMark status={subscription.status} />
      </Fact>
      <Fact name="Tier">
        {subscription.tier.name}, version {subscription.tier.version}:{' '}
        {money(subscription.tier.priceMinor, subscription.tier.currency)} and{' '}
        <Credits micros={subscription.tier.allocationMicros} unit /> a month
      </Fact>
      <Fact name="This period">
        <Moment at={subscription.periodStart} /> to <Moment at={subscription.periodEnd} />, counted in{' '}
        {subscription.timeZone}
      </Fact>
      <Fact name="Discount">
        <Discount subscription={subscription} />
      </Fact>
      <Fact name="Next">
        <Next subscription={subscription} />
      </Fact>
    </Facts>
    <Changes owner={owner} subscription={subscription} />
    <Collection owner={owner} subscription={subscription} />
    <p className={classes.note}>
      <TextLink>
        <Link to="/admin/balances" search={{ user: owner.id, of: owner.organization }}>
          Balance and grants
        </Link>
      </TextLink>
      {' · '}
      <TextLink>
        <Link to="/admin/payments" search={{ show: 'all', user: owner.id }}>
          Payments
        </Link>
      </TextLink>
    </p>
  </div>
)

const Discount = ({ subscription: { discount, discountBasisPoints } }: Pick<Part, 'subscription'>) => (
  <>
    {discountBasisPoints === 0 ? 'None' : percent(discountBasisPoints)} this period.{' '}
    {discount.basisPoints === 0 ? (
      'The rule gives none.'
    ) : (
      <>
        For the next, {percent(discount.basisPoints)} are{' '}
        {discount.isEarned ? 'earned as it stands' : 'not earned as it stands'}: an own key was there for{' '}
        {percent(discount.shareBasisPoints)} of the period ({percent(discount.neededShareBasisPoints)} are
        needed) and {discount.hasKeyNow ? 'is there now' : 'is not there now'}.
      </>
    )}
  </>
)

const Next = ({ subscription: { next, pending } }: Pick<Part, 'subscription'>) => {
  if (next === null) return <>Nothing while it is paused</>
  return (
    <>
      <Moment at={next.at} />: {next.tier.name}
      {next.tier.priceMinor !== '0' && next.priceMinor === '0' && ', not charged'}
      {next.priceMinor !== '0' && (
        <>
          , {money(next.priceMinor, next.tier.currency)}
          {next.discountMinor !== '0' && (
            <>
              {' '}
              less {money(next.discountMinor, next.tier.currency)} for own keys, so{' '}
              {money(next.totalMinor, next.tier.currency)}
            </>
          )}
        </>
      )}
      , and <Credits micros={next.allocationMicros} unit />.
      {pending?.kind === 'cancel' && ' It is cancelled then.'}
      {pending?.kind === 'change_tier' && (
        <>
          {' '}
          It changes to <TierName id={pending.tierId} /> then.
        </>
      )}
    </>
  )
}

type Wanted = 'change_tier' | 'cancel' | 'pause' | 'resume' | 'undo_pending'

const Changes = ({ owner, subscription }: Part) => {
  const [wanted, setWanted] = useState<Wanted | null>(null)
  const { status, pending } = subscription
  const buttons: readonly { kind: Wanted; label: string; isShown: boolean }[] = [
    { kind: 'change_tier', label: 'Change tier', isShown: status === 'active' || status === 'canceled' },
    { kind: 'undo_pending', label: 'Undo what waits', isShown: pending !== null },
    { kind: 'pause', label: 'Pause', isShown: status === 'active' },
    { kind: 'resume', label: 'Resume', isShown: status === 'paused' },
    {
      kind: 'cancel',
      label: 'Cancel',
      isShown: status !== 'canceled' && subscription.tier.priceMinor !== '0',
    },
  ]
  return (
    <section className={classes.section} aria-label="Change it">
      <h3 className={classes.sectionTitle}>Change it</h3>
      <div className={classes.buttons}>
        {buttons
          .filter(({ isShown }) => isShown)
          .map(({ kind, label }) => (
            <Button
              key={kind}
              variant={kind === 'cancel' ? 'outline' : 'default'}
              color={kind === 'cancel' ? 'red' : undefined}
              onClick={() => setWanted(kind)}
            >
              {label}
            </Button>
          ))}
      </div>
      {wanted !== null && (
        <ChangeDialog
          owner={owner}
          subscription={subscription}
          kind={wanted}
          onClose={() => setWanted(null)}
        />
      )}
    </section>
  )
}

const Collection = ({ owner, subscription }: Part) => {
  const set = useAct('setCollection', ['readUserSubscription', 'listSubscriptions'])
  const [asking, setAsking] = useState(false)
  const [chosen, setChosen] = useState(subscription.collection)
  const [reason, setReason] = useState('')
  return (
    <section className={classes.section} aria-label="Collection">
      <h3 className={classes.sectionTitle}>Collection</h3>
      <p className={classes.note}>
        {collections[subscription.collection]}
        {subscription.collection === 'none' &&
          ': an administrator gave this tier, and nothing is charged for it'}
        .
      </p>
      <div className={classes.buttons}>
        <Button variant="default" onClick={() => setAsking(true)}>
          Change how it is collected
        </Button>
      </div>
      <FormDialog
        opened={asking}
        title="How it is collected"
        submit="Save"
        busy={set.isPending}
        error={set.error}
        blocked={reason.trim() === '' || chosen === subscription.collection}
        onClose={() => setAsking(false)}
        onSubmit={() =>
          after(
            set.mutateAsync({ params: { ...owner }, body: { collection: chosen, reason: reason.trim() } }),
            (saved) => {
              setAsking(false)
              setReason('')
              tellDone(`From the next period on: ${collections[saved.collection]}.`)
            },
          )
        }
      >
        <NativeSelect
          label="From the next period on"
          value={chosen}
          data={collectionOf.options.map((value) => ({ value, label: collections[value] }))}
          onChange={(event) => setChosen(collectionOf.parse(event.currentTarget.value))}
        />
        <TextInput
          label="Reason"
          maxLength={300}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
      </FormDialog>
    </section>
  )
}
