import {
  IconAlertTriangle,
  IconCircleCheck,
  IconCircleDashed,
  IconCircleX,
  IconClock,
  IconReceiptRefund,
} from '@tabler/icons-react'
import type { InvoiceOnWire, PaymentOnWire } from '../../src/contract/billing.ts'
import { Mark } from '../ui/mark.tsx'

const payments = {
  requested: { tone: 'credits', icon: IconClock, text: 'Waiting' },
  paid: { tone: 'own', icon: IconCircleCheck, text: 'Paid' },
  failed: { tone: 'bad', icon: IconCircleX, text: 'Failed' },
  denied: { tone: 'bad', icon: IconCircleX, text: 'Denied' },
  abandoned: { tone: 'quiet', icon: IconCircleDashed, text: 'Given up' },
} as const
const refunded = { tone: 'quiet', icon: IconReceiptRefund, text: 'Refunded' } as const
const partlyRefunded = { tone: 'quiet', icon: IconReceiptRefund, text: 'Partly refunded' } as const
const disputed = { tone: 'bad', icon: IconAlertTriangle, text: 'Disputed' } as const

const standingOf = (payment: PaymentOnWire) => {
  if (payment.isDisputed) return disputed
  if (payment.refundedMinor === '0') return payments[payment.status]
  return payment.refundedMinor === payment.amountMinor ? refunded : partlyRefunded
}

/** How a payment stands; what came after it was made counts more. */
export const PaymentMark = (props: { payment: PaymentOnWire }) => {
  const { tone, icon, text } = standingOf(props.payment)
  return (
    <Mark tone={tone} icon={icon} plain>
      {text}
    </Mark>
  )
}

const invoices = {
  draft: { tone: 'quiet', icon: IconCircleDashed, text: 'Draft' },
  open: { tone: 'credits', icon: IconClock, text: 'To be paid' },
  paid: { tone: 'own', icon: IconCircleCheck, text: 'Paid' },
  void: { tone: 'quiet', icon: IconCircleDashed, text: 'Void' },
  refunded: { tone: 'quiet', icon: IconReceiptRefund, text: 'Refunded' },
} as const

export const InvoiceMark = (props: { status: InvoiceOnWire['status'] }) => {
  const { tone, icon, text } = invoices[props.status]
  return (
    <Mark tone={tone} icon={icon} plain>
      {text}
    </Mark>
  )
}
