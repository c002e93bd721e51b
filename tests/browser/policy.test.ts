import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openBrowser } from './browser.ts'
import { type Demo, startDemo } from './demo.ts'
import { expectAccessible, expectNoOverflow, visit } from './visitor.ts'

let demo: Demo
let browser: Browser

beforeAll(async () => {
  ;[demo, browser] = await Promise.all([startDemo(), openBrowser()])
  // Nora runs the company here; Olivia and Ansel have keys of their own.
  await demo.database.pool.query(`UPDATE memberships SET role = 'owner' WHERE user_id = $1`, [
    person('Nora').id,
  ])
  await demo.database.pool.query(`UPDATE memberships SET role = 'member' WHERE user_id = ANY($1)`, [
    [person('Olivia').id, person('Ansel').id],
  ])
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

const ownerOfCall = async (name: string, model: string) => {
  const reply = await fetch(`${demo.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${person(name).accessToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, max_tokens: 20, messages: [{ role: 'user', content: 'Hello' }] }),
  })
  return (
    reply.headers.get('x-aideon-key-owner') ??
    ((await reply.json()) as { error: { code: string } }).error.code
  )
}

const save = async (page: Page, reason: string, version: number) => {
  await page.getByLabel('Reason').fill(reason)
  await page.getByRole('button', { name: 'Save policy' }).click()
  await page.getByText(`Version ${version} is in force.`).waitFor()
}
const stat = (page: Page, name: string) =>
  page
    .getByRole('region', { name: 'What it would change' })
    .getByText(name, { exact: true })
    .locator('xpath=..')
const suspendedKeys = async () => {
  const { rows } = await demo.database.pool.query(
    `SELECT count(*)::int AS keys FROM service_keys WHERE organization_id = $1 AND status = 'suspended'`,
    [demo.facts.organization.id],
  )
  return rows[0].keys as number
}

describe('a company that changes who is in control', () => {
  test('takes over, shares a key and makes an exception for who asks, keeps one service critical, and gives control back; the preview is what then happens', async () => {
    await using nora = await visitAs('Nora', '/policy')
    await using olivia = await visitAs('Olivia', '/services')
    const { page } = nora
    expect(await ownerOfCall('Olivia', 'gpt-4.1-mini')).toBe('user')

    await page.getByLabel('IT control').check()
    const keysLost = page.getByRole('list', { name: 'Keys that would be suspended' })
    await keysLost.getByText(person('Olivia').email).waitFor()
    const foreseen = await keysLost.getByRole('listitem').count()
    await expect.poll(() => stat(page, 'Keys suspended').textContent()).toContain(String(foreseen))
    const refused = page.getByRole('list', { name: 'Who would be refused' })
    // Olivia never spends credits, and has no other key.
    await refused.getByText(person('Olivia').email).first().waitFor()
    const uncovered = page.getByRole('list', { name: /^Without coverage/ })
    await uncovered.getByText(person('Olivia').email).waitFor()
    await save(page, 'An audit', 2)
    expect(await suspendedKeys()).toBe(foreseen)
    expect(await ownerOfCall('Olivia', 'gpt-4.1-mini')).toBe('no_route')
    await olivia.page.reload()
    await olivia.page.getByText('manages all keys centrally').waitFor()
    await olivia.page.getByText('Suspended by policy').waitFor()

    await olivia.page.getByRole('button', { name: 'Ask for OpenAI' }).click()
    const asking = olivia.page.getByRole('dialog')
    await asking.getByLabel('What for').fill('The newsletter')
    await asking.getByRole('button', { name: 'Send request' }).click()
    await asking.waitFor({ state: 'detached' })
    await olivia.page.getByRole('link', { name: 'Asked for OpenAI' }).waitFor()
    await olivia.page.getByRole('button', { name: 'Ask for Anthropic' }).click()
    await asking.getByLabel('To use keys of my own').check()
    await asking.getByLabel('What for').fill('A contract of our own')
    await asking.getByRole('button', { name: 'Send request' }).click()
    await asking.waitFor({ state: 'detached' })
    await page.getByRole('link', { name: 'Requests' }).click()
    await page.getByRole('button', { name: 'Share a key' }).click()
    const sharing = page.getByRole('dialog')
    await sharing.getByLabel('Key', { exact: true }).fill(await demo.newKey('openai'))
    await sharing.getByRole('button', { name: 'Check key' }).click()
    await sharing.getByRole('button', { name: 'Save key' }).click()
    await sharing.waitFor({ state: 'detached' })
    expect(await ownerOfCall('Olivia', 'gpt-4.1-mini')).toBe('organization')

    await page.getByRole('button', { name: 'Approve' }).click()
    await sharing.getByText('alone may use keys of their own').waitFor()
    await sharing.getByRole('button', { name: 'Approve' }).click()
    await page.getByText('Nobody waits for an answer').waitFor()
    await olivia.page.reload()
    await olivia.page.getByRole('button', { name: 'Add key for Anthropic' }).click()
    await asking.getByLabel('Key', { exact: true }).fill(await demo.newKey('anthropic'))
    await asking.getByRole('button', { name: 'Check key' }).click()
    await asking.getByRole('button', { name: 'Save key' }).click()
    await asking.waitFor({ state: 'detached' })
    expect(await ownerOfCall('Olivia', 'claude-haiku-4-5')).toBe('user')

    await page.getByRole('link', { name: 'Control policy' }).click()
    await page
      .getByRole('table', { name: 'Own keys by exception' })
      .getByText('A contract of our own')
      .waitFor()
    await page.getByLabel('Hybrid').check()
    await page.getByRole('combobox', { name: 'Critical services' }).click()
    await page.getByRole('option', { name: 'OpenAI', exact: true }).click()
    await page.keyboard.press('Escape')
    await page
      .getByRole('list', { name: 'Keys that would come back' })
      .getByText(person('Ansel').email)
      .waitFor()
    await save(page, 'OpenAI is critical', 3)
    expect(await ownerOfCall('Ansel', 'claude-haiku-4-5')).toBe('user')
    expect(await ownerOfCall('Olivia', 'gpt-4.1-mini')).toBe('organization')

    await page.getByLabel('User control').check()
    await save(page, 'The audit is over', 4)
    expect(await suspendedKeys()).toBe(0)
    expect(await ownerOfCall('Olivia', 'gpt-4.1-mini')).toBe('user')
  })

  test('says where data may go, and what is not known is refused', async () => {
    await using nora = await visitAs('Nora', '/policy')
    const { page } = nora
    await page.getByRole('switch', { name: 'Only some data regions' }).check()
    await page.getByRole('switch', { name: 'Only services that do not train' }).check()
    await page.getByRole('switch', { name: 'Only keys of a certain age' }).check()
    await page.getByRole('textbox', { name: 'Most days that a secret may be old' }).fill('30')
    await page.getByRole('region', { name: 'What it would change' }).getByText('at most 30 days').waitFor()
    await page
      .getByRole('list', { name: 'Who would be refused' })
      .getByText('allows only some data regions')
      .first()
      .waitFor()
    await expectAccessible(page)
    await expectNoOverflow(page)
  })
})

test('a member sees why a service is locked, asks for it, and has it with one answer', async () => {
  await using nora = await visitAs('Nora', '/policy')
  await nora.page.getByRole('switch', { name: 'Only some services' }).check()
  const chosen = nora.page.getByRole('combobox', { name: 'Services that may be used' })
  await chosen.click()
  await nora.page.getByRole('option', { name: 'OpenAI', exact: true }).click()
  await nora.page.keyboard.press('Escape')
  await save(nora.page, 'OpenAI is not approved', 5)
  expect(await ownerOfCall('Olivia', 'gpt-4.1-mini')).toBe('policy_denied')

  await using olivia = await visitAs('Olivia', '/services')
  const { page } = olivia
  await page.getByRole('button', { name: 'Ask for OpenAI' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText('does not allow this service').waitFor()
  await dialog.getByText(person('Nora').email).waitFor()
  await dialog.getByLabel('What for').fill('Translations for the shop')
  await dialog.getByRole('button', { name: 'Send request' }).click()
  await dialog.waitFor({ state: 'detached' })

  await nora.page.getByRole('link', { name: 'Requests' }).click()
  await nora.page.getByText('Translations for the shop').waitFor()
  await expectAccessible(nora.page)
  await expectNoOverflow(nora.page)
  await nora.page.getByRole('button', { name: 'Approve' }).click()
  const approval = nora.page.getByRole('dialog')
  await approval.getByText('Services', { exact: true }).waitFor()
  await approval.getByRole('button', { name: 'Approve and change the policy' }).click()
  await nora.page.getByText('Nobody waits for an answer').waitFor()
  expect(await ownerOfCall('Olivia', 'gpt-4.1-mini')).toBe('user')

  await page.goto(`${demo.url}/requests`)
  await page.getByRole('listitem', { name: 'access to OpenAI' }).getByText('Approved').waitFor()
  await expectNoOverflow(page)
  await page.goto(`${demo.url}/alerts`)
  await page.getByRole('button', { name: 'unread: You have access to OpenAI' }).waitFor()
})
