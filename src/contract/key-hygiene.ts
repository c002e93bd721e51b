import { z } from 'zod'
import { defineEndpoints } from './endpoint.ts'
import { serviceKey, verdict } from './service-keys.ts'
import { priority } from './system-keys.ts'
import * as wire from './wire.ts'

/** Why a service was asked about a key, or told of it by itself. */
export const checkCause = z.enum([
  'added',
  'replaced',
  'settings_changed',
  'by_hand',
  'periodic',
  'refused',
  'unwell',
])
export type CheckCause = z.infer<typeof checkCause>

/** One line of a key's history; equal ones that follow each other are one. */
export const keyCheckRecord = z.object({
  id: wire.id,
  at: wire.time.describe('The last time'),
  firstAt: wire.time,
  times: wire.count,
  version: z.number().int().positive(),
  cause: checkCause.describe(
    'refused: by the service, in traffic. unwell: asked again because it was not well',
  ),
  verdict,
  detail: z.string(),
  status: z.string().describe('The status of the key afterwards'),
})
export type KeyCheckRecord = z.infer<typeof keyCheckRecord>

export const hygieneFinding = z.enum([
  'possibly_leaked',
  'over_broad',
  'same_secret',
  'same_as_system_key',
  'never_used',
  'unused',
  'old',
  'not_proven',
])
export type HygieneFinding = z.infer<typeof hygieneFinding>

export const hygieneItem = z.object({
  id: wire.id,
  organizationId: wire.id,
  organizationName: z.string(),
  serviceId: wire.serviceId,
  owner: wire.keyOwner,
  ownerEmail: z.string().nullable().describe('Of a user’s key; null where you may not know'),
  label: z.string(),
  lastFour: z.string(),
  status: serviceKey.shape.status,
  ageDays: wire.count.describe('Of the secret that is in use, not of the entry'),
  idleDays: wire.count.nullable().describe('Since the last use; null: never used'),
  lastUsedAt: wire.time.nullable(),
  secretSince: wire.time,
  validatedAt: wire.time.nullable(),
  findings: z.array(
    z.object({
      finding: hygieneFinding,
      text: z.string().describe('What was found'),
      next: z.string().describe('What to do about it'),
    }),
  ),
})
export type HygieneItem = z.infer<typeof hygieneItem>

const thresholds = {
  unusedDays: z.number().int().min(1).max(3650).describe('Unused for so long is worth a question'),
  oldDays: z.number().int().min(1).max(3650).describe('A secret of this age should be replaced'),
}
export const hygieneSettings = z.object({
  checkEveryHours: z
    .number()
    .int()
    .min(1)
    .max(8760)
    .nullable()
    .describe('How often healthy keys are proven again, give or take a fifth; null: never'),
  ...thresholds,
})
export type HygieneSettings = z.infer<typeof hygieneSettings>

export const hygieneReport = z.object({
  ...thresholds,
  checkEveryHours: hygieneSettings.shape.checkEveryHours,
  total: wire.count.describe('Live keys that were looked at'),
  counts: z.record(hygieneFinding, wire.count),
  items: z.array(hygieneItem).describe('Those with findings, the gravest first; at most 500'),
  isCut: z.boolean(),
})
export type HygieneReport = z.infer<typeof hygieneReport>

const largestImportBytes = 256 * 1024
export const importText = z
  .string()
  .min(1)
  .max(largestImportBytes)
  .describe('What stands in a .env or CSV file; nothing of it is stored by a preview')

/** A line of a file that may hold a key. The secret itself never comes back. */
export const importLine = z.object({
  line: z.number().int().positive().describe('Where it begins in the text'),
  name: z.string().describe('Of the variable, or the label of the row'),
  lastFour: z.string(),
  serviceId: wire.serviceId.nullable().describe('The service it is likely for; null: choose one'),
  candidates: z.array(wire.serviceId).describe('Services that its name or its shape speak for'),
  baseUrl: z.string().nullable(),
  settings: z.record(z.string(), z.string()),
  isStored: z.boolean().describe('The same secret is stored for that service already'),
  problem: z.string().nullable().describe('Why it cannot be imported as it is'),
  warning: z.string().nullable(),
})
export type ImportLine = z.infer<typeof importLine>

export const importPreview = z.object({
  format: z.enum(['env', 'csv']),
  lines: z.array(importLine),
  skipped: wire.count.describe('Lines that hold no key'),
})
export type ImportPreview = z.infer<typeof importPreview>

const chosenLine = z.object({
  line: z.number().int().positive(),
  lastFour: z.string().max(4).describe('As in the preview: another text is not imported by mistake'),
  serviceId: wire.serviceId,
  label: wire.label.optional(),
  baseUrl: wire.baseUrl.optional(),
  settings: wire.keySettings.optional(),
})
export const importRequest = z.object({ text: importText, lines: z.array(chosenLine).min(1).max(50) })

