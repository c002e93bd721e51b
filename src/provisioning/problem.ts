import type { Fault } from '../kit/fault.ts'
import { statusOf } from '../kit/fault.ts'

/** What SCIM calls what went wrong (RFC 7644 § 3.12). */
export type ScimType =
  | 'invalidFilter'
  | 'tooMany'
  | 'uniqueness'
  | 'mutability'
  | 'invalidSyntax'
  | 'invalidPath'
  | 'noTarget'
  | 'invalidValue'

export interface Problem {
  readonly status: number
  readonly detail: string
  readonly scimType?: ScimType
}
export type Found<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: Problem }

export const problem = (
  status: number,
  detail: string,
  scimType?: ScimType,
): { ok: false; problem: Problem } => ({
  ok: false,
  problem: { status, detail, ...(scimType && { scimType }) },
})
export const found = <T>(value: T): { ok: true; value: T } => ({ ok: true, value })

export const problemOf = (fault: Fault): { ok: false; problem: Problem } => {
  const status = statusOf(fault)
  const scimType = status === 409 ? 'uniqueness' : status === 400 ? 'invalidValue' : undefined
  return problem(status, fault.message, scimType)
}

export const userSchema = 'urn:ietf:params:scim:schemas:core:2.0:User'
export const groupSchema = 'urn:ietf:params:scim:schemas:core:2.0:Group'
export const enterpriseSchema = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'

export const knownSchemas = [
  { urn: userSchema, isCore: true },
  { urn: groupSchema, isCore: true },
  { urn: enterpriseSchema, isCore: false },
] as const
