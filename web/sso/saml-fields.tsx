import { Button, Checkbox, Select, Textarea, TextInput } from '@mantine/core'
import { useState } from 'react'
import type { Reply } from '../../src/contract/endpoints.ts'
import { useAct } from '../data/queries.ts'
import { FaultNotice } from '../ui/notice.tsx'
import type { SamlDraft } from './connection-dialog.tsx'
import classes from './sso.module.css'

const header = '-----BEGIN CERTIFICATE-----'

export const SamlFields = (props: { settings: SamlDraft; onChange: (settings: SamlDraft) => void }) => {
  const { settings, onChange } = props
  const put = (change: Partial<SamlDraft>) => onChange({ ...settings, ...change })
  return (
    <>
      <FromMetadata onRead={put} />
      <TextInput
        label="Entity ID of the provider"
        value={settings.entityId}
        onChange={(event) => put({ entityId: event.currentTarget.value })}
        autoComplete="off"
        spellCheck={false}
      />
      <TextInput
        label="Sign-in URL (HTTP-Redirect)"
        type="url"
        value={settings.signInUrl}
        onChange={(event) => put({ signInUrl: event.currentTarget.value.trim() })}
        autoComplete="off"
      />
      <Textarea
        label="Signing certificates"
        description="PEM; several one below the other while they change."
        minRows={3}
        maxRows={8}
        autosize
        value={settings.certificates.join('\n')}
        onChange={(event) => put({ certificates: apart(event.currentTarget.value) })}
        spellCheck={false}
      />
      <TextInput
        label="Attribute with the e-mail address"
        description="Empty: a usual one, or the NameID."
        value={settings.emailAttribute ?? ''}
        onChange={(event) => put({ emailAttribute: event.currentTarget.value || null })}
        autoComplete="off"
      />
      <TextInput
        label="Attribute with the groups"
        value={settings.groupsAttribute ?? 'groups'}
        onChange={(event) => put({ groupsAttribute: event.currentTarget.value })}
        autoComplete="off"
      />
      <Checkbox
        label="Sign-ins may begin at the provider"
        description="From its portal; the person then confirms here that the account is theirs."
        checked={settings.allowUnsolicited ?? false}
        onChange={(event) => put({ allowUnsolicited: event.currentTarget.checked })}
      />
      <Checkbox
        label="Sign our requests"
        description="With a key pair of this connection; the provider takes its certificate from our metadata."
        checked={settings.signsRequests ?? false}
        onChange={(event) => put({ signsRequests: event.currentTarget.checked })}
      />
      <Select
        label="Encrypted assertions"
        description="For the same key pair: AES and RSA-OAEP."
        data={encryptionChoices}
        value={settings.encryption ?? 'off'}
        onChange={(value) => value && put({ encryption: value })}
        allowDeselect={false}
      />
      <TextInput
        label="Sign-out URL (HTTP-Redirect)"
        description="Who signs out at the provider is signed out here, and the answer goes there, signed. Empty: no single logout."
        type="url"
        value={settings.signOutUrl ?? ''}
        onChange={(event) => put({ signOutUrl: event.currentTarget.value.trim() || null })}
        autoComplete="off"
      />
    </>
  )
}

const encryptionChoices = [
  { value: 'off' as const, label: 'Refused' },
  { value: 'accepted' as const, label: 'Taken, as plain ones are' },
  { value: 'required' as const, label: 'Required' },
]

/** As they are typed: what follows one header belongs to one certificate. */
const apart = (text: string): string[] => {
  if (text.trim() === '') return []
  if (!text.includes(header)) return [text]
  return text
    .split(header)
    .slice(1)
    .map((rest) => `${header}${rest.replace(/\n$/, '')}`)
}

const FromMetadata = (props: { onRead: (read: Reply<'checkSsoMetadata'>) => void }) => {
  const [source, setSource] = useState('')
  const check = useAct('checkSsoMetadata')
  const text = source.trim()
  return (
    <div className={classes.form}>
      <Textarea
        label="Metadata of the provider"
        description="Its address or its XML; fills in what follows."
        minRows={1}
        maxRows={5}
        autosize
        value={source}
        onChange={(event) => setSource(event.currentTarget.value)}
        spellCheck={false}
      />
      {check.error && <FaultNotice error={check.error} />}
      <div>
        <Button
          size="compact-sm"
          variant="default"
          loading={check.isPending}
          disabled={text === ''}
          onClick={() =>
            check.mutate(
              { body: /^https?:/.test(text) ? { url: text } : { xml: text } },
              { onSuccess: props.onRead },
            )
          }
        >
          Read it
        </Button>
      </div>
    </div>
  )
}
