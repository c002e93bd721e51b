import { TextInput } from '@mantine/core'
import { useState } from 'react'
import type { Passkey } from '../../src/contract/second-factors.ts'
import { useFactorChange } from '../data/factors.ts'
import { addPasskey } from '../data/passkeys.ts'
import { useAct } from '../data/queries.ts'
import { FormDialog } from '../ui/dialog.tsx'
import { browserName } from './browser-name.ts'

export const PasskeyDialog = (props: {
  onClose: () => void
  onDone: (codes: readonly string[] | null) => void
}) => {
  const [name, setName] = useState(() => browserName(navigator.userAgent))
  const add = useFactorChange<string>(addPasskey)
  return (
    <FormDialog
      opened
      title="Add a passkey"
      submit="Go on"
      busy={add.isPending}
      error={add.error}
      blocked={name.trim() === ''}
      onClose={props.onClose}
      onSubmit={() =>
        add.mutate(name.trim(), { onSuccess: ({ recoveryCodes }) => props.onDone(recoveryCodes) })
      }
    >
      <p>Your browser then asks for your fingerprint, face, PIN or security key.</p>
      <NameInput value={name} onChange={setName} />
    </FormDialog>
  )
}

export const RenameDialog = (props: { passkey: Passkey; onClose: () => void }) => {
  const [name, setName] = useState(props.passkey.name)
  const rename = useAct('renamePasskey', ['readFactors'])
  return (
    <FormDialog
      opened
      title="Rename the passkey"
      submit="Rename"
      busy={rename.isPending}
      error={rename.error}
      blocked={name.trim() === ''}
      onClose={props.onClose}
      onSubmit={() =>
        rename.mutate(
          { params: { id: props.passkey.id }, body: { name: name.trim() } },
          { onSuccess: props.onClose },
        )
      }
    >
      <NameInput value={name} onChange={setName} />
    </FormDialog>
  )
}

const NameInput = (props: { value: string; onChange: (name: string) => void }) => (
  <TextInput
    label="Name"
    description="By which you know it here: the device, or the app that keeps it."
    maxLength={80}
    data-autofocus
    value={props.value}
    onChange={(event) => props.onChange(event.currentTarget.value)}
  />
)
