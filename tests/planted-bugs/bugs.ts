import { billingBugs } from './billing-bugs.ts'
import { budgetBugs } from './budget-bugs.ts'
import { vaultBugs } from './vault-bugs.ts'
import type { PlantedBug } from './planted-bug.ts'

const account = 'src/ledger/account.ts'
const store = 'src/ledger/store.ts'
const upkeep = 'src/ledger/store-upkeep.ts'
const ledger = 'src/ledger/ledger.ts'
const recorder = 'src/metering/recorder.ts'

const model = {
  file: 'tests/ledger-model.test.ts',
  test: 'any sequence of commands leaves every balance as the coins lie',
}
const races = (test: string) => ({ file: 'src/ledger/races.db.test.ts', test })
const corrections = (test: string) => ({ file: 'src/ledger/corrections.db.test.ts', test })
const records = (test: string) => ({ file: 'src/metering/recorder.db.test.ts', test })

const withoutSchema = `
  ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_pkey;
  DROP INDEX ledger_entries_once;
  ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_available_micros_check;
  ALTER TABLE ledger_entries DROP CONSTRAINT ledger_entries_held_micros_check;
  ALTER TABLE grants DROP CONSTRAINT grants_check;
  ALTER TABLE credit_accounts DROP CONSTRAINT credit_accounts_held_micros_check`
const withoutGrantKey =
  'ALTER TABLE grants DROP CONSTRAINT grants_organization_id_account_id_idempotency_key_key'
const withoutCorrectionKey =
  'ALTER TABLE ledger_corrections DROP CONSTRAINT ledger_corrections_organization_id_account_id_idempotency_k_key'

