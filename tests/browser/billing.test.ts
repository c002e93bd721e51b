import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EndpointName, Reply, Request } from '../../src/contract/endpoints.ts'
import { endpointOf, urlOf } from '../../src/contract/endpoints.ts'
import { openBrowser } from './browser.ts'
import { type Demo, startDemo } from './demo.ts'
import {
  expectAccessibleInLight,
  expectNoOverflow,
  expectPresentable,
  type Visitor,
  visit,
} from './visitor.ts'

let demo: Demo
let browser: Browser
let admin: Visitor

beforeAll(async () => {
  ;[demo, browser] = await Promise.all([startDemo(), openBrowser()])
  admin = await visit(browser, demo.facts.administrator.signInLink)
})

afterAll(async () => {
  await admin?.[Symbol.asyncDispose]()
  await browser?.close()
  await demo?.[Symbol.asyncDispose]()
})

const person = (name: string) => {
  const found = demo.facts.users.find((user) => user.name === name)
  if (!found) throw new Error(`The demo has no ${name}.`)
  return found
}
const visitAs = (name: string, path?: string) => visit(browser, person(name).signInLink, path)

/** A call of the API in somebody's session. */
const call = async <Name extends EndpointName>(
  { page }: Visitor,
  name: Name,
  request: Request<Name>,
): Promise<Reply<Name>> => {
  const endpoint = endpointOf(name)
  const { params, query, body } = request as { params?: {}; query?: {}; body?: unknown }
  const { csrfToken } = (await (await page.request.get(`${demo.url}/api/me`)).json()) as { csrfToken: string }
  const reply = await page.request.fetch(
    demo.url + urlOf(endpoint, { ...(params && { params }), ...(query && { query }) }),
    {
      method: endpoint.method,
      headers: { 'x-csrf-token': csrfToken },
      ...(body !== undefined && { data: body }),
    },
  )
  if (!reply.ok()) throw new Error(`${name}: ${reply.status()} ${await reply.text()}`)
  return (await reply.json()) as Reply<Name>
}

const setProvider = async (provider: 'manual' | 'stripe') => {
  const settings = await call(admin, 'readBillingSettings', {})
  await call(admin, 'saveBillingSettings', { body: { settings: { ...settings, provider }, reason: 'Test' } })
}
/** For as long as what it gives is in scope. */
const withoutStripe = async (): Promise<AsyncDisposable> => {
  await setProvider('manual')
  return { [Symbol.asyncDispose]: () => setProvider('stripe') }
}
const approve = async (paymentId: string) =>
  call(admin, 'approvePayment', { params: { id: paymentId }, body: { reason: 'The money is there' } })

const stat = (page: Page, label: string) =>
  page
    .locator('dl > div')
    .filter({ has: page.locator('dt', { hasText: label }) })
    .locator('dd')
    .first()
const microsOf = (text: string | null): bigint => {
  const [, sign, whole = '0', fraction = ''] = /([−+]?)([\d,]+)(?:\.(\d+))?/.exec(text ?? '') ?? []
  const micros = BigInt(whole.replaceAll(',', '') + fraction.padEnd(6, '0'))
  return sign === '−' ? -micros : micros
}
const available = async (who: Visitor) => BigInt((await call(who, 'readBalance', {})).availableMicros)
const paymentIn = (page: Page): string => new URL(page.url()).searchParams.get('payment') ?? ''

const statement = (page: Page) => page.getByRole('table', { name: 'Statement' })

