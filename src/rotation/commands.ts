import type { Transaction } from 'kysely'
import { type Actor, recordAudit } from '../audit/audit.ts'
import type { Schema } from '../db/schema.ts'
import type { ServiceKeyView, Which } from '../keys/keys.ts'
import { FaultError, failure, fault, must, type Outcome, success } from '../kit/fault.ts'
import { isId, newId } from '../kit/id.ts'
import type { KeySettings } from '../services/service.ts'
import type { RotationAttempt } from './attempt.ts'
import { isOver, type RotationEvent, step } from './machine.ts'
import { noticesFor } from './notices.ts'
import type { RotationParts } from './parts.ts'
import { effectiveSchedule, usualOverlapSeconds } from './schedule.ts'
import * as store from './store.ts'
import * as drains from './store-drains.ts'
import * as schedules from './store-schedules.ts'
import type { ToolMaker } from './tools.ts'

export interface Start {
  readonly mode: RotationAttempt['mode']
  readonly trigger: RotationAttempt['trigger']
  readonly reason: string | null
}

/** What people, and the schedule, ask for. */
type Command = Extract<
  RotationEvent,
  { kind: 'roll_back' | 'retry' | 'abandon' | 'confirm' | 'breach' | 'superseded' }
>

export interface Commands {
  readonly begin: (actor: Actor, which: Which, how: Start) => Promise<Outcome<RotationAttempt>>
  readonly command: (
    actor: Actor,
    id: string,
    event: Command,
    note?: string,
  ) => Promise<Outcome<RotationAttempt>>
  /** Refused at once by its service: nothing is stored. */
  readonly giveSecret: (
    actor: Actor,
    id: string,
    given: { readonly secret: string; readonly settings: KeySettings },
  ) => Promise<Outcome<RotationAttempt>>
}

/** Nobody holds a lease here: only abilities are asked for, nothing is called. */
const noCalls = { holdsFor: () => false } as const

