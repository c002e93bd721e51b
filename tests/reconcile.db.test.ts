import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { reconcileCommand, type ReconcileOptions } from '../src/cli/reconcile.ts'
import { newId } from '../src/kit/id.ts'
import { withDatabase } from './database-url.ts'
import { cloneDatabase } from './database.ts'
import { makeAccount, openLedger } from './ledger.ts'
import { insertOperation } from './operation-row.ts'
import { testMasterKey } from './scene.ts'
import { stageConfig } from './stage.ts'

test('aideon-keys reconcile tells machines whether the books agree, do not, or could not be read', async () => {
  await using clone = await cloneDatabase()
  const directory = await mkdtemp(join(tmpdir(), 'aideon-reconcile-'))
  const ledger = openLedger(clone.database)
  const account = await makeAccount(clone.database, ledger)
  const why = { idempotencyKey: newId(), reason: 'test', createdBy: 'test', kind: 'adjustment' as const }
  const times = { effectiveAt: new Date(), expiresAt: null }
  await ledger.grant(null, { ...account, ...why, ...times, amountMicros: 100n })
  await ledger.close()
  const reconcile = async (url: string, options: ReconcileOptions = {}) => {
    const printed: string[] = []
    const log = vi.spyOn(console, 'log').mockImplementation((line: string) => void printed.push(line))
    const error = vi.spyOn(console, 'error').mockImplementation(() => {})
    const code = await reconcileCommand(
      stageConfig({
        DATABASE_URL: url,
        AIDEON_DATA_DIR: directory,
        AIDEON_MASTER_KEY: testMasterKey,
        AIDEON_LOG_LEVEL: 'silent',
      }),
      options,
    )
    log.mockRestore()
    error.mockRestore()
    return { code, printed, failed: printed.filter((line) => line.startsWith('FAIL')) }
  }
  expect(await reconcile(clone.url)).toMatchObject({ code: 0, failed: [] })

  const file = join(directory, 'usage.csv')
  const today = new Date().toISOString().slice(0, 10)
  await writeFile(file, `day,model,requests\n${today},gpt-5-mini,1\n`)
  const imported = await reconcile(clone.url, { import: file, service: 'openai' })
  expect([imported.code, imported.failed.length]).toEqual([1, 1])
  await insertOperation(clone.database, account, { key_owner: 'system', cost_nano_usd: null })
  expect((await reconcile(clone.url)).code).toBe(0)

  await clone.database.pool.query('UPDATE credit_accounts SET held_micros = 1')
  const wrong = await reconcile(clone.url, { json: true, all: true })
  const told = JSON.parse(wrong.printed[0] ?? '') as { run: { ok: boolean }; findings: { check: string }[] }
  expect([wrong.code, told.run.ok]).toEqual([1, false])
  expect(new Set(told.findings.map(({ check }) => check))).toEqual(new Set(['balances', 'holds', 'totals']))
  expect((await reconcile(withDatabase(clone.url, 'is_not_there'))).code).toBe(2)
  await rm(directory, { recursive: true })
})