describe('buying credits', () => {
  test('on Stripe’s page: after a declined card, the balance is up by the pack, and the statement says so', async () => {
    await using nora = await visitAs('Nora', '/credits')
    const { page } = nora
    await stat(page, 'Available').waitFor()
    const before = await available(nora)
    await page.getByRole('button', { name: 'Buy credits' }).click()
    const dialog = page.getByRole('dialog', { name: 'Buy credits' })
    await dialog.getByRole('radio', { name: /10,000 credits/ }).check()
    await dialog.getByText('where no money moves').waitFor()
    await expectAccessibleInLight(page)
    await expectNoOverflow(page)
    await dialog.getByRole('button', { name: 'Continue to payment' }).click()

    await page.getByRole('heading', { name: 'Pay 90.00 USD' }).waitFor()
    expect(new URL(page.url()).origin).toBe(demo.facts.stripeUrl)
    await page.getByLabel('Card number').fill('4000 0000 0000 0002')
    await page.getByRole('button', { name: 'Pay 90.00 USD' }).click()
    await page.getByRole('alert').waitFor()
    await page.getByLabel('Card number').fill('4242 4242 4242 4242')
    await page.getByRole('button', { name: 'Pay 90.00 USD' }).click()

    await page.getByText('Paid: 10,000 credits, $90.00').waitFor()
    expect(page.url()).toMatch(new RegExp(`^${demo.url}/credits\\?`))
    expect((await available(nora)) - before).toBe(10_000_000_000n)
    await expect
      .poll(async () => microsOf(await stat(page, 'Available').textContent()))
      .toBeGreaterThan(before)
    await statement(page).getByRole('row').filter({ hasText: 'Purchase' }).getByText('+10,000.00').waitFor()
    await page.getByRole('button', { name: 'Dismiss' }).click()
    await page.getByText('Paid: 10,000 credits').waitFor({ state: 'detached' })
    await expect.poll(() => paymentIn(page)).toBe('')
  })

  test('left at Stripe’s page it waits, is paid later without being asked for again, and never twice', async () => {
    await using olivia = await visitAs('Olivia', '/credits?buy=true')
    const { page } = olivia
    await page.getByRole('radio', { name: /500 credits/ }).check()
    await page.getByRole('button', { name: 'Continue to payment' }).click()
    await page.getByRole('link', { name: 'Cancel' }).click()
    await page.getByText('Not paid yet: 500 credits, $5.00').waitFor()
    await expectAccessibleInLight(page)
    await page.goto(`${demo.url}/credits`)
    await page.getByText('Waiting: 500 credits, $5.00').waitFor()
    await page.goto(`${demo.url}/invoices`)
    await page.getByRole('button', { name: 'Go on to pay' }).click()
    await page.getByRole('button', { name: /^Pay / }).click()
    await page.getByText('Paid: 500 credits, $5.00').waitFor()
    const { items } = await call(olivia, 'listPayments', { query: {} })
    expect(items.filter(({ purpose }) => purpose === 'purchase').map(({ status }) => status)).toEqual([
      'paid',
    ])
  })

  test('without Stripe: asked for, approved by an administrator, there without a reload', async () => {
    await using _ = await withoutStripe()
    await using nora = await visitAs('Nora')
    const { page } = nora
    const before = await available(nora)
    await page.goto(`${demo.url}/credits?buy=true`)
    await page.getByRole('radio', { name: 'Another amount' }).check()
    const amount = page.getByLabel('Amount in USD')
    await amount.fill('2')
    await page.getByText('An amount from $5.00 to $1,000.00.').waitFor()
    await expect.poll(() => page.getByRole('button', { name: 'Request credits' }).isDisabled()).toBe(true)
    await amount.fill('7.50')
    await page.getByText('750 credits').waitFor()
    await page.getByRole('button', { name: 'Request credits' }).click()
    await page.getByText('Requested: 750 credits, $7.50').waitFor()
    expect(await available(nora)).toBe(before)
    await expectAccessibleInLight(page)

    await approve(paymentIn(page))
    await page.getByText('Paid: 750 credits, $7.50').waitFor()
    expect((await available(nora)) - before).toBe(750_000_000n)
    await page.getByRole('link', { name: 'Invoice', exact: true }).click()
    const invoice = page.getByRole('dialog', { name: 'Invoice' })
    await invoice.getByRole('row', { name: 'Total' }).getByText('$7.50').waitFor()
    await expectAccessibleInLight(page)
    const pdf = page.waitForEvent('download')
    await invoice.getByRole('link', { name: 'PDF' }).click()
    expect((await pdf).suggestedFilename()).toMatch(/\.pdf$/)
    await page.keyboard.press('Escape')
    await page
      .getByRole('row')
      .filter({ hasText: '750 credits' })
      .getByRole('link', { name: 'Receipt' })
      .waitFor()
  })

  test('what is denied says why, and what was asked for twice by a lost answer is one purchase', async () => {
    await using _ = await withoutStripe()
    await using nora = await visitAs('Nora')
    const { page } = nora
    const purchases = (url: URL) => url.pathname === '/api/credits/purchases'
    const keys: string[] = []
    await page.route(purchases, async (route) => {
      if (route.request().method() !== 'POST') return route.fallback()
      keys.push((route.request().postDataJSON() as { idempotencyKey: string }).idempotencyKey)
      if (keys.length > 1) return route.continue()
      await route.fetch()
      return route.abort()
    })
    await page.goto(`${demo.url}/credits?buy=true`)
    await page.getByRole('radio', { name: /2,000 credits/ }).check()
    await page.getByRole('button', { name: 'Request credits' }).click()
    await page.getByText('The gateway could not be reached.').waitFor()
    await page.getByRole('button', { name: 'Request credits' }).click()
    await page.getByText('Requested: 2,000 credits, $19.00').waitFor()
    expect(keys[1]).toBe(keys[0])
    const { items } = await call(nora, 'listPayments', { query: {} })
    expect(items.filter(({ status }) => status === 'requested')).toHaveLength(1)
    const id = paymentIn(page)
    await call(admin, 'denyPayment', { params: { id }, body: { reason: 'No budget this month' } })
    await page.getByText('No budget this month. Nothing was charged.').waitFor()

    await page.goto(`${demo.url}/credits?buy=true`)
    await page.getByRole('radio', { name: /500 credits/ }).check()
    await page.getByRole('button', { name: 'Request credits' }).click()
    await page.getByText('Requested: 500 credits, $5.00').waitFor()
    await page.goto(`${demo.url}/credits`)
    await page.getByText('Waiting: 500 credits, $5.00').waitFor()
    await page.getByRole('button', { name: 'Take back' }).click()
    await page.getByText('Waiting: 500 credits, $5.00').waitFor({ state: 'detached' })
  })

  test('automatic top-up says what it buys, and never allows a cap below one pack', async () => {
    await using nora = await visitAs('Nora', '/credits')
    const { page } = nora
    const panel = page.getByRole('region', { name: 'Automatic top-up' })
    await panel.getByRole('button', { name: 'Set up' }).click()
    const dialog = page.getByRole('dialog', { name: 'Automatic top-up' })
    await dialog.getByLabel('Buy', { exact: true }).selectOption({ label: '2,000 credits, $19.00' })
    await dialog.getByLabel(/^At most/).fill('18')
    await dialog.getByText('It has to allow one pack: $19.00.').waitFor()
    await dialog.getByLabel(/^At most/).fill('40')
    await dialog.getByLabel(/^When less than/).fill('1.5')
    await expectAccessibleInLight(page)
    await dialog.getByRole('button', { name: 'Save' }).click()
    await panel.getByText('Below 1.5 credits, 2,000 credits for $19.00').waitFor()
    await panel.getByText('$40.00').waitFor()
  })
})

