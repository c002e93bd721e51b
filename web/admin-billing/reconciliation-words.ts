import type {
  ReconciliationCheck,
  ReconciliationFinding,
  ServiceExportFormat,
} from '../../src/contract/reconciliation.ts'
import { exactCredits, exactUsd } from '../ui/format.ts'

export const checkNames: Readonly<Record<ReconciliationCheck, string>> = {
  entries: 'Entries',
  balances: 'Balances',
  grants: 'Grants',
  holds: 'Holds',
  operations: 'Operations',
  prices: 'Prices',
  payments: 'Payments',
  invoices: 'Invoices',
  credits_granted: 'Credits given',
  refunds: 'Refunds',
  totals: 'Totals',
  service_usage: 'Services’ own counts',
}

export const formatNames: Readonly<Record<ServiceExportFormat, string>> = {
  openai_usage: 'OpenAI usage API (JSON)',
  openai_costs: 'OpenAI costs API (JSON)',
  openai_csv: 'OpenAI usage export (CSV)',
  anthropic_usage: 'Anthropic usage API (JSON)',
  anthropic_costs: 'Anthropic cost API (JSON)',
  csv: 'Any table (CSV)',
}

export const metricNames = {
  requests: 'Requests',
  inputTokens: 'Input tokens',
  cachedInputTokens: 'Cached input tokens',
  outputTokens: 'Output tokens',
  costNanoUsd: 'Cost',
} as const

export const explainedBy = {
  tolerance: 'within the tolerance',
  day_shift: 'shifted over midnight',
  administrator: 'explained',
} as const

const grouped = (text: string): string => {
  const [, sign = '', digits = ''] = /^(-?)(\d+)$/.exec(text) ?? []
  return `${sign && '−'}${digits.replace(/\B(?=(\d{3})+(?!\d))/g, ',')}`
}

/** An amount in its own unit: never rounded, as a difference of one is a difference. */
export const amountText = (amount: string, unit: ReconciliationFinding['unit']): string => {
  switch (unit) {
    case 'micros':
      return `${exactCredits(amount)} credits`
    case 'nano_usd':
      return exactUsd(amount)
    case 'tokens':
      return `${grouped(amount)} tokens`
    case 'minor':
      return `${grouped(amount)} in the currency’s smallest unit`
    case 'count':
      return grouped(amount)
  }
}

/** `+3`, `−0.5 credits`. */
export const differenceText = (amount: string, unit: ReconciliationFinding['unit']): string =>
  `${amount.startsWith('-') || amount === '0' ? '' : '+'}${amountText(amount, unit)}`
