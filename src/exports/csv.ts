/** Comma-separated values as RFC 4180 has them: CRLF, quotes where they are needed, doubled inside. */

export interface Column<Row> {
  readonly name: string
  /** `number`: digits that we wrote. `text`: what somebody else may have written. */
  readonly kind: 'number' | 'text'
  readonly value: (row: Row) => string | null
}

/**
 * What a spreadsheet would calculate, on whoever opens the file: =, +, -, @, also in full width, and what they skip before.
 * An apostrophe before it is the customary way to say that it is text (https://owasp.org/www-community/attacks/CSV_Injection).
 */
const calculated = /^[\s\p{Cc}\p{Cf}]*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/u

const exactNumber = /^-?\d+(\.\d+)?$/

const cellOf = (kind: 'number' | 'text', value: string | null): string => {
  if (value === null) return ''
  if (kind === 'number') {
    if (!exactNumber.test(value)) throw new Error(`not a decimal: ${JSON.stringify(value.slice(0, 40))}`)
    return value
  }
  const text = calculated.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

export const csvHeader = <Row>(columns: readonly Column<Row>[]): string =>
  `${columns.map(({ name }) => cellOf('text', name)).join(',')}\r\n`

export const csvRow = <Row>(columns: readonly Column<Row>[], row: Row): string =>
  `${columns.map(({ kind, value }) => cellOf(kind, value(row))).join(',')}\r\n`
