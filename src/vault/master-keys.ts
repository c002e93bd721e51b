import type { Transaction } from 'kysely'
import { type Actor, recordAudit } from '../audit/audit.ts'
import type { Database } from '../db/database.ts'
import type { Epoch } from '../db/epoch.ts'
import type { Schema } from '../db/schema.ts'
import type { Clock } from '../kit/clock.ts'
import { FaultError, failure, fault, type Outcome, success } from '../kit/fault.ts'
import { newId, platformOrganizationId } from '../kit/id.ts'
import type { Log } from '../kit/log.ts'
import type { Findings } from './findings.ts'
import type { Keyring, Sealed } from './keyring.ts'
import { rewrapAll } from './rewrap.ts'
import * as store from './store.ts'
import * as changes from './store-changes.ts'
import { type Finding, readFindings } from './store-findings.ts'
import { countOrganizationKeys } from './store-organization-keys.ts'
import { countOutstanding, countReferences } from './store-sealed.ts'
import type { Vault } from './vault.ts'
import { type VaultVerification, verifyVault } from './verify.ts'
import { makeVersion, type Version } from './version.ts'

export interface ChangeView extends changes.Change {
  readonly remaining: bigint
  /** Processes that cannot unwrap the staged version, or have not said that they can. */
  readonly waitingFor: readonly string[]
}

export interface MasterKeysStatus {
  readonly sealed: Sealed | null
  readonly versions: readonly (Omit<Version, 'wrappedKey' | 'canary' | 'voucher'> & {
    readonly references: number
  })[]
  readonly processes: readonly changes.LiveProcess[]
  readonly change: ChangeView | null
  readonly organizationKeys: number
  readonly shreddedOrganizations: number
  readonly findings: readonly Finding[]
}

/** Versions of the master key: what operators and administrators do with them. */
export interface MasterKeys {
  /** Null: open. */
  sealed(): Sealed | null
  status(): Promise<MasterKeysStatus>
  /** Tries to unseal now. */
  unseal(): Promise<Outcome<void>>
  /** A new version of the same provider. It goes on with one that is under way already. */
  rotate(actor: Actor, reason?: string): Promise<Outcome<void>>
  /** A new version that another provider wraps. */
  move(actor: Actor, reference: string, reason?: string): Promise<Outcome<void>>
  rewrap(actor: Actor, reason?: string): Promise<Outcome<void>>
  /**
   * Carries the change that is under way as far as it goes at the moment, if no other process does. `step` is told after
   * each batch; false ends it. Null: there is none.
   */
  work(step?: (change: changes.Change) => boolean | void): Promise<ChangeView | null>
  /** The same again and again, until the change has ended or for so long; not waited for by whoever asked for it. */
  workInBackground(): void
  verify(): Promise<Outcome<VaultVerification>>
  /** A retained version that nothing needs any more, or a staged one that is not wanted. For ever. */
  destroy(actor: Actor, version: number, reason?: string): Promise<Outcome<void>>
  /** Resolves when what is under way in the background has come to its end or stopped. */
  close(): Promise<void>
}

