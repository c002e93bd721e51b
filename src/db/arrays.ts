/**
 * PostgreSQL array literals for batch statements (`unnest($1::uuid[], …)`). Written here and not by pg, which quotes
 * and escapes every element: of the columns of a batch only texts need that.
 */

/** Of values that are written without quotes: ids, numbers, booleans, states. */
export const arrayOf = <Row>(
  rows: readonly Row[],
  value: (row: Row) => string | number | bigint | boolean | null,
): string => {
  let text = '{'
  for (let index = 0; index < rows.length; index++) {
    const item = value(rows[index] as Row)
    text += index > 0 ? ',' : ''
    text += item === null ? 'NULL' : item
  }
  return `${text}}`
}

/** Of any text. PostgreSQL stores neither NUL nor half a surrogate pair, so these are replaced. */
export const arrayOfText = <Row>(rows: readonly Row[], value: (row: Row) => string | null): string => {
  let text = '{'
  for (let index = 0; index < rows.length; index++) {
    const item = value(rows[index] as Row)
    text += index > 0 ? ',' : ''
    text += item === null ? 'NULL' : quote(item)
  }
  return `${text}}`
}

export const arrayOfJson = <Row>(rows: readonly Row[], value: (row: Row) => unknown): string =>
  arrayOfText(rows, (row) => storableJson(value(row)))

const quote = (text: string): string => `"${storableText(text).replace(/["\\]/g, '\\$&')}"`

export const isStorableText = (text: string): boolean => text.isWellFormed() && !text.includes('\0')

export const storableText = (text: string): string => {
  const wellFormed = text.isWellFormed() ? text : text.toWellFormed()
  return wellFormed.includes('\0') ? wellFormed.replaceAll('\0', '\uFFFD') : wellFormed
}

/** jsonb refuses the escapes of what text refuses. */
export const storableJson = (value: unknown): string => {
  const text = JSON.stringify(value)
  if (!/\\u(?:0000|d[89a-f])/.test(text)) return text
  return JSON.stringify(value, (_, item) => (typeof item === 'string' ? storableText(item) : item))
}
