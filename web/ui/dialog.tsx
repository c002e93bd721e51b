import { Button, Modal, TextInput } from '@mantine/core'
import { type FormEvent, type ReactNode, useState } from 'react'
import classes from './dialog.module.css'
import { FaultNotice } from './notice.tsx'

/** A form in a dialog: the fault stays next to the buttons until the next try. */
export const FormDialog = (props: {
  opened: boolean
  title: string
  submit: string
  busy: boolean
  error: unknown
  danger?: boolean
  blocked?: boolean
  size?: string
  onSubmit: () => void
  onClose: () => void
  children: ReactNode
}) => (
  <Modal opened={props.opened} onClose={props.onClose} title={props.title} size={props.size ?? 'md'}>
    <form
      className={classes.form}
      onSubmit={(event: FormEvent) => {
        event.preventDefault()
        if (!props.blocked) props.onSubmit()
      }}
    >
      {props.children}
      {props.error ? <FaultNotice error={props.error} /> : null}
      <div className={classes.buttons}>
        <Button variant="default" onClick={props.onClose}>
          Cancel
        </Button>
        <Button
          type="submit"
          color={props.danger ? 'red' : undefined}
          loading={props.busy}
          disabled={props.blocked}
        >
          {props.submit}
        </Button>
      </div>
    </form>
  </Modal>
)

/** For what cannot be undone: says what will happen; `word` must be typed for the gravest. */
export const ConfirmDialog = (props: {
  opened: boolean
  title: string
  submit: string
  word?: string
  busy: boolean
  error: unknown
  onConfirm: () => void
  onClose: () => void
  children: ReactNode
}) => {
  const [typed, setTyped] = useState('')
  const close = () => {
    setTyped('')
    props.onClose()
  }
  return (
    <FormDialog
      opened={props.opened}
      title={props.title}
      submit={props.submit}
      danger
      busy={props.busy}
      error={props.error}
      blocked={props.word !== undefined && typed.trim() !== props.word}
      onSubmit={props.onConfirm}
      onClose={close}
    >
      <div className={classes.words}>{props.children}</div>
      {props.word !== undefined && (
        <TextInput
          label={
            <>
              Type <strong>{props.word}</strong> to confirm
            </>
          }
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
          autoComplete="off"
          spellCheck={false}
          data-autofocus
        />
      )}
    </FormDialog>
  )
}
