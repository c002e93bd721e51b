import { Button } from '@mantine/core'
import { IconAlertTriangle, IconCircleCheck } from '@tabler/icons-react'
import { useState } from 'react'
import type { ExplainedCandidate, ExplainedPassedOver, Explanation } from '../../src/contract/explain.ts'
import { choiceLabel } from '../policy/fallbacks.ts'
import { Ago, Credits } from '../ui/figures.tsx'
import { count } from '../ui/format.ts'
import { Ladder, type Rung } from '../ui/ladder.tsx'
import { Mark, OwnerMark, type Tone } from '../ui/mark.tsx'
import classes from './simulator.module.css'

const toneOf = { user: 'own', organization: 'shared', system: 'credits' } as const satisfies Record<
  string,
  Tone
>

/** The reader’s own call, or one of somebody whom an administrator looks at. */
type Whose = 'your' | 'their'

/** The outcome in a sentence, then the ladder, then what was passed over. */
export const ExplanationView = ({
  explanation,
  whose = 'your',
}: {
  explanation: Explanation
  whose?: Whose
}) => (
  <div className={classes.explanation}>
    <Headline explanation={explanation} whose={whose} />
    <Route candidates={explanation.candidates} />
    <PassedOver passedOver={explanation.passedOver} />
    <Footing explanation={explanation} />
  </div>
)

const firstOnes = 5

/** Of a group there can be dozens, of which a call hardly ever gets beyond the first few. */
const Route = ({ candidates }: { candidates: readonly ExplainedCandidate[] }) => {
  const [all, setAll] = useState(false)
  if (candidates.length === 0) return null
  const shown = all ? candidates : candidates.slice(0, firstOnes)
  return (
    <div className={classes.route}>
      <Ladder label="Tried in this order" rungs={shown.map(rungOf)} />
      {candidates.length > firstOnes && (
        <div>
          <Button variant="default" size="compact-sm" onClick={() => setAll(!all)}>
            {all ? `Show the first ${firstOnes}` : `Show all ${candidates.length}`}
          </Button>
        </div>
      )}
      {candidates.length > 1 && (
        <p className={classes.note}>Each is tried only if the one before it fails.</p>
      )}
    </div>
  )
}

const Headline = ({ explanation, whose }: { explanation: Explanation; whose: Whose }) => {
  const [first] = explanation.candidates
  const Symbol = first ? IconCircleCheck : IconAlertTriangle
  return (
    <output className={classes.headline} data-refused={first ? undefined : true}>
      <Symbol size={20} stroke={1.8} aria-hidden />
      <div>
        <p className={classes.headlineTitle}>
          {first ? headlineOf(first, whose) : 'The call would be refused.'}
        </p>
        {explanation.refusal && (
          <p className={classes.headlineText}>
            {explanation.refusal.message} {explanation.refusal.next}
          </p>
        )}
      </div>
    </output>
  )
}

const headlineOf = ({ keyOwner, serviceName, model }: ExplainedCandidate, whose: Whose): string => {
  const key = {
    user: `${whose} own key`,
    organization: `${whose} organisation’s key`,
    system: 'a system key, for credits,',
  }[keyOwner]
  return `It would run on ${key} at ${serviceName}, as ${model}.`
}

const rungOf = (candidate: ExplainedCandidate, index: number): Rung => ({
  key: String(index),
  tone: toneOf[candidate.keyOwner],
  taken: index === 0,
  title: (
    <>
      {candidate.serviceName}
      <OwnerMark owner={candidate.keyOwner} priority={candidate.keyPriority} />
      {candidate.supposed && <Mark tone="quiet">supposed</Mark>}
      <code className={classes.model}>{candidate.model}</code>
    </>
  ),
  aside: <Cost candidate={candidate} />,
  words: (
    <>
      {candidate.words} {candidate.keyLabel && !candidate.supposed && `“${candidate.keyLabel}”.`}
    </>
  ),
})

const Cost = ({ candidate }: { candidate: ExplainedCandidate }) => {
  if (candidate.creditMicros === null) return <>no price known</>
  if (candidate.creditMicros === '0' && candidate.keyOwner !== 'system') return <>no credits</>
  return (
    <>
      about <Credits micros={candidate.creditMicros} unit />
    </>
  )
}

/** What was passed over for the same reason stands on one line: at 33 services, most have simply no key. */
const PassedOver = ({ passedOver }: { passedOver: readonly ExplainedPassedOver[] }) => {
  if (passedOver.length === 0) return null
  const groups = Map.groupBy(
    passedOver,
    ({ keyOwner, words, until, keyLabel }) => `${keyOwner} ${words} ${until} ${keyLabel}`,
  )
  return (
    <section>
      <h3 className={classes.sectionTitle}>Passed over</h3>
      <ul className={classes.passed}>
        {[...groups].map(([key, alike]) => (
          <Passed key={key} alike={alike} />
        ))}
      </ul>
    </section>
  )
}

const Passed = ({ alike }: { alike: readonly ExplainedPassedOver[] }) => {
  const [first] = alike
  if (!first) return null
  const names = [...new Set(alike.map(({ serviceName }) => serviceName))]
  return (
    <li>
      <span className={classes.passedWhat}>
        <OwnerMark owner={first.keyOwner} />
        {first.keyLabel && `“${first.keyLabel}”`}
      </span>
      <span>
        {names.join(', ')}
        <span className={classes.passedWhy}>
          {first.words}
          {first.until && (
            <>
              {' '}
              Again <Ago at={first.until} />.
            </>
          )}
        </span>
      </span>
    </li>
  )
}

const Footing = ({ explanation }: { explanation: Explanation }) => {
  const { estimatedFor, fallback, locked } = explanation
  return (
    <p className={classes.note}>
      {fallback && (
        <>
          Fallback that holds: {choiceLabel(fallback)}
          {locked && ', set by the organisation'}.{' '}
        </>
      )}
      Estimated for {count(estimatedFor.inputTokens)} tokens in and {count(estimatedFor.outputTokens)} out,
      without caches. Available: <Credits micros={explanation.availableMicros} unit />.
      {explanation.validUntil && (
        <>
          {' '}
          This changes by itself <Ago at={explanation.validUntil} />.
        </>
      )}
    </p>
  )
}
