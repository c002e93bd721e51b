import type { ServiceKeyView } from '../keys/keys.ts'
import type { RotationAttempt } from './attempt.ts'
import type { RemoteKey } from './driver.ts'
import type { RotationParts } from './parts.ts'
import { called, failed, lookAgainAfterMs, type Performed } from './performed.ts'
import * as remotes from './store-remotes.ts'
import type { Tools } from './tools.ts'

const giveUpLookingMs = 24 * 60 * 60_000

/**
 * Deletes whatever an attempt has made at the service, and the version that was to come of it. What cannot be deleted
 * from here stays on the list by its name, for a person.
 */
export const makeCleaning = (parts: RotationParts) => {
  const { database, serviceKeys, clock } = parts
  const { versions } = serviceKeys

  /** Null: there is nothing, and nothing comes any more as far as one can know. */
  const lookFor = async (row: remotes.RemoteRow, attempt: RotationAttempt, { driver, context }: Tools) =>
    called(() =>
      driver.find!(context, {
        name: row.name,
        prepared: row.prepared,
        current: attempt.oldRemote,
        intendedAt: row.intendedAt,
      }),
    )

  const remove = async (
    attempt: RotationAttempt,
    key: ServiceKeyView,
    remote: RemoteKey,
    { driver, context }: Tools,
  ) => {
    const kept = await versions.list(key)
    // Whatever a list may say: the key in use is deleted by no clean-up.
    if (kept.some((version) => version.state === 'current' && version.remote?.id === remote.id))
      throw new Error('a clean-up was to delete the key in use')
    const { toVersion } = attempt
    return called(() => driver.revoke!(context, remote, () => versions.open(key, toVersion ?? 0)))
  }

  return async (attempt: RotationAttempt, key: ServiceKeyView, tools: Tools): Promise<Performed> => {
    const { driver, unusable } = tools
    const now = clock()
    for (const row of await remotes.listRemotes(database.kysely, attempt)) {
      if (row.state !== 'intended' && row.state !== 'exists' && row.state !== 'in_use') continue
      const write = (set: Parameters<typeof remotes.writeRemote>[3]) =>
        remotes.writeRemote(database.kysely, attempt, row.name, set)
      const isFindable = row.state !== 'intended' || driver.find !== undefined
      if (unusable !== null || driver.revoke === undefined || !isFindable) {
        await write({ state: 'left_to_person', at: now })
        continue
      }
      const found =
        row.state === 'intended' || row.remote === null ? await lookFor(row, attempt, tools) : null
      if (found !== null && found.kind !== 'done') return { event: failed(found) }
      const certain = found?.value.filter((one) => one.certain).map((one) => one.remote) ?? []
      if (found !== null && certain.length < found.value.length) {
        await write({ state: 'left_to_person', remote: found.value[0]?.remote ?? null, at: now })
        continue
      }
      const existing = found === null && row.remote !== null ? [row.remote] : certain
      if (existing.length === 0) {
        const sureAt = row.intendedAt.getTime() + driver.settleSeconds * 1000
        if (now.getTime() < sureAt)
          return {
            event: {
              kind: 'wait',
              seconds: 5,
              message: 'What was made may not be listed yet; it is looked for.',
            },
          }
        await write({ state: 'absent', lookAgainAt: new Date(now.getTime() + lookAgainAfterMs), at: now })
        continue
      }
      // By its id first, so that a crash in between leaves none without a name.
      const [first] = existing
      if (found !== null) await write({ state: 'exists', remote: first ?? null, at: now })
      for (const remote of existing) {
        const gone = await remove(attempt, key, remote, tools)
        if (gone.kind !== 'done') return { event: failed(gone) }
      }
      await write({ state: 'deleted', remote: first ?? null, at: now })
    }
    const { toVersion } = attempt
    return {
      event: { kind: 'cleaned' },
      within: async (t) => {
        if (toVersion !== null) await versions.destroy(t, key, toVersion)
      },
    }
  }
}

/** When a name that was not found is looked for again: a lost call may take effect late. */
export const nextLook = (row: Pick<remotes.RemoteRow, 'intendedAt'>, now: Date): Date | null => {
  const age = now.getTime() - row.intendedAt.getTime()
  return age > giveUpLookingMs ? null : new Date(now.getTime() + Math.max(lookAgainAfterMs, age))
}
