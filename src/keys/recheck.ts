import type { Transaction } from 'kysely'
import type { Actor } from '../audit/audit.ts'
import type { CheckCause } from '../contract/key-hygiene.ts'
import type { Schema } from '../db/schema.ts'
import { type Outcome, failure, FaultError, fault, success } from '../kit/fault.ts'
import { findService } from '../services/registry.ts'
import {
  afterPeriodicCheck,
  afterRecheck,
  type Health,
  type HealthAfterRecheck,
  recheckAt,
} from './health.ts'
import type { ServiceKeys } from './keys.ts'
import { keepMarks } from './marks.ts'
import { openSecret } from './open-secret.ts'
import { isWithin, outcomeOf, recordKeyChange, type ServiceKeyParts, viewOf } from './parts.ts'
import { checkOf, type Proof, type Proving } from './prove.ts'
import { hadWorked, leakNotices, leakReason } from './quarantine.ts'
import { resemblanceWarning } from './secret.ts'
import type { ServiceKeyView, StoredServiceKey } from './service-key.ts'
import { areSameSettings } from './settings.ts'
import * as store from './store.ts'
import { recordCheck } from './store-checks.ts'
import { isWithdrawn } from './store-versions.ts'

/** How long a process that claimed a due key may take before another asks about it. */
const claimMs = 2 * 60_000
const mostAtOnce = 20
const asking = 4

const gateway: Actor = { kind: 'gateway', id: null }

export interface Rechecks extends Pick<ServiceKeys, 'recheck' | 'recheckDue'> {
  /** About a key that seems well: a refusal makes it suspected, and a second one a minute later invalid. */
  readonly checkHealthy: (key: store.StoredKey) => Promise<void>
}

/** What a service said of a stored key; the secret stays within this file. */
interface Asked {
  readonly key: store.StoredKey
  readonly proof: Proof
  readonly secret: string
  readonly cause: CheckCause
}

