import { endpointOf, urlOf } from '../../src/contract/endpoints.ts'
import type { Download } from '../ui/download-menu.tsx'
import type { Period } from './period.ts'

type Asked = Readonly<Record<string, string | undefined>>

/** What the page asks, as files: the same question, so the same numbers. */
export const usageFiles = (
  everybody: boolean,
  { by, ...narrowed }: Asked,
  period: Period,
  time: { readonly since: string; readonly until: string } | null,
): Download[] => {
  const report = endpointOf(everybody ? 'exportAllUsage' : 'exportUsage')
  const operations = endpointOf(everybody ? 'exportAllOperations' : 'exportOperations')
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
  if (time === null) return files
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
