import { Button } from '@mantine/core'
import { useState } from 'react'
import type { PriceDifference } from '../../src/contract/price-book.ts'
import { priceText } from '../admin/price-words.ts'
import { perWords, unitName } from '../data/unit-words.ts'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { Credits } from '../ui/figures.tsx'
import { count, counted, exactUsd } from '../ui/format.ts'
import classes from './billing.module.css'
import { DifferenceList } from './difference-list.tsx'
import { changeText, markupName, markupText } from './price-edit-words.ts'
import type { Difference } from './tier-changes.ts'

const few = 10

type Effect = PriceDifference['effects']['items'][number]

/** What was set, old beside new; and below it what that does to what is charged. */
export const PriceDifferenceView = ({ difference }: { difference: PriceDifference }) => {
  const lines = differencesOf(difference)
  const { effects } = difference
  const [shown, setShown] = useState(few)
  return (
    <div className={classes.section}>
      {lines.length === 0 ? (
        <p className={classes.note}>Nothing that was set is different.</p>
      ) : (
        <DifferenceList differences={lines} />
      )}
      <p className={classes.note}>
        {effects.affected === 0
          ? 'No price in credits changes.'
          : `${counted(effects.affected, 'price')} in credits ${effects.affected === 1 ? 'changes' : 'change'}${range(effects)}.`}
      </p>
      {effects.items.length > 0 && (
        <div className={classes.framed}>
          <DataTable
            compact
            label="Prices in credits that change"
            rows={effects.items.slice(0, shown)}
            rowKey={(row) => `${row.serviceId} ${row.model} ${row.unit} ${row.fromInputTokens}`}
            columns={columns}
          />
        </div>
      )}
      {effects.items.length > shown && (
        <div className={classes.buttons}>
          <Button size="compact-sm" variant="default" onClick={() => setShown(effects.items.length)}>
            Show {count(effects.items.length)}
          </Button>
        </div>
      )}
      {effects.affected > effects.items.length && shown === effects.items.length && (
        <p className={classes.quiet}>The {count(effects.items.length)} largest changes are shown.</p>
      )}
    </div>
  )
}

const range = (effects: PriceDifference['effects']): string => {
  const { largestRiseBasisPoints: rise, largestFallBasisPoints: fall } = effects
  const parts = [
    ...(rise > 0 ? [`at most ${changeText(rise)}`] : []),
    ...(fall > 0 ? [`at most ${changeText(-fall)}`] : []),
  ]
  return parts.length === 0 ? '' : `, by ${parts.join(' and ')}`
}

const differencesOf = (difference: PriceDifference): Difference[] => [
  ...(difference.creditWorth
    ? [
        {
          name: 'A credit is worth',
          before: exactUsd(difference.creditWorth.before),
          after: exactUsd(difference.creditWorth.after),
        },
      ]
    : []),
  ...difference.markups.map((markup) => ({
    name: `Markup: ${markupName(markup)}`,
    before: markup.before === null ? 'none of its own' : markupText(markup.before),
    after: markup.after === null ? 'none of its own' : markupText(markup.after),
  })),
  ...difference.ownPrices.map(({ serviceId, model, unit, before, after }) => ({
    name: `${serviceId}/${model}, ${unitName(unit)}`,
    before: before === null ? 'no own price' : priceText({ unit, ...before }),
    after: after === null ? 'no own price' : priceText({ unit, ...after }),
  })),
]

const Micros = ({ micros }: { micros: string | null }) =>
  micros === null ? <span className={classes.quiet}>no price</span> : <Credits micros={micros} />

const columns: readonly Column<Effect>[] = [
  {
    key: 'what',
    header: 'Price',
    render: (row) => (
      <span className={classes.who}>
        <span className={classes.strong}>{row.model}</span>
        <span className={classes.quiet}>
          {row.serviceId}, {unitName(row.unit)} {perWords(row.per)}
          {row.fromInputTokens > 0 && ` from ${count(row.fromInputTokens)} input tokens on`}
        </span>
      </span>
    ),
  },
  {
    key: 'before',
    header: 'Credits now',
    align: 'end',
    render: (row) => <Micros micros={row.beforeMicros} />,
  },
  { key: 'after', header: 'Then', align: 'end', render: (row) => <Micros micros={row.afterMicros} /> },
  {
    key: 'change',
    header: 'Change',
    align: 'end',
    render: (row) => (
      <span className="figure">
        {row.changeBasisPoints === null ? '—' : changeText(row.changeBasisPoints)}
      </span>
    ),
  },
]
