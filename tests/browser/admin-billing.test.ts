import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
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

const person = (name: string) => {
  const found = demo.facts.users.find((user) => user.name === name)
  if (!found) throw new Error(`The demo has no ${name}.`)
  return found
}

/** As the signed-in browser's own page would ask. */
const ask = async <Answer>(page: Page, method: string, path: string, body?: object): Promise<Answer> => {
  const script = async ([verb, url, sent]: readonly [string, string, object | null]) => {
    const me = (await (await fetch('/api/me')).json()) as { csrfToken: string }
    const reply = await fetch(`/api${url}`, {
      method: verb,
      headers: {
        'x-csrf-token': me.csrfToken,
        ...(sent === null ? {} : { 'content-type': 'application/json' }),
      },
      body: sent === null ? null : JSON.stringify(sent),
    })
    if (!reply.ok) throw new Error(`${verb} ${url}: ${await reply.text()}`)
    return reply.json()
  }
  return (await page.evaluate(script, [method, path, body ?? null] as const)) as Answer
}

const administrate = (path: string): Promise<Visitor> =>
  visit(browser, demo.facts.administrator.signInLink, path)

const buy = async (name: string, packId: string): Promise<void> => {
  await using visitor = await visit(browser, person(name).signInLink, '/credits')
  await ask(visitor.page, 'POST', '/credits/purchases', {
    purchase: { kind: 'pack', packId },
    idempotencyKey: crypto.randomUUID(),
  })
}

const availableOf = async (name: string): Promise<bigint> => {
  await using visitor = await visit(browser, person(name).signInLink, '/credits')
  const { availableMicros } = await ask<{ availableMicros: string }>(visitor.page, 'GET', '/credits')
  return BigInt(availableMicros)
}

beforeAll(async () => {
  ;[demo, browser] = await Promise.all([startDemo(), openBrowser()])
  await using admin = await administrate('/admin/billing-settings')
  await admin.page.getByLabel('Payment provider').selectOption('manual')
  const settings = admin.page.getByRole('form', { name: 'Billing settings' })
  await settings.getByLabel('Reason').fill('Transfers only')
  await settings.getByRole('button', { name: 'Save settings' }).click()
  await admin.page.getByText('The billing settings are saved.').waitFor()
})

afterAll(async () => {
  await browser?.close()
  await demo?.[Symbol.asyncDispose]()
})

