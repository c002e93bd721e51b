import { Button } from '@mantine/core'
import type { SubscriptionOnWire, TierVersionOnWire } from '../../src/contract/billing.ts'
import { useRead } from '../data/queries.ts'
import { limitsText } from '../limits/limit-words.ts'
import { counted, exactCredits } from '../ui/format.ts'
import { Mark } from '../ui/mark.tsx'
import { money } from '../ui/money.ts'
import { Block, EmptyState, Loaded } from '../ui/notice.tsx'
import classes from './billing.module.css'
import type { Change } from './subscription-page.tsx'

interface Choosing {
  readonly subscription: SubscriptionOnWire
  readonly onChange: (change: Change) => void
}

export const TierChoices = (props: Choosing) => {
  const tiers = useRead('listTierChoices', {})
  return (
    <Loaded of={tiers} skeleton={<Block height={210} narrow={700} />}>
      {({ items }) =>
        items.length === 0 ? (
          <EmptyState title="No tiers are sold here">Ask an administrator of this installation.</EmptyState>
        ) : (
          <ul className={classes.tiers}>
            {items.map((tier) => (
              <Tier key={tier.tierId} tier={tier} {...props} />
            ))}
          </ul>
        )
      }
    </Loaded>
  )
}

const Tier = ({ tier, subscription, onChange }: Choosing & { tier: TierVersionOnWire }) => {
  const isCurrent = tier.tierId === subscription.tier.tierId
  const { pending } = subscription
  const isNext =
    pending?.kind === 'change_tier'
      ? pending.tierId === tier.tierId
      : pending?.kind === 'cancel' && subscription.next?.tier.tierId === tier.tierId
  const isDearer = BigInt(tier.priceMinor) > BigInt(subscription.tier.priceMinor)
  const isBlocked = subscription.status === 'paused' || subscription.status === 'past_due'
  return (
    <li className={classes.tier} data-current={isCurrent || undefined} aria-label={tier.name}>
      <div className={classes.tierHead}>
        {tier.name}
        {isCurrent && <Mark tone="own">Yours</Mark>}
        {isNext && <Mark tone="quiet">Next</Mark>}
      </div>
      <p className={classes.tierPrice}>
        {money(tier.priceMinor, tier.currency)} <span className={classes.quiet}>a month</span>
      </p>
      <ul className={classes.tierFacts}>
        <li>{exactCredits(tier.allocationMicros)} credits a month</li>
        {tier.rolloverCapMicros !== '0' && (
          <li>Up to {exactCredits(tier.rolloverCapMicros)} credits carried over</li>
        )}
        <Entitlements tier={tier} />
      </ul>
      {!isCurrent && !isNext && (
        <Button
          variant={isDearer ? 'filled' : 'default'}
          disabled={isBlocked}
          onClick={() => onChange({ kind: 'change_tier', tierId: tier.tierId })}
        >
          {isDearer ? `Upgrade to ${tier.name}` : `Change to ${tier.name}`}
        </Button>
      )}
    </li>
  )
}

const Entitlements = ({ tier }: { tier: TierVersionOnWire }) => {
  const { services, groups, rateLimits } = tier.entitlements
  return (
    <>
      <li>{services === null ? 'All services' : counted(services.length, 'service')}</li>
      <li>{groups === null ? 'All model groups' : counted(groups.length, 'model group')}</li>
      {rateLimits && <li>{limitsText(rateLimits)}</li>}
    </>
  )
}
