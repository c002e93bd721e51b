import { TextInput } from '@mantine/core'
import { useState } from 'react'
import type { MasterKeyVersion } from '../../src/contract/vault.ts'
import { useAct } from '../data/queries.ts'
import { FormDialog } from '../ui/dialog.tsx'
import { tellDone } from '../ui/toast.tsx'

export type VaultTask =
  | { readonly kind: 'rotate' }
  | { readonly kind: 'rewrap' }
  | { readonly kind: 'destroy'; readonly version: MasterKeyVersion }

const words = {
  rotate: {
    title: 'Rotate the master key?',
    submit: 'Rotate master key',
    text: 'A new version is made where the present one is kept. Once every process can unwrap it, it is used for what is new, and everything stored is wrapped with it, in the background. No key is shown or re-sealed by a person; nothing stops.',
    done: 'The new version is being prepared; everything is wrapped anew after that.',
  },
  rewrap: {
    title: 'Wrap everything anew?',
    submit: 'Wrap anew',
    text: 'Whatever is still wrapped with an older version is wrapped with the one in use, in the background. After that the older versions can be destroyed.',
    done: 'Everything is being wrapped with the version in use.',
  },
  destroy: {
    title: 'Destroy this version for ever?',
    submit: 'Destroy',
    text: 'Nothing in this database needs it any more. A backup from before it was retired does: it cannot be opened again afterwards.',
    done: 'That version is destroyed.',
  },
} as const

export const VaultDialog = (props: { task: VaultTask; onClose: () => void }) => {
  const { task } = props
  const [reason, setReason] = useState('')
  const [typed, setTyped] = useState('')
  const rotate = useAct('rotateMasterKey', ['readVault'])
  const rewrap = useAct('rewrapVault', ['readVault'])
  const destroy = useAct('destroyMasterKey', ['readVault'])
  const act = { rotate, rewrap, destroy }[task.kind]
  const { title, submit, text, done } = words[task.kind]
  const body = { reason: reason.trim() || undefined }
  const after = {
    onSuccess: () => {
      tellDone(done)
      props.onClose()
    },
  }
  const send = () => {
    if (task.kind === 'rotate') rotate.mutate({ body }, after)
    else if (task.kind === 'rewrap') rewrap.mutate({ body }, after)
    else destroy.mutate({ params: { version: task.version.version }, body }, after)
  }
  return (
    <FormDialog
      opened
      title={title}
      submit={submit}
      danger={task.kind === 'destroy'}
      busy={act.isPending}
      error={act.error}
      blocked={task.kind === 'destroy' && typed.trim() !== task.version.id}
      onSubmit={send}
      onClose={props.onClose}
    >
      <p>{text}</p>
      <TextInput
        label="Reason (optional)"
        description="For the audit trail."
        maxLength={300}
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
      {task.kind === 'destroy' && (
        <TextInput
          label={
            <>
              Type <strong>{task.version.id}</strong> to confirm
            </>
          }
          autoComplete="off"
          spellCheck={false}
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
        />
      )}
    </FormDialog>
  )
}
