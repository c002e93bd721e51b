import type { PoolClient } from 'pg'
import { type AccountKey, categoryOf, type Line, type LineGrant, type LineOperation } from './statement.ts'
import * as store from './store.ts'

/** The lines of these transactions, each with what it is about, in the order of their numbers, newest first. */
export const linesOf = async (
  client: PoolClient,
  account: AccountKey,
  numbers: readonly bigint[],
): Promise<Line[]> => {
  if (numbers.length === 0) return []
  const entries = await store.entriesOf(client, account, numbers)
  const corrected = entries.filter(({ kind }) => isCorrection(kind))
  const about: About = {
    holds: await store.holdsOf(
      client,
      account,
      distinct(entries, (entry) => entry.operation_id),
    ),
    grants: await store.grantsOf(
      client,
      account,
      distinct(entries, (entry) => entry.grant_id),
    ),
    corrections: await store.correctionsAt(client, account, [
      ...new Map(corrected.map(({ at }) => [at.getTime(), at])).values(),
    ]),
    invoices: [],
  }
  const { grants, corrections } = about
  const invoices = await store.invoicesOf(client, account, {
    ids: distinct(corrections, (correction) => correction.credit_note_id),
    paymentIds: [
      ...distinct(grants, (grant) => grant.payment_id),
      ...distinct(corrections, (correction) => correction.payment_id),
    ],
  })
  const byNumber = Map.groupBy(entries, (entry) => entry.number)
  return [...byNumber.values()].map((ofLine) => lineOf(ofLine, { ...about, invoices }))
}

interface About {
  readonly holds: Awaited<ReturnType<typeof store.holdsOf>>
  readonly grants: readonly store.GrantOfLine[]
  readonly corrections: readonly store.CorrectionOfLine[]
  readonly invoices: Awaited<ReturnType<typeof store.invoicesOf>>
}

const distinct = <Row>(rows: readonly Row[], which: (row: Row) => string | null): string[] => [
  ...new Set(rows.flatMap((row) => which(row) ?? [])),
]

const lineOf = (entries: readonly store.EntryRow[], about: About): Line => {
  const [first] = entries as [store.EntryRow]
  const sum = (bucket: store.EntryRow['bucket']) =>
    entries.reduce((total, entry) => (entry.bucket === bucket ? total + entry.amount_micros : total), 0n)
  const { number, at, kind, operation_id } = first
  const hold = about.holds.find(({ id }) => id === operation_id)
  const grantsHere = grantsOfLine(entries, about.grants)
  const given = about.grants.find(({ id }) => id === first.grant_id)
  const correction = correctionOf(entries, about.corrections)
  const isGrant = kind === 'grant'
  const paymentId = (isGrant ? given?.payment_id : correction?.payment_id) ?? null
  const invoice = about.invoices.find(({ id, paymentId: of }) =>
    correction?.credit_note_id != null
      ? id === correction.credit_note_id
      : paymentId !== null && of === paymentId,
  )
  return {
    number,
    at,
    kind,
    category: categoryOf(kind, given?.kind ?? null),
    after: {
      number,
      at,
      availableMicros: first.available_micros,
      heldMicros: first.held_micros,
      debtMicros: first.debt_micros,
    },
    availableChangeMicros: sum('available'),
    heldChangeMicros: sum('held'),
    debtChangeMicros: -sum('debt'),
    spentMicros: sum('spent'),
    expiredMicros: sum('expired'),
    operationId: operation_id,
    operation: operationOf(hold),
    hold:
      hold && (kind === 'settle' || kind === 'release')
        ? { number: hold.number, at: hold.at, heldMicros: hold.heldMicros }
        : null,
    grants: grantsHere,
    reason: correction?.reason ?? (isGrant || kind === 'expire' ? (given?.reason ?? null) : null),
    paymentId,
    invoice: invoice ? { id: invoice.id, kind: invoice.kind, number: invoice.number } : null,
  }
}

const operationOf = (hold: About['holds'][number] | undefined): LineOperation | null =>
  hold?.startedAt == null || hold.endpoint === null || hold.status === null
    ? null
    : {
        id: hold.id,
        startedAt: hold.startedAt,
        endpoint: hold.endpoint,
        status: hold.status,
        serviceId: hold.serviceId,
        model: hold.model,
      }

const isCorrection = (kind: store.EntryRow['kind']): boolean =>
  kind === 'reversal' || kind === 'refund' || kind === 'charge'

/** How much each grant has more or less since. */
const grantsOfLine = (
  entries: readonly store.EntryRow[],
  grants: readonly store.GrantOfLine[],
): LineGrant[] => {
  const changes = new Map<string, bigint>()
  for (const { bucket, grant_id, amount_micros } of entries) {
    if (grant_id === null) continue
    const change = bucket === 'available' ? amount_micros : 0n
    changes.set(grant_id, (changes.get(grant_id) ?? 0n) + change)
  }
  return [...changes].flatMap(([id, changeMicros]) => {
    const grant = grants.find((candidate) => candidate.id === id)
    return grant
      ? [{ id, kind: grant.kind, reason: grant.reason, changeMicros, expiresAt: grant.expires_at }]
      : []
  })
}

const correctionOf = (
  entries: readonly store.EntryRow[],
  corrections: readonly store.CorrectionOfLine[],
): store.CorrectionOfLine | undefined => {
  const [first] = entries as [store.EntryRow]
  if (!isCorrection(first.kind)) return undefined
  const bucket = first.kind === 'reversal' ? 'issued' : 'spent'
  const amount = entries.find((entry) => entry.bucket === bucket)?.amount_micros ?? 0n
  return corrections.find(
    (correction) =>
      correction.kind === first.kind &&
      correction.at.getTime() === first.at.getTime() &&
      correction.amount_micros === (amount < 0n ? -amount : amount) &&
      (first.kind === 'reversal'
        ? entries.some((entry) => entry.grant_id === correction.grant_id)
        : correction.operation_id === first.operation_id),
  )
}