export const makeMasterKeys = (parts: {
  database: Database
  epoch: Epoch
  keyring: Keyring
  vault: Vault
  findings: Findings
  clock: Clock
  log: Log
  batchSize?: number
}): MasterKeys => {
  const { database, epoch, keyring, clock, log } = parts
  const { kysely } = database
  let background: Promise<void> | null = null
  const closing = new AbortController()

  const outcomeOf = async (work: () => Promise<void>): Promise<Outcome<void>> => {
    try {
      return success(await work())
    } catch (error) {
      if (error instanceof FaultError) return { ok: false, fault: error.fault }
      throw error
    }
  }

  const audit = (
    transaction: Transaction<Schema>,
    actor: Actor,
    action: 'staged' | 'promoted' | 'rewrap_started' | 'rewrapped' | 'destroyed',
    version: number,
    more: { before?: unknown; after?: unknown; reason?: string | undefined },
  ) => {
    const { reason, ...values } = more
    return recordAudit(transaction, {
      organizationId: platformOrganizationId,
      actor,
      action: `master_key.${action}`,
      subject: { kind: 'master_key', id: String(version) },
      ...values,
      ...(reason === undefined ? {} : { reason }),
    })
  }

  const activeChange = async (executor: store.Executor): Promise<changes.Change | null> => {
    const newest = await changes.readNewestChange(executor)
    return newest?.finishedAt === null ? newest : null
  }

  const stage = async (
    actor: Actor,
    kind: 'rotate' | 'move',
    reference: string | null,
    reason: string | undefined,
  ): Promise<Outcome<void>> => {
    const promoted = keyring.promoted()
    const sealed = keyring.sealed()
    if (sealed !== null || promoted === null)
      return { ok: false, fault: sealed?.problem ?? fault('vault_sealed') }
    const wanted = reference ?? promoted.reference
    const active = await activeChange(kysely)
    if (active !== null) return await goOn(active, kind, wanted)
    if (kind === 'move' && wanted === promoted.reference) return failure('conflict', alreadyThere(wanted))
    const provider = keyring.provider(wanted)
    if (!provider.ok) return provider
    const last = (await store.readVersions(kysely)).at(-1)?.version ?? 0
    const made = await makeVersion(last + 1, provider.value, {
      // What the local provider of before reads is still the same file or variable.
      localKeyId: wanted === promoted.reference ? promoted.row.localKeyId : null,
      vouchedBy: { version: promoted.row.version, masterKey: promoted.masterKey },
    })
    if (!made.ok) return made
    const version = made.value.version
    return outcomeOf(() =>
      epoch.change(platformOrganizationId, async (transaction) => {
        await store.lockVersions(transaction)
        const versions = await store.readVersions(transaction)
        if (versions.at(-1)?.version !== last || (await activeChange(transaction)) !== null)
          throw new FaultError(fault('conflict', underWay))
        await store.insertVersion(transaction, made.value, 'staged', clock())
        const change = { id: newId(), kind, state: 'staging', toVersion: version, total: 0n } as const
        await changes.insertChange(transaction, change, clock())
        const after = { id: made.value.id, provider: wanted }
        await audit(transaction, actor, 'staged', version, { after, reason })
      }),
    )
  }

  /** Asked for again what was begun: by whoever was interrupted. Anything else has to wait. */
  const goOn = async (active: changes.Change, kind: string, wanted: string): Promise<Outcome<void>> => {
    const version = (await store.readVersions(kysely)).find((one) => one.version === active.toVersion)
    return active.kind === kind && version?.provider === wanted
      ? success(undefined)
      : failure('conflict', underWay)
  }

  const waitingFor = async (executor: store.Executor, version: number): Promise<string[]> =>
    (await changes.readLiveProcesses(executor))
      .filter((one) => !one.versions.includes(version))
      .map((one) => one.processId)

  /** In one transaction with the look at who could not follow. */
  const promote = async (change: changes.Change): Promise<boolean> => {
    const version = change.toVersion
    // A version that was opened a moment ago may not have been told to the others yet.
    if (keyring.version(version) === null) await keyring.unseal()
    else await keyring.settled()
    if ((await waitingFor(kysely, version)).length > 0) return false
    return epoch.change(platformOrganizationId, async (transaction) => {
      await store.lockVersions(transaction)
      const versions = await store.readVersions(transaction)
      if (versions.find((one) => one.version === version)?.state !== 'staged') return true
      if ((await waitingFor(transaction, version)).length > 0) return false
      const before = versions.find((one) => one.state === 'promoted')?.version
      await store.promoteVersion(transaction, version, clock())
      await changes.beginRewrapping(transaction, change.id, await countOutstanding(transaction, version))
      await audit(transaction, gateway, 'promoted', version, {
        before: { version: before },
        after: { version },
      })
      return true
    })
  }

  const finish = (change: changes.Change): Promise<void> =>
    kysely.transaction().execute(async (transaction) => {
      const left = await countOutstanding(transaction, change.toVersion)
      await changes.finishChange(transaction, change.id, 'done', left, clock())
      const after = { change: change.kind, unreadable: String(left) }
      await audit(transaction, gateway, 'rewrapped', change.toVersion, { after })
    })

  const viewOf = async (change: changes.Change): Promise<ChangeView> => ({
    ...change,
    remaining:
      change.state === 'rewrapping'
        ? await countOutstanding(kysely, change.toVersion)
        : change.state === 'done'
          ? change.unreadable
          : 0n,
    waitingFor: change.state === 'staging' ? await waitingFor(kysely, change.toVersion) : [],
  })

  const newestView = async (): Promise<ChangeView | null> => {
    const newest = await changes.readNewestChange(kysely)
    return newest && viewOf(newest)
  }

  const work: MasterKeys['work'] = async (step) => {
    const change = await activeChange(kysely)
    if (change === null || keyring.sealed() !== null) return newestView()
    if (!(await changes.claimChange(kysely, change.id, epoch.processId))) return newestView()
    try {
      if (change.state === 'staging' && !(await promote(change))) return await newestView()
      if (keyring.promoted()?.row.version !== change.toVersion) await keyring.unseal()
      const result = await rewrapAll(parts, change.id, async () => {
        if (closing.signal.aborted) return false
        const now = await changes.readNewestChange(kysely)
        if (step && now && step(now) === false) return false
        return changes.claimChange(kysely, change.id, epoch.processId)
      })
      if (result === 'through') await finish(change)
    } finally {
      await changes.releaseChange(kysely, change.id, epoch.processId)
    }
    return newestView()
  }

  const workOn = async (): Promise<void> => {
    const giveUpAt = performance.now() + backgroundMs
    while (!closing.signal.aborted && performance.now() < giveUpAt) {
      const change = await work()
      if (change === null || change.finishedAt !== null) return
      await new Promise((resume) => setTimeout(resume, pauseMs))
    }
  }

  return {
    sealed: () => keyring.sealed(),

    async status() {
      const [versions, references, organizations, processes, findings, change] = await Promise.all([
        store.readVersions(kysely),
        countReferences(kysely),
        countOrganizationKeys(kysely),
        changes.readLiveProcesses(kysely),
        readFindings(kysely, findingsShown),
        newestView(),
      ])
      return {
        sealed: keyring.sealed(),
        versions: versions.map((version) => ({
          ...withoutBlobs(version),
          references: references.find((one) => one.version === version.version)?.references ?? 0,
        })),
        processes,
        change,
        organizationKeys: organizations.keys,
        shreddedOrganizations: organizations.shredded,
        findings,
      }
    },

    async unseal() {
      const problem = await keyring.unseal()
      return problem === null ? success(undefined) : { ok: false, fault: problem }
    },

    rotate: (actor, reason) => stage(actor, 'rotate', null, reason),
    move: (actor, reference, reason) => stage(actor, 'move', reference.trim(), reason),

    rewrap: async (actor, reason) => {
      const promoted = keyring.promoted()
      const sealed = keyring.sealed()
      if (sealed !== null || promoted === null)
        return { ok: false, fault: sealed?.problem ?? fault('vault_sealed') }
      return outcomeOf(() =>
        kysely.transaction().execute(async (transaction) => {
          await store.lockVersions(transaction)
          // Whatever is under way ends with a re-wrap.
          if ((await activeChange(transaction)) !== null) return
          const version = promoted.row.version
          const total = await countOutstanding(transaction, version)
          const change = {
            id: newId(),
            kind: 'rewrap',
            state: 'rewrapping',
            toVersion: version,
            total,
          } as const
          await changes.insertChange(transaction, change, clock())
          await audit(transaction, actor, 'rewrap_started', version, {
            after: { total: String(total) },
            reason,
          })
        }),
      )
    },

    work,

    workInBackground() {
      background ??= workOn()
        .catch((error: unknown) =>
          log.warn({ err: error }, 'a change of the master key stopped; it goes on in a minute'),
        )
        .finally(() => {
          background = null
        })
    },

    async verify() {
      const sealed = keyring.sealed()
      if (sealed !== null) return { ok: false, fault: sealed.problem }
      const verification = await verifyVault(parts)
      await keyring.settled()
      return success(verification)
    },

    destroy: (actor, version, reason) =>
      outcomeOf(() =>
        // Null: what other organizations' caches hold may have been sealed under it.
        epoch.change(null, async (transaction) => {
          await store.lockVersions(transaction)
          const versions = await store.readVersions(transaction)
          const row = versions.find((one) => one.version === version)
          if (row === undefined || row.state === 'destroyed') throw new FaultError(fault('not_found'))
          if (row.state === 'promoted') throw new FaultError(fault('conflict', isInUse))
          const needed = (await countReferences(transaction)).find((one) => one.version === version)
          if (needed !== undefined) throw new FaultError(fault('conflict', isNeeded(needed.references)))
          if (row.state === 'retained') await requireNamed(transaction, versions)
          const active = await activeChange(transaction)
          if (active?.toVersion === version)
            await changes.finishChange(transaction, active.id, 'abandoned', 0n, clock())
          await store.destroyVersion(transaction, version, clock())
          const before = { state: row.state, id: row.id, provider: row.provider }
          await audit(transaction, actor, 'destroyed', version, { before, reason })
        }),
      ),

    async close() {
      closing.abort()
      await background
    },
  }
}

