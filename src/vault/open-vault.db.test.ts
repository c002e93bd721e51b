import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { cloneDatabase, type TestDatabase } from '../../tests/database.ts'
import { newId, platformOrganizationId } from '../kit/id.ts'
import { masterKeyFileName, openVault } from './open-vault.ts'

let clone: TestDatabase
let directory: string
const keyFile = () => join(directory, masterKeyFileName)
const base64Key = () => randomBytes(32).toString('base64')

beforeEach(async () => {
  clone = await cloneDatabase()
  directory = await mkdtemp(join(tmpdir(), 'aideon-vault-'))
})
afterEach(async () => {
  await clone.drop()
  await rm(directory, { recursive: true })
})

const start = (environment: Record<string, string> = {}, more: object = {}) =>
  openVault(clone.database, { environment, dataDirectory: directory, generateAllowed: true, ...more })

const refusalOf = async (outcome: ReturnType<typeof openVault>) => {
  const result = await outcome
  expect(result).toMatchObject({ ok: false, fault: { code: 'vault_sealed' } })
  return result.ok ? '' : `${result.fault.message} ${result.fault.next}`
}

test('the first start generates a key that only its owner can read, and later starts find it', async () => {
  const first = await start()
  expect(first.ok).toBe(true)
  expect((await stat(keyFile())).mode & 0o777).toBe(0o600)
  expect(await readdir(directory)).toEqual([masterKeyFileName])
  const second = await start()
  expect(first.ok && second.ok && first.value.masterKeyId === second.value.masterKeyId).toBe(true)
})

test('a generated key whose file was opened to others is closed again', async () => {
  await start()
  await chmod(keyFile(), 0o644)
  expect((await start()).ok).toBe(true)
  expect((await stat(keyFile())).mode & 0o777).toBe(0o600)
})

test('a lost key file is never replaced by a new key', async () => {
  await start()
  const { masterKeyId } = (await readCanaryRow()) as { masterKeyId: string }
  await rm(keyFile())
  expect(await refusalOf(start())).toContain(masterKeyId)
  expect(await readdir(directory)).toEqual([])
})

test('a key is not generated for a database that holds secrets, even when the canary is gone', async () => {
  await start()
  await storeSealedVersion()
  await clone.database.pool.query('DELETE FROM installation')
  await rm(keyFile())
  expect(await refusalOf(start())).toContain('backup')
  expect(await refusalOf(start({ AIDEON_MASTER_KEY: base64Key() }))).toContain('backup')
  expect(await readdir(directory)).toEqual([])
})

test('a wrong key is refused with both ids and without the key', async () => {
  const right = base64Key()
  const wrong = base64Key()
  expect((await start({ AIDEON_MASTER_KEY: right })).ok).toBe(true)
  const refusal = await refusalOf(start({ AIDEON_MASTER_KEY: wrong }))
  expect(refusal.match(/mk_[0-9a-f]{16}/g)).toHaveLength(4)
  expect(refusal).not.toContain(wrong)
  expect((await start({ AIDEON_MASTER_KEY: right })).ok).toBe(true)
})

test('a damaged canary is refused, not replaced', async () => {
  const environment = { AIDEON_MASTER_KEY: base64Key() }
  await start(environment)
  await clone.database.pool.query(
    `UPDATE installation SET value = jsonb_set(value, '{sealedSecret}', '"AAAA"')`,
  )
  await refusalOf(start(environment))
})

test.each([
  ['an unreadable value', { AIDEON_MASTER_KEY: 'correct horse battery staple' }, '44 characters'],
  ['a trivial key', { AIDEON_MASTER_KEY: '0'.repeat(64) }, 'protects nothing'],
  ['a missing file', { AIDEON_MASTER_KEY_FILE: '/nowhere/key' }, 'ENOENT'],
  ['two sources', { AIDEON_MASTER_KEY: base64Key(), AIDEON_MASTER_KEY_FILE: '/nowhere' }, 'one of the two'],
])('%s is refused with what to do, and nothing is generated or sealed', async (_, environment, hint) => {
  const refusal = await refusalOf(start(environment))
  expect(refusal).toContain(hint)
  expect(refusal).not.toContain('correct horse')
  expect(await readdir(directory)).toEqual([])
  expect(await readCanaryRow()).toBeUndefined()
})

test('where no key may be generated, none is', async () => {
  expect(await refusalOf(start({}, { generateAllowed: false }))).toContain('AIDEON_MASTER_KEY')
  expect(await readdir(directory)).toEqual([])
})

test('a key file of the operator is read', async () => {
  await start()
  const other = await openVault(clone.database, {
    environment: { AIDEON_MASTER_KEY_FILE: keyFile() },
    dataDirectory: '/nowhere',
    generateAllowed: false,
  })
  expect(other.ok).toBe(true)
})

test('processes that start at once on an empty database agree on one key and one canary', async () => {
  const outcomes = await Promise.all(Array.from({ length: 6 }, () => start()))
  const ids = outcomes.map((outcome) => (outcome.ok ? outcome.value.masterKeyId : 'refused'))
  expect(new Set(ids).size).toBe(1)
  expect(ids[0]).not.toBe('refused')
  expect(await readdir(directory)).toEqual([masterKeyFileName])
})

test('of two that start at once with different keys one is served, and the other leaves no key behind', async () => {
  const elsewhere = await mkdtemp(join(tmpdir(), 'aideon-vault-'))
  const outcomes = await Promise.all([start(), start({}, { dataDirectory: elsewhere })])
  expect(outcomes.filter((outcome) => outcome.ok)).toHaveLength(1)
  const files = [...(await readdir(directory)), ...(await readdir(elsewhere))]
  expect(files).toEqual([masterKeyFileName])
  await rm(elsewhere, { recursive: true })
})

test('the key file is base64 of 32 bytes', async () => {
  await start()
  expect(Buffer.from((await readFile(keyFile(), 'utf8')).trim(), 'base64')).toHaveLength(32)
})

const readCanaryRow = async () =>
  (await clone.database.kysely.selectFrom('installation').selectAll().executeTakeFirst())?.value

const storeSealedVersion = async () => {
  const id = newId()
  await clone.database.pool.query(
    `INSERT INTO service_keys (organization_id, id, owner, service_id, label, priority, last_four, fingerprint)
     VALUES ($1, $2, 'system', 'openai', 'one', 1, 'abcd', '\\x00')`,
    [platformOrganizationId, id],
  )
  await clone.database.pool.query(
    `INSERT INTO service_key_versions VALUES ($1, $2, 1, 'mk_1', '\\x01', '\\x01')`,
    [platformOrganizationId, id],
  )
}
