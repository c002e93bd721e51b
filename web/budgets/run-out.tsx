import { IconHourglassLow } from '@tabler/icons-react'
import { useRead } from '../data/queries.ts'
import { creditForecastWords } from './budget-words.ts'
import classes from './run-out.module.css'

/** When the credits run out, in one line; that it is unknown is said, too. */
export const RunOut = () => {
  const forecast = useRead('readCreditForecast', {}, { refreshSeconds: 60 })
  // What could not be read is no reason to disturb: the balance beside it says what there is.
  if (!forecast.data) return <p className={classes.line} data-empty aria-hidden />
  const { state } = forecast.data
  return (
    <p
      className={classes.line}
      data-tone={state === 'runs_out' || state === 'ran_out' ? 'warning' : undefined}
    >
      <IconHourglassLow size={15} stroke={1.8} aria-hidden />
      <span>{creditForecastWords(forecast.data)}</span>
    </p>
  )
}
