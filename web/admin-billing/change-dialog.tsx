import { NativeSelect } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { ChangePreviewOnWire, SubscriptionOnWire } from '../../src/contract/billing.ts'
import type { Request } from '../../src/contract/endpoints.ts'
import { type CallFault, call } from '../data/call.ts'
import { useAct, useRead } from '../data/queries.ts'
import { FormDialog } from '../ui/dialog.tsx'
import { Credits, Moment, useNow } from '../ui/figures.tsx'
import { money } from '../ui/money.ts'
import { FaultNotice, Lines } from '../ui/notice.tsx'
import { tellDone } from '../ui/toast.tsx'
import { after } from './after.ts'
import classes from './billing.module.css'
import type { Owner } from './subscription-drawer.tsx'

type Change = Request<'changeUserSubscription'>['body']['change']

const titles = {
  change_tier: 'Change tier',
  cancel: 'Cancel subscription',
  pause: 'Pause subscription',
  resume: 'Resume subscription',
  undo_pending: 'Undo what waits',
} as const

/** Any change: its exact money and credits first. Asked for again when another tier is chosen. */
export const ChangeDialog = (props: {
  owner: Owner
  subscription: SubscriptionOnWire
  kind: keyof typeof titles
  onClose: () => void
}) => {
  const { owner, kind, subscription } = props
  const tiers = useRead('listAdminTiers', {})
  const choices = (tiers.data?.items ?? []).filter(
    ({ id, archivedAt }) => archivedAt === null && id !== subscription.tier.tierId,
  )
  const [chosenTier, setChosenTier] = useState<string | null>(null)
  const [when, setWhen] = useState<'period_end' | 'now'>('period_end')
  const [idempotencyKey] = useState(() => crypto.randomUUID())
  const tierId = chosenTier ?? choices[0]?.id
  const change = changeOf(kind, tierId, when)
  const preview = useQuery<ChangePreviewOnWire, CallFault>({
    queryKey: ['previewUserSubscriptionChange', owner, change],
    queryFn: ({ signal }) =>
      call(
        'previewUserSubscriptionChange',
        { params: { ...owner }, body: { change: change as Change } },
        signal,
      ),
    enabled: change !== null,
    staleTime: 0,
    gcTime: 0,
  })
  const make = useAct('changeUserSubscription', [
    'readUserSubscription',
    'listSubscriptions',
    'listAllPayments',
    'listUsers',
  ])
  return (
    <FormDialog
      opened
      title={titles[kind]}
      submit={titles[kind]}
      danger={kind === 'cancel'}
      busy={make.isPending}
      error={make.error}
      blocked={change === null || preview.data === undefined}
      onClose={props.onClose}
      onSubmit={() => {
        if (change === null) return
        const calculatedAt = preview.data?.calculatedAt
        const body = { change, idempotencyKey, ...(calculatedAt !== undefined && { calculatedAt }) }
        after(make.mutateAsync({ params: { ...owner }, body }), (result) => {
          tellDone(
            result.state === 'done'
              ? 'The subscription is changed.'
              : 'It waits for its payment, which is among the payments to decide.',
          )
          props.onClose()
        })
      }}
    >
      {kind === 'change_tier' && (
        <NativeSelect
          label="To"
          value={tierId ?? ''}
          data={choices.map(({ id, current }) => ({
            value: id,
            label: `${current.name}, ${money(current.priceMinor, current.currency)}`,
          }))}
          onChange={(event) => setChosenTier(event.currentTarget.value)}
        />
      )}
      {kind === 'cancel' && (
        <NativeSelect
          label="When"
          value={when}
          data={[
            { value: 'period_end', label: 'At the end of the period' },
            { value: 'now', label: 'Now; what is left of the credits stays until then' },
          ]}
          onChange={(event) => setWhen(event.currentTarget.value === 'now' ? 'now' : 'period_end')}
        />
      )}
      {preview.error ? (
        <FaultNotice error={preview.error} />
      ) : preview.data ? (
        <Preview preview={preview.data} />
      ) : (
        <Lines count={4} />
      )}
    </FormDialog>
  )
}

const changeOf = (
  kind: keyof typeof titles,
  tierId: string | undefined,
  when: 'period_end' | 'now',
): Change | null => {
  if (kind === 'change_tier') return tierId === undefined ? null : { kind, tierId }
  return kind === 'cancel' ? { kind, when } : { kind }
}

const Preview = ({ preview }: { preview: ChangePreviewOnWire }) => {
  const now = useNow()
  const { before, after, lines, currency } = preview
  const isNow = new Date(preview.effectiveAt).getTime() <= now.getTime() + 60_000
  return (
    <section className={classes.box} aria-label="What it does">
      <p className={classes.note}>
        {before.tier.name} → <strong>{after.tier.name}</strong>,{' '}
        {isNow ? (
          preview.chargeNowMinor === '0' ? (
            'now'
          ) : (
            'when it is paid'
          )
        ) : (
          <>
            on <Moment at={preview.effectiveAt} />
          </>
        )}
        .
      </p>
      <div className={classes.sums} style={{ marginTop: 8 }}>
        {lines.map((line) => (
          <p key={line.description} className={classes.sum}>
            <span>{line.description}</span>
            <span>{money(line.amountMinor, currency)}</span>
          </p>
        ))}
        <p className={classes.sum} data-total>
          <span>To pay now</span>
          <span>{money(preview.chargeNowMinor, currency)}</span>
        </p>
        <p className={classes.sum}>
          <span>Credits now, until the end of the period</span>
          <Credits micros={preview.creditsNowMicros} signed />
        </p>
        <p className={classes.sum}>
          <span>
            At the next renewal, <Moment at={preview.periodEnd} />
          </span>
          <span>{money(preview.nextChargeMinor, currency)}</span>
        </p>
        <p className={classes.sum}>
          <span>Credits then</span>
          <Credits micros={preview.nextAllocationMicros} />
        </p>
      </div>
    </section>
  )
}