/** Asks services about stored keys again: by hand, and by itself. */
export const makeRechecks = (parts: ServiceKeyParts, proving: Proving): Rechecks => {
  const { database, epoch, clock, log } = parts

  const ask = async (key: store.StoredKey, cause: CheckCause): Promise<Outcome<Asked>> => {
    const service = findService(key.serviceId)
    if (!service) return failure('not_found')
    const secret = await openSecret(parts, key)
    if (!secret.ok) return secret
    const { baseUrl: keyBaseUrl, settings } = key
    const proof = await proving.prove({ service, secret: secret.value, keyBaseUrl, settings })
    return proof.ok ? success({ key, proof: proof.value, secret: secret.value, cause }) : proof
  }

  const write = async (t: Transaction<Schema>, key: store.StoredKey, asked: Asked, actor: Actor) => {
    const { proof, cause } = asked
    const before = healthOf(key)
    const after = afterAsking(before, asked, clock())
    const statusCause = causeAfter(key, before, after)
    const isNews = statusCause !== null && key.statusCause === null
    await store.updateKey(t, key, {
      ...store.healthColumns(after, clock(), key.status === 'suspended'),
      status_cause: statusCause,
      ...(statusCause === null || key.status === 'suspended' ? {} : { status_reason: leakReason }),
    })
    const { verdict, detail } = proof
    const line = { version: key.version, cause, verdict, detail, status: after.status }
    await recordCheck(t, key, line, clock())
    await keepMarks(
      parts,
      t,
      key,
      asked.secret,
      verdict === 'valid' || proof.scope.unfit ? proof.scope.notes : null,
    )
    if (after.status !== before.status) {
      const is = isNews ? { status: after.status, cause: statusCause } : { status: after.status }
      const action = isNews ? 'quarantine' : 'status_change'
      await recordKeyChange(t, actor, key, action, { status: before.status }, is)
    }
    if (isNews) for (const notice of leakNotices(key, clock())) await parts.alerts?.notifyIn(t, notice)
  }

  /** Says nothing about a key that was replaced, changed or revoked while the service was asked. */
  const settle = async (asked: Asked, actor: Actor, wait: boolean): Promise<Outcome<ServiceKeyView>> => {
    const outcome = await outcomeOf(() => {
      const work = async (t: Transaction<Schema>): Promise<ServiceKeyView> => {
        const key = await store.lockStored(t, asked.key)
        if (!key || key.status === 'revoked') throw new FaultError(fault('not_found'))
        const isAsAsked =
          key.version === asked.key.version && areSameSettings(key.settings, asked.key.settings)
        if (!isAsAsked) return viewOf(key)
        // Its service may well accept it: so it does whoever has found it.
        if (healthOf(key).status === 'invalid' && (await isWithdrawn(t, key))) throw new FaultError(withdrawn)
        await write(t, key, asked, actor)
        return viewOf((await store.findStored(t, key)) as store.StoredKey)
      }
      const { organizationId } = asked.key
      return wait ? epoch.change(organizationId, work) : epoch.announce(organizationId, work)
    })
    parts.alerts?.soon()
    return outcome
  }

  const recheckOne = async (key: store.StoredKey, now: Date): Promise<void> => {
    const asked = await ask(key, 'unwell')
    if (asked.ok) {
      await settle(asked.value, gateway, false)
      return
    }
    // Not the service's word on the key: only the next time moves.
    const recheck_after = recheckAt(now, healthOf(key).status, key.failedRechecks)
    await database.kysely
      .transaction()
      .execute((t) => store.updateKey(t, key, { recheck_after, failed_rechecks: key.failedRechecks + 1 }))
  }

  /** No gateway needs to hear that a key is as it was. */
  const keepQuietly = (asked: Asked): Promise<void> =>
    database.kysely.transaction().execute(async (t) => {
      const key = await store.lockStored(t, asked.key)
      const isAsAsked =
        key !== undefined &&
        key.version === asked.key.version &&
        areSameSettings(key.settings, asked.key.settings) &&
        areAlike(healthOf(key), healthOf(asked.key))
      if (isAsAsked && key.status === 'active') await write(t, key, asked, gateway)
    })

  return {
    recheck: async (actor, which): Promise<Outcome<StoredServiceKey>> => {
      const key = await store.findStored(database.kysely, which)
      if (!key || key.status === 'revoked' || !isWithin(key, which)) return failure('not_found')
      const asked = await ask(key, 'by_hand')
      if (!asked.ok) return asked
      const { proof, secret } = asked.value
      const service = findService(key.serviceId)
      const warning = service ? resemblanceWarning(service, secret) : null
      const view = await settle(asked.value, actor, true)
      return view.ok ? success({ serviceKey: view.value, check: checkOf(proof, warning) }) : view
    },

    recheckDue: async (now) => {
      // Nothing can be asked, and no key is the worse for it.
      if (parts.vault.problem() !== null) return 0
      const due = await store.claimDue(database.kysely, now, new Date(now.getTime() + claimMs), mostAtOnce)
      const queue = [...due]
      const work = async () => {
        for (let key = queue.shift(); key; key = queue.shift()) {
          const { id } = key
          await recheckOne(key, now).catch((error: unknown) =>
            log.error({ err: error, serviceKeyId: id }, 'a service key could not be rechecked'),
          )
        }
      }
      await Promise.all(Array.from({ length: asking }, work))
      return due.length
    },

    checkHealthy: async (key) => {
      const asked = await ask(key, 'periodic')
      // An address that may not be called any more, or a secret that does not open: told where it is used.
      if (!asked.ok) return
      const after = afterAsking(healthOf(key), asked.value, clock())
      const isNews = !areAlike(healthOf(key), after) || (after.proven ?? key).verdict !== key.verdict
      await (isNews ? settle(asked.value, gateway, false) : keepQuietly(asked.value))
    },
  }
}

const withdrawn = fault('conflict', {
  message: 'This key was taken out of use after a breach.',
  next: 'Enter a new key. If it was a false alarm, give the rotation up first.',
})

const afterAsking = (before: Health, { proof, cause }: Asked, now: Date): HealthAfterRecheck =>
  cause === 'periodic' ? afterPeriodicCheck(before, proof, now) : afterRecheck(before, proof, now)

/** A key that had worked and is refused; it stays so until it is accepted again. */
const causeAfter = (key: store.StoredKey, before: Health, after: Health): 'possibly_leaked' | null => {
  if (after.status !== 'invalid') return null
  if (before.status === 'invalid') return key.statusCause
  return hadWorked(key) ? 'possibly_leaked' : null
}

const areAlike = (a: Health, b: Health): boolean =>
  a.status === b.status &&
  a.suspectedAt?.getTime() === b.suspectedAt?.getTime() &&
  a.failedRechecks === b.failedRechecks

const healthOf = (key: store.StoredKey): Health => ({
  status:
    key.status === 'suspended' || key.status === 'revoked' ? (key.suspendedStatus ?? 'active') : key.status,
  suspectedAt: key.suspectedAt,
  failedRechecks: key.failedRechecks,
})
