import { TextInput } from '@mantine/core'
import { useState } from 'react'
import type { Rotation, RotationCommand } from '../../src/contract/rotation.ts'
import type { RotationActions } from '../data/rotation-actions.ts'
import { FormDialog } from '../ui/dialog.tsx'
import { tellDone } from '../ui/toast.tsx'

export type AskedCommand = Exclude<RotationCommand, 'new_secret'>

interface Words {
  readonly button: string
  readonly title: (label: string) => string
  readonly text: string
  readonly done: (label: string) => string
  readonly danger?: true
  readonly needsReason?: true
}

export const commandWords: Readonly<Record<AskedCommand, Words>> = {
  roll_back: {
    button: 'Roll back',
    title: (label) => `Roll “${label}” back?`,
    text: 'New operations use the old key again. The new key is ended once nothing uses it.',
    done: (label) => `“${label}” goes back to its old key.`,
    danger: true,
    needsReason: true,
  },
  abandon: {
    button: 'Abandon',
    title: (label) => `Abandon the rotation of “${label}”?`,
    text: 'The key in use stays as it is. What was made at the service for this rotation is deleted there.',
    done: (label) => `The rotation of “${label}” is given up; its key stays as it was.`,
    danger: true,
    needsReason: true,
  },
  retry: {
    button: 'Try again',
    title: (label) => `Go on with “${label}”?`,
    text: 'It goes on where it stopped. Mend first what the message names.',
    done: (label) => `The rotation of “${label}” goes on.`,
  },
  confirm: {
    button: 'The old key is deleted',
    title: (label) => `Is the old key of “${label}” deleted?`,
    text: 'Confirm only after you have deleted it at the service: from here on nobody looks for it any more.',
    done: (label) => `Thank you: the rotation of “${label}” comes to its end.`,
  },
}

/** One of the commands that the state allows, with the reason where one is kept. */
export const CommandDialog = (props: {
  of: Rotation
  command: AskedCommand
  actions: RotationActions
  onClose: () => void
}) => {
  const { of, command, actions } = props
  const words = commandWords[command]
  const [text, setText] = useState('')
  const { label } = of.key
  const acts = {
    roll_back: actions.rollBack,
    abandon: actions.abandon,
    retry: actions.retry,
    confirm: actions.confirm,
  }
  const act = acts[command]
  const close = () => {
    act.reset()
    props.onClose()
  }
  const after = {
    onSuccess: () => {
      tellDone(words.done(label))
      close()
    },
  }
  const submit = () => {
    const reason = text.trim()
    if (command === 'roll_back') actions.rollBack.mutate({ id: of.id, reason }, after)
    else if (command === 'abandon') actions.abandon.mutate({ id: of.id, reason }, after)
    else if (command === 'retry') actions.retry.mutate({ id: of.id, note: reason || undefined }, after)
    else actions.confirm.mutate({ id: of.id, note: reason || undefined }, after)
  }
  return (
    <FormDialog
      opened
      title={words.title(label)}
      submit={words.button}
      danger={words.danger ?? false}
      busy={act.isPending}
      error={act.error}
      blocked={words.needsReason === true && text.trim() === ''}
      onSubmit={submit}
      onClose={close}
    >
      <p>{words.text}</p>
      {of.message !== null && command === 'retry' && <p>{of.message}</p>}
      <TextInput
        label={words.needsReason ? 'Reason' : 'Note (optional)'}
        description="For the audit trail."
        maxLength={500}
        data-autofocus
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
      />
    </FormDialog>
  )
}
