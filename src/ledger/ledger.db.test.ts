import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cloneDatabase, type TestDatabase } from '../../tests/database.ts'
import {
  checkLedger,
  holdRequest,
  makeAccount,
  openLedger,
  operationRecord,
  purchase,
} from '../../tests/ledger.ts'
import { silentLog } from '../kit/log.ts'
import { makeRecorder, type Recorder } from '../metering/recorder.ts'
import type { Ledger } from './ledger.ts'

let clone: TestDatabase
let ledger: Ledger
let recorder: Recorder
beforeAll(async () => {
  clone = await cloneDatabase()
  ledger = openLedger(clone.database)
  recorder = makeRecorder({ database: clone.database, ledger, log: silentLog })
})
afterAll(async () => {
  await recorder.close()
  await ledger.close()
  await clone.drop()
})

const credits = (n: number): bigint => BigInt(n) * 1_000_000n

describe('an operation on a system key', () => {
  test('holds, settles for less and returns the rest, with its record in the same commit', async () => {
    const account = await makeAccount(clone.database, ledger)
    await purchase(ledger, account, credits(10))
    const request = holdRequest(account, credits(4))
    expect(await ledger.hold(request)).toEqual({ ok: true, value: { heldMicros: credits(4) } })
    const operation = operationRecord(account, {
      id: request.operationId,
      keyOwner: 'system',
      heldMicros: credits(4),
      creditMicros: credits(1),
    })
    await recorder.record(operation, { ...request, chargeMicros: credits(1) })
    expect(await ledger.balance(account.organizationId, account.accountId)).toMatchObject({
      availableMicros: credits(9),
      heldMicros: 0n,
      debtMicros: 0n,
    })
    expect(await checkLedger(clone.database)).toEqual([])
  })
})
