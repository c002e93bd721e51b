import type { Database } from '../src/db/database.ts'
import { unitOf } from '../src/db/writer.ts'
import { newId } from '../src/kit/id.ts'
import type { Ledger } from '../src/ledger/ledger.ts'
import { holdRequest, purchase, type TestAccount } from './ledger.ts'

const hour = 3_600_000

/** The same numbers for the same seed. */
export const drawn = (seed: number) => {
  let state = seed
  return (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

interface Life {
  readonly database: Database
  readonly ledger: Ledger
  readonly time: { readonly clock: () => Date; readonly pass: (ms: number) => void }
  readonly account: TestAccount
}

export const settleFor = (
  { database, ledger, account }: Omit<Life, 'time'>,
  operationId: string,
  chargeMicros: bigint,
) =>
  database.kysely.transaction().execute(async (transaction) => {
    const unit = unitOf(transaction)
    await ledger.settleAll(unit, [{ ...account, operationId, chargeMicros }])
    await unit.sent()
  })

/** Some of everything that can happen to an account, in an order that the seed draws; time may run backwards a little. */
export const live = async (life: Life, steps: number, seed: number): Promise<void> => {
  const { ledger, time, account } = life
  const draw = drawn(seed)
  const open: string[] = []
  const settled: string[] = []
  const grants: string[] = []
  const hold = async () => {
    const request = holdRequest(account, BigInt(1 + draw(900)), { minimumMicros: 1n })
    if ((await ledger.hold(request)).ok) open.push(request.operationId)
  }
  const end = async () => {
    const operationId = open.splice(draw(open.length || 1), 1)[0]
    if (operationId === undefined) return
    const charge = BigInt([0, 1, 40, 400, 2_000][draw(5)] as number)
    await settleFor(life, operationId, charge)
    if (charge > 0n) settled.push(operationId)
  }
  const give = async () => {
    const expiresAt = draw(2) === 0 ? null : new Date(time.clock().getTime() + (1 + draw(30)) * hour)
    grants.push((await purchase(ledger, account, BigInt(100 + draw(2_000)), { expiresAt })).grantId)
  }
  const why = { reason: 'test', createdBy: 'test', amountMicros: BigInt(1 + draw(300)) }
  const correct = async () => {
    const operationId = settled[draw(settled.length || 1)]
    const grantId = grants[draw(grants.length || 1)]
    if (draw(2) === 0 && operationId !== undefined)
      await ledger.refund(null, { ...account, ...why, operationId, idempotencyKey: newId() })
    else if (grantId !== undefined)
      await ledger.reverse(null, { ...account, ...why, grantId, idempotencyKey: newId() })
  }
  const pass = async () => {
    time.pass(draw(4) === 0 ? -30_000 : draw(20) * hour)
    await ledger.expireGrants(time.clock())
  }
  const acts = [give, hold, hold, hold, end, end, correct, pass]
  await give()
  for (let step = 0; step < steps; step++) await (acts[draw(acts.length)] ?? hold)()
}
