import { Button, NativeSelect, TextInput } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type { Reply } from '../../src/contract/endpoints.ts'
import type { PriceBookVersion, PriceEdit } from '../../src/contract/price-book.ts'
import { useAct } from '../data/queries.ts'
import { DataTable } from '../ui/data-table.tsx'
import { ConfirmDialog, FormDialog } from '../ui/dialog.tsx'
import { Moment } from '../ui/figures.tsx'
import { count, dayWithYear, exactUsd } from '../ui/format.ts'
import { EmptyState } from '../ui/notice.tsx'
import { Panel, Stat, Stats } from '../ui/page.tsx'
import { TextLink } from '../ui/text-link.tsx'
import { tellDone } from '../ui/toast.tsx'
import { after } from './after.ts'
import classes from './billing.module.css'
import { isEver, percent } from './billing-words.ts'
import { markupName, markupText } from './price-edit-words.ts'
import { priceBookReads } from './reads.ts'

type Book = Reply<'readPriceBook'>

export const PriceBookNow = (props: { book: Book; onEdit: (edit: PriceEdit) => void }) => {
  const { book, onEdit } = props
  const { inForce } = book
  return (
    <>
      <Stats>
        <Stat
          lead
          label="In force"
          value={
            <TextLink quiet>
              <Link to="/admin/price-book" search={{ version: inForce.version }}>
                Version {inForce.version}
              </Link>
            </TextLink>
          }
          note={isEver(inForce.effectiveAt) ? 'From the start' : `Since ${dayWithYear(inForce.effectiveAt)}`}
        />
        <Stat label="One credit is worth" value={exactUsd(inForce.nanoUsdPerCredit)} />
        <Stat
          label="Own prices"
          value={
            <TextLink quiet>
              <Link to="/admin/prices" search={{ show: 'own' }}>
                {count(inForce.ownPrices)}
              </Link>
            </TextLink>
          }
          note="Before those that are shipped"
        />
      </Stats>
      {book.scheduled.length > 0 && <Scheduled versions={book.scheduled} />}
      <Markups markups={book.markups} onEdit={onEdit} />
      <Approval approval={book.approval} />
    </>
  )
}

const Scheduled = ({ versions }: { versions: readonly PriceBookVersion[] }) => (
  <Panel flush title="To come" description="Approved, and in force from their instant on.">
    <DataTable
      label="Versions to come"
      rows={versions}
      rowKey={(row) => String(row.version)}
      columns={[
        {
          key: 'version',
          header: 'Version',
          render: (row) => (
            <TextLink quiet>
              <Link to="/admin/price-book" search={{ version: row.version }}>
                Version {row.version}
              </Link>
            </TextLink>
          ),
        },
        { key: 'reason', header: 'Why', render: (row) => row.reason ?? '—' },
        { key: 'from', header: 'From', render: (row) => <Moment at={row.effectiveAt} /> },
        { key: 'withdraw', header: '', align: 'end', render: (row) => <Withdraw version={row} /> },
      ]}
    />
  </Panel>
)

export const Withdraw = ({ version }: { version: PriceBookVersion }) => {
  const withdraw = useAct('withdrawPriceBookVersion', priceBookReads)
  const [asking, setAsking] = useState(false)
  const [reason, setReason] = useState('')
  return (
    <>
      <Button size="compact-sm" variant="subtle" color="red" onClick={() => setAsking(true)}>
        Withdraw<span className="visually-hidden"> version {version.version}</span>
      </Button>
      <ConfirmDialog
        opened={asking}
        title={`Withdraw version ${version.version}?`}
        submit="Withdraw version"
        busy={withdraw.isPending}
        error={withdraw.error}
        onClose={() => setAsking(false)}
        onConfirm={() => {
          if (reason.trim() === '') return
          after(
            withdraw.mutateAsync({ params: { version: version.version }, body: { reason: reason.trim() } }),
            () => {
              setAsking(false)
              tellDone(`Version ${version.version} does not come.`)
            },
          )
        }}
      >
        <p>It never takes effect. What is in force now stays.</p>
        <TextInput
          label="Reason"
          required
          maxLength={500}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
          data-autofocus
        />
      </ConfirmDialog>
    </>
  )
}

type Markup = Book['markups'][number]

