import { Button, NativeSelect, Switch, TextInput } from '@mantine/core'
import { useState } from 'react'
import type { Request } from '../../src/contract/endpoints.ts'
import { useAct, usePages, useRead } from '../data/queries.ts'
import { ConfirmDialog } from '../ui/dialog.tsx'
import { exactCredits } from '../ui/format.ts'
import { FaultNotice, Notice } from '../ui/notice.tsx'
import { Panel } from '../ui/page.tsx'
import { tellDone } from '../ui/toast.tsx'
import { after } from './after.ts'
import classes from './billing.module.css'
import { rowsOf } from './paged-table.tsx'
import { reratingReads } from './reads.ts'
import { ReratedAccounts, Totals } from './rerated.tsx'

type Terms = Request<'previewRerating'>['body']

const blank = {
  from: '',
  until: '',
  serviceId: '',
  model: '',
  byVersion: '',
  toVersion: '',
  chargesMore: false,
}

/** Null while something is missing. */
const termsOf = (values: typeof blank): Terms | null => {
  if (values.from === '' || values.until === '' || values.toVersion === '') return null
  const [from, until] = [new Date(values.from), new Date(values.until)]
  if (!(from < until)) return null
  return {
    scope: {
      from: from.toISOString(),
      until: until.toISOString(),
      serviceId: values.serviceId || null,
      model: values.model.trim() || null,
      priceBookVersion: values.byVersion === '' ? null : Number(values.byVersion),
    },
    toVersion: Number(values.toVersion),
    chargesMore: values.chargesMore,
  }
}

/** A preview that writes nothing; only exactly what it showed can be asked for. */
export const RerateForm = (props: { onRequested: (id: string) => void }) => {
  const services = useRead('listAdminServices', {})
  const versions = rowsOf(usePages('listPriceBookVersions', {})) ?? []
  const preview = useAct('previewRerating')
  const [values, setValues] = useState(blank)
  const [asking, setAsking] = useState(false)
  const set = (part: Partial<typeof blank>) => {
    preview.reset()
    setValues((now) => ({ ...now, ...part }))
  }
  const terms = termsOf(values)
  const choices = versions
    .filter(({ state }) => state !== 'withdrawn')
    .map(({ version, reason }) => ({
      value: String(version),
      label: `Version ${version}${reason ? `, ${reason}` : ''}`,
    }))
  const changes = preview.data
    ? preview.data.totals.refunds + (values.chargesMore ? preview.data.totals.charges : 0)
    : 0
  return (
    <Panel
      title="Re-rate past operations"
      description="What was charged by a wrong price is corrected by new entries. Look first: the preview writes nothing."
    >
      <form
        className={classes.form}
        aria-label="Re-rate"
        onSubmit={(event) => {
          event.preventDefault()
          if (terms) preview.mutate({ body: terms })
        }}
      >
        <div className={classes.fields}>
          <TextInput
            type="datetime-local"
            label="Started from"
            value={values.from}
            onChange={(event) => set({ from: event.currentTarget.value })}
          />
          <TextInput
            type="datetime-local"
            label="Started before"
            value={values.until}
            onChange={(event) => set({ until: event.currentTarget.value })}
          />
          <NativeSelect
            label="Service"
            value={values.serviceId}
            data={[
              { value: '', label: 'All services' },
              ...(services.data?.items ?? []).map(({ id, name }) => ({ value: id, label: name })),
            ]}
            onChange={(event) => set({ serviceId: event.currentTarget.value })}
          />
          <TextInput
            label="Model"
            placeholder="all models"
            maxLength={256}
            spellCheck={false}
            value={values.model}
            onChange={(event) => set({ model: event.currentTarget.value })}
          />
          <NativeSelect
            label="Charged by"
            value={values.byVersion}
            data={[{ value: '', label: 'Any version' }, ...choices]}
            onChange={(event) => set({ byVersion: event.currentTarget.value })}
          />
          <NativeSelect
            label="Should have been"
            value={values.toVersion}
            data={[{ value: '', label: 'Choose a version' }, ...choices]}
            onChange={(event) => set({ toVersion: event.currentTarget.value })}
          />
        </div>
        <Switch
          label="Charge the difference where too little was charged"
          description="Off: only what was too much is given back."
          checked={values.chargesMore}
          onChange={(event) => set({ chargesMore: event.currentTarget.checked })}
        />
        {preview.error && <FaultNotice error={preview.error} />}
        {preview.data && (
          <section className={classes.section} aria-label="What it would do" aria-live="polite">
            <Totals totals={preview.data.totals} chargesMore={values.chargesMore} />
            {preview.data.needsSecondApprover && (
              <Notice tone="warning" title="Needs a second administrator">
                Nothing is written until another administrator approves it.
              </Notice>
            )}
            <ReratedAccounts accounts={preview.data.accounts} accountCount={preview.data.accountCount} />
          </section>
        )}
        <div className={`${classes.buttons} ${classes.end}`}>
          <Button type="submit" variant="default" disabled={terms === null} loading={preview.isPending}>
            Preview
          </Button>
          <Button disabled={!preview.data || changes === 0} onClick={() => setAsking(true)}>
            {preview.data?.needsSecondApprover ? 'Ask for approval' : 'Re-rate'}
          </Button>
        </div>
      </form>
      {asking && preview.data && terms && (
        <CommitDialog
          terms={terms}
          digest={preview.data.digest}
          refundMicros={preview.data.totals.refundMicros}
          chargeMicros={values.chargesMore ? preview.data.totals.chargeMicros : '0'}
          onClose={() => setAsking(false)}
          onDone={(id) => {
            setAsking(false)
            preview.reset()
            props.onRequested(id)
          }}
        />
      )}
    </Panel>
  )
}

const CommitDialog = (props: {
  terms: Terms
  digest: string
  refundMicros: string
  chargeMicros: string
  onDone: (id: string) => void
  onClose: () => void
}) => {
  const request = useAct('requestRerating', reratingReads)
  const [idempotencyKey] = useState(() => crypto.randomUUID())
  const [reason, setReason] = useState('')
  const [chargeReason, setChargeReason] = useState('')
  const charges = props.terms.chargesMore === true
  return (
    <ConfirmDialog
      opened
      title="Re-rate these operations?"
      submit="Re-rate"
      busy={request.isPending}
      error={request.error}
      onClose={props.onClose}
      onConfirm={() => {
        if (reason.trim() === '' || (charges && chargeReason.trim() === '')) return
        after(
          request.mutateAsync({
            body: {
              ...props.terms,
              digest: props.digest,
              reason: reason.trim(),
              chargeReason: charges ? chargeReason.trim() : null,
              idempotencyKey,
            },
          }),
          (made) => {
            tellDone(
              made.status === 'waiting'
                ? 'It waits for another administrator.'
                : 'The entries are being written.',
            )
            props.onDone(made.id)
          },
        )
      }}
    >
      <p>
        <strong>{exactCredits(props.refundMicros)} credits</strong> are given back
        {charges && (
          <>
            {' '}
            and <strong>{exactCredits(props.chargeMicros)} credits</strong> charged more
          </>
        )}
        , by new entries on the statements. It is refused if it would do anything else than the preview
        showed.
      </p>
      <TextInput
        label="Reason"
        required
        maxLength={300}
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
        data-autofocus
      />
      {charges && (
        <TextInput
          label="What those who pay more are told"
          required
          maxLength={300}
          value={chargeReason}
          onChange={(event) => setChargeReason(event.currentTarget.value)}
        />
      )}
    </ConfirmDialog>
  )
}
