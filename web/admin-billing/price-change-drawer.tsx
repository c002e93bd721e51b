import { Button, Drawer, TextInput } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type { Reply } from '../../src/contract/endpoints.ts'
import { useAct, useRead } from '../data/queries.ts'
import { useMe } from '../data/session.ts'
import { ConfirmDialog, FormDialog } from '../ui/dialog.tsx'
import { Moment } from '../ui/figures.tsx'
import { Lines, Loaded, Notice } from '../ui/notice.tsx'
import { Fact, Facts } from '../ui/page.tsx'
import { TextLink } from '../ui/text-link.tsx'
import { tellDone } from '../ui/toast.tsx'
import { after } from './after.ts'
import classes from './billing.module.css'
import { By } from './people.tsx'
import { ChangeForm } from './price-change-editor.tsx'
import { ChangeMark } from './price-changes.tsx'
import { PriceDifferenceView } from './price-difference.tsx'
import { editText } from './price-edit-words.ts'
import { priceBookReads } from './reads.ts'

type View = Reply<'readPriceChange'>

/** One change: what it would change now, and what can be done with it. */
export const PriceChangeDrawer = (props: { id: string | undefined; onClose: () => void }) => {
  const read = useRead(
    'readPriceChange',
    { params: { id: props.id ?? '' } },
    { enabled: props.id !== undefined },
  )
  return (
    <Drawer
      opened={props.id !== undefined}
      onClose={props.onClose}
      title={read.data && props.id ? read.data.change.reason : 'Change of prices'}
      size={640}
    >
      {props.id !== undefined && (
        <Loaded of={read} skeleton={<Lines count={10} />}>
          {(view) => <Detail key={view.change.id} view={view} />}
        </Loaded>
      )}
    </Drawer>
  )
}

const Detail = ({ view }: { view: View }) => {
  const { change, preview } = view
  const me = useMe()
  const [editing, setEditing] = useState(false)
  if (editing)
    return (
      <ChangeForm
        before={change}
        edits={change.edits}
        onSaved={() => setEditing(false)}
        onClose={() => setEditing(false)}
      />
    )
  const mustWait = preview?.needsSecondApprover === true && change.createdBy === me.user.id
  return (
    <div className={classes.detail}>
      {preview?.needsBecause && (
        <Notice tone="warning" title="Needs a second administrator">
          {preview.needsBecause}
        </Notice>
      )}
      <Facts>
        <Fact name="State">
          <ChangeMark status={change.status} />
        </Fact>
        <Fact name="From">
          {change.effectiveAt === null ? 'The instant of its approval' : <Moment at={change.effectiveAt} />}
        </Fact>
        <Fact name="Made">
          <Moment at={change.createdAt} />, by <By by={change.createdBy} />
        </Fact>
        {change.decidedAt && change.decidedBy && (
          <Fact name="Decided">
            <Moment at={change.decidedAt} />, by <By by={change.decidedBy} />
            {change.decisionReason && `: ${change.decisionReason}`}
          </Fact>
        )}
        {change.version !== null && (
          <Fact name="Version">
            <TextLink>
              <Link to="/admin/price-book" search={{ show: 'versions', version: change.version }}>
                Version {change.version}
              </Link>
            </TextLink>
          </Fact>
        )}
      </Facts>
      {preview ? (
        <section className={classes.section} aria-label="What it would change">
          <h3 className={classes.sectionTitle}>Compared with version {preview.baseVersion}</h3>
          <PriceDifferenceView difference={preview.difference} />
        </section>
      ) : (
        <ul className={classes.edits}>
          {change.edits.map((edit) => (
            <li key={editText(edit)} className={classes.edit}>
              <span>{editText(edit)}</span>
            </li>
          ))}
        </ul>
      )}
      {preview && (
        <div className={classes.buttons}>
          {change.status === 'waiting' && mustWait ? (
            <p className={classes.note}>You made it: another administrator approves it.</p>
          ) : (
            <Approve view={view} baseVersion={preview.baseVersion} willWait={mustWait} />
          )}
          <Button variant="default" onClick={() => setEditing(true)}>
            Edit
          </Button>
          <Discard id={change.id} />
        </div>
      )}
    </div>
  )
}

const Approve = (props: { view: View; baseVersion: number; willWait: boolean }) => {
  const { change } = props.view
  const approve = useAct('approvePriceChange', priceBookReads)
  const [asking, setAsking] = useState(false)
  const label = props.willWait ? 'Ask for approval' : 'Approve'
  return (
    <>
      <Button onClick={() => setAsking(true)}>{label}</Button>
      <FormDialog
        opened={asking}
        title={`${label}?`}
        submit={props.willWait ? 'Ask for approval' : 'Approve change'}
        busy={approve.isPending}
        error={approve.error}
        onClose={() => setAsking(false)}
        onSubmit={() =>
          after(
            approve.mutateAsync({
              params: { id: change.id },
              body: { revision: change.revision, baseVersion: props.baseVersion },
            }),
            (now) => {
              setAsking(false)
              tellDone(
                now.change.status === 'approved'
                  ? `It is version ${now.change.version}.`
                  : 'It waits for another administrator.',
              )
            },
          )
        }
      >
        <p className={classes.note}>
          {props.willWait
            ? 'Nothing changes until another administrator approves it.'
            : change.effectiveAt === null
              ? 'Operations that start from now on are charged by it. Those before stay as they were charged.'
              : 'Operations that start from its instant on are charged by it. Until then it can be withdrawn.'}
        </p>
      </FormDialog>
    </>
  )
}

const Discard = ({ id }: { id: string }) => {
  const discard = useAct('discardPriceChange', priceBookReads)
  const [asking, setAsking] = useState(false)
  const [reason, setReason] = useState('')
  return (
    <>
      <Button variant="subtle" color="red" onClick={() => setAsking(true)}>
        Discard
      </Button>
      <ConfirmDialog
        opened={asking}
        title="Discard this change?"
        submit="Discard change"
        busy={discard.isPending}
        error={discard.error}
        onClose={() => setAsking(false)}
        onConfirm={() => {
          if (reason.trim() === '') return
          after(discard.mutateAsync({ params: { id }, body: { reason: reason.trim() } }), () => {
            setAsking(false)
            tellDone('It is not made.')
          })
        }}
      >
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
