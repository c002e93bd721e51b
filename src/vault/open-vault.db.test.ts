import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { cloneDatabase, type TestDatabase } from '../../tests/database.ts'
import { insertOrganization } from '../../tests/service-keys.ts'
import { openTestVault } from '../../tests/vault.ts'
import { formerVault, storeFormerCanary } from '../../tests/vault-format-1.ts'
import { makeEpoch } from '../db/epoch.ts'
import { systemClock } from '../kit/clock.ts'
import { failure, must } from '../kit/fault.ts'
import { newId, platformOrganizationId } from '../kit/id.ts'
import { silentLog } from '../kit/log.ts'
import { masterKeyFileName } from './local-key.ts'
import { type OpenedVault, openVault } from './open-vault.ts'
import type { SealedSecret, SecretBinding } from './vault.ts'

let clone: TestDatabase
let directory: string
let opened: OpenedVault[]
const keyFile = () => join(directory, masterKeyFileName)
const base64Key = () => randomBytes(32).toString('base64')

/** However busy the machine is. */
const eventually = <T>(check: () => T | Promise<T>): Promise<T> => vi.waitFor(check, 60_000)

beforeEach(async () => {
  clone = await cloneDatabase()
  directory = await mkdtemp(join(tmpdir(), 'aideon-vault-'))
  opened = []
})
afterEach(async () => {
  await Promise.all(opened.map((one) => one.close()))
  await clone.drop()
  await rm(directory, { recursive: true })
})

const start = async (environment: Record<string, string> = {}, more: object = {}) => {
  const { database } = clone
  const outcome = await openVault({
    database,
    epoch: makeEpoch({ database, clock: systemClock, log: silentLog }),
    transport: { request: async () => failure('service_unreachable') },
    clock: systemClock,
    log: silentLog,
    firstRetryMs: 20,
    sources: { environment, dataDirectory: directory, generateAllowed: true, ...more },
  })
  if (outcome.ok) opened.push(outcome.value)
  return outcome
}

/** It runs, and says why nothing that needs a secret works. */
const sealedOf = async (outcome: ReturnType<typeof start>): Promise<string> => {
  const { masterKeys, vault } = must(await outcome)
  expect(vault.problem()).toMatchObject({ code: 'vault_sealed' })
  expect(await vault.open(binding, nothing)).toMatchObject({ fault: { code: 'vault_sealed' } })
  const problem = (await masterKeys.status()).sealed?.problem
  return `${problem?.message} ${problem?.next}`
}

/** It does not run at all. */
const refusalOf = async (outcome: ReturnType<typeof start>): Promise<string> => {
  const result = await outcome
  expect(result).toMatchObject({ ok: false, fault: { code: 'vault_sealed' } })
  return result.ok ? '' : `${result.fault.message} ${result.fault.next}`
}

const idOf = async (outcome: ReturnType<typeof start>): Promise<string> => {
  const { masterKeys, vault } = must(await outcome)
  expect(vault.problem()).toBeNull()
  return (await masterKeys.status()).versions[0]?.id ?? ''
}

const binding: SecretBinding = {
  organizationId: platformOrganizationId,
  owner: 'system',
  userId: null,
  serviceId: 'openai',
  serviceKeyId: newId(),
  version: 1,
}
const nothing: SealedSecret = {
  masterKeyId: 'ok_0',
  wrappedKey: Buffer.alloc(0),
  sealedSecret: Buffer.alloc(0),
}

