import { Button, Textarea } from '@mantine/core'
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import type { PolicyDocument, PolicyVersion } from '../../src/contract/policy.ts'
import type { CallFault } from '../data/call.ts'
import { DifferenceList } from '../admin-billing/difference-list.tsx'
import { readable } from '../data/words.ts'
import { type Column, DataTable } from '../ui/data-table.tsx'
import { FormDialog } from '../ui/dialog.tsx'
import { Moment } from '../ui/figures.tsx'
import { Block, FaultNotice, Loaded, Notice } from '../ui/notice.tsx'
import { Panel } from '../ui/page.tsx'
import { tellDone } from '../ui/toast.tsx'
import { Exceptions } from './exceptions.tsx'
import { policyChanges, wordsOf } from './policy-changes.ts'
import { PolicyForm, useServiceNames } from './policy-form.tsx'
import type { PolicyPlace } from './policy-place.ts'
import classes from './policy.module.css'

const stateWords: Record<PolicyVersion['state'], string> = {
  in_force: 'In force',
  scheduled: 'Scheduled',
  superseded: 'Earlier',
  cancelled: 'Cancelled',
}

const authorOf = ({ author }: PolicyVersion): string => {
  if (author.email !== null) return author.email
  return author.kind === 'operator' ? 'Operator, at the command line' : readable(author.kind)
}

/** A command on the policy; what shows policies is read again when it is done. */
const useChange = <Input,>(
  place: PolicyPlace,
  change: (input: Input) => Promise<PolicyVersion>,
  done: (version: PolicyVersion, input: Input) => void,
) => {
  const client = useQueryClient()
  return useMutation<PolicyVersion, CallFault, Input>({
    mutationFn: change,
    onSuccess: async (version, input) => {
      done(version, input)
      await Promise.all(
        [
          [place.reads.state],
          [place.reads.versions],
          ['policy preview', place.key],
          ['readMe'],
          ['listServices'],
          ['listOrganizations'],
        ].map((queryKey) => client.invalidateQueries({ queryKey })),
      )
    },
  })
}

/** The policy in force, what is to come, how to change it and how it came to be. */
export const PolicyPanel = ({ place, readOnly = false }: { place: PolicyPlace; readOnly?: boolean }) => {
  const state = useQuery({ queryKey: [place.reads.state, place.key], queryFn: place.state })
  const save = useChange(place, place.save, (version) =>
    tellDone(
      version.state === 'scheduled'
        ? `Version ${version.version} is scheduled.`
        : `Version ${version.version} is in force.`,
    ),
  )
  return (
    <>
      <Loaded of={state} skeleton={<Block height={560} />}>
        {({ current, scheduled, exceptions }) => (
          <>
            {scheduled.map((version) => (
              <Scheduled
                key={version.version}
                place={place}
                version={version}
                current={current}
                readOnly={readOnly}
              />
            ))}
            {readOnly ? (
              <InForce document={current.document} />
            ) : (
              <PolicyForm
                key={current.version}
                place={place}
                current={current.document}
                saving={save.isPending}
                error={save.error}
                onSave={(wanted) => save.mutate({ ...wanted, basedOn: current.version })}
              />
            )}
            <Exceptions
              place={place}
              document={current.document}
              exceptions={exceptions}
              readOnly={readOnly}
            />
          </>
        )}
      </Loaded>
      <Versions place={place} current={state.data?.current.version} readOnly={readOnly} />
    </>
  )
}

/** For who may look at it and not change it. */
const InForce = ({ document }: { document: PolicyDocument }) => {
  const nameOf = useServiceNames()
  return (
    <Panel title="In force">
      <dl className={classes.facts}>
        {wordsOf(document, nameOf).map(([name, words]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{words}</dd>
          </div>
        ))}
      </dl>
    </Panel>
  )
}

