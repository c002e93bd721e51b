import { readFileSync } from 'node:fs'
import type { Browser, Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openBrowser } from './browser.ts'
import { type Demo, startDemo } from './demo.ts'
import { expectAccessibleInLight, expectNoOverflow, expectPresentable, visit } from './visitor.ts'

let demo: Demo
let browser: Browser

beforeAll(async () => {
  ;[demo, browser] = await Promise.all([startDemo(), openBrowser()])
})

afterAll(async () => {
  await browser?.close()
  await demo?.[Symbol.asyncDispose]()
})

const person = (name: string) => {
  const found = demo.facts.users.find((user) => user.name === name)
  if (!found) throw new Error(`The demo has no ${name}.`)
  return found
}
const visitAs = (name: string, path?: string) => visit(browser, person(name).signInLink, path)

const chat = (who: string, model: string) =>
  fetch(`${demo.url}/v1/chat/completions`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${person(who).accessToken}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello' }] }),
  })

/** Tab as a person does, until something of this name has the focus. */
const tabTo = async (page: Page, target: Locator): Promise<void> => {
  for (let presses = 0; presses < 60; presses += 1) {
    if ((await target.and(page.locator(':focus')).count()) > 0) return
    await page.keyboard.press('Tab')
  }
  throw new Error('The keyboard does not get there.')
}

const makeBudget = async (page: Page, name: string, limit: string, hard: boolean) => {
  await page.goto(`${demo.url}/budgets?create=true`)
  const dialog = page.getByRole('dialog', { name: 'New budget' })
  await dialog.getByLabel('Name').fill(name)
  await dialog.getByLabel('Limit in credits').fill(limit)
  if (hard) await dialog.getByLabel('Hard: refuse calls').check()
  await dialog.getByRole('button', { name: 'Create budget' }).click()
  await dialog.waitFor({ state: 'detached' })
}
const budgetOf = (page: Page, name: string) =>
  page.getByRole('list', { name: 'Budgets' }).getByRole('listitem', { name })

