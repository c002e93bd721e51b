import type { Transaction } from 'kysely'
import type { Actor } from '../audit/audit.ts'
import type { Schema } from '../db/schema.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'
import type { KeySettings } from '../services/service.ts'
import type { SealedSecret } from '../vault/vault.ts'
import { keyFingerprint } from './fingerprint.ts'
import { type HealthAfterRecheck, healthOfNew } from './health.ts'
import { bindingOf, isWithin, recordKeyChange, type ServiceKeyParts, viewOf } from './parts.ts'
import type { EnteredSecret, Proving } from './prove.ts'
import { lastFourOf } from './secret.ts'
import type { KeyReference, ServiceKeyView, Which } from './service-key.ts'
import { changedSettings } from './settings.ts'
import * as store from './store.ts'
import * as rotation from './store-rotation.ts'
import * as stored from './store-versions.ts'
import type { Judgement } from './validation.ts'

export type { RemoteName, VersionRow, VersionState } from './store-rotation.ts'

/** A secret that may become a version of a key: read, sealed, not written yet. */
export interface PreparedVersion {
  readonly version: number
  readonly sealed: SealedSecret
  readonly lastFour: string
  readonly fingerprint: Buffer
  readonly settings: KeySettings
}

/** The key changed under the hands of whoever rotates it. */
export class SupersededError extends Error {}

/**
 * Versions of a key, for the rotation room: what it does to them happens in the transaction that moves its attempt on.
 * Whoever promotes or restores does so within a change of the configuration (src/db/epoch.ts).
 */
export interface KeyVersions {
  readonly find: (which: Which) => Promise<ServiceKeyView | null>
  readonly list: (key: KeyReference) => Promise<rotation.VersionRow[]>
  /** The secret of a version that is not destroyed. */
  readonly open: (key: KeyReference, version: number) => Promise<Outcome<string>>
  /** Read as an entered one would be, and sealed for the number it gets. Settings: those that change. */
  readonly prepare: (
    key: ServiceKeyView,
    secret: string,
    settings: KeySettings,
  ) => Promise<Outcome<PreparedVersion>>
  readonly store: (
    transaction: Transaction<Schema>,
    key: ServiceKeyView,
    prepared: PreparedVersion,
    of: { readonly rotationId: string; readonly remote: rotation.RemoteName | null },
  ) => Promise<void>
  /** Asks the service about a stored version, with the settings it would have. */
  readonly prove: (key: ServiceKeyView, version: number) => Promise<Outcome<Judgement>>
  /** `from` retires and `to` takes over; throws SupersededError where `from` is not the current one any more. */
  readonly promote: (
    transaction: Transaction<Schema>,
    actor: Actor,
    key: KeyReference,
    versions: { readonly from: number; readonly to: number },
    judgement: Judgement,
    action: 'promote_version' | 'restore_version',
  ) => Promise<void>
  readonly setRemote: (
    transaction: Transaction<Schema>,
    key: KeyReference,
    version: number,
    remote: rotation.RemoteName,
  ) => Promise<void>
  /** Nothing opens it any more. */
  readonly destroy: (transaction: Transaction<Schema>, key: KeyReference, version: number) => Promise<void>
  /** After a breach: no operation uses the key until it has a new version. */
  readonly withdraw: (
    transaction: Transaction<Schema>,
    actor: Actor,
    key: KeyReference,
    reason: string,
  ) => Promise<void>
}

