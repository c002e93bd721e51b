import { Radio, Textarea } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type { PolicyDocument } from '../../src/contract/policy.ts'
import type { ReceivedRequest } from '../../src/contract/requests.ts'
import { DifferenceList } from '../admin-billing/difference-list.tsx'
import { useAct } from '../data/queries.ts'
import { useExceptionEnd } from '../policy/use-exception-end.tsx'
import { policyChanges } from '../policy/policy-changes.ts'
import { useServiceNames } from '../policy/policy-form.tsx'
import { FormDialog } from '../ui/dialog.tsx'
import { TextLink } from '../ui/text-link.tsx'
import { tellDone } from '../ui/toast.tsx'
import { whatOf } from './request-words.ts'
import classes from './requests.module.css'

type By = 'exception' | 'policy' | 'other'

/** An approval says what it changes, and for whom: one member where that is enough. */
export const Approve = (props: {
  request: ReceivedRequest
  current: PolicyDocument
  onClose: () => void
}) => {
  const { request, current } = props
  const { opening, mayBeExcepted } = request
  const nameOf = useServiceNames()
  const [answer, setAnswer] = useState('')
  const end = useExceptionEnd()
  const [by, setBy] = useState<By>(mayBeExcepted ? 'exception' : opening === null ? 'other' : 'policy')
  const approve = useAct('approveRequest', [
    'listRequests',
    'listOwnRequests',
    'readMe',
    'listServices',
    'readPolicy',
    'listPolicyVersions',
  ])
  return (
    <FormDialog
      opened
      title={`Approve ${whatOf(request, nameOf(request.serviceId))}`}
      submit={by === 'policy' ? 'Approve and change the policy' : 'Approve'}
      busy={approve.isPending}
      error={approve.error}
      blocked={by === 'exception' && end.isOver}
      onClose={props.onClose}
      onSubmit={() =>
        approve.mutate(
          {
            params: { id: request.id },
            body: {
              by,
              answer: answer.trim() || null,
              ...(by === 'exception' && { expiresAt: end.at }),
            },
          },
          {
            onSuccess: () => {
              tellDone(`${request.user.email} has been told.`)
              props.onClose()
            },
          },
        )
      }
    >
      {mayBeExcepted && opening !== null && (
        <Radio.Group label="For whom" value={by} onChange={setBy}>
          <div className={classes.choices}>
            <Radio value="exception" label={`${request.user.name || request.user.email} alone`} />
            <Radio value="policy" label="Every member" description="The policy changes." />
          </div>
        </Radio.Group>
      )}
      {by === 'exception' && (
        <>
          <p className={classes.line}>
            The policy stays as it is. {request.user.email} alone may use keys of their own for this service.
          </p>
          {end.input}
        </>
      )}
      {by === 'other' && (
        <p className={classes.line}>
          The policy does not stand in the way any more; nothing needs to change.
        </p>
      )}
      {by === 'policy' && opening !== null && (
        <>
          <p className={classes.line}>This is what changes, at once and for everybody in the organisation:</p>
          <DifferenceList differences={policyChanges(current, opening, nameOf)} />
          <p className={classes.quiet}>
            To see what it would do to operations first, open the{' '}
            <TextLink>
              <Link to="/policy">control policy</Link>
            </TextLink>
            .
          </p>
        </>
      )}
      <Textarea
        label="Answer (optional)"
        autosize
        minRows={2}
        maxLength={500}
        value={answer}
        onChange={(event) => setAnswer(event.currentTarget.value)}
      />
    </FormDialog>
  )
}
