import { IconProgress } from '@tabler/icons-react'
import type { StatementCategory, StatementPageOnWire } from '../../src/contract/statements.ts'
import { useRead } from '../data/queries.ts'
import { Credits } from '../ui/figures.tsx'
import { counted } from '../ui/format.ts'
import classes from './billing.module.css'
import { ExactAmount } from './exact-amount.tsx'

/** What runs now: not on the statement before it has ended, and not available meanwhile. */
export const StatementPending = ({ page }: { page: StatementPageOnWire }) => {
  if (page.pending.length === 0) return null
  return (
    <div className={classes.pending}>
      <IconProgress size={15} stroke={1.8} aria-hidden />
      <span>
        <strong>{counted(page.pending.length, 'operation')} under way</strong>
        {': '}
        <Credits micros={page.pendingMicros} unit /> held
        {models(page) && <span className={classes.quiet}> {models(page)}</span>}
      </span>
    </div>
  )
}

const models = ({ pending }: StatementPageOnWire): string =>
  [...new Set(pending.map(({ model, endpoint }) => model ?? endpoint ?? ''))]
    .filter(Boolean)
    .slice(0, 3)
    .join(', ')

const sums: readonly { readonly label: string; readonly categories: readonly StatementCategory[] }[] = [
  { label: 'allocated', categories: ['allocation'] },
  { label: 'bought', categories: ['purchase'] },
  { label: 'corrected', categories: ['adjustment', 'refund', 'reversal', 'debt_payment'] },
  { label: 'spent', categories: ['usage', 'release', 'hold'] },
  { label: 'expired', categories: ['expiry'] },
]

/** Opening balance + all changes = closing balance, of the time that is shown. */
export const StatementTotals = (props: {
  query: { since: string | undefined; until: string | undefined }
  page: StatementPageOnWire
}) => {
  const { since, until } = props.query
  const summary = useRead('readStatementSummary', { query: { since, until } })
  const data = summary.data
  const total = (categories: readonly StatementCategory[]): bigint =>
    (data?.categories ?? [])
      .filter(({ category }) => categories.includes(category))
      .reduce((sum, { changeMicros }) => sum + BigInt(changeMicros), 0n)
  const { opening, closing } = data ?? props.page
  return (
    <div className={classes.totals}>
      <span>
        <strong>
          <ExactAmount micros={opening.balanceMicros} />
        </strong>{' '}
        at first
      </span>
      {sums.map(({ label, categories }) => {
        const sum = total(categories)
        return (
          sum !== 0n && (
            <span key={label}>
              <strong>
                <ExactAmount micros={sum.toString()} signed />
              </strong>{' '}
              {label}
            </span>
          )
        )
      })}
      <span>
        ={' '}
        <strong>
          <ExactAmount micros={closing.balanceMicros} />
        </strong>{' '}
        {until === undefined ? 'now' : 'at last'}
      </span>
    </div>
  )
}
