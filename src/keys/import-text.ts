/**
 * Reads a `.env` or CSV text into named values, with the line each begins in. In one pass, whatever was pasted; what cannot be
 * read is a problem of its line and of no other.
 */
export interface Entry {
  readonly line: number
  /** Of the variable; of a CSV row what it says of itself. */
  readonly name: string
  readonly value: string
  /** What a CSV row says besides, by column. */
  readonly columns: Readonly<Partial<Record<Column, string>>>
  readonly problem: string | null
}

export type Column = 'service' | 'label' | 'secret' | 'baseUrl' | 'region' | 'resource' | 'accessKeyId'

export interface ReadText {
  readonly format: 'env' | 'csv'
  readonly entries: readonly Entry[]
  /** There is more than is read. */
  readonly isCut: boolean
}

const mostEntries = 500

export const readImportText = (pasted: string): ReadText => {
  const text = pasted.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n')
  return looksLikeCsv(text) ? readCsv(text) : readEnv(text)
}

/** Its first line names columns, one of which holds keys; or has delimiters and no `=` before them. */
const looksLikeCsv = (text: string): boolean => {
  const first = text.split('\n', 50).find((line) => line.trim() !== '' && !line.startsWith('#')) ?? ''
  if (/^\s{0,20}(?:export\s{1,20})?[A-Za-z_][\w.-]{0,100}\s{0,20}=/.test(first)) return false
  return /[,;\t]/.test(first)
}

const assignment = /^\s*(?:export\s+)?([A-Za-z_][\w.-]{0,199})\s*(=|:\s)\s*/

