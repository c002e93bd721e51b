import {
  IconAlertTriangle,
  IconCircleCheck,
  IconCircleDashed,
  IconCircleX,
  IconClock,
  IconClockPause,
  IconReceiptRefund,
  type Icon,
} from '@tabler/icons-react'
import { Mark, type Tone } from '../ui/mark.tsx'

interface Look {
  readonly tone: Tone
  readonly icon: Icon
  readonly text: string
}

const drawn = ({ tone, icon, text }: Look, plain = true) => (
  <Mark tone={tone} icon={icon} plain={plain}>
    {text}
  </Mark>
)

const payments = {
  requested: { tone: 'credits', icon: IconClock, text: 'Requested' },
  paid: { tone: 'own', icon: IconCircleCheck, text: 'Paid' },
  failed: { tone: 'bad', icon: IconCircleX, text: 'Failed' },
  denied: { tone: 'quiet', icon: IconCircleX, text: 'Denied' },
  abandoned: { tone: 'quiet', icon: IconCircleDashed, text: 'Given up' },
} as const
const disputed = { tone: 'bad', icon: IconAlertTriangle, text: 'Disputed' } as const
const refunded = { tone: 'quiet', icon: IconReceiptRefund, text: 'Refunded' } as const
const refundedInPart = { tone: 'quiet', icon: IconReceiptRefund, text: 'Refunded in part' } as const

/** How a payment stands; money that went back counts before that it came. */
export const PaymentMark = ({
  payment,
}: {
  payment: {
    status: keyof typeof payments
    isDisputed: boolean
    refundedMinor: string
    amountMinor: string
  }
}) => {
  if (payment.isDisputed) return drawn(disputed)
  if (payment.refundedMinor !== '0')
    return drawn(payment.refundedMinor === payment.amountMinor ? refunded : refundedInPart)
  return drawn(payments[payment.status])
}

const subscriptions = {
  active: { tone: 'own', icon: IconCircleCheck, text: 'Active' },
  paused: { tone: 'quiet', icon: IconClockPause, text: 'Paused' },
  past_due: { tone: 'bad', icon: IconAlertTriangle, text: 'Past due' },
  canceled: { tone: 'quiet', icon: IconCircleDashed, text: 'Cancelled' },
} as const
export const SubscriptionMark = ({ status }: { status: keyof typeof subscriptions }) =>
  drawn(subscriptions[status])

const invoices = {
  draft: { tone: 'quiet', icon: IconCircleDashed, text: 'Draft' },
  open: { tone: 'credits', icon: IconClock, text: 'Open' },
  paid: { tone: 'own', icon: IconCircleCheck, text: 'Paid' },
  void: { tone: 'quiet', icon: IconCircleX, text: 'Void' },
  refunded: { tone: 'quiet', icon: IconReceiptRefund, text: 'Refunded' },
} as const
export const InvoiceMark = ({
  invoice,
}: {
  invoice: { status: keyof typeof invoices; kind: 'invoice' | 'credit_note' }
}) =>
  invoice.kind === 'credit_note'
    ? drawn({ tone: 'quiet', icon: IconReceiptRefund, text: 'Issued' })
    : drawn(invoices[invoice.status])

const adjustments = {
  waiting: { tone: 'credits', icon: IconClock, text: 'Waits for approval' },
  done: { tone: 'own', icon: IconCircleCheck, text: 'Done' },
  denied: { tone: 'quiet', icon: IconCircleX, text: 'Denied' },
} as const
export const AdjustmentMark = ({ status }: { status: keyof typeof adjustments }) => drawn(adjustments[status])

const notices = {
  waiting: { tone: 'credits', icon: IconClock, text: 'Waiting' },
  processed: { tone: 'own', icon: IconCircleCheck, text: 'Processed' },
  ignored: { tone: 'quiet', icon: IconCircleDashed, text: 'Not ours' },
  failed: { tone: 'bad', icon: IconCircleX, text: 'Failed' },
} as const
export const NoticeMark = ({ state }: { state: keyof typeof notices }) => drawn(notices[state])
