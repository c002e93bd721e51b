import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type AnyRequest,
  type Browser,
  callEndpoint,
  type Http,
  operator,
  startHttp,
} from '../../tests/http-harness.ts'
import { checkLedger, holdRequest } from '../../tests/ledger.ts'
import { insertOperation } from '../../tests/operation-row.ts'
import { settleFor } from '../../tests/statement-life.ts'
import type { billingEndpoints } from '../contract/billing.ts'
import type { Reply, Request } from '../contract/endpoints.ts'
import { may, roles } from '../contract/permissions.ts'
import { makeInsights } from '../insights/insights.ts'
import { systemClock } from '../kit/clock.ts'
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

/** On Pro by their own command, paid. */
const subscribe = async (who: Browser) => {
  const change = { kind: 'change_tier', tierId: 'pro' } as const
  const reply = await http.call('changeSubscription', who, {
    body: { change, idempotencyKey: newId(), returnPath: '/subscription' },
  })
  const { paymentId } = reply.json<Reply<'changeSubscription'>>()
  must(await http.billing.approve(operator, paymentId ?? '', 'Paid'))
}
const idleOf = async (who: Browser) =>
  (await http.call('readIdleSubscription', who, {})).json<Reply<'readIdleSubscription'>>().idle
const changeOf = (change: Request<'changeSubscription'>['body']['change']) => ({
  body: { change, idempotencyKey: newId(), returnPath: '/subscription' },
})
const standingOf = async () =>
  (await http.call('readCentralBilling', owner, {})).json<Reply<'readCentralBilling'>>().standing

test('what is paid for an account that nothing is taken from any more ends with its period; whoever pays it sees and ends it', async () => {
  await set(false)
  await subscribe(owner)
  await subscribe(member)
  expect(await standingOf()).toMatchObject({ paidSubscriptions: 2, organizationPaidUntil: null })
  expect(await idleOf(owner)).toBeNull()
  await set(true)
  expect(await standingOf()).toMatchObject({ paidSubscriptions: 0 })
  const shown = await http.call('readSubscription', member, {})
  expect(shown.json()).toMatchObject({ tier: { tierId: 'pro' }, pending: { kind: 'cancel' } })
  for (const kind of ['undo_pending', 'resume'] as const)
    expect((await http.call('changeSubscription', member, changeOf({ kind }))).json()).toMatchObject({
      error: { code: 'policy_denied' },
    })
  const now = changeOf({ kind: 'cancel', when: 'now' })
  expect((await http.call('changeSubscription', member, now)).json()).toMatchObject({
    subscription: { status: 'canceled' },
  })
  expect(await idleOf(owner)).toMatchObject({
    account: 'own',
    subscription: { userId: owner.userId, pending: { kind: 'cancel' } },
  })
  const mine = (await http.call('listInvoices', owner, { query: {} })).json<Reply<'listInvoices'>>().items
  expect(new Set(mine.map(({ userId }) => userId))).toEqual(new Set([owner.userId, organizationId]))
  const end = { body: { when: 'now', idempotencyKey: newId() } } as const
  expect((await http.call('cancelIdleSubscription', owner, end)).statusCode).toBe(200)
  expect(await idleOf(owner)).toBeNull()

  await subscribe(owner)
  expect((await standingOf())?.organizationPaidUntil).not.toBeNull()
  await set(false)
  for (const who of [owner, billing])
    expect(await idleOf(who)).toMatchObject({
      account: 'organization',
      subscription: { userId: organizationId, pending: { kind: 'cancel' } },
    })
  expect(await idleOf(member)).toBeNull()
  expect((await http.call('cancelIdleSubscription', member, end)).statusCode).toBe(404)
  await set(true)
  expect((await http.call('readSubscription', owner, {})).json()).toMatchObject({
    userId: organizationId,
    pending: { kind: 'cancel' },
  })
})

