import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newId } from '../../src/kit/id.ts'
import { openBrowser } from './browser.ts'
import { type Demo, startDemo } from './demo.ts'
import { expectPresentable, visit } from './visitor.ts'

let demo: Demo
let browser: Browser
let owner: Demo['facts']['users'][number]

beforeAll(async () => {
  ;[demo, browser] = await Promise.all([startDemo(), openBrowser()])
  const { rows } = await demo.database.pool.query<{ email: string; organization: string }>(
    `SELECT u.email, o.id AS organization FROM memberships m JOIN users u ON u.id = m.user_id
     JOIN organizations o ON o.id = m.organization_id AND o.kind = 'company'
     WHERE m.role = 'owner' ORDER BY (SELECT count(*) FROM memberships n WHERE n.organization_id = o.id) DESC LIMIT 1`,
  )
  const found = demo.facts.users.find(({ email }) => email === rows[0]?.email)
  if (!found) throw new Error('The demo has no owner of a company.')
  owner = found
  await demo.database.pool.query(
    `INSERT INTO anomalies (organization_id, id, kind, key, spent_nano_usd, usual_nano_usd, at)
     VALUES ($1, $2, 'sudden_spend', 'test', 48120000000, 3010000000, now())`,
    [rows[0]?.organization, newId()],
  )
})
afterAll(async () => {
  await browser?.close()
  await demo?.[Symbol.asyncDispose]()
})

const shots = process.env.AIDEON_TEST_SHOTS

test('an owner charges a member’s use to a cost centre, looks at what is unusual and lets the organisation pay for all', async () => {
  await using looker = await visit(browser, owner.signInLink, '/charge-back')
  const { page } = looker
  const shoot = async (name: string) => {
    if (shots) await page.screenshot({ path: `${shots}/${name}.png`, fullPage: true })
  }
  await page.getByRole('button', { name: 'New cost centre' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Code').fill('R-100')
  await dialog.getByLabel('Name').fill('Research')
  await dialog.getByRole('button', { name: 'Save' }).click()
  const people = page.getByRole('table', { name: 'Teams, members and their cost centres' })
  await people.getByRole('button', { name: 'Assign' }).last().click()
  await dialog.getByLabel('Cost centre').selectOption('R-100')
  await dialog.getByLabel('From the beginning of a day').check()
  await dialog.getByLabel('Day', { exact: true }).fill('2026-01-01')
  await dialog.getByRole('button', { name: 'Assign' }).click()
  await page.getByRole('table', { name: 'Charges by cost centre' }).getByText('R-100').waitFor()
  await page.getByLabel('Share an amount').fill('499.00')
  await page.getByRole('columnheader', { name: 'Share' }).waitFor()
  await shoot('charge-back')

  await page.getByRole('link', { name: 'Usage of everybody' }).click()
  await page.getByRole('table', { name: 'Use by user' }).waitFor()
  await page.getByLabel('By', { exact: true }).selectOption('cost_centre')
  await page.getByRole('table', { name: 'Use by cost centre' }).getByText('R-100 Research').waitFor()
  await shoot('usage')

  await page.getByRole('link', { name: 'Anomalies' }).click()
  await shoot('anomalies')
  // The installation looks for others every ten minutes.
  const anomaly = page.getByRole('table', { name: 'Anomalies' }).getByRole('row').filter({ hasText: '48.12' })
  await anomaly.getByRole('button', { name: /Dismiss/ }).click()
  await anomaly.waitFor({ state: 'detached' })

  await page.getByRole('link', { name: 'Central billing' }).click()
  await page.getByRole('button', { name: 'Let the organisation pay for everybody' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'One account for all' }).click()
  await page.getByRole('heading', { name: 'The organisation pays for everybody' }).waitFor()
  await shoot('central')
  await page.goto(`${demo.url}/credits`)
  await page.getByText('These are the credits of').waitFor()
  await shoot('credits')
  await page.goto(`${demo.url}/`)
  await page.getByRole('heading', { name: 'Overview' }).waitFor()
  await shoot('overview')
  if (shots) {
    await page.setViewportSize({ width: 390, height: 844 })
    for (const path of ['charge-back', 'oversight', 'anomalies', 'central-billing']) {
      await page.goto(`${demo.url}/${path}`)
      await page.screenshot({ path: `${shots}/narrow-${path}.png`, fullPage: true })
    }
  }
  expect(looker.complaints()).toEqual([])
})

test('each of these pages is presentable', async () => {
  for (const [path, heading] of [
    ['/charge-back', 'Charge-back'],
    ['/oversight', 'Usage of everybody'],
    ['/anomalies', 'Anomalies'],
    ['/central-billing', 'Central billing'],
    ['/organization-budgets', 'Budgets'],
  ] as const)
    await expectPresentable(browser, owner.signInLink, path, heading)
})
