import { z } from 'zod'
import type { Outcome } from '../kit/fault.ts'
import { instant, policyReason } from './instant.ts'
import type { Performance } from './perform.ts'
import { memberIdOf, organizationIdOf } from './places.ts'
import type { PlanContext } from './plan.ts'
import type { Snapshot } from './snapshot.ts'
import { differences, idle, type Step, step } from './step.ts'

/** Members who may have own keys of a service that the control policy gives to the organisation alone, in a document. */

export const exceptionsSchema = (serviceId: z.ZodType<string, string>) =>
  z
    .array(
      z.strictObject({
        service: serviceId,
        reason: policyReason,
        /** Null: until somebody takes it back. */
        until: instant.nullable().optional(),
      }),
    )
    .optional()
type DocumentException = NonNullable<z.output<ReturnType<typeof exceptionsSchema>>>[number]

/** In force now. */
export interface StoredException {
  readonly organizationId: string
  readonly userId: string
  readonly serviceId: string
  readonly reason: string
  readonly until: Date | null
}

interface Named {
  readonly organization: string
  /** As a document names members. */
  readonly member: string
  readonly serviceId: string
}

export type ExceptionAction =
  | (Named & {
      readonly kind: 'grant_exception'
      readonly reason: string
      readonly until: Date | null
    })
  | (Named & { readonly kind: 'end_exception' })

export const planExceptions = (
  organization: string,
  { ownKeyExceptions }: { readonly ownKeyExceptions?: readonly DocumentException[] | undefined },
  member: string,
  current: { readonly organizationId: string; readonly id: string } | undefined,
  stored: Snapshot,
  { now }: PlanContext,
): Step[] =>
  (ownKeyExceptions ?? []).map(({ service: serviceId, reason, until: end }) => {
    const before = stored.exceptions.find(
      (one) =>
        one.organizationId === current?.organizationId &&
        one.userId === current.id &&
        one.serviceId === serviceId,
    )
    const until = end === undefined ? (before?.until ?? null) : end
    const subject = `organisation ${organization}: own keys of ${serviceId} for ${member}`
    const named = { organization, member, serviceId }
    if (until !== null && until <= now) {
      const over = `over since ${until.toISOString()}`
      return before ? step(subject, false, [over], { kind: 'end_exception', ...named }) : idle(subject, over)
    }
    const said = { reason, until: until?.toISOString() ?? null }
    return step(
      subject,
      !before,
      differences<{ reason?: string; until?: string | null }>(
        before ? { reason: before.reason, until: before.until?.toISOString() ?? null } : {},
        said,
      ),
      { kind: 'grant_exception', ...named, reason, until },
    )
  })

export const performException = async (
  action: ExceptionAction,
  p: Performance,
): Promise<Outcome<unknown>> => {
  const { organization, member, serviceId } = action
  const home = await organizationIdOf(organization, p)
  if (!home.ok) return home
  const organizationId = home.value
  const userId = await memberIdOf(member, organizationId, p)
  if (!userId.ok) return userId
  const which = { organizationId, userId: userId.value, serviceId }
  const { organizations } = p.rooms
  if (action.kind === 'end_exception') return organizations.revokeException(p.actor, which)
  const { reason, until: expiresAt } = action
  // A later version of the policy may be what it is for.
  return organizations.grantException(p.actor, { ...which, reason, expiresAt, evenIfIdle: true })
}
