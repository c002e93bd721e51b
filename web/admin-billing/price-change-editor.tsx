import { Button, Drawer, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { PriceChange, PriceChangePreview, PriceEdit } from '../../src/contract/price-book.ts'
import { type CallFault, call } from '../data/call.ts'
import { useAct } from '../data/queries.ts'
import { useTimeZone } from '../ui/figures.tsx'
import { FaultNotice, Notice } from '../ui/notice.tsx'
import { tellDone } from '../ui/toast.tsx'
import { after } from './after.ts'
import classes from './billing.module.css'
import { localMoment } from './local-moment.ts'
import { PriceDifferenceView } from './price-difference.tsx'
import { PriceEditForm } from './price-edit-form.tsx'
import { editKey, editText, withEdit } from './price-edit-words.ts'
import { priceBookReads } from './reads.ts'

/** A new change of prices; null: none is being made. */
export const PriceChangeEditor = (props: {
  edits: readonly PriceEdit[] | null
  onSaved: (id: string) => void
  onClose: () => void
}) => (
  <Drawer opened={props.edits !== null} onClose={props.onClose} title="New change of prices" size={640}>
    {props.edits && (
      <ChangeForm before={null} edits={props.edits} onSaved={props.onSaved} onClose={props.onClose} />
    )}
  </Drawer>
)

/** Asked by POST, but it changes nothing. */
const useChangePreview = (edits: readonly PriceEdit[], effectiveAt: string | null) =>
  useQuery<PriceChangePreview, CallFault>({
    queryKey: ['previewPriceChange', edits, effectiveAt],
    queryFn: ({ signal }) => call('previewPriceChange', { body: { edits: [...edits], effectiveAt } }, signal),
    enabled: edits.length > 0,
    placeholderData: keepPreviousData,
    staleTime: 0,
  })

/** Edits, from when, why; what they change is shown beside them all the while. */
export const ChangeForm = (props: {
  before: PriceChange | null
  edits: readonly PriceEdit[]
  onSaved: (id: string) => void
  onClose: () => void
}) => {
  const { before } = props
  const zone = useTimeZone()
  const create = useAct('createPriceChange', priceBookReads)
  const edit = useAct('editPriceChange', priceBookReads)
  const [edits, setEdits] = useState<readonly PriceEdit[]>(before ? props.edits : [])
  const [from, setFrom] = useState(before?.effectiveAt ? localMoment(new Date(before.effectiveAt)) : '')
  const [reason, setReason] = useState(before?.reason ?? '')
  const effectiveAt = from === '' ? null : new Date(from).toISOString()
  const [rested] = useDebouncedValue(effectiveAt, 300)
  const preview = useChangePreview(edits, rested)
  const isBlocked = edits.length === 0 || reason.trim() === ''
  const save = (approve: boolean) => {
    if (isBlocked) return
    const body = { edits: [...edits], reason: reason.trim(), effectiveAt }
    const onSuccess = ({ change }: { change: PriceChange }) => {
      tellDone(
        change.status === 'approved'
          ? `It is version ${change.version}.`
          : change.status === 'waiting'
            ? 'It waits for another administrator.'
            : 'The draft is saved.',
      )
      props.onSaved(change.id)
    }
    if (before)
      after(
        edit.mutateAsync({ params: { id: before.id }, body: { ...body, revision: before.revision } }),
        onSuccess,
      )
    else after(create.mutateAsync({ body: { ...body, approve } }), onSuccess)
  }
  return (
    <form
      className={classes.form}
      aria-label="Change of prices"
      onSubmit={(event) => {
        event.preventDefault()
        save(false)
      }}
    >
      {edits.length > 0 && (
        <ul className={classes.edits} aria-label="Edits">
          {edits.map((each) => (
            <li key={editKey(each)} className={classes.edit}>
              <span>{editText(each)}</span>
              <Button
                size="compact-sm"
                variant="subtle"
                color="gray"
                onClick={() => setEdits(edits.filter((other) => other !== each))}
              >
                Remove<span className="visually-hidden"> {editText(each)}</span>
              </Button>
            </li>
          ))}
        </ul>
      )}
      <PriceEditForm
        start={before ? undefined : props.edits[0]}
        onAdd={(added) => setEdits(withEdit(edits, added))}
      />
      <TextInput
        type="datetime-local"
        label="In force from"
        description={`Left empty: the instant of its approval. In ${zone}.`}
        value={from}
        onChange={(event) => setFrom(event.currentTarget.value)}
      />
      <TextInput
        label="Reason"
        placeholder="Prices of 2027"
        maxLength={500}
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
      {preview.error ? (
        <FaultNotice error={preview.error} />
      ) : (
        preview.data &&
        edits.length > 0 && (
          <section
            className={classes.section}
            aria-label="What it changes"
            aria-busy={preview.isPlaceholderData}
          >
            <h3 className={classes.sectionTitle}>Compared with version {preview.data.baseVersion}</h3>
            {preview.data.needsBecause && (
              <Notice tone="warning" title="Needs a second administrator">
                {preview.data.needsBecause}
              </Notice>
            )}
            <PriceDifferenceView difference={preview.data.difference} />
          </section>
        )
      )}
      {(create.error ?? edit.error) && <FaultNotice error={create.error ?? edit.error} />}
      <div className={`${classes.buttons} ${classes.end}`}>
        <Button variant="default" onClick={props.onClose}>
          Cancel
        </Button>
        <Button
          type="submit"
          variant="default"
          disabled={isBlocked}
          loading={create.isPending || edit.isPending}
        >
          {before ? 'Save change' : 'Save draft'}
        </Button>
        {before === null && (
          <Button disabled={isBlocked || !preview.data} loading={create.isPending} onClick={() => save(true)}>
            {preview.data?.needsSecondApprover ? 'Ask for approval' : 'Approve now'}
          </Button>
        )}
      </div>
    </form>
  )
}
