import { Button } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { Rotation } from '../../src/contract/rotation.ts'
import type { Service } from '../../src/contract/service-keys.ts'
import type { RotationActions } from '../data/rotation-actions.ts'
import { recognize, tidySecret } from '../keys/recognize.ts'
import { SecretInput } from '../keys/secret-input.tsx'
import { SettingInputs } from '../keys/setting-inputs.tsx'
import { areComplete, type Settings, settingsToSend, withDocument } from '../keys/settings.ts'
import { FaultNotice, Notice } from '../ui/notice.tsx'
import { TextLink } from '../ui/text-link.tsx'
import classes from './rotation.module.css'

/** The new key that a person made at the service: pasted, proven, then switched to. */
export const NewSecretForm = (props: {
  of: Rotation
  service: Service | undefined
  settings: Settings
  actions: RotationActions
}) => {
  const { of, service, actions } = props
  const [secret, setSecret] = useState('')
  const [settings, setSettings] = useState<Settings>(props.settings)
  const others = service && secret.length >= 8 ? recognize([service], secret) : []
  const unlike =
    service !== undefined && secret.length >= 8 && service.keyShapes.length > 0 && others.length === 0
  const submit = (event: FormEvent) => {
    event.preventDefault()
    actions.giveSecret.mutate(
      { id: of.id, secret, settings: settingsToSend(service, settings) },
      { onSuccess: () => setSecret('') },
    )
  }
  return (
    <form className={classes.form} onSubmit={submit} autoComplete="off">
      <ol className={classes.guide}>
        <li>
          Make a new key{' '}
          {service?.keysUrl ? (
            <TextLink>
              <a href={service.keysUrl} target="_blank" rel="noreferrer">
                at {service.name}
              </a>
            </TextLink>
          ) : (
            `at ${service?.name ?? 'the service'}`
          )}
          . Leave the old one as it is.
        </li>
        <li>Paste it here. It is proven at the service before anything changes.</li>
        <li>New operations use it; those under way finish on the old one.</li>
        <li>You are told when the old key can be deleted.</li>
      </ol>
      <SecretInput
        service={service}
        label="New key"
        description={`Takes the place of the one that ends in ${of.key.lastFour}.`}
        value={secret}
        onChange={(pasted) => {
          const tidy = tidySecret(pasted)
          setSecret(tidy)
          setSettings(withDocument(service, settings, tidy))
          if (actions.giveSecret.error) actions.giveSecret.reset()
        }}
      />
      {service && <SettingInputs service={service} settings={settings} onChange={setSettings} />}
      {unlike && (
        <Notice tone="warning">
          This does not look like a key of {service.name}. The check will tell; nothing changes if it fails.
        </Notice>
      )}
      {actions.giveSecret.error && <FaultNotice error={actions.giveSecret.error} />}
      <div className={classes.buttons}>
        <Button
          type="submit"
          loading={actions.giveSecret.isPending}
          disabled={secret.length < 8 || (service !== undefined && !areComplete(service, settings))}
        >
          Prove and switch
        </Button>
      </div>
    </form>
  )
}
