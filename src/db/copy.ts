import pg from 'pg'
import { storableText } from './arrays.ts'

/**
 * `COPY … FROM STDIN`: a third less CPU a row in PostgreSQL than `INSERT … SELECT FROM unnest(…)`, and half of it here. It
 * cannot step around rows that are there already: it fails with `unique_violation`.
 */
export interface CopyStatement {
  readonly table: string
  readonly columns: readonly string[]
}

type Value = string | number | bigint | boolean | null

/** One line of COPY's text format. Of `texts` any may be anything; all others are written as they are. */
export const copyLine = (values: readonly Value[], isText: readonly boolean[]): string => {
  let line = ''
  for (let index = 0; index < values.length; index++) {
    const value = values[index] as Value
    if (index > 0) line += '\t'
    if (value === null) line += '\\N'
    else line += isText[index] === true ? escaped(value as string) : value
  }
  return `${line}\n`
}

/** What nearly no text has: what COPY escapes, and what PostgreSQL does not store (NUL, halves of surrogate pairs, also whole ones). */
const special = /[\\\n\r\t\0\ud800-\udfff]/
const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' }

const escaped = (text: string): string =>
  special.test(text)
    ? storableText(text).replace(/[\\\n\r\t]/g, (character) => escapes[character] as string)
    : text

/** The parts of pg's connection that a copy is sent with. */
interface Connection {
  query(text: string): void
  sendCopyFromChunk(chunk: Buffer): void
  endCopyFrom(): void
}

/**
 * Sends the statement and its rows without waiting to be asked for them: one round trip. A server that refuses the statement
 * drops the rows (https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-COPY).
 */
export const copyQuery = (
  { table, columns }: CopyStatement,
  lines: string,
  callback: (error: Error | undefined, result: pg.QueryResult) => void,
): pg.Query => {
  const text = `COPY ${table} (${columns.join(', ')}) FROM STDIN`
  return Object.assign(new pg.Query({ text }, callback), {
    submit: (connection: Connection) => {
      connection.query(text)
      connection.sendCopyFromChunk(Buffer.from(lines))
      connection.endCopyFrom()
      return null
    },
    handleCopyInResponse: () => {},
  })
}

/** A row that was to be copied is there already. */
export const isCopyConflict = (error: unknown, { table }: CopyStatement): boolean =>
  error instanceof pg.DatabaseError && error.code === '23505' && (error.table ?? '').startsWith(table)
