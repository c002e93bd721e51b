import { useState } from 'react'
import type { BudgetViewOnWire } from '../../src/contract/budgets.ts'
import { FormDialog } from '../ui/dialog.tsx'
import { Notice } from '../ui/notice.tsx'
import { BudgetFields, type BudgetText } from './budget-fields.tsx'
import { amountText, amountWords, parseAmount } from './budget-words.ts'
import { faultsOf } from './new-budget.tsx'

/** In force from the next call on; what has been counted stays. */
export const EditBudget = (props: {
  budget: BudgetViewOnWire
  busy: boolean
  error: unknown
  onSave: (changes: { name: string; limit: string; enforcement: 'hard' | 'soft' }) => void
  onClose: () => void
}) => {
  const { budget } = props
  const { measure, status } = budget
  const before: BudgetText = {
    name: budget.name,
    limit: amountText(measure, budget.limit),
    enforcement: budget.enforcement,
  }
  const [text, setText] = useState(before)
  const faults = faultsOf(text, measure)
  const limit = parseAmount(measure, text.limit)
  const isChanged =
    text.name !== before.name || text.enforcement !== before.enforcement || limit !== budget.limit
  const isPassed = limit !== null && BigInt(status.used) >= BigInt(limit)
  return (
    <FormDialog
      opened
      size="lg"
      title={`Edit “${budget.name}”`}
      submit="Save budget"
      busy={props.busy}
      error={props.error}
      blocked={!isChanged || faults.name !== null || faults.limit !== null}
      onSubmit={() =>
        limit !== null && props.onSave({ name: text.name.trim(), limit, enforcement: text.enforcement })
      }
      onClose={props.onClose}
    >
      <BudgetFields
        text={text}
        measure={measure}
        faults={faults}
        onChange={(changes) => setText({ ...text, ...changes })}
      />
      <Notice tone={isPassed && text.enforcement === 'hard' ? 'warning' : 'info'}>
        {amountWords(measure, status.used)} are used in this period.{' '}
        {isPassed
          ? text.enforcement === 'hard'
            ? 'That is all of this limit: the next call that counts is refused.'
            : 'That is all of this limit: you are told, and nothing is stopped.'
          : 'The change is in force from the next call on.'}
      </Notice>
    </FormDialog>
  )
}
