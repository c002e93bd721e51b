import { Button } from '@mantine/core'
import { useState } from 'react'
import type { AccessToken } from '../../src/contract/access-tokens.ts'
import type { RateLimits } from '../../src/contract/limits.ts'
import { limitsText } from '../limits/limit-words.ts'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { ConfirmDialog } from '../ui/dialog.tsx'
import { Ago } from '../ui/figures.tsx'
import { SecretTail } from '../ui/mark.tsx'
import classes from './tokens.module.css'

interface Revoking {
  readonly busy: boolean
  readonly error: unknown
  readonly run: (id: string, onDone: () => void) => void
  readonly reset: () => void
}

export const TokenTable = (props: {
  label: string
  tokens: readonly AccessToken[] | undefined
  revoking: Revoking
  showScopes: boolean
  /** Given where they are several people's. */
  whose?: (token: AccessToken) => string
  /** Given where tokens can be limited: what each is limited to, and what sets it. */
  limits?: {
    readonly of: (id: string) => RateLimits | undefined
    readonly onChange: (token: AccessToken) => void
  }
}) => {
  const [chosen, setChosen] = useState<AccessToken | null>(null)
  const close = () => {
    props.revoking.reset()
    setChosen(null)
  }
  return (
    <>
      <DataTable
        label={props.label}
        loading={props.tokens ? undefined : 4}
        rows={props.tokens ?? []}
        rowKey={(row) => row.id}
        columns={[
          { key: 'name', header: 'Name', render: (row) => <span className={classes.name}>{row.name}</span> },
          ...(props.whose
            ? [{ key: 'whose', header: 'Acts for', render: (row: AccessToken) => props.whose?.(row) }]
            : []),
          { key: 'tail', header: 'Token', render: (row) => <SecretTail lastFour={row.lastFour} /> },
          ...(props.showScopes
            ? [
                {
                  key: 'scopes',
                  header: 'May',
                  render: (row: AccessToken) => row.scopes.map(scopeName).join(', '),
                },
              ]
            : []),
          ...(props.limits ? [limitsColumn(props.limits)] : []),
          { key: 'used', header: 'Last used', render: (row) => <Ago at={row.lastUsedAt} /> },
          { key: 'expires', header: 'Expires', render: (row) => <Ago at={row.expiresAt} /> },
          { key: 'created', header: 'Created', tableOnly: true, render: (row) => <Ago at={row.createdAt} /> },
          {
            key: 'actions',
            header: '',
            align: 'end',
            render: (row) => (
              <Button
                size="compact-sm"
                variant="subtle"
                color="red"
                aria-label={`Revoke ${row.name}`}
                onClick={() => setChosen(row)}
              >
                Revoke
              </Button>
            ),
          },
        ]}
      />
      <ConfirmDialog
        opened={chosen !== null}
        title={`Revoke “${chosen?.name ?? ''}”?`}
        submit="Revoke token"
        word="revoke"
        busy={props.revoking.busy}
        error={props.revoking.error}
        onConfirm={() => chosen && props.revoking.run(chosen.id, close)}
        onClose={close}
      >
        <p>
          Whatever uses the token that ends in <strong>{chosen?.lastFour}</strong> is refused from now on,
          everywhere. This cannot be undone.
        </p>
      </ConfirmDialog>
    </>
  )
}

const limitsColumn = (limits: {
  readonly of: (id: string) => RateLimits | undefined
  readonly onChange: (token: AccessToken) => void
}): Column<AccessToken> => ({
  key: 'limits',
  header: 'Limits',
  render: (row) => (
    <Button
      className={classes.limits}
      size="compact-sm"
      variant="subtle"
      color="gray"
      onClick={() => limits.onChange(row)}
    >
      {limitsText(limits.of(row.id)) ?? 'no limit'}
      <span className="visually-hidden">, limits of {row.name}</span>
    </Button>
  ),
})

const scopeName = (scope: string): string =>
  scope === 'operations' ? 'run operations' : scope === 'read' ? 'read receipts' : scope