export const importResult = z.object({
  line: z.number().int().positive(),
  outcome: z.enum(['added', 'already', 'refused']),
  serviceKey: serviceKey.nullable(),
  fault: z
    .object({ code: z.string(), message: z.string(), next: z.string(), field: z.string().optional() })
    .nullable(),
})
export type ImportResult = z.infer<typeof importResult>

export const previewBody = z.object({ text: importText })
export const imported = z.object({ results: z.array(importResult) })
/** JSON may write a character in six. */
export const importLimitBytes = 6 * largestImportBytes
const organizationParams = z.object({ organization: wire.id })
const history = z.object({ items: z.array(keyCheckRecord).describe('The newest first') })

export const keyHygieneEndpoints = defineEndpoints({
  listServiceKeyChecks: {
    method: 'GET',
    path: '/service-keys/:id/checks',
    auth: 'session',
    permission: 'own.read',
    group: 'service keys',
    summary: 'What the service said of a key, each time it was asked',
    params: wire.idParams,
    reply: history,
  },
  listSystemKeyChecks: {
    method: 'GET',
    path: '/admin/system-keys/:id/checks',
    auth: 'administrator',
    group: 'system keys',
    summary: 'What the service said of a system key, each time it was asked',
    params: wire.idParams,
    reply: history,
  },
  readKeyHygiene: {
    method: 'GET',
    path: '/key-hygiene',
    auth: 'session',
    permission: 'own.read',
    group: 'service keys',
    summary: 'Your keys that need a look; of all members for those who manage the organisation',
    reply: hygieneReport,
  },
  readAllKeyHygiene: {
    method: 'GET',
    path: '/admin/key-hygiene',
    auth: 'administrator',
    group: 'system keys',
    summary: 'Keys of the whole platform that need a look, with their owners',
    reply: hygieneReport,
  },
  readKeyHygieneSettings: {
    method: 'GET',
    path: '/admin/key-hygiene/settings',
    auth: 'administrator',
    group: 'system keys',
    summary: 'How often keys are proven, and from when on they count as unused or old',
    reply: hygieneSettings,
  },
  changeKeyHygieneSettings: {
    method: 'PUT',
    path: '/admin/key-hygiene/settings',
    auth: 'administrator',
    stepUp: true,
    group: 'system keys',
    summary: 'Set how often keys are proven, and from when on they count as unused or old',
    body: hygieneSettings,
    reply: hygieneSettings,
  },
  previewKeyImport: {
    method: 'POST',
    path: '/service-keys/import/preview',
    auth: 'session',
    permission: 'own.use',
    group: 'service keys',
    summary: 'Read a .env or CSV text: which lines hold keys of which service. Stores and sends nothing',
    body: previewBody,
    bodyLimitBytes: importLimitBytes,
    reply: importPreview,
  },
  importServiceKeys: {
    method: 'POST',
    path: '/service-keys/import',
    auth: 'session',
    permission: 'own.use',
    stepUp: true,
    group: 'service keys',
    summary: 'Add the chosen lines as your keys, each proven at the service chosen for it',
    body: importRequest,
    bodyLimitBytes: importLimitBytes,
    reply: imported,
  },
  previewSystemKeyImport: {
    method: 'POST',
    path: '/admin/system-keys/import/preview',
    auth: 'administrator',
    group: 'system keys',
    summary: 'Read a .env or CSV text for system keys. Stores and sends nothing',
    body: previewBody,
    bodyLimitBytes: importLimitBytes,
    reply: importPreview,
  },
  importSystemKeys: {
    method: 'POST',
    path: '/admin/system-keys/import',
    auth: 'administrator',
    stepUp: true,
    group: 'system keys',
    summary: 'Add the chosen lines as system keys',
    body: importRequest.extend({ priority }),
    bodyLimitBytes: importLimitBytes,
    reply: imported,
  },
  previewOrganizationKeyImport: {
    method: 'POST',
    path: '/admin/organizations/:organization/service-keys/import/preview',
    auth: 'administrator',
    group: 'organizations',
    summary: 'Read a .env or CSV text for keys of an organisation. Stores and sends nothing',
    params: organizationParams,
    body: previewBody,
    bodyLimitBytes: importLimitBytes,
    reply: importPreview,
  },
  importOrganizationKeys: {
    method: 'POST',
    path: '/admin/organizations/:organization/service-keys/import',
    auth: 'administrator',
    stepUp: true,
    group: 'organizations',
    summary: 'Add the chosen lines as keys that all members use',
    params: organizationParams,
    body: importRequest,
    bodyLimitBytes: importLimitBytes,
    reply: imported,
  },
})
