import { z } from 'zod'
import { dataRegionIds } from './data-regions.ts'
import { passwordLength } from './password-rules.ts'
import { roles } from './permissions.ts'

/** How our API writes things. Everything here is safe for the browser: nothing of Node is imported. */

export const id = z
  .string()
  .regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/, 'must be a UUID')

/** UTC, with milliseconds. */
export const time = z.iso.datetime()

const integerText = z.string().regex(/^-?\d{1,19}$/, 'must be a decimal integer in quotes')

/** Micro-credits as a decimal integer in a string: 64 bits do not fit a JavaScript number. */
export const micros = integerText.describe('Micro-credits: 1 credit = 1000000')

/** Nano-dollars as a decimal integer in a string. */
export const nanoUsd = integerText.describe('Nano-dollars: 1 USD = 1000000000')

/** Counts of tokens and operations; below 2^53 by any measure. */
export const count = z.number().int().nonnegative()

export const serviceId = z.string().regex(/^[a-z][a-z0-9_-]{0,39}$/, 'must be a service id')
export const tierId = z.string().regex(/^[a-z][a-z0-9_-]{0,39}$/, 'must be a tier id')
export const email = z.email().max(254)
export const personName = z.string().trim().min(1).max(120)
export const label = z.string().trim().min(1).max(80)

/** Long enough that the slow hash matters more than the choice; the upper bound limits the work per request. */
export const newPassword = z.string().min(passwordLength.least).max(passwordLength.most)

export const baseUrl = z.url({ protocol: /^https?$/ }).max(500)

/** The secret of a service key: one word, or the JSON document of the services whose `secretKind` is json. */
export const secret = z.string().trim().min(8).max(16_384)

/** What a service asks for beside the secret, by field id (`settingFields`). */
export const keySettings = z.record(z.string().regex(/^[a-z][A-Za-z0-9]{0,39}$/), z.string().max(4096))

export const cursor = z.string().max(400)
export const pageQuery = z.object({
  cursor: cursor.optional(),
  limit: z.coerce.number<number | string>().int().min(1).max(200).default(50),
})

export const page = <Item extends z.ZodType>(item: Item) =>
  z.object({ items: z.array(item), nextCursor: cursor.nullable().describe('null: this was the last page') })

export const idParams = z.object({ id })
export const serviceIdParams = z.object({ id: serviceId })
export const done = z.object({ done: z.literal(true) })

/** What an endpoint that replies with a file sends; `body` is sent as it comes, piece by piece. */
export interface FileReply {
  readonly contentType: string
  readonly fileName: string
  readonly body: Uint8Array | AsyncIterable<string | Uint8Array>
}
export const file = z.custom<FileReply>()

export const fallback = z.enum(['system', 'alternative', 'alternative_then_system', 'none'])
export type Fallback = z.infer<typeof fallback>

export const controlPolicy = z.enum(['it_control', 'hybrid', 'user_control'])
export type ControlPolicy = z.infer<typeof controlPolicy>

/** What an organisation lets its members use at all, whosever key it runs on. */
export const allowedUses = z.object({
  services: z.array(serviceId).max(100).readonly().nullable().describe('null: all'),
  models: z
    .array(
      z
        .string()
        .regex(/^[^\s*]{0,199}\*?$/, 'must be the name of a model, `*` at its end for any rest')
        .min(1),
    )
    .max(500)
    .readonly()
    .nullable()
    .describe('Names as services write them; `*` at the end stands for any rest. null: all'),
  groups: z
    .array(z.string().min(1).max(60))
    .max(200)
    .readonly()
    .nullable()
    .describe('Model groups that may be asked for by name. null: all'),
  keyHealth: z
    .enum(['any', 'valid'])
    .describe('valid: own keys are used only while their service’s last word is that they are valid'),
  maximumKeyAgeDays: z
    .number()
    .int()
    .min(1)
    .max(3_650)
    .nullable()
    .default(null)
    .describe('Own keys whose secret is older are not used. null: any age'),
  dataRegions: z
    .array(z.enum(dataRegionIds))
    .max(dataRegionIds.length)
    .readonly()
    .nullable()
    .default(null)
    .describe('Only where the service says that it processes what it is sent there. null: anywhere'),
  noTraining: z
    .boolean()
    .default(false)
    .describe('Only where the service says that it does not train models with what it is sent'),
})
export type AllowedUses = z.infer<typeof allowedUses>

export const keyOwner = z.enum(['user', 'organization', 'system'])
export type KeyOwner = z.infer<typeof keyOwner>

export const role = z.enum(roles)

/** Every error reply of /api. `code` is stable: docs/faults.md. */
export const errorReply = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    next: z.string().describe('What to do about it'),
    field: z.string().optional(),
    operationId: z.string().optional().describe('Quote this when reporting the error'),
  }),
})
export type ErrorReply = z.infer<typeof errorReply>
