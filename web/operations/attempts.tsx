import type { Receipt } from '../../src/contract/operations.ts'
import { ServiceName } from '../data/service-name.tsx'
import { duration } from '../ui/format.ts'
import { OwnerMark } from '../ui/mark.tsx'
import classes from './operations.module.css'
import { describeOutcome } from './reasons.ts'

export const Attempts = (props: { attempts: Receipt['attempts'] }) => {
  if (props.attempts.length === 0) return null
  return (
    <section>
      <h3 className={classes.receiptTitle}>
        {props.attempts.length === 1 ? 'One attempt' : `${props.attempts.length} attempts, in order`}
      </h3>
      <ol className={classes.attempts}>
        {props.attempts.map((attempt, index) => (
          <li key={index} className={classes.attempt}>
            <span className={classes.attemptNumber}>{index + 1}</span>
            <span>
              {attempt.serviceId && <ServiceName id={attempt.serviceId} />} {attempt.model} ·{' '}
              <OwnerMark owner={attempt.keyOwner ?? null} priority={attempt.keyPriority ?? null} />
            </span>
            <span className={classes.quiet}>
              {attempt.httpStatus ?? ''} {attempt.durationMs != null && duration(attempt.durationMs)}
            </span>
            {attempt.outcome && (
              <span className={classes.attemptReason}>{describeOutcome(attempt.outcome)}</span>
            )}
          </li>
        ))}
      </ol>
    </section>
  )
}
