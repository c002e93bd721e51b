import { Button } from '@mantine/core'
import { useState } from 'react'
import type { SsoAddresses, SsoConnection, SsoKind } from '../../src/contract/sso.ts'
import { useAct } from '../data/queries.ts'
import { ConfirmDialog } from '../ui/dialog.tsx'
import { Ago } from '../ui/figures.tsx'
import { Mark } from '../ui/mark.tsx'
import { EmptyState, Notice } from '../ui/notice.tsx'
import { Fact, Facts, Panel } from '../ui/page.tsx'
import { roleName } from '../organization/role-words.ts'
import { Addresses } from './addresses.tsx'
import { CertificateNotice, Expiry, OwnCertificate } from './certificates.tsx'
import { ConnectionDialog } from './connection-dialog.tsx'
import classes from './sso.module.css'

export interface NextConnection {
  readonly id: string
  readonly addresses: SsoAddresses
}

const kindName = { oidc: 'OpenID Connect', saml: 'SAML 2.0' } as const

export const Providers = (props: {
  connections: readonly SsoConnection[]
  next: NextConnection
  mayChange: boolean
}) => {
  // Its id and addresses stay the same while the dialog is open, however often the page reads.
  const [adding, setAdding] = useState<{ kind: SsoKind; next: NextConnection } | null>(null)
  const add = props.mayChange && (
    <span className={classes.actions}>
      {(['oidc', 'saml'] as const).map((kind) => (
        <Button key={kind} variant="default" size="sm" onClick={() => setAdding({ kind, next: props.next })}>
          Add {kindName[kind]}
        </Button>
      ))}
    </span>
  )
  return (
    <Panel
      flush
      title="Identity providers"
      description="Okta, Microsoft Entra, Google Workspace, Keycloak and others, by either standard."
      actions={props.connections.length > 0 && add}
    >
      {props.connections.length === 0 ? (
        <EmptyState title="No identity provider yet" action={add}>
          Add the one that your company signs in at; the sign-in page then offers it to people of your
          domains.
        </EmptyState>
      ) : (
        props.connections.map((connection) => (
          <Provider key={connection.id} of={connection} mayChange={props.mayChange} />
        ))
      )}
      {adding && <ConnectionDialog kind={adding.kind} next={adding.next} onClose={() => setAdding(null)} />}
    </Panel>
  )
}

const Provider = ({ of, mayChange }: { of: SsoConnection; mayChange: boolean }) => {
  const [isOpen, setOpen] = useState(false)
  const [isAsked, setAsked] = useState(false)
  const remove = useAct('removeSsoConnection', ['readSso'])
  const { provider } = of
  return (
    <article className={classes.provider} aria-label={of.name}>
      <div className={classes.providerHead}>
        <h3>{of.name}</h3>
        <Mark tone="quiet">{kindName[provider.kind]}</Mark>
        {!of.enabled && <Mark tone="bad">Turned off</Mark>}
        {mayChange && (
          <span className={classes.actions}>
            <Button size="compact-sm" variant="default" onClick={() => setOpen(true)}>
              Change<span className="visually-hidden"> {of.name}</span>
            </Button>
            <Button size="compact-sm" variant="default" onClick={() => setAsked(true)}>
              Remove<span className="visually-hidden"> {of.name}</span>
            </Button>
          </span>
        )}
      </div>
      {of.problem && (
        <Notice tone="warning" title="The last sign-in was refused">
          {of.problem} {of.problemAt && <Ago at={of.problemAt} />}
        </Notice>
      )}
      <CertificateNotice until={of.certificatesUntil} />
      <Facts>
        <Fact name={provider.kind === 'oidc' ? 'Issuer' : 'Entity ID'}>
          <span className={classes.value}>
            {provider.kind === 'oidc' ? provider.settings.issuer : provider.settings.entityId}
          </span>
        </Fact>
        <Fact name="Last sign-in">{of.lastUsedAt === null ? 'None yet' : <Ago at={of.lastUsedAt} />}</Fact>
        <Fact name="New people">
          {of.joinsMembers ? `Become members (${roleName[of.defaultRole]})` : 'Have to be invited'}
        </Fact>
        {of.roleRules.length > 0 && <Fact name="Roles by group">{of.roleRules.length}</Fact>}
        {of.certificatesUntil && (
          <Fact name="Its certificate">
            <Expiry at={of.certificatesUntil} />
          </Fact>
        )}
        <OwnCertificate of={of} mayChange={mayChange} />
      </Facts>
      <details className={classes.details}>
        <summary>What the identity provider has to be told</summary>
        <Addresses kind={provider.kind} addresses={of.addresses} />
      </details>
      {isOpen && <ConnectionDialog kind={provider.kind} connection={of} onClose={() => setOpen(false)} />}
      <ConfirmDialog
        opened={isAsked}
        title={`Remove ${of.name}?`}
        submit="Remove it"
        word={of.name}
        busy={remove.isPending}
        error={remove.error}
        onConfirm={() => remove.mutate({ params: { id: of.id } }, { onSuccess: () => setAsked(false) })}
        onClose={() => setAsked(false)}
      >
        Nobody signs in there any more. Where it was the only one, passwords and links work again for
        everybody.
      </ConfirmDialog>
    </article>
  )
}
