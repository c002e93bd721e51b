import { endpoints, urlOf } from '../../src/contract/endpoints.ts'
import type { Download } from '../ui/download-menu.tsx'
import type { Period } from './period.ts'

/** Only members see operations of their own, and administrators all. */
const endpointsOf = {
  own: { report: endpoints.exportUsage, operations: endpoints.exportOperations },
  organization: { report: endpoints.exportOrganizationUsage, operations: null },
  all: { report: endpoints.exportAllUsage, operations: endpoints.exportAllOperations },
} as const

type Asked = Readonly<Record<string, string | undefined>>

/** What the page asks, as files: the same question, so the same numbers. */
export const usageFiles = (
  whose: 'own' | 'organization' | 'all',
  { by, ...narrowed }: Asked,
  period: Period,
  time: { readonly since: string; readonly until: string } | null,
): Download[] => {
  const { report, operations } = endpointsOf[whose]
  const usage = { ...narrowed, by, ...period }
  const { timeZone: _, ...filters } = narrowed
  const files = [
    { label: 'Table as CSV', href: urlOf(report, { query: { ...usage, format: 'csv' } }) },
    {
      label: 'Days as CSV',
      note: 'As the charts show them',
      href: urlOf(report, { query: { ...usage, format: 'csv', rows: 'days' } }),
    },
    { label: 'All of it as JSON', href: urlOf(report, { query: { ...usage, format: 'json' } }) },
  ]
  if (time === null || operations === null) return files
  const href = urlOf(operations, { query: { ...filters, ...time, format: 'csv' } })
  return [...files, { label: 'Operations as CSV', note: 'One line each, adding up to the table', href }]
}

/** From the first to the last instant of a report. */
export const timeOf = (
  days: readonly { readonly since: string; readonly until: string }[] | undefined,
): { since: string; until: string } | null => {
  const [first, last] = [days?.[0], days?.at(-1)]
  return first && last ? { since: first.since, until: last.until } : null
}