/** Without the version that vouches for it, a process that was never told of the provider could not start any more. */
const requireNamed = async (
  transaction: Transaction<Schema>,
  versions: readonly Version[],
): Promise<void> => {
  const promoted = versions.find((one) => one.state === 'promoted')
  if (promoted === undefined) return
  const unnamed = (await changes.readLiveProcesses(transaction)).find(
    (one) => !one.named.includes(promoted.version),
  )
  if (unnamed !== undefined) throw new FaultError(fault('conflict', notNamedTo(unnamed, promoted.provider)))
}

const withoutBlobs = (version: Version): Omit<Version, 'wrappedKey' | 'canary' | 'voucher'> => {
  const { wrappedKey: _, canary: __, voucher: ___, ...rest } = version
  return rest
}

const gateway: Actor = { kind: 'gateway', id: null }
const findingsShown = 100
/** Afterwards the job that runs each minute goes on with it. */
const backgroundMs = 10 * 60_000
const pauseMs = 250

const underWay = {
  message: 'Another change of the master key is under way.',
  next: 'Wait for its end (aideon-keys vault status), or destroy the staged version.',
}
const alreadyThere = (reference: string) => ({
  message: `The master key is kept by ${reference} already.`,
  next: 'To make a new version there: aideon-keys vault rotate',
})
const isInUse = {
  message: 'This version is the one in use.',
  next: 'Rotate or move first: aideon-keys vault rotate',
}
const isNeeded = (references: number) => ({
  message: `${references} keys and secrets still need this version.`,
  next: 'Wrap them anew first: aideon-keys vault rewrap. What does not open is listed by aideon-keys vault verify.',
})
const notNamedTo = ({ host, pid }: changes.LiveProcess, reference: string) => ({
  message: `Process ${pid} on ${host} knows ${reference} only by the word of this version, and could not start without it.`,
  next: `Set AIDEON_MASTER_KEY_PROVIDER to ${reference} for every process and start them again, one after the other.`,
})
