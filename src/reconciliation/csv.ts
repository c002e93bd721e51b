/**
 * RFC 4180, and what others write in its name: a byte order mark, lone LF or CR, spaces as they are. Quotes inside an
 * unquoted field are kept. One pass, so that a hostile file costs its length.
 */
export const parseCsv = (text: string): string[][] => {
  const rows: string[][] = []
  let row: string[] = []
  let field = ''
  let isQuoted = false
  let position = text.startsWith('\ufeff') ? 1 : 0
  let fieldStart = position
  const endRow = () => {
    rows.push([...row, field])
    row = []
    field = ''
  }
  while (position < text.length) {
    const character = text[position] as string
    if (isQuoted) {
      const quote = text.indexOf('"', position)
      field += text.slice(position, quote < 0 ? text.length : quote)
      position = quote < 0 ? text.length : quote + 1
      if (text[position] === '"' && quote >= 0) {
        field += '"'
        position++
      } else isQuoted = false
    } else if (character === '"' && position === fieldStart) {
      isQuoted = true
      position++
    } else if (character === ',') {
      row.push(field)
      field = ''
      fieldStart = ++position
    } else if (character === '\n' || character === '\r') {
      position += character === '\r' && text[position + 1] === '\n' ? 2 : 1
      fieldStart = position
      endRow()
    } else {
      field += character
      position++
    }
  }
  if (field !== '' || row.length > 0) endRow()
  return rows
}
