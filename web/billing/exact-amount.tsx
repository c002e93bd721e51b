import classes from './billing.module.css'
import { exactParts } from './exact-parts.ts'

/** Every digit, so that a column of them can be added up; those behind the second place step back. */
export const ExactAmount = (props: { micros: string; signed?: boolean }) => {
  const { shown, rest } = exactParts(props.micros, props.signed)
  return (
    <span className="figure">
      {shown}
      <span className={classes.quiet}>{rest}</span>
    </span>
  )
}
