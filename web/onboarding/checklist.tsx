import { Button } from '@mantine/core'
import { IconCircleCheck, IconCircleDashed } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import type { Onboarding, OnboardingStep } from '../../src/contract/onboarding.ts'
import { useRead } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import { CopyField } from '../ui/copy.tsx'
import { Ago } from '../ui/figures.tsx'
import { Notice } from '../ui/notice.tsx'
import { Panel } from '../ui/page.tsx'
import { TextLink } from '../ui/text-link.tsx'
import classes from './checklist.module.css'

const waitSeconds = 3
const hiddenKey = (userId: string, organizationId: string) => `onboarding-hidden:${userId}:${organizationId}`

/** What is to be done until calls work; it watches for the first one. Gone once all is done, or hidden. */
export const Checklist = () => {
  const { user, organization } = useMe()
  const key = hiddenKey(user.id, organization.id)
  const [isHidden, setIsHidden] = useState(() => localStorage.getItem(key) !== null)
  // Whoever comes with everything done needs no list; whoever finishes it here sees that it is.
  const [wasOpen, setWasOpen] = useState(false)
  const [isWaiting, setIsWaiting] = useState(false)
  const first = useRead(
    'readOnboarding',
    {},
    { enabled: !isHidden, ...(isWaiting && { refreshSeconds: waitSeconds }) },
  )
  const left = first.data?.steps.filter(({ done }) => !done).length ?? 0
  if (isWaiting !== left > 0) setIsWaiting(left > 0)
  if (!wasOpen && left > 0) setWasOpen(true)
  if (isHidden || !first.data || first.data.steps.length === 0 || (left === 0 && !wasOpen)) return null
  return (
    <Panel
      title={left === 0 ? 'All set' : 'Getting started'}
      description={left === 0 ? 'Your calls work.' : 'This list watches for your first call by itself.'}
      actions={
        <Button
          variant="default"
          size="compact-md"
          onClick={() => {
            localStorage.setItem(key, '1')
            setIsHidden(true)
          }}
        >
          Hide this list
        </Button>
      }
    >
      <Steps data={first.data} />
    </Panel>
  )
}

const titles: Record<OnboardingStep, string> = {
  system_key: 'Add a system key',
  cover: 'Have a key or credits',
  token: 'Create an access token',
  request: 'Make the first call',
  members: 'Invite somebody',
  policy: 'Say whose keys may be used',
}

const Steps = ({ data }: { data: Onboarding }) => {
  const next = data.steps.find(({ done }) => !done)?.id
  return (
    <ol className={classes.steps}>
      {data.steps.map(({ id, done }) => {
        const Symbol = done ? IconCircleCheck : IconCircleDashed
        return (
          <li key={id} className={classes.step} data-done={done || undefined}>
            <Symbol className={classes.symbol} size={18} stroke={1.8} aria-hidden />
            <div className={classes.words}>
              <p className={classes.title}>
                {titles[id]}
                <span className="visually-hidden">{done ? ', done' : ', to do'}</span>
              </p>
              {id === 'request' ? (
                <FirstCall data={data} isNext={next === 'request'} />
              ) : (
                !done && <p className={classes.text}>{hints[id]}</p>
              )}
            </div>
          </li>
        )
      })}
    </ol>
  )
}

const hints: Record<Exclude<OnboardingStep, 'request'>, ReactNode> = {
  system_key: (
    <>
      The platform’s own keys serve whoever has none, for credits.{' '}
      <TextLink>
        <Link to="/admin/system-keys">System keys</Link>
      </TextLink>
    </>
  ),
  cover: (
    <>
      Calls on your own key cost no credits.{' '}
      <TextLink>
        <Link to="/services">Add a key</Link>
      </TextLink>
    </>
  ),
  token: (
    <>
      Applications call with it instead of a service’s key.{' '}
      <TextLink>
        <Link to="/access-tokens">Access tokens</Link>
      </TextLink>
    </>
  ),
  members: (
    <>
      Members use the organisation’s keys, or their own.{' '}
      <TextLink>
        <Link to="/organization">Organisation</Link>
      </TextLink>
    </>
  ),
  policy: (
    <>
      The organisation’s keys only, members’ own, or some of both.{' '}
      <TextLink>
        <Link to="/policy">Control policy</Link>
      </TextLink>
    </>
  ),
}

const FirstCall = ({ data, isNext }: { data: Onboarding; isNext: boolean }) => {
  const { firstOperation } = data
  if (firstOperation?.status === 'succeeded')
    return (
      <output className={classes.text}>
        {firstOperation.model} answered <Ago at={firstOperation.at} />.{' '}
        <TextLink>
          <Link to="/operations" search={{ operation: firstOperation.id }}>
            Its receipt
          </Link>
        </TextLink>
      </output>
    )
  return (
    <>
      {isNext && (
        <>
          <p className={classes.text}>Change the address in your application, or try it in a terminal:</p>
          <CopyField label="Command of a first call" text={command(globalThis.location.origin)} />
          {!firstOperation && <output className={classes.waiting}>Waiting for your first call …</output>}
        </>
      )}
      {firstOperation && (
        <Notice
          tone="warning"
          live
          title={`A call arrived and ${firstOperation.status === 'refused' ? 'was refused' : 'did not succeed'}`}
        >
          {firstOperation.faultCode && <code>{firstOperation.faultCode}</code>} <Ago at={firstOperation.at} />
          .{' '}
          <TextLink>
            <Link to="/operations" search={{ operation: firstOperation.id }}>
              See why
            </Link>
          </TextLink>
        </Notice>
      )}
    </>
  )
}

const command = (origin: string): string =>
  `curl ${origin}/v1/chat/completions -H "Authorization: Bearer $AIDEON_TOKEN" -H "Content-Type: application/json" -d '{"model":"gpt-5-mini","messages":[{"role":"user","content":"Hello"}]}'`
