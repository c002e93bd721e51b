import { Button, Loader, Modal } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { type FormEvent, useEffect, useState } from 'react'
import { call } from '../data/call.ts'
import { useFactorChange } from '../data/factors.ts'
import { CopyField } from '../ui/copy.tsx'
import { FaultNotice } from '../ui/notice.tsx'
import { CodeInput } from './code-input.tsx'
import { QrCode } from './qr-code.tsx'
import classes from './security.module.css'

/** Scan, enter the first code. */
export const TotpDialog = (props: {
  onClose: () => void
  onDone: (codes: readonly string[] | null) => void
}) => {
  const begin = useMutation({ mutationFn: () => call('beginTotp', {}) })
  const { mutate } = begin
  useEffect(() => mutate(), [mutate])
  return (
    <Modal opened onClose={props.onClose} title="Set up an authenticator app" size={460}>
      {begin.error && <FaultNotice error={begin.error} onRetry={() => mutate()} />}
      {!begin.error && !begin.data && <Loader size="sm" aria-label="Making a secret" />}
      {begin.data && <Confirm secret={begin.data.secret} uri={begin.data.uri} {...props} />}
    </Modal>
  )
}

const Confirm = (props: {
  secret: string
  uri: string
  onClose: () => void
  onDone: (codes: readonly string[] | null) => void
}) => {
  const [code, setCode] = useState('')
  const confirm = useFactorChange<string>((given) => call('confirmTotp', { body: { code: given } }))
  const submit = (event: FormEvent) => {
    event.preventDefault()
    confirm.mutate(code, { onSuccess: ({ recoveryCodes }) => props.onDone(recoveryCodes) })
  }
  return (
    <form className={classes.form} onSubmit={submit}>
      <p>Scan this with the app, or type the key into it. Then enter the code that it shows.</p>
      <QrCode text={props.uri} label="Secret for the authenticator app, as a QR code" />
      <CopyField text={props.secret.replace(/(.{4})(?=.)/g, '$1 ')} label="the key for the app" />
      <CodeInput kind="totp" value={code} onChange={setCode} />
      {confirm.error && <FaultNotice error={confirm.error} />}
      <div className={classes.buttons}>
        <Button variant="default" onClick={props.onClose}>
          Cancel
        </Button>
        <Button type="submit" loading={confirm.isPending} disabled={code.trim() === ''}>
          Confirm
        </Button>
      </div>
    </form>
  )
}
