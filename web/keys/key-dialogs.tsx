import { PasswordInput, TextInput } from '@mantine/core'
import { useState } from 'react'
import type { ServiceKey } from '../../src/contract/service-keys.ts'
import type { KeyActions } from '../data/key-actions.ts'
import { ConfirmDialog, FormDialog } from '../ui/dialog.tsx'
import { tellDone } from '../ui/toast.tsx'
import { tidySecret } from './recognize.ts'

export interface KeyTask {
  readonly kind: 'replace' | 'rename' | 'revoke'
  readonly key: ServiceKey
}

interface DialogProps {
  readonly serviceKey: ServiceKey
  readonly actions: KeyActions
  readonly onClose: () => void
}

/** The dialog of the task at hand; none when there is no task. */
export const KeyDialogs = (props: { task: KeyTask | null; actions: KeyActions; onClose: () => void }) => {
  if (!props.task) return null
  const shared = { serviceKey: props.task.key, actions: props.actions, onClose: props.onClose }
  if (props.task.kind === 'replace') return <ReplaceDialog {...shared} />
  if (props.task.kind === 'rename') return <RenameDialog {...shared} />
  return <RevokeDialog {...shared} />
}

const ReplaceDialog = ({ serviceKey, actions, onClose }: DialogProps) => {
  const [secret, setSecret] = useState('')
  return (
    <FormDialog
      opened
      title={`Replace “${serviceKey.label}”`}
      submit="Check and replace"
      busy={actions.replace.isPending}
      error={actions.replace.error}
      blocked={secret.length < 8}
      onSubmit={() =>
        actions.replace.mutate(
          { id: serviceKey.id, secret },
          {
            onSuccess: (stored) => {
              tellDone(`“${stored.label}” now ends in ${stored.lastFour}.`)
              close(actions, onClose)
            },
          },
        )
      }
      onClose={() => close(actions, onClose)}
    >
      <PasswordInput
        label="New key"
        description={`Takes the place of the one that ends in ${serviceKey.lastFour}. Operations under way finish on the old one.`}
        autoComplete="off"
        spellCheck={false}
        data-autofocus
        value={secret}
        onChange={(event) => setSecret(tidySecret(event.currentTarget.value))}
        visibilityToggleButtonProps={{ 'aria-label': 'Show the key' }}
      />
    </FormDialog>
  )
}

const RenameDialog = ({ serviceKey, actions, onClose }: DialogProps) => {
  const [label, setLabel] = useState(serviceKey.label)
  return (
    <FormDialog
      opened
      title="Rename key"
      submit="Rename"
      busy={actions.rename.isPending}
      error={actions.rename.error}
      blocked={label.trim() === ''}
      onSubmit={() =>
        actions.rename.mutate(
          { id: serviceKey.id, label: label.trim() },
          {
            onSuccess: () => {
              tellDone('The key is renamed.', () =>
                actions.rename.mutateAsync({ id: serviceKey.id, label: serviceKey.label }),
              )
              close(actions, onClose)
            },
          },
        )
      }
      onClose={() => close(actions, onClose)}
    >
      <TextInput
        label="Name"
        maxLength={80}
        data-autofocus
        value={label}
        onChange={(event) => setLabel(event.currentTarget.value)}
      />
    </FormDialog>
  )
}

const RevokeDialog = ({ serviceKey, actions, onClose }: DialogProps) => (
  <ConfirmDialog
    opened
    title={`Revoke “${serviceKey.label}”?`}
    submit="Revoke key"
    word="revoke"
    busy={actions.revoke.isPending}
    error={actions.revoke.error}
    onConfirm={() =>
      actions.revoke.mutate(
        { id: serviceKey.id },
        {
          onSuccess: () => {
            tellDone(`“${serviceKey.label}” is revoked.`)
            close(actions, onClose)
          },
        },
      )
    }
    onClose={() => close(actions, onClose)}
  >
    <p>
      No operation that starts from now on uses the key that ends in <strong>{serviceKey.lastFour}</strong>.
      This cannot be undone; the key stays active at the service until you delete it there.
    </p>
  </ConfirmDialog>
)

const close = (actions: KeyActions, onClose: () => void): void => {
  for (const act of [actions.replace, actions.rename, actions.revoke]) act.reset()
  onClose()
}
