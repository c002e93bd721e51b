import { must } from '../../src/kit/fault.ts'
import type { Rooms } from '../../src/rooms.ts'
import type { Bookkeeping } from '../processes/bookkeeping.ts'
import { operator, type StagePerson } from '../scene.ts'
import { fastClock } from './fast-clock.ts'
import type { Random } from './random.ts'
import type { Owner } from './worker-child.ts'

interface Subscribers {
  readonly organizationId: string
  readonly count: number
  readonly tierId: 'free' | 'pro'
  readonly collection: 'none' | 'manual' | 'stripe'
  /** When the period of the first ends; those of the others minutes later each. */
  readonly firstEnd: Date
  readonly now: Date
}

/** People in the middle of a month that was given to them before, which is due in a while. */
const subscribe = async (
  books: Bookkeeping,
  { organizationId, count, tierId, collection, firstEnd, now }: Subscribers,
): Promise<(Owner & { accountId: string })[]> => {
  const made = await books.query(
    `WITH made AS (
       INSERT INTO users (id, email, name) SELECT id, 'buyer-' || id || '@example.test', 'Buyer'
       FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, $2::integer)) AS new RETURNING id
     ), members AS (
       INSERT INTO memberships (organization_id, user_id, role) SELECT $1, id, 'member' FROM made RETURNING user_id
     ), months AS (
       SELECT user_id, $3::timestamptz + (row_number() OVER () - 1) * interval '7 minutes' AS ends FROM members
     ), accounts AS (
       INSERT INTO credit_accounts (organization_id, id, user_id, tier_id, anchored_at, allocated_until, is_subscribed)
       SELECT $1, gen_random_uuid(), user_id, $4, ends - interval '1 month', ends, true FROM months
       RETURNING id, user_id, anchored_at, allocated_until
     )
     INSERT INTO subscriptions (organization_id, account_id, user_id, status, tier_id, tier_version, collection, anchored_at,
       period_number, period_start, period_end, created_at)
     SELECT $1, id, user_id, 'active', $4, 1, $5, anchored_at, 0, anchored_at, allocated_until, $6 FROM accounts
     RETURNING user_id, account_id`,
    [organizationId, count, firstEnd, tierId, collection, now],
  )
  return made.map((row) => ({
    organizationId,
    userId: String(row['user_id']),
    accountId: String(row['account_id']),
  }))
}

/** Subscribers of the free tier whose periods end while the simulation runs, by its fast clock; half of them buy automatically. */
export const makeBuyers = async (
  books: Bookkeeping,
  organizationId: string,
  startMs: number,
): Promise<Owner[]> => {
  const now = new Date(startMs)
  const firstEnd = new Date(startMs + 7 * 60_000)
  const made = await subscribe(books, {
    organizationId,
    count: 12,
    tierId: 'free',
    collection: 'none',
    firstEnd,
    now,
  })
  await books.query(
    `INSERT INTO auto_top_ups (organization_id, account_id, is_enabled, threshold_micros, pack_id, monthly_cap_minor, changed_at)
     SELECT $1, id, true, 400000000, 'small', 1500, now() FROM unnest($2::uuid[]) AS id`,
    [organizationId, made.slice(0, 6).map(({ accountId }) => accountId)],
  )
  return made.map(({ userId }) => ({ organizationId, userId }))
}

/** Somebody on a paid tier whose month ends at once, or soon enough to leave a card before; null: the database is away. */
export const newcomers =
  (open: () => Promise<Bookkeeping>, random: Random, organizationId: string, startMs: number) =>
  async (): Promise<Owner | null> => {
    const now = fastClock(startMs)()
    const isDue = random.chance(0.4)
    try {
      await using books = await open()
      const [made] = await subscribe(books, {
        organizationId,
        count: 1,
        tierId: 'pro',
        collection: random.chance(0.8) ? 'stripe' : 'manual',
        firstEnd: new Date(now.getTime() + (isDue ? 1 : 20 + random.whole(20)) * 60_000),
        now,
      })
      return made ? { organizationId, userId: made.userId } : null
    } catch {
      return null
    }
  }

/** Hard budgets that are never reached: operations reserve of them and count towards them. */
export const makeBudgets = async (rooms: Rooms, people: readonly StagePerson[]): Promise<void> => {
  for (const { organizationId, userId } of people)
    must(
      await rooms.budgets.create(operator, {
        organizationId,
        userId,
        accessTokenId: null,
        serviceId: null,
        name: 'Simulated',
        measure: 'credits',
        limit: 1_000_000_000_000n,
        enforcement: 'hard',
        period: 'calendar_month',
        timeZone: 'UTC',
        setBy: 'administrator',
      }),
    )
}

/** A record and its count are one commit; what is set aside belongs to a hold. */
export const budgetProblems = async (books: Bookkeeping): Promise<string[]> => {
  const rows = await books.query(`
    SELECT format('budget %s has counted %s, its operations used %s', p.budget_id, p.used, o.used) AS problem
    FROM budget_periods p JOIN budgets b ON b.organization_id = p.organization_id AND b.id = p.budget_id
    CROSS JOIN LATERAL (SELECT coalesce(sum(credit_micros), 0) AS used FROM operations
      WHERE organization_id = b.organization_id AND user_id = b.user_id AND key_owner = 'system') AS o
    WHERE p.used <> o.used
    UNION ALL
    SELECT format('what budget %s set aside for %s belongs to no hold', r.budget_id, r.operation_id)
    FROM budget_reservations r WHERE NOT EXISTS (SELECT FROM holds h
      WHERE h.organization_id = r.caller_organization_id AND h.id = r.operation_id)
    UNION ALL
    SELECT format('budget %s set %s aside for %s, whose hold is %s', r.budget_id, r.amount, r.operation_id, h.amount_micros)
    FROM budget_reservations r JOIN holds h ON h.organization_id = r.caller_organization_id AND h.id = r.operation_id
    WHERE r.amount < h.amount_micros AND h.state = 'open'`)
  return rows.map((row) => String(row['problem']))
}
