import type { ServiceKeyView } from '../keys/keys.ts'
import { platformOrganizationId } from '../kit/id.ts'
import { findService } from '../services/registry.ts'
import { nameOfTry, type RotationAttempt } from './attempt.ts'
import { makeCleaning } from './clean.ts'
import type { Attempt, CreatedKey } from './driver.ts'
import { leavesLaneEmpty } from './lane.ts'
import type { Effect, RotationEvent } from './machine.ts'
import type { RotationParts } from './parts.ts'
import { actor, called, failed, lookAgainAfterMs, type Performed } from './performed.ts'
import * as store from './store.ts'
import * as drains from './store-drains.ts'
import * as remotes from './store-remotes.ts'
import type { Lease, ToolMaker, Tools } from './tools.ts'

/** The secret of a key that was just made, until it is sealed: nowhere but here. */
export type Hands = Map<string, { readonly fence: bigint; readonly created: CreatedKey }>

/** For how long one worker waits for processes to acknowledge before it asks again later. */
const patienceMs = 6_000

const attemptFor = (attempt: RotationAttempt): Attempt => ({
  name: attempt.name ?? nameOfTry(attempt.id, attempt.tries),
  prepared: attempt.prepared,
  current: attempt.oldRemote,
  intendedAt: attempt.intendedAt ?? attempt.createdAt,
})

const sleep = (ms: number) => new Promise<void>((resolve) => void setTimeout(resolve, ms))