describe('budgets', () => {
  test('one is made by the keyboard alone, told what is wrong with it first', async () => {
    await using ansel = await visitAs('Ansel', '/budgets')
    const { page, complaints } = ansel
    await page.getByText('No budgets yet').waitFor()
    await expectAccessibleInLight(page)
    await tabTo(page, page.getByRole('button', { name: 'New budget' }))
    await page.keyboard.press('Enter')
    const dialog = page.getByRole('dialog', { name: 'New budget' })
    await dialog.getByLabel('Name').and(page.locator(':focus')).waitFor()
    await page.keyboard.press('Enter')
    await dialog.getByText('Call it something.').waitFor()
    await dialog.getByText('A number of credits above 0').waitFor()
    await page.keyboard.type('Everyday use')
    await page.keyboard.press('Tab')
    await page.keyboard.type('250')
    await page.keyboard.press('Tab')
    await page.keyboard.press('ArrowDown')
    await expect.poll(() => dialog.getByLabel('Hard: refuse calls').isChecked()).toBe(true)
    await dialog.getByText(/so far: .*Within the limit\./).waitFor()
    await expectAccessibleInLight(page)
    await expectNoOverflow(page)
    await page.keyboard.press('Enter')
    await dialog.waitFor({ state: 'detached' })
    await budgetOf(page, 'Everyday use').getByText('used of 250.00 credits').waitFor()
    await expectAccessibleInLight(page)
    await expectNoOverflow(page)
    expect(complaints()).toEqual([])
  })

  test('a hard one refuses calls on credits and none on own keys; the screen says so and can undo it', async () => {
    await using nora = await visitAs('Nora')
    const { page } = nora
    await makeBudget(page, 'Hardly anything', '0.000001', true)
    const refused = await chat('Nora', 'claude-haiku-4-5')
    expect(refused.status).toBe(402)
    expect(await refused.text()).toContain('Hardly anything')
    await page.reload()
    const budget = budgetOf(page, 'Hardly anything')
    await budget.getByText('Refuses calls').waitFor()
    await budget.getByText('The last call that did not fit came').waitFor()
    await expectAccessibleInLight(page)
    await expectNoOverflow(page)

    await budget.getByRole('button', { name: 'Actions for Hardly anything' }).click()
    await page.getByRole('menuitem', { name: 'Edit' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByText('the next call that counts is refused').waitFor()
    await dialog.getByLabel('Limit in credits').fill('1000')
    await dialog.getByRole('button', { name: 'Save budget' }).click()
    await budget.getByText('Within').waitFor()
    expect((await chat('Nora', 'claude-haiku-4-5')).status).toBe(200)

    await using olivia = await visitAs('Olivia')
    await makeBudget(olivia.page, 'No credits', '0.000001', true)
    const own = await chat('Olivia', 'gpt-4.1-mini')
    expect([own.status, own.headers.get('x-aideon-key-owner')]).toEqual([200, 'user'])
  })

  test('an archived one is back at once by undo, and later from the archive', async () => {
    await using nora = await visitAs('Nora')
    const { page } = nora
    await makeBudget(page, 'Short-lived', '400', false)
    const budget = budgetOf(page, 'Short-lived')
    const archive = async () => {
      await budget.getByRole('button', { name: 'Actions for Short-lived' }).click()
      await page.getByRole('menuitem', { name: 'Archive' }).click()
      await budget.waitFor({ state: 'detached' })
    }
    await archive()
    await page.getByRole('button', { name: 'Undo' }).click()
    await budget.waitFor()
    await archive()
    await page.getByRole('switch', { name: 'Archived' }).click()
    await budget.getByText(/^Archived /).waitFor()
    await budget.getByRole('button', { name: 'Actions for Short-lived' }).click()
    await page.getByRole('menuitem', { name: 'Restore' }).click()
    await page.getByText('“Short-lived” is in force again.').waitFor()
  })

  test('an administrator sets one on an organisation, and its members do not change it', async () => {
    await using admin = await visit(
      browser,
      demo.facts.administrator.signInLink,
      '/admin/budgets?create=true',
    )
    const { page } = admin
    const dialog = page.getByRole('dialog', { name: 'New budget' })
    await dialog.getByLabel('Name').fill('For Nora')
    await dialog.getByLabel('Limit in credits').fill('900')
    await dialog.getByLabel('Organisation').selectOption({ label: demo.facts.organization.name })
    await dialog.getByLabel('User').selectOption(person('Nora').id)
    await expectAccessibleInLight(page)
    await dialog.getByRole('button', { name: 'Create budget' }).click()
    await budgetOf(page, 'For Nora').getByText('All that Nora does').waitFor()
    await expectAccessibleInLight(page)
    await expectNoOverflow(page)
    await using nora = await visitAs('Nora', '/budgets')
    const hers = budgetOf(nora.page, 'For Nora')
    await hers.getByText('Set by an administrator').waitFor()
    expect(await hers.getByRole('button', { name: 'Actions for For Nora' }).count()).toBe(0)
  })
})

describe('alerts', () => {
  test('one appears under the bell by itself, leads to its budget and is read by then', async () => {
    await using nora = await visitAs('Nora')
    const { page } = nora
    await makeBudget(page, 'Soon passed', '0.000001', false)
    expect((await chat('Nora', 'gpt-4.1-nano')).status).toBe(200)
    // Told without interrupting, whatever page is open.
    const announced = page.locator('output[aria-live="polite"]', { hasText: 'Soon passed' })
    await announced.waitFor({ state: 'attached' })
    const bell = page.getByRole('button', { name: /^Alerts, \d+ unread/ }).first()
    await bell.focus()
    await page.keyboard.press('Enter')
    const newest = page.getByRole('dialog', { name: 'Alerts' })
    const title = newest.getByRole('button', { name: /, unread:.*Soon passed/ }).first()
    const unread = (await title.textContent()) ?? ''
    await expectAccessibleInLight(page)
    await tabTo(page, title)
    await page.keyboard.press('Enter')
    await page.getByRole('dialog', { name: 'Budget' }).getByText('Told so far').waitFor()
    await expectAccessibleInLight(page)
    await page.keyboard.press('Escape')
    await page.goto(`${demo.url}/alerts`)
    await page.getByRole('button', { name: unread.replace(', unread', ''), exact: true }).waitFor()
    await page.getByRole('button', { name: 'Mark all read' }).click()
    await page.getByRole('button', { name: 'Alerts', exact: true }).first().waitFor()
    await page.getByRole('button', { name: /^Unread( 0)?$/ }).waitFor()
  })

  test('a channel is checked, saved and tested, and what became of the test is said', async () => {
    await using olivia = await visitAs('Olivia', '/alerts')
    const { page } = olivia
    const form = page.getByRole('form', { name: 'Where alerts go' })
    await form.getByRole('switch', { name: 'Send to an address of your own' }).click()
    await form.getByText('An address is needed.').waitFor()
    await form.getByLabel('Address', { exact: true }).fill('nowhere')
    await form.getByText('An address that begins with').waitFor()
    await form.getByLabel('Address', { exact: true }).fill('https://alerts.invalid/hook')
    await form.getByRole('button', { name: 'Save' }).click()
    await form.getByRole('button', { name: 'Send a test webhook' }).click()
    await form.getByText('The test did not arrive').waitFor()
    const sent = page.getByRole('table', { name: 'Sent alerts' })
    await sent.getByRole('row').filter({ hasText: 'alerts.invalid' }).first().waitFor()
    await expectAccessibleInLight(page)
    await expectNoOverflow(page)
  })
})

/** `1,234.5` or `$0.0002` → a decimal without signs of its unit. */
const plain = (text: string): string =>
  text
    .replaceAll(/[$,]/g, '')
    .replace(/(\.\d*?)0+$/, '$1')
    .replace(/\.$/, '')

describe('usage', () => {
  test('each number of the table is that of the operations its link lists', async () => {
    await chat('Nora', 'claude-haiku-4-5')
    await chat('Nora', 'no-such-model')
    await using nora = await visitAs('Nora', '/usage?by=model&period=7d')
    const { page } = nora
    const table = page.getByRole('table', { name: 'Use by model' })
    await table.waitFor()
    const links = await table.getByRole('link').all()
    const told = await Promise.all(
      links.map(async (link) => ({
        href: (await link.getAttribute('href')) ?? '',
        text: await link.innerText(),
      })),
    )
    const numbers = told.filter(({ href }) => href.startsWith('/operations?'))
    expect(numbers.length).toBeGreaterThan(8)
    // The first of each kind, and those of all: the rest are looked at one by one in usage-report.db.test.ts.
    for (const { href, text } of [...numbers.slice(0, 4), ...numbers.slice(-4)]) {
      await page.goto(`${demo.url}${href}`)
      const rows = page.getByRole('table', { name: 'Operations', exact: true }).getByRole('row')
      const totals = await page.locator('output', { hasText: 'credits charged' }).innerText()
      const cells = await rows.getByRole('cell').allInnerTexts()
      const perRow = cells.length / ((await rows.count()) - 1)
      const sum = (column: number, places: number) =>
        cells
          .filter((_, index) => index % perRow === perRow + column)
          .reduce((total, cell) => total + toUnits(cell, places), 0n)
      const sums = [
        String((await rows.count()) - 1),
        `$${fromUnits(sum(-2, 9), 9)}`,
        fromUnits(sum(-1, 6), 6),
      ]
      expect(totals.replaceAll(',', '')).toContain(text.replaceAll(',', ''))
      const isOne = sums.some((each) => plain(each) === plain(text) || rounded(each) === rounded(text))
      expect(isOne, `${text} of ${sums.join(', ')}`).toBe(true)
    }
  })

  test('it is narrowed, compared and kept in the address; the chart is a table, too', async () => {
    await using nora = await visitAs('Nora', '/usage')
    const { page } = nora
    await page.getByRole('table', { name: 'Use by service' }).getByRole('link', { name: 'OpenAI' }).click()
    await page.getByRole('button', { name: /^Only OpenAI/ }).waitFor()
    await page.getByRole('switch', { name: /^Compare with/ }).click()
    await page.getByText('new').first().waitFor()
    await page.getByLabel('Charts show').selectOption('operations')
    await page.reload()
    await page.getByRole('table', { name: 'Use by model' }).waitFor()
    const chart = page.getByRole('region', { name: 'System keys', exact: true })
    await chart.getByRole('button', { name: 'Show as table' }).click()
    await expectAccessibleInLight(page)
    await expectNoOverflow(page)
    await chart.getByRole('link').first().click()
    await page.getByRole('heading', { level: 1, name: 'Operations' }).waitFor()
    expect(new URL(page.url()).searchParams.get('service')).toBe('openai')
  })

  test('its file has the numbers of the screen', async () => {
    await using nora = await visitAs('Nora', '/usage?by=service')
    const { page } = nora
    const row = page.getByRole('table', { name: 'Use by service' }).getByRole('row', { name: /^Anthropic/ })
    const operations = await row.getByRole('cell').nth(3).innerText()
    await page.getByRole('button', { name: 'Download' }).click()
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('menuitem', { name: 'Table as CSV' }).click(),
    ])
    const text = readFileSync(await file.path(), 'utf8')
    const columns = text.split('\r\n')[0]?.split(',') ?? []
    const line = text.split('\r\n').find((each) => each.includes('anthropic') && each.includes('system'))
    expect(line?.split(',')[columns.indexOf('operations')]).toBe(operations)
  })
})

const toUnits = (text: string, places: number): bigint => {
  const [whole = '0', fraction = ''] = text.replaceAll(/[$,—]/g, '').split('.')
  return BigInt(`${whole}${fraction.padEnd(places, '0')}` || '0')
}
const fromUnits = (units: bigint, places: number): string => {
  const digits = units.toString().padStart(places + 1, '0')
  return `${digits.slice(0, -places)}.${digits.slice(-places)}`
}
/** As the screen writes amounts from one on. */
const rounded = (text: string): string => Number(text.replaceAll(/[$,]/g, '')).toFixed(2)

test.each([
  ['/usage?by=access_token&compare=true', 'Usage and cost', false],
  ['/usage?from=2024-01-01&to=2024-01-31', 'Usage and cost', false],
  ['/alerts', 'Alerts', false],
  ['/admin/usage?by=user', 'Usage and cost', true],
  ['/admin/alert-deliveries', 'Sent alerts', true],
] as const)('%s is free of axe’s findings in light and dark, and fits a phone', (path, heading, isAdmin) => {
  const link = isAdmin ? demo.facts.administrator.signInLink : person('Nora').signInLink
  return expectPresentable(browser, link, `${demo.url}${path}`, heading)
})
