import { Button, Drawer, TextInput } from '@mantine/core'
import type { ReactNode } from 'react'
import type { AuditEntryOnWire } from '../../src/contract/audit.ts'
import { usePages } from '../data/queries.ts'
import { readable } from '../data/words.ts'
import { CopyableId } from '../ui/copy.tsx'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { Moment } from '../ui/figures.tsx'
import { EmptyState, FaultNotice } from '../ui/notice.tsx'
import { Fact, Facts, Panel } from '../ui/page.tsx'
import type { AuditSearch } from './audit-search.ts'
import { differencesOf } from './difference.ts'
import classes from './audit.module.css'

/** `service_key.revoked` → Service key revoked. */
const actionWords = (action: string): string => readable(action.replace('.', '_'))

const actorWords = ({ kind, email }: AuditEntryOnWire['actor']): string => {
  if (email !== null) return email
  if (kind === 'gateway') return 'Aideon Keys itself'
  return kind === 'operator' ? 'Operator, at the command line' : readable(kind)
}

const columns: readonly Column<AuditEntryOnWire>[] = [
  { key: 'action', header: 'What', render: (row) => actionWords(row.action) },
  { key: 'subject', header: 'Of', render: (row) => <Subject of={row} /> },
  {
    key: 'actor',
    header: 'By',
    render: (row) => <span className={classes.wide}>{actorWords(row.actor)}</span>,
  },
  {
    key: 'reason',
    header: 'Why',
    render: (row) => (row.reason === null ? '—' : <span className={classes.reason}>{row.reason}</span>),
  },
  { key: 'at', header: 'When', align: 'end', render: (row) => <Moment at={row.at} /> },
]

/** By its name where the change has one: ids say nothing to people. */
const Subject = ({ of: { subject, before, after } }: { of: AuditEntryOnWire }) => {
  const name = subject.email ?? nameIn(after) ?? nameIn(before)
  return (
    <span className={classes.subject}>
      <span className={classes.wide}>{name ?? <code>{subject.id.slice(0, 8)}</code>}</span>
      <span className={classes.quiet}>{readable(subject.kind)}</span>
    </span>
  )
}

const nameIn = (value: unknown): string | null => {
  if (typeof value !== 'object' || value === null) return null
  for (const field of ['label', 'name', 'email', 'serviceId'])
    if (field in value && typeof value[field as keyof typeof value] === 'string')
      return value[field as keyof typeof value]
  return null
}

/** The entries that the filters in the address bar match; one of them opened beside the list. */
export const AuditList = (props: {
  name: 'listAudit' | 'listAllAudit'
  search: AuditSearch & { organization?: string | undefined }
  onSearch: (change: Partial<AuditSearch>) => void
  onClear: () => void
  filters?: ReactNode
}) => {
  const { action, actor, subject, organization, entry } = props.search
  const pages = usePages(props.name, { action, actor, subject, organization })
  const rows = (pages.data?.pages ?? []).flatMap((page): AuditEntryOnWire[] => page.items)
  const isFiltered = Boolean(action ?? actor ?? subject ?? organization)
  const opened = rows.find((row) => row.id === entry)
  return (
    <Panel flush>
      <search className={classes.filters} aria-label="Filter the audit trail">
        <TextInput
          aria-label="Action"
          placeholder="Action, such as service_key"
          defaultValue={action ?? ''}
          key={action ?? ''}
          onKeyDown={(event) => {
            if (event.key === 'Enter')
              props.onSearch({ action: event.currentTarget.value.trim() || undefined })
          }}
          onBlur={(event) => {
            const wanted = event.currentTarget.value.trim() || undefined
            if (wanted !== action) props.onSearch({ action: wanted })
          }}
        />
        {props.filters}
        {isFiltered && (
          <Button variant="subtle" color="gray" onClick={props.onClear}>
            Clear filters
          </Button>
        )}
      </search>
      {pages.error && !pages.data ? (
        <FaultNotice error={pages.error} onRetry={() => void pages.refetch()} />
      ) : pages.data && rows.length === 0 ? (
        <EmptyState title={isFiltered ? 'No entry matches' : 'Nothing was changed yet'}>
          {isFiltered
            ? 'Clear a filter to see more. An action is written as service_key.revoked, or service_key for all about service keys.'
            : 'Every change to keys, users, policies, prices and credits appears here, with who made it and why.'}
        </EmptyState>
      ) : (
        <DataTable
          label="Audit trail"
          rows={rows}
          rowKey={(row) => row.id}
          columns={columns}
          onOpen={(row) => props.onSearch({ entry: row.id })}
          openLabel={(row) => `Show ${actionWords(row.action)}`}
          openKey={entry}
          loading={pages.data ? undefined : 8}
        />
      )}
      {pages.hasNextPage && (
        <div className={classes.more}>
          <Button
            variant="default"
            loading={pages.isFetchingNextPage}
            onClick={() => void pages.fetchNextPage()}
          >
            Show older
          </Button>
        </div>
      )}
      <Drawer
        opened={opened !== undefined}
        onClose={() => props.onSearch({ entry: undefined })}
        title={opened ? actionWords(opened.action) : ''}
        size={520}
      >
        {opened && <Entry of={opened} onSearch={props.onSearch} />}
      </Drawer>
    </Panel>
  )
}

const Entry = ({
  of: entry,
  onSearch,
}: {
  of: AuditEntryOnWire
  onSearch: (change: Partial<AuditSearch>) => void
}) => {
  const { actor, subject } = entry
  const differences = differencesOf(entry.before, entry.after)
  return (
    <div className={classes.entry}>
      <Facts>
        <Fact name="When">
          <Moment at={entry.at} />
        </Fact>
        <Fact name="By">{actorWords(actor)}</Fact>
        <Fact name="Why">{entry.reason ?? 'No reason was asked for'}</Fact>
        <Fact name="Organisation">{entry.organizationName}</Fact>
        <Fact name={readable(subject.kind)}>
          <CopyableId id={subject.id} label="Copy the id" />
        </Fact>
        <Fact name="Link">
          {entry.sequence}, <code className={classes.hash}>{entry.hash}</code>
        </Fact>
      </Facts>
      {differences.length === 0 ? (
        <p className={classes.quiet}>The entry has no values before and after.</p>
      ) : (
        <DataTable
          label="What changed"
          rows={differences}
          rowKey={(row) => row.field}
          columns={[
            { key: 'field', header: 'Field', render: (row) => <code>{row.field || 'value'}</code> },
            { key: 'before', header: 'Before', render: (row) => <Value of={row.before} /> },
            { key: 'after', header: 'After', render: (row) => <Value of={row.after} /> },
          ]}
        />
      )}
      <div className={classes.actions}>
        <Button variant="default" onClick={() => onSearch({ subject: subject.id, entry: undefined })}>
          All about this
        </Button>
        {actor.id !== null && (
          <Button
            variant="default"
            onClick={() => onSearch({ actor: actor.id ?? undefined, entry: undefined })}
          >
            All by {actor.email ?? 'the same'}
          </Button>
        )}
      </div>
    </div>
  )
}

const Value = ({ of }: { of: string | null }) =>
  of === null ? <span className={classes.quiet}>—</span> : <span className={classes.wide}>{of}</span>
