import { Button } from '@mantine/core'
import { useState } from 'react'
import type { MasterKeyVersion, VaultProcess, VaultStatus } from '../../src/contract/vault.ts'
import { useRead } from '../data/queries.ts'
import { readable } from '../data/words.ts'
import { CodeBlock } from '../ui/copy.tsx'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { Ago } from '../ui/figures.tsx'
import { count, counted } from '../ui/format.ts'
import { Mark } from '../ui/mark.tsx'
import { Block, Loaded, Notice } from '../ui/notice.tsx'
import { Page, Panel, Stat, Stats } from '../ui/page.tsx'
import { ChangeProgress } from './change-progress.tsx'
import { VaultDialog, type VaultTask } from './vault-dialogs.tsx'
import classes from './vault.module.css'

/** What seals the stored keys: versions of the master key, who can unwrap them, and a rotation as it goes on. */
export const Vault = () => {
  const [isBusy, setIsBusy] = useState(false)
  const vault = useRead('readVault', {}, { refreshSeconds: isBusy ? 1 : 10 })
  const state = vault.data?.change?.state
  const goesOn = state === 'staging' || state === 'rewrapping'
  if (goesOn !== isBusy) setIsBusy(goesOn)
  const [task, setTask] = useState<VaultTask | null>(null)
  return (
    <Page
      title="Vault"
      description="Every stored key is sealed under a key of its organisation, and that under the master key, which never is in the database."
      actions={
        vault.data &&
        !vault.data.sealed && (
          <>
            <Button variant="default" disabled={goesOn} onClick={() => setTask({ kind: 'rewrap' })}>
              Wrap anew
            </Button>
            <Button disabled={goesOn} onClick={() => setTask({ kind: 'rotate' })}>
              Rotate master key
            </Button>
          </>
        )
      }
    >
      <Loaded of={vault} skeleton={<Block height={640} narrow={1000} />}>
        {(status) => (
          <>
            {status.sealed && <Sealed of={status} />}
            <Figures of={status} />
            {status.change && <ChangeProgress of={status.change} />}
            <Versions of={status} onDestroy={(version) => setTask({ kind: 'destroy', version })} />
            <Processes processes={status.processes} />
            {status.unreadable.length > 0 && <Unreadable of={status.unreadable} />}
            <Move />
          </>
        )}
      </Loaded>
      {task && <VaultDialog task={task} onClose={() => setTask(null)} />}
    </Page>
  )
}

const Sealed = ({ of }: { of: VaultStatus }) => {
  const retry = useRead('readVault', {})
  return (
    <Notice
      tone="bad"
      live
      title={of.problem ?? 'The vault is sealed'}
      action={
        <Button size="compact-sm" variant="default" onClick={() => void retry.refetch()}>
          Look again
        </Button>
      }
    >
      {of.next ?? 'Make the master key available to this process again.'} It tries by itself
      {of.nextAttemptAt !== null && (
        <>
          , next <Ago at={of.nextAttemptAt} />
        </>
      )}
      {of.sealedSince !== null && (
        <>
          ; sealed since <Ago at={of.sealedSince} />
        </>
      )}
      . Meanwhile no operation that needs a stored key works; everything else does.
    </Notice>
  )
}

const Figures = ({ of }: { of: VaultStatus }) => {
  const sealed = of.processes.filter((process) => process.sealed).length
  return (
    <Stats>
      <Stat
        lead
        label="State"
        value={of.sealed ? 'Sealed' : 'Open'}
        note={
          sealed === 0
            ? 'On every process'
            : `${count(sealed)} of ${counted(of.processes.length, 'process', 'processes')} sealed`
        }
      />
      <Stat
        label="Master key"
        value={of.promoted ? `Version ${of.promoted.version}` : 'None'}
        note={
          of.promoted?.promotedAt ? (
            <>
              in use since <Ago at={of.promoted.promotedAt} />
            </>
          ) : (
            ''
          )
        }
      />
      <Stat
        label="Keys of organisations"
        value={count(of.organizationKeys)}
        note={`${count(of.shreddedOrganizations)} destroyed with their organisation`}
      />
      <Stat
        label="Did not open"
        value={count(of.unreadable.length)}
        note={of.unreadable.length === 0 ? 'Everything opens' : 'See below'}
      />
    </Stats>
  )
}

const states = {
  staged: { tone: 'shared', text: 'Being prepared' },
  promoted: { tone: 'own', text: 'In use' },
  retained: { tone: 'credits', text: 'Only unwraps' },
  destroyed: { tone: 'quiet', text: 'Destroyed' },
} as const

