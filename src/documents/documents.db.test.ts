import { extractText, getDocumentProxy, getMeta } from 'unpdf'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { administrator, type BillingStage, notePresence, startBilling } from '../../tests/billing.ts'
import { cloneDatabase, type TestDatabase } from '../../tests/database.ts'
import type { TestAccount } from '../../tests/ledger.ts'
import type { Invoice } from '../billing/invoice.ts'
import { must } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import { type Documents, makeDocuments } from './documents.ts'
import { inReadingOrder } from './paper.ts'
import { amountText } from './words.ts'

let clone: TestDatabase
let stage: BillingStage
let documents: Documents
let subscriber: TestAccount
beforeAll(async () => {
  clone = await cloneDatabase()
  stage = startBilling(clone.database, { start: '2026-01-31T10:00:00Z' })
  documents = makeDocuments({ database: clone.database, billing: stage.billing, clock: stage.time.clock })
  subscriber = await stage.subscriber('free')
})
afterAll(async () => {
  await stage.ledger.close()
  await clone.drop()
})

/** Read by PDF.js, which knows nothing of what wrote it. */
const readBack = async (bytes: Uint8Array) => {
  const pdf = await getDocumentProxy(new Uint8Array(bytes))
  const { text } = await extractText(pdf, { mergePages: true })
  return { text: text.replaceAll(/\s+/g, ' '), info: (await getMeta(pdf)).info }
}
const amountsIn = (text: string): bigint[] =>
  [...text.matchAll(/(?<![\d.-])-?\d{1,3}(?:,\d{3})*\.\d{2}(?!\d)/g)].map(([amount]) =>
    BigInt(amount.replaceAll(/[,.]/g, '')),
  )
const expectNumbersOf = (text: string, invoice: Invoice) =>
  expect(amountsIn(text)).toEqual([...invoice.lines.map((line) => line.amountMinor), invoice.totalMinor])

const buy = async (owner: TestAccount = subscriber) => {
  const { billing } = stage
  const { payment } = must(
    await billing.buy(administrator, owner, { kind: 'pack', packId: 'large' }, stage.once()),
  )
  return must(await billing.approve(administrator, payment.id, 'Paid'))
}
const invoiceOf = async (id: string | null) => must(await stage.billing.invoice(id ?? ''))

describe('an invoice', () => {
  test('of a renewal with own-key discount has every line, the discount as its own, and the total', async () => {
    const { billing } = stage
    await notePresence(clone.database, subscriber, '2026-01-01T00:00:00Z')
    const change = { kind: 'change_tier', tierId: 'pro' } as const
    const changed = must(await billing.change(administrator, subscriber, change, stage.once()))
    must(await billing.approve(administrator, changed.paymentId ?? '', 'Paid'))
    await stage.at('2026-03-01T12:00:00Z')
    const { items } = await billing.invoices({ owner: subscriber })
    const renewal = items.find(({ lines }) =>
      lines.some(({ kind }) => kind === 'discount' && lines[0]?.kind === 'subscription'),
    )
    const invoice = await invoiceOf(renewal?.id ?? null)
    const { text, info } = await readBack(must(await documents.invoice(invoice.id)).bytes)
    expectNumbersOf(text, invoice)
    expect(text).toContain('Own-key discount, 10 %')
    expect(text).toContain(`Invoice ${invoice.numberText}`)
    expect(text).toContain('2026-02-28 – 2026-03-31')
    expect(text).toContain(`Due ${invoice.dueAt?.toISOString().slice(0, 10)}`)
    expect(info['Title']).toBe(`Invoice ${invoice.numberText}`)
  })

  test('is the same bytes each time: after it is refunded, and after its issuer has changed', async () => {
    const paid = await buy()
    const before = must(await documents.invoice(paid.invoiceId ?? '')).bytes
    stage.time.pass(60_000)
    const issuer = {
      name: 'Keys Ltd',
      address: ['1 Street', 'Town'],
      taxId: 'X1',
      email: 'a@example.com',
      note: 'Thank you.',
    }
    await documents.saveIssuer(administrator, issuer, 'Founded')
    must(
      await stage.billing.refund(administrator, paid.id, {
        amountMinor: paid.amountMinor,
        reason: 'Asked',
        idempotencyKey: newId(),
      }),
    )
    expect((await invoiceOf(paid.invoiceId)).status).toBe('refunded')
    expect(Buffer.compare(must(await documents.invoice(paid.invoiceId ?? '')).bytes, before)).toBe(0)

    const later = await buy()
    const { text } = await readBack(must(await documents.invoice(later.invoiceId ?? '')).bytes)
    for (const printed of [issuer.name, ...issuer.address, 'Tax ID X1', issuer.email, issuer.note])
      expect(text).toContain(printed)
  })

  test('that corrects another is a credit note that names it, with its amounts below zero', async () => {
    const paid = await buy()
    const refund = { amountMinor: 1_234n, reason: 'Asked', idempotencyKey: newId() }
    must(await stage.billing.refund(administrator, paid.id, refund))
    const { items } = await stage.billing.invoices({ owner: subscriber })
    const note = await invoiceOf(items.find(({ correctsId }) => correctsId === paid.invoiceId)?.id ?? null)
    const { text } = await readBack(must(await documents.invoice(note.id)).bytes)
    expectNumbersOf(text, note)
    expect(note.totalMinor).toBe(-1_234n)
    expect(text).toContain(`Credit note ${note.numberText}`)
    expect(text).toContain(`Corrects ${(await invoiceOf(paid.invoiceId)).numberText}`)
  })

  test('of somebody else is not found', async () => {
    const paid = await buy()
    const other = await stage.subscriber('free')
    expect(await documents.invoice(paid.invoiceId ?? '', other)).toMatchObject({
      fault: { code: 'not_found' },
    })
    expect(await documents.receipt(paid.id, other)).toMatchObject({ fault: { code: 'not_found' } })
  })
})

