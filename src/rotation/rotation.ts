import type { Actor } from '../audit/audit.ts'
import { recordAudit } from '../audit/audit.ts'
import type { ServiceKeyView, Which } from '../keys/keys.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'
import { makeLoop } from '../long-operations/loop.ts'
import type { RotationAttempt } from './attempt.ts'
import { type Commands, makeCommands } from './commands.ts'
import { type Credentials, makeCredentials } from './credentials.ts'
import { type Drill, makeDrill } from './drill.ts'
import type { RotationDriver } from './driver.ts'
import type { RotationParts } from './parts.ts'
import type { Schedule } from './schedule.ts'
import * as store from './store.ts'
import { listRemotes, type RemoteRow } from './store-remotes.ts'
import * as schedules from './store-schedules.ts'
import { makeTools } from './tools.ts'
import { makeUpkeep } from './upkeep.ts'
import { makeUseReports } from './uses.ts'
import { makeWorker, workAll } from './worker.ts'

export type { RotationAttempt } from './attempt.ts'
export type { RotationParts } from './parts.ts'

/**
 * Rotation of service keys (docs/rotation.md). Whether the actor may do this is decided before (api.ts).
 */
export interface Rotation extends Commands {
  readonly credentials: Credentials
  readonly drill: (which: Which) => Promise<Outcome<Drill>>
  readonly drivers: readonly RotationDriver[]
  readonly driverFor: (key: ServiceKeyView) => Promise<{ driver: RotationDriver; hasCredential: boolean }>

  readonly find: (id: string) => Promise<RotationAttempt | null>
  readonly list: (filter: store.AttemptFilter) => Promise<RotationAttempt[]>
  readonly steps: (attempt: RotationAttempt) => ReturnType<typeof store.listSteps>
  readonly remotes: (attempt: RotationAttempt) => Promise<RemoteRow[]>
  readonly keys: (of: Parameters<typeof schedules.listRotatable>[1]) => Promise<schedules.RotatableKey[]>
  readonly lastEnds: () => ReturnType<typeof store.lastEnds>
  readonly schedules: () => Promise<schedules.ScheduleRow[]>
  readonly maximumAges: () => ReturnType<typeof schedules.listMaximumAges>
  /** Null for the key: of the keys of its service. */
  readonly setSchedule: (actor: Actor, row: schedules.ScheduleRow) => Promise<void>
  readonly setMaximumAge: (
    actor: Actor,
    organizationId: string,
    maximumAgeDays: number | null,
  ) => Promise<Outcome<void>>

  /** What the calendar says is due; once a minute is enough, on one process of all. */
  readonly upkeep: () => Promise<void>
  /** Every attempt that is due, as far as it goes without waiting. */
  readonly work: () => Promise<void>
  readonly reportUses: () => Promise<void>
  readonly start: () => void
  readonly close: () => Promise<void>
}

const lookEveryMs = 5_000

export const makeRotation = (parts: RotationParts): Rotation => {
  const { database, drivers, epoch, keyUses, clock, log } = parts
  const { kysely } = database
  const tools = makeTools(parts)
  const worker = makeWorker(parts, tools)
  const loop = makeLoop({ everyMs: lookEveryMs, work: () => worker.workOne(), name: 'rotation', log })
  const commands = makeCommands(parts, tools, loop.soon)
  const upkeep = makeUpkeep(parts, tools, commands)
  const reports = makeUseReports({
    database,
    epoch,
    uses: keyUses,
    log,
    ...(parts.reportEveryMs === undefined ? {} : { everyMs: parts.reportEveryMs }),
  })

  return {
    ...commands,
    credentials: makeCredentials(parts, tools),
    drill: makeDrill(parts, tools),
    drivers,
    driverFor: async (key) => {
      const { driver, credential } = await tools.driverFor(key)
      return { driver, hasCredential: credential !== null }
    },

    find: async (id) => (await store.findAttempt(kysely, id)) ?? null,
    list: (filter) => store.listAttempts(kysely, filter),
    steps: (attempt) => store.listSteps(kysely, attempt),
    remotes: (attempt) => listRemotes(kysely, attempt),
    keys: (of) => schedules.listRotatable(kysely, of),
    lastEnds: () => store.lastEnds(kysely),
    schedules: () => schedules.listSchedules(kysely),
    maximumAges: () => schedules.listMaximumAges(kysely),

    setSchedule: (actor, row) =>
      kysely.transaction().execute(async (t) => {
        await schedules.saveSchedule(t, row, clock())
        const { everyDays, overlapSeconds }: Schedule = row
        await recordAudit(t, {
          organizationId: row.organizationId,
          actor,
          action: 'rotation_schedule.set',
          subject:
            row.serviceKeyId === null
              ? { kind: 'service', id: row.serviceId }
              : { kind: 'service_key', id: row.serviceKeyId },
          after: { everyDays, overlapSeconds },
        })
      }),

    setMaximumAge: (actor, organizationId, maximumAgeDays) =>
      kysely.transaction().execute(async (t) => {
        if (!(await schedules.saveMaximumAge(t, organizationId, maximumAgeDays))) return failure('not_found')
        await recordAudit(t, {
          organizationId,
          actor,
          action: 'organization.set_maximum_key_age',
          subject: { kind: 'organization', id: organizationId },
          after: { maximumAgeDays },
        })
        return success(undefined)
      }),

    upkeep: async () => {
      await upkeep.run()
      loop.soon()
    },
    work: () => workAll(worker),
    reportUses: reports.report,
    start: loop.start,
    close: async () => {
      await loop.stop()
      await reports.close()
    },
  }
}
