import { Button, Modal, PasswordInput, TextInput } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import type { Me, StepUpMethod } from '../../src/contract/session.ts'
import { useAct } from '../data/queries.ts'
import { meQuery, useMe } from '../data/session.ts'
import { settleProof } from '../data/step-up.ts'
import { FaultNotice } from '../ui/notice.tsx'
import classes from './security.module.css'

/** A sign-in link, or the part after its # sign. */
const tokenIn = (text: string): string => text.trim().replace(/^.*#/, '')

/** Asks who it is. What was to be done waits underneath, with all that was entered, and goes on by itself. */
export const StepUpDialog = () => {
  const me = useMe()
  const [method, setMethod] = useState<StepUpMethod>(me.stepUp.methods[0] ?? 'sign_in_link')
  const other = me.stepUp.methods.find((each) => each !== method)
  return (
    <Modal opened onClose={() => settleProof(false)} title="Confirm that it is you" zIndex={320} size={440}>
      <ProofForm key={method} me={me} method={method} other={other} onOther={setMethod} />
    </Modal>
  )
}

const ProofForm = (props: {
  me: Me
  method: StepUpMethod
  other: StepUpMethod | undefined
  onOther: (method: StepUpMethod) => void
}) => {
  const { me, method, other } = props
  const [text, setText] = useState('')
  const stepUp = useAct('stepUp')
  const client = useQueryClient()
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const proof =
      method === 'password' ? { kind: method, password: text } : { kind: method, token: tokenIn(text) }
    stepUp.mutate(
      { body: { proof } },
      {
        onSuccess: (now) => {
          client.setQueryData(meQuery.queryKey, now)
          settleProof(true)
        },
      },
    )
  }
  const change = (value: string) => {
    setText(value)
    if (stepUp.error) stepUp.reset()
  }
  return (
    <form className={classes.form} onSubmit={submit}>
      <p>
        Changes to keys, money and rules need a fresh proof, so that nobody makes them at a screen you left
        open. It holds for some minutes; what you were doing goes on right after.
      </p>
      <input type="text" autoComplete="username" value={me.user.email} readOnly hidden />
      {method === 'password' ? (
        <PasswordInput
          label={`Password of ${me.user.email}`}
          autoComplete="current-password"
          data-autofocus
          value={text}
          onChange={(event) => change(event.currentTarget.value)}
        />
      ) : (
        <TextInput
          label="New sign-in link"
          description={
            me.user.hasPassword
              ? 'Paste the whole link; it is used up by this.'
              : 'You have no password. Ask your administrator for a new link and paste all of it; it is used up by this.'
          }
          autoComplete="off"
          spellCheck={false}
          data-autofocus
          value={text}
          onChange={(event) => change(event.currentTarget.value)}
        />
      )}
      {stepUp.error && <FaultNotice error={stepUp.error} />}
      <div className={classes.buttons}>
        {other && (
          <Button
            className={classes.otherWay}
            variant="subtle"
            color="gray"
            onClick={() => props.onOther(other)}
          >
            {other === 'password' ? 'Use the password' : 'Use a sign-in link'}
          </Button>
        )}
        <Button variant="default" onClick={() => settleProof(false)}>
          Cancel
        </Button>
        <Button type="submit" loading={stepUp.isPending} disabled={text.trim() === ''}>
          Confirm
        </Button>
      </div>
    </form>
  )
}
