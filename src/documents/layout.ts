import type { Issuer } from './document.ts'
import { type Paper, page } from './paper.ts'

/** The head of every document: who it is from, who it is to, and its particulars. Gives where the rest begins. */
export const writeHead = (
  paper: Paper,
  head: {
    readonly title: string
    readonly issuer: Issuer
    readonly billedTo: { readonly name: string; readonly email: string; readonly organization: string }
    readonly particulars: readonly (readonly [string, string])[]
  },
): number => {
  const { left, top, width } = page
  const half = 200
  const right = left + half + 16
  const facing = width - half - 16
  let y = paper.text(head.title, { x: left, y: top, width, size: 20, bold: true }) + 14
  const { issuer, billedTo } = head
  let from = paper.text(issuer.name, { x: left, y, width: half, bold: true })
  const lines = [...issuer.address, issuer.taxId === null ? null : `Tax ID ${issuer.taxId}`, issuer.email]
  for (const line of lines) if (line !== null) from = paper.text(line, { x: left, y: from + 2, width: half })
  let facts = y
  for (const [name, value] of head.particulars) {
    paper.text(name, { x: right, y: facts, width: 60, quiet: true })
    facts = paper.text(value, { x: right + 62, y: facts, width: facing - 62 }) + 2
  }
  y = Math.max(from, facts) + 18
  y = paper.text('Billed to', { x: left, y, width: half, quiet: true }) + 2
  y = paper.text(billedTo.name, { x: left, y, width, bold: true })
  if (billedTo.organization !== billedTo.name)
    y = paper.text(billedTo.organization, { x: left, y: y + 2, width })
  return paper.text(billedTo.email, { x: left, y: y + 2, width }) + 22
}

export interface Row {
  readonly description: string
  readonly detail: string
  readonly amount: string
}

export const writeRows = (paper: Paper, from: number, currency: string, rows: readonly Row[]): number => {
  const { left, width } = page
  const columns = { description: 268, detail: 125, amount: width - 268 - 125 }
  const detailAt = left + columns.description
  const amountAt = detailAt + columns.detail
  const heading = { y: from, size: 8.5, quiet: true }
  paper.text('Description', { ...heading, x: left, width: columns.description - 10 })
  paper.text('Period (UTC)', { ...heading, x: detailAt, width: columns.detail })
  let y =
    paper.text(`Amount in ${currency}`, { ...heading, x: amountAt, width: columns.amount, align: 'right' }) +
    3
  paper.rule(y)
  y += 7
  for (const row of rows) {
    y = paper.room(y, 40)
    // In the order in which they are read aloud.
    const below = [
      paper.text(row.description, { x: left, y, width: columns.description - 10 }),
      paper.text(row.detail, { x: detailAt, y, width: columns.detail }),
      paper.text(row.amount, { x: amountAt, y, width: columns.amount, align: 'right' }),
    ]
    y = Math.max(...below) + 6
  }
  paper.rule(y)
  return y + 7
}

export const writeTotal = (paper: Paper, at: number, name: string, amount: string): number => {
  const { left, width } = page
  const y = paper.room(at, 30)
  paper.text(name, { x: left, y, width: width / 2, size: 11, bold: true })
  return (
    paper.text(amount, { x: left + width / 2, y, width: width / 2, size: 11, bold: true, align: 'right' }) +
    20
  )
}

/** What is said below: the issuer's words, and what the font could not write. */
export const writeFoot = (paper: Paper, from: number, notes: readonly (string | null)[]): void => {
  let y = from
  for (const note of notes) {
    if (note === null) continue
    y =
      paper.text(note, { x: page.left, y: paper.room(y, 30), width: page.width, size: 8.5, quiet: true }) + 6
  }
  if (paper.hasGaps())
    paper.text(
      '□ stands for a character that this document’s font does not have; the e-mail address says who is meant.',
      { x: page.left, y: paper.room(y, 20), width: page.width, size: 8, quiet: true },
    )
}
