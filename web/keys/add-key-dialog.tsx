import { Button, Modal, NativeSelect, TextInput } from '@mantine/core'
import { type FormEvent, type ReactNode, useState } from 'react'
import type { KeyCheck, Service } from '../../src/contract/service-keys.ts'
import type { KeyActions } from '../data/key-actions.ts'
import { FaultNotice } from '../ui/notice.tsx'
import { priorityName } from '../ui/mark.tsx'
import { TextLink } from '../ui/text-link.tsx'
import { tellDone } from '../ui/toast.tsx'
import { CheckSteps } from './check-steps.tsx'
import classes from './keys.module.css'
import { recognize, tidySecret } from './recognize.ts'
import { SecretInput } from './secret-input.tsx'
import { ServiceSelect } from './service-select.tsx'
import { SettingInputs } from './setting-inputs.tsx'
import { areComplete, type Settings, settingsToSend, withDocument } from './settings.ts'

interface Draft {
  readonly serviceId: string
  readonly secret: string
  readonly label: string
  readonly baseUrl: string
  readonly settings: Settings
  readonly priority: number
}

interface AddKeyProps {
  readonly services: readonly Service[]
  readonly actions: KeyActions
  /** The service whose button was pressed; null: the pasted key decides. */
  readonly serviceId: string | null
  /** Given for system keys: where the new key goes unless changed. */
  readonly priority?: number
  /** Absent: a key of one's own, or of the system. */
  readonly title?: string
  /** What else is chosen for it, and whether something of that is missing. */
  readonly options?: ReactNode
  readonly isIncomplete?: boolean
  readonly onClose: () => void
}

/** Paste, recognise offline, prove at the service, save: the next operation uses the key. */
export const AddKeyDialog = (props: AddKeyProps & { opened: boolean }) => (
  <Modal
    opened={props.opened}
    onClose={props.onClose}
    title={props.title ?? (props.priority === undefined ? 'Add your own key' : 'Add a system key')}
    size={500}
  >
    {props.opened && <AddKeyForm {...props} />}
  </Modal>
)

const AddKeyForm = (props: AddKeyProps) => {
  const { services, actions } = props
  const [draft, setDraft] = useState<Draft>({
    serviceId: props.serviceId ?? '',
    secret: '',
    label: '',
    baseUrl: '',
    settings: {},
    priority: props.priority ?? 1,
  })
  const [checked, setChecked] = useState<KeyCheck | null>(null)
  const service = services.find((candidate) => candidate.id === draft.serviceId)
  const recognized = draft.secret === '' ? [] : recognize(services, draft.secret)
  const change = (changes: Partial<Draft>) => {
    setDraft({ ...draft, ...changes })
    setChecked(null)
    actions.check.reset()
    actions.add.reset()
  }
  const paste = (text: string) => {
    const secret = tidySecret(text)
    const only = recognize(services, secret)
    const guessed = draft.serviceId === '' && only.length === 1 ? only[0] : undefined
    const settings = withDocument(guessed ?? service, draft.settings, secret)
    change({ secret, settings, ...(guessed && { serviceId: guessed.id }) })
  }
  const choose = (serviceId: string) => {
    const chosen = services.find((candidate) => candidate.id === serviceId)
    const settings = withDocument(chosen, serviceId === draft.serviceId ? draft.settings : {}, draft.secret)
    change({ serviceId, settings })
  }
  const key = {
    serviceId: draft.serviceId,
    secret: draft.secret,
    baseUrl: (service?.needsBaseUrl && draft.baseUrl.trim()) || undefined,
    settings: settingsToSend(service, draft.settings),
    label: draft.label.trim() || undefined,
    ...(props.priority !== undefined && { priority: draft.priority }),
  }
  const check = () => actions.check.mutate(key, { onSuccess: setChecked })
  const save = () =>
    actions.add.mutate(key, {
      onSuccess: (stored) => {
        const effect = service?.coverage.status === 'keys_only' ? '' : ' The next operation uses it.'
        tellDone(`${service?.name ?? 'The'} key “${stored.label}” is saved.${effect}`)
        props.onClose()
      },
    })
  const ready =
    service !== undefined &&
    draft.secret.length >= 8 &&
    (!service.needsBaseUrl || draft.baseUrl.trim() !== '') &&
    areComplete(service, draft.settings)
  // The check shows the key to the chosen service: not to another one than it seems to be for, unless so asked.
  const elsewhere = service !== undefined && recognized.length > 0 && !recognized.includes(service)
  const savable = checked !== null && checked.verdict !== 'invalid'
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (savable && !props.isIncomplete) save()
    else if (ready && !savable) check()
  }
  return (
    <form className={classes.form} onSubmit={submit} autoComplete="off">
      <SecretInput
        service={service}
        label="Key"
        description={
          service
            ? `${service.name}: ${service.keyHint}`
            : 'Paste it; the service is recognised from its shape.'
        }
        value={draft.secret}
        onChange={paste}
      />
      <ServiceSelect services={services} recognized={recognized} value={draft.serviceId} onChange={choose} />
      {service && (
        <SettingInputs
          service={service}
          settings={draft.settings}
          onChange={(settings) => change({ settings })}
        />
      )}
      {service?.needsBaseUrl && (
        <TextInput
          label="Server address"
          description="Where your server of this service answers."
          placeholder={service.baseUrlHint ?? 'https://…'}
          type="url"
          value={draft.baseUrl}
          onChange={(event) => change({ baseUrl: event.currentTarget.value })}
        />
      )}
      <div className={classes.pair}>
        <TextInput
          label="Name (optional)"
          placeholder={service ? `${service.name} key` : 'For your own orientation'}
          maxLength={80}
          value={draft.label}
          onChange={(event) => setDraft({ ...draft, label: event.currentTarget.value })}
        />
        {props.priority !== undefined && (
          <NativeSelect
            label="Priority"
            value={String(draft.priority)}
            data={[1, 2, 3].map((each) => ({ value: String(each), label: priorityName(each) ?? '' }))}
            onChange={(event) => setDraft({ ...draft, priority: Number(event.currentTarget.value) })}
          />
        )}
      </div>
      {props.options}
      {draft.secret !== '' && (
        <CheckSteps
          service={service}
          recognized={recognized}
          busy={actions.check.isPending}
          checked={checked}
          onSwitch={choose}
        />
      )}
      {actions.check.error && <FaultNotice error={actions.check.error} />}
      {actions.add.error && <FaultNotice error={actions.add.error} />}
      <div className={classes.buttons}>
        {service?.keysUrl && (
          <span className={classes.keysLink}>
            <TextLink>
              <a href={service.keysUrl} target="_blank" rel="noreferrer">
                Get a key at {service.name}
              </a>
            </TextLink>
          </span>
        )}
        <Button variant="default" onClick={props.onClose}>
          Cancel
        </Button>
        {savable ? (
          <Button type="submit" loading={actions.add.isPending} disabled={props.isIncomplete}>
            {checked?.verdict === 'valid' ? 'Save key' : 'Save anyway'}
          </Button>
        ) : (
          <Button type="submit" loading={actions.check.isPending} disabled={!ready}>
            {checked ? 'Check again' : elsewhere ? `Check at ${service.name} anyway` : 'Check key'}
          </Button>
        )}
      </div>
    </form>
  )
}
