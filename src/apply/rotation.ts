import { z } from 'zod'
import { rotationSchedule } from '../contract/rotation.ts'
import { type Outcome, success } from '../kit/fault.ts'
import { platformOrganizationId } from '../kit/id.ts'
import type { Performance } from './perform.ts'
import { type KeyPlace, keyIdOf, organizationIdOf } from './places.ts'
import { differences, type Step, step } from './step.ts'

/** When keys are rotated, in a document: of a service’s system keys, of one key, of all of an organisation. */

/** Null: as the next wider one says. */
export const rotationSchema = rotationSchedule.partial().strict()
type Wanted = z.output<typeof rotationSchema>
type Schedule = z.output<typeof rotationSchedule>

export interface StoredSchedule extends Schedule {
  readonly organizationId: string
  readonly serviceId: string
  readonly serviceKeyId: string | null
}

export type RotationAction =
  | {
      readonly kind: 'set_rotation'
      readonly of: KeyPlace | { readonly serviceId: string }
      readonly schedule: Schedule
    }
  | {
      readonly kind: 'set_maximum_key_age'
      readonly organization: string
      readonly maximumAgeDays: number | null
    }

export const planRotation = (
  subject: string,
  wanted: Wanted | undefined,
  of: KeyPlace | { readonly serviceId: string },
  /** Undefined: the key is made by the same document. */
  serviceKeyId: string | null | undefined,
  stored: readonly StoredSchedule[],
): Step[] => {
  if (wanted === undefined) return []
  const found = stored.find(
    (one) =>
      one.serviceKeyId === serviceKeyId &&
      one.serviceId === of.serviceId &&
      (serviceKeyId !== null || one.organizationId === platformOrganizationId),
  )
  const before = { everyDays: found?.everyDays ?? null, overlapSeconds: found?.overlapSeconds ?? null }
  return [
    step(`${subject}: rotation`, false, differences<Schedule>(before, wanted), {
      kind: 'set_rotation',
      of,
      schedule: { ...before, ...wanted },
    }),
  ]
}

export const planMaximumKeyAge = (
  organization: string,
  wanted: { readonly maximumAgeDays: number | null } | undefined,
  before: number | null,
): Step[] =>
  wanted === undefined
    ? []
    : [
        step(
          `organisation ${organization}: rotation`,
          false,
          differences({ maximumAgeDays: before }, wanted),
          { kind: 'set_maximum_key_age', organization, ...wanted },
        ),
      ]

export const performRotation = async (action: RotationAction, p: Performance): Promise<Outcome<unknown>> => {
  const { rotation } = p.rooms
  if (action.kind === 'set_maximum_key_age') {
    const home = await organizationIdOf(action.organization, p)
    return home.ok ? rotation.setMaximumAge(p.actor, home.value, action.maximumAgeDays) : home
  }
  const { of, schedule } = action
  const key =
    'home' in of ? await keyIdOf(of, p) : success({ organizationId: platformOrganizationId, id: null })
  if (!key.ok) return key
  const { organizationId, id: serviceKeyId } = key.value
  await rotation.setSchedule(p.actor, { organizationId, serviceId: of.serviceId, serviceKeyId, ...schedule })
  return success(null)
}