const Scheduled = (props: {
  place: PolicyPlace
  version: PolicyVersion
  current: PolicyVersion
  readOnly: boolean
}) => {
  const { place, version, current } = props
  const nameOf = useServiceNames()
  const cancel = useChange(place, place.cancel, ({ version: number }) =>
    tellDone(`Version ${number} does not start.`),
  )
  return (
    <Notice
      tone="info"
      title={`Version ${version.version} is scheduled`}
      action={
        !props.readOnly && (
          <Button
            size="compact-sm"
            variant="default"
            loading={cancel.isPending}
            onClick={() => cancel.mutate(version.version)}
          >
            Cancel it
          </Button>
        )
      }
    >
      It starts <Moment at={version.startsAt} />, by {authorOf(version)}
      {version.reason && <>: {version.reason}</>}.
      <DifferenceList differences={policyChanges(current.document, version.document, nameOf)} />
      {cancel.error && <FaultNotice error={cancel.error} />}
    </Notice>
  )
}

interface Restoring {
  readonly version: number
  /** In force when it was decided. */
  readonly basedOn: number
}

const Versions = (props: { place: PolicyPlace; current: number | undefined; readOnly: boolean }) => {
  const { place, current, readOnly } = props
  const nameOf = useServiceNames()
  const [restoring, setRestoring] = useState<Restoring | null>(null)
  const pages = useInfiniteQuery({
    queryKey: [place.reads.versions, place.key],
    queryFn: ({ pageParam }) => place.versions(pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.nextCursor ?? undefined,
  })
  const rows = pages.data?.pages.flatMap(({ items }) => items)
  const before = (row: PolicyVersion) =>
    rows?.find(({ version, state }) => version < row.version && state !== 'cancelled')
  const columns: readonly Column<PolicyVersion>[] = [
    { key: 'version', header: 'Version', render: (row) => row.version },
    { key: 'state', header: 'State', render: (row) => stateWords[row.state] },
    {
      key: 'changes',
      header: 'What changed',
      render: (row) => {
        const earlier = before(row)
        const changes = earlier ? policyChanges(earlier.document, row.document, nameOf) : []
        return changes.length === 0 ? '—' : <DifferenceList differences={changes} />
      },
    },
    {
      key: 'reason',
      header: 'Why',
      render: (row) => (
        <span className={classes.reason}>
          {row.reason ?? '—'}
          {row.restores !== null && ` (as version ${row.restores})`}
        </span>
      ),
    },
    { key: 'author', header: 'By', render: (row) => <span className={classes.reason}>{authorOf(row)}</span> },
    { key: 'from', header: 'From', render: (row) => <Moment at={row.startsAt} /> },
    {
      key: 'restore',
      header: '',
      align: 'end',
      render: (row) =>
        row.state === 'superseded' &&
        !readOnly &&
        current !== undefined && (
          <Button
            size="compact-sm"
            variant="default"
            onClick={() => setRestoring({ version: row.version, basedOn: current })}
          >
            Restore
          </Button>
        ),
    },
  ]
  return (
    <Panel title="Versions" flush>
      {pages.error && !rows ? (
        <FaultNotice error={pages.error} onRetry={() => void pages.refetch()} />
      ) : (
        <DataTable
          label="Versions of the policy"
          loading={rows ? undefined : 3}
          rows={rows ?? []}
          rowKey={(row) => String(row.version)}
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
      {restoring && <RestoreDialog place={place} wanted={restoring} onClose={() => setRestoring(null)} />}
    </Panel>
  )
}

const RestoreDialog = (props: { place: PolicyPlace; wanted: Restoring; onClose: () => void }) => {
  const { version, basedOn } = props.wanted
  const client = useQueryClient()
  const [reason, setReason] = useState('')
  const restore = useChange(
    props.place,
    (why: string) => props.place.restore(version, { reason: why, basedOn }),
    (made) => {
      tellDone(`Version ${made.version} is in force: it says what version ${version} said.`)
      props.onClose()
    },
  )
  return (
    <FormDialog
      opened
      title={`Restore version ${version}`}
      submit={`Restore version ${version}`}
      busy={restore.isPending}
      error={restore.error}
      blocked={reason.trim() === ''}
      onSubmit={() => restore.mutate(reason.trim())}
      onClose={() => {
        // Another version may be in force by now.
        if (restore.error) void client.invalidateQueries({ queryKey: [props.place.reads.state] })
        props.onClose()
      }}
    >
      <p className={classes.line}>
        What it said is in force again at once, as a new version. Keys that it allows and that are suspended
        now come back.
      </p>
      <Textarea
        label="Reason"
        data-autofocus
        maxLength={500}
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
    </FormDialog>
  )
}
