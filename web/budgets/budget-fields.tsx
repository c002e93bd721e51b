import { Radio, TextInput } from '@mantine/core'
import type { BudgetEnforcement, BudgetMeasure } from '../../src/contract/budgets.ts'
import { consequenceWords } from './budget-words.ts'
import classes from './budgets.module.css'

export interface BudgetText {
  readonly name: string
  readonly limit: string
  readonly enforcement: BudgetEnforcement
}

/** What can be changed of a budget at any time. */
export const BudgetFields = (props: {
  text: BudgetText
  measure: BudgetMeasure
  faults: { readonly name: string | null; readonly limit: string | null }
  onChange: (changes: Partial<BudgetText>) => void
}) => {
  const { text, measure, onChange } = props
  return (
    <>
      <div className={classes.pair}>
        <TextInput
          label="Name"
          maxLength={80}
          placeholder="Everyday use"
          data-autofocus
          value={text.name}
          error={props.faults.name}
          onChange={(event) => onChange({ name: event.currentTarget.value })}
        />
        <TextInput
          label={measure === 'credits' ? 'Limit in credits' : 'Limit in US dollars'}
          inputMode="decimal"
          placeholder={measure === 'credits' ? '100' : '20'}
          value={text.limit}
          error={props.faults.limit}
          onChange={(event) => onChange({ limit: event.currentTarget.value })}
        />
      </div>
      <Radio.Group
        label="When the limit is reached"
        value={text.enforcement}
        onChange={(value) => onChange({ enforcement: value === 'hard' ? 'hard' : 'soft' })}
      >
        <div className={classes.choices}>
          <Radio value="soft" label="Soft: only tell me" description={consequenceWords('soft', measure)} />
          <Radio value="hard" label="Hard: refuse calls" description={consequenceWords('hard', measure)} />
        </div>
      </Radio.Group>
      <p className={classes.hint}>
        Alerts come at 50, 75, 90 and 100 %, and when it is foreseen to be used up before it starts anew.
      </p>
    </>
  )
}
