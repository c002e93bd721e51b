import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { demoSecret, type KeyBehaviour } from '../../simulator/keys.ts'
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

const post = (path: string, who: string, body: object) =>
  fetch(`${demo.url}${path}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${person(who).accessToken}`,
      'content-type': 'application/json',
      'anthropic-version': '2023-06-01',
    },
    body: JSON.stringify(body),
  })
const messages = [{ role: 'user', content: 'Hello' }]
const chat = (who: string, model: string) => post('/v1/chat/completions', who, { model, messages })

const behave = (secret: string, behaviour: KeyBehaviour) =>
  fetch(`${demo.facts.simulatorUrl}/_simulator/keys`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ secret, service: 'anthropic', behaviour }),
  })

const administrate = (path: string): Promise<Visitor> =>
  visit(browser, demo.facts.administrator.signInLink, path)

const focused = (page: Page) => page.evaluate<string>('document.activeElement.ariaLabel')

describe('an administrator', () => {
  test('creates a group, reorders it by the keyboard, and the next operation follows it', async () => {
    await using admin = await administrate('/admin/groups')
    const { page } = admin
    await page.getByRole('button', { name: 'Create group' }).click()
    const drawer = page.getByRole('dialog')
    await drawer.getByLabel('Name').fill('First drafts')
    await expect.poll(() => drawer.getByLabel('Asked for as').inputValue()).toBe('first-drafts')
    const add = drawer.getByRole('combobox', { name: 'Add a model' })
    await add.fill('gpt-4.1-na')
    await drawer.getByRole('option', { name: 'gpt-4.1-nano', exact: true }).click()
    await drawer.getByRole('button', { name: 'Add', exact: true }).click()
    await add.fill('gpt-4.1-mini')
    await add.press('Enter')
    await drawer.getByRole('button', { name: 'Create group' }).click()
    await page.getByText('Callers can ask for group/first-drafts from now on.').waitFor()
    // What Olivia's own key runs costs no credits, so the group's order alone decides.
    expect((await chat('Olivia', 'group/first-drafts')).headers.get('x-aideon-model')).toMatch(
      /^gpt-4\.1-nano/,
    )

    await drawer.getByRole('button', { name: 'Try gpt-4.1-mini earlier' }).focus()
    await page.keyboard.press('Alt+ArrowUp')
    await expect.poll(() => focused(page)).toBe('Try gpt-4.1-mini earlier')
    await drawer.getByText('gpt-4.1-mini is now number 1 of 2.').waitFor({ state: 'attached' })
    await expectAccessibleInLight(page)
    await drawer.getByRole('button', { name: 'Save group' }).click()
    await page.getByText('the next operation follows it').waitFor()
    expect((await chat('Olivia', 'group/first-drafts')).headers.get('x-aideon-model')).toMatch(
      /^gpt-4\.1-mini/,
    )

    await drawer.getByRole('button', { name: 'Remove group' }).click()
    await page
      .getByRole('dialog', { name: 'Remove group/first-drafts?' })
      .getByRole('button', { name: 'Remove group' })
      .click()
    await page.getByText('group/first-drafts is removed.').waitFor()
    expect((await chat('Olivia', 'group/first-drafts')).status).toBe(404)
  })

  test('drags a model of a shipped group, and resets the group to what was shipped', async () => {
    await using admin = await administrate('/admin/groups?group=fast')
    const { page } = admin
    const drawer = page.getByRole('dialog', { name: 'Fast' })
    const rows = drawer.getByRole('region', { name: 'Models' }).getByRole('listitem')
    const second = await rows.nth(1).getAttribute('data-model')
    await rows.nth(1).locator('[draggable]').dragTo(rows.nth(0))
    await expect.poll(() => rows.nth(0).getAttribute('data-model')).toBe(second)
    await drawer.getByRole('button', { name: 'Save group' }).click()
    await drawer.getByRole('button', { name: 'Reset to shipped' }).click()
    await page
      .getByRole('dialog', { name: 'Reset group/fast?' })
      .getByRole('button', { name: 'Reset to shipped' })
      .click()
    await page.getByText('group/fast is as it was shipped.').waitFor()
    await expect.poll(() => rows.nth(1).getAttribute('data-model')).toBe(second)
  })

  test('sets the price of a Midjourney action, which then runs on credits; without one it is refused', async () => {
    const imagine = () => post('/mj/submit/imagine', 'Nora', { prompt: 'a lighthouse' })
    await using admin = await administrate('/admin/services?search=midj')
    const { page } = admin
    await page.getByRole('row', { name: 'Midjourney' }).getByRole('link', { name: '1 own price' }).click()
    await page.getByRole('button', { name: 'Remove the price of midjourney*, Imagine' }).click()
    await page.getByText('The own price of midjourney* is removed, in force at once.').waitFor()
    expect(await (await imagine()).text()).toContain('price')

    await page.getByLabel('Imagine').fill('0.05')
    await page.getByLabel('Upscale').fill('cheap')
    await page.getByText('An amount in dollars.').waitFor()
    await page.getByLabel('Upscale').fill('0.01')
    await page.getByLabel('Reason').fill('Studio contract')
    await page.getByRole('button', { name: 'Save prices' }).click()
    await page.getByText('2 prices of Midjourney saved').waitFor()
    await page.getByRole('row', { name: 'Imagine' }).getByText('$0.05 each').waitFor()
    await expectAccessibleInLight(page)
    const accepted = await imagine()
    expect(accepted.headers.get('x-aideon-key-owner')).toBe('system')
    expect(accepted.headers.get('x-aideon-credits-held')).toBe('5')

    await page.goto(`${demo.url}/admin/long-operations`)
    await page.getByRole('cell', { name: 'Imagine' }).first().waitFor()
    await page
      .getByRole('link', { name: person('Nora').email })
      .first()
      .waitFor()
    await expectAccessibleInLight(page)
    await expectNoOverflow(page)
  })

  test('sets an own price of a model with its reason, sees whose it is, and takes it back', async () => {
    await using admin = await administrate('/admin/prices?service=openai&search=gpt-4.1-nano')
    const { page } = admin
    const row = page.getByRole('table', { name: 'Models' }).getByRole('row', { name: 'gpt-4.1-nano' })
    await row.getByText('Shipped').waitFor()
    await row.getByRole('button', { name: 'gpt-4.1-nano' }).click()
    const drawer = page.getByRole('dialog', { name: 'gpt-4.1-nano' })
    await drawer.getByLabel('Price in US dollars').fill('0.07')
    await drawer.getByRole('button', { name: 'Set price' }).click()
    await drawer.getByText('Say why').waitFor()
    await drawer.getByLabel('Reason').fill('Volume discount')
    await drawer.getByRole('button', { name: 'Set price' }).click()
    await drawer.getByText('$0.07 / 1M tokens').waitFor()
    await expectAccessibleInLight(page)
    await page.keyboard.press('Escape')
    await row.getByText('Own and shipped').waitFor()
    await page.getByRole('button', { name: 'Remove the price of gpt-4.1-nano' }).click()
    await row.getByText('Shipped', { exact: true }).waitFor()
  })

  test('sees a key paused by its failures, and resets its breaker after confirming', async () => {
    const secret = demoSecret('anthropic', 'Systemprimary')
    const ask = () => post('/v1/messages', 'Nora', { model: 'claude-haiku-4-5', max_tokens: 50, messages })
    const priority = async () => (await ask()).headers.get('x-aideon-key-priority')
    await behave(secret, { kind: 'failing' })
    for (let call = 0; call < 6; call += 1) expect((await priority())?.toLowerCase()).toBe('secondary')
    await using admin = await administrate('/admin/health')
    const { page } = admin
    const key = page.getByRole('listitem', { name: 'Anthropic, Main account' })
    // Each try that fails pauses it for longer: in the end for as long as the page takes to show it.
    const shown = async () => {
      await ask()
      return key.innerText()
    }
    await expect
      .poll(shown, { interval: 500 })
      .toMatch(/^(?=.*Paused)(?=.*next try)(?=.*[1-9]\d* of \d+ failed in the last minute)/s)
    await expectAccessibleInLight(page)
    await expectNoOverflow(page)
    await behave(secret, { kind: 'ok' })
    await key.getByRole('button', { name: 'Reset' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Reset breaker' }).click()
    await page.getByText('Anthropic, Main account is called again.').waitFor()
    await key.getByText('Working').waitFor()
    expect((await priority())?.toLowerCase()).toBe('primary')
  })

  test('limits a user, whose next call over the limit is refused until the limit is gone', async () => {
    await using admin = await administrate(`/admin/users?user=${person('Ansel').id}`)
    const { page } = admin
    const drawer = page.getByRole('dialog', { name: 'Ansel' })
    await drawer.getByLabel('Requests a minute').fill('many')
    await drawer.getByText('A whole number.').waitFor()
    await expect.poll(() => drawer.getByRole('button', { name: 'Save limits' }).isDisabled()).toBe(true)
    await drawer.getByLabel('Requests a minute').fill('1')
    await drawer.getByRole('button', { name: 'Save limits' }).click()
    await page.getByText('Ansel: 1 request a minute.').waitFor()
    const ask = () => chat('Ansel', 'gpt-4.1-mini')
    expect((await ask()).status).toBe(200)
    const refused = await ask()
    expect(refused.status).toBe(429)
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    await page.keyboard.press('Escape')
    await page.getByRole('row', { name: 'Ansel' }).getByText('1 request a minute').waitFor()
    await page.getByRole('button', { name: person('Ansel').email }).click()
    await drawer.getByRole('button', { name: 'Clear' }).click()
    await drawer.getByRole('button', { name: 'Save limits' }).click()
    await page.getByText('Ansel is not limited.').waitFor()
    expect((await ask()).status).toBe(200)
  })

  test('limits a system key, which shows where the keys are listed', async () => {
    await using admin = await administrate('/admin/system-keys')
    const { page } = admin
    const openrouter = page.getByRole('listitem', { name: 'OpenRouter' })
    await openrouter.getByRole('button', { name: 'Actions for Main account' }).click()
    await page.getByRole('menuitem', { name: 'Rate limits' }).click()
    await page.getByLabel('At once').fill('3')
    await page.getByRole('button', { name: 'Save limits' }).click()
    await openrouter.getByText('Limited to 3 at once.').waitFor()
    await expectAccessibleInLight(page)
  })

  test('asks what a call of a user would run on, without making it', async () => {
    await using admin = await administrate(`/admin/users?user=${person('Olivia').id}`)
    const { page } = admin
    const drawer = page.getByRole('dialog', { name: 'Olivia' })
    const model = drawer.getByRole('combobox', { name: 'Model or group' })
    await model.fill('gpt-4.1-mini')
    await drawer.getByText('It would run on their own key at OpenAI').waitFor()
    await model.fill('claude-haiku-4-5')
    await drawer.getByText('The call would be refused.').waitFor()
    await drawer.getByRole('combobox', { name: 'Fallback preference' }).selectOption('system')
    await drawer.getByText('It would run on a system key, for credits, at Anthropic').waitFor()
    await expectAccessibleInLight(page)
  })

  test('finds a service, switches it off and on again', async () => {
    await using admin = await administrate('/admin/services')
    const { page } = admin
    const mistral = page.getByRole('switch', { name: 'Mistral is on' })
    await mistral.waitFor()
    await page.keyboard.press('/')
    await page.keyboard.type('groq')
    await mistral.waitFor({ state: 'detached' })
    await page.getByRole('switch', { name: 'Groq is on' }).press('Space')
    await page.getByText('Groq is off.').waitFor()
    await page.goto(`${demo.url}/admin/services?show=off`)
    await page.getByRole('switch', { name: 'Groq is on' }).waitFor()
    await page.getByRole('switch', { name: 'Groq is on' }).press('Space')
    await page.getByText('No service matches').waitFor()
  })

  test('is told when a page cannot be read, and can try again', async () => {
    await using admin = await administrate('/admin')
    const { page } = admin
    const health = (url: URL) => url.pathname === '/api/health-matrix'
    const broken = JSON.stringify({ error: { code: 'internal', message: 'It broke.', next: 'Try again.' } })
    await page.route(health, (route) => route.fulfill({ status: 500, body: broken }))
    await page.getByRole('link', { name: 'Health', exact: true }).first().click()
    await page.getByText('It broke.').waitFor()
    await page.unroute(health)
    await page.getByRole('button', { name: 'Try again' }).click()
    await page.getByRole('region', { name: 'Services and system keys' }).waitFor()
  })
})

// Beside those that dashboards.test.ts looks at, and the states that the journeys above pass through.
test.each([
  ['/admin/services?search=nothing-is-called-so', 'Services'],
  ['/admin/prices?service=black_forest_labs', 'Models and prices'],
  ['/admin/prices?service=fal', 'Models and prices'],
  ['/admin/groups?group=smart', 'Model groups'],
  ['/admin/health', 'Health'],
  ['/admin/long-operations?state=failed', 'Long operations'],
])('%s is free of axe’s findings in light and dark, and fits a phone', (path, heading) =>
  expectPresentable(browser, demo.facts.administrator.signInLink, `${demo.url}${path}`, heading),
)