describe('the balance and the statement', () => {
  /** Until it is hung up. */
  const stream = async (who: string) => {
    const call = new AbortController()
    const reply = await fetch(`${demo.url}/v1/messages`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${person(who).accessToken}`,
        'content-type': 'application/json',
        'anthropic-version': '2023-06-01',
      },
      body: JSON.stringify({
        model: 'claude-sonnet-4-5',
        max_tokens: 4000,
        stream: true,
        messages: [{ role: 'user', content: '[[simulate: slow 250ms]] [[simulate: endless]]' }],
      }),
      signal: call.signal,
    })
    const over = reply.text().catch(() => {})
    const hangUp = () => {
      call.abort()
      return over
    }
    return { id: reply.headers.get('x-aideon-operation') ?? '', hangUp }
  }

  test('move while an operation streams; its line leads to its receipt', async () => {
    await using nora = await visitAs('Nora', '/credits')
    const { page } = nora
    await stat(page, 'Held').waitFor()
    await page.mouse.move(5, 5)
    const before = await available(nora)
    const { id, hangUp } = await stream('Nora')
    await page.getByText('For operations under way').waitFor()
    await page.getByText('1 operation under way').waitFor()
    await expect.poll(async () => microsOf(await stat(page, 'Held').textContent())).toBeGreaterThan(0n)
    await expectAccessibleInLight(page)
    await hangUp()
    await page.getByText('No operation holds any').waitFor()
    const first = statement(page).getByRole('row').nth(1)
    await expect
      .poll(async () => microsOf(await first.getByRole('cell').nth(2).textContent()))
      .toBe((await available(nora)) - before)
    await first.getByRole('button', { name: /, Operation, line/ }).click()
    await page.getByRole('dialog', { name: 'Receipt' }).getByText(id).waitFor()
    await page.reload()
    await page.getByRole('dialog', { name: 'Receipt' }).getByText(id).waitFor()
  })

  test('add up to the micro-credit, line by line; filters are in the address and in the files', async () => {
    await using nora = await visitAs('Nora', '/credits')
    const { page } = nora
    await statement(page).getByRole('row').nth(5).waitFor()
    const rows = await statement(page).getByRole('row').all()
    const cells = await Promise.all(
      rows
        .slice(1, 7)
        .map(async (row) => (await row.getByRole('cell').allTextContents()).slice(2).map(microsOf)),
    )
    const sums = cells.slice(1).map(([, balance], index) => (balance ?? 0n) + (cells[index]?.[0] ?? 0n))
    expect(sums).toEqual(cells.slice(0, -1).map(([, balance]) => balance))

    await page.getByRole('button', { name: 'Allocations' }).click()
    await expect.poll(() => statement(page).getByText('Operation').count()).toBe(0)
    await page.reload()
    await page.getByRole('button', { name: 'Allocations', pressed: true }).waitFor()
    await statement(page).getByText('Monthly allocation').first().waitFor()
    const saved = page.waitForEvent('download')
    await page.getByRole('link', { name: 'CSV of this statement' }).click()
    const text = await (await (await saved).createReadStream()).setEncoding('utf8').toArray()
    const lines = text.join('').trim().split('\n')
    expect(lines.length).toBeGreaterThan(1)
    expect(lines.slice(1).every((line) => line.includes('allocation'))).toBe(true)
    await page
      .getByRole('button', { name: /, Monthly allocation, line/ })
      .first()
      .click()
    await page
      .getByRole('dialog', { name: 'Statement line' })
      .getByText('Allocation', { exact: true })
      .waitFor()
    await expectAccessibleInLight(page)
  })

  test('that cannot be read say so, and can be tried again', async () => {
    await using nora = await visitAs('Nora')
    const { page } = nora
    const broken = JSON.stringify({ error: { code: 'internal', message: 'It broke.', next: 'Try again.' } })
    const reads = (url: URL) => url.pathname === '/api/credits/statement'
    await page.route(reads, (route) => route.fulfill({ status: 500, body: broken }))
    await page.goto(`${demo.url}/credits`)
    await page.getByText('It broke.').waitFor()
    await page.unroute(reads)
    await page.getByRole('button', { name: 'Try again' }).click()
    await statement(page).getByText('Monthly allocation').first().waitFor()
  })
})

describe('the subscription', () => {
  test('shows the discount as it stands; an upgrade is what its preview said, to the cent', async () => {
    await using ansel = await visitAs('Ansel', '/subscription')
    const { page } = ansel
    const discount = page.getByRole('region', { name: 'Own-key discount' })
    await discount.getByText('at least 50 % of the period').waitFor()
    await discount.getByText('A valid key is there').waitFor()
    await discount.getByText('This period: 10 % off.').waitFor()
    const next = discount.getByRole('table', { name: 'Next invoice' })
    await next.getByRole('row', { name: 'Own-key discount' }).getByText('−$2.00').waitFor()
    await next.getByRole('row', { name: 'Total' }).getByText('$18.00').waitFor()

    const before = await available(ansel)
    await page.getByRole('button', { name: 'Upgrade to Business' }).click()
    const dialog = page.getByRole('dialog', { name: 'Pro to Business' })
    const shownNow = dialog.getByRole('table', { name: 'Now' })
    await shownNow.getByRole('row', { name: 'Own-key discount, 10 %' }).waitFor()
    await expectAccessibleInLight(page)
    const toPay = await shownNow.getByRole('row', { name: 'To pay now' }).getByRole('cell').textContent()
    const credits = microsOf(
      await shownNow.getByRole('row', { name: 'Credits now' }).getByRole('cell').textContent(),
    )
    await dialog.getByRole('button', { name: 'Request the change' }).click()
    await page.getByText(`Requested: Pro to Business, ${toPay}`).waitFor()
    const payment = await approve(paymentIn(page))
    await page.getByText(`Paid: Pro to Business, ${toPay}`).waitFor()
    await page.getByRole('listitem', { name: 'Business' }).getByText('Yours').waitFor()
    // 0.004 credits a second: what passed between the preview and the click.
    const given = (await available(ansel)) - before
    expect(given - credits < 50_000n && credits - given < 50_000n).toBe(true)
    const invoice = await call(ansel, 'readInvoice', { params: { id: payment.invoiceId ?? '' } })
    expect(`$${(Number(invoice.totalMinor) / 100).toFixed(2)}`).toBe(toPay)
    expect(invoice.lines.map(({ kind }) => kind)).toEqual(['proration', 'discount', 'tax'])
    await next.getByRole('row', { name: 'Total' }).getByText('$89.10').waitFor()
  })

  test('is cancelled at the end, undone, paused and resumed; each is told before and seen after', async () => {
    await using nora = await visitAs('Nora', '/subscription')
    const { page } = nora
    const confirm = async (open: string, submit: string) => {
      await page.getByRole('button', { name: open, exact: true }).click()
      await page.getByRole('dialog').getByRole('table', { name: 'Now' }).waitFor()
      await page.getByRole('dialog').getByRole('button', { name: submit, exact: true }).click()
      await page.getByRole('dialog').waitFor({ state: 'detached' })
    }
    await confirm('Cancel at the end', 'Cancel at the end')
    await page.getByText('Pro ends on').waitFor()
    await page.getByRole('listitem', { name: 'Free' }).getByText('Next', { exact: true }).waitFor()
    await confirm('Undo', 'Undo the change')
    await page.getByText('Pro ends on').waitFor({ state: 'detached' })
    await confirm('Change to Free', 'Change to Free')
    await page.getByText('Changes to Free on').waitFor()
    await confirm('Undo', 'Undo the change')
    await confirm('Pause', 'Pause')
    await page.getByText('no credits are allocated').first().waitFor()
    await expect.poll(() => page.getByRole('button', { name: 'Upgrade to Business' }).isDisabled()).toBe(true)
    await expectAccessibleInLight(page)
    await expectNoOverflow(page)
    await page.goto(`${demo.url}/credits`)
    await page.getByText('Your subscription is paused').waitFor()
    await page.goto(`${demo.url}/subscription`)
    await confirm('Resume', 'Resume')
    await page.getByRole('button', { name: 'Pause', exact: true }).waitFor()
  })

  test('that is past due says until when, and what to do about it', async () => {
    await using ansel = await visitAs('Ansel')
    const { page } = ansel
    await page.route(
      (url) => url.pathname === '/api/subscription',
      async (route) => {
        const reply = await route.fetch()
        const json = (await reply.json()) as object
        const graceUntil = new Date(Date.now() + 5 * 86_400_000).toISOString()
        await route.fulfill({ json: { ...json, status: 'past_due', graceUntil } })
      },
    )
    for (const path of ['/', '/credits', '/subscription', '/invoices']) {
      await page.goto(`${demo.url}${path}`)
      await page.getByText(/^Past due: the payment for/).waitFor()
      await page.getByText('stays until').waitFor()
    }
    await expectAccessibleInLight(page)
    await expectNoOverflow(page)
  })
})

test('the saved payment method is changed on the provider’s page, which leads back', async () => {
  await using nora = await visitAs('Nora', '/invoices')
  const { page } = nora
  await page.getByRole('button', { name: 'Payment method' }).click()
  await page.getByRole('heading', { name: 'Payment methods' }).waitFor()
  await page.getByRole('button', { name: 'Use this card' }).click()
  await page.getByRole('link', { name: 'Return' }).click()
  await page.getByRole('heading', { level: 1, name: 'Invoices' }).waitFor()
})

// Beside /credits, which dashboards.test.ts looks at.
test.each([
  ['Ansel', '/subscription', 'Subscription'],
  ['Ansel', '/invoices', 'Invoices'],
])('%s’s %s is free of axe’s findings in light and dark, and fits a phone', (who, path, heading) =>
  expectPresentable(browser, person(who).signInLink, `${demo.url}${path}`, heading),
)
