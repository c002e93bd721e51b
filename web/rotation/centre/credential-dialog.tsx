import { NativeSelect, PasswordInput, Textarea, TextInput } from '@mantine/core'
import { useState } from 'react'
import type { RotationCredential, RotationDriverOnWire } from '../../../src/contract/rotation.ts'
import { useAct, useRead } from '../../data/queries.ts'
import { FormDialog } from '../../ui/dialog.tsx'
import { TextLink } from '../../ui/text-link.tsx'
import { tellDone } from '../../ui/toast.tsx'
import { fieldMistake, fieldsToSend, isWhole } from '../credential-fields.ts'
import classes from '../rotation.module.css'

type Texts = Readonly<Record<string, string>>

/** The fields come from the driver; what is entered is proven at the service before it is stored. */
export const CredentialDialog = (props: {
  drivers: readonly RotationDriverOnWire[]
  before: RotationCredential | null
  onClose: () => void
}) => {
  const { drivers, before } = props
  const services = useRead('listServices', {})
  const keys = useRead('listKeyRotations', {})
  const [driverId, setDriverId] = useState(before?.driverId ?? drivers[0]?.id ?? '')
  const driver = drivers.find(({ id }) => id === driverId)
  const systemKeys = (keys.data?.items ?? []).filter(({ key }) => key.owner === 'system')
  const serviceIds = driver?.serviceIds ?? [...new Set(systemKeys.map(({ key }) => key.serviceId))]
  const [serviceId, setServiceId] = useState(before?.serviceId ?? '')
  const service = serviceIds.includes(serviceId) ? serviceId : (serviceIds[0] ?? '')
  const [keyId, setKeyId] = useState(before?.serviceKeyId ?? '')
  const [texts, setTexts] = useState<Texts>(before?.fields ?? {})
  const save = useAct('setRotationCredential', ['listRotationCredentials', 'listKeyRotations'])
  const nameOf = (id: string) => services.data?.items.find((each) => each.id === id)?.name ?? id
  const fields = driver?.fields ?? []
  return (
    <FormDialog
      opened
      size="lg"
      title={before ? 'Change the credential' : 'Set a credential'}
      submit="Check and save"
      busy={save.isPending}
      error={save.error}
      blocked={service === '' || !isWhole(fields, texts, before?.secrets ?? {})}
      onSubmit={() =>
        save.mutate(
          {
            body: {
              driverId,
              serviceId: service,
              fields: fieldsToSend(fields, texts),
              ...(before && { organizationId: before.organizationId }),
              ...(keyId !== '' && { serviceKeyId: keyId }),
            },
          },
          {
            onSuccess: (stored) => {
              tellDone(
                stored.status === 'valid'
                  ? `${nameOf(service)}: keys rotate by themselves from now on.`
                  : `${nameOf(service)}: the credential is stored, but not proven.`,
              )
              props.onClose()
            },
          },
        )
      }
      onClose={props.onClose}
    >
      <NativeSelect
        label="Way"
        disabled={before !== null}
        value={driverId}
        data={drivers.map(({ id, name }) => ({ value: id, label: name }))}
        onChange={(event) => {
          setDriverId(event.currentTarget.value)
          setTexts({})
          save.reset()
        }}
      />
      {driver && (
        <p className={classes.quiet}>
          {driver.canDisable ? 'It can switch old keys off before it deletes them. ' : ''}
          {driver.maximumKeys !== null && `The service allows ${driver.maximumKeys} keys at once. `}
          <TextLink>
            <a href={driver.docsUrl} target="_blank" rel="noreferrer">
              How it is set up at the service
            </a>
          </TextLink>
        </p>
      )}
      <div className={classes.pair}>
        <NativeSelect
          label="Service"
          disabled={before !== null}
          value={service}
          data={serviceIds.map((id) => ({ value: id, label: nameOf(id) }))}
          onChange={(event) => {
            setServiceId(event.currentTarget.value)
            setKeyId('')
          }}
        />
        <NativeSelect
          label="For"
          disabled={before !== null}
          value={keyId}
          data={[
            { value: '', label: 'Every key of the service' },
            ...systemKeys
              .filter(({ key }) => key.serviceId === service)
              .map(({ key }) => ({ value: key.id, label: `Only “${key.label}”` })),
          ]}
          onChange={(event) => setKeyId(event.currentTarget.value)}
        />
      </div>
      {fields.map((field) => (
        <CredentialInput
          key={`${driverId} ${field.id}`}
          field={field}
          lastFour={before?.secrets[field.id]}
          value={texts[field.id] ?? ''}
          onChange={(text) => setTexts({ ...texts, [field.id]: text })}
        />
      ))}
    </FormDialog>
  )
}

const CredentialInput = (props: {
  field: RotationDriverOnWire['fields'][number]
  lastFour: string | undefined
  value: string
  onChange: (text: string) => void
}) => {
  const { field, value, lastFour } = props
  const [left, setLeft] = useState(false)
  const shared = {
    label: field.required ? field.label : `${field.label} (optional)`,
    description: lastFour === undefined ? field.hint : `Ends in ${lastFour}; empty: it stays. ${field.hint}`,
    error: left ? fieldMistake(field, value) : null,
    autoComplete: 'off',
    spellCheck: false,
    value,
    onBlur: () => setLeft(true),
  }
  if (field.kind === 'json')
    return <Textarea {...shared} rows={4} onChange={(event) => props.onChange(event.currentTarget.value)} />
  return field.secret ? (
    <PasswordInput
      {...shared}
      visibilityToggleButtonProps={{ 'aria-label': `Show ${field.label}` }}
      onChange={(event) => props.onChange(event.currentTarget.value)}
    />
  ) : (
    <TextInput {...shared} onChange={(event) => props.onChange(event.currentTarget.value)} />
  )
}
