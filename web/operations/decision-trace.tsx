import type { Decision, Receipt } from '../../src/contract/operations.ts'
import { ServiceName } from '../data/service-name.tsx'
import { choiceLabel } from '../policy/fallbacks.ts'
import { fullMoment } from '../ui/format.ts'
import { Ladder, type Rung } from '../ui/ladder.tsx'
import { OwnerMark } from '../ui/mark.tsx'
import classes from './operations.module.css'
import { describeCandidate, describePass } from './reasons.ts'

const toneOf = { user: 'own', organization: 'shared', system: 'credits' } as const

/** What the gateway had before it when it chose: the route in order, and what it passed over. */
export const DecisionTrace = ({ receipt }: { receipt: Receipt }) => {
  const { decision } = receipt
  if (decision === null) return null
  const { candidates, passedOver, moreCandidates, morePassedOver, fallback } = decision
  // All that was tried, and what would have been tried next.
  const tried = candidates.findLastIndex((each) => wasTried(each, receipt))
  const near = candidates.slice(0, Math.max(tried + 2, 3))
  const far = candidates.slice(near.length)
  return (
    <section>
      <h3 className={classes.receiptTitle}>Why this route</h3>
      <Ladder label="The route, in order" rungs={near.map((each) => rungOf(each, receipt))} />
      {far.length > 0 && (
        <details className={classes.disclosure}>
          <summary>Further on the route ({far.length + moreCandidates})</summary>
          <Ladder label="Further on the route" rungs={far.map((each) => rungOf(each, receipt))} />
        </details>
      )}
      {passedOver.length > 0 && (
        <details className={classes.disclosure}>
          <summary>Passed over ({passedOver.length + morePassedOver})</summary>
          <PassedOver passedOver={passedOver} />
          {morePassedOver > 0 && <p className={classes.quiet}>And {morePassedOver} more.</p>}
        </details>
      )}
      {fallback && <p className={classes.held}>Fallback that held: {choiceLabel(fallback)}.</p>}
    </section>
  )
}

const wasTried = (candidate: Decision['candidates'][number], { attempts }: Receipt): boolean =>
  attempts.some(
    ({ serviceKeyId, model }) => serviceKeyId === candidate.serviceKeyId && model === candidate.model,
  )

const rungOf = (candidate: Decision['candidates'][number], receipt: Receipt): Rung => {
  const tried = wasTried(candidate, receipt)
  const taken =
    candidate.serviceKeyId === receipt.serviceKeyId &&
    candidate.serviceId === receipt.serviceId &&
    candidate.model === receipt.model
  return {
    key: `${candidate.serviceKeyId} ${candidate.model}`,
    tone: toneOf[candidate.keyOwner],
    taken,
    title: (
      <>
        <ServiceName id={candidate.serviceId} />
        <OwnerMark owner={candidate.keyOwner} priority={candidate.keyPriority} />
        <code className={classes.routeModel}>{candidate.model}</code>
      </>
    ),
    aside: taken ? 'ran here' : tried ? 'tried' : 'not needed',
    words: describeCandidate(candidate),
  }
}

const PassedOver = (props: { passedOver: Decision['passedOver'] }) => (
  <ul className={classes.passed}>
    {props.passedOver.map((passed, index) => (
      <li key={index}>
        <span className={classes.passedWhat}>
          <ServiceName id={passed.serviceId} />
          <OwnerMark owner={passed.keyOwner} />
        </span>
        <span>
          {describePass(passed.why, passed.keyOwner)}
          {passed.until && ` Until ${fullMoment(passed.until)}.`}
        </span>
      </li>
    ))}
  </ul>
)
