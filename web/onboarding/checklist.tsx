import { Button } from '@mantine/core'
import { IconCircleCheck, IconCircleDashed } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import type { Onboarding, OnboardingStep } from '../../src/contract/onboarding.ts'
import { Examples } from '../tokens/created-token.tsx'
import { userExamples } from '../tokens/examples.ts'
import { useFirstModel } from '../tokens/first-model.ts'
import { Panel } from '../ui/page.tsx'
import { TextLink } from '../ui/text-link.tsx'
import classes from './checklist.module.css'
import { FirstCall } from './first-call.tsx'
import { stepTitles, useOnboarding } from './use-onboarding.ts'

/** What is to be done until calls work; it watches for the first one. Gone once all is done, or hidden. */
export const Checklist = () => {
  const onboarding = useOnboarding(true)
  // Whoever comes with everything done needs no list; whoever finishes it here sees that it is.
  const [wasOpen, setWasOpen] = useState(false)
  if (!onboarding) return null
  const { steps, next } = onboarding
  if (!wasOpen && next !== null) setWasOpen(true)
  if (next === null && !wasOpen) return null
  return (
    <Panel
      title={next === null ? 'All set' : 'Getting started'}
      description={
        next === null
          ? 'Your calls work.'
          : `${steps.filter(({ done }) => done).length} of ${steps.length} done. This list follows what you do.`
      }
      actions={
        <Button variant="default" size="compact-md" onClick={onboarding.hide}>
          Hide this list
        </Button>
      }
    >
      <ol className={classes.steps}>
        {steps.map(({ id, done }) => (
          <Step key={id} id={id} done={done} isNext={id === next} of={onboarding} />
        ))}
      </ol>
    </Panel>
  )
}

const Step = (props: { id: OnboardingStep; done: boolean; isNext: boolean; of: Onboarding }) => {
  const { id, done, isNext, of } = props
  const Symbol = done ? IconCircleCheck : IconCircleDashed
  return (
    <li className={classes.step} data-done={done || undefined} data-next={isNext || undefined}>
      <Symbol className={classes.symbol} size={18} stroke={1.8} aria-hidden />
      <div className={classes.words}>
        <p className={classes.title}>
          {stepTitles[id]}
          <span className="visually-hidden">{done ? ', done' : isNext ? ', next' : ', to do'}</span>
        </p>
        {id === 'request' ? (
          <>
            {isNext && <HowToCall />}
            <FirstCall operation={of.firstOperation} isWaiting={isNext} />
          </>
        ) : (
          !done && (
            <>
              <p className={classes.text}>{ways[id].hint}</p>
              <Way isNext={isNext}>{ways[id].link}</Way>
            </>
          )
        )}
      </div>
    </li>
  )
}

/** One step stands out: whoever does what looks like a button gets there. */
const Way = (props: { isNext: boolean; children: ReactNode }) => (
  <p className={props.isNext ? classes.go : undefined}>
    {props.isNext ? props.children : <TextLink>{props.children}</TextLink>}
  </p>
)

const ways: Record<Exclude<OnboardingStep, 'request'>, { hint: string; link: ReactNode }> = {
  system_key: {
    hint: 'The platform’s own keys serve whoever has none, for credits.',
    link: <Link to="/admin/system-keys">Go to system keys</Link>,
  },
  cover: {
    hint: 'Calls on a key of your own cost no credits; the platform’s keys run on credits.',
    link: <Link to="/services">Go to services</Link>,
  },
  token: {
    hint: 'Applications call with it instead of a service’s key.',
    link: <Link to="/access-tokens">Go to access tokens</Link>,
  },
  members: {
    hint: 'Members use the organisation’s keys, or their own.',
    link: <Link to="/members">Go to members</Link>,
  },
  policy: {
    hint: 'The organisation’s keys only, members’ own, or some of both.',
    link: <Link to="/policy">Go to the control policy</Link>,
  },
}

const HowToCall = () => {
  const model = useFirstModel()
  return (
    <>
      <p className={classes.text}>
        In a terminal, or in your application: change its base URL, and put your access token in place of
        YOUR_ACCESS_TOKEN.
      </p>
      <Examples examples={userExamples(location.origin, 'YOUR_ACCESS_TOKEN', model)} />
    </>
  )
}
