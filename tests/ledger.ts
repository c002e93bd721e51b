import { readFile } from 'node:fs/promises'
import type { Database } from '../src/db/database.ts'
import type { Clock } from '../src/kit/clock.ts'
import { newId } from '../src/kit/id.ts'
import { silentLog } from '../src/kit/log.ts'
import { type HoldRequest, type Ledger, type LedgerOptions, makeLedger } from '../src/ledger/ledger.ts'
import type { HeldOperation, OperationRecord } from '../src/metering/operation.ts'

export interface TestAccount {
  readonly organizationId: string
  readonly userId: string
  readonly accountId: string
}

/** A clock that stands still until it is told the time. */
export const makeTestClock = (start: string) => {
  let now = new Date(start)
  const clock: Clock = () => now
  return {
    clock,
    set: (at: Date) => void (now = at),
    pass: (ms: number) => void (now = new Date(now.getTime() + ms)),
  }
}

export const openLedger = (database: Database, options: Partial<LedgerOptions> = {}): Ledger =>
  makeLedger({ database, processId: newId(), clock: () => new Date(), log: silentLog, ...options })

/** A tier without an allocation, so that a test's grants are all there is. */
export const emptyTier = 'empty'

export const makeAccount = async (
  database: Database,
  ledger: Ledger,
  options: { tierId?: string; at?: Date; organizationId?: string } = {},
): Promise<TestAccount> => {
  const organizationId = options.organizationId ?? newId()
  const userId = newId()
  const { tierId = emptyTier, at = new Date() } = options
  const accountId = await database.kysely.transaction().execute(async (transaction) => {
    await transaction
      .insertInto('tiers')
      .values({ id: emptyTier, name: 'Empty', monthly_allocation_micros: 0n, monthly_price_cents: 0n })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
    await transaction
      .insertInto('organizations')
      .values({ id: organizationId, name: 'Test', kind: 'company' })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
    await transaction
      .insertInto('users')
      .values({ id: userId, email: `${userId}@example.test`, name: 'Test' })
      .execute()
    await transaction
      .insertInto('memberships')
      .values({ organization_id: organizationId, user_id: userId, role: 'member' })
      .execute()
    return ledger.openAccount(transaction, { organizationId, userId, tierId, at })
  })
  return { organizationId, userId, accountId }
}

/** A service account that works on somebody's credits: its user's id. */
export const makeMachine = async (database: Database, payer: TestAccount): Promise<string> => {
  const id = newId()
  const { organizationId: organization_id, userId: pays_user_id } = payer
  await database.kysely.transaction().execute(async (t) => {
    const email = `${id}@service-accounts.invalid`
    await t.insertInto('users').values({ id, email, name: 'Machine', kind: 'service_account' }).execute()
    await t.insertInto('memberships').values({ organization_id, user_id: id, role: 'member' }).execute()
    await t.insertInto('service_accounts').values({ organization_id, user_id: id, pays_user_id }).execute()
  })
  return id
}

export const purchase = (
  ledger: Ledger,
  account: TestAccount,
  amountMicros: bigint,
  more: { idempotencyKey?: string; effectiveAt?: Date; expiresAt?: Date | null; burnPriority?: number } = {},
): Promise<{ grantId: string; created: boolean }> =>
  ledger.grant(null, {
    organizationId: account.organizationId,
    accountId: account.accountId,
    kind: 'purchase',
    amountMicros,
    effectiveAt: new Date(0),
    expiresAt: null,
    idempotencyKey: newId(),
    reason: null,
    createdBy: 'test',
    ...more,
  })

export const heldOperation = (account: TestAccount): HeldOperation => ({
  userId: account.userId,
  accessTokenId: newId(),
  teamId: null,
  startedAt: new Date(),
  endpoint: 'chat_completions',
  streamed: false,
  requestedModel: 'gpt-5.4',
  serviceId: 'openai',
  model: 'gpt-5.4',
  serviceKeyId: newId(),
  keyPriority: 1,
  reason: 'test',
  priceBookVersion: 1,
})

export const holdRequest = (
  account: TestAccount,
  maximumMicros: bigint,
  more: Partial<HoldRequest> = {},
): HoldRequest => ({
  organizationId: account.organizationId,
  accountId: account.accountId,
  operationId: newId(),
  minimumMicros: maximumMicros,
  maximumMicros,
  operation: heldOperation(account),
  ...more,
})

export const operationRecord = (
  account: TestAccount,
  more: Partial<OperationRecord> = {},
): OperationRecord => ({
  ...heldOperation(account),
  organizationId: account.organizationId,
  id: newId(),
  durationMs: 12,
  firstByteMs: 3,
  status: 'succeeded',
  httpStatus: 200,
  faultCode: null,
  keyOwner: 'user',
  units: null,
  decision: null,
  attempts: [{ serviceId: 'openai', status: 200 }],
  inputTokens: 10,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  cacheWrite1hTokens: 0,
  outputTokens: 20,
  reasoningTokens: 0,
  usageSource: 'reported',
  costNanoUsd: 1000n,
  heldMicros: 0n,
  creditMicros: 0n,
  ...more,
})

/** Runs the independent checker, which shares no code with the product; what is wrong, one line each. */
export const checkLedger = async (database: Database): Promise<string[]> => {
  const text = await readFile(new URL('./ledger-checker.sql', import.meta.url), 'utf8')
  const { rows } = await database.pool.query<{ problem: string }>(text)
  return rows.map((row) => row.problem)
}
