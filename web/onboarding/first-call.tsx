import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type { Onboarding } from '../../src/contract/onboarding.ts'
import { Ago } from '../ui/figures.tsx'
import { Notice } from '../ui/notice.tsx'
import { TextLink } from '../ui/text-link.tsx'
import classes from './checklist.module.css'
import { useOnboarding } from './use-onboarding.ts'

/** What became of the first call, as soon as it has come. */
export const FirstCall = (props: { operation: Onboarding['firstOperation']; isWaiting: boolean }) => {
  const { operation } = props
  if (operation === null)
    return props.isWaiting ? (
      <output className={classes.waiting}>
        <span className={classes.pulse} aria-hidden />
        Waiting for your first call …
      </output>
    ) : null
  if (operation.status === 'succeeded')
    return (
      <output className={classes.text}>
        {operation.model} answered <Ago at={operation.at} />.{' '}
        <TextLink>
          <Link to="/operations" search={{ operation: operation.id }}>
            Its receipt
          </Link>
        </TextLink>
      </output>
    )
  return (
    <Notice
      tone="warning"
      live
      title={`A call arrived and ${operation.status === 'refused' ? 'was refused' : 'did not succeed'}`}
    >
      {operation.faultCode && <code>{operation.faultCode}</code>} <Ago at={operation.at} />.{' '}
      <TextLink>
        <Link to="/operations" search={{ operation: operation.id }}>
          See why
        </Link>
      </TextLink>
    </Notice>
  )
}

/** Beside the lines of a new token: they can be tried before it is put away. Nothing for whoever has made calls before. */
export const FirstCallWatch = () => {
  const onboarding = useOnboarding(true)
  const [wasOpen, setWasOpen] = useState(false)
  if (!onboarding) return null
  const isOpen = onboarding.steps.some(({ id, done }) => id === 'request' && !done)
  if (isOpen && !wasOpen) setWasOpen(true)
  return wasOpen ? <FirstCall operation={onboarding.firstOperation} isWaiting /> : null
}
