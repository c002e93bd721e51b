import { arrayOf, arrayOfText, storableJson } from '../db/arrays.ts'
import { copyLine, type CopyStatement } from '../db/copy.ts'
import type { Statement } from '../db/writer.ts'
import type { OperationRecord } from './operation.ts'
import type { Units } from './usage.ts'

type Value = string | number | bigint | boolean | null

interface Column {
  readonly name: string
  readonly type: string
  readonly value: (record: OperationRecord) => Value
  /** Any text at all: it has to be quoted or escaped. */
  readonly isText: boolean
}

const plain = (name: string, type: string, value: (record: OperationRecord) => Value): Column => ({
  name,
  type,
  value,
  isText: false,
})
const text = (name: string, value: (record: OperationRecord) => string | null): Column => ({
  name,
  type: 'text',
  value,
  isText: true,
})

/** Times and counts come from measuring and from services: a fraction or an overflow must not fail a record. */
const whole = (value: number, maximum: number): number =>
  Number.isFinite(value) ? Math.min(Math.max(Math.round(value), 0), maximum) : 0
const milliseconds = (value: number): number => whole(value, 2_147_483_647)
const tokens = (value: number): number => whole(value, Number.MAX_SAFE_INTEGER)

const wholeUnits = (units: Units): Units =>
  Object.fromEntries(Object.entries(units).map(([unit, quantity]) => [unit, tokens(quantity)]))

const longestText = 500
const short = (value: string | null): string | null => value?.slice(0, longestText) ?? null

const columns: readonly Column[] = [
  plain('organization_id', 'uuid', (r) => r.organizationId),
  plain('id', 'uuid', (r) => r.id),
  plain('user_id', 'uuid', (r) => r.userId),
  plain('access_token_id', 'uuid', (r) => r.accessTokenId),
  plain('team_id', 'uuid', (r) => r.teamId),
  plain('started_at', 'timestamptz', (r) => r.startedAt.toISOString()),
  plain('duration_ms', 'integer', (r) => milliseconds(r.durationMs)),
  plain('first_byte_ms', 'integer', (r) => (r.firstByteMs === null ? null : milliseconds(r.firstByteMs))),
  text('endpoint', (r) => r.endpoint),
  plain('streamed', 'boolean', (r) => r.streamed),
  plain('status', 'text', (r) => r.status),
  plain('http_status', 'smallint', (r) => r.httpStatus),
  text('fault_code', (r) => r.faultCode),
  text('requested_model', (r) => short(r.requestedModel)),
  text('service_id', (r) => r.serviceId),
  text('model', (r) => short(r.model)),
  plain('key_owner', 'text', (r) => r.keyOwner),
  plain('service_key_id', 'uuid', (r) => r.serviceKeyId),
  plain('key_priority', 'smallint', (r) => r.keyPriority),
  text('reason', (r) => short(r.reason)),
  text('attempts', (r) => storableJson(r.attempts)),
  plain('input_tokens', 'bigint', (r) => tokens(r.inputTokens)),
  plain('cache_read_tokens', 'bigint', (r) => tokens(r.cacheReadTokens)),
  plain('cache_write_tokens', 'bigint', (r) => tokens(r.cacheWriteTokens)),
  plain('cache_write_1h_tokens', 'bigint', (r) => tokens(r.cacheWrite1hTokens)),
  plain('output_tokens', 'bigint', (r) => tokens(r.outputTokens)),
  plain('reasoning_tokens', 'bigint', (r) => tokens(r.reasoningTokens)),
  text('units', (r) => (r.units === null ? null : JSON.stringify(wholeUnits(r.units)))),
  text('decision', (r) => r.decision),
  plain('usage_source', 'text', (r) => r.usageSource),
  plain('price_book_version', 'integer', (r) => r.priceBookVersion),
  plain('cost_nano_usd', 'bigint', (r) => r.costNanoUsd),
  plain('held_micros', 'bigint', (r) => r.heldMicros),
  plain('credit_micros', 'bigint', (r) => r.creditMicros),
]

const names = columns.map((column) => column.name).join(', ')
const selected = columns.map(({ name }) => (name === 'units' ? 'units::jsonb' : name)).join(', ')
const parameters = columns.map((column, index) => `$${index + 1}::${column.type}[]`).join(', ')

/** A record that is there already is left as it is: a batch whose commit was never heard of can be sent again. */
export const insertOperations: Statement = {
  name: 'metering_insert_operations',
  text: `
    INSERT INTO operations (${names})
    SELECT ${selected} FROM unnest(${parameters}) AS new (${names})
    ON CONFLICT (organization_id, id) DO NOTHING`,
}

/** The same, and which of them were not there before. */
export const insertOperationsTold: Statement = {
  name: 'metering_insert_operations_told',
  text: `${insertOperations.text} RETURNING organization_id, id`,
}

export const operationValues = (records: readonly OperationRecord[]): string[] =>
  columns.map(({ value, isText }) =>
    isText
      ? arrayOfText(records, value as (record: OperationRecord) => string | null)
      : arrayOf(records, value),
  )

/** The same for records that are surely new, at a fraction of the cost. */
export const copyOperations: CopyStatement = {
  table: 'operations',
  columns: columns.map(({ name }) => name),
}

const areText = columns.map(({ isText }) => isText)

export const operationLines = (records: readonly OperationRecord[]): string => {
  let lines = ''
  for (const record of records)
    lines += copyLine(
      columns.map(({ value }) => value(record)),
      areText,
    )
  return lines
}

/** What distinguishes our record from another one of the same operation. */
export const recordedOperations: Statement = {
  name: 'metering_recorded_operations',
  text: `
    SELECT o.id, o.status, o.started_at, o.duration_ms, o.credit_micros
    FROM unnest($1::uuid[], $2::uuid[]) AS wanted (organization_id, id)
    JOIN operations o ON o.organization_id = wanted.organization_id AND o.id = wanted.id`,
}

export interface RecordedRow {
  id: string
  status: string
  started_at: Date
  duration_ms: number
  credit_micros: bigint
}

export const recordedValues = (records: readonly OperationRecord[]): string[] => [
  arrayOf(records, (r) => r.organizationId),
  arrayOf(records, (r) => r.id),
]

export const isSameRecord = (row: RecordedRow, record: OperationRecord): boolean =>
  row.status === record.status &&
  row.duration_ms === milliseconds(record.durationMs) &&
  row.credit_micros === record.creditMicros &&
  row.started_at.getTime() === record.startedAt.getTime()
