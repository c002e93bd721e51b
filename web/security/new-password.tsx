import { PasswordInput } from '@mantine/core'
import type { ChangeEventHandler, ReactNode } from 'react'
import {
  adviceOn,
  obviousBecause,
  type PasswordOwner,
  passwordLength,
} from '../../src/contract/password-rules.ts'
import { newPassword } from '../../src/contract/wire.ts'
import classes from './new-password.module.css'

/** What forms ask of it. The rest of the rules is the server's; `NewPassword` says them while one types. */
export const tooShort = (password: string): string | null =>
  newPassword.safeParse(password).success ? null : `At least ${passwordLength.least} characters.`

/** For choosing one: whether it will be taken, and how good it is, in words. */
export const NewPassword = (props: {
  label: string
  /** Whose words make it easy to guess. */
  owner: PasswordOwner
  value?: string
  error?: ReactNode
  onChange?: ChangeEventHandler<HTMLInputElement>
}) => {
  const { owner, value = '', ...input } = props
  const { level, text } = shown(value, owner)
  return (
    <PasswordInput
      {...input}
      value={value}
      autoComplete="new-password"
      inputWrapperOrder={['label', 'input', 'description', 'error']}
      description={
        <span className={classes.advice}>
          <span className={classes.meter} data-level={level} aria-hidden>
            <span />
            <span />
            <span />
          </span>
          <span aria-live="polite">{text}</span>
        </span>
      }
    />
  )
}

/** Of three; a short one says nothing new with every key, so that nobody has it read out twelve times. */
const shown = (password: string, owner: PasswordOwner): { level: number; text: string } => {
  const advice = adviceOn(password, owner)
  switch (advice.kind) {
    case 'short':
      return {
        level: 0,
        text: `At least ${passwordLength.least} characters; a sentence is easier to remember than symbols.`,
      }
    case 'obvious':
      return { level: 1, text: `Too easy to guess: ${obviousBecause[advice.because]}.` }
    case 'fair':
      return { level: 2, text: 'Long enough. Another word makes it much harder to guess.' }
    case 'good':
      return { level: 3, text: 'Good.' }
  }
}
