import { z } from 'zod'
import * as wire from '../contract/wire.ts'
import { type Outcome, success } from '../kit/fault.ts'
import { type ControlDocument, tidy } from '../organizations/policy-document.ts'
import { limitsNothing } from '../policy/control.ts'
import type { DocumentOrganization } from './document.ts'
import { byText, type Exporting, list } from './exporting.ts'
import { instant, policyReason } from './instant.ts'
import type { Performance } from './perform.ts'
import { organizationIdOf } from './places.ts'
import type { PlanContext } from './plan.ts'
import type { Snapshot } from './snapshot.ts'
import { differences, idle, type Step, step } from './step.ts'

/** What a control policy says, in a document: the one of now, and versions that are written down for a later time. */

const allowedSchema = (serviceId: z.ZodType<string, string>) => {
  const { shape } = wire.allowedUses
  return z
    .strictObject({
      services: z.array(serviceId).max(100).nullable().default(null),
      models: shape.models.default(null),
      groups: shape.groups.default(null),
      keyHealth: shape.keyHealth.default('any'),
      maximumKeyAgeDays: shape.maximumKeyAgeDays.default(null),
      dataRegions: shape.dataRegions.default(null),
      noTraining: shape.noTraining.default(false),
    })
    .transform((allowed) => (limitsNothing(allowed) ? null : allowed))
}

export const policyFields = (serviceId: z.ZodType<string, string>) => ({
  controlPolicy: wire.controlPolicy,
  criticalServices: z.array(serviceId).max(100),
  systemKeysAllowed: z.boolean(),
  lockedFallback: wire.fallback.nullable(),
  // What limits nothing is stored as null.
  allowed: allowedSchema(serviceId).nullable(),
})

/** All of it has to be said: a field that is left out could only be guessed on the day. */
export const scheduledPolicySchema = (serviceId: z.ZodType<string, string>) =>
  z.strictObject({ startsAt: instant, reason: policyReason, ...policyFields(serviceId) })
type ScheduledPolicy = z.output<ReturnType<typeof scheduledPolicySchema>>

export interface StoredScheduledPolicy {
  readonly organizationId: string
  readonly version: number
  readonly startsAt: Date
  readonly reason: string
  readonly document: ControlDocument
}

export interface ScheduleAction {
  readonly kind: 'schedule_policy'
  readonly organization: string
  readonly startsAt: Date
  readonly reason: string
  readonly document: ControlDocument
  /** Versions that were to start at the same time. */
  readonly replaces: readonly number[]
}

const documentIn = (wanted: ScheduledPolicy): ControlDocument => {
  const { startsAt: _, reason: __, ...document } = wanted
  return tidy(document)
}

const started = ({ scheduledPolicies = [] }: DocumentOrganization, now: Date): ScheduledPolicy[] =>
  scheduledPolicies.filter(({ startsAt }) => startsAt <= now).toSorted((a, b) => +a.startsAt - +b.startsAt)

/** Once a version's time has come it is what the file says: the same file takes the policy back to nothing before it. */
export const inForceAt = (one: DocumentOrganization, now: Date): DocumentOrganization => {
  const last = started(one, now).at(-1)
  if (last === undefined) return one
  const { startsAt: _, reason: __, ...policy } = last
  return { ...one, ...policy }
}

/** Of two that start at one time the later version holds. */
const atTime = (startsAt: Date, scheduled: readonly StoredScheduledPolicy[]): StoredScheduledPolicy[] =>
  scheduled.filter((one) => +one.startsAt === +startsAt).toSorted((a, b) => a.version - b.version)

export const planScheduledPolicies = (
  one: DocumentOrganization,
  organizationId: string | undefined,
  stored: Snapshot,
  { now }: PlanContext,
): Step[] => {
  const own = stored.scheduledPolicies.filter((policy) => policy.organizationId === organizationId)
  const last = started(one, now).at(-1)
  return (one.scheduledPolicies ?? []).map((wanted) => {
    const { startsAt, reason } = wanted
    const subject = `organisation ${one.name}: control policy from ${startsAt.toISOString()} on`
    if (startsAt <= now)
      return idle(subject, wanted === last ? 'has started: it is the policy of the file' : 'is over')
    const same = atTime(startsAt, own)
    const before = same.at(-1)
    const document = documentIn(wanted)
    const said = { reason, ...document }
    return step(
      subject,
      !before,
      differences<object>(before ? { reason: before.reason, ...tidy(before.document) } : {}, said),
      {
        kind: 'schedule_policy',
        organization: one.name,
        startsAt,
        reason,
        document,
        replaces: same.map(({ version }) => version),
      },
    )
  })
}

/** The new version first: a policy is not lost when what comes after fails. */
export const performSchedule = async (action: ScheduleAction, p: Performance): Promise<Outcome<unknown>> => {
  const { organizations } = p.rooms
  const home = await organizationIdOf(action.organization, p)
  if (!home.ok) return home
  const policy = await organizations.policy(home.value)
  if (!policy.ok) return policy
  const { startsAt, reason, document } = action
  const basedOn = policy.value.current.version
  const saved = await organizations.savePolicy(p.actor, home.value, { document, reason, basedOn, startsAt })
  if (!saved.ok) return saved
  for (const version of action.replaces) {
    const cancelled = await organizations.cancelPolicy(p.actor, home.value, version)
    if (!cancelled.ok) return cancelled
  }
  return success(null)
}

export const scheduledPoliciesIn = (
  { id, name }: { readonly id: string; readonly name: string },
  { stored, leftOut }: Exporting,
) => {
  const own = stored.scheduledPolicies.filter(({ organizationId }) => organizationId === id)
  const holding = own.filter((one) => atTime(one.startsAt, own).at(-1) === one)
  if (holding.length < own.length)
    leftOut.push(
      `organisation ${name}: versions of the control policy that another replaces when they start.`,
    )
  return list(
    'scheduledPolicies',
    holding
      .map(({ startsAt, reason, document }) => ({
        startsAt: startsAt.toISOString(),
        reason,
        ...tidy(document),
      }))
      .toSorted((a, b) => byText(a.startsAt, b.startsAt)),
  )
}