/** What the worker does in each state; everything remote and everything slow is here, and nothing is decided here. */
export const makeEffects = (parts: RotationParts, tools: ToolMaker, hands: Hands) => {
  const { database, serviceKeys, clock } = parts
  const { kysely } = database
  const { versions } = serviceKeys
  const clean = makeCleaning(parts)

  const isLaneBusy = async (attempt: RotationAttempt, key: ServiceKeyView): Promise<boolean> => {
    if (key.owner !== 'system' || attempt.mode === 'breach') return false
    const [keys, busy] = await Promise.all([
      serviceKeys.list({ organizationId: platformOrganizationId, owners: ['system'] }),
      store.keysUnderWay(kysely, key.organizationId, attempt.id),
    ])
    return leavesLaneEmpty(keys, busy, key)
  }

  const prepare = async (
    attempt: RotationAttempt,
    key: ServiceKeyView,
    withTools: Tools,
  ): Promise<Performed> => {
    const { driver, context, unusable } = withTools
    if (await isLaneBusy(attempt, key))
      return {
        event: { kind: 'wait', seconds: 60, message: 'Another key of the same priority is rotated first.' },
      }
    const known = attempt.oldRemote
    const identified =
      known === null && unusable === null && driver.identify !== undefined
        ? await called(() => driver.identify!(context))
        : ({ kind: 'done', value: known } as const)
    const oldRemote = identified.kind === 'done' ? identified.value : null
    if (driver.create === undefined || unusable !== null)
      return {
        event: {
          kind: 'cannot_create',
          oldRemote,
          message:
            driver.create === undefined
              ? `${findService(key.serviceId)?.name ?? 'The service'} lets only a person make keys.`
              : (unusable ?? ''),
        },
      }
    if (identified.kind !== 'done') return { event: failed(identified) }
    const prepared =
      driver.prepare === undefined
        ? ({ kind: 'done', value: {} } as const)
        : await called(() => driver.prepare!(context, oldRemote))
    if (prepared.kind !== 'done') return { event: failed(prepared) }
    const name = nameOfTry(attempt.id, attempt.tries + 1)
    const { value } = prepared
    return {
      event: {
        kind: 'prepared',
        name,
        scope: `${driver.id} ${driver.scopeOf(context)}`,
        prepared: value,
        oldRemote,
      },
      within: (t, next) => remotes.insertRemote(t, next, name, value, clock()),
    }
  }

  const create = async (attempt: RotationAttempt, { driver, context }: Tools): Promise<Performed> => {
    if (driver.create === undefined)
      return { event: { kind: 'unknown', message: 'There is no driver any more.' } }
    const { name } = attemptFor(attempt)
    const made = await called(() => driver.create!(context, attemptFor(attempt)))
    if (made.kind === 'done') {
      hands.set(attempt.id, { fence: attempt.fence, created: made.value })
      const { remote } = made.value
      return {
        event: { kind: 'created', remote },
        within: (t) => remotes.writeRemote(t, attempt, name, { state: 'exists', remote, at: clock() }),
      }
    }
    if (made.kind === 'unknown') return { event: failed(made) }
    return {
      event: failed(made),
      within: (t) => remotes.writeRemote(t, attempt, name, { state: 'absent', at: clock() }),
    }
  }

  const find = async (attempt: RotationAttempt, { driver, context, unusable }: Tools): Promise<Performed> => {
    const { name } = attemptFor(attempt)
    if (unusable !== null) return { event: { kind: 'refused', reason: 'credential', message: unusable } }
    if (driver.find === undefined)
      return {
        event: {
          kind: 'ambiguous',
          message: `Whether the service made a key named ${name} cannot be found out from here.`,
        },
        within: (t) => remotes.writeRemote(t, attempt, name, { state: 'left_to_person', at: clock() }),
      }
    const found = await called(() => driver.find!(context, attemptFor(attempt)))
    if (found.kind !== 'done') return { event: failed(found) }
    const doubtful = found.value.filter(({ certain }) => !certain)
    if (doubtful.length > 0)
      return {
        event: {
          kind: 'ambiguous',
          message: `These keys may or may not be of this rotation: ${doubtful.map(({ remote }) => remote.id).join(', ')}.`,
        },
        within: (t) =>
          remotes.writeRemote(t, attempt, name, {
            state: 'left_to_person',
            remote: doubtful[0]?.remote ?? null,
            at: clock(),
          }),
      }
    const [only] = found.value
    if (only === undefined)
      return {
        event: { kind: 'absent' },
        within: async (t, next) => {
          if (next.state !== 'scheduled') return
          const lookAgainAt = new Date(clock().getTime() + lookAgainAfterMs)
          await remotes.writeRemote(t, attempt, name, { state: 'absent', lookAgainAt, at: clock() })
        },
      }
    if (found.value.length === 1 && only.secret !== null) {
      const { remote, secret, settings } = only
      hands.set(attempt.id, {
        fence: attempt.fence,
        created: { remote, secret, ...(settings === undefined ? {} : { settings }) },
      })
      return {
        event: { kind: 'recovered', remote },
        within: (t) => remotes.writeRemote(t, attempt, name, { state: 'exists', remote, at: clock() }),
      }
    }
    return { event: { kind: 'orphaned', count: found.value.length } }
  }

  const storeSecret = async (attempt: RotationAttempt, key: ServiceKeyView): Promise<Performed> => {
    const held = hands.get(attempt.id)
    if (held === undefined || held.fence !== attempt.fence) return { event: { kind: 'taken_over' } }
    const { remote, secret, settings = {} } = held.created
    const prepared = await versions.prepare(key, secret, settings)
    if (!prepared.ok) {
      const { code, message } = prepared.fault
      const isOurs = code === 'vault_sealed' || code === 'secret_unreadable' || code === 'internal'
      return {
        event: isOurs
          ? { kind: 'not_stored', message }
          : { kind: 'rejected', message: `What the service made cannot be stored: ${message}` },
      }
    }
    return {
      event: { kind: 'stored', version: prepared.value.version },
      within: async (t) => {
        await versions.store(t, key, prepared.value, { rotationId: attempt.id, remote })
        hands.delete(attempt.id)
      },
    }
  }

  const prove = async (
    attempt: RotationAttempt,
    key: ServiceKeyView,
    { driver, context, unusable }: Tools,
  ): Promise<Performed> => {
    const { newRemote, toVersion } = attempt
    if (newRemote !== null && driver.ready !== undefined && unusable === null) {
      const ready = await called(() => driver.ready!(context, newRemote))
      if (ready.kind !== 'done') return { event: failed(ready) }
      if (!ready.value)
        return { event: { kind: 'rejected', message: 'The new key has not reached all of the service yet.' } }
    }
    const proof = await versions.prove(key, toVersion ?? 0)
    if (!proof.ok) return { event: { kind: 'unknown', message: proof.fault.message } }
    const { verdict, detail } = proof.value
    const cannotBeAsked = findService(key.serviceId)?.validation === null
    if (verdict === 'valid' || (verdict === 'unknown' && (cannotBeAsked || attempt.mode === 'breach')))
      return { event: { kind: 'proven' } }
    return verdict === 'unknown'
      ? { event: { kind: 'unknown', message: detail } }
      : { event: { kind: 'rejected', message: detail } }
  }

  const accepted = {
    verdict: 'valid',
    detail: 'Proven when it was rotated.',
    exhausted: false,
  } as const

  const promote = (attempt: RotationAttempt, key: ServiceKeyView): Performed => ({
    event: { kind: 'promoted' },
    isChange: true,
    within: async (t) => {
      const { fromVersion: from, toVersion: to, name, newRemote } = attempt
      await versions.promote(t, actor, key, { from, to: to ?? 0 }, accepted, 'promote_version')
      if (name !== null && newRemote !== null)
        await remotes.writeRemote(t, attempt, name, { state: 'in_use', remote: newRemote, at: clock() })
    },
  })

  /** Until every live process has dropped what it knew before the switch. */
  const acknowledge = async (attempt: RotationAttempt, version: number): Promise<Performed> => {
    const epoch = await drains.readEpoch(kysely)
    const until = performance.now() + patienceMs
    while ((await drains.countLagging(kysely, epoch)) > 0) {
      if (performance.now() > until)
        return { event: { kind: 'wait', seconds: 1, message: 'A process has not heard of the switch yet.' } }
      await sleep(25)
    }
    // What began at this epoch may have begun while caches were being dropped; what begins at the next one, that of the
    // commit, cannot.
    const barrierEpoch = epoch + 1n
    return {
      event: { kind: 'acknowledged', barrierEpoch },
      isChange: true,
      within: async (t, next) => {
        if (next.endedAt === null) await drains.openDrain(t, attempt, version, barrierEpoch)
      },
    }
  }

  const stillInUse = async (attempt: RotationAttempt): Promise<RotationEvent | null> => {
    const { silent, inFlight } = await drains.readUses(kysely, attempt.id)
    if (silent > 0)
      return {
        kind: 'in_use',
        inFlight,
        quiet: false,
        message: `${silent} process(es) have not said yet whether they use it.`,
      }
    if (inFlight > 0)
      return { kind: 'in_use', inFlight, quiet: false, message: `${inFlight} operation(s) still use it.` }
    // Five seconds for clocks that disagree; what is begun later is begun with the other version.
    const begunUntil = attempt.quietAt ?? new Date(clock().getTime() + 5000)
    const going = await drains.countLongOperations(kysely, attempt.serviceKeyId, begunUntil)
    return going === 0
      ? null
      : {
          kind: 'in_use',
          inFlight: going,
          quiet: true,
          message: `${going} task(s) that it began still go on at the service.`,
        }
  }

  const inspect = async (attempt: RotationAttempt, key: ServiceKeyView): Promise<Performed> => {
    if (key.status === 'invalid' && key.version === attempt.toVersion)
      return {
        event: {
          kind: 'ailing',
          message: 'The service refuses the new key in use; the old one takes over again.',
        },
      }
    if (attempt.mode === 'breach') return { event: { kind: 'drained' } }
    const used = await stillInUse(attempt)
    if (used !== null) return { event: used }
    const overlap = attempt.overlapUntil
    if (overlap !== null && clock() < overlap)
      return {
        event: {
          kind: 'in_use',
          inFlight: 0,
          quiet: true,
          message: 'Nobody uses it; it stays for the overlap.',
        },
      }
    return { event: { kind: 'drained' } }
  }

  const disable = async (
    attempt: RotationAttempt,
    { driver, context, unusable }: Tools,
  ): Promise<Performed> => {
    const { oldRemote } = attempt
    if (unusable !== null || oldRemote === null || driver.disable === undefined)
      return {
        event: { kind: 'refused', reason: 'credential', message: unusable ?? 'It cannot be disabled.' },
      }
    const reply = await called(() => driver.disable!(context, oldRemote))
    return { event: reply.kind === 'done' ? { kind: 'disabled' } : failed(reply) }
  }

  const revoke = async (
    attempt: RotationAttempt,
    key: ServiceKeyView,
    { driver, context, unusable }: Tools,
  ): Promise<Performed> => {
    const { oldRemote } = attempt
    if (unusable !== null || oldRemote === null || driver.revoke === undefined)
      return {
        event: { kind: 'refused', reason: 'credential', message: unusable ?? 'It cannot be revoked.' },
      }
    const reply = await called(() =>
      driver.revoke!(context, oldRemote, () => versions.open(key, attempt.fromVersion)),
    )
    return { event: reply.kind === 'done' ? { kind: 'revoked' } : failed(reply) }
  }

  const withdraw = (attempt: RotationAttempt, key: ServiceKeyView): Performed => ({
    event: { kind: 'withdrawn' },
    isChange: true,
    within: async (t) => {
      if (key.status !== 'revoked')
        await versions.withdraw(t, actor, key, 'Withdrawn after a breach. Enter a new key.')
      const { toVersion, name, newRemote } = attempt
      if (toVersion !== null) await versions.destroy(t, key, toVersion)
      // Not waited for now: it is deleted when it is looked for.
      if (name !== null && newRemote !== null)
        await remotes.writeRemote(t, attempt, name, { state: 'exists', lookAgainAt: clock(), at: clock() })
    },
  })

  const restore = async (
    attempt: RotationAttempt,
    key: ServiceKeyView,
    { driver, context, unusable }: Tools,
  ): Promise<Performed> => {
    const { oldRemote, fromVersion, toVersion } = attempt
    if (oldRemote !== null && driver.enable !== undefined && unusable === null) {
      const enabled = await called(() => driver.enable!(context, oldRemote))
      if (enabled.kind !== 'done') return { event: failed(enabled) }
    }
    const proof = await versions.prove(key, fromVersion)
    if (proof.ok && proof.value.verdict === 'invalid')
      return {
        event: {
          kind: 'refused',
          reason: 'invalid',
          message: `The service does not accept the old key any more. ${proof.value.detail}`,
        },
      }
    return {
      event: { kind: 'restored' },
      isChange: true,
      within: (t) =>
        versions.promote(
          t,
          actor,
          key,
          { from: toVersion ?? 0, to: fromVersion },
          accepted,
          'restore_version',
        ),
    }
  }

  const leave = async (attempt: RotationAttempt): Promise<Performed> => {
    if (attempt.barrierEpoch === null) return acknowledge(attempt, attempt.toVersion ?? 0)
    const used = await stillInUse(attempt)
    return { event: used ?? { kind: 'left' } }
  }

  return async (effect: Effect, attempt: RotationAttempt, lease: Lease): Promise<Performed> => {
    const which = { organizationId: attempt.organizationId, id: attempt.serviceKeyId }
    const key = await versions.find(which)
    if (key === null) throw new Error('a rotation outlived its key')
    const version = attempt.fromVersion
    const isGone = key.status === 'revoked' || (attempt.promotedAt === null && key.version !== version)
    if (isGone && ['prepare', 'store', 'prove', 'promote'].includes(effect))
      return { event: { kind: 'superseded', message: 'The key was revoked or replaced by hand.' } }
    const withTools = await tools.toolsFor(key, attempt.driverId, version, lease)
    switch (effect) {
      case 'prepare':
        return prepare(attempt, key, withTools)
      case 'create':
        return create(attempt, withTools)
      case 'find':
        return find(attempt, withTools)
      case 'store':
        return storeSecret(attempt, key)
      case 'prove':
        return prove(attempt, key, withTools)
      case 'promote':
        return promote(attempt, key)
      case 'acknowledge':
        return acknowledge(attempt, version)
      case 'inspect':
        return inspect(attempt, key)
      case 'disable':
        return disable(attempt, withTools)
      case 'pause':
        return { event: { kind: 'paused' } }
      case 'revoke':
        return revoke(attempt, key, withTools)
      case 'clean':
        return clean(attempt, key, withTools)
      case 'withdraw':
        return withdraw(attempt, key)
      case 'restore':
        return restore(attempt, key, withTools)
      case 'leave':
        return leave(attempt)
    }
  }
}
