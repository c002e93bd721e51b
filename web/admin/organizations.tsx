import { Button, NativeSelect, TextInput } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type { AdminOrganization } from '../../src/contract/administration.ts'
import type { ControlPolicy } from '../../src/contract/wire.ts'
import { useAct, usePages } from '../data/queries.ts'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { FormDialog } from '../ui/dialog.tsx'
import { count } from '../ui/format.ts'
import { EmptyState, FaultNotice } from '../ui/notice.tsx'
import { Page, Panel } from '../ui/page.tsx'
import { TextLink } from '../ui/text-link.tsx'
import { tellDone } from '../ui/toast.tsx'
import { choiceLabel } from '../policy/fallbacks.ts'
import classes from './organizations.module.css'
import { policies, policyName } from '../policy/policies.ts'

const kinds = { platform: 'Platform', personal: 'Personal', company: 'Company' } as const

const columns: readonly Column<AdminOrganization>[] = [
  {
    key: 'name',
    header: 'Organisation',
    render: (row) => (
      <TextLink>
        <Link to="/admin/organizations/$id" params={{ id: row.id }}>
          {row.name}
        </Link>
      </TextLink>
    ),
  },
  { key: 'kind', header: 'Kind', render: (row) => kinds[row.kind] },
  { key: 'policy', header: 'Control policy', render: (row) => policyName(row.controlPolicy) },
  {
    key: 'fallback',
    header: 'Fallback',
    render: (row) => (row.lockedFallback ? `Locked: ${choiceLabel(row.lockedFallback)}` : 'Members choose'),
  },
  {
    key: 'system',
    header: 'System keys',
    render: (row) => (row.systemKeysAllowed ? 'Allowed' : 'Not allowed'),
  },
  {
    key: 'members',
    header: 'Members',
    align: 'end',
    render: (row) => (
      <TextLink quiet>
        <Link to="/admin/users" search={{ organization: row.id }}>
          {count(row.memberCount)}
        </Link>
      </TextLink>
    ),
  },
  { key: 'suspended', header: 'Suspended keys', align: 'end', render: (row) => count(row.suspendedKeyCount) },
]

export const Organizations = () => {
  const pages = usePages('listOrganizations', {})
  const rows = pages.data?.pages.flatMap((page) => page.items)
  const [creating, setCreating] = useState(false)
  return (
    <Page
      title="Organisations"
      description="Who controls the keys in each, and what their members may fall back to."
      actions={
        <Button leftSection={<IconPlus size={16} />} onClick={() => setCreating(true)}>
          Create organisation
        </Button>
      }
    >
      <Panel flush>
        {pages.error && !rows ? (
          <FaultNotice error={pages.error} onRetry={() => void pages.refetch()} />
        ) : rows?.length === 0 ? (
          <EmptyState title="No organisations yet">
            Create one for a company whose members share a policy.
          </EmptyState>
        ) : (
          <DataTable
            label="Organisations"
            loading={rows ? undefined : 6}
            rows={rows ?? []}
            rowKey={(row) => row.id}
            columns={columns}
          />
        )}
        {pages.hasNextPage && (
          <div className={classes.more}>
            <Button
              variant="default"
              loading={pages.isFetchingNextPage}
              onClick={() => void pages.fetchNextPage()}
            >
              Show more
            </Button>
          </div>
        )}
      </Panel>
      {creating && <CreateOrganizationDialog onClose={() => setCreating(false)} />}
    </Page>
  )
}

const CreateOrganizationDialog = (props: { onClose: () => void }) => {
  const [name, setName] = useState('')
  const [controlPolicy, setControlPolicy] = useState<ControlPolicy>('user_control')
  const create = useAct('createOrganization', ['listOrganizations', 'readOverview'])
  return (
    <FormDialog
      opened
      title="Create organisation"
      submit="Create organisation"
      busy={create.isPending}
      error={create.error}
      blocked={name.trim() === ''}
      onSubmit={() =>
        create.mutate(
          { body: { name: name.trim(), controlPolicy } },
          {
            onSuccess: () => {
              tellDone(`${name.trim()} is created. Add its members on the users page.`)
              props.onClose()
            },
          },
        )
      }
      onClose={props.onClose}
    >
      <TextInput
        label="Name"
        maxLength={120}
        data-autofocus
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <NativeSelect
        label="Control policy"
        description={policies.find((policy) => policy.value === controlPolicy)?.consequence}
        value={controlPolicy}
        data={policies.map(({ value, label }) => ({ value, label }))}
        onChange={(event) => setControlPolicy(event.currentTarget.value as ControlPolicy)}
      />
    </FormDialog>
  )
}
