import { createHash, createPublicKey, verify } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { cloneDatabase, type TestDatabase } from '../../tests/database.ts'
import { openTestVault } from '../../tests/vault.ts'
import { newId, platformOrganizationId } from '../kit/id.ts'
import { silentLog } from '../kit/log.ts'
import type { OpenedVault } from '../vault/open-vault.ts'
import { type AuditEntry, recordAudit } from './audit.ts'
import type { ChainProblemKind } from './chain.ts'
import { type AuditTrail, makeAuditTrail } from './trail.ts'

let clone: TestDatabase
let trail: AuditTrail
let opened: OpenedVault

beforeEach(async () => {
  clone = await cloneDatabase()
  opened = await openTestVault(clone.database)
  const { database } = clone
  trail = makeAuditTrail({ database, vault: opened.vault, clock: () => new Date(), log: silentLog })
})
afterEach(async () => {
  await opened.close()
  await clone.drop()
})

const entry = (label: string, organizationId = platformOrganizationId): AuditEntry => ({
  organizationId,
  actor: { kind: 'operator', id: null },
  action: 'service_key.rename',
  subject: { kind: 'service_key', id: label },
  before: { label: 'old', many: [1, 2.5, null, 'ä"\\\u2028'] },
  after: { label },
  reason: 'because',
})
const record = (...entries: AuditEntry[]) =>
  clone.database.kysely.transaction().execute(async (transaction) => {
    for (const one of entries) await recordAudit(transaction, one)
  })
const organization = async () => {
  const id = newId()
  await clone.database.pool.query(
    `INSERT INTO organizations (id, name, kind) VALUES ($1, 'Other', 'company')`,
    [id],
  )
  return id
}
/** As somebody does it who owns the tables: neither triggers nor constraints stop them. */
const tamper = async (text: string) => {
  await clone.database.pool.query(`
    ALTER TABLE audit_entries DISABLE TRIGGER USER;
    ALTER TABLE audit_links DISABLE TRIGGER USER;
    ALTER TABLE audit_checkpoints DISABLE TRIGGER USER;
    ALTER TABLE audit_links DROP CONSTRAINT audit_links_organization_id_entry_id_fkey;
    ALTER TABLE audit_checkpoints DROP CONSTRAINT audit_checkpoints_organization_id_sequence_fkey`)
  await clone.database.pool.query(text)
}
const problems = async (): Promise<ChainProblemKind[]> =>
  (await trail.verify()).problems.map(({ kind }) => kind)

test('a chain of entries is whole, and links every entry once, in the order of the commits', async () => {
  await record(entry('a'), entry('b'))
  await record(entry('c'))
  const { ok, chains } = await trail.verify()
  expect(ok).toBe(true)
  expect(chains).toMatchObject([{ organizationId: platformOrganizationId, links: 3n, checkpoint: null }])
  const rows = await trail.list({}, { before: null, limit: 10 })
  expect(rows.map(({ subjectId, sequence }) => [subjectId, sequence])).toEqual([
    ['c', 3n],
    ['b', 2n],
    ['a', 1n],
  ])
})

test('changes made at once by many end in one chain without gaps, and those taken back leave none', async () => {
  const other = await organization()
  const made = Array.from({ length: 40 }, (_, index) =>
    record(entry(`${index}`, index % 2 ? other : platformOrganizationId)),
  )
  const failed = Array.from({ length: 10 }, () =>
    clone.database.kysely
      .transaction()
      .execute(async (transaction) => {
        await recordAudit(transaction, entry('never'))
        throw new Error('taken back')
      })
      .catch(() => {}),
  )
  await Promise.all([...made, ...failed])
  const { ok, chains } = await trail.verify()
  expect(ok).toBe(true)
  expect(chains.map(({ links }) => links)).toEqual([20n, 20n])
})