const ledgerBugs: readonly PlantedBug[] = [
  {
    id: 'read-then-write',
    says: 'Balances are read without a lock and written back',
    edits: [{ file: store, find: '    FOR NO KEY UPDATE`,', replace: '`,' }],
    sql: withoutSchema,
    caughtBy: races('64 clients racing on the last credits never spend one that is not there, nor lose one'),
  },
  {
    id: 'lock-and-read-in-one',
    says: 'The lock and the read of the grants are one statement, which sees the balance of before the wait',
    edits: [
      {
        file: store,
        find: `    SELECT \${grantColumns}
    FROM unnest($1::uuid[], $2::uuid[]) AS wanted (organization_id, account_id)
    JOIN grants g ON g.organization_id = wanted.organization_id AND g.account_id = wanted.account_id AND g.live\``,
        replace: `    WITH locked AS MATERIALIZED (
      SELECT id FROM credit_accounts
      WHERE (organization_id, id) IN (SELECT * FROM unnest($1::uuid[], $2::uuid[]))
      ORDER BY organization_id, id FOR NO KEY UPDATE)
    SELECT \${grantColumns}
    FROM unnest($1::uuid[], $2::uuid[]) AS wanted (organization_id, account_id)
    JOIN grants g ON g.organization_id = wanted.organization_id AND g.account_id = wanted.account_id AND g.live
    WHERE (SELECT count(*) FROM locked) > 0\``,
      },
      {
        file: store,
        find: `  const [accountRows, grantRows, holdRows, spentGrantRows] = await Promise.all([
    unit.ask<AccountRow>(lockAccounts, accounts),
    unit.ask<GrantRow>(liveGrants, accounts),`,
        replace: `  const [grantRows, accountRows, holdRows, spentGrantRows] = await Promise.all([
    unit.ask<GrantRow>(liveGrants, accounts),
    unit.ask<AccountRow>(lockAccounts, accounts),`,
      },
    ],
    sql: withoutSchema,
    caughtBy: races('64 clients racing on the last credits never spend one that is not there, nor lose one'),
  },
  {
    id: 'locks-in-no-order',
    says: 'Accounts of a batch are locked in whatever order they come',
    edits: [
      {
        file: store,
        find: `    ORDER BY organization_id, id
    FOR NO KEY UPDATE\`,`,
        replace: `    ORDER BY random()
    FOR NO KEY UPDATE\`,`,
      },
    ],
    caughtBy: races('batches over the same accounts in any order never deadlock'),
  },
  {
    id: 'missing-unique-key',
    says: 'A grant is not recognised by its idempotency key, and no unique key is beneath',
    edits: [
      {
        file: 'src/ledger/upkeep.ts',
        find: '    if (before) return { grantId: before, created: false }\n',
        replace: '',
      },
    ],
    sql: withoutGrantKey,
    caughtBy: races('the same grant asked for by all at once is given once'),
  },
  {
    id: 'allocation-twice',
    says: 'Whoever finds an account due gives its allocation, also when another process just did',
    edits: [
      {
        file: 'src/ledger/upkeep.ts',
        find: 'account.allocatedUntil > at || ',
        replace: '',
      },
      {
        file: 'src/ledger/upkeep.ts',
        find: '    if (before) return { grantId: before, created: false }\n',
        replace: '',
      },
    ],
    sql: withoutGrantKey,
    caughtBy: races('the month’s allocation is given once, however many ask for it at once'),
  },
  {
    id: 'months-from-the-month-before',
    says: 'A period ends a month after it began: 31 January, 28 February, 28 March',
    edits: [
      {
        file: 'src/ledger/period.ts',
        find: 'endsAt: addMonths(anchoredAt, months + 1)',
        replace: 'endsAt: addMonths(addMonths(anchoredAt, months), 1)',
      },
    ],
    caughtBy: {
      file: 'src/ledger/period.prop.test.ts',
      test: 'every instant lies in exactly one period, and the periods follow each other without gap',
    },
  },
  {
    id: 'double-settle',
    says: 'A settlement does not look whether the hold has ended',
    edits: [
      {
        file: ledger,
        find: 'ended.get(key)?.chargeMicros ?? endedWith(hold)',
        replace: 'ended.get(key)?.chargeMicros ?? null',
      },
    ],
    sql: withoutSchema,
    caughtBy: races('the same hold settled by all at once is settled once'),
  },
  {
    id: 'retry-holds-again',
    says: 'A hold that is tried again does not look for the one whose commit was not heard of',
    edits: [{ file: ledger, find: 'isRetry ? batch.map(holdKey) : []', replace: '[]' }],
    caughtBy: races('of a hold is found again and nothing is held twice'),
  },
  {
    id: 'release-on-timeout',
    says: 'A hold is given up when it is ten seconds old, whether or not its process works on it',
    edits: [
      {
        file: upkeep,
        find: "CASE WHEN h.state = 'open' THEN NOT process.is_alive",
        replace: "CASE WHEN h.state = 'open' THEN h.created_at < $1::timestamptz - interval '10 seconds'",
      },
    ],
    caughtBy: races(
      'is not one whose lease holds, nor the asking process itself, whatever a fast clock says',
    ),
  },
  {
    id: 'recovered-while-alive',
    says: 'A process counts as dead by the asker’s clock alone',
    edits: [
      {
        file: upkeep,
        find: 'p.lease_until > least(now(), $1::timestamptz)',
        replace: 'p.lease_until > $1::timestamptz',
      },
    ],
    caughtBy: races(
      'is not one whose lease holds, nor the asking process itself, whatever a fast clock says',
    ),
  },
  {
    id: 'no-grace',
    says: 'Holds of a dead process are given back at once: a process that was only slow loses them',
    edits: [
      {
        file: upkeep,
        find: "h.unresolved_at <= $1::timestamptz - $2::bigint * interval '1 millisecond'",
        replace: '$2::bigint >= 0',
      },
    ],
    caughtBy: races(
      'leaves its hold unresolved, and after the grace time it is given back and recorded, once',
    ),
  },
  {
    id: 'free-start',
    says: 'A hold of nothing is granted: an empty account starts operations',
    edits: [
      {
        file: account,
        find: 'const minimum = wanted.minimumMicros > 1n ? wanted.minimumMicros : 1n',
        replace: 'const minimum = wanted.minimumMicros',
      },
    ],
    caughtBy: {
      file: 'src/ledger/ledger.db.test.ts',
      test: 'never starts on an empty account, not even for a model that costs nothing',
    },
  },
  {
    id: 'expiry-eats-held',
    says: 'The expiry of a grant takes what is held along',
    edits: [
      {
        file: account,
        find: `      { bucket: 'expired', micros, grantId: grant.id },
    ])`,
        replace: `      { bucket: 'expired', micros: micros + account.heldMicros, grantId: grant.id },
      { bucket: 'held', micros: -account.heldMicros },
    ])`,
      },
    ],
    caughtBy: model,
  },
  {
    id: 'expired-comes-back',
    says: 'What a hold gives back to a grant that has expired since can be spent again',
    edits: [
      {
        file: account,
        find: "hasExpired(grantOf(account, grantId), journal.at) ? 'expired' : 'available'",
        replace: "'available'",
      },
    ],
    caughtBy: model,
  },
  {
    id: 'expired-is-usable',
    says: 'Credits can be spent until the job that expires them comes by',
    edits: [{ file: 'src/ledger/burn.ts', find: ' && !hasExpired(grant, at)', replace: '' }],
    caughtBy: model,
  },
  {
    id: 'burn-order-ignored',
    says: 'Grants are burnt in the order in which the database gives them',
    edits: [{ file: 'src/ledger/burn.ts', find: '.toSorted(compareBurn)', replace: '' }],
    caughtBy: model,
  },
  {
    id: 'returned-in-wrong-order',
    says: 'What is left of a hold returns to the grant burnt first',
    edits: [
      {
        file: 'src/ledger/burn.ts',
        find: '  let toSpend = spentMicros\n  for (const part of parts) {',
        replace: '  let toSpend = spentMicros\n  for (const part of parts.toReversed()) {',
      },
    ],
    caughtBy: model,
  },
  {
    id: 'shortfall-forgotten',
    says: 'What settles above its hold and finds no credits is nobody’s',
    edits: [
      {
        file: account,
        find: "    { bucket: 'spent', micros: chargeMicros },",
        replace: "    { bucket: 'spent', micros: chargeMicros - above + sumParts(extra) },",
      },
      { file: account, find: "    { bucket: 'debt', micros: sumParts(extra) - above },\n", replace: '' },
    ],
    caughtBy: model,
  },
  {
    id: 'debt-not-first',
    says: 'Credits that have come into effect are spent before the debt is paid',
    edits: [
      {
        file: account,
        find: '  payDebt(journal, account)\n  const usable =',
        replace: '  const usable =',
      },
    ],
    caughtBy: model,
  },
  {
    id: 'running-balance-off-by-one',
    says: 'A line of the statement shows the balance of before it',
    edits: [
      {
        file: account,
        find: '  const availableMicros = sumRemaining(account.grants.values())\n',
        replace: `  const availableMicros =
    sumRemaining(account.grants.values()) -
    kept.reduce((sum, line) => (line.bucket === 'available' ? sum + line.micros : sum), 0n)
`,
      },
    ],
    caughtBy: model,
  },
  {
    id: 'rounding-to-zero',
    says: 'A cost below a micro-credit is rounded down to nothing',
    edits: [
      {
        file: 'src/metering/price-book.ts',
        find: `      divideUp(cost * chargeBasisPoints * microsPerCredit, row.nanoUsdPerCredit * basisPoints),`,
        replace: `      (cost * chargeBasisPoints * microsPerCredit) / (row.nanoUsdPerCredit * basisPoints),`,
      },
    ],
    caughtBy: {
      file: 'src/metering/price-book.prop.test.ts',
      test: 'credits are rounded up, are zero only for no cost, and grow with the cost',
    },
  },
  {
    id: 'record-without-settle',
    says: 'An operation is recorded and its hold forgotten',
    edits: [
      {
        file: recorder,
        find: '      const outcomes = settlements.length > 0 ? await ledger.settleAll(unit, settlements) : []\n',
        replace: "      const outcomes = settlements.map((): SettleResult => ({ kind: 'ended' }))\n",
      },
    ],
    caughtBy: {
      file: 'src/ledger/ledger.db.test.ts',
      test: 'holds, settles for less and returns the rest, with its record in the same commit',
    },
  },
  {
    id: 'settle-without-record',
    says: 'The charge commits and the record is written afterwards, if at all',
    edits: [
      {
        file: recorder,
        find: `      const inserted = isRetry
        ? unit.send(insertOperations, operationValues(accepted))
        : unit.copy(copyOperations, operationLines(accepted))
`,
        replace:
          '      const inserted = isRetry ? Promise.resolve(accepted.length) : Promise.resolve(accepted.length)\n',
      },
    ],
    caughtBy: {
      file: 'src/ledger/ledger.db.test.ts',
      test: 'holds, settles for less and returns the rest, with its record in the same commit',
    },
  },
  {
    id: 'charge-after-release',
    says: 'A record is accepted although its hold was given back meanwhile',
    edits: [
      {
        file: recorder,
        find: "    if (outcome?.kind === 'ended_before' && outcome.chargeMicros === settlement.chargeMicros) return null\n",
        replace: "    if (outcome?.kind === 'ended_before') return null\n",
      },
    ],
    caughtBy: records(
      'of a hold that was given back meanwhile is refused: the record must not claim credits',
    ),
  },
  {
    id: 'refund-pays-twice',
    says: 'A refund does not count what was refunded before',
    edits: [
      {
        file: 'src/ledger/corrections.ts',
        find: 'charge.chargeMicros - charge.refundedMicros)',
        replace: 'charge.chargeMicros)',
      },
    ],
    caughtBy: corrections('returns to the grants it burnt, last burnt first, in parts and once by each key'),
  },
  {
    id: 'correction-not-idempotent',
    says: 'The same dispute, told twice, takes the credits twice',
    edits: [
      {
        file: 'src/ledger/correct.ts',
        find: '  if (before) return told(before, false)\n',
        replace: '',
      },
    ],
    sql: withoutCorrectionKey,
    caughtBy: corrections('is taken back once by the same key, and never more of it than was given'),
  },
  {
    id: 'reversal-forgets-spent',
    says: 'A purchase that is refunded after it was spent costs nothing',
    edits: [
      {
        file: 'src/ledger/corrections.ts',
        find: '  const amountMicros = least(wantedMicros, grant.issuedMicros)\n',
        replace: `  const amountMicros = least(
    least(wantedMicros, grant.issuedMicros),
    grantOf(account, grant.id).remainingMicros,
  )
`,
      },
    ],
    caughtBy: corrections(
      'gives up what is unspent first; what was spent is owed, and paid by the next grant',
    ),
  },
  {
    id: 'reversal-owes-expired',
    says: 'A purchase that is refunded after it expired unspent is owed',
    edits: [
      {
        file: 'src/ledger/corrections.ts',
        find: 'least(grant.expiredMicros, amountMicros - unspent)',
        replace: '0n',
      },
    ],
    caughtBy: corrections('does not owe what had expired unspent'),
  },
]

export const plantedBugs: readonly PlantedBug[] = [...ledgerBugs, ...billingBugs, ...budgetBugs, ...vaultBugs]
