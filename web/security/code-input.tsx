import { TextInput } from '@mantine/core'
import { useEffect, useRef } from 'react'

/** Six digits of an app, or a recovery code. */
export const CodeInput = (props: {
  kind: 'totp' | 'recovery_code'
  value: string
  onChange: (code: string) => void
}) => {
  // It is all that its form asks for.
  const input = useRef<HTMLInputElement>(null)
  useEffect(() => input.current?.focus(), [])
  return (
    <TextInput
      ref={input}
      label={props.kind === 'totp' ? 'Code of your authenticator app' : 'Recovery code'}
      placeholder={props.kind === 'totp' ? '123 456' : 'xxxx-xxxx-xxxx-xxxx'}
      inputMode={props.kind === 'totp' ? 'numeric' : 'text'}
      autoComplete={props.kind === 'totp' ? 'one-time-code' : 'off'}
      autoCapitalize="none"
      spellCheck={false}
      data-autofocus
      required
      withAsterisk={false}
      value={props.value}
      onChange={(event) => props.onChange(event.currentTarget.value)}
    />
  )
}
