import { UnstyledButton } from '@mantine/core'
import type { ReactNode } from 'react'
import classes from './filter-chips.module.css'
import { count } from './format.ts'
import type { Tone } from './mark.tsx'

export interface Chip<Value extends string> {
  readonly value: Value
  readonly label: string
  readonly count?: number | undefined
  /** A dot in the colour of its meaning. */
  readonly tone?: Tone
}

/** One of a few, or all of them; pressed again, a chip lets go. */
export const FilterChips = <Value extends string>(props: {
  label: string
  chips: readonly Chip<Value>[]
  chosen: Value | undefined
  onChoose: (value: Value | undefined) => void
  after?: ReactNode
}) => (
  <fieldset className={classes.chips}>
    <legend className="visually-hidden">{props.label}</legend>
    {props.chips.map((chip) => {
      const pressed = chip.value === props.chosen
      return (
        <UnstyledButton
          key={chip.value}
          className={classes.chip}
          aria-pressed={pressed}
          disabled={chip.count === 0 && !pressed}
          onClick={() => props.onChoose(pressed ? undefined : chip.value)}
        >
          {chip.tone && <span className={classes.dot} data-tone={chip.tone} aria-hidden />}
          {chip.label}
          {chip.count !== undefined && <span className={classes.count}>{count(chip.count)}</span>}
        </UnstyledButton>
      )
    })}
    {props.after}
  </fieldset>
)
