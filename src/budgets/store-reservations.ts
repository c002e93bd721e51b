import { arrayOf } from '../db/arrays.ts'
import type { Statement, Unit } from '../db/writer.ts'
import { type Claim, claimText, type Room } from './claim.ts'

/**
 * What happens to budgets within transactions of the data plane. Rows of periods are locked in the order of their keys,
 * after credit accounts, and before anything of them is read.
 */

export interface Reservation {
  readonly claim: Claim
  readonly organizationId: string
  readonly operationId: string
  readonly amount: bigint
}

/** In the order of the keys, so that whoever makes several rows waits for another one and never deadlocks. */
const ensureStatement: Statement = {
  name: 'budgets_ensure_periods',
  text: `
    INSERT INTO budget_periods (organization_id, budget_id, starts_at, ends_at, limit_amount)
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::bigint[])
    ON CONFLICT DO NOTHING`,
}

const lockStatement: Statement = {
  name: 'budgets_lock_periods',
  text: `
    SELECT FROM budget_periods p
    WHERE (p.organization_id, p.budget_id, p.starts_at) IN (SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]))
    ORDER BY p.organization_id, p.budget_id, p.starts_at
    FOR NO KEY UPDATE`,
}

/** A statement after the lock: what was reserved lies in other rows, which the lock's own snapshot may miss. */
const roomsStatement: Statement = {
  name: 'budgets_rooms',
  text: `
    SELECT p.organization_id, p.budget_id, p.starts_at, p.used,
      (SELECT coalesce(sum(r.amount), 0)::bigint FROM budget_reservations r
       WHERE r.organization_id = p.organization_id AND r.budget_id = p.budget_id AND r.starts_at = p.starts_at) AS reserved
    FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) AS wanted (organization_id, budget_id, starts_at)
    JOIN budget_periods p ON p.organization_id = wanted.organization_id AND p.budget_id = wanted.budget_id
      AND p.starts_at = wanted.starts_at`,
}

const ownStatement: Statement = {
  name: 'budgets_own_reservations',
  text: `
    SELECT r.organization_id, r.budget_id, r.starts_at, r.operation_id, r.amount FROM budget_reservations r
    WHERE r.operation_id = ANY ($1::uuid[])`,
}

interface OwnRow {
  organization_id: string
  budget_id: string
  starts_at: Date
  operation_id: string
  amount: bigint
}

interface RoomRow {
  organization_id: string
  budget_id: string
  starts_at: Date
  used: bigint
  reserved: bigint
}

const distinct = (claims: readonly Claim[]): Claim[] =>
  [...new Map(claims.map((claim) => [claimText(claim), claim])).values()].toSorted(
    (a, b) =>
      compare(a.budget.organizationId, b.budget.organizationId) ||
      compare(a.budget.id, b.budget.id) ||
      a.startsAt.getTime() - b.startsAt.getTime(),
  )

/** As PostgreSQL orders uuids: by their hexadecimal digits. */
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const keysOf = (claims: readonly Claim[]): string[] => [
  arrayOf(claims, (claim) => claim.budget.organizationId),
  arrayOf(claims, (claim) => claim.budget.id),
  arrayOf(claims, (claim) => claim.startsAt.toISOString()),
]

const lockPeriods = (unit: Unit, claims: readonly Claim[]): void => {
  const keys = keysOf(claims)
  void unit.send(ensureStatement, [
    ...keys,
    arrayOf(claims, (claim) => claim.endsAt.toISOString()),
    arrayOf(claims, (claim) => claim.budget.limit),
  ])
  void unit.send(lockStatement, keys)
}

export interface LockedRooms {
  /** By the text of their claims. */
  readonly rooms: Map<string, Room>
  /** What an operation of these reserved before: `claim/operation`. */
  readonly own: Map<string, bigint>
}

/** Locks the periods of these claims and tells how they stand, and what of it these operations reserved before. */
export const lockRooms = async (
  unit: Unit,
  claims: readonly Claim[],
  operationIds: readonly string[],
): Promise<LockedRooms> => {
  const wanted = distinct(claims)
  lockPeriods(unit, wanted)
  const [rows, own] = await Promise.all([
    unit.ask<RoomRow>(roomsStatement, keysOf(wanted)),
    unit.ask<OwnRow>(ownStatement, [arrayOf(operationIds, (id) => id)]),
  ])
  const byText = new Map(rows.map((row) => [rowText(row), row]))
  const rooms = wanted.map((claim): [string, Room] => {
    const row = byText.get(claimText(claim))
    if (!row) throw new Error('A budget’s period was neither there nor could it be made.')
    return [claimText(claim), { ...claim, used: row.used, reserved: row.reserved }]
  })
  return {
    rooms: new Map(rooms),
    own: new Map(own.map((row) => [`${rowText(row)}/${row.operation_id}`, row.amount])),
  }
}