const readEnv = (text: string): ReadText => {
  const lines = text.split('\n')
  const entries: Entry[] = []
  for (let at = 0; at < lines.length && entries.length < mostEntries; at++) {
    const line = lines[at] as string
    if (line.length > 100_000 || /^\s*(?:#|$)/.test(line.slice(0, 1000))) continue
    const found = assignment.exec(line.slice(0, 1000))
    if (!found) continue
    const rest = line.slice(found[0].length)
    const { value, lastLine, problem } = readValue(lines, at, rest)
    entries.push({ line: at + 1, name: found[1] as string, value, columns: {}, problem })
    at = lastLine
  }
  return { format: 'env', entries, isCut: entries.length === mostEntries }
}

interface ReadValue {
  readonly value: string
  readonly lastLine: number
  readonly problem: string | null
}

const readValue = (lines: readonly string[], at: number, rest: string): ReadValue => {
  const quote = rest[0]
  if (quote !== '"' && quote !== "'" && quote !== '`') {
    // A JSON document without quotes goes on until its braces close.
    if (rest.startsWith('{')) return readBraces(lines, at, rest)
    return { value: rest.replace(/\s#.*$/, '').trim(), lastLine: at, problem: null }
  }
  const pieces: string[] = []
  for (let line = at, piece = rest.slice(1); ; piece = lines[++line] ?? '') {
    const end = closingQuote(piece, quote)
    if (end >= 0) {
      const whole = [...pieces, piece.slice(0, end)].join('\n')
      return { value: quote === '"' ? unescaped(whole) : whole, lastLine: line, problem: null }
    }
    pieces.push(piece)
    if (line + 1 >= lines.length || pieces.length > 60)
      return { value: '', lastLine: at, problem: 'Its quotation mark is not closed.' }
  }
}

const closingQuote = (text: string, quote: string): number => {
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\' && quote === '"') i++
    else if (text[i] === quote) return i
  }
  return -1
}

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' }
const unescaped = (text: string): string =>
  text.replace(
    /\\(.)/g,
    (whole, letter: string) => escapes[letter] ?? (/["\\$]/.test(letter) ? letter : whole),
  )

const readBraces = (lines: readonly string[], at: number, rest: string): ReadValue => {
  const pieces: string[] = []
  for (let line = at, piece = rest, depth = 0; ; piece = lines[++line] ?? '') {
    pieces.push(piece)
    for (const letter of piece) depth += letter === '{' ? 1 : letter === '}' ? -1 : 0
    if (depth <= 0) return { value: pieces.join('\n').trim(), lastLine: line, problem: null }
    if (line + 1 >= lines.length || pieces.length > 60)
      return { value: '', lastLine: at, problem: 'Its braces are not closed.' }
  }
}

const columnNames: readonly (readonly [Column, RegExp])[] = [
  ['accessKeyId', /^(?:aws )?access key id$/],
  [
    'secret',
    /^(?:api )?(?:key|secret|token)$|^(?:api|secret|secret access|service) key$|^(?:value|key value|password)$/,
  ],
  ['service', /^(?:service|provider|vendor|platform)(?: id| name)?$/],
  ['label', /^(?:label|name|title|key name|description|account|project|username)$/],
  ['baseUrl', /^(?:(?:base|api|login) )?(?:url|uri|address|endpoint|host)$/],
  ['region', /^(?:aws )?region$/],
  ['resource', /^resource(?: name)?$/],
]

const columnOf = (title: string): Column | null => {
  const plain = title
    .trim()
    .toLowerCase()
    .replace(/[_\s-]+/g, ' ')
    .slice(0, 60)
  return columnNames.find(([, pattern]) => pattern.test(plain))?.[0] ?? null
}

/** `key,value` names what is in `value`. */
const titlesOf = (cells: readonly string[]): (Column | null)[] => {
  const hasValue = cells.some((cell) => cell.trim().toLowerCase() === 'value')
  return cells.map((cell) => {
    const column = columnOf(cell)
    return hasValue && column === 'secret' && cell.trim().toLowerCase() !== 'value' ? 'label' : column
  })
}

const readCsv = (text: string): ReadText => {
  const { rows, isCut } = csvRows(text)
  const head = titlesOf(rows[0]?.cells ?? [])
  const hasHead = head.includes('secret')
  // Without titles: what it is for, and the key.
  const columns: readonly (Column | null)[] = hasHead ? head : ['service', 'secret', 'label']
  const entries = rows.slice(hasHead ? 1 : 0).map(({ line, cells, problem }): Entry => {
    const told: Partial<Record<Column, string>> = {}
    for (const [i, cell] of cells.entries()) {
      const column = columns[i]
      if (column && told[column] === undefined && cell.trim() !== '') told[column] = cell.trim()
    }
    const { secret = '', ...others } = told
    const name = others.label ?? others.service ?? `Row ${line}`
    return { line, name, value: secret, columns: others, problem }
  })
  return { format: 'csv', entries, isCut }
}

interface Row {
  readonly line: number
  readonly cells: readonly string[]
  readonly problem: string | null
}

/** RFC 4180, with the delimiter that the first line has most of. */
const csvRows = (text: string): { rows: Row[]; isCut: boolean } => {
  const first = text.slice(0, text.indexOf('\n') < 0 ? text.length : text.indexOf('\n'))
  const delimiter =
    [',', ';', '\t'].toSorted((a, b) => first.split(b).length - first.split(a).length)[0] ?? ','
  const rows: Row[] = []
  let line = 1
  let at = 0
  while (at < text.length && rows.length <= mostEntries) {
    const row = csvRow(text, at, delimiter)
    if (row.cells.some((cell) => cell.trim() !== ''))
      rows.push({ line, cells: row.cells, problem: row.problem })
    line += row.lines
    at = row.next
  }
  return { rows: rows.slice(0, mostEntries), isCut: rows.length > mostEntries || at < text.length }
}

const csvRow = (text: string, from: number, delimiter: string) => {
  const cells: string[] = []
  let at = from
  let lines = 1
  for (;;) {
    if (text[at] === '"') {
      const end = endOfQuoted(text, at + 1)
      // Read on behind the line: what an open quotation mark swallows is not known to be part of it.
      if (end < 0) {
        const lineEnd = text.indexOf('\n', from)
        const next = lineEnd < 0 ? text.length : lineEnd + 1
        return { cells: [...cells, '-'], lines: 1, next, problem: 'Its quotation mark is not closed.' }
      }
      const cell = text.slice(at + 1, end).replaceAll('""', '"')
      lines += cell.split('\n').length - 1
      cells.push(cell)
      at = end + 1
    } else {
      let end = at
      while (end < text.length && text[end] !== delimiter && text[end] !== '\n') end++
      cells.push(text.slice(at, end))
      at = end
    }
    while (at < text.length && text[at] !== delimiter && text[at] !== '\n') at++
    if (text[at] !== delimiter) return { cells, lines, next: at + 1, problem: null }
    at++
  }
}

/** The longest a cell may be: a quotation mark that nobody closed must not be looked for again from every line. */
const longestCell = 32 * 1024

const endOfQuoted = (text: string, from: number): number => {
  const most = Math.min(text.length, from + longestCell)
  for (let at = from; at < most; at++) {
    if (text[at] !== '"') continue
    if (text[at + 1] !== '"') return at
    at++
  }
  return -1
}
