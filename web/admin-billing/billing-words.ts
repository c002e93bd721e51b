/** Words of billing; the wire's own are for machines. */

export const purposes = {
  purchase: 'Purchase',
  auto_top_up: 'Automatic top-up',
  tier_change: 'Change of tier',
  renewal: 'Renewal',
} as const

export const providers = { manual: 'By approval', stripe: 'Stripe' } as const

export const collections = {
  none: 'Not collected',
  manual: 'By approval',
  stripe: 'Stripe',
} as const

export const adjustmentKinds = {
  grant: 'Credits given',
  reverse_grant: 'Grant taken back',
  reverse_charge: 'Charge given back',
} as const

export const grantKinds = {
  allocation: 'Monthly allocation',
  purchase: 'Purchase',
  adjustment: 'Adjustment',
} as const

export const invoiceKinds = { invoice: 'Invoice', credit_note: 'Credit note' } as const

/** 1000 → `10 %`, 1050 → `10.5 %`. */
export const percent = (basisPoints: number): string => `${Number((basisPoints / 100).toFixed(2))} %`

/** `10` or `12.5` percent → 1000, 1250 basis points; null: not a percentage from 0 to 100. */
export const parsePercent = (text: string): number | null => {
  const match = /^(\d{1,3})(?:\.(\d{1,2}))?$/.exec(text.trim())
  if (!match) return null
  const points = Number(match[1]) * 100 + Number((match[2] ?? '').padEnd(2, '0'))
  return points <= 10_000 ? points : null
}

/** What ships with the product is in effect since the beginning of time. */
export const isEver = (at: string): boolean => at.startsWith('1970-01-01')
