import { afterAll, beforeAll, expect, test } from 'vitest'
import { cloneDatabase, type TestDatabase } from '../../tests/database.ts'
import { platformOrganizationId } from '../kit/id.ts'
import { type AuditEntry, recordAudit } from './audit.ts'

let clone: TestDatabase
beforeAll(async () => {
  clone = await cloneDatabase()
})
afterAll(() => clone.drop())

const entry: AuditEntry = {
  organizationId: platformOrganizationId,
  actor: { kind: 'operator', id: null },
  action: 'service_key.rename',
  subject: { kind: 'service_key', id: 'k' },
  before: { label: 'old', priority: 1 },
  after: { label: 'new', priority: 1 },
}
const rows = () => clone.database.kysely.selectFrom('audit_entries').selectAll().execute()

test('an entry stands or falls with the change it tells of', async () => {
  const failing = clone.database.kysely.transaction().execute(async (transaction) => {
    await recordAudit(transaction, entry)
    throw new Error('the change failed')
  })
  await expect(failing).rejects.toThrow('the change failed')
  expect(await rows()).toEqual([])
  await clone.database.kysely.transaction().execute((transaction) => recordAudit(transaction, entry))
  expect(await rows()).toMatchObject([
    { action: 'service_key.rename', before: entry.before, after: entry.after },
  ])
})

const secret = 'sk-ant-api03-abcdefghijklmnopqrstuvwxyz'
test.each([
  ['before', { before: { label: secret } }],
  ['after', { after: [{ deep: { text: `x ${secret}` } }] }],
  ['reason', { reason: `because of ${secret}` }],
])('a secret in %s takes the change back', async (_, more) => {
  const count = (await rows()).length
  const refused = clone.database.kysely
    .transaction()
    .execute((transaction) => recordAudit(transaction, { ...entry, ...more }))
  await expect(refused).rejects.toMatchObject({ fault: { code: 'invalid_request' } })
  await expect(refused).rejects.not.toThrow(secret)
  expect(await rows()).toHaveLength(count)
})

test('entries cannot be changed or deleted', async () => {
  await clone.database.kysely.transaction().execute((transaction) => recordAudit(transaction, entry))
  await expect(clone.database.pool.query(`UPDATE audit_entries SET action = 'x'`)).rejects.toThrow(
    'append-only',
  )
  await expect(clone.database.pool.query('DELETE FROM audit_entries')).rejects.toThrow('append-only')
})
