import { setTimeout as sleep } from 'node:timers/promises'
import { recordAudit } from '../audit/audit.ts'
import type { RotationState } from '../contract/rotation.ts'
import { SupersededError } from '../keys/versions.ts'
import { must } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import type { RotationAttempt } from './attempt.ts'
import { type Hands, makeEffects } from './effects.ts'
import { effectOf, isOver, type RotationEvent, step } from './machine.ts'
import { noticesFor } from './notices.ts'
import { type RotationParts, usualLeaseMs } from './parts.ts'
import { actor, type Performed } from './performed.ts'
import * as store from './store.ts'
import * as drains from './store-drains.ts'
import * as remotes from './store-remotes.ts'
import type { Lease, ToolMaker } from './tools.ts'

/** Somebody else has gone on with the attempt: nothing more may be done under this fence. */
class OvertakenError extends Error {}

/** The account is taken by another attempt between its intent and its creation. */
const isScopeTaken = (error: unknown): boolean =>
  error instanceof Error && 'constraint' in error && error.constraint === 'rotation_attempts_scope'
const isDuplicate = (error: unknown): boolean =>
  error instanceof Error && 'constraint' in error && error.constraint === 'service_keys_fingerprint'

/** States that a person or an auditor wants to know of. */
const auditedStates = [
  'promoted',
  'done',
  'rolled_back',
  'failed_safe',
  'abandoned',
  'needs_human',
  'withdrawing',
] as const
const auditedState = (state: RotationState) => auditedStates.find((one) => one === state)

export interface Worker {
  /** One due attempt, as far as it goes without waiting. False: none is due. */
  workOne(): Promise<boolean>
}

/**
 * Takes attempts through the machine: effect, event, commit. A worker that dies leaves its lease behind; whoever comes
 * next goes on from what was committed, under a higher fence, so that a late worker commits nothing.
 */
