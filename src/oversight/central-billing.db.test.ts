import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Browser, type Http, operator, startHttp } from '../../tests/http-harness.ts'
import { checkLedger, holdRequest } from '../../tests/ledger.ts'
import { insertOperation } from '../../tests/operation-row.ts'
import { settleFor } from '../../tests/statement-life.ts'
import type { Reply } from '../contract/endpoints.ts'
import { must } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'

let http: Http
let owner: Browser
let billing: Browser
let member: Browser
let organizationId: string

beforeAll(async () => {
  http = await startHttp()
  const company = await http.organizations.create(operator, { name: 'Acme', kind: 'company' })
  organizationId = company.id
  owner = await http.createBrowser({ organizationId, role: 'owner', email: 'owner@acme.example' })
  billing = await http.createBrowser({ organizationId, role: 'billing' })
  member = await http.createBrowser({ organizationId })
})
afterAll(() => http.close())

const set = async (central: boolean, as = owner) =>
  http.call('setCentralBilling', as, { body: { central, billingEmail: 'invoices@acme.example' } })
const accountOf = async (who: Browser) => must(await http.access.person(organizationId, who.userId)).accountId
const balanceOf = async (who: Browser) => {
  const reply = await http.call('readBalance', who, {})
  return BigInt(reply.json<Reply<'readBalance'>>().availableMicros)
}
const buy = (who: Browser) =>
  http.call('buyCredits', who, {
    body: { purchase: { kind: 'pack', packId: 'small' }, idempotencyKey: newId(), returnPath: '/credits' },
  })

test('everybody’s operations draw on one account from the moment it is said, and on their own when it is taken back', async () => {
  const own = await Promise.all([owner, member].map(accountOf))
  expect(new Set(own).size).toBe(2)
  expect((await set(true)).statusCode).toBe(200)
  const central = await accountOf(owner)
  expect(own).not.toContain(central)
  expect(await accountOf(member)).toBe(central)
  expect((await set(false)).statusCode).toBe(200)
  expect(await Promise.all([owner, member].map(accountOf))).toEqual(own)
  await set(true)
  expect(await accountOf(member)).toBe(central)
})

test('those who manage billing buy for it and see it; members neither see it nor buy for an account that only waits', async () => {
  const before = await balanceOf(owner)
  const mine = await balanceOf(member)
  const { payment } = (await buy(billing)).json<Reply<'buyCredits'>>()
  const paid = must(await http.billing.approve(operator, payment.id, 'Paid'))
  expect(await balanceOf(owner)).toBe(before + 500_000_000n)
  expect(await balanceOf(member)).toBe(mine)
  expect((await buy(member)).json()).toMatchObject({ error: { code: 'policy_denied' } })

  const invoice = await http.call('readInvoice', owner, { params: { id: paid.invoiceId ?? '' } })
  expect(invoice.json()).toMatchObject({ billedTo: { email: 'invoices@acme.example', organization: 'Acme' } })
  expect(
    (await http.call('readInvoicePdf', billing, { params: { id: paid.invoiceId ?? '' } })).statusCode,
  ).toBe(200)
  const hidden = await http.call('readInvoice', member, { params: { id: paid.invoiceId ?? '' } })
  expect(hidden.statusCode).toBe(404)
  expect((await set(false, member)).statusCode).toBe(403)
  expect((await http.call('readCentralBilling', member, {})).json()).toMatchObject({
    central: true,
    standing: null,
  })
})

test('what a member’s operation takes from it is charged to that member, and is in its statement', async () => {
  const account = { organizationId, userId: member.userId, accountId: (await accountOf(member)) ?? '' }
  const request = holdRequest(account, 900n)
  must(await http.ledger.hold(request))
  await settleFor({ database: http.database, ledger: http.ledger, account }, request.operationId, 700n)
  await insertOperation(http.database, member, {
    id: request.operationId,
    key_owner: 'system',
    credit_micros: 700n,
    cost_nano_usd: 7_000n,
  })
  const today = new Date().toISOString().slice(0, 10)
  const query = { from: today, to: today, by: 'member' } as const
  const { groups, totals } = (await http.call('readChargeBack', owner, { query })).json<
    Reply<'readChargeBack'>
  >()
  expect(groups).toMatchObject([{ id: member.userId, creditMicros: '700', operations: 1 }])
  expect(totals.creditMicros).toBe('700')
  const { items } = (await http.call('listStatement', billing, { query: {} })).json<Reply<'listStatement'>>()
  expect(items.map(({ operationId }) => operationId)).toContain(request.operationId)
  const own = (await http.call('listStatement', member, { query: {} })).json<Reply<'listStatement'>>()
  expect(own.items.map(({ operationId }) => operationId)).not.toContain(request.operationId)
  expect(await checkLedger(http.database)).toEqual([])
})

test('its holder is nobody: no member, no user to sign in as', async () => {
  expect(await http.organizations.findPerson({ id: organizationId })).toBeNull()
  expect(await http.access.person(organizationId, organizationId)).toMatchObject({ ok: false })
  const { assignments } = (await http.call('listCostCentres', owner, {})).json<Reply<'listCostCentres'>>()
  expect(assignments.map(({ id }) => id)).not.toContain(organizationId)
  const personal = await http.createBrowser()
  expect((await set(true, personal)).json()).toMatchObject({ error: { code: 'conflict' } })
})