describe('the first start', () => {
  test('generates a key that only its owner can read, and later starts find it', async () => {
    const first = await idOf(start())
    expect((await stat(keyFile())).mode & 0o777).toBe(0o600)
    expect(await readdir(directory)).toEqual([masterKeyFileName])
    expect(Buffer.from((await readFile(keyFile(), 'utf8')).trim(), 'base64')).toHaveLength(32)
    expect(await idOf(start())).toBe(first)
    await chmod(keyFile(), 0o644)
    expect(await idOf(start())).toBe(first)
    expect((await stat(keyFile())).mode & 0o777).toBe(0o600)
  })

  test('stores no key that opens anything without the file', async () => {
    await start()
    const key = (await readFile(keyFile(), 'utf8')).trim()
    const { rows } = await clone.database.pool.query(
      'SELECT m.*, p.* FROM master_keys m, vault_purpose_keys p',
    )
    const stored = JSON.stringify(rows, (_, value) =>
      value?.type === 'Buffer' ? Buffer.from(value.data).toString('hex') : value,
    )
    expect(stored).not.toContain(key)
    expect(stored).not.toContain(Buffer.from(key, 'base64').toString('hex'))
  })

  test.each([
    ['an unreadable value', { AIDEON_MASTER_KEY: 'correct horse battery staple' }, '44 characters'],
    ['a trivial key', { AIDEON_MASTER_KEY: '0'.repeat(64) }, 'protects nothing'],
    ['a missing file', { AIDEON_MASTER_KEY_FILE: '/nowhere/key' }, 'ENOENT'],
    ['two sources', { AIDEON_MASTER_KEY: base64Key(), AIDEON_MASTER_KEY_FILE: '/nowhere' }, 'one of the two'],
  ])('with %s is refused with what to do, and nothing is generated', async (_, environment, hint) => {
    const refusal = await refusalOf(start(environment))
    expect(refusal).toContain(hint)
    expect(refusal).not.toContain('correct horse')
    expect(await readdir(directory)).toEqual([])
    expect(await versions()).toEqual([])
  })

  test('generates none where none may be', async () => {
    expect(await refusalOf(start({}, { generateAllowed: false }))).toContain('AIDEON_MASTER_KEY')
    expect(await readdir(directory)).toEqual([])
  })

  test('takes the provider that the operator names, whatever else there is', async () => {
    await start({ OTHER_KEY: base64Key() }, { named: ['env:OTHER_KEY'] })
    expect(await versions()).toMatchObject([{ provider: 'env:OTHER_KEY', state: 'promoted', version: 1 }])
    expect(await readdir(directory)).toEqual([])
  })

  test('of several processes on an empty database agrees on one key', async () => {
    const ids = await Promise.all(Array.from({ length: 6 }, () => idOf(start())))
    expect(new Set(ids).size).toBe(1)
    expect(await readdir(directory)).toEqual([masterKeyFileName])
    expect(await versions()).toHaveLength(1)
  })

  test('of two with different keys serves one, and the other leaves no key behind', async () => {
    const elsewhere = await mkdtemp(join(tmpdir(), 'aideon-vault-'))
    const outcomes = await Promise.all([start(), start({}, { dataDirectory: elsewhere })])
    // Whoever comes when the other is done finds a database whose key is not here: sealed. Before that it is refused.
    expect(outcomes.filter((outcome) => outcome.ok && outcome.value.vault.problem() === null)).toHaveLength(1)
    const files = [...(await readdir(directory)), ...(await readdir(elsewhere))]
    expect(files).toEqual([masterKeyFileName])
    await rm(elsewhere, { recursive: true })
  })
})

describe('a database whose key is not there', () => {
  test('is never given a new one: the vault stays sealed, and opens by itself when the file is back', async () => {
    const id = await idOf(start())
    await rename(keyFile(), `${keyFile()}.away`)
    const outcome = start()
    expect(await sealedOf(outcome)).toMatch(/mk_[0-9a-f]{16}.* is missing/)
    expect(await readdir(directory)).toEqual([`${masterKeyFileName}.away`])
    await rename(`${keyFile()}.away`, keyFile())
    const { vault } = must(await outcome)
    await eventually(() => expect(vault.problem()).toBeNull())
    expect(await idOf(outcome)).toBe(id)
    expect(await audited()).toEqual(['vault.sealed', 'vault.unsealed'])
  })

  test('also when nothing tells of it any more but the secrets', async () => {
    await start()
    await storeSealedVersion()
    await clone.database.pool.query('TRUNCATE master_keys CASCADE')
    await rm(keyFile())
    expect(await sealedOf(start())).toContain('backup')
    expect(await sealedOf(start({ AIDEON_MASTER_KEY: base64Key() }))).toContain('backup')
    expect(await readdir(directory)).toEqual([])
    expect(await versions()).toEqual([])
  })

  test('says which key is wanted and which is there, without either, and audits it once', async () => {
    const [right, wrong] = [base64Key(), base64Key()]
    await idOf(start({ AIDEON_MASTER_KEY: right }))
    const outcome = start({ AIDEON_MASTER_KEY: wrong })
    const said = await sealedOf(outcome)
    expect(new Set(said.match(/mk_[0-9a-f]{16}/g))).toHaveProperty('size', 2)
    expect(said).not.toContain(wrong)
    const { masterKeys } = must(await outcome)
    for (let tries = 0; tries < 3; tries++)
      expect(await masterKeys.unseal()).toMatchObject({ fault: { code: 'vault_sealed' } })
    expect(await audited()).toEqual(['vault.sealed'])
    expect(await masterKeys.rotate({ kind: 'operator', id: null })).toMatchObject({ ok: false })
    await idOf(start({ AIDEON_MASTER_KEY: right }))
  })

  test.each([
    ['the wrapped key', 'wrapped_key'],
    ['the canary', 'canary'],
  ])('is sealed when %s was changed, and nothing is replaced', async (_, column) => {
    const environment = { AIDEON_MASTER_KEY: base64Key() }
    await start(environment)
    await clone.database.pool.query(
      `UPDATE master_keys SET ${column} = set_byte(${column}, 20, get_byte(${column}, 20) # 1)`,
    )
    const before = await versions()
    await sealedOf(start(environment))
    expect(await versions()).toEqual(before)
  })

  test('opens with the same key from another place', async () => {
    const id = await idOf(start())
    const environment = { AIDEON_MASTER_KEY_FILE: keyFile() }
    expect(await idOf(start(environment, { dataDirectory: '/nowhere', generateAllowed: false }))).toBe(id)
    const value = (await readFile(keyFile(), 'utf8')).trim()
    expect(await idOf(start({ AIDEON_MASTER_KEY: value }, { dataDirectory: '/nowhere' }))).toBe(id)
  })

  test('is not opened by a provider that the database names and the operator does not', async () => {
    const environment = { AIDEON_MASTER_KEY: base64Key(), PLANTED: base64Key() }
    await start(environment)
    await clone.database.pool.query(
      `UPDATE master_keys SET provider = 'passphrase:env:PLANTED', local_key_id = NULL`,
    )
    expect(await sealedOf(start(environment))).toContain('nobody has named')
  })
})