export const makeKeyVersions = (parts: ServiceKeyParts, proving: Proving): KeyVersions => {
  const { database, vault, clock, log } = parts
  const { kysely } = database

  const open: KeyVersions['open'] = async (which, version) => {
    const key = await store.findStored(kysely, which)
    const sealed = key && (await stored.readSealed(kysely, which, version))
    if (!key || !sealed || sealed.sealedSecret.length === 0) return failure('not_found')
    const secret = await vault.open(bindingOf(key, version), sealed)
    if (!secret.ok) log.error({ serviceKeyId: key.id, version }, 'a stored secret failed its integrity check')
    return secret
  }

  const enter = (key: ServiceKeyView, secret: string, settings: KeySettings): Outcome<EnteredSecret> =>
    proving.read({ serviceId: key.serviceId, secret, baseUrl: key.baseUrl, settings })

  return {
    open,
    list: (key) => rotation.listVersions(kysely, key),
    find: async (which) => {
      const found = await store.findStored(kysely, which)
      return found && isWithin(found, which) ? viewOf(found) : null
    },

    prepare: async (key, secret, settings) => {
      const entered = enter(key, secret, changedSettings(key.settings, settings))
      if (!entered.ok) return entered
      const { organizationId, serviceId, userId } = key
      const { keyBaseUrl: baseUrl, settings: read, service } = entered.value
      const at = { organizationId, serviceId, baseUrl, settings: read }
      const fingerprint = keyFingerprint(vault, at, entered.value.secret)
      if (await store.holdsFingerprint(kysely, { organizationId, userId, serviceId, fingerprint }))
        return failure('key_duplicate', { field: 'secret' })
      const version = await stored.nextVersion(kysely, key)
      const sealed = await vault.seal(bindingOf(key, version), entered.value.secret)
      if (!sealed.ok) return sealed
      const lastFour = lastFourOf(entered.value.secret, service.secretKind)
      return success({ version, sealed: sealed.value, lastFour, fingerprint, settings: read })
    },

    store: (transaction, key, prepared, { rotationId, remote }) =>
      stored.insertVersion(transaction, key, prepared.version, prepared.sealed, clock(), {
        state: 'next',
        promoted_at: null,
        last_four: prepared.lastFour,
        fingerprint: prepared.fingerprint,
        settings: JSON.stringify(prepared.settings),
        rotation_id: rotationId,
        remote: remote === null ? null : JSON.stringify(remote),
      }),

    prove: async (key, version) => {
      const [secret, row] = await Promise.all([
        open(key, version),
        rotation.findVersion(kysely, key, version),
      ])
      if (!secret.ok) return secret
      const entered = enter(key, secret.value, row?.settings ?? key.settings)
      return entered.ok ? proving.prove(entered.value) : entered
    },

    promote: async (transaction, actor, which, { from, to }, judgement, action) => {
      const key = await store.lockStored(transaction, which)
      const row = await rotation.findVersion(transaction, which, to)
      if (!key || key.status === 'revoked' || key.version !== from || !row || row.destroyedAt !== null)
        throw new SupersededError()
      const now = clock()
      await rotation.setRetiring(transaction, key, key.fingerprint, key.settings, now)
      await rotation.setCurrent(transaction, key, to, now)
      await store.updateKey(transaction, key, {
        ...healthAfter(healthOfNew(judgement, now), now, key.status === 'suspended'),
        current_version: to,
        last_four: row.lastFour ?? key.lastFour,
        fingerprint: row.fingerprint ?? key.fingerprint,
        settings: JSON.stringify(row.settings ?? key.settings),
      })
      const was = { version: from, lastFour: key.lastFour }
      await recordKeyChange(transaction, actor, key, action, was, { version: to, lastFour: row.lastFour })
    },

    setRemote: rotation.setRemote,
    destroy: (transaction, key, version) => rotation.destroyVersion(transaction, key, version, clock()),

    withdraw: async (transaction, actor, which, reason) => {
      const key = await store.lockStored(transaction, which)
      if (!key || key.status === 'revoked') throw new SupersededError()
      await store.updateKey(transaction, key, {
        ...(key.status === 'suspended' ? { suspended_status: 'invalid' } : { status: 'invalid' }),
        status_reason: reason,
        recheck_after: null,
      })
      await recordKeyChange(
        transaction,
        actor,
        key,
        'withdraw',
        { status: key.status },
        { status: 'invalid' },
      )
    },
  }
}

/** What was known of the version before says nothing of this one. */
const healthAfter = (health: HealthAfterRecheck, now: Date, suspended: boolean) => ({
  ...store.healthColumns(health, now, suspended),
  cooling_until: null,
  cooling_models: '{}',
  status_cause: null,
  next_check_at: null,
})
