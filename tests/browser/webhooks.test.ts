import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBrowser } from './browser.ts'
import { type Demo, startDemo } from './demo.ts'
import { copied, expectAccessible, expectNoOverflow, visit } from './visitor.ts'

let demo: Demo
let browser: Browser

beforeAll(async () => {
  ;[demo, browser] = await Promise.all([startDemo(), openBrowser()])
  await demo.database.pool.query("UPDATE memberships SET role = 'owner' WHERE user_id = $1", [nora().id])
})

afterAll(async () => {
  await browser?.close()
  await demo?.[Symbol.asyncDispose]()
})

const nora = () => {
  const found = demo.facts.users.find(({ name }) => name === 'Nora')
  if (!found) throw new Error('The demo has no Nora.')
  return found
}
const shots = process.env['SHOTS']
const expectFit = async (page: Page, name: string) => {
  if (shots) {
    await page.screenshot({ path: `${shots}/${name}.png` })
    await page.setViewportSize({ width: 390, height: 844 })
    await page.screenshot({ path: `${shots}/${name}-390.png` })
    await page.setViewportSize({ width: 1440, height: 900 })
  }
  await expectAccessible(page)
  await expectNoOverflow(page)
}

test('an endpoint is added, its secret is shown once, what happens next is sent there, and what failed is seen', async () => {
  await using visitor = await visit(browser, nora().signInLink, '/webhooks')
  const { page } = visitor
  await page.getByText('Nobody is told yet').waitFor()
  await page.getByRole('button', { name: 'Add endpoint' }).click()
  // A name that nothing answers under, here or anywhere.
  await page.getByLabel('Address').fill('https://hooks.example.invalid/keys')
  await page.getByLabel('Description').fill('The ticket system')
  await page.getByRole('dialog').getByRole('button', { name: 'Add endpoint' }).click()
  await page.getByText('It cannot be shown again.').waitFor()
  expect(await copied(page, 'Webhook secret')).toMatch(/^whsec_/)
  await page.getByRole('button', { name: 'I have copied it' }).click()
  await page.goto(`${demo.url}/access-tokens`)
  await page.getByRole('button', { name: 'Create token' }).click()
  await page.getByLabel('Name').fill('Automation')
  await page.getByLabel('Manage').check()
  await page.getByRole('dialog').getByRole('button', { name: 'Create token' }).click()
  await page.getByRole('button', { name: 'I have copied it' }).click()
  await page.goto(`${demo.url}/webhooks`)
  await page.getByRole('cell', { name: 'access_token.created' }).first().waitFor()
  await expectFit(page, 'webhooks')
  await page.getByRole('button', { name: /Open https:/ }).click()
  const drawer = page.getByRole('dialog')
  await drawer.getByText('access_token.created').waitFor()
  await drawer.getByText(/after \d+ (try|tries)/).waitFor()
  await drawer.getByRole('button', { name: 'Send a test' }).click()
  await drawer.getByText('The test did not arrive').waitFor()
  await expectFit(page, 'webhook-endpoint')
})
