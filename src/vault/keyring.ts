import type { KeyObject } from 'node:crypto'
import type { Database } from '../db/database.ts'
import type { Epoch } from '../db/epoch.ts'
import type { Clock } from '../kit/clock.ts'
import { failure, type Fault, fault, type Outcome, success } from '../kit/fault.ts'
import { platformOrganizationId } from '../kit/id.ts'
import type { Log } from '../kit/log.ts'
import type { Findings } from './findings.ts'
import { findLocalKey, type LocalKey, type LocalKeySources } from './local-key.ts'
import { type MasterKey, refused, sealedFaults } from './master-key.ts'
import { openPurposeKey } from './organization-key.ts'
import type { MasterKeyProvider } from './provider.ts'
import * as store from './store.ts'
import { forgetProcesses, writeProcess } from './store-changes.ts'
import { isVouchedFor, openVersion, type Version } from './version.ts'

/** A version that this process has unwrapped. */
export interface OpenVersion {
  readonly row: Version
  readonly masterKey: MasterKey
  /** What opened it: not always the place that it was wrapped at. */
  readonly reference: string
  /** The operator has named its provider to this process; otherwise an earlier version vouches for it. */
  readonly isNamed: boolean
}

export interface Sealed {
  readonly problem: Fault
  readonly since: Date
  readonly nextAttemptAt: Date | null
}

/** The versions of the master key as this process has them; no bytes of one leave it. */
export interface Keyring {
  /** Null: open. */
  sealed(): Sealed | null
  promoted(): OpenVersion | null
  version(version: number): OpenVersion | null
  byId(id: string): OpenVersion | null
  /** Every version that ever was, also those that do not open here. */
  knows(id: string): boolean
  fingerprintKey(): KeyObject | null
  provider(reference: string): Outcome<MasterKeyProvider>
  /** Reads the versions again and opens what is new. Null: open. */
  unseal(): Promise<Fault | null>
  settled(): Promise<void>
  close(): Promise<void>
}

export interface KeyringParts {
  readonly database: Database
  readonly epoch: Pick<Epoch, 'processId' | 'onChange'>
  readonly clock: Clock
  readonly log: Log
  readonly findings: Findings
  readonly sources: LocalKeySources
  /** References that the operator has named to this process, for the master key of now and of next. */
  readonly named: readonly string[]
  readonly parse: (reference: string) => Outcome<MasterKeyProvider>
  /** Makes the first version, where that can be. */
  readonly establish: (provider: (reference: string) => Outcome<MasterKeyProvider>) => Promise<Outcome<void>>
  readonly firstRetryMs?: number
}

export const fingerprintPurpose = 'fingerprint'
const longestRetryMs = 60_000
/** Providers end by themselves; this is for one that does not. */
const providerTimeoutMs = 20_000