describe('an installation from before versions of the master key', () => {
  const bytes = randomBytes(32)
  const former = formerVault(bytes)
  const environment = { AIDEON_MASTER_KEY: bytes.toString('base64') }

  const storeFormer = async () => {
    await storeFormerCanary(clone.database, bytes)
    const { organizationId, userId } = await insertOrganization(clone.database)
    const own: SecretBinding = { ...binding, organizationId, owner: 'user', userId, serviceKeyId: newId() }
    await storeKey(own, former.seal(own, 'the first secret'))
    await addVersion({ ...own, version: 2 }, former.seal({ ...own, version: 2 }, 'the second secret'))
    const hook: SecretBinding = { ...own, serviceId: 'webhook', serviceKeyId: newId() }
    const sealedHook = former.seal(hook, 'whsec_former')
    await clone.database.pool.query(
      'INSERT INTO webhook_secrets VALUES ($1, $2, $3, $4, $5, $6, $7, now())',
      [
        organizationId,
        userId,
        hook.serviceKeyId,
        sealedHook.masterKeyId,
        sealedHook.wrappedKey,
        sealedHook.sealedSecret,
        'rmer',
      ],
    )
    const signing: SecretBinding = { ...binding, serviceId: 'audit signing key', serviceKeyId: 'ask_former' }
    const sealedSigning = former.seal(signing, 'a private key')
    await clone.database.pool.query('INSERT INTO audit_signing_keys VALUES ($1, $2, $3, $4, $5, now())', [
      'ask_former',
      Buffer.from('public'),
      sealedSigning.masterKeyId,
      sealedSigning.wrappedKey,
      sealedSigning.sealedSecret,
    ])
    return { own, hook, signing }
  }

  test('opens what it holds at once, and seals it anew under organization keys by itself', async () => {
    const { own } = await storeFormer()
    const { vault, masterKeys } = must(await start(environment))
    expect(await versions()).toMatchObject([{ id: former.masterKeyId, version: 1, state: 'promoted' }])
    const [before] = await keyRows()
    expect(await vault.open(own, sealedIn(before))).toEqual({ ok: true, value: 'the first secret' })
    expect(must(await masterKeys.verify())).toMatchObject({ ok: true, secrets: 4, former: 4 })

    expect(await masterKeys.work()).toMatchObject({
      kind: 'upgrade',
      state: 'done',
      total: 4n,
      done: 4n,
      remaining: 0n,
    })
    expect(must(await masterKeys.verify())).toMatchObject({
      ok: true,
      secrets: 4,
      former: 0,
      organizationKeys: 2,
    })
    const after = await keyRows()
    expect(after.map(({ master_key_id }) => master_key_id.slice(0, 3))).toEqual(['ok_', 'ok_'])
    expect(await vault.open(own, sealedIn(after[0]))).toEqual({ ok: true, value: 'the first secret' })
    expect(await vault.open(own, sealedIn(before))).toEqual({ ok: true, value: 'the first secret' })
    expect(await clone.database.pool.query('SELECT FROM installation')).toMatchObject({ rowCount: 0 })
  })

  test('knows duplicates again: fingerprints are what they were', async () => {
    await storeFormer()
    const { vault } = must(await start(environment))
    const { vault: other } = await openTestVault(await emptyDatabase())
    const fingerprint = vault.fingerprint(binding.organizationId, 'openai', 'x')
    expect(fingerprint).not.toEqual(other.fingerprint(binding.organizationId, 'openai', 'x'))
    const { masterKeys } = must(await start(environment))
    await masterKeys.work()
    must(await masterKeys.rotate({ kind: 'operator', id: null }))
    expect(await masterKeys.work()).toMatchObject({ state: 'done' })
    const { vault: later } = must(await start(environment))
    expect(later.fingerprint(binding.organizationId, 'openai', 'x')).toEqual(fingerprint)
  })

  test('with a wrong or lost key is sealed, keeps every row, and opens when the key is right', async () => {
    const { own } = await storeFormer()
    const before = await keyRows()
    expect(await sealedOf(start({ AIDEON_MASTER_KEY: base64Key() }))).toContain(former.masterKeyId)
    expect(await sealedOf(start())).toContain('is missing')
    expect(await readdir(directory)).toEqual([])
    expect(await keyRows()).toEqual(before)
    const { vault } = must(await start(environment))
    expect(await vault.open(own, sealedIn(before[0]))).toMatchObject({ ok: true })
  })

  test('of several processes that start at once is upgraded once', async () => {
    await storeFormer()
    const ids = await Promise.all(Array.from({ length: 4 }, () => idOf(start(environment))))
    expect(new Set(ids)).toEqual(new Set([former.masterKeyId]))
    const { rows } = await clone.database.pool.query('SELECT kind FROM vault_changes')
    expect(rows).toEqual([{ kind: 'upgrade' }])
    await Promise.all(opened.map(({ masterKeys }) => masterKeys.work()))
    const [one] = opened as [OpenedVault]
    expect(must(await one.masterKeys.verify())).toMatchObject({ ok: true, former: 0, secrets: 4 })
  })
})