const Versions = (props: { of: VaultStatus; onDestroy: (version: MasterKeyVersion) => void }) => {
  const columns: readonly Column<MasterKeyVersion>[] = [
    {
      key: 'version',
      header: 'Version',
      render: (row) => (
        <span className={classes.stack}>
          <span>{row.version}</span>
          <code className={classes.quiet}>{row.id}</code>
        </span>
      ),
    },
    {
      key: 'state',
      header: 'State',
      render: (row) => <Mark tone={states[row.state].tone}>{states[row.state].text}</Mark>,
    },
    {
      key: 'provider',
      header: 'Where it is kept',
      render: (row) => <code className={classes.wide}>{row.provider}</code>,
    },
    { key: 'references', header: 'Needed by', align: 'end', render: (row) => count(row.references) },
    {
      key: 'since',
      header: 'Since',
      align: 'end',
      render: (row) => <Ago at={row.destroyedAt ?? row.retainedAt ?? row.promotedAt ?? row.createdAt} />,
    },
    {
      key: 'actions',
      header: '',
      align: 'end',
      render: (row) =>
        row.state === 'retained' && (
          <Button
            size="compact-sm"
            variant="default"
            disabled={row.references > 0}
            title={row.references > 0 ? 'Something still needs it: wrap it anew first.' : undefined}
            onClick={() => props.onDestroy(row)}
          >
            Destroy<span className="visually-hidden"> version {row.version}</span>
          </Button>
        ),
    },
  ]
  return (
    <Panel
      flush
      title="Versions of the master key"
      description="A retained one can be destroyed once nothing needs it."
    >
      <DataTable
        label="Versions of the master key"
        rows={props.of.versions}
        rowKey={(row) => String(row.version)}
        columns={columns}
      />
    </Panel>
  )
}

const processColumns: readonly Column<VaultProcess>[] = [
  {
    key: 'host',
    header: 'Process',
    render: (row) => (
      <span className={classes.stack}>
        <span className={classes.wide}>{row.host}</span>
        <span className={classes.quiet}>number {row.pid}</span>
      </span>
    ),
  },
  {
    key: 'state',
    header: 'Vault',
    render: (row) => <Mark tone={row.sealed ? 'bad' : 'own'}>{row.sealed ? 'Sealed' : 'Open'}</Mark>,
  },
  { key: 'versions', header: 'Unwraps versions', render: (row) => row.versions.join(', ') || 'none' },
  {
    key: 'problem',
    header: 'Problem',
    render: (row) => <span className={classes.wide}>{row.problem ?? '—'}</span>,
  },
]

const Processes = ({ processes }: { processes: readonly VaultProcess[] }) => (
  <Panel flush title="Processes" description="A new version is used only once each of them can unwrap it.">
    <DataTable label="Processes" rows={processes} rowKey={(row) => row.processId} columns={processColumns} />
  </Panel>
)

const Unreadable = ({ of }: { of: VaultStatus['unreadable'] }) => (
  <Panel
    flush
    title="What did not open"
    description="Changed in the database, or sealed under a key that is gone. Replace the secret of the key; the audit trail says since when."
  >
    <DataTable
      label="What did not open"
      rows={of}
      rowKey={(row) => `${row.subjectKind} ${row.subjectId} ${row.version}`}
      columns={[
        {
          key: 'what',
          header: 'What',
          render: (row) => (
            <span className={classes.stack}>
              <span>
                {readable(row.subjectKind)}, version {row.version}
              </span>
              <code className={classes.quiet}>{row.subjectId}</code>
            </span>
          ),
        },
        { key: 'why', header: 'Why', render: (row) => row.text },
        { key: 'since', header: 'First seen', align: 'end', render: (row) => <Ago at={row.firstSeenAt} /> },
      ]}
    />
  </Panel>
)

const moves = `aideon-keys vault move --to file:/etc/aideon/master.key
aideon-keys vault move --to aws-kms:arn:aws:kms:…
aideon-keys vault status`

/** Moving changes where the operator keeps the master key, so it begins at the operator's command line. */
const Move = () => (
  <Panel
    title="Keep the master key elsewhere"
    description="In a file, a key management service of a cloud, HashiCorp Vault or an HSM. One command moves it while everything runs; the progress stands here."
  >
    <div className={classes.column}>
      <CodeBlock label="Command to move" code={moves} />
      <p className={classes.quiet}>
        One of these, or another provider: docs/master-keys.md says how each is written and what it needs. The
        version before is retained until nothing needs it.
      </p>
    </div>
  </Panel>
)
