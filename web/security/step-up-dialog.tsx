import { Button, Modal, PasswordInput, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type FormEvent, type ReactNode, useState } from 'react'
import type { Me, StepUpMethod } from '../../src/contract/session.ts'
import { type CallFault, call } from '../data/call.ts'
import { passkeysWork, proveWithPasskey } from '../data/passkeys.ts'
import { meQuery, useMe } from '../data/session.ts'
import { settleProof } from '../data/step-up.ts'
import { FaultNotice } from '../ui/notice.tsx'
import { CodeInput } from './code-input.tsx'
import { CompanyProofState, useCompanyProof } from './company-proof.tsx'
import classes from './security.module.css'

/** A sign-in link, or the part after its # sign. */
const tokenIn = (text: string): string => text.trim().replace(/^.*#/, '')

const otherWords: Record<StepUpMethod, string> = {
  passkey: 'Use a passkey',
  totp: 'Use a code of the app',
  recovery_code: 'Use a recovery code',
  single_sign_on: 'Use your company’s sign-in',
  password: 'Use the password',
  sign_in_link: 'Use a sign-in link',
}

/** Asks who it is. What was to be done waits underneath, with all that was entered, and goes on by itself. */
export const StepUpDialog = () => {
  const me = useMe()
  const methods = me.stepUp.methods.filter((method) => method !== 'passkey' || passkeysWork())
  const [chosen, setChosen] = useState<StepUpMethod | null>(null)
  const method = chosen ?? methods[0] ?? 'sign_in_link'
  const ways = { others: methods.filter((each) => each !== method), onOther: setChosen }
  return (
    <Modal opened onClose={() => settleProof(false)} title="Confirm that it is you" zIndex={320} size={440}>
      {method === 'single_sign_on' ? (
        <CompanyForm {...ways} />
      ) : (
        <ProofForm key={method} me={me} method={method} {...ways} />
      )}
    </Modal>
  )
}

interface Ways {
  readonly others: readonly StepUpMethod[]
  readonly onOther: (method: StepUpMethod) => void
}
/** Shown here, and not in another window. */
type OwnMethod = Exclude<StepUpMethod, 'single_sign_on'>

const proveBy = (method: OwnMethod, text: string): Promise<Me> => {
  switch (method) {
    case 'passkey':
      return proveWithPasskey()
    case 'password':
      return call('stepUp', { body: { proof: { kind: method, password: text } } })
    case 'sign_in_link':
      return call('stepUp', { body: { proof: { kind: method, token: tokenIn(text) } } })
    case 'totp':
    case 'recovery_code':
      return call('stepUp', { body: { proof: { kind: method, code: text } } })
  }
}

const ProofForm = ({ me, method, ...ways }: Ways & { me: Me; method: OwnMethod }) => {
  const [text, setText] = useState('')
  const client = useQueryClient()
  const stepUp = useMutation<Me, CallFault>({
    mutationFn: () => proveBy(method, text),
    onSuccess: (now) => {
      client.setQueryData(meQuery.queryKey, now)
      settleProof(true)
    },
  })
  const change = (value: string) => {
    setText(value)
    if (stepUp.error) stepUp.reset()
  }
  return (
    <Frame
      {...ways}
      onSubmit={() => stepUp.mutate()}
      error={stepUp.error}
      submit={
        <Button
          type="submit"
          data-autofocus={method === 'passkey' || undefined}
          loading={stepUp.isPending}
          disabled={method !== 'passkey' && text.trim() === ''}
        >
          {method === 'passkey' ? 'Use a passkey' : 'Confirm'}
        </Button>
      }
    >
      <input type="text" autoComplete="username" value={me.user.email} readOnly hidden />
      <ProofInput me={me} method={method} text={text} onChange={change} />
    </Frame>
  )
}

const CompanyForm = (ways: Ways) => {
  const { stage, isPending, error, open } = useCompanyProof()
  return (
    <Frame {...ways} onSubmit={open} error={error}>
      <CompanyProofState stage={stage} />
      <Button type="submit" fullWidth data-autofocus loading={isPending}>
        {stage === 'unopened' ? 'Confirm with your company sign-in' : 'Open the window again'}
      </Button>
    </Frame>
  )
}

const Frame = (
  props: Ways & {
    onSubmit: () => void
    error: CallFault | null
    /** Beside the other ways; left out: it is among what is asked. */
    submit?: ReactNode
    children: ReactNode
  },
) => {
  const submit = (event: FormEvent) => {
    event.preventDefault()
    props.onSubmit()
  }
  return (
    <form className={classes.form} onSubmit={submit}>
      <p>
        Changes to keys, money and rules need a fresh proof, so that nobody makes them at a screen you left
        open. It holds for some minutes; what you were doing goes on right after.
      </p>
      {props.children}
      {props.error && <FaultNotice error={props.error} />}
      <div className={classes.buttons}>
        {props.others.map((other) => (
          <Button
            key={other}
            className={classes.otherWay}
            variant="subtle"
            color="gray"
            onClick={() => props.onOther(other)}
          >
            {otherWords[other]}
          </Button>
        ))}
        <Button variant="default" onClick={() => settleProof(false)}>
          Cancel
        </Button>
        {props.submit}
      </div>
    </form>
  )
}

const ProofInput = (props: { me: Me; method: OwnMethod; text: string; onChange: (text: string) => void }) => {
  const { me, method, text, onChange } = props
  if (method === 'passkey') return null
  if (method === 'totp' || method === 'recovery_code')
    return <CodeInput kind={method} value={text} onChange={onChange} />
  if (method === 'password')
    return (
      <PasswordInput
        label={`Password of ${me.user.email}`}
        autoComplete="current-password"
        data-autofocus
        value={text}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
    )
  return (
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
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  )
}
