import type { Balance as Now, Credits as CreditsState } from '../../src/contract/credits.ts'
import { Credits } from '../ui/figures.tsx'
import { dayWithYear } from '../ui/format.ts'
import { Stat, Stats } from '../ui/page.tsx'

/** Available, held and owed as they are now, and what comes next. */
export const Balance = ({ credits, now }: { credits: CreditsState; now: Now | undefined }) => {
  const { availableMicros, heldMicros, debtMicros } = now ?? credits
  const { nextAllocation } = credits
  const isPaused = nextAllocation.amountMicros === '0'
  return (
    <Stats>
      <Stat
        lead
        label="Available"
        value={<Credits micros={availableMicros} />}
        note={`Tier: ${credits.tier.name}`}
      />
      <Stat
        label="Held"
        value={<Credits micros={heldMicros} />}
        note={heldMicros === '0' ? 'No operation holds any' : 'For operations under way'}
      />
      <Stat
        label="Owed"
        value={<Credits micros={debtMicros} />}
        note={debtMicros === '0' ? 'Nothing' : 'Paid first by the next credits'}
      />
      <Stat
        label="Next allocation"
        value={
          isPaused ? (
            'None'
          ) : (
            <>
              +<Credits micros={nextAllocation.amountMicros} />
            </>
          )
        }
        note={
          isPaused ? `This period ends ${dayWithYear(credits.periodEnd)}` : dayWithYear(nextAllocation.at)
        }
      />
    </Stats>
  )
}
