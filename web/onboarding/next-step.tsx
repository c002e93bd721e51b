import { Link } from '@tanstack/react-router'
import classes from './next-step.module.css'
import { stepTitles, useOnboarding } from './use-onboarding.ts'

/** On every page, until calls work: how far one is, and the way to what is next. */
export const NextStep = () => {
  const onboarding = useOnboarding()
  if (!onboarding || onboarding.next === null) return null
  const { steps, next } = onboarding
  if (steps.some(({ id, done }) => id === 'request' && done)) return null
  const done = steps.filter((step) => step.done).length
  return (
    <Link to="/" className={classes.next}>
      <span className={classes.head}>
        <span>Getting started</span>
        <span>
          {done} of {steps.length}
        </span>
      </span>
      <span className={classes.bar} aria-hidden>
        <span style={{ width: `${(100 * done) / steps.length}%` }} />
      </span>
      <span className={classes.words}>Next: {stepTitles[next].toLowerCase()}</span>
    </Link>
  )
}
