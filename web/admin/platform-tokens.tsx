import { Button, TextInput } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { useState } from 'react'
import { useAct, useRead } from '../data/queries.ts'
import { CreatedToken } from '../tokens/created-token.tsx'
import { platformExamples } from '../tokens/examples.ts'
import { ExpirySelect } from '../tokens/expiry-select.tsx'
import { TokenTable } from '../tokens/token-table.tsx'
import { FormDialog } from '../ui/dialog.tsx'
import { EmptyState, FaultNotice, Notice } from '../ui/notice.tsx'
import { Page, Panel } from '../ui/page.tsx'
import { tellDone } from '../ui/toast.tsx'

export const PlatformTokens = () => {
  const tokens = useRead('listPlatformTokens', {})
  const revoke = useAct('revokePlatformToken', ['listPlatformTokens'])
  const [creating, setCreating] = useState(false)
  const [created, setCreated] = useState<string | null>(null)
  const add = (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setCreating(true)}>
      Create platform token
    </Button>
  )
  return (
    <Page
      title="Platform tokens"
      description="For trusted applications that act for users: each call names its user in a header, and runs on that user’s keys and credits."
      actions={tokens.data && tokens.data.items.length > 0 && add}
    >
      <Panel flush>
        {tokens.error && !tokens.data ? (
          <FaultNotice error={tokens.error} onRetry={() => void tokens.refetch()} />
        ) : tokens.data?.items.length === 0 ? (
          <EmptyState title="No platform tokens yet" action={add}>
            Create one for a server of yours that calls on behalf of its users. Never put it into an app or a
            browser.
          </EmptyState>
        ) : (
          <TokenTable
            label="Platform tokens"
            showScopes={false}
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
                      tellDone('The platform token is revoked.')
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
          onCreated={(token) => {
            setCreating(false)
            setCreated(token)
          }}
        />
      )}
      <CreatedToken token={created} examples={platformExamples} onClose={() => setCreated(null)} />
    </Page>
  )
}

const CreateDialog = (props: { onClose: () => void; onCreated: (token: string) => void }) => {
  const [name, setName] = useState('')
  const [expiresInDays, setExpiresInDays] = useState<number | null>(90)
  const create = useAct('createPlatformToken', ['listPlatformTokens'])
  return (
    <FormDialog
      opened
      title="Create platform token"
      submit="Create token"
      busy={create.isPending}
      error={create.error}
      blocked={name.trim() === ''}
      onSubmit={() =>
        create.mutate(
          { body: { name: name.trim(), expiresInDays } },
          { onSuccess: (reply) => props.onCreated(reply.token) },
        )
      }
      onClose={props.onClose}
    >
      <Notice tone="warning">Whoever holds this token can act for every user. Keep it on a server.</Notice>
      <TextInput
        label="Name"
        placeholder="Customer portal"
        maxLength={80}
        data-autofocus
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <ExpirySelect days={expiresInDays} onChange={setExpiresInDays} />
    </FormDialog>
  )
}