export const makeWorker = (parts: RotationParts, tools: ToolMaker): Worker => {
  const { database, epoch, alerts, clock, log } = parts
  const { kysely } = database
  const leaseMs = parts.leaseMs ?? usualLeaseMs
  const workerId = newId()
  const hands: Hands = new Map()
  const perform = makeEffects(parts, tools, hands)
  const edge = async (name: string) => parts.onEdge?.(name)

  const commit = async (attempt: RotationAttempt, performed: Performed, lease: Lease) => {
    const now = clock()
    const key = must(await keyOf(attempt))
    const { abilities } = await tools.toolsFor(key, attempt.driverId, attempt.fromVersion, lease)
    const taken = must(step(attempt, performed.event, { abilities, now, fence: attempt.fence }))
    const write = async (t: Parameters<Parameters<typeof epoch.change>[1]>[0]) => {
      const next = await store.changeAttempt(t, attempt, taken.patch)
      if (next === undefined) throw new OvertakenError()
      await performed.within?.(t, next)
      const moved = next.state !== attempt.state
      if (moved || next.message !== attempt.message)
        await store.insertStep(t, next, { state: next.state, text: taken.text, actor: null, at: now })
      if (next.state === 'done') await parts.serviceKeys.versions.destroy(t, keyRef(next), next.fromVersion)
      if (isOver(next.state)) await drains.closeDrain(t, next.id)
      const audited = auditedState(next.state)
      if (moved && audited !== undefined) await audit(t, attempt, next, audited)
      if (moved) for (const notice of noticesFor(next, key, 0)) await alerts.notifyIn(t, notice)
      return next
    }
    const next = performed.isChange
      ? await epoch.announce(attempt.organizationId, write)
      : await kysely.transaction().execute(write)
    alerts.soon()
    return next
  }

  const keyRef = ({ organizationId, serviceKeyId: id }: RotationAttempt) => ({ organizationId, id })
  const keyOf = async (attempt: RotationAttempt) => {
    const key = await parts.serviceKeys.versions.find(keyRef(attempt))
    if (key === null) throw new Error('a rotation outlived its key')
    return { ok: true, value: key } as const
  }

  const audit = (
    t: Parameters<typeof recordAudit>[0],
    before: RotationAttempt,
    { organizationId, id, fromVersion, toVersion, mode, serviceKeyId }: RotationAttempt,
    state: (typeof auditedStates)[number],
  ) =>
    recordAudit(t, {
      organizationId,
      actor,
      action: `rotation.${state}`,
      subject: { kind: 'service_key', id: serviceKeyId },
      before: { state: before.state },
      after: { state, rotationId: id, mode, fromVersion, toVersion },
    })

  /** What cannot be committed as it was meant says so as another event. */
  const commitOr = async (attempt: RotationAttempt, performed: Performed, lease: Lease) => {
    const instead = (event: RotationEvent) => commit(attempt, { event }, lease)
    try {
      return await commit(attempt, performed, lease)
    } catch (error) {
      if (error instanceof SupersededError)
        return instead({ kind: 'superseded', message: 'The key was revoked or replaced by hand.' })
      if (isScopeTaken(error))
        return instead({ kind: 'wait', seconds: 10, message: 'Another rotation works on the same account.' })
      if (isDuplicate(error) && performed.event.kind === 'promoted')
        return instead({ kind: 'rejected', message: 'The same key is stored already.' })
      throw error
    }
  }

  /** What only the worker before knew is lost. Where nobody can find it again a person is told its name. */
  const takenOver = (attempt: RotationAttempt): Performed => ({
    event: { kind: 'taken_over' },
    within: async (t, next) => {
      if (next.state === 'needs_human' && attempt.name !== null)
        await remotes.writeRemote(t, attempt, attempt.name, { state: 'left_to_person', at: clock() })
    },
  })

  const advance = async (attempt: RotationAttempt): Promise<RotationAttempt | null> => {
    const effect = effectOf(attempt, attempt.fence)
    if (effect === null) return null
    const renewedAt = performance.now()
    if (!(await store.renewLease(kysely, attempt, leaseMs))) throw new OvertakenError()
    const lease = { holdsFor: (ms: number) => performance.now() + ms < renewedAt + leaseMs }
    await edge(`before ${attempt.state}:${effect}`)
    const performed: Performed =
      effect === 'taken_over' ? takenOver(attempt) : await perform(effect, attempt, lease)
    await edge(`after ${attempt.state}:${effect} ${performed.event.kind}`)
    const next = await commitOr(attempt, performed, lease)
    await edge(`committed ${attempt.state}→${next.state} ${performed.event.kind}`)
    return next
  }

  /** Trouble here, such as a database away: the attempt is taken up again later from what was committed. */
  const putOff = async (attempt: RotationAttempt, error: unknown): Promise<void> => {
    log.error({ err: error, rotationId: attempt.id, state: attempt.state }, 'a rotation could not go on')
    await kysely
      .transaction()
      .execute((t) =>
        store.changeAttempt(t, attempt, {
          nextAt: new Date(clock().getTime() + 60_000),
          failures: attempt.failures + 1,
        }),
      )
      .catch(() => {})
  }

  return {
    async workOne() {
      // Without credentials it would ask people for what it can do itself as soon as the vault is open.
      if (parts.vault.problem() !== null) return false
      let attempt = await store.claimDue(kysely, workerId, clock(), leaseMs)
      if (attempt === undefined) return false
      try {
        for (;;) {
          const next: RotationAttempt | null = await advance(attempt)
          if (next === null) break
          attempt = next
          if (attempt.nextAt === null || attempt.nextAt > clock()) break
        }
      } catch (error) {
        if (error instanceof OvertakenError) return true
        if (error instanceof CrashError) throw error
        await putOff(attempt, error)
      } finally {
        hands.delete(attempt.id)
      }
      await store.releaseLease(kysely, attempt)
      return true
    },
  }
}

/** Thrown from an edge by tests: the worker ends there as if it were killed, and gives nothing back. */
export class CrashError extends Error {}

/** Until nothing is due now. */
export const workAll = async (worker: Worker): Promise<void> => {
  while (await worker.workOne()) await sleep(0)
}