const rowText = (row: Pick<RoomRow, 'organization_id' | 'budget_id' | 'starts_at'>): string =>
  `${row.organization_id}/${row.budget_id}/${row.starts_at.getTime()}`

const reserveStatement: Statement = {
  name: 'budgets_reserve',
  text: `
    INSERT INTO budget_reservations (organization_id, budget_id, operation_id, caller_organization_id, starts_at, amount,
      process_id, created_at)
    SELECT new.*, $7::uuid, $8::timestamptz
    FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::timestamptz[], $6::bigint[]) AS new
    ON CONFLICT (organization_id, budget_id, operation_id) DO UPDATE SET amount = excluded.amount`,
}

export const insertReservations = (
  unit: Unit,
  reservations: readonly Reservation[],
  processId: string,
  at: Date,
): void => {
  if (reservations.length === 0) return
  void unit.send(reserveStatement, [
    arrayOf(reservations, ({ claim }) => claim.budget.organizationId),
    arrayOf(reservations, ({ claim }) => claim.budget.id),
    arrayOf(reservations, (r) => r.operationId),
    arrayOf(reservations, (r) => r.organizationId),
    arrayOf(reservations, ({ claim }) => claim.startsAt.toISOString()),
    arrayOf(reservations, (r) => r.amount),
    processId,
    at,
  ])
}

/** Not with every refusal: somebody who is refused may ask a hundred times a second. */
const refusedStatement: Statement = {
  name: 'budgets_refused',
  text: `
    UPDATE budget_periods p SET refused_at = $4::timestamptz
    FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) AS refused (organization_id, budget_id, starts_at)
    WHERE p.organization_id = refused.organization_id AND p.budget_id = refused.budget_id
      AND p.starts_at = refused.starts_at
      AND (p.refused_at IS NULL OR p.refused_at < $4::timestamptz - interval '1 minute')`,
}

/** Of periods that are locked. */
export const noteRefused = (unit: Unit, claims: readonly Claim[], at: Date): void => {
  if (claims.length > 0) void unit.send(refusedStatement, [...keysOf(distinct(claims)), at])
}

const endStatement: Statement = {
  name: 'budgets_end_reservations',
  text: 'DELETE FROM budget_reservations WHERE operation_id = ANY ($1::uuid[])',
}

/** Of operations that have ended, whatever they reserved. Giving back needs no lock: less was set aside than thought. */
export const endReservations = (unit: Unit, operationIds: readonly string[]): void => {
  if (operationIds.length > 0) void unit.send(endStatement, [arrayOf(operationIds, (id) => id)])
}

const countStatement: Statement = {
  name: 'budgets_count',
  text: `
    UPDATE budget_periods p SET used = p.used + counted.amount
    FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::bigint[])
      AS counted (organization_id, budget_id, starts_at, amount)
    WHERE p.organization_id = counted.organization_id AND p.budget_id = counted.budget_id
      AND p.starts_at = counted.starts_at
    RETURNING p.organization_id, p.budget_id, p.starts_at, p.used`,
}

/** Adds what operations used; gives what their periods came to, by the text of their claims. */
export const addCounts = async (
  unit: Unit,
  counted: readonly { claim: Claim; amount: bigint }[],
): Promise<Map<string, bigint>> => {
  const sums = new Map<string, { claim: Claim; amount: bigint }>()
  for (const { claim, amount } of counted) {
    const text = claimText(claim)
    sums.set(text, { claim, amount: (sums.get(text)?.amount ?? 0n) + amount })
  }
  const claims = distinct([...sums.values()].map(({ claim }) => claim))
  lockPeriods(unit, claims)
  const rows = await unit.ask<Omit<RoomRow, 'reserved'>>(countStatement, [
    ...keysOf(claims),
    arrayOf(claims, (claim) => sums.get(claimText(claim))?.amount ?? 0n),
  ])
  return new Map(rows.map((row) => [rowText(row), row.used]))
}