test('a change of tier that is paid after the switch makes nobody pay for an account that only waits', async () => {
  for (const isCentral of [false, true]) {
    await set(isCentral)
    const asked = await http.call(
      'changeSubscription',
      billing,
      changeOf({ kind: 'change_tier', tierId: isCentral ? 'business' : 'pro' }),
    )
    const { paymentId } = asked.json<Reply<'changeSubscription'>>()
    expect(paymentId).not.toBeNull()
    await set(!isCentral)
    expect(await http.billing.approve(operator, paymentId ?? '', 'Paid')).toMatchObject({
      fault: { code: 'conflict' },
    })
  }
})

type Command = {
  [Name in keyof typeof billingEndpoints]: (typeof billingEndpoints)[Name]['method'] extends 'GET'
    ? never
    : Name
}[keyof typeof billingEndpoints]

/** Each command that moves money or binds whoever pays it: whether it spends, and what is sent. `payment` waits at the payer. */
const commands: Record<Command, { spends: boolean; request: (payment: string) => AnyRequest }> = {
  previewSubscriptionChange: { spends: true, request: () => ({ body: { change: { kind: 'resume' } } }) },
  changeSubscription: { spends: true, request: () => changeOf({ kind: 'change_tier', tierId: 'business' }) },
  cancelIdleSubscription: {
    spends: false,
    request: () => ({ body: { when: 'now', idempotencyKey: newId() } }),
  },
  buyCredits: {
    spends: true,
    request: () => ({ body: { purchase: { kind: 'pack', packId: 'small' }, idempotencyKey: newId() } }),
  },
  continuePayment: { spends: true, request: (id) => ({ params: { id }, body: {} }) },
  takeBackPayment: { spends: false, request: (id) => ({ params: { id } }) },
  openPaymentPortal: { spends: false, request: () => ({ body: {} }) },
  setAutoTopUp: {
    spends: true,
    request: () => ({
      body: {
        autoTopUp: { enabled: true, thresholdMicros: '1', packId: 'small', monthlyCapMinor: '100000' },
      },
    }),
  },
}

const entries = Object.entries(commands) as [Command, (typeof commands)[Command]][]

describe.each([true, false])('while the organisation pays for everybody: %s', (central) => {
  test.each(roles)(
    '%s spends what they may spend, of whose account it is, by every command',
    async (role) => {
      await set(central)
      const who = await http.createBrowser({ organizationId, role })
      const spendsShared = central && may(role, 'billing.manage')
      const holderId = central && may(role, 'billing.read') ? organizationId : who.userId
      const waitingAt = async (userId: string) => {
        const once = { idempotencyKey: newId(), returnUrl: 'https://keys.example' }
        const pack = { kind: 'pack', packId: 'small' } as const
        return must(await http.billing.buy(operator, { organizationId, userId }, pack, once)).payment.id
      }
      const theirs = await waitingAt(role === 'member' ? owner.userId : member.userId)
      for (const [name, { spends, request }] of entries) {
        const isOfPayment = name === 'continuePayment' || name === 'takeBackPayment'
        const reply = await callEndpoint(
          http.app,
          name,
          who,
          request(isOfPayment ? await waitingAt(holderId) : ''),
        )
        const told = `${name}: ${reply.statusCode} ${reply.body}`
        if (!may(role, 'own.use')) expect(reply.json(), told).toMatchObject({ error: { code: 'forbidden' } })
        else if (spends && central && !spendsShared)
          expect(reply.json(), told).toMatchObject({ error: { code: 'policy_denied' } })
        else expect([200, 201, 404, 409], told).toContain(reply.statusCode)
        if (name === 'buyCredits' && reply.statusCode === 201)
          expect(reply.json()).toMatchObject({ payment: { userId: holderId } })
        if (isOfPayment)
          expect((await callEndpoint(http.app, name, who, request(theirs))).statusCode).toBe(
            may(role, 'own.use') ? 404 : 403,
          )
      }
    },
  )
})

test('what a member’s operation takes from it is charged to that member, and is in its statement', async () => {
  await set(true)
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
  const insights = makeInsights({ database: http.database, clock: systemClock })
  expect((await insights.overview(new Date())).users).toBe(await insights.countUsers({}))
  const personal = await http.createBrowser()
  expect((await set(true, personal)).json()).toMatchObject({ error: { code: 'conflict' } })
})
