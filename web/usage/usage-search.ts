import { z } from 'zod'
import { allUsageBy, organizationUsageBy, type UsageBy, usageBy } from '../../src/contract/usage.ts'
import { id, serviceId } from '../../src/contract/wire.ts'
import { daysIn, type Period, periodFault, type Preset, presetPeriod, presets } from './period.ts'

const day = z.iso.date().optional().catch(undefined)

const common = {
  period: z
    .enum(presets.map(({ value }) => value))
    .optional()
    .catch(undefined),
  from: day,
  to: day,
  show: z.enum(['operations', 'tokens']).optional().catch(undefined),
  compare: z.literal(true).optional().catch(undefined),
  service: serviceId.optional().catch(undefined),
  accessToken: id.optional().catch(undefined),
}

/** What the address bar says about the page; wrong values are dropped. */
export const usageSearch = z.object({ ...common, by: usageBy.optional().catch(undefined) })
export const allUsageSearch = z.object({
  ...common,
  by: allUsageBy.optional().catch(undefined),
  organization: id.optional().catch(undefined),
  user: id.optional().catch(undefined),
})
export const organizationUsageSearch = z.object({
  ...common,
  by: organizationUsageBy.optional().catch(undefined),
  user: id.optional().catch(undefined),
})
export type UsageSearch = Omit<z.infer<typeof allUsageSearch>, 'by'> & { readonly by?: UsageBy | undefined }

/** Changes as far as one's own use knows them. */
export const ownOf = ({ by, ...changes }: UsageSearch): z.infer<typeof usageSearch> =>
  usageBy.safeParse(by).success ? { ...changes, by: usageBy.parse(by) } : changes

/** The same of the pages for everybody, and for those who run a company. */
export const allOf = ({ by, ...changes }: UsageSearch): z.infer<typeof allUsageSearch> =>
  allUsageBy.safeParse(by).success ? { ...changes, by: allUsageBy.parse(by) } : changes
export const organizationOf = ({ by, ...changes }: UsageSearch): z.infer<typeof organizationUsageSearch> =>
  organizationUsageBy.safeParse(by).success ? { ...changes, by: organizationUsageBy.parse(by) } : changes

export const usualPreset: Preset = '30d'

/** Two days of one's own, else a usual period until today. */
export const periodOf = (
  search: UsageSearch,
  today: string,
): { readonly period: Period; readonly preset: Preset | null } => {
  if (search.from !== undefined && search.to !== undefined) {
    const period = { from: search.from, to: search.to }
    if (periodFault(period) === null) return { period, preset: null }
  }
  const preset = search.period ?? usualPreset
  return { period: presetPeriod(preset, today), preset }
}

/** Long periods are long sums: they are read again when somebody comes back to the page. */
export const refreshOf = (period: Period): { refreshSeconds?: number } =>
  daysIn(period) > 31 ? {} : { refreshSeconds: 30 }
