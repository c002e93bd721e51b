import { generateKeyPairSync, sign } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { cloneDatabase, type TestDatabase } from '../../tests/database.ts'
import { openTestVault } from '../../tests/vault.ts'
import { newId } from '../kit/id.ts'
import { silentLog } from '../kit/log.ts'
import type { OpenedVault } from '../vault/open-vault.ts'
import { recordAudit } from './audit.ts'
import { type Checkpoint, checkpointText } from './chain.ts'
import { type KeptPoint, parseKept } from './kept.ts'
import { checkpointLine, checkpointRecord, entryRecord } from './record.ts'
import { type AuditTrail, makeAuditTrail } from './trail.ts'

let clone: TestDatabase
let opened: OpenedVault
let trail: AuditTrail
beforeAll(async () => {
  clone = await cloneDatabase()
  opened = await openTestVault(clone.database)
  const { database } = clone
  trail = makeAuditTrail({ database, vault: opened.vault, clock: () => new Date(), log: silentLog })
  // As for somebody who owns the tables.
  await clone.database.pool.query(`
    ALTER TABLE audit_entries DISABLE TRIGGER audit_entries_append_only;
    ALTER TABLE audit_links DISABLE TRIGGER audit_links_append_only;
    ALTER TABLE audit_checkpoints DISABLE TRIGGER audit_checkpoints_append_only`)
})
afterAll(async () => {
  await opened.close()
  await clone.drop()
})

const chain = async (count: number) => {
  const id = newId()
  await clone.database.pool.query(`INSERT INTO organizations (id, name, kind) VALUES ($1, 'O', 'company')`, [
    id,
  ])
  await record(id, count)
  return id
}
const record = async (organizationId: string, count: number) => {
  for (let index = 0; index < count; index++)
    await clone.database.kysely.transaction().execute((transaction) =>
      recordAudit(transaction, {
        organizationId,
        actor: { kind: 'operator', id: null },
        action: 'service_key.rename',
        subject: { kind: 'service_key', id: `${index}` },
      }),
    )
}
/** As they are kept: written and read again. */
const keep = async (organizationId: string): Promise<KeptPoint[]> => {
  await trail.signCheckpoints()
  const own = (await trail.checkpoints()).filter((one) => one.organizationId === organizationId)
  return parseKept(own.map(checkpointLine).join('\n')) ?? []
}
const found = async (kept: readonly KeptPoint[]) => (await trail.compare(kept)).map(({ kind }) => kind)
/** Everything after the first `left` entries, with what would tell of it. */
const cutOff = async (organizationId: string, left: number) =>
  clone.database.pool.query(`
    DELETE FROM audit_checkpoints WHERE organization_id = '${organizationId}' AND sequence > ${left};
    WITH gone AS (DELETE FROM audit_links WHERE organization_id = '${organizationId}' AND sequence > ${left} RETURNING entry_id)
      DELETE FROM audit_entries WHERE id IN (SELECT entry_id FROM gone);
    UPDATE audit_heads SET (sequence, hash) = (SELECT sequence, hash FROM audit_links
      WHERE organization_id = '${organizationId}' AND sequence = ${left}) WHERE organization_id = '${organizationId}'`)

test('a chain that only grew agrees with what was kept of it', async () => {
  const id = await chain(3)
  const kept = await keep(id)
  expect(kept).toMatchObject([{ sequence: 3n, checkpoint: { signingKeyId: expect.stringMatching(/^ask_/) } }])
  await record(id, 2)
  expect(await found(kept)).toEqual([])
})

test('a chain that was cut off after a checkpoint is whole by itself, and is found by what was kept', async () => {
  const id = await chain(2)
  await keep(id)
  await record(id, 3)
  const kept = await keep(id)
  await cutOff(id, 2)
  expect((await trail.verify(id)).ok).toBe(true)
  expect(await found(kept)).toEqual(['kept_missing'])
})

test('a chain that was cut off and written anew is whole by itself, and is found by what was kept', async () => {
  const id = await chain(4)
  const kept = await keep(id)
  await cutOff(id, 2)
  await record(id, 3)
  await trail.signCheckpoints()
  expect((await trail.verify(id)).ok).toBe(true)
  expect(await found(kept)).toEqual(['kept_differs'])
})

test('a kept file that was changed, and keys that were exchanged, are found', async () => {
  const id = await chain(1)
  const [point] = (await keep(id)) as [KeptPoint]
  const checkpoint = point.checkpoint as Checkpoint
  const later = { ...point, checkpoint: { ...checkpoint, at: new Date(0) } }
  const { privateKey } = generateKeyPairSync('ed25519')
  const unsigned = { ...checkpoint, signingKeyId: 'ask_0123456789abcdef' }
  const foreign = {
    ...point,
    checkpoint: { ...unsigned, signature: sign(null, Buffer.from(checkpointText(unsigned)), privateKey) },
  }
  expect(await found([later, foreign])).toEqual(['kept_signature', 'kept_key'])
})

test('an export, a streamed file, printed checkpoints and a verification are read; anything else is not', async () => {
  const id = await chain(2)
  await trail.signCheckpoints()
  const streamed: string[] = []
  for await (const link of trail.links(id)) {
    streamed.push(entryRecord(link).line)
    if (link.checkpoint !== null) streamed.push(checkpointRecord(link.checkpoint).line)
  }
  const hashes = (text: string) =>
    parseKept(text)?.map(({ sequence, checkpoint }) => [sequence, checkpoint !== null])
  const both = [
    [1n, false],
    [2n, false],
    [2n, true],
  ]
  expect(hashes(streamed.join('\n'))).toEqual(both)
  // A delivery that was cut off within a line is repeated.
  expect(hashes([streamed[0]?.slice(0, 60), ...streamed].join('\n'))).toEqual(both)
  const [first, second, third] = streamed.map((line) => JSON.parse(line) as Record<string, unknown>)
  const { type: _, organizationId: __, ...checkpoint } = third as Record<string, unknown>
  expect(hashes([first, { ...second, checkpoint }].map((line) => JSON.stringify(line)).join('\n'))).toEqual(
    both,
  )
  const reply = JSON.stringify({
    ok: true,
    chains: [
      { organizationId: id, links: 2, checkpoint },
      { organizationId: id, checkpoint: null },
    ],
  })
  expect(hashes(reply)).toEqual([[2n, true]])
  expect(await found(parseKept(streamed.join('\n')) ?? [])).toEqual([])
  for (const text of [
    'x',
    '{}',
    '[]',
    '{"organizationId":"a"}',
    `${streamed[0]}\nnot a line`,
    '{"chains":[{"checkpoint":{}}]}',
  ])
    expect(parseKept(text)).toBeNull()
})
