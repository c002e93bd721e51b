import type { ChangePreviewOnWire } from '../../src/contract/billing.ts'
import { Credits } from '../ui/figures.tsx'
import { money } from '../ui/money.ts'
import classes from './billing.module.css'
import { dayAndTime } from './period-words.ts'
import type { Change } from './subscription-page.tsx'

/** Money and credits of a change: now, and from the next renewal on. */
export const ChangePreview = ({ change, preview }: { change: Change; preview: ChangePreviewOnWire }) => {
  const isNow = preview.effectiveAt !== preview.periodEnd
  return (
    <div className={classes.preview}>
      <p className={classes.prose}>{wordsOf(change, preview)}</p>
      <NowTable preview={preview} />
      <table className={classes.amounts} aria-label="From then on">
        <tbody>
          <tr>
            <th scope="row">Takes effect</th>
            <td>
              {isNow
                ? preview.chargeNowMinor === '0'
                  ? 'at once'
                  : 'when it is paid'
                : dayAndTime(preview.effectiveAt)}
            </td>
          </tr>
          <tr>
            <th scope="row">Next renewal</th>
            <td>
              {preview.after.status === 'paused'
                ? 'none while it is paused'
                : change.kind === 'resume' && preview.periodEnd <= preview.effectiveAt
                  ? 'in a month'
                  : dayAndTime(preview.periodEnd)}
            </td>
          </tr>
          <tr>
            <th scope="row">Price then, with the own-key discount as it stands now</th>
            <td>{money(preview.nextChargeMinor, preview.currency)}</td>
          </tr>
          <tr>
            <th scope="row">Credits then</th>
            <td>
              <Credits micros={preview.nextAllocationMicros} />
            </td>
          </tr>
        </tbody>
      </table>
    </div>
  )
}

const NowTable = ({ preview }: { preview: ChangePreviewOnWire }) => (
  <table className={classes.amounts} aria-label="Now">
    <tbody>
      {preview.lines.map((line) => (
        <tr key={`${line.kind}:${line.description}`}>
          <th scope="row">{line.description}</th>
          <td>{money(line.amountMinor, preview.currency)}</td>
        </tr>
      ))}
      <tr>
        <th scope="row">Credits now</th>
        <td>
          {preview.creditsNowMicros === '0' ? 'none' : <Credits micros={preview.creditsNowMicros} signed />}
        </td>
      </tr>
    </tbody>
    <tfoot>
      <tr>
        <th scope="row">To pay now</th>
        <td>{money(preview.chargeNowMinor, preview.currency)}</td>
      </tr>
    </tfoot>
  </table>
)

const wordsOf = (change: Change, preview: ChangePreviewOnWire): string => {
  const { before, after } = preview
  const end = dayAndTime(preview.periodEnd)
  switch (change.kind) {
    case 'change_tier':
      return preview.effectiveAt === preview.periodEnd
        ? `${before.tier.name} stays until ${end}; then ${after.tier.name} begins. You can undo it until then.`
        : `You pay the difference for the rest of this period, which ends on ${end}, and get its credits. Calculated for this moment.`
    case 'cancel':
      return change.when === 'now'
        ? `${before.tier.name} ends now, without a refund. What is left of its credits stays until ${end}. This cannot be undone.`
        : `${before.tier.name} stays until ${end}; then the free tier takes over. You can undo it until then.`
    case 'undo_pending':
      return `${before.tier.name} goes on after ${end}.`
    case 'pause':
      return `Nothing is charged and no credits are allocated until you resume. What is left of this period’s credits stays until ${end}.`
    case 'resume':
      return preview.chargeNowMinor === '0'
        ? 'It goes on where it stopped.'
        : 'Its period has ended meanwhile: a new one begins today.'
    case 'set_time_zone':
      return `Periods begin at your day and time of day in that zone, from the next period on. This one ends on ${end}.`
  }
}
