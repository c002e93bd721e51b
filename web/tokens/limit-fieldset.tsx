import type { ReactNode } from 'react'
import classes from './tokens.module.css'

export const LimitFields = (props: { inputs: ReactNode }) => (
  <fieldset className={classes.limitFields}>
    <legend>Rate limits</legend>
    <p className={classes.limitWords}>
      Calls beyond them are refused with the seconds to wait. They hold on all processes together.
    </p>
    {props.inputs}
  </fieldset>
)