const Markups = (props: { markups: readonly Markup[]; onEdit: (edit: PriceEdit) => void }) => (
  <Panel
    flush
    title="Markups"
    description="On what services charge. The most particular one holds: of the model, of the service, of everything."
    actions={
      <Button
        variant="default"
        onClick={() =>
          props.onEdit({ kind: 'set_markup', serviceId: null, model: null, markupBasisPoints: 0 })
        }
      >
        Set a markup
      </Button>
    }
  >
    {props.markups.length === 0 ? (
      <EmptyState title="No markups">Credits are charged at cost.</EmptyState>
    ) : (
      <DataTable
        label="Markups"
        rows={props.markups}
        rowKey={markupName}
        columns={[
          {
            key: 'of',
            header: 'Of',
            render: (row) => <span className={classes.strong}>{markupName(row)}</span>,
          },
          { key: 'markup', header: 'Markup', render: (row) => markupText(row.markupBasisPoints) },
          {
            key: 'actions',
            header: '',
            align: 'end',
            render: (row) => (
              <span className={classes.actions}>
                <Button
                  size="compact-sm"
                  variant="subtle"
                  color="gray"
                  onClick={() => props.onEdit({ kind: 'set_markup', ...row })}
                >
                  Change<span className="visually-hidden"> the markup of {markupName(row)}</span>
                </Button>
                {(row.serviceId !== null || row.model !== null) && (
                  <Button
                    size="compact-sm"
                    variant="subtle"
                    color="red"
                    onClick={() =>
                      props.onEdit({ kind: 'remove_markup', serviceId: row.serviceId, model: row.model })
                    }
                  >
                    Remove<span className="visually-hidden"> the markup of {markupName(row)}</span>
                  </Button>
                )}
              </span>
            ),
          },
        ]}
      />
    )}
  </Panel>
)

const approvals = {
  never: 'Never',
  above_limit: 'Above a limit',
  always: 'Always',
} as const

const approvalText = ({ secondApprover, limitBasisPoints }: Book['approval']): string => {
  if (secondApprover === 'never') return 'No change of prices needs a second administrator.'
  if (secondApprover === 'always') return 'Each change of prices needs a second administrator.'
  return `A change that raises or lowers any price by more than ${percent(limitBasisPoints)} needs a second administrator.`
}

const Approval = ({ approval }: { approval: Book['approval'] }) => {
  const save = useAct('savePriceApproval', ['readPriceBook', 'readPriceChange'])
  const [asking, setAsking] = useState(false)
  const [when, setWhen] = useState(approval.secondApprover)
  const [limit, setLimit] = useState(String(approval.limitBasisPoints / 100))
  const [reason, setReason] = useState('')
  const isLimit = /^\d{1,5}(\.\d{1,2})?$/.test(limit.trim()) && Number(limit) <= 10_000
  return (
    <Panel
      title="Two administrators"
      actions={
        <Button variant="default" onClick={() => setAsking(true)}>
          Change
        </Button>
      }
    >
      <p className={classes.note}>{approvalText(approval)}</p>
      <FormDialog
        opened={asking}
        title="Two administrators"
        submit="Save"
        busy={save.isPending}
        error={save.error}
        blocked={reason.trim() === '' || !isLimit}
        onClose={() => setAsking(false)}
        onSubmit={() =>
          after(
            save.mutateAsync({
              body: {
                secondApprover: when,
                limitBasisPoints: Math.round(Number(limit) * 100),
                reason: reason.trim(),
              },
            }),
            () => {
              setAsking(false)
              setReason('')
              tellDone('Saved.')
            },
          )
        }
      >
        <NativeSelect
          label="A second administrator is needed"
          value={when}
          data={Object.entries(approvals).map(([value, label]) => ({ value, label }))}
          onChange={(event) => setWhen(event.currentTarget.value as keyof typeof approvals)}
        />
        {when === 'above_limit' && (
          <TextInput
            label="Rise or fall of a price, %"
            inputMode="decimal"
            value={limit}
            error={isLimit ? null : 'A percentage.'}
            onChange={(event) => setLimit(event.currentTarget.value)}
          />
        )}
        <TextInput
          label="Reason"
          maxLength={500}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
      </FormDialog>
    </Panel>
  )
}
