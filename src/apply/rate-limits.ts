import { z } from 'zod'
import { rateLimits } from '../contract/limits.ts'
import type { Outcome } from '../kit/fault.ts'
import type { RateLimits, SubjectKind } from '../limits/limits.ts'
import { asWritten } from './as-written.ts'
import type { Performance } from './perform.ts'
import { type KeyPlace, keyIdOf, type MemberPlace, memberOf } from './places.ts'
import { differences, type Step, step } from './step.ts'

/** What keys and people may use in a minute and at once, in a document. */

/** Null: not limited. */
export const rateLimitsSchema = asWritten(rateLimits).nullable()

export interface StoredLimits extends RateLimits {
  readonly organizationId: string
  readonly kind: SubjectKind
  readonly id: string
}

export const unlimited: RateLimits = { requestsPerMinute: null, tokensPerMinute: null, concurrent: null }

export interface RateLimitAction {
  readonly kind: 'set_rate_limits'
  readonly subjectKind: SubjectKind
  readonly of: KeyPlace | MemberPlace
  readonly limits: RateLimits
}

export const planRateLimits = (
  subject: string,
  wanted: z.output<typeof rateLimitsSchema> | undefined,
  of: RateLimitAction['of'],
  /** Undefined: they are made by the same document. */
  current: Pick<StoredLimits, 'organizationId' | 'id'> | undefined,
  subjectKind: SubjectKind,
  stored: readonly StoredLimits[],
): Step[] => {
  if (wanted === undefined) return []
  const { requestsPerMinute, tokensPerMinute, concurrent } =
    stored.find(
      (one) =>
        one.kind === subjectKind && one.id === current?.id && one.organizationId === current.organizationId,
    ) ?? unlimited
  const before = { requestsPerMinute, tokensPerMinute, concurrent }
  const limits = { ...before, ...(wanted ?? unlimited) }
  return [
    step(subject, false, differences<RateLimits>(before, limits), {
      kind: 'set_rate_limits',
      subjectKind,
      of,
      limits,
    }),
  ]
}

export const performRateLimits = async (
  { subjectKind: kind, of, limits }: RateLimitAction,
  p: Performance,
): Promise<Outcome<unknown>> => {
  if ('email' in of) {
    const member = await memberOf(of, p)
    if (!member.ok) return member
    const { organizationId, userId: id } = member.value
    return p.rooms.limits.set(p.actor, { organizationId, kind, id }, limits)
  }
  const key = await keyIdOf(of, p)
  return key.ok ? p.rooms.limits.set(p.actor, { ...key.value, kind }, limits) : key
}