describe('whoever writes to the tables is found out:', () => {
  beforeEach(async () => {
    await record(entry('a'), entry('b'), entry('c'))
    await trail.signCheckpoints()
    await record(entry('d'))
  })
  const linkOf = (sequence: number) =>
    `organization_id = '${platformOrganizationId}' AND sequence = ${sequence}`
  const rehash = `UPDATE audit_links SET text = replace(text, 'because', 'for no reason'),
    hash = sha256(previous_hash || convert_to(replace(text, 'because', 'for no reason'), 'UTF8'))`

  test.each<[string, string, ChainProblemKind[]]>([
    ['an entry changed', `UPDATE audit_entries SET reason = 'x' WHERE subject_id = 'b'`, ['entry_changed']],
    ['an entry deleted', `DELETE FROM audit_entries WHERE subject_id = 'b'`, ['entry_missing']],
    [
      'an entry and its link deleted',
      `WITH gone AS (DELETE FROM audit_entries WHERE subject_id = 'b' RETURNING id)
       DELETE FROM audit_links WHERE entry_id IN (SELECT id FROM gone)`,
      ['sequence_gap'],
    ],
    [
      'the last entry deleted with its link',
      `WITH gone AS (DELETE FROM audit_entries WHERE subject_id = 'd' RETURNING id)
       DELETE FROM audit_links WHERE entry_id IN (SELECT id FROM gone)`,
      ['head'],
    ],
    [
      'an entry put in without a link',
      `INSERT INTO audit_entries (organization_id, id, actor_kind, action, subject_kind, subject_id)
       VALUES ('${platformOrganizationId}', '00000000-0000-7000-8000-000000000001', 'operator', 'x', 'x', 'x')`,
      ['entry_unlinked'],
    ],
    ['a link written anew', `${rehash} WHERE ${linkOf(2)}`, ['entry_changed', 'previous_hash']],
    [
      'a signed link written anew, with its entry',
      `WITH changed AS (UPDATE audit_entries SET reason = 'for no reason' WHERE subject_id = 'c')
       ${rehash} WHERE ${linkOf(3)}`,
      ['checkpoint_hash', 'previous_hash'],
    ],
    [
      'a checkpoint moved to what is there now',
      `UPDATE audit_checkpoints SET sequence = 4, hash = (SELECT hash FROM audit_links WHERE ${linkOf(4)})`,
      ['checkpoint_signature'],
    ],
    [
      'a checkpoint signed by another key',
      `UPDATE audit_checkpoints SET signing_key_id = 'ask_0000'`,
      ['checkpoint_key'],
    ],
  ])('%s', async (_, text, kinds) => {
    expect(await problems()).toEqual([])
    await tamper(text)
    expect((await problems()).toSorted()).toEqual(kinds)
  })

  test('what a signing key signed that does not open is trusted no more', async () => {
    await clone.database.pool.query(
      'UPDATE audit_signing_keys SET sealed_secret = set_byte(sealed_secret, 20, get_byte(sealed_secret, 20) # 1)',
    )
    expect(await problems()).toEqual(['checkpoint_key'])
  })
})

test.each(['audit_links', 'audit_checkpoints', 'audit_entries'])(
  '%s cannot be emptied, changed or shortened',
  async (table) => {
    await record(entry('a'))
    await trail.signCheckpoints()
    for (const text of [
      `TRUNCATE ${table} CASCADE`,
      `DELETE FROM ${table}`,
      `UPDATE ${table} SET organization_id = organization_id`,
    ])
      await expect(clone.database.pool.query(text)).rejects.toThrow('append-only')
  },
)

test('a checkpoint is made once for an end, and none where nothing was added', async () => {
  await record(entry('a'), entry('b'))
  expect(await trail.signCheckpoints()).toBe(1)
  expect(await trail.signCheckpoints()).toBe(0)
  await record(entry('c'))
  const both = await Promise.all([trail.signCheckpoints(), trail.signCheckpoints()])
  expect(both.every((count) => count <= 1)).toBe(true)
  expect(await trail.verify()).toMatchObject({ ok: true, chains: [{ checkpoint: { sequence: 3n } }] })
})

test('what is exported can be checked with nothing but SHA-256 and Ed25519', async () => {
  await record(entry('a'), entry('b'))
  await trail.signCheckpoints()
  const { signingKeys } = await trail.verify()
  let hash = createHash('sha256').update(`aideon-keys audit trail of ${platformOrganizationId}`).digest('hex')
  for await (const link of trail.links(platformOrganizationId)) {
    expect(link.previousHash.toString('hex')).toBe(hash)
    hash = createHash('sha256').update(Buffer.from(hash, 'hex')).update(link.text).digest('hex')
    expect(link.hash.toString('hex')).toBe(hash)
    const { checkpoint } = link
    if (checkpoint === null) continue
    const text = `aideon-keys audit checkpoint 1\n${platformOrganizationId}\n2\n${hash}\n${checkpoint.at.toISOString()}`
    const key = createPublicKey({
      key: Buffer.from(signingKeys[0]?.publicKey ?? '', 'base64'),
      type: 'spki',
      format: 'der',
    })
    expect(verify(null, Buffer.from(text), key, checkpoint.signature)).toBe(true)
  }
  expect.assertions(5)
})
