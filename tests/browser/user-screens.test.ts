import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openBrowser } from './browser.ts'
import { type Demo, startDemo } from './demo.ts'
import { copied, expectAccessible, expectNoOverflow, visit } from './visitor.ts'

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

const chat = (token: string, model = 'gpt-4.1-mini') =>
  fetch(`${demo.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello' }] }),
  })
const idOf = (reply: Response): string => reply.headers.get('x-aideon-operation') ?? ''

const table = (page: Page) => page.getByRole('table', { name: 'Operations', exact: true })

describe('services', () => {
  test('every integrated service has its own indicator, and the coverage adds up', async () => {
    await using nora = await visitAs('Nora', '/services')
    const { page } = nora
    const list = page.getByRole('region', { name: 'All services' })
    await list.getByRole('listitem').first().waitFor()
    const counts = await page
      .getByRole('group', { name: 'Show services by coverage' })
      .getByRole('button')
      .allTextContents()
    const sum = counts.reduce((total, text) => total + Number(/\d+$/.exec(text)?.[0]), 0)
    expect(await list.getByRole('listitem').count()).toBe(sum)
    expect(sum).toBeGreaterThanOrEqual(33)
    expect(
      await list
        .getByRole('listitem')
        .filter({ hasText: /Credits|Own key|Not covered|Alternative/ })
        .count(),
    ).toBe(sum)
  })

  test('search and filters are in the address, and survive a reload', async () => {
    await using nora = await visitAs('Nora', '/services')
    const { page } = nora
    await page.getByRole('button', { name: /^Not covered/ }).click()
    await page.keyboard.press('/')
    await page.keyboard.type('groq')
    const found = page.getByRole('region', { name: 'All services' }).getByRole('listitem')
    await expect.poll(() => found.count()).toBe(1)
    await page.reload()
    await expect.poll(() => found.count()).toBe(1)
    await page.getByRole('listitem', { name: 'Groq' }).getByRole('button', { name: /^Groq/ }).click()
    await page.getByText('There is no Groq key that you may use.').waitFor()
    await expectAccessible(page)
    await expectNoOverflow(page)
  })
})

describe('operations', () => {
  test('filters survive a reload through the address', async () => {
    await using nora = await visitAs('Nora')
    const { page } = nora
    await chat(person('Nora').accessToken, 'claude-haiku-4-5')
    await page.goto(`${demo.url}/operations`)
    await page.getByRole('searchbox', { name: 'Model' }).fill('haiku')
    await page.getByLabel('Service', { exact: true }).selectOption('anthropic')
    await page.getByLabel('Endpoint').selectOption('chat_completions')
    await page.getByLabel('Started').selectOption('24')
    await expect.poll(() => new URL(page.url()).searchParams.get('model')).toBe('haiku')
    // Of the demo’s own history one call matches, and the one above.
    const rows = table(page).getByRole('row')
    const onlyMatching = async () =>
      (await rows.count()) === 3 && (await rows.filter({ hasText: 'claude-haiku-4-5' }).count()) === 2
    await expect.poll(onlyMatching).toBe(true)
    await page.reload()
    await expect.poll(onlyMatching).toBe(true)
    await expect.poll(() => page.getByRole('searchbox', { name: 'Model' }).inputValue()).toBe('haiku')
    await page.getByRole('button', { name: 'Clear filters' }).click()
    await expect.poll(() => page.getByRole('searchbox', { name: 'Model' }).inputValue()).toBe('')
  })

  test('new ones come in by themselves, and wait where somebody is reading', async () => {
    await using nora = await visitAs('Nora', '/operations?model=gpt-4.1-nano')
    const { page } = nora
    const rows = table(page).getByRole('row').filter({ hasText: 'gpt-4.1-nano' })
    await page.mouse.move(5, 5)
    const before = await rows.count()
    await chat(person('Nora').accessToken, 'gpt-4.1-nano')
    await expect.poll(() => rows.count()).toBe(before + 1)
    await page.getByText('1 new operation', { exact: true }).waitFor({ state: 'attached' })

    await rows.first().hover()
    await chat(person('Nora').accessToken, 'gpt-4.1-nano')
    const show = page.getByRole('button', { name: 'Show 1 new operation' })
    await show.waitFor()
    expect(await rows.count()).toBe(before + 1)
    await show.click()
    await expect.poll(() => rows.count()).toBe(before + 2)
  })

  test('a receipt shows the decision, and a cost formula whose lines add up', async () => {
    await using nora = await visitAs('Nora')
    const { page } = nora
    const id = idOf(await chat(person('Nora').accessToken, 'claude-haiku-4-5'))
    await page.goto(`${demo.url}/operations?operation=${id}`)
    const receipt = page.getByRole('dialog', { name: 'Receipt' })
    const formula = receipt.getByRole('table', { name: 'Cost formula' })
    await formula.waitFor()
    const amounts = (await formula.getByRole('cell').allTextContents()).map(nanoUsdOf)
    const total = amounts.pop()
    expect(amounts.length).toBeGreaterThanOrEqual(2)
    expect(amounts.reduce((sum, amount) => sum + amount, 0n)).toBe(total)

    const route = receipt.getByRole('list', { name: 'The route, in order' })
    await route.getByText('ran here').waitFor()
    await receipt.getByText('translated into the service’s own terms').first().waitFor()
    await receipt.getByText('Answered.').waitFor()
    await expectAccessible(page)
    await receipt.getByRole('link', { name: 'Explain again now' }).click()
    await page.getByText('It would run on a system key, for credits, at Anthropic').waitFor()
  })
})

/** `$0.0000123` in nano-dollars, without floating point. */
const nanoUsdOf = (text: string): bigint => {
  const [whole = '0', fraction = ''] = text.replaceAll(/[$,]/g, '').split('.')
  return BigInt(whole + fraction.padEnd(9, '0'))
}

describe('the simulator', () => {
  test('shows the own key first, then credits; and what would refuse the call', async () => {
    await using nora = await visitAs('Nora', '/fallback')
    const { page } = nora
    await page.getByRole('link', { name: 'Try what would happen' }).click()
    await page.getByRole('combobox', { name: 'Model or group' }).fill('gpt-4.1-mini')
    await page.getByText('It would run on a system key, for credits, at OpenAI').waitFor()
    await page.getByRole('combobox', { name: 'With my own key at' }).fill('OpenAI')
    await page.getByRole('option', { name: 'OpenAI', exact: true }).click()
    await page.getByText('It would run on your own key at OpenAI, as gpt-4.1-mini.').waitFor()
    const rungs = page.getByRole('list', { name: 'Tried in this order' }).getByRole('listitem')
    await expect.poll(() => rungs.nth(0).textContent()).toMatch(/OpenAI.*Own key.*no credits/)
    await expect
      .poll(() => rungs.nth(1).textContent())
      .toMatch(/OpenAI.*System · Primary.*about 0\.\d+ credits/)

    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Suppose nothing' }).click()
    await page.getByLabel('No credits left').click()
    await page.getByText('The call would be refused.').waitFor()
    await page.reload()
    await page.getByText('The call would be refused.').waitFor()
    await expectAccessible(page)
    await expectNoOverflow(page)
  })

  test('finds near names for a model that nobody offers', async () => {
    await using nora = await visitAs('Nora', '/simulator?model=gpt-4.1-minni')
    await nora.page.getByText('The call would be refused.').waitFor()
    await nora.page.getByText('gpt-4.1-mini').first().waitFor()
  })
})

test('models are told apart by what they run on, with prices, and lead to the simulator', async () => {
  await using olivia = await visitAs('Olivia', '/models?q=gpt-4.1-mini')
  const { page } = olivia
  const models = page.getByRole('table', { name: 'Models' })
  const row = models.getByRole('row').filter({ has: page.getByRole('button', { name: /^gpt-4\.1-mini/ }) })
  await row.getByText('Own key').waitFor()
  await row.getByText('$0.40 / $1.60').waitFor()
  await expectAccessible(page)
  await expectNoOverflow(page)
  await page.goto(`${demo.url}/models?q=claude`)
  await page.getByRole('button', { name: /^Not available/ }).click()
  await models.getByRole('cell', { name: 'Not available' }).first().waitFor()
  await expect.poll(() => models.getByText('Own key').count()).toBe(0)
  await page.goto(`${demo.url}/models?model=claude-haiku-4-5`)
  const drawer = page.getByRole('dialog', { name: 'Model' })
  await drawer.getByText('Not available to you now').waitFor()
  await expectAccessible(page)
  await drawer.getByRole('link', { name: 'What would a call run on?' }).click()
  await page.getByText('The call would be refused.').waitFor()
})

test('an exception to the fallback is added by the service’s name, and taken away again', async () => {
  await using ansel = await visitAs('Ansel', '/fallback')
  const { page } = ansel
  await page.getByRole('combobox', { name: 'Add an exception for a service' }).fill('mist')
  await page.getByRole('option', { name: 'Mistral' }).click()
  await page.getByText('Mistral: No fallback.').waitFor()
  await page.getByLabel('Fallback for Mistral').selectOption('system')
  await page.getByText('Mistral: Use system keys.').waitFor()
  await page.reload()
  await expect.poll(() => page.getByLabel('Fallback for Mistral').inputValue()).toBe('system')
  await expectAccessible(page)
  await page.getByRole('button', { name: 'Let Mistral follow the default' }).click()
  await page.getByText('None: every service follows the default above.').waitFor()
})

test('an access token is limited when it is made, and its limit can be lifted', async () => {
  await using olivia = await visitAs('Olivia', '/access-tokens')
  const { page } = olivia
  await page.getByRole('button', { name: 'Create token' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name').fill('Limited')
  await dialog.getByLabel('Requests a minute').fill('1')
  await expectAccessible(page)
  await dialog.getByRole('button', { name: 'Create token' }).click()
  await page.getByText('Copy it now').waitFor()
  const token = await copied(page, 'New token')
  await page.getByRole('button', { name: 'I have copied it' }).click()
  expect([(await chat(token)).status, (await chat(token)).status]).toEqual([200, 429])
  const limits = page.getByRole('button', { name: /limits of Limited$/ })
  await expect.poll(() => limits.textContent()).toMatch(/^1 requests? a minute/)
  await limits.click()
  await page.getByRole('button', { name: 'No limits' }).click()
  await page.getByRole('button', { name: 'Save limits' }).click()
  await page.getByText('The limits of “Limited” are saved.').waitFor()
  expect((await chat(token)).status).toBe(200)
})

test('a task is seen on its way and at its end, with its result and receipt; webhooks get a secret', async () => {
  await using nora = await visitAs('Nora')
  const { page } = nora
  const rowOf = async (prompt: string) => {
    const submitted = await fetch(`${demo.url}/mj/submit/imagine`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${person('Nora').accessToken}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ prompt }),
    })
    const { result } = (await submitted.json()) as { result: string }
    return page.getByRole('row').filter({ hasText: result })
  }
  const row = await rowOf('a kite over the sea')
  const underWay = await rowOf('a kite that comes too late [[simulate: endless]]')
  await page.goto(`${demo.url}/long-operations`)
  await underWay.getByText('held').waitFor()
  await expectAccessible(page)
  await row.getByText('Succeeded').waitFor()
  await row.getByRole('link', { name: 'Result' }).waitFor()
  await row.getByRole('link', { name: 'Receipt' }).click()
  await page.getByRole('dialog', { name: 'Receipt' }).getByText('Midjourney tasks').waitFor()

  await page.goto(`${demo.url}/long-operations`)
  await page.getByRole('button', { name: 'Make secret' }).click()
  await page.getByText('It cannot be shown again.').waitFor()
  await page.getByRole('button', { name: 'I have copied it' }).click()
  await page.getByText('Signed with your secret').waitFor()
  await expectNoOverflow(page)
})