export const makeCommands = (parts: RotationParts, tools: ToolMaker, soon: () => void): Commands => {
  const { database, serviceKeys, alerts, clock } = parts
  const { versions } = serviceKeys
  const { kysely } = database

  const keyOf = async ({ organizationId, serviceKeyId: id }: RotationAttempt): Promise<ServiceKeyView> => {
    const key = await versions.find({ organizationId, id })
    if (key === null) throw new FaultError(fault('not_found'))
    return key
  }

  const overlapFor = async (key: ServiceKeyView): Promise<number> => {
    const all = await schedules.listSchedules(kysely)
    const of = (serviceKeyId: string | null) =>
      all.find(
        (row) =>
          row.organizationId === key.organizationId &&
          row.serviceId === key.serviceId &&
          row.serviceKeyId === serviceKeyId,
      ) ?? null
    return effectiveSchedule(of(key.id), of(null), null).overlapSeconds ?? usualOverlapSeconds
  }

  const audit = (
    t: Transaction<Schema>,
    actor: Actor,
    attempt: Pick<RotationAttempt, 'organizationId' | 'id' | 'serviceKeyId'>,
    action: 'start' | 'new_secret' | Command['kind'],
    after: Record<string, unknown>,
    reason: string | null,
  ) =>
    recordAudit(t, {
      organizationId: attempt.organizationId,
      actor,
      action: `rotation.${action}`,
      subject: { kind: 'service_key', id: attempt.serviceKeyId },
      after: { rotationId: attempt.id, ...after },
      ...(reason === null ? {} : { reason }),
    })

  /** Takes the attempt out of the worker's hands and moves it on by an event. */
  const move = (
    actor: Actor,
    id: string,
    event: Command | Extract<RotationEvent, { kind: 'new_secret' }>,
    reason: string | null,
    within: (t: Transaction<Schema>, key: ServiceKeyView) => Promise<void> = async () => {},
  ): Promise<Outcome<RotationAttempt>> =>
    outcome(async () => {
      const moved = await kysely.transaction().execute(async (t) => {
        const seized = await store.seize(t, id)
        if (seized === undefined || seized.attempt.endedAt !== null) throw new FaultError(fault('not_found'))
        const { attempt, busyMs } = seized
        const key = await keyOf(attempt)
        const { abilities } = await tools.toolsFor(key, attempt.driverId, attempt.fromVersion, noCalls)
        const now = clock()
        const taken = must(step(attempt, event, { abilities, now, fence: attempt.fence }))
        const { nextAt } = taken.patch
        // A call of the worker's may still be under way: whatever it does is looked for only after it has ended.
        const freeAt = new Date(now.getTime() + busyMs)
        const patch = nextAt && nextAt < freeAt ? { ...taken.patch, nextAt: freeAt } : taken.patch
        const next = await store.changeAttempt(t, attempt, patch)
        if (next === undefined) throw new FaultError(fault('conflict'))
        await within(t, key)
        await store.insertStep(t, next, { state: next.state, text: taken.text, actor: actor.id, at: now })
        if (isOver(next.state)) {
          await drains.closeDrain(t, next.id)
          if (next.state === 'done') await versions.destroy(t, key, next.fromVersion)
        }
        await audit(t, actor, attempt, event.kind, { from: attempt.state, to: next.state }, reason)
        for (const notice of noticesFor(next, key, 0)) await alerts.notifyIn(t, notice)
        return next
      })
      soon()
      alerts.soon()
      return moved
    })

  const begin: Commands['begin'] = async (actor, which, { mode, trigger, reason }) => {
    const key = await versions.find(which)
    if (key === null || key.status === 'revoked') return failure('not_found')
    const active = await store.findActive(kysely, key)
    if (active !== undefined)
      return mode === 'breach' && active.mode !== 'breach'
        ? move(actor, active.id, { kind: 'breach', reason: reason ?? 'A breach.' }, reason)
        : failure('conflict', {
            message: 'A rotation of this key is under way.',
            next: 'See where it stands; it can be given up or rolled back.',
          })
    const { driver } = await tools.driverFor(key)
    const known = (await versions.list(key)).find(({ version }) => version === key.version)
    const overlapSeconds = await overlapFor(key)
    const id = newId()
    const now = clock()
    const { organizationId, id: serviceKeyId, serviceId, version: fromVersion } = key
    const attempt = { organizationId, id, serviceKeyId }
    const isFirst = await kysely.transaction().execute(async (t) => {
      const inserted = await store.insertAttempt(t, {
        ...attempt,
        serviceId,
        driverId: driver.id,
        crashClass: driver.crashClass,
        mode,
        trigger,
        fromVersion,
        oldRemote: known?.remote ?? null,
        overlapSeconds,
        reason,
        createdBy: actor.id !== null && isId(actor.id) ? actor.id : null,
        now,
      })
      if (!inserted) return false
      const text = trigger === 'schedule' ? 'Due by its schedule.' : 'Started by hand.'
      await store.insertStep(t, attempt, { state: 'scheduled', text, actor: actor.id, at: now })
      await audit(t, actor, attempt, 'start', { mode, trigger, fromVersion }, reason)
      return true
    })
    if (!isFirst) return failure('conflict', { message: 'A rotation of this key is under way.' })
    soon()
    const begun = await store.findAttempt(kysely, id)
    return begun === undefined ? failure('not_found') : success(begun)
  }

  return {
    begin,
    command: (actor, id, event, note) =>
      move(actor, id, event, 'reason' in event ? event.reason : (note ?? null)),

    giveSecret: (actor, id, { secret, settings }) =>
      outcome(async () => {
        const attempt = await store.findAttempt(kysely, id)
        if (attempt === undefined) throw new FaultError(fault('not_found'))
        const key = await keyOf(attempt)
        const { serviceId, baseUrl } = key
        const prepared = must(await versions.prepare(key, secret, settings))
        const check = must(
          await serviceKeys.check({ serviceId, secret, baseUrl, settings: prepared.settings }),
        )
        if (check.verdict === 'invalid')
          throw new FaultError(
            fault('key_rejected', {
              message: `The service did not accept this key. ${check.detail}`,
              field: 'secret',
            }),
          )
        const event = { kind: 'new_secret', version: prepared.version } as const
        return must(
          await move(actor, id, event, null, (t) =>
            versions.store(t, key, prepared, { rotationId: id, remote: null }),
          ),
        )
      }),
  }
}

const outcome = async <T>(work: () => Promise<T>): Promise<Outcome<T>> => {
  try {
    return success(await work())
  } catch (error) {
    if (error instanceof FaultError) return { ok: false, fault: error.fault }
    throw error
  }
}
