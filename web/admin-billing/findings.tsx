import { Button, NativeSelect, TextInput } from '@mantine/core'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { type ReconciliationFinding, reconciliationCheck } from '../../src/contract/reconciliation.ts'
import { useAct } from '../data/queries.ts'
import { readable } from '../data/words.ts'
import type { Column } from '../ui/data-table.tsx'
import { FormDialog } from '../ui/dialog.tsx'
import { Ago } from '../ui/figures.tsx'
import { EmptyState } from '../ui/notice.tsx'
import { Panel } from '../ui/page.tsx'
import { TextLink } from '../ui/text-link.tsx'
import { tellDone } from '../ui/toast.tsx'
import { after } from './after.ts'
import classes from './billing.module.css'
import { PagedTable } from './paged-table.tsx'
import { By } from './people.tsx'
import { amountText, checkNames, differenceText } from './reconciliation-words.ts'
import { usePagesOf } from './use-pages-of.ts'

const route = getRouteApi('/shell/admin/reconciliation')

const columns: readonly Column<ReconciliationFinding>[] = [
  {
    key: 'what',
    header: 'Difference',
    render: (row) => (
      <span className={classes.who}>
        <span className={classes.strong}>{row.message}</span>
        <span className={classes.quiet}>
          {checkNames[row.check]}, first seen <Ago at={row.firstSeenAt} />
        </span>
      </span>
    ),
  },
  { key: 'subject', header: 'Of', render: (row) => <Subject finding={row} /> },
  {
    key: 'expected',
    header: 'Expected',
    align: 'end',
    render: (row) => (row.expected === null ? '—' : amountText(row.expected, row.unit)),
  },
  {
    key: 'found',
    header: 'Found',
    align: 'end',
    render: (row) => (row.found === null ? '—' : amountText(row.found, row.unit)),
  },
  {
    key: 'difference',
    header: 'Difference',
    align: 'end',
    render: (row) => (
      <span className={classes.strong}>
        {row.difference === null ? '—' : differenceText(row.difference, row.unit)}
      </span>
    ),
  },
  { key: 'explain', header: '', align: 'end', render: (row) => <Explain finding={row} /> },
]

const isUuid = (text: string): boolean => /^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(text)

/** Where it can be looked at; of some there is only the id. */
const Subject = ({ finding }: { finding: ReconciliationFinding }) => {
  const { kind, id } = finding.subject
  const text = (
    <>
      {readable(kind)} <code>{isUuid(id) ? `…${id.slice(-8)}` : id}</code>
    </>
  )
  if ((kind === 'operation' || kind === 'hold') && finding.organizationId)
    return (
      <TextLink quiet>
        <Link to="/admin/operations" search={{ operation: id, of: finding.organizationId }}>
          {text}
        </Link>
      </TextLink>
    )
  if (kind === 'payment')
    return (
      <TextLink quiet>
        <Link to="/admin/payments" search={{ show: 'all', payment: id }}>
          {text}
        </Link>
      </TextLink>
    )
  if (kind === 'invoice')
    return (
      <TextLink quiet>
        <Link to="/admin/payments" search={{ show: 'invoices', invoice: id }}>
          {text}
        </Link>
      </TextLink>
    )
  // Grants, transactions, holds and periods are on the page of their account.
  if (finding.organizationId !== null && finding.userId !== null)
    return (
      <TextLink quiet>
        <Link to="/admin/balances" search={{ of: finding.organizationId, user: finding.userId }}>
          {text}
        </Link>
      </TextLink>
    )
  return <span className={classes.quiet}>{text}</span>
}

/** What a run found: unexplained ones first of all, explained ones by choice. */
export const Findings = ({ runId }: { runId: string }) => {
  const { check, explained } = route.useSearch()
  const navigate = useNavigate({ from: '/admin/reconciliation' })
  const pages = usePagesOf(
    'listReconciliationFindings',
    { id: runId },
    { check, explained: explained ? 'true' : 'false' },
  )
  return (
    <div id="differences">
      <Panel flush title="Differences">
        <search className={classes.filters} aria-label="Filter differences">
          <NativeSelect
            aria-label="Which differences"
            value={explained ? 'true' : 'false'}
            data={[
              { value: 'false', label: 'Unexplained' },
              { value: 'true', label: 'Explained' },
            ]}
            onChange={(event) => {
              const next = event.currentTarget.value === 'true' ? true : undefined
              void navigate({ search: (now) => ({ ...now, explained: next }), replace: true })
            }}
          />
          <NativeSelect
            aria-label="Proof"
            value={check ?? ''}
            data={[
              { value: '', label: 'All proofs' },
              ...reconciliationCheck.options.map((value) => ({ value, label: checkNames[value] })),
            ]}
            onChange={(event) => {
              const next = reconciliationCheck.safeParse(event.currentTarget.value).data
              void navigate({ search: (now) => ({ ...now, check: next }), replace: true })
            }}
          />
        </search>
        <PagedTable
          pages={pages}
          label="Differences"
          columns={columns}
          rowKey={(row) => row.id}
          loading={3}
          empty={
            <EmptyState title={explained ? 'Nothing was explained' : 'No unexplained difference'}>
              {explained
                ? 'Differences within the tolerance, and those that an administrator explained, are listed here.'
                : 'Whatever this run looked at agrees, or is explained.'}
            </EmptyState>
          }
        />
      </Panel>
    </div>
  )
}

const Explain = ({ finding }: { finding: ReconciliationFinding }) => {
  const explain = useAct('explainReconciliationFinding', [
    'listReconciliationFindings',
    'readReconciliation',
    'readReconciliationRun',
    'listReconciliationRuns',
    'listServiceExports',
    'readServiceExport',
  ])
  const [asking, setAsking] = useState(false)
  const [reason, setReason] = useState('')
  if (finding.isExplained)
    return (
      <span className={classes.quiet}>
        {finding.explanation ? (
          <>
            <By by={finding.explanation.by} />: {finding.explanation.reason}
          </>
        ) : (
          'Within the tolerance'
        )}
      </span>
    )
  return (
    <>
      <Button size="compact-sm" variant="default" onClick={() => setAsking(true)}>
        Explain<span className="visually-hidden"> {finding.message}</span>
      </Button>
      <FormDialog
        opened={asking}
        title="Explain this difference"
        submit="Save explanation"
        busy={explain.isPending}
        error={explain.error}
        blocked={reason.trim() === ''}
        onClose={() => setAsking(false)}
        onSubmit={() =>
          after(explain.mutateAsync({ params: { id: finding.id }, body: { reason: reason.trim() } }), () => {
            setAsking(false)
            tellDone('Explained: it counts as such until the difference changes.')
          })
        }
      >
        <p className={classes.note}>
          {finding.message}
          {finding.difference !== null && ` (${differenceText(finding.difference, finding.unit)})`}. Nothing
          is changed by this: the difference stays listed, with your words.
        </p>
        <TextInput
          label="Why it is right"
          maxLength={300}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
          data-autofocus
        />
      </FormDialog>
    </>
  )
}
