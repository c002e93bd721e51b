import { Checkbox, TextInput } from '@mantine/core'
import type { ReactNode } from 'react'
import type { OidcDraft } from './connection-dialog.tsx'

export const OidcFields = (props: {
  settings: OidcDraft
  onChange: (settings: OidcDraft) => void
  /** The secret, which is no setting. */
  children: ReactNode
}) => {
  const { settings, onChange } = props
  const put = (change: Partial<OidcDraft>) => onChange({ ...settings, ...change })
  return (
    <>
      <TextInput
        label="Issuer"
        description="As its metadata has it. For Entra with the id of the tenant."
        placeholder="https://login.example.com"
        type="url"
        value={settings.issuer}
        onChange={(event) => put({ issuer: event.currentTarget.value.trim() })}
        autoComplete="off"
      />
      <TextInput
        label="Client ID"
        value={settings.clientId}
        onChange={(event) => put({ clientId: event.currentTarget.value })}
        autoComplete="off"
        spellCheck={false}
      />
      {props.children}
      <TextInput
        label="Scopes"
        value={settings.scopes ?? 'openid email profile'}
        onChange={(event) => put({ scopes: event.currentTarget.value })}
        autoComplete="off"
      />
      <TextInput
        label="Claim with the groups"
        value={settings.groupsClaim ?? 'groups'}
        onChange={(event) => put({ groupsClaim: event.currentTarget.value })}
        autoComplete="off"
      />
      <Checkbox
        label="Trust addresses that are not marked as verified"
        description="Only where nobody can change their own e-mail address at the provider, such as Entra."
        checked={settings.trustsEmail ?? false}
        onChange={(event) => put({ trustsEmail: event.currentTarget.checked })}
      />
      <Checkbox
        label="Sign out there, too"
        description="Whoever signs out here is sent to the provider’s sign-out page, which may ask them."
        checked={settings.signsOutThere ?? false}
        onChange={(event) => put({ signsOutThere: event.currentTarget.checked })}
      />
    </>
  )
}