describe('a receipt', () => {
  test('has the amount, the reference of the payment and the number of its invoice', async () => {
    const paid = await buy()
    const { text } = await readBack(must(await documents.receipt(paid.id, subscriber)).bytes)
    expect(amountsIn(text)).toEqual([paid.amountMinor, paid.amountMinor])
    expect(text).toContain(`Reference ${paid.externalId ?? paid.id}`)
    expect(text).toContain((await invoiceOf(paid.invoiceId)).numberText)
    expect(text).toContain('Credits: 10000')
  })

  test('is not given of what is not paid', async () => {
    const pack = { kind: 'pack', packId: 'small' } as const
    const { payment } = must(await stage.billing.buy(administrator, subscriber, pack, stage.once()))
    expect(await documents.receipt(payment.id)).toMatchObject({ fault: { code: 'conflict' } })
  })
})

const named = async (name: string) => {
  const person = await stage.subscriber('free')
  await clone.database.pool.query('UPDATE users SET name = $2 WHERE id = $1', [person.userId, name])
  const paid = await buy(person)
  return readBack(must(await documents.invoice(paid.invoiceId ?? '')).bytes)
}

describe('a name', () => {
  test.each([
    'Zoë Łukasiewicz-Ďurišová',
    'Ελένη Παπαδοπούλου',
    'Борис Щёголев',
    'Nguyễn Thị Hằng',
    'Արամ',
    'თამარი',
  ])('is printed as it is: %s', async (name) => {
    const { text } = await named(name)
    expect(text.normalize('NFC')).toContain(name.normalize('NFC'))
    expect(text).not.toContain('□')
  })

  test('of letters that the font does not have is told to be missing, not left out', async () => {
    const { text } = await named('山田 Tarō')
    expect(text).toContain('□□ Tarō')
    expect(text).toContain('□ stands for a character that this document’s font does not have')
  })

  test('that controls the terminal or the direction of text cannot', async () => {
    const { text } = await named('A\u202eda\u0007\nB')
    expect(text).toContain('A da B')
  })
})

test('a text of right-to-left words alone is read from its first word', () => {
  expect(inReadingOrder('דוד לוי')).toBe('לוי דוד')
  expect(inReadingOrder('Ada דוד לוי')).toBe('Ada דוד לוי')
  expect(inReadingOrder('Ada Lovelace')).toBe('Ada Lovelace')
})

test.each([
  [123_456n, 'USD', '1,234.56'],
  [-5n, 'EUR', '-0.05'],
  [1_234_567n, 'JPY', '1,234,567'],
  [1_234_567n, 'KWD', '1,234.567'],
  [9_223_372_036_854_775_807n, 'USD', '92,233,720,368,547,758.07'],
  [-100_000n, 'USD', '-1,000.00'],
])('an amount of %s in %s is printed as %s', (minor, currency, text) => {
  expect(amountText(minor, currency)).toBe(text)
})
