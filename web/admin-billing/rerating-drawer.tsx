import { Button, Drawer, Progress, TextInput } from '@mantine/core'
import { useState } from 'react'
import type { Rerating } from '../../src/contract/reratings.ts'
import { useAct, useRead } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import { FormDialog } from '../ui/dialog.tsx'
import { Moment } from '../ui/figures.tsx'
import { count } from '../ui/format.ts'
import { EmptyState, Lines, Loaded } from '../ui/notice.tsx'
import { Fact, Facts } from '../ui/page.tsx'
import { tellDone } from '../ui/toast.tsx'
import { after } from './after.ts'
import classes from './billing.module.css'
import { PagedTable } from './paged-table.tsx'
import { By } from './people.tsx'
import { reratingReads } from './reads.ts'
import { operationColumns, ReratedAccounts, Totals } from './rerated.tsx'
import { ReratingMark } from './rerating-mark.tsx'
import { usePagesOf } from './use-pages-of.ts'

/** One re-rating; while it runs, how far it is. */
export const ReratingDrawer = (props: { id: string | undefined; onClose: () => void }) => {
  const params = { id: props.id ?? '' }
  const enabled = props.id !== undefined
  const first = useRead('readRerating', { params }, { enabled })
  const isRunning = first.data?.rerating.status === 'running'
  const read = useRead('readRerating', { params }, isRunning ? { enabled, refreshSeconds: 2 } : { enabled })
  return (
    <Drawer
      opened={enabled}
      onClose={props.onClose}
      title={read.data && enabled ? read.data.rerating.reason : 'Re-rating'}
      size={720}
    >
      {enabled && (
        <Loaded of={read} skeleton={<Lines count={10} />}>
          {(data) => (
            <div className={classes.detail}>
              <About rerating={data.rerating} />
              <Totals totals={data.rerating.totals} chargesMore={data.rerating.chargesMore} />
              {data.rerating.status === 'waiting' && <Decide rerating={data.rerating} />}
              <ReratedAccounts accounts={data.accounts} accountCount={data.accountCount} />
              <Operations id={data.rerating.id} />
            </div>
          )}
        </Loaded>
      )}
    </Drawer>
  )
}

const About = ({ rerating }: { rerating: Rerating }) => {
  const { scope, totals } = rerating
  const all = totals.refunds + (rerating.chargesMore ? totals.charges : 0)
  return (
    <>
      {rerating.status === 'running' && (
        <section className={classes.box} aria-label="Under way" aria-live="polite">
          <p>
            {count(rerating.done)} of {count(all)} entries are written.
          </p>
          <Progress
            mt={8}
            color="petrol"
            value={all === 0 ? 100 : Math.round((rerating.done / all) * 100)}
            aria-label="Entries that are written"
          />
        </section>
      )}
      <Facts>
        <Fact name="State">
          <ReratingMark status={rerating.status} />
        </Fact>
        <Fact name="Operations">
          <Moment at={scope.from} /> until <Moment at={scope.until} />
          {scope.serviceId !== null && `, ${scope.serviceId}`}
          {scope.model !== null && `, ${scope.model}`}
          {scope.priceBookVersion !== null && `, charged by version ${scope.priceBookVersion}`}
        </Fact>
        <Fact name="Prices">Version {rerating.toVersion}</Fact>
        <Fact name="Asked for">
          <Moment at={rerating.createdAt} />, by <By by={rerating.requestedBy} />
        </Fact>
        {rerating.decidedAt && (
          <Fact name="Decided">
            <Moment at={rerating.decidedAt} />, by <By by={rerating.decidedBy} />
          </Fact>
        )}
        {rerating.changed > 0 && (
          <Fact name="Left alone">
            {count(rerating.changed)}: their charge had been corrected otherwise meanwhile
          </Fact>
        )}
      </Facts>
    </>
  )
}

const Decide = ({ rerating }: { rerating: Rerating }) => {
  const me = useMe()
  const approve = useAct('approveRerating', reratingReads)
  const deny = useAct('denyRerating', reratingReads)
  const [kind, setKind] = useState<'approve' | 'deny' | null>(null)
  const [reason, setReason] = useState('')
  const isOwn = rerating.requestedBy === me.user.id
  const act = kind === 'deny' ? deny : approve
  const params = { id: rerating.id }
  const done = () => {
    tellDone(kind === 'deny' ? 'It is not done.' : 'The entries are being written.')
    setKind(null)
  }
  return (
    <div className={classes.buttons}>
      {isOwn ? (
        <p className={classes.note}>You asked for it: another administrator approves it.</p>
      ) : (
        <Button onClick={() => setKind('approve')}>Approve</Button>
      )}
      <Button variant="default" onClick={() => setKind('deny')}>
        {isOwn ? 'Withdraw' : 'Deny'}
      </Button>
      <FormDialog
        opened={kind !== null}
        title={kind === 'deny' ? 'Do not re-rate?' : 'Approve this re-rating?'}
        submit={kind === 'deny' ? 'Do not re-rate' : 'Approve re-rating'}
        danger={kind === 'deny'}
        busy={act.isPending}
        error={act.error}
        blocked={kind === 'deny' && reason.trim() === ''}
        onClose={() => setKind(null)}
        onSubmit={() => {
          if (kind === 'deny') after(deny.mutateAsync({ params, body: { reason: reason.trim() } }), done)
          else after(approve.mutateAsync({ params }), done)
        }}
      >
        {kind === 'deny' ? (
          <TextInput
            label="Reason"
            maxLength={300}
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
            data-autofocus
          />
        ) : (
          <p className={classes.note}>The entries are written now, each once.</p>
        )}
      </FormDialog>
    </div>
  )
}

const Operations = ({ id }: { id: string }) => {
  const pages = usePagesOf('listReratedOperations', { id }, {})
  return (
    <section className={classes.section} aria-label="Operations">
      <h3 className={classes.sectionTitle}>Operations</h3>
      <div className={classes.framed}>
        <PagedTable
          pages={pages}
          label="Operations"
          columns={operationColumns}
          rowKey={(row) => row.operationId}
          empty={<EmptyState title="No operation">The charge of none changes.</EmptyState>}
        />
      </div>
    </section>
  )
}
