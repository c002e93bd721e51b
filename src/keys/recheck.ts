import type { Transaction } from 'kysely'
import type { Actor } from '../audit/audit.ts'
import type { Schema } from '../db/schema.ts'
import { type Outcome, failure, FaultError, fault, success } from '../kit/fault.ts'
import { findService } from '../services/registry.ts'
import { afterRecheck, type Health, recheckAt } from './health.ts'
import type { ServiceKeys } from './keys.ts'
import { openSecret } from './open-secret.ts'
import { isWithin, outcomeOf, recordKeyChange, type ServiceKeyParts, viewOf } from './parts.ts'
import { checkOf, type Proving } from './prove.ts'
import { resemblanceWarning } from './secret.ts'
import type { ServiceKeyView, StoredServiceKey } from './service-key.ts'
import { areSameSettings } from './settings.ts'
import * as store from './store.ts'
import type { Judgement } from './validation.ts'

/** How long a process that claimed a due key may take before another asks about it. */
const claimMs = 2 * 60_000
const mostAtOnce = 20
const asking = 4

const gateway: Actor = { kind: 'gateway', id: null }

/** Asks services about stored keys again: by hand, and by itself about those that are not well. */
export const makeRechecks = (
  parts: ServiceKeyParts,
  proving: Proving,
): Pick<ServiceKeys, 'recheck' | 'recheckDue'> => {
  const { database, epoch, clock, log } = parts

  const ask = async (
    key: store.StoredKey,
  ): Promise<Outcome<{ judgement: Judgement; warning: string | null }>> => {
    const service = findService(key.serviceId)
    if (!service) return failure('not_found')
    const secret = await openSecret(parts, key)
    if (!secret.ok) return secret
    const judgement = await proving.prove({
      service,
      secret: secret.value,
      keyBaseUrl: key.baseUrl,
      settings: key.settings,
    })
    const warning = resemblanceWarning(service, secret.value)
    return judgement.ok ? success({ judgement: judgement.value, warning }) : judgement
  }

  /** Says nothing about a key that was replaced, changed or revoked while the service was asked. */
  const settle = async (
    asked: store.StoredKey,
    judgement: Judgement,
    actor: Actor,
    wait: boolean,
  ): Promise<Outcome<ServiceKeyView>> =>
    outcomeOf(() => {
      const work = async (t: Transaction<Schema>): Promise<ServiceKeyView> => {
        const key = await store.lockStored(t, asked)
        if (!key || key.status === 'revoked') throw new FaultError(fault('not_found'))
        if (key.version !== asked.version || !areSameSettings(key.settings, asked.settings))
          return viewOf(key)
        const before = healthOf(key)
        const after = afterRecheck(before, judgement, clock())
        await store.updateKey(t, key, store.healthColumns(after, clock(), key.status === 'suspended'))
        if (after.status !== before.status)
          await recordKeyChange(
            t,
            actor,
            key,
            'status_change',
            { status: before.status },
            { status: after.status },
          )
        return viewOf((await store.findStored(t, key)) as store.StoredKey)
      }
      return wait ? epoch.change(asked.organizationId, work) : epoch.announce(asked.organizationId, work)
    })

  const recheckOne = async (key: store.StoredKey, now: Date): Promise<void> => {
    const asked = await ask(key)
    if (asked.ok) {
      await settle(key, asked.value.judgement, gateway, false)
      return
    }
    // Not the service's word on the key: only the next time moves.
    const recheck_after = recheckAt(now, healthOf(key).status, key.failedRechecks)
    await database.kysely
      .transaction()
      .execute((t) => store.updateKey(t, key, { recheck_after, failed_rechecks: key.failedRechecks + 1 }))
  }

  return {
    recheck: async (actor, which): Promise<Outcome<StoredServiceKey>> => {
      const key = await store.findStored(database.kysely, which)
      if (!key || key.status === 'revoked' || !isWithin(key, which)) return failure('not_found')
      const asked = await ask(key)
      if (!asked.ok) return asked
      const { judgement, warning } = asked.value
      const view = await settle(key, judgement, actor, true)
      return view.ok ? success({ serviceKey: view.value, check: checkOf(judgement, warning) }) : view
    },

    recheckDue: async (now) => {
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
  }
}

const healthOf = (key: store.StoredKey): Health => ({
  status:
    key.status === 'suspended' || key.status === 'revoked' ? (key.suspendedStatus ?? 'active') : key.status,
  suspectedAt: key.suspectedAt,
  failedRechecks: key.failedRechecks,
})
