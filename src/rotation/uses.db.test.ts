import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { cloneDatabase, type TestDatabase } from '../../tests/database.ts'
import type { Epoch } from '../db/epoch.ts'
import { makeKeyUses } from '../keys/uses.ts'
import { newId } from '../kit/id.ts'
import { silentLog } from '../kit/log.ts'
import { makeUseReports } from './uses.ts'

let clone: TestDatabase
beforeAll(async () => {
  clone = await cloneDatabase()
})
afterAll(() => clone.drop())

test('a drain that begins while this process looks for others is answered, too', async () => {
  const { kysely, pool } = clone.database
  const listeners: Parameters<Epoch['onChange']>[0][] = []
  const change = () => void listeners[0]?.(null)
  const reports = makeUseReports({
    database: clone.database,
    epoch: { processId: newId(), onChange: (listener) => void listeners.push(listener) },
    uses: makeKeyUses(),
    log: silentLog,
    everyMs: 10,
  })
  const [looks, looked] = [Promise.withResolvers<void>(), Promise.withResolvers<[]>()]
  const spy = vi.spyOn(kysely, 'selectFrom').mockImplementationOnce((() => ({
    select: () => ({
      execute: () => {
        looks.resolve()
        return looked.promise
      },
    }),
  })) as never)
  change()
  await looks.promise
  const drain = [newId(), newId(), newId()]
  await pool.query('INSERT INTO key_version_drains VALUES ($1, $2, $3, 1, 1)', drain)
  change()
  await new Promise((resolve) => setTimeout(resolve, 50))
  looked.resolve([])
  await vi.waitFor(async () => expect((await pool.query('SELECT FROM key_version_uses')).rowCount).toBe(1))
  await reports.close()
  spy.mockRestore()
})
