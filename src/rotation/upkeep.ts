import type { RotationAttempt } from './attempt.ts'
import { nextLook } from './clean.ts'
import type { Commands } from './commands.ts'
import { noticesFor } from './notices.ts'
import type { RotationParts } from './parts.ts'
import { actor, called } from './performed.ts'
import { dueAt, effectiveSchedule, remindersDue } from './schedule.ts'
import * as store from './store.ts'
import * as remotes from './store-remotes.ts'
import * as schedules from './store-schedules.ts'
import type { ToolMaker } from './tools.ts'

const longestCallMs = 60_000
const sweepAtOnce = 20

/** What is due by the calendar: rotations, reminders, and a second look for what a lost call may have made. */
export const makeUpkeep = (parts: RotationParts, tools: ToolMaker, commands: Commands) => {
  const { database, serviceKeys, alerts, clock, log } = parts
  const { kysely } = database
  const { versions } = serviceKeys

  const startDue = async (): Promise<number> => {
    const now = clock()
    const [keys, rows, open, ends] = await Promise.all([
      schedules.listRotatable(kysely),
      schedules.listSchedules(kysely),
      store.listAttempts(kysely, { state: 'open', limit: 100_000 }),
      store.lastEnds(kysely),
    ])
    const busy = new Set(open.map((attempt) => attempt.serviceKeyId))
    const placed = new Map(rows.map((row) => [placeOf(row), row]))
    let started = 0
    for (const key of keys) {
      if (busy.has(key.id) || key.status === 'suspended') continue
      const { organizationId, serviceId, id } = key
      const schedule = effectiveSchedule(
        placed.get(placeOf({ organizationId, serviceId, serviceKeyId: id })) ?? null,
        key.owner === 'user'
          ? null
          : (placed.get(placeOf({ organizationId, serviceId, serviceKeyId: null })) ?? null),
        key.maximumAgeDays,
      )
      const last = ends.get(id)
      const lastFailure = last !== undefined && last.state !== 'done' ? last.endedAt : null
      const due = dueAt(key, schedule, lastFailure)
      if (due === null || due > now) continue
      const which = { organizationId, id }
      const begun = await commands.begin(actor, which, { mode: 'normal', trigger: 'schedule', reason: null })
      if (begun.ok) started++
      else
        log.warn({ serviceKeyId: id, fault: begun.fault.code }, 'a rotation that is due could not be started')
    }
    return started
  }

  const remindOne = async (attempt: RotationAttempt, reminders: number): Promise<void> => {
    const key = await versions.find({ organizationId: attempt.organizationId, id: attempt.serviceKeyId })
    if (key === null) return
    await kysely.transaction().execute(async (t) => {
      if ((await store.changeAttempt(t, attempt, { reminders })) === undefined) return
      for (const notice of noticesFor(attempt, key, reminders)) await alerts.notifyIn(t, notice)
    })
    alerts.soon()
  }

  /** Nobody has to paste what is not needed any more. */
  const isSuperseded = async ({ organizationId, serviceKeyId: id, fromVersion }: RotationAttempt) => {
    const key = await versions.find({ organizationId, id })
    return key === null || key.status === 'revoked' || key.version !== fromVersion
  }

  const remind = async (): Promise<void> => {
    for (const attempt of await store.listWaiting(kysely)) {
      if (attempt.state === 'asked' && (await isSuperseded(attempt))) {
        const message = 'The key was revoked or replaced by hand.'
        await commands.command(actor, attempt.id, { kind: 'superseded', message })
        continue
      }
      const due = remindersDue(attempt.stateSince, clock())
      if (due > attempt.reminders) await remindOne(attempt, due)
    }
  }

  /** Deletes what turned up after it had been given up. */
  const lookAgain = async (): Promise<void> => {
    const now = clock()
    const until = new Date(now.getTime() + longestCallMs)
    for (const row of await remotes.claimLookAgain(kysely, now, until, sweepAtOnce)) {
      const attempt = await store.findAttempt(kysely, row.id)
      const key =
        attempt && (await versions.find({ organizationId: attempt.organizationId, id: attempt.serviceKeyId }))
      if (!attempt || !key) continue
      const startedAt = performance.now()
      const lease = { holdsFor: (ms: number) => performance.now() + ms < startedAt + longestCallMs }
      const { driver, context, unusable } = await tools.toolsFor(
        key,
        attempt.driverId,
        attempt.fromVersion,
        lease,
      )
      const { name, prepared, intendedAt } = row
      const { find, revoke } = driver
      const found =
        unusable !== null || find === undefined || revoke === undefined || driver.findsBy === 'difference'
          ? null
          : await called(() => find(context, { name, prepared, current: attempt.oldRemote, intendedAt }))
      const certain = found?.kind === 'done' ? found.value.filter((one) => one.certain) : []
      let left = 0
      for (const { remote } of certain) {
        await remotes.writeRemote(kysely, row, name, { state: 'exists', remote, lookAgainAt: until, at: now })
        const gone = await called(() => revoke!(context, remote, () => versions.open(key, 0)))
        if (gone.kind === 'done') {
          log.warn(
            { rotationId: row.id, name },
            'a key that a lost call had made turned up late, and was deleted',
          )
          await remotes.writeRemote(kysely, row, name, { state: 'deleted', remote, at: now })
        } else left++
      }
      if (certain.length === 0 || left > 0)
        await remotes.writeRemote(kysely, row, name, {
          state: left > 0 ? 'exists' : row.state,
          lookAgainAt: left > 0 ? until : nextLook(row, now),
          at: row.at,
        })
    }
  }

  return {
    startDue,
    async run(): Promise<void> {
      await startDue()
      await remind()
      if (parts.vault.problem() === null) await lookAgain()
    },
  }
}

const placeOf = (row: { organizationId: string; serviceId: string; serviceKeyId: string | null }): string =>
  `${row.organizationId} ${row.serviceId} ${row.serviceKeyId ?? ''}`