const versions = async () =>
  (await clone.database.pool.query('SELECT * FROM master_keys ORDER BY version')).rows

/** When every process has written down what it found. */
const audited = async () => {
  await Promise.all(opened.map((one) => one.close()))
  return auditRows()
}
const auditRows = async () =>
  (
    await clone.database.pool.query(
      `SELECT action FROM audit_entries WHERE action LIKE 'vault.%' ORDER BY id`,
    )
  ).rows.map(({ action }) => action)

const keyRows = async () =>
  (await clone.database.pool.query('SELECT * FROM service_key_versions ORDER BY version')).rows
const sealedIn = (row: Awaited<ReturnType<typeof keyRows>>[number]): SealedSecret => ({
  masterKeyId: row.master_key_id,
  wrappedKey: row.wrapped_key,
  sealedSecret: row.sealed_secret,
})

const storeKey = async (of: SecretBinding, sealed: SealedSecret) => {
  await clone.database.pool.query(
    `INSERT INTO service_keys (organization_id, id, owner, user_id, service_id, label, priority, last_four, fingerprint)
     VALUES ($1, $2, $3, $4, $5, 'one', $6, 'abcd', '\\x00')`,
    [of.organizationId, of.serviceKeyId, of.owner, of.userId, of.serviceId, of.owner === 'system' ? 1 : null],
  )
  await addVersion(of, sealed)
}
const addVersion = (of: SecretBinding, sealed: SealedSecret) =>
  clone.database.pool.query(
    `INSERT INTO service_key_versions (organization_id, service_key_id, version, master_key_id, wrapped_key, sealed_secret)
     VALUES ($1, $2, $3, $4, $5, $6)`,
    [
      of.organizationId,
      of.serviceKeyId,
      of.version,
      sealed.masterKeyId,
      sealed.wrappedKey,
      sealed.sealedSecret,
    ],
  )
const storeSealedVersion = () =>
  storeKey(
    { ...binding, serviceKeyId: newId() },
    { masterKeyId: 'ok_1', wrappedKey: Buffer.of(1), sealedSecret: Buffer.of(1) },
  )

const others: TestDatabase[] = []
const emptyDatabase = async () => {
  const other = await cloneDatabase()
  others.push(other)
  return other.database
}
afterEach(async () => {
  for (const other of others.splice(0)) await other.drop()
})
