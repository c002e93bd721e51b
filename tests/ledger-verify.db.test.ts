import { expect, test, vi } from 'vitest'
import { ledgerVerifyCommand } from '../src/cli/ledger-verify.ts'
import { newId } from '../src/kit/id.ts'
import { withDatabase } from './database-url.ts'
import { cloneDatabase } from './database.ts'
import { makeAccount, openLedger, purchase } from './ledger.ts'
import { stageConfig } from './stage.ts'

/** The exit code, and the claims that do not hold. */
const verify = async (url: string) => {
  const printed: string[] = []
  const log = vi.spyOn(console, 'log').mockImplementation((line: string) => void printed.push(line))
  const error = vi.spyOn(console, 'error').mockImplementation(() => {})
  const code = await ledgerVerifyCommand(stageConfig({ DATABASE_URL: url, AIDEON_DATA_DIR: '/nonexistent' }))
  log.mockRestore()
  error.mockRestore()
  return { code, failed: printed.filter((line) => line.startsWith('FAIL')).map((line) => line.slice(6)) }
}

test('aideon-keys ledger verify tells machines whether the ledger holds, does not, or could not be read', async () => {
  await using clone = await cloneDatabase()
  const ledger = openLedger(clone.database)
  const account = await makeAccount(clone.database, ledger)
  const { grantId } = await purchase(ledger, account, 100n)
  const why = { idempotencyKey: newId(), reason: 'test', createdBy: 'test' }
  await ledger.reverse(null, { ...account, ...why, grantId, amountMicros: 40n })
  await ledger.close()
  expect(await verify(clone.url)).toEqual({ code: 0, failed: [] })
  await clone.database.pool.query('ALTER TABLE ledger_corrections DISABLE TRIGGER USER')
  await clone.database.pool.query('UPDATE ledger_corrections SET amount_micros = 50')
  expect(await verify(clone.url)).toEqual({
    code: 1,
    failed: [
      'grants have left what the entries took from them',
      'grants are reversed as the corrections say, and never by more than they were',
    ],
  })
  expect((await verify(withDatabase(clone.url, 'is_not_there'))).code).toBe(2)
})
