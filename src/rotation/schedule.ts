import { createHash } from 'node:crypto'

/** Null: the next wider one says: key → service → none. An organisation's maximum age is never exceeded by either. */
export interface Schedule {
  readonly everyDays: number | null
  readonly overlapSeconds: number | null
}

export const usualOverlapSeconds = 3600
const dayMs = 86_400_000
/** At most a fifth of the interval earlier: keys that came to be together are not rotated together. */
const jitterShare = 0.2
/** After a failed or abandoned rotation the schedule waits, so that it does not fail anew every minute. */
const restAfterFailureMs = dayMs

export const effectiveSchedule = (
  ofKey: Schedule | null,
  ofService: Schedule | null,
  maximumAgeDays: number | null,
): Schedule => {
  const wanted = ofKey?.everyDays ?? ofService?.everyDays ?? null
  const everyDays =
    wanted === null ? maximumAgeDays : maximumAgeDays === null ? wanted : Math.min(wanted, maximumAgeDays)
  return { everyDays, overlapSeconds: ofKey?.overlapSeconds ?? ofService?.overlapSeconds ?? null }
}

/** The same for a key and a version every time it is asked: 0 ≤ x < 1. */
export const drawFor = (serviceKeyId: string, version: number): number =>
  createHash('sha256').update(`${serviceKeyId} ${version}`).digest().readUInt32BE(0) / 2 ** 32

export const dueAt = (
  key: { readonly id: string; readonly version: number; readonly versionSince: Date },
  { everyDays }: Schedule,
  lastFailure: Date | null,
): Date | null => {
  if (everyDays === null) return null
  const early = everyDays * dayMs * jitterShare * drawFor(key.id, key.version)
  const due = key.versionSince.getTime() + everyDays * dayMs - early
  return new Date(
    lastFailure === null || lastFailure < key.versionSince
      ? due
      : Math.max(due, lastFailure.getTime() + restAfterFailureMs),
  )
}

export const isTooOld = (versionSince: Date, maximumAgeDays: number | null, now: Date): boolean =>
  maximumAgeDays !== null && now.getTime() - versionSince.getTime() > maximumAgeDays * dayMs

/** Days a person has been asked after which they are asked again. */
const reminderDays = [3, 7, 14, 21]

/** How many reminders are due by now; after the last ones one a fortnight. */
export const remindersDue = (since: Date, now: Date): number => {
  const days = (now.getTime() - since.getTime()) / dayMs
  const listed = reminderDays.filter((day) => day <= days).length
  const last = reminderDays.at(-1) ?? 0
  return listed + (days > last ? Math.floor((days - last) / 14) : 0)
}
