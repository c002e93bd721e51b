import { z } from 'zod'

/** Times and reasons of what decides about service keys, in a document. */

export const instant = z.iso
  .datetime({ offset: true, error: 'A time is written with its zone, as 2027-01-31T09:00:00Z.' })
  .transform((text) => new Date(text))

export const policyReason = z.string().trim().min(1).max(500)
