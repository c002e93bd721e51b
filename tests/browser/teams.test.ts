import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBrowser } from './browser.ts'
import { type Demo, startDemo } from './demo.ts'
import { copied, expectAccessible, expectNoOverflow, visit } from './visitor.ts'

let demo: Demo
let browser: Browser

beforeAll(async () => {
  ;[demo, browser] = await Promise.all([startDemo(), openBrowser()])
  // Nora runs the company here; Olivia is a member like others.
  const setRole = (name: string, role: string) =>
    demo.database.pool.query('UPDATE memberships SET role = $2 WHERE user_id = $1', [person(name).id, role])
  await setRole('Nora', 'owner')
  await setRole('Olivia', 'member')
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
const visitAs = (name: string, path: string) => visit(browser, person(name).signInLink, path)
const call = async (token: string, model: string) => {
  const reply = await fetch(`${demo.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      model,
      max_tokens: 20,
      messages: [{ role: 'user', content: 'Hello' }],
    }),
  })
  await reply.arrayBuffer()
  return { status: reply.status, owner: reply.headers.get('x-aideon-key-owner') }
}
const shots = process.env['SHOTS']
const expectFit = async (page: Page, name: string) => {
  if (shots) {
    await page.screenshot({ path: `${shots}/${name}.png`, fullPage: true })
    await page.setViewportSize({ width: 390, height: 844 })
    await page.screenshot({ path: `${shots}/${name}-390.png`, fullPage: true })
    await page.setViewportSize({ width: 1440, height: 900 })
  }
  await expectAccessible(page)
  await expectNoOverflow(page)
}

test('a team is made, its lead takes somebody in, a token of it is used, and its budget refuses more', async () => {
  await using nora = await visitAs('Nora', '/teams')
  await using olivia = await visitAs('Olivia', '/teams')
  await olivia.page.getByText('You are in no team').waitFor()
  const { page } = nora
  await page.getByRole('button', { name: 'New team' }).click()
  await page.getByLabel('Name').fill('Search')
  await page.getByLabel('What it is for').fill('Finds things in the shop')
  await page.getByRole('button', { name: 'Create team' }).click()
  await page.getByRole('heading', { level: 1, name: 'Search' }).waitFor()
  await page.getByRole('button', { name: 'Take somebody in' }).click()
  await page.getByRole('button', { name: 'Take in Olivia' }).click()
  await page.getByText('Olivia is in the team.').waitFor()
  await page.keyboard.press('Escape')
  await page.getByLabel('Part of Olivia').selectOption('lead')
  await page.getByText('Olivia is saved.').waitFor()

  await olivia.page.reload()
  await olivia.page.getByRole('link', { name: 'Search' }).click()
  await olivia.page.getByRole('button', { name: 'Create token' }).click()
  await olivia.page.getByLabel('Name').fill('Nightly index')
  await olivia.page.getByRole('dialog').getByRole('button', { name: 'Create token' }).click()
  const token = await copied(olivia.page, 'New token')
  await olivia.page.getByRole('button', { name: 'I have copied it' }).click()
  await olivia.page.getByRole('button', { name: 'Take somebody in' }).waitFor()
  expect((await call(token, 'gpt-4.1-mini')).status).toBe(200)

  await page.reload()
  const used = page.getByRole('region', { name: 'Use by service' })
  await used.getByText('OpenAI').waitFor()
  await page.getByRole('button', { name: 'New budget' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name').fill('Trial')
  // Olivia calls on her own key.
  await dialog.getByLabel('Counts').selectOption('own_key_cost')
  await dialog.getByLabel('Limit in US dollars').fill('0.000000001')
  await dialog.getByLabel('Hard: refuse calls').check()
  await dialog.getByRole('button', { name: 'Create budget' }).click()
  await page.getByText('“Trial” is in force.').waitFor()
  expect((await call(token, 'gpt-4.1-mini')).status).toBe(402)
  await expectFit(page, 'team')
})

test('a key is kept for a team, and serves its members and nobody else', async () => {
  await using nora = await visitAs('Nora', '/organization-keys')
  const { page } = nora
  await page.getByRole('button', { name: 'Share a key' }).first().click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Key', { exact: true }).fill(await demo.newKey('anthropic'))
  await dialog.getByLabel('Some teams').check()
  await dialog.getByRole('button', { name: 'Check key' }).click()
  await dialog.getByText('Accepted.').waitFor()
  expect(await dialog.getByRole('button', { name: 'Save key' }).isDisabled()).toBe(true)
  await dialog.getByRole('combobox', { name: 'Teams' }).click()
  await page.getByRole('option', { name: 'Search', exact: true }).click()
  await page.keyboard.press('Escape')
  await dialog.getByRole('button', { name: 'Save key' }).click()
  await dialog.waitFor({ state: 'detached' })
  await page.getByRole('table', { name: 'Organisation keys' }).getByText('Search', { exact: true }).waitFor()
  const ownerOf = async (name: string) => (await call(person(name).accessToken, 'claude-haiku-4-5')).owner
  expect(await ownerOf('Olivia')).toBe('organization')
  expect(await ownerOf('Nora')).not.toBe('organization')

  await page.getByRole('button', { name: /^Anthropic …/ }).click()
  await dialog.getByRole('button', { name: 'Revoke' }).click()
  const sure = page.getByRole('dialog').last()
  await sure.getByLabel('Type revoke').fill('revoke')
  await sure.getByRole('button', { name: 'Revoke key' }).click()
  await page.getByText('No key is shared yet').waitFor()
})

test('a key is shared, limited for each member, and who used it is told', async () => {
  await using nora = await visitAs('Nora', '/organization-keys')
  const { page } = nora
  await page.getByRole('region', { name: 'Members’ own keys' }).getByText('Olivia').first().waitFor()
  await page.getByRole('button', { name: 'Share a key' }).first().click()
  const adding = page.getByRole('dialog')
  await adding.getByLabel('Key', { exact: true }).fill(await demo.newKey('anthropic'))
  await adding.getByRole('button', { name: 'Check key' }).click()
  await adding.getByText('Accepted.').waitFor()
  await adding.getByRole('button', { name: 'Save key' }).click()
  await adding.waitFor({ state: 'detached' })
  expect(await call(person('Olivia').accessToken, 'claude-haiku-4-5')).toEqual({
    status: 200,
    owner: 'organization',
  })

  await page.reload()
  await page.getByRole('button', { name: /^Anthropic …/ }).click()
  const drawer = page.getByRole('dialog')
  await drawer.getByRole('region', { name: 'Use by member' }).getByText('Olivia', { exact: true }).waitFor()
  await drawer.getByRole('button', { name: 'Rate limits' }).click()
  const limits = page.getByRole('group', { name: 'Each member' })
  await limits.getByLabel('Requests a minute').fill('1')
  await page.getByRole('button', { name: 'Save limits' }).click()
  await drawer.getByText('1 request a minute').waitFor()
  expect((await call(person('Olivia').accessToken, 'claude-haiku-4-5')).status).toBe(200)
  expect((await call(person('Olivia').accessToken, 'claude-haiku-4-5')).owner).not.toBe('organization')
  await drawer.getByRole('button', { name: 'New budget' }).click()
  const budget = page.getByRole('dialog', { name: 'New budget' })
  await budget.getByLabel('For').selectOption('each')
  await budget.getByLabel('Name').fill('A dollar each')
  await budget.getByLabel('Limit in US dollars').fill('1')
  await budget.getByRole('button', { name: 'Create budget' }).click()
  await drawer.getByText('Every member may use').waitFor()
  await call(person('Olivia').accessToken, 'claude-haiku-4-5')
  await drawer.getByRole('button', { name: 'A dollar each', exact: true }).click()
  await page.getByRole('dialog', { name: '“A dollar each”' }).getByText('Olivia', { exact: true }).waitFor()
  await expectFit(page, 'key')
})