export const makeKeyring = (parts: KeyringParts): Keyring => {
  const { database, epoch, clock, log, findings, sources, named, firstRetryMs = 1_000 } = parts
  const providers = new Map<string, MasterKeyProvider>()
  let open = new Map<number, OpenVersion>()
  let ids = new Set<string>()
  let fingerprintKey: KeyObject | null = null
  let sealed: Sealed | null = { problem: fault('vault_sealed'), since: clock(), nextAttemptAt: null }
  /** Of versions that do not open here. */
  let problems = new Map<number, Fault>()
  let timer: NodeJS.Timeout | null = null
  let failures = 0
  let closed = false
  let underWay: Promise<Fault | null> | null = null
  let again = false
  let written = ''

  const provider = (reference: string): Outcome<MasterKeyProvider> => {
    const known = providers.get(reference)
    if (known) return success(known)
    const parsed = parts.parse(reference)
    if (parsed.ok) providers.set(reference, parsed.value)
    return parsed
  }

  const tryOpen = async (reference: string, row: Version): Promise<Outcome<MasterKey>> => {
    const parsed = provider(reference)
    if (!parsed.ok) return parsed
    const late = Promise.withResolvers<Outcome<MasterKey>>()
    const limit = setTimeout(
      () => late.resolve(failure('master_key_unreachable', { message: `${reference} does not answer.` })),
      providerTimeoutMs,
    )
    const opening = openVersion(parsed.value, row).catch((error: unknown) => {
      log.error({ err: error }, 'a provider of the master key failed')
      return failure('master_key_unreachable', { message: `${reference} failed unexpectedly.` })
    })
    try {
      return await Promise.race([opening, late.promise])
    } finally {
      clearTimeout(limit)
    }
  }

  const openRow = async (
    row: Version,
    local: Outcome<LocalKey | null>,
    opened: ReadonlyMap<number, OpenVersion>,
  ): Promise<Outcome<OpenVersion>> => {
    const isLocal = row.provider.startsWith('file:') || row.provider.startsWith('env:')
    const own = local.ok ? local.value : null
    // The same key may have come to lie elsewhere: another directory, a variable in place of a file.
    if (isLocal && own !== null) {
      const found = await tryOpen(own.reference, row)
      if (found.ok) return success({ row, masterKey: found.value, reference: own.reference, isNamed: true })
      if (own.id === row.localKeyId) return found
    }
    const isNamed = named.includes(row.provider)
    const voucher = row.vouchedBy === null ? undefined : opened.get(row.vouchedBy)
    if (isNamed || (voucher && isVouchedFor(voucher.masterKey, row))) {
      const found = await tryOpen(row.provider, row)
      return found.ok ? success({ row, masterKey: found.value, reference: row.provider, isNamed }) : found
    }
    if (!local.ok) return local
    if (!isLocal || row.localKeyId === null) return refused(sealedFaults.notNamed(row.version, row.provider))
    return own === null
      ? refused(sealedFaults.lostKey(row.provider, row.localKeyId))
      : refused(sealedFaults.wrongKey(own.source, own.id, row.localKeyId))
  }

  const openRows = async (rows: readonly Version[]): Promise<void> => {
    const next = new Map<number, OpenVersion>()
    const failed = new Map<number, Fault>()
    let local: Outcome<LocalKey | null> | null = null
    for (const row of rows) {
      if (row.state === 'destroyed') continue
      const had = open.get(row.version)
      if (had?.row.id === row.id && row.wrappedKey !== null && had.row.wrappedKey?.equals(row.wrappedKey)) {
        next.set(row.version, { ...had, row })
        continue
      }
      local ??= await findLocalKey(sources)
      const opened = await openRow(row, local, next)
      if (opened.ok) next.set(row.version, opened.value)
      else failed.set(row.version, opened.fault)
    }
    open = next
    problems = failed
    ids = new Set(rows.map((row) => row.id))
  }

  const readFingerprintKey = async (): Promise<void> => {
    if (fingerprintKey !== null) return
    const row = await store.readPurposeKey(database.kysely, fingerprintPurpose)
    const by = row && open.get(row.masterKey)
    if (row && by) fingerprintKey = openPurposeKey(fingerprintPurpose, by.masterKey, row.wrappedKey)
  }

  const promoted = (): OpenVersion | null =>
    [...open.values()].find(({ row }) => row.state === 'promoted') ?? null

  const judge = (rows: readonly Version[], problem: Fault | null): Fault | null => {
    if (problem !== null) return problem
    if (promoted() !== null) return null
    const row = rows.find(({ state }) => state === 'promoted')
    return (row && problems.get(row.version)) ?? sealedFaults.missingVersions()
  }

  const publish = async (): Promise<void> => {
    const first = sealed?.problem ?? [...problems.values()][0] ?? null
    const state = {
      processId: epoch.processId,
      sealed: sealed !== null,
      problem: first?.message ?? null,
      versions: [...open.keys()],
      named: [...open.values()].filter(({ isNamed }) => isNamed).map(({ row }) => row.version),
    }
    const text = JSON.stringify(state)
    if (text === written) return
    await writeProcess(database.kysely, state, clock())
    written = text
  }

  const note = (rows: readonly Version[], problem: Fault | null): void => {
    if (problem === null) {
      if (sealed !== null && failures > 0) log.info('the vault is open')
      if (sealed !== null) findings.unsealed()
      sealed = null
      return
    }
    if (sealed === null || sealed.problem.message !== problem.message || failures === 0)
      log.error({ fault: problem.code, next: problem.next }, `the vault is sealed: ${problem.message}`)
    sealed = { problem, since: sealed?.since ?? clock(), nextAttemptAt: null }
    findings.sealed(problem, rows.find(({ state }) => state === 'promoted')?.id ?? 'none')
  }

  const retry = (): void => {
    if (closed || timer !== null) return
    const afterMs = Math.min(firstRetryMs * 2 ** Math.min(failures, 16), longestRetryMs)
    failures++
    if (sealed !== null) sealed = { ...sealed, nextAttemptAt: new Date(clock().getTime() + afterMs) }
    timer = setTimeout(() => {
      timer = null
      unseal().catch((error: unknown) => {
        log.warn({ err: error }, 'the vault could not be unsealed')
        retry()
      })
    }, afterMs)
    timer.unref()
  }

  const attempt = async (): Promise<Fault | null> => {
    let problem: Fault | null = null
    let rows = await store.readVersions(database.kysely)
    if (rows.length === 0) {
      const established = await parts.establish(provider)
      rows = await store.readVersions(database.kysely)
      // With rows there, another process was faster while this one looked.
      if (!established.ok && rows.length === 0) problem = established.fault
    }
    await openRows(rows)
    await readFingerprintKey()
    problem = judge(rows, problem)
    note(rows, problem)
    if (problem !== null || problems.size > 0) retry()
    else failures = 0
    if (rows.length > 0 || problem === null) await publish()
    return problem
  }

  /** One at a time; who asks meanwhile gets the one after it. */
  const unseal = async (): Promise<Fault | null> => {
    if (underWay !== null) {
      again = true
      return underWay
    }
    const run = async (): Promise<Fault | null> => {
      try {
        for (;;) {
          again = false
          const problem = await attempt()
          if (!again || closed) return problem
        }
      } finally {
        // At once: who asks after the last look at `again` begins anew.
        underWay = null
      }
    }
    underWay = run()
    return underWay
  }

  /** What is open is right when the change has returned; what is new is opened behind it: providers take their time. */
  const refresh = async (): Promise<void> => {
    const rows = await store.readVersions(database.kysely)
    const byVersion = new Map(rows.map((row) => [row.version, row]))
    for (const [version, had] of open) {
      const row = byVersion.get(version)
      if (row === undefined || row.state === 'destroyed' || row.id !== had.row.id) open.delete(version)
      else open.set(version, { ...had, row })
    }
    if (rows.some(({ version, state }) => state !== 'destroyed' && !open.has(version)) || promoted() === null)
      unseal().catch((error: unknown) => {
        log.warn({ err: error }, 'versions of the master key could not be opened')
        retry()
      })
    else if (open.size > 0) void publish().catch(() => {})
  }

  epoch.onChange(async (organizationId) => {
    if (closed || (organizationId !== null && organizationId !== platformOrganizationId)) return
    await refresh()
  })

  return {
    sealed: () => sealed,
    promoted,
    version: (version) => open.get(version) ?? null,
    byId: (id) => [...open.values()].find(({ row }) => row.id === id) ?? null,
    knows: (id) => ids.has(id),
    fingerprintKey: () => fingerprintKey,
    provider,
    unseal,
    settled: async () => {
      await underWay?.catch(() => null)
      await findings.settled()
    },
    async close() {
      closed = true
      if (timer !== null) clearTimeout(timer)
      await underWay?.catch(() => null)
      await findings.settled()
      await forgetProcesses(database.kysely, epoch.processId).catch(() => {})
      for (const one of providers.values()) await one.close?.().catch(() => {})
    },
  }
}
