import type { Receipt } from '../../src/contract/operations.ts'
import { ServiceName } from '../data/service-name.tsx'
import { duration } from '../ui/format.ts'
import { OwnerMark } from '../ui/mark.tsx'
import { spansOf } from './attempt-spans.ts'
import classes from './operations.module.css'
import { describeOutcome } from './reasons.ts'

/** What was tried, one below the other, each where it lay in the whole operation's time. */
export const Attempts = (props: { attempts: Receipt['attempts']; totalMs: number }) => {
  if (props.attempts.length === 0) return null
  const spans = spansOf(
    props.attempts.map(({ durationMs }) => durationMs ?? null),
    props.totalMs,
  )
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
            <span className={classes.track} aria-hidden>
              <span
                className={classes.span}
                data-ok={attempt.outcome === 'ok' || undefined}
                style={{
                  left: `${(spans[index]?.left ?? 0) * 100}%`,
                  width: `${(spans[index]?.width ?? 0) * 100}%`,
                }}
              />
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