describe('an administrator', () => {
  test('sees whom a new version of a tier touches before it is saved, and what is different after', async () => {
    await using admin = await administrate('/admin/tiers')
    const { page } = admin
    await page.getByRole('button', { name: 'Pro', exact: true }).click()
    const drawer = page.getByRole('dialog', { name: 'Pro' })
    await drawer.getByRole('button', { name: 'New version' }).click()
    await drawer.getByLabel('Price a month').fill('25.5')
    await drawer.getByLabel('Rollover, at most').fill('500')
    const preview = drawer.getByRole('region', { name: 'What it changes' })
    await preview.getByText('$25.50 a month').waitFor()
    await preview.getByText('up to 500 credits').waitFor()
    await preview.getByText(/Touches [1-9]\d* subscribers?, each with their next period/).waitFor()
    await preview.getByText(/\+\$\d+\.\d\d before discounts/).waitFor()
    await expectAccessibleInLight(page)
    await drawer.getByRole('button', { name: 'Save version' }).click()
    await drawer.getByText('Say why').waitFor()
    await drawer.getByLabel('Reason').fill('Prices of 2027')
    await drawer.getByRole('button', { name: 'Save version' }).click()
    const second = drawer.getByRole('listitem', { name: 'Version 2' })
    await second.getByText('In effect').waitFor()
    await second.getByText('Prices of 2027').waitFor()
    await expect.poll(() => second.locator('dl').innerText()).toMatch(/\$20\.00 a month.*\$25\.50 a month/s)
    expect(await second.locator('dl').innerText()).not.toContain('Services')
    await drawer.getByRole('listitem', { name: 'Version 1' }).waitFor()
    await expectAccessibleInLight(page)
    await expectNoOverflow(page)

    // Who subscribed keeps the version until the period is over.
    await page.goto(`${demo.url}/admin/subscriptions?tier=pro`)
    await page.getByRole('row').filter({ hasText: 'Pro version 1' }).first().waitFor()
    expect(await page.getByText('Pro version 2').count()).toBe(0)
  })

  test('approves and denies payments by the keyboard alone; letters in the reason stay letters', async () => {
    const before = await availableOf('Nora')
    await buy('Olivia', 'medium')
    await buy('Nora', 'small')
    await using admin = await administrate('/admin/payments')
    const { page } = admin
    const rows = page.getByRole('table', { name: 'Payments to decide' }).getByRole('row')
    await rows.filter({ hasText: 'Nora' }).waitFor()
    const waiting = (await rows.count()) - 1
    const focusedRow = () => page.evaluate<string>("document.activeElement.closest('tr')?.innerText ?? ''")

    await page.keyboard.press('j')
    await expect.poll(focusedRow).toContain('500 credits')
    await page.keyboard.press('j')
    await expect.poll(focusedRow).toContain('2,000 credits')
    await page.keyboard.press('k')
    await page.keyboard.press('a')
    const approve = page.getByRole('dialog', { name: 'Approve $5.00?' })
    await approve.getByLabel('Reason').and(page.locator(':focus')).waitFor()
    await page.keyboard.press('Escape')
    await expect.poll(focusedRow).toContain('500 credits')
    await page.keyboard.press('a')
    await approve.getByText('Its invoice is issued and the credits are given now.').waitFor()
    await expectAccessibleInLight(page)
    await approve.getByLabel('Reason').and(page.locator(':focus')).waitFor()
    await page.keyboard.type('a bank transfer, j/k 4711')
    await expect.poll(() => approve.getByLabel('Reason').inputValue()).toBe('a bank transfer, j/k 4711')
    // The list is the last to be read anew: the row is still there when the dialog has gone.
    const others = page.waitForResponse((reply) => reply.url().includes('/api/admin/users'))
    await page.route(
      (url) => url.pathname === '/api/admin/payments',
      (route) => others.then(() => route.continue()),
    )
    await page.keyboard.press('Enter')
    await page.getByText('500 credits, $5.00: approved.').waitFor()
    await expect.poll(() => rows.count()).toBe(waiting)

    // The focus is in the next one, which has moved up.
    await expect.poll(focusedRow).toContain('2,000 credits')
    await page.keyboard.press('d')
    await page
      .getByRole('dialog', { name: 'Deny $19.00?' })
      .getByLabel('Reason')
      .and(page.locator(':focus'))
      .waitFor()
    await page.keyboard.type('no transfer came')
    await page.keyboard.press('Enter')
    await page.getByText('2,000 credits, $19.00: denied.').waitFor()
    await expect.poll(() => rows.filter({ hasText: 'Olivia' }).count()).toBe(0)

    expect(await availableOf('Nora')).toBe(before + 500_000_000n)
    await page.getByRole('link', { name: 'All payments' }).click()
    const all = page.getByRole('table', { name: 'Payments', exact: true })
    await all.getByRole('row').filter({ hasText: 'Nora' }).first().getByText('Paid').waitFor()
    await all.getByRole('row').filter({ hasText: 'Olivia' }).first().getByText('Denied').waitFor()
    await expectAccessibleInLight(page)
  })

  test('gives money back, having seen what becomes of the credits; the credit note corrects the invoice', async () => {
    await buy('Ansel', 'small')
    await using admin = await administrate('/admin/payments')
    const { page } = admin
    await page
      .getByRole('row')
      .filter({ hasText: 'Ansel' })
      .getByRole('button', { name: 'Approve', exact: false })
      .click()
    await page.getByRole('dialog').getByLabel('Reason').fill('Transfer 4712')
    await page.keyboard.press('Enter')
    await page.getByText('500 credits, $5.00: approved.').waitFor()
    const before = await availableOf('Ansel')

    await page.getByRole('link', { name: 'All payments' }).click()
    const row = page.getByRole('row').filter({ hasText: 'Ansel' }).filter({ hasText: '$5.00' }).first()
    await row.getByRole('button').first().click()
    const drawer = page.getByRole('dialog', { name: '500 credits' })
    const refund = drawer.getByRole('form', { name: 'Refund' })
    await refund.getByLabel('Amount in USD').fill('5.01')
    await refund.getByText('More than is left.').waitFor()
    await refund.getByLabel('Amount in USD').fill('2')
    const taken = refund.getByRole('region', { name: 'Credits taken back' })
    await taken.getByText('200.00').first().waitFor()
    expect(await refund.getByRole('button', { name: 'Refund $2.00' }).isDisabled()).toBe(true)
    await refund.getByLabel('Reason').fill('Bought too many')
    await expectAccessibleInLight(page)
    await refund.getByRole('button', { name: 'Refund $2.00' }).click()
    await page.getByRole('dialog', { name: 'Refund $2.00?' }).getByRole('button', { name: 'Refund' }).click()
    await page.getByText('$2.00 are given back.').waitFor()
    await drawer.getByText('Refunded in part').waitFor()
    await expect.poll(() => refund.getByLabel('Amount in USD').inputValue()).toBe('3.00')
    expect(await availableOf('Ansel')).toBe(before - 200_000_000n)

    await page.goto(`${demo.url}/admin/payments?show=invoices`)
    await page
      .getByRole('button', { name: /^Credit note / })
      .first()
      .click()
    const note = page.getByRole('dialog', { name: /^Credit note / })
    await note.getByText('−$2.00').first().waitFor()
    await note.getByRole('link', { name: 'The invoice that it corrects' }).click()
    await page
      .getByRole('dialog', { name: /^Invoice / })
      .getByText('$5.00')
      .first()
      .waitFor()
    await expectAccessibleInLight(page)
  })

  test('cannot give more than the limit alone: another administrator approves, and not oneself', async () => {
    const before = await availableOf('Nora')
    await using admin = await administrate('/admin/balances?search=nora')
    const { page } = admin
    await page.getByRole('button', { name: /Nora/ }).click()
    await page.getByRole('button', { name: 'Give credits' }).click()
    const dialog = page.getByRole('dialog', { name: 'Give credits' })
    await dialog.getByLabel('Credits').fill('10000')
    await dialog.getByLabel('Reason').fill('Outage of three days')
    expect(await dialog.getByText('Another administrator has to agree').count()).toBe(0)
    await dialog.getByLabel('Credits').fill('10000.000001')
    await dialog.getByText('Another administrator has to agree').waitFor()
    await expectAccessibleInLight(page)
    await dialog.getByRole('button', { name: 'Ask for approval' }).click()
    await page.getByText('10,000.000001 credits: waits for another administrator.').waitFor()
    expect(await availableOf('Nora')).toBe(before)

    await page.goto(`${demo.url}/admin/balances`)
    const own = page.getByRole('table', { name: 'Waiting adjustments' }).getByRole('row')
    await own.getByText('You asked: another one approves').waitFor()
    expect(await own.getByRole('button', { name: 'Approve' }).count()).toBe(0)
    await expectAccessibleInLight(page)
    await expectNoOverflow(page)

    const promote = { isPlatformAdministrator: true }
    await ask(page, 'PATCH', `/admin/users/${person('Olivia').id}`, promote)
    // With her rights her sessions ended.
    await using second = await visit(browser, person('Olivia').signInLink)
    await second.page.goto(`${demo.url}/admin/balances`)
    await second.page.getByRole('button', { name: 'Approve Outage of three days' }).click()
    await second.page
      .getByRole('dialog', { name: 'Approve 10,000.000001 credits?' })
      .getByRole('button', { name: 'Approve adjustment' })
      .click()
    await second.page.getByText('10,000.000001 credits: approved and done.').waitFor()
    await second.page
      .getByRole('table', { name: 'Adjustments' })
      .getByRole('row')
      .filter({ hasText: 'Outage of three days' })
      .getByText('Done')
      .waitFor()
    expect(await availableOf('Nora')).toBe(before + 10_000_000_001n)
    await ask(page, 'PATCH', `/admin/users/${person('Olivia').id}`, { isPlatformAdministrator: false })
  })

  test('takes a grant back, having seen what of it is owed then', async () => {
    await using admin = await administrate('/admin/balances?search=ansel')
    const { page } = admin
    await page.getByRole('button', { name: /Ansel/ }).click()
    await page.getByRole('button', { name: 'Give credits' }).click()
    const give = page.getByRole('dialog', { name: 'Give credits' })
    await give.getByLabel('Credits').fill('12')
    await give.getByLabel('Reason').fill('By mistake')
    await give.getByRole('button', { name: 'Give credits' }).click()
    await page.getByText('12 credits: given.').waitFor()
    await page.getByRole('button', { name: 'Take back By mistake' }).click()
    const dialog = page.getByRole('dialog', { name: 'Take credits back' })
    await expect.poll(() => dialog.getByLabel('Credits').inputValue()).toBe('12')
    await dialog.getByText('There and unspent').waitFor()
    await dialog.getByLabel('Credits').fill('12.5')
    await dialog.getByText('More than can be corrected.').waitFor()
    await dialog.getByLabel('Credits').fill('12')
    await dialog.getByLabel('Reason').fill('It was the wrong person')
    await dialog.getByRole('button', { name: 'Take credits back' }).click()
    await page.getByText('12 credits: taken back.').waitFor()
    const history = page.getByRole('table', { name: 'Adjustments' })
    await history
      .getByRole('row')
      .filter({ hasText: 'It was the wrong person' })
      .getByText('−12.00')
      .waitFor()
    // No tooltip of what the pointer happens to be above.
    await page.mouse.move(0, 0)
    await page.getByRole('tooltip').waitFor({ state: 'detached' })
    await expectAccessibleInLight(page)
    await expectNoOverflow(page)
  })

  test('changes a user’s tier, having seen the money first; it waits for its payment', async () => {
    await using admin = await administrate('/admin/subscriptions')
    const { page } = admin
    await page.getByRole('row').filter({ hasText: 'Nora' }).waitFor()
    await page.keyboard.press('/')
    await page.keyboard.type('nora')
    await page.getByRole('option', { name: /Nora/ }).click()
    const drawer = page.getByRole('dialog', { name: 'Nora' })
    await drawer.getByRole('button', { name: 'Change tier' }).click()
    const dialog = page.getByRole('dialog', { name: 'Change tier' })
    await dialog.getByLabel('To').selectOption('business')
    await dialog.getByText('To pay now').waitFor()
    await dialog
      .getByText(/^\$\d\d\.\d\d$/)
      .first()
      .waitFor()
    await expectAccessibleInLight(page)
    await dialog.getByRole('button', { name: 'Change tier' }).click()
    await page.getByText('It waits for its payment').waitFor()
    await page.goto(`${demo.url}/admin/payments`)
    await page.getByRole('row').filter({ hasText: 'Pro to Business' }).getByText('Change of tier').waitFor()
  })

  test('sets a markup as a change of the price book: compared, approved, and in force as a version', async () => {
    await using admin = await administrate('/admin/price-book')
    const { page } = admin
    await page.getByRole('button', { name: 'New change' }).click()
    const drawer = page.getByRole('dialog', { name: 'New change of prices' })
    await drawer.getByLabel('Markup, %').fill('20')
    await drawer.getByRole('button', { name: 'Add edit' }).click()
    await drawer.getByRole('list', { name: 'Edits' }).getByText('Everything: 20 % on top').first().waitFor()
    await drawer.getByText(/prices in credits change, by at most \+20 %/).waitFor()
    await drawer.getByLabel('Reason').fill('We have costs, too')
    await expectAccessibleInLight(page)
    await drawer.getByRole('button', { name: 'Save draft' }).click()
    const change = page.getByRole('dialog', { name: 'We have costs, too' })
    await change.getByText('Draft', { exact: true }).waitFor()
    await expectAccessibleInLight(page)
    await change.getByRole('button', { name: 'Approve' }).click()
    await page
      .getByRole('dialog', { name: 'Approve?' })
      .getByRole('button', { name: 'Approve change' })
      .click()
    // Thousands of prices are compared once more.
    await page.getByText(/It is version \d+\./).waitFor()
    await page.goto(`${demo.url}/admin/price-book`)
    await page
      .getByRole('table', { name: 'Markups' })
      .getByRole('row')
      .filter({ hasText: 'Everything' })
      .getByText('20 % on top')
      .waitFor()

    // Three times the price is above the limit of what one administrator may decide alone.
    await page.getByRole('button', { name: 'Change the markup of Everything' }).click()
    await drawer.getByLabel('Markup, %').fill('200')
    await drawer.getByRole('button', { name: 'Add edit' }).click()
    await drawer.getByText('Needs a second administrator').waitFor()
    await drawer.getByLabel('Reason').fill('Far too much')
    await drawer.getByRole('button', { name: 'Ask for approval' }).click()
    await page
      .getByRole('dialog', { name: 'Far too much' })
      .getByText('You made it: another administrator approves it.')
      .waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('row').filter({ hasText: 'Far too much' }).getByText('Waits for approval').waitFor()
  })

  test('re-rates what was charged by a wrong price: previewed first, then given back once by new entries', async () => {
    const before = await availableOf('Nora')
    const reply = await fetch(`${demo.url}/v1/chat/completions`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${person('Nora').accessToken}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ model: 'gpt-4.1-mini', messages: [{ role: 'user', content: 'Hello' }] }),
    })
    expect(reply.status).toBe(200)
    await reply.text()
    const charged = before - (await availableOf('Nora'))
    expect(charged).toBeGreaterThan(0n)

    await using admin = await administrate('/admin/price-book?show=reratings')
    const { page } = admin
    const form = page.getByRole('form', { name: 'Re-rate' })
    // The markup of 20 % that the journey before this one set was never agreed on.
    const versions = await ask<{ items: { version: number; state: string }[] }>(
      page,
      'GET',
      '/admin/price-book/versions',
    )
    const wrong = versions.items.find(({ state }) => state === 'in_force')?.version ?? 0
    await form.getByLabel('Started from').fill('2026-01-01T00:00')
    await form.getByLabel('Started before').fill('2099-01-01T00:00')
    await form.getByLabel('Charged by').selectOption(String(wrong))
    await form.getByLabel('Should have been').selectOption(String(wrong - 1))
    expect(await form.getByRole('button', { name: 'Re-rate' }).isDisabled()).toBe(true)
    await form.getByRole('button', { name: 'Preview' }).click()
    const does = form.getByRole('region', { name: 'What it would do' })
    await does.getByText(/^Given back, for [1-9]/).waitFor()
    await does.getByText(person('Nora').email).waitFor()
    await expectAccessibleInLight(page)
    await form.getByRole('button', { name: 'Re-rate' }).click()
    const commit = page.getByRole('dialog', { name: 'Re-rate these operations?' })
    await commit.getByLabel('Reason').fill('The markup was a mistake')
    await commit.getByRole('button', { name: 'Re-rate' }).click()
    const drawer = page.getByRole('dialog', { name: 'The markup was a mistake' })
    await drawer.getByText('Done', { exact: true }).first().waitFor()
    await expectAccessibleInLight(page)
    const after = await availableOf('Nora')
    // A sixth of what is charged at 120 % is the markup; it is rounded for each operation.
    expect(after - (before - charged)).toBeGreaterThan(0n)
    expect(after).toBeLessThan(before)
  })

  test('proves the books, imports what a service counts, and explains the difference that a run finds', async () => {
    await using admin = await administrate('/admin/reconciliation')
    const { page } = admin
    await page.getByRole('button', { name: 'Run now' }).click()
    const proofs = page.getByRole('table', { name: 'Proofs' })
    const proof = (name: string) => proofs.getByRole('row').filter({ hasText: name }).first()
    await proof('Balances').getByText('Pass').waitFor()
    await proof('Entries').getByText('Pass').waitFor()
    await expectAccessibleInLight(page)
    await expectNoOverflow(page)

    await page.getByRole('link', { name: 'Services’ own counts' }).click()
    // Runs compare the days not long past.
    const day = new Date(Date.now() - 3 * 86_400_000).toISOString().slice(0, 10)
    await page.getByRole('button', { name: 'Import an export' }).click()
    const form = page.getByRole('form', { name: 'Import an export' })
    await form.getByLabel('Format').selectOption('csv')
    await form.getByLabel('File').setInputFiles({
      name: 'usage.csv',
      mimeType: 'text/csv',
      buffer: Buffer.from(`date,model,requests,input_tokens\n${day},gpt-4.1-mini,50,9000000\n`),
    })
    await form.getByRole('button', { name: 'Read and compare' }).click()
    await form.getByText('Nothing is kept yet.').waitFor()
    await form.getByText('Unexplained differences (1)').waitFor({ state: 'attached' })
    await expectAccessibleInLight(page)
    await form.getByRole('button', { name: 'Import', exact: true }).click()
    await page.getByRole('dialog', { name: 'usage.csv' }).getByText('gpt-4.1-mini').waitFor()
    await page.goto(`${demo.url}/admin/reconciliation`)
    await page.getByRole('button', { name: 'Run now' }).click()
    await proof('Services’ own counts').getByText('Fail').waitFor()
    const differences = page.getByRole('table', { name: 'Differences' }).getByRole('row')
    const found = differences.filter({ hasText: 'Services’ own counts' })
    await found.first().waitFor()
    const number = await found.count()
    await found.first().getByRole('button', { name: 'Explain' }).click()
    await page.getByLabel('Why it is right').fill('Another installation uses the same key')
    await page.getByRole('button', { name: 'Save explanation' }).click()
    await page.getByText('Explained: it counts as such').waitFor()
    await expect.poll(() => found.count()).toBe(number - 1)
  })

  test('is told when payments cannot be read, and can try again', async () => {
    await using admin = await administrate('/admin')
    const { page } = admin
    const payments = (url: URL) => url.pathname === '/api/admin/payments'
    const broken = JSON.stringify({ error: { code: 'internal', message: 'It broke.', next: 'Try again.' } })
    await page.route(payments, (route) => route.fulfill({ status: 500, body: broken }))
    await page.getByRole('link', { name: 'Payments', exact: true }).first().click()
    await page.getByText('It broke.').waitFor()
    await expectAccessibleInLight(page)
    await page.unroute(payments)
    await page.getByRole('button', { name: 'Try again' }).click()
    await page
      .getByRole('table', { name: 'Payments to decide' })
      .or(page.getByText('Nothing waits'))
      .waitFor()
  })
})

test.each([
  ['/admin/payments', 'Payments'],
  ['/admin/payments?show=invoices', 'Payments'],
  ['/admin/payments?show=notices', 'Payments'],
  ['/admin/subscriptions', 'Subscriptions'],
  ['/admin/subscriptions?status=past_due', 'Subscriptions'],
  ['/admin/tiers?tier=new', 'Tiers and packs'],
  ['/admin/balances?search=nobody-is-called-so', 'Balances and adjustments'],
  ['/admin/price-book?show=versions&version=1', 'Price book'],
  ['/admin/price-book?show=reratings', 'Price book'],
  ['/admin/reconciliation?show=runs', 'Reconciliation'],
  ['/admin/billing-settings', 'Billing settings'],
])('%s is free of axe’s findings in light and dark, and fits a phone', (path, heading) =>
  expectPresentable(browser, demo.facts.administrator.signInLink, `${demo.url}${path}`, heading),
)
