import { NativeSelect } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import type { BudgetMeasure, BudgetPeriod } from '../../src/contract/budgets.ts'
import type { UsageReport } from '../../src/contract/usage.ts'
import { FormDialog } from '../ui/dialog.tsx'
import { browserTimeZone } from '../ui/format.ts'
import { BudgetFields, type BudgetText } from './budget-fields.tsx'
import { parseAmount } from './budget-words.ts'
import classes from './budgets.module.css'
import { LimitPreview } from './limit-preview-panel.tsx'

export interface Draft {
  readonly name: string
  readonly limit: string
  readonly enforcement: 'hard' | 'soft'
  readonly measure: BudgetMeasure
  readonly period: BudgetPeriod
  readonly timeZone: string
}

const amountFault = (measure: BudgetMeasure): string =>
  measure === 'credits'
    ? 'A number of credits above 0, at most six decimal places.'
    : 'An amount in dollars above 0, at most nine decimal places.'

/** Null where nothing is wrong. */
export const faultsOf = (text: BudgetText, measure: BudgetMeasure) => ({
  name: text.name.trim() === '' ? 'Call it something.' : null,
  limit: parseAmount(measure, text.limit) === null ? amountFault(measure) : null,
})

/** A new budget; what is wrong is said once somebody has tried, and by then as it is typed. */
export const NewBudget = (props: {
  busy: boolean
  error: unknown
  /** The fields that say whose use counts. */
  scope: ReactNode
  /** Not yet enough is said about it. */
  scopeFault: boolean
  subscription: boolean
  /** null: what it would have meant is not shown. */
  report: UsageReport | undefined | null
  /** Where only one is possible. */
  onlyMeasure?: BudgetMeasure
  onCreate: (draft: Draft) => void
  onClose: () => void
}) => {
  const [text, setText] = useState<BudgetText>({ name: '', limit: '', enforcement: 'soft' })
  const [chosen, setMeasure] = useState<BudgetMeasure>('credits')
  const measure = props.onlyMeasure ?? chosen
  const [period, setPeriod] = useState<BudgetPeriod>('calendar_month')
  const [tried, setTried] = useState(false)
  const faults = faultsOf(text, measure)
  const timeZone = browserTimeZone()
  const limit = parseAmount(measure, text.limit)
  return (
    <FormDialog
      opened
      size="lg"
      title="New budget"
      submit="Create budget"
      busy={props.busy}
      error={props.error}
      blocked={false}
      onSubmit={() => {
        setTried(true)
        if (faults.name === null && limit !== null && !props.scopeFault)
          props.onCreate({ ...text, name: text.name.trim(), limit, measure, period, timeZone })
      }}
      onClose={props.onClose}
    >
      <BudgetFields
        text={text}
        measure={measure}
        faults={tried ? faults : { name: null, limit: text.limit === '' ? null : faults.limit }}
        onChange={(changes) => setText({ ...text, ...changes })}
      />
      <div className={classes.pair}>
        <NativeSelect
          label="Counts"
          value={measure}
          data={[
            { value: 'credits', label: 'Credits, on system keys' },
            { value: 'own_key_cost', label: 'Dollars, on own keys' },
          ].filter(({ value }) => props.onlyMeasure === undefined || value === props.onlyMeasure)}
          onChange={(event) =>
            setMeasure(event.currentTarget.value === 'own_key_cost' ? 'own_key_cost' : 'credits')
          }
        />
        <NativeSelect
          label="Starts anew"
          description={
            period === 'calendar_month'
              ? `On the 1st at midnight, ${timeZone.replaceAll('_', ' ')}.`
              : undefined
          }
          inputWrapperOrder={['label', 'input', 'description', 'error']}
          value={period}
          data={[
            { value: 'calendar_month', label: 'Each calendar month' },
            ...(props.subscription
              ? [{ value: 'subscription_period', label: 'With each subscription period' }]
              : []),
          ]}
          onChange={(event) =>
            setPeriod(
              event.currentTarget.value === 'subscription_period' ? 'subscription_period' : 'calendar_month',
            )
          }
        />
        {props.scope}
      </div>
      {props.report !== null && (
        <LimitPreview
          report={props.report}
          measure={measure}
          limit={limit}
          hard={text.enforcement === 'hard'}
        />
      )}
    </FormDialog>
  )
}
