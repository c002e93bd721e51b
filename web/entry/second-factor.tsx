import { Button } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { StepUpMethod } from '../../src/contract/session.ts'
import { useEnter } from '../data/enter.ts'
import { passkeysWork } from '../data/passkeys.ts'
import { CodeInput } from '../security/code-input.tsx'
import { FaultNotice, Notice } from '../ui/notice.tsx'
import { Entry } from './entry.tsx'
import classes from './entry.module.css'
import { PasskeyButton } from './passkey-button.tsx'

type Way = 'passkey' | 'totp' | 'recovery_code'

const leads: Record<Way, string> = {
  passkey: 'Your account asks for a second factor: confirm with a passkey.',
  totp: 'Your account asks for a second factor: the code that your authenticator app shows.',
  recovery_code: 'One of the codes you kept when you set the second factor up. Each works once.',
}
const others: Record<Way, string> = {
  passkey: 'Use a passkey',
  totp: 'Use a code of the app',
  recovery_code: 'Use a recovery code',
}

/** After the first factor: what is asked for, and the other ways to answer. */
export const SecondFactor = (props: {
  methods: readonly StepUpMethod[]
  onEntered: () => void
  onLeave: () => void
}) => {
  const ways = props.methods.filter(
    (method): method is Way =>
      method === 'totp' || method === 'recovery_code' || (method === 'passkey' && passkeysWork()),
  )
  const [chosen, setChosen] = useState<Way | null>(null)
  const way = chosen ?? ways[0] ?? 'recovery_code'
  return (
    <Entry title="Confirm that it is you" lead={leads[way]}>
      {way === 'passkey' ? (
        <PasskeyButton primary onEntered={props.onEntered} />
      ) : (
        <CodeForm key={way} way={way} onEntered={props.onEntered} onLeave={props.onLeave} />
      )}
      <div className={classes.otherWays}>
        {ways
          .filter((each) => each !== way)
          .map((each) => (
            <Button key={each} variant="subtle" color="gray" onClick={() => setChosen(each)}>
              {others[each]}
            </Button>
          ))}
        <Button variant="subtle" color="gray" onClick={props.onLeave}>
          Sign in as somebody else
        </Button>
      </div>
    </Entry>
  )
}

const CodeForm = (props: { way: 'totp' | 'recovery_code'; onEntered: () => void; onLeave: () => void }) => {
  const [code, setCode] = useState('')
  const finish = useEnter('finishSignIn', props.onEntered)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    finish.mutate({ body: { proof: { kind: props.way, code } } })
  }
  if (finish.error?.code === 'sign_in_expired')
    return (
      <Notice tone="warning" live title="This sign-in took too long">
        <Button size="compact-sm" variant="default" onClick={props.onLeave}>
          Begin again
        </Button>
      </Notice>
    )
  return (
    <form className={classes.form} onSubmit={submit}>
      <CodeInput kind={props.way} value={code} onChange={setCode} />
      {finish.error && <FaultNotice error={finish.error} />}
      <Button type="submit" fullWidth loading={finish.isPending} disabled={code.trim() === ''}>
        Confirm
      </Button>
    </form>
  )
}
