import { z } from 'zod'
import { defineEndpoints } from './endpoint.ts'
import * as wire from './wire.ts'

/** What use is told apart by: one row and one colour each. */
export const usageBy = z.enum(['service', 'model', 'access_token'])
export const allUsageBy = z.enum([...usageBy.options, 'user', 'organization'])
/** Of everybody in one organisation. */
export const organizationUsageBy = z.enum([...usageBy.options, 'user', 'team', 'key_owner', 'cost_centre'])
const anyUsageBy = z.enum([...allUsageBy.options, 'team', 'key_owner', 'cost_centre'])
export type UsageBy = z.infer<typeof anyUsageBy>

export const mostUsageDays = 366

/** Whose key paid: `own` is the user's or the organisation's, `none` ended before a key was chosen. */
export const usagePayer = z.enum(['own', 'system', 'none'])
export type UsagePayer = z.infer<typeof usagePayer>

const sums = z.object({
  operations: wire.count,
  costNanoUsd: wire.nanoUsd.describe('What the services charge, as far as prices are known'),
  creditMicros: wire.micros,
  inputTokens: wire.count,
  outputTokens: wire.count,
  unpricedOperations: wire.count.describe('Succeeded, but no price is known: they are not in the cost'),
})
export type UsageSums = z.infer<typeof sums>

const byPayer = z.object({ own: sums, system: sums, none: sums })

export const usageGroup = byPayer.extend({
  key: z.string().describe('Unique in the report'),
  serviceId: z.string().nullable(),
  model: z.string().nullable(),
  id: z
    .string()
    .nullable()
    .describe('Of the access token, user or organisation; the key owner; the code of the cost centre'),
  name: z.string().nullable().describe('Of what has an id, as it is called now'),
  more: wire.count.describe('Above 0: all the others in one, so many of them'),
})
export type UsageGroup = z.infer<typeof usageGroup>

export const usageReport = z.object({
  by: anyUsageBy,
  timeZone: z.string(),
  days: z
    .array(z.object({ day: z.iso.date(), since: wire.time, until: wire.time }))
    .describe('Every day of the period, from midnight to midnight in the time zone'),
  groups: z.array(usageGroup).describe('The most costly first'),
  charted: wire.count.describe('So many of the first groups have cells of their own'),
  cells: z
    .array(sums.extend({ day: z.iso.date(), group: z.string().nullable(), payer: usagePayer }))
    .describe('By day; group null: all that are not charted'),
  totals: byPayer,
})
export type UsageReport = z.infer<typeof usageReport>

export const period = {
  from: z.iso.date(),
  to: z.iso.date().describe('The last day; at most 366 days'),
  timeZone: z.string().min(1).max(60).default('UTC').describe('An IANA name, such as Europe/Berlin'),
  service: wire.serviceId.optional(),
  accessToken: wire.id.optional(),
}

export const usageEndpoints = defineEndpoints({
  readUsageReport: {
    method: 'GET',
    path: '/usage/report',
    auth: 'session',
    permission: 'own.read',
    group: 'operations',
    summary: 'Use and cost by day and by service, model or access token, own and system keys apart',
    query: z.object({ by: usageBy.default('service'), ...period }),
    reply: usageReport,
  },
  readAllUsage: {
    method: 'GET',
    path: '/admin/usage/report',
    auth: 'administrator',
    group: 'administration',
    summary: 'The same of everybody, also by user or organisation',
    query: z.object({
      by: allUsageBy.default('service'),
      ...period,
      organization: wire.id.optional(),
      user: wire.id.optional(),
    }),
    reply: usageReport,
  },
})
