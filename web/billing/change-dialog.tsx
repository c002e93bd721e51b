import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import type { ChangePreviewOnWire, SubscriptionOnWire } from '../../src/contract/billing.ts'
import type { Reply } from '../../src/contract/endpoints.ts'
import { type CallFault, call } from '../data/call.ts'
import { useRead } from '../data/queries.ts'
import { FormDialog } from '../ui/dialog.tsx'
import { FaultNotice, Lines } from '../ui/notice.tsx'
import { tellDone } from '../ui/toast.tsx'
import { ChangePreview } from './change-preview.tsx'
import { commandKeys } from './command-key.ts'
import { openProvider } from './open-provider.ts'
import type { Change } from './subscription-page.tsx'
import { paidReads } from './use-payment.ts'

type Result = Reply<'changeSubscription'>

/** What is left of the period shrinks while somebody thinks: calculated anew. What is shown when they agree is what is charged. */
const previewedEveryMilliseconds = 5_000

const useChange = (onDone: (result: Result) => void) => {
  const client = useQueryClient()
  return useMutation<Result, CallFault, { change: Change; calculatedAt: string | undefined }>({
    mutationFn: async ({ change, calculatedAt }) => {
      const once = { idempotencyKey: commandKeys.keyOf(change), returnPath: '/subscription' }
      const body = { change, ...(calculatedAt !== undefined && { calculatedAt }), ...once }
      const result = await call('changeSubscription', { body })
      commandKeys.done(change)
      return result.checkoutUrl === null ? result : openProvider(result.checkoutUrl)
    },
    onSuccess: async (result) => {
      await Promise.all(paidReads.map((name) => client.invalidateQueries({ queryKey: [name] })))
      onDone(result)
    },
  })
}

/** A change with its exact price and effect, before it is made. */
export const ChangeDialog = (props: {
  change: Change | null
  /** Who collects what the subscription costs; none: what the installation collects by. */
  collection: SubscriptionOnWire['collection'] | undefined
  onClose: () => void
  /** It waits for this payment. */
  onRequested: (paymentId: string) => void
}) => {
  const { change, collection } = props
  const packs = useRead('listPacks', {}, { enabled: change !== null })
  const provider = collection === 'none' ? packs.data?.provider : collection
  const preview = useQuery<ChangePreviewOnWire, CallFault>({
    queryKey: ['previewSubscriptionChange', change],
    queryFn: ({ signal }) =>
      call('previewSubscriptionChange', { body: { change: change as Change } }, signal),
    enabled: change !== null,
    staleTime: 0,
    gcTime: 0,
    refetchInterval: previewedEveryMilliseconds,
  })
  const act = useChange((result) => {
    if (result.state === 'awaiting_payment' && result.paymentId !== null) props.onRequested(result.paymentId)
    else {
      tellDone(doneWords(change as Change, result.preview))
      props.onClose()
    }
  })
  const close = () => {
    act.reset()
    props.onClose()
  }
  if (change === null) return null
  const data = preview.data
  return (
    <FormDialog
      opened
      title={titleOf(change, data)}
      submit={submitWords(change, data, provider === 'stripe')}
      danger={change.kind === 'cancel' && change.when === 'now'}
      busy={act.isPending}
      error={act.error}
      blocked={!data}
      onSubmit={() => act.mutate({ change, calculatedAt: data?.calculatedAt })}
      onClose={close}
    >
      {data ? (
        <ChangePreview change={change} preview={data} />
      ) : preview.error ? (
        <FaultNotice error={preview.error} onRetry={() => void preview.refetch()} />
      ) : (
        <Lines count={6} />
      )}
    </FormDialog>
  )
}

const titleOf = (change: Change, preview: ChangePreviewOnWire | undefined): string => {
  switch (change.kind) {
    case 'change_tier':
      return preview ? `${preview.before.tier.name} to ${preview.after.tier.name}` : 'Change the tier'
    case 'cancel':
      return change.when === 'now' ? 'Cancel now' : 'Cancel at the end of the period'
    case 'undo_pending':
      return 'Stay as it is'
    case 'pause':
      return 'Pause the subscription'
    case 'resume':
      return 'Resume the subscription'
    case 'set_time_zone':
      return 'Change the time zone'
  }
}

const submitWords = (
  change: Change,
  preview: ChangePreviewOnWire | undefined,
  isPaidHere: boolean,
): string => {
  if (preview && preview.chargeNowMinor !== '0')
    return isPaidHere ? 'Continue to payment' : 'Request the change'
  switch (change.kind) {
    case 'change_tier':
      return preview ? `Change to ${preview.after.tier.name}` : 'Change'
    case 'cancel':
      return change.when === 'now' ? 'Cancel now' : 'Cancel at the end'
    case 'undo_pending':
      return 'Undo the change'
    case 'pause':
      return 'Pause'
    case 'resume':
      return 'Resume'
    case 'set_time_zone':
      return 'Change'
  }
}

const doneWords = (change: Change, preview: ChangePreviewOnWire): string => {
  switch (change.kind) {
    case 'change_tier':
      return new Date(preview.effectiveAt).getTime() < new Date(preview.periodEnd).getTime()
        ? `You have ${preview.after.tier.name} now.`
        : `${preview.after.tier.name} begins with the next period.`
    case 'cancel':
      return change.when === 'now'
        ? `${preview.before.tier.name} has ended.`
        : `${preview.before.tier.name} ends with this period.`
    case 'undo_pending':
      return `${preview.before.tier.name} goes on.`
    case 'pause':
      return 'The subscription is paused.'
    case 'resume':
      return 'The subscription goes on.'
    case 'set_time_zone':
      return 'The time zone is changed.'
  }
}
