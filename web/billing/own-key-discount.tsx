import { IconCircleCheck, IconCircleDashed } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { SubscriptionOnWire } from '../../src/contract/billing.ts'
import { useNow } from '../ui/figures.tsx'
import { counted, dayWithYear } from '../ui/format.ts'
import { money } from '../ui/money.ts'
import { Panel } from '../ui/page.tsx'
import { TextLink } from '../ui/text-link.tsx'
import classes from './billing.module.css'
import { dayAndTime, percent, shareReachedAt } from './period-words.ts'

/** The rule in plain words, how it stands, and what it does to this invoice and the next. */
export const OwnKeyDiscount = ({ subscription }: { subscription: SubscriptionOnWire }) => {
  const { discount } = subscription
  if (discount.basisPoints === 0) return null
  return (
    <Panel
      title="Own-key discount"
      description={`${percent(discount.basisPoints)} off the monthly price while you bring your own keys.`}
    >
      <div className={classes.discount}>
        <div>
          <h3 className={classes.subTitle}>The rule</h3>
          <Rule subscription={subscription} />
          <h3 className={classes.subTitle}>How it stands</h3>
          <Conditions subscription={subscription} />
        </div>
        <div>
          <h3 className={classes.subTitle}>Before and after</h3>
          <BeforeAndAfter subscription={subscription} />
        </div>
      </div>
    </Panel>
  )
}

const Rule = ({ subscription: { discount } }: { subscription: SubscriptionOnWire }) => (
  <div className={classes.rule}>
    <p>
      A key counts while it is active and its service has found it valid.{' '}
      {discount.organizationKeysCount
        ? 'Keys of your organisation count, too.'
        : 'Only keys of your own count, not those of an organisation.'}{' '}
      It has to be at the service’s own address, or at one that an administrator has listed. One key earns the
      discount for one subscriber only: a key that somebody else had first counts for you from the first
      period in which nobody else has had it.
    </p>
    <p>
      At each renewal such a key has to be there, and to have been there for at least{' '}
      {percent(discount.neededShareBasisPoints)} of the period that ends
      {discount.neededContinuousDays > 0 &&
        `, the last ${counted(discount.neededContinuousDays, 'day')} without interruption`}
      . Several keys at a time count once.
    </p>
    <p>The discount is for the whole next period and a line of its own on its invoice.</p>
  </div>
)

const notCounted = (count: number): string =>
  count === 1 ? 'A key of yours does not count:' : `${count} keys of yours do not count; of each`

const Conditions = ({ subscription }: { subscription: SubscriptionOnWire }) => {
  const now = useNow()
  const { discount } = subscription
  const isLongEnough = discount.shareBasisPoints >= discount.neededShareBasisPoints
  const reachedAt = shareReachedAt(discount, subscription, now)
  return (
    <ul className={classes.conditions}>
      <Condition
        isMet={discount.hasKeyNow}
        title={discount.hasKeyNow ? 'A valid key is there' : 'No valid key now'}
      >
        {discount.keysOfOthers > 0 && (
          <p className={classes.quiet}>
            {notCounted(discount.keysOfOthers)} somebody else had the same key before you in this period.
          </p>
        )}
        {discount.keysElsewhere > 0 && (
          <p className={classes.quiet}>
            {notCounted(discount.keysElsewhere)} it is at an address where keys do not count.
          </p>
        )}
        {discount.hasKeyNow ? null : (
          <p className={classes.quiet}>
            <TextLink>
              <Link to="/services">Add a key</Link>
            </TextLink>
          </p>
        )}
      </Condition>
      <Condition
        isMet={isLongEnough}
        title={`There for ${percent(discount.shareBasisPoints)} of this period so far`}
      >
        <span className={classes.progress} aria-hidden>
          <span style={{ width: `${Math.min(discount.shareBasisPoints / 100, 100)}%` }} />
          <i style={{ left: `${discount.neededShareBasisPoints / 100}%` }} />
        </span>
        <p className={classes.quiet}>
          {percent(discount.neededShareBasisPoints)} are needed
          {isLongEnough
            ? '.'
            : reachedAt === null
              ? ': no longer possible in this period.'
              : `: reached on ${dayAndTime(reachedAt)} if a key stays from now on.`}
        </p>
      </Condition>
      {discount.neededContinuousDays > 0 && (
        <Condition
          isMet={discount.continuousDays >= discount.neededContinuousDays}
          title={`${counted(discount.continuousDays, 'day')} without interruption`}
        >
          <p className={classes.quiet}>{counted(discount.neededContinuousDays, 'day')} are needed.</p>
        </Condition>
      )}
    </ul>
  )
}

const Condition = (props: { isMet: boolean; title: string; children: ReactNode }) => {
  const Symbol = props.isMet ? IconCircleCheck : IconCircleDashed
  return (
    <li className={classes.condition}>
      <Symbol size={17} stroke={1.9} data-met={props.isMet || undefined} aria-hidden />
      <span>
        {props.title}
        <span className="visually-hidden">{props.isMet ? ': met' : ': not met'}</span>
      </span>
      {props.children}
    </li>
  )
}

const BeforeAndAfter = ({ subscription }: { subscription: SubscriptionOnWire }) => {
  const { discount, discountBasisPoints, next, tier, collection } = subscription
  const isFree = next !== null && next.priceMinor === '0'
  return (
    <div className={classes.preview}>
      <p className={classes.prose}>
        This period:{' '}
        {discountBasisPoints > 0
          ? `${percent(discountBasisPoints)} off.`
          : collection === 'none' || tier.priceMinor === '0'
            ? 'nothing is charged.'
            : 'no discount.'}
      </p>
      {next === null ? (
        <p className={classes.prose}>Paused: there is no next invoice.</p>
      ) : isFree ? (
        <p className={classes.prose}>
          The next renewal is free, so there is nothing to take a discount off
          {discount.isEarned ? '; as it stands you would have it on a paid tier.' : '.'}
        </p>
      ) : (
        <NextInvoice subscription={subscription} next={next} />
      )}
    </div>
  )
}

const NextInvoice = (props: {
  subscription: SubscriptionOnWire
  next: NonNullable<SubscriptionOnWire['next']>
}) => {
  const now = useNow()
  const { next, subscription } = props
  const { discount } = subscription
  const isComing = discount.hasKeyNow && shareReachedAt(discount, subscription, now) !== null
  const missed = isComing ? 'not yet' : 'not earned'
  const { currency } = next.tier
  return (
    <table className={classes.amounts} aria-label="Next invoice">
      <caption className={classes.caption}>Next invoice, {dayWithYear(next.at)}, as things stand now</caption>
      <tbody>
        <tr>
          <th scope="row">{next.tier.name}, one month</th>
          <td>{money(next.priceMinor, currency)}</td>
        </tr>
        <tr>
          <th scope="row">Own-key discount, {percent(discount.basisPoints)}</th>
          <td>{next.discountMinor === '0' ? missed : money(`-${next.discountMinor}`, currency)}</td>
        </tr>
      </tbody>
      <tfoot>
        <tr>
          <th scope="row">Total</th>
          <td>{money(next.totalMinor, currency)}</td>
        </tr>
      </tfoot>
    </table>
  )
}
