import { Button, Checkbox, PasswordInput, Select, TextInput } from '@mantine/core'
import { useState } from 'react'
import type { Request } from '../../src/contract/endpoints.ts'
import type { SsoConnection, SsoKind } from '../../src/contract/sso.ts'
import { useAct } from '../data/queries.ts'
import { roleName } from '../organization/role-words.ts'
import { FormDialog } from '../ui/dialog.tsx'
import { tellDone } from '../ui/toast.tsx'
import { Addresses } from './addresses.tsx'
import { OidcFields } from './oidc-fields.tsx'
import type { NextConnection } from './providers.tsx'
import { SamlFields } from './saml-fields.tsx'
import classes from './sso.module.css'

type Body = Request<'addSsoConnection'>['body']
export type OidcDraft = Extract<Body['provider'], { kind: 'oidc' }>['settings']
export type SamlDraft = Extract<Body['provider'], { kind: 'saml' }>['settings']
type SsoRole = NonNullable<Body['defaultRole']>

const roleChoices = (['member', 'billing', 'auditor', 'administrator'] as const).map((value) => ({
  value,
  label: roleName[value],
}))

const emptyProvider = (kind: SsoKind): Body['provider'] =>
  kind === 'oidc'
    ? { kind, settings: { issuer: '', clientId: '' } }
    : { kind, settings: { entityId: '', signInUrl: '', certificates: [] } }

/** Adds one, whose addresses are known beforehand, or changes one. */
export const ConnectionDialog = (props: {
  kind: SsoKind
  connection?: SsoConnection
  next?: NextConnection
  onClose: () => void
}) => {
  const { connection, next } = props
  const [name, setName] = useState(connection?.name ?? '')
  const [enabled, setEnabled] = useState(connection?.enabled ?? true)
  const [joinsMembers, setJoinsMembers] = useState(connection?.joinsMembers ?? true)
  const [defaultRole, setDefaultRole] = useState<SsoRole>(connection?.defaultRole ?? 'member')
  const [roleRules, setRoleRules] = useState(connection?.roleRules ?? [])
  const [clientSecret, setClientSecret] = useState('')
  const [provider, setProvider] = useState<Body['provider']>(
    connection?.provider ?? emptyProvider(props.kind),
  )
  const add = useAct('addSsoConnection', ['readSso'])
  const change = useAct('changeSsoConnection', ['readSso'])
  const addresses = connection?.addresses ?? next?.addresses

  const submit = () => {
    const body = {
      name,
      enabled,
      joinsMembers,
      defaultRole,
      roleRules: roleRules.filter(({ group }) => group.trim() !== ''),
      provider,
      ...(clientSecret !== '' && { clientSecret }),
    }
    const onSuccess = () => {
      tellDone(`${name} is stored.`)
      props.onClose()
    }
    if (connection) change.mutate({ params: { id: connection.id }, body }, { onSuccess })
    else add.mutate({ body: { ...body, ...(next && { id: next.id }) } }, { onSuccess })
  }
  return (
    <FormDialog
      opened
      size="lg"
      title={connection ? connection.name : `Add ${props.kind === 'oidc' ? 'OpenID Connect' : 'SAML 2.0'}`}
      submit={connection ? 'Save' : 'Add'}
      busy={add.isPending || change.isPending}
      error={add.error ?? change.error}
      blocked={name.trim() === '' || !isFilled(provider)}
      onSubmit={submit}
      onClose={props.onClose}
    >
      {addresses && (
        <div>
          <p className={classes.says}>Tell the identity provider about us:</p>
          <Addresses kind={props.kind} addresses={addresses} />
        </div>
      )}
      <TextInput
        label="Name"
        description="On the button of the sign-in page."
        placeholder="Sign in with Acme"
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        autoComplete="off"
        data-autofocus
      />
      {provider.kind === 'oidc' ? (
        <OidcFields
          settings={provider.settings}
          onChange={(settings) => setProvider({ kind: 'oidc', settings })}
        >
          <PasswordInput
            label="Client secret"
            description={
              connection?.hasClientSecret
                ? 'Leave empty to keep the stored one. With another issuer or client it has to be entered again.'
                : 'Left empty: a public client. Stored sealed, never shown again.'
            }
            value={clientSecret}
            onChange={(event) => setClientSecret(event.currentTarget.value)}
            autoComplete="off"
          />
        </OidcFields>
      ) : (
        <SamlFields
          settings={provider.settings}
          onChange={(settings) => setProvider({ kind: 'saml', settings })}
        />
      )}
      <Checkbox
        label="Whoever signs in there becomes a member"
        description="Otherwise only people who are members already get in."
        checked={joinsMembers}
        onChange={(event) => setJoinsMembers(event.currentTarget.checked)}
      />
      <Select
        label="Role of new members"
        data={roleChoices}
        value={defaultRole}
        onChange={(value) => value && setDefaultRole(value)}
        allowDeselect={false}
      />
      <RoleRules rules={roleRules} onChange={setRoleRules} />
      <Checkbox
        label="In use"
        checked={enabled}
        onChange={(event) => setEnabled(event.currentTarget.checked)}
      />
    </FormDialog>
  )
}

const isFilled = (provider: Body['provider']): boolean =>
  provider.kind === 'oidc'
    ? provider.settings.issuer !== '' && provider.settings.clientId !== ''
    : provider.settings.entityId !== '' &&
      provider.settings.signInUrl !== '' &&
      provider.settings.certificates.length > 0

type Rule = SsoConnection['roleRules'][number]

const RoleRules = (props: { rules: readonly Rule[]; onChange: (rules: Rule[]) => void }) => {
  const { rules, onChange } = props
  const put = (index: number, change: Partial<Rule>) =>
    onChange(rules.map((rule, at) => (at === index ? { ...rule, ...change } : rule)))
  return (
    <fieldset className={classes.rules}>
      <legend>Roles by group</legend>
      <p className={classes.says}>
        At each sign-in the first group that somebody has decides; without rules roles are given under
        Members. Owners stay owners.
      </p>
      {rules.map((rule, index) => (
        <div key={index} className={classes.rule}>
          <TextInput
            aria-label={`Group ${index + 1}`}
            placeholder="ai-administrators"
            value={rule.group}
            onChange={(event) => put(index, { group: event.currentTarget.value })}
            autoComplete="off"
          />
          <Select
            aria-label={`Role of group ${index + 1}`}
            data={roleChoices}
            value={rule.role}
            onChange={(value) => value && put(index, { role: value })}
            allowDeselect={false}
          />
          <Button
            variant="default"
            onClick={() => onChange(rules.filter((_, at) => at !== index))}
            aria-label={`Remove rule ${index + 1}`}
          >
            Remove
          </Button>
        </div>
      ))}
      <div>
        <Button
          size="compact-sm"
          variant="default"
          onClick={() => onChange([...rules, { group: '', role: 'member' }])}
        >
          Add a rule
        </Button>
      </div>
    </fieldset>
  )
}
