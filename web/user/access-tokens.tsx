import { Button, Checkbox, TextInput } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { useState } from 'react'
import type { AccessToken, AccessTokenScope } from '../../src/contract/access-tokens.ts'
import type { Request } from '../../src/contract/endpoints.ts'
import type { RateLimits } from '../../src/contract/limits.ts'
import { useAct, useRead } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import { FirstCallWatch } from '../onboarding/first-call.tsx'
import { CreatedToken } from '../tokens/created-token.tsx'
import { userExamples } from '../tokens/examples.ts'
import { useFirstModel } from '../tokens/first-model.ts'
import { ExpirySelect } from '../tokens/expiry-select.tsx'
import { useLimitFields } from '../limits/limit-fields.tsx'
import { unlimited } from '../limits/limit-words.ts'
import { LimitFields } from '../tokens/limit-fieldset.tsx'
import { LimitsDialog } from '../tokens/limits-dialog.tsx'
import { TokenTable } from '../tokens/token-table.tsx'
import classes from '../tokens/tokens.module.css'
import { CopyField } from '../ui/copy.tsx'
import { FormDialog } from '../ui/dialog.tsx'
import { EmptyState, FaultNotice } from '../ui/notice.tsx'
import { Page, Panel } from '../ui/page.tsx'
import { tellDone } from '../ui/toast.tsx'

export const AccessTokens = () => {
  const tokens = useRead('listAccessTokens', {})
  const revoke = useAct('revokeAccessToken', ['listAccessTokens'])
  const [creating, setCreating] = useState(false)
  const [created, setCreated] = useState<Created | null>(null)
  const [limiting, setLimiting] = useState<AccessToken | null>(null)
  const limits = useRead('listAccessTokenLimits', {})
  const model = useFirstModel({ enabled: created !== null })
  const limitsOf = (id: string) => limits.data?.items.find((each) => each.id === id)?.limits
  const add = (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setCreating(true)}>
      Create token
    </Button>
  )
  return (
    <Page
      title="Access tokens"
      description="What your applications present instead of a service’s key. They act as you, within their scopes."
      actions={tokens.data && tokens.data.items.length > 0 && add}
    >
      <Panel
        title="Base URL"
        description="Put it into your client with one of the tokens below; nothing else changes."
      >
        <div className={classes.urls}>
          <span>OpenAI clients</span>
          <CopyField text={`${location.origin}/v1`} label="base URL for OpenAI clients" />
          <span>Anthropic clients</span>
          <CopyField text={location.origin} label="base URL for Anthropic clients" />
        </div>
      </Panel>
      <Panel flush>
        {tokens.error && !tokens.data ? (
          <FaultNotice error={tokens.error} onRetry={() => void tokens.refetch()} />
        ) : tokens.data?.items.length === 0 ? (
          <EmptyState title="No access tokens yet" action={add}>
            A token lets an application call this gateway as you. It is shown once, and you can revoke it at
            any time.
          </EmptyState>
        ) : (
          <TokenTable
            label="Access tokens"
            showScopes
            limits={{ of: limitsOf, onChange: setLimiting }}
            tokens={tokens.data?.items}
            revoking={{
              busy: revoke.isPending,
              error: revoke.error,
              reset: revoke.reset,
              run: (id, onDone) =>
                revoke.mutate(
                  { params: { id } },
                  {
                    onSuccess: () => {
                      tellDone('The token is revoked.')
                      onDone()
                    },
                  },
                ),
            }}
          />
        )}
      </Panel>
      {creating && (
        <CreateDialog
          onClose={() => setCreating(false)}
          onCreated={(made) => {
            setCreating(false)
            setCreated(made)
          }}
        />
      )}
      {limiting && (
        <LimitsDialog token={limiting} limits={limitsOf(limiting.id)} onClose={() => setLimiting(null)} />
      )}
      <CreatedToken
        token={created?.token ?? null}
        warning={created?.warning}
        examples={(base, token) => userExamples(base, token, model)}
        watch={<FirstCallWatch />}
        onClose={() => setCreated(null)}
      />
    </Page>
  )
}

interface Scope {
  readonly value: AccessTokenScope
  readonly label: string
  readonly description: string
}
const ofEverybody: readonly Scope[] = [
  { value: 'operations', label: 'Run operations', description: 'Call /v1/*, on your keys and credits.' },
  { value: 'read', label: 'Read receipts', description: 'Read your receipts at /api/operations.' },
  {
    value: 'manage',
    label: 'Manage',
    description: 'Call the management API (/docs) as far as your role reaches; never how you sign in.',
  },
]
const platformScope: Scope = {
  value: 'administer',
  label: 'Administer the platform',
  description: 'The administration’s part of the management API, while you are an administrator.',
}

interface Created {
  readonly token: string
  readonly warning?: string
}

const notLimited =
  'The token is made, but its limits could not be saved: it is not limited. Set them in the list.'

/** The token first, then its limits: nobody knows the token before both are done. */
const useCreate = (onCreated: (created: Created) => void) => {
  const create = useAct('createAccessToken', ['listAccessTokens'])
  const limit = useAct('setAccessTokenLimits', ['listAccessTokenLimits'])
  return {
    busy: create.isPending || limit.isPending,
    error: create.error,
    run: (body: Request<'createAccessToken'>['body'], limits: RateLimits | null) =>
      create.mutate(
        { body },
        {
          onSuccess: ({ token, accessToken }) => {
            if (limits === null) return onCreated({ token })
            limit.mutate(
              { params: { id: accessToken.id }, body: limits },
              {
                onSuccess: () => onCreated({ token }),
                onError: () => onCreated({ token, warning: notLimited }),
              },
            )
          },
        },
      ),
  }
}

const CreateDialog = (props: { onClose: () => void; onCreated: (created: Created) => void }) => {
  const { isPlatformAdministrator } = useMe()
  const scopes = isPlatformAdministrator ? [...ofEverybody, platformScope] : ofEverybody
  const [name, setName] = useState('')
  const [chosen, setChosen] = useState<AccessTokenScope[]>(['operations', 'read'])
  const [expiresInDays, setExpiresInDays] = useState<number | null>(90)
  const fields = useLimitFields(unlimited)
  const create = useCreate(props.onCreated)
  return (
    <FormDialog
      opened
      title="Create access token"
      submit="Create token"
      busy={create.busy}
      error={create.error}
      blocked={name.trim() === '' || chosen.length === 0 || fields.limits === null}
      onSubmit={() =>
        create.run({ name: name.trim(), scopes: chosen, expiresInDays }, fields.isAny ? fields.limits : null)
      }
      onClose={props.onClose}
    >
      <TextInput
        label="Name"
        description="What will use it, so that you know what breaks when you revoke it."
        placeholder="Reporting script"
        maxLength={80}
        data-autofocus
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <ExpirySelect days={expiresInDays} onChange={setExpiresInDays} />
      <Checkbox.Group
        label="Scopes"
        value={chosen}
        onChange={(values) =>
          setChosen(scopes.map(({ value }) => value).filter((value) => values.includes(value)))
        }
      >
        <div className={classes.scopes}>
          {scopes.map((scope) => (
            <Checkbox
              key={scope.value}
              value={scope.value}
              label={scope.label}
              description={scope.description}
            />
          ))}
        </div>
      </Checkbox.Group>
      <LimitFields inputs={fields.inputs} />
    </FormDialog>
  )
}
