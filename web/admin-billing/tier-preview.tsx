import type { Reply, Request } from '../../src/contract/endpoints.ts'
import { Moment } from '../ui/figures.tsx'
import { counted, signedCredits } from '../ui/format.ts'
import { signedMoney } from '../ui/money.ts'
import { FaultNotice } from '../ui/notice.tsx'
import classes from './billing.module.css'
import { DifferenceList } from './difference-list.tsx'
import { type TierTerms, tierChanges } from './tier-changes.ts'

interface Reading {
  readonly data: Reply<'previewTier'> | undefined
  readonly error: unknown
  readonly isPlaceholderData: boolean
}

/** What is different, whom it touches, and from when. */
export const TierPreview = (props: { preview: Reading; draft: Request<'saveTier'>['body'] | null }) => {
  const { preview, draft } = props
  if (preview.error) return <FaultNotice error={preview.error} />
  if (!preview.data || draft === null) return null
  const { before, subscribers, firstRenewalAt, lastRenewalAt } = preview.data
  const terms: TierTerms = {
    name: draft.name,
    priceMinor: draft.priceMinor,
    currency: draft.currency,
    allocationMicros: draft.allocationMicros,
    rolloverCapMicros: draft.rolloverCapMicros ?? '0',
    entitlements: draft.entitlements ?? { services: null, groups: null, rateLimits: null },
  }
  const changes = tierChanges(before, terms)
  return (
    <section
      className={classes.box}
      aria-label="What it changes"
      aria-live="polite"
      aria-busy={preview.isPlaceholderData}
      data-busy={preview.isPlaceholderData || undefined}
    >
      <h3 className={classes.sectionTitle}>What it changes</h3>
      {changes.length === 0 ? (
        <p className={classes.note}>Nothing is different from version {before?.version}.</p>
      ) : (
        <DifferenceList differences={changes} />
      )}
      {before !== null && (
        <p className={classes.note} style={{ marginTop: 8 }}>
          {subscribers === 0 || firstRenewalAt === null || lastRenewalAt === null ? (
            'Nobody has this tier now.'
          ) : (
            <>
              Touches {counted(subscribers, 'subscriber')}, each with their next period: the first on{' '}
              <Moment at={firstRenewalAt} />, the last on <Moment at={lastRenewalAt} />. In a month, of all of
              them: {signedMoney(preview.data.monthlyDifferenceMinor, draft.currency)} before discounts,{' '}
              {signedCredits(preview.data.monthlyDifferenceMicros)} credits.
            </>
          )}
        </p>
      )}
    </section>
  )
}
