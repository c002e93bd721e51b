import type { AdminOperation } from '../contract/administration.ts'
import type { Operation } from '../contract/operations.ts'
import type { ChargeBackLine } from '../contract/oversight.ts'
import type { StatementLine } from '../contract/statements.ts'
import type { UsageReport, UsageSums } from '../contract/usage.ts'
import { formatDecimal } from '../kit/money.ts'
import type { Column } from './csv.ts'

/** What is on the wire as micro-credits or nano-dollars is here as decimals with all their places. */
const credits = (micros: string): string => formatDecimal(BigInt(micros), 6)
const dollars = (nanoUsd: string | null): string | null =>
  nanoUsd === null ? null : formatDecimal(BigInt(nanoUsd), 9)

const text = <Row>(name: string, value: (row: Row) => string | null): Column<Row> => ({
  name,
  kind: 'text',
  value,
})
const number = <Row>(name: string, value: (row: Row) => string | number | null): Column<Row> => ({
  name,
  kind: 'number',
  value: (row) => {
    const found = value(row)
    return found === null ? null : String(found)
  },
})

export const statementColumns: readonly Column<StatementLine>[] = [
  number('number', (line) => line.number),
  text('time', (line) => line.at),
  text('category', (line) => line.category),
  text('reason', (line) => line.reason),
  number('change_credits', (line) => credits(line.changeMicros)),
  number('balance_credits', (line) => credits(line.balanceMicros)),
  number('available_credits', (line) => credits(line.availableMicros)),
  number('held_credits', (line) => credits(line.heldMicros)),
  number('owed_credits', (line) => credits(line.debtMicros)),
  number('spent_credits', (line) => credits(line.spentMicros)),
  number('expired_credits', (line) => credits(line.expiredMicros)),
  text('operation_id', (line) => line.operationId),
  text('service', (line) => line.operation?.serviceId ?? null),
  text('model', (line) => line.operation?.model ?? null),
  text('grant_ids', (line) => line.grants.map(({ id }) => id).join(' ')),
  text('payment_id', (line) => line.paymentId),
  text('invoice', (line) => line.invoice?.number ?? null),
]

export const operationColumns: readonly Column<Operation>[] = [
  text('id', (row) => row.id),
  text('user_id', (row) => row.userId),
  text('started_at', (row) => row.startedAt),
  number('duration_ms', (row) => row.durationMs),
  number('first_byte_ms', (row) => row.firstByteMs),
  text('endpoint', (row) => row.endpoint),
  text('streamed', (row) => String(row.streamed)),
  text('status', (row) => row.status),
  number('http_status', (row) => row.httpStatus),
  text('fault', (row) => row.faultCode),
  text('requested_model', (row) => row.requestedModel),
  text('service', (row) => row.serviceId),
  text('model', (row) => row.model),
  text('key_owner', (row) => row.keyOwner),
  number('key_priority', (row) => row.keyPriority),
  text('reason', (row) => row.reason),
  number('attempts', (row) => row.attemptCount),
  number('input_tokens', (row) => row.inputTokens),
  number('output_tokens', (row) => row.outputTokens),
  text('units', (row) => row.units && JSON.stringify(row.units)),
  number('cost_usd', (row) => dollars(row.costNanoUsd)),
  number('credits', (row) => credits(row.creditMicros)),
]

export const adminOperationColumns: readonly Column<AdminOperation>[] = [
  ...operationColumns,
  text('organization_id', (row) => row.organizationId),
  text('organization', (row) => row.organizationName),
  text('email', (row) => row.userEmail),
]

/** One group of a report, or one day of it, with one payer. */
export interface UsageRow extends UsageSums {
  readonly day: string | null
  readonly group: string | null
  readonly serviceId: string | null
  readonly model: string | null
  readonly name: string | null
  readonly payer: string
}

export const usageColumns = (withDays: boolean): readonly Column<UsageRow>[] => [
  ...(withDays ? [text<UsageRow>('day', (row) => row.day)] : []),
  text('group', (row) => row.group),
  text('service', (row) => row.serviceId),
  text('model', (row) => row.model),
  text('name', (row) => row.name),
  text('payer', (row) => row.payer),
  number('operations', (row) => row.operations),
  number('input_tokens', (row) => row.inputTokens),
  number('output_tokens', (row) => row.outputTokens),
  number('cost_usd', (row) => dollars(row.costNanoUsd)),
  number('credits', (row) => credits(row.creditMicros)),
  number('unpriced_operations', (row) => row.unpricedOperations),
]

export const chargeBackColumns: readonly Column<ChargeBackLine>[] = [
  text('cost_centre', (row) => row.costCentre),
  text('cost_centre_name', (row) => row.costCentreName),
  text('team_id', (row) => row.teamId),
  text('team', (row) => row.teamName),
  text('user_id', (row) => row.userId),
  text('email', (row) => row.email),
  text('service', (row) => row.serviceId),
  text('key_owner', (row) => row.keyOwner),
  number('operations', (row) => row.operations),
  number('credits', (row) => credits(row.creditMicros)),
  number('organization_key_cost_usd', (row) => dollars(row.organizationKeyNanoUsd)),
  number('user_key_cost_usd', (row) => dollars(row.userKeyNanoUsd)),
  number('unpriced_operations', (row) => row.unpricedOperations),
]

const payers = ['own', 'system', 'none'] as const

/** Own and system side by side become two rows; what was not used has none. */
export const usageRows = (report: UsageReport, withDays: boolean): UsageRow[] => {
  if (!withDays)
    return report.groups.flatMap((group) =>
      payers.flatMap((payer) =>
        group[payer].operations === 0
          ? []
          : [{ ...group[payer], ...named(group), day: null, payer, group: group.key }],
      ),
    )
  return report.cells.map((cell) => {
    const group = report.groups.find(({ key }) => key === cell.group)
    return { ...cell, ...named(group) }
  })
}

const named = (group: UsageReport['groups'][number] | undefined) => ({
  serviceId: group?.serviceId ?? null,
  model: group?.model ?? null,
  name: group?.name ?? null,
})
