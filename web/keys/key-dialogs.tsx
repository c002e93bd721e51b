import { TextInput } from '@mantine/core'
import { useState } from 'react'
import type { Service, ServiceKey } from '../../src/contract/service-keys.ts'
import type { KeyActions } from '../data/key-actions.ts'
import { useRead } from '../data/queries.ts'
import { ConfirmDialog, FormDialog } from '../ui/dialog.tsx'
import { tellDone } from '../ui/toast.tsx'
import { tidySecret } from './recognize.ts'
import { SecretInput } from './secret-input.tsx'
import { SettingInputs } from './setting-inputs.tsx'
import { areComplete, type Settings, settingsToSend, withDocument } from './settings.ts'

export interface KeyTask {
  readonly kind: 'replace' | 'settings' | 'rename' | 'revoke'
  readonly key: ServiceKey
}

interface DialogProps {
  readonly serviceKey: ServiceKey
  readonly service: Service | undefined
  readonly actions: KeyActions
  readonly onClose: () => void
}

/** The dialog of the task at hand; none when there is no task. */
export const KeyDialogs = (props: {
  task: KeyTask | null
  actions: KeyActions
  onClose: () => void
  /** Where the page is about the key itself: there is nothing left to show. */
  onRevoked?: () => void
}) => {
  const services = useRead('listServices', {})
  if (!props.task) return null
  const { key, kind } = props.task
  const service = services.data?.items.find(({ id }) => id === key.serviceId)
  const shared = { serviceKey: key, service, actions: props.actions, onClose: props.onClose }
  if (kind === 'replace') return <ReplaceDialog {...shared} />
  if (kind === 'settings') return <SettingsDialog {...shared} />
  if (kind === 'rename') return <RenameDialog {...shared} />
  return <RevokeDialog {...shared} onRevoked={props.onRevoked} />
}

const ReplaceDialog = ({ serviceKey, service, actions, onClose }: DialogProps) => {
  const [secret, setSecret] = useState('')
  const [settings, setSettings] = useState<Settings>(serviceKey.settings)
  return (
    <FormDialog
      opened
      title={`Replace “${serviceKey.label}”`}
      submit="Check and replace"
      busy={actions.replace.isPending}
      error={actions.replace.error}
      blocked={secret.length < 8 || (service !== undefined && !areComplete(service, settings))}
      onSubmit={() =>
        actions.replace.mutate(
          { id: serviceKey.id, secret, settings: settingsToSend(service, settings) },
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
      <SecretInput
        service={service}
        label="New key"
        description={`Takes the place of the one that ends in ${serviceKey.lastFour}. Operations under way finish on the old one.`}
        value={secret}
        onChange={(pasted) => {
          const tidy = tidySecret(pasted)
          setSecret(tidy)
          setSettings(withDocument(service, settings, tidy))
        }}
      />
      {service && <SettingInputs service={service} settings={settings} onChange={setSettings} />}
    </FormDialog>
  )
}

const SettingsDialog = ({ serviceKey, service, actions, onClose }: DialogProps) => {
  const [settings, setSettings] = useState<Settings>(serviceKey.settings)
  if (!service) return null
  const wanted = settingsToSend(service, settings) ?? {}
  const isSame = Object.entries(wanted).every(([id, text]) => text === (serviceKey.settings[id] ?? ''))
  return (
    <FormDialog
      opened
      title={`Settings of “${serviceKey.label}”`}
      submit="Check and save"
      busy={actions.changeSettings.isPending}
      error={actions.changeSettings.error}
      blocked={isSame || !areComplete(service, settings)}
      onSubmit={() =>
        actions.changeSettings.mutate(
          { id: serviceKey.id, settings: wanted },
          {
            onSuccess: (stored) => {
              tellDone(`“${stored.label}” is changed. The next operation uses it so.`)
              close(actions, onClose)
            },
          },
        )
      }
      onClose={() => close(actions, onClose)}
    >
      <SettingInputs service={service} settings={settings} onChange={setSettings} />
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

const RevokeDialog = ({
  serviceKey,
  actions,
  onClose,
  onRevoked,
}: DialogProps & { onRevoked?: (() => void) | undefined }) => (
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
            onRevoked?.()
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
  for (const act of [actions.replace, actions.changeSettings, actions.rename, actions.revoke]) act.reset()
  onClose()
}
