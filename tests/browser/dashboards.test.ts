import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { demoSecret } from '../../simulator/keys.ts'
import { openBrowser, openPackagedBrowser } from './browser.ts'
import { type Demo, startDemo } from './demo.ts'
import { copied, expectAccessibleInLight, expectNoOverflow, expectPresentable, visit } from './visitor.ts'

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

const chat = (token: string, model = 'gpt-4.1-mini') =>
  fetch(`${demo.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello' }] }),
  })

describe('a user', () => {
  test('signs in by a link whose token leaves the address bar, and sees that this is a demo', async () => {
    await using nora = await visit(browser, person('Nora').signInLink)
    expect(new URL(nora.page.url()).hash).toBe('')
    await nora.page.getByText('simulated services, no real calls').waitFor()
    expect(nora.complaints()).toEqual([])
  })

  test('adds an own key, and the next operation runs on it instead of on credits', async () => {
    await using nora = await visit(browser, person('Nora').signInLink)
    const { page } = nora
    await page.getByRole('link', { name: 'Services', exact: true }).first().click()
    const openai = page.getByRole('listitem', { name: 'OpenAI', exact: true })
    await openai.getByText('Credits', { exact: true }).waitFor()
    expect((await chat(person('Nora').accessToken)).headers.get('x-aideon-key-owner')).toBe('system')

    const secret = await demo.newKey('openai')
    await page.getByRole('button', { name: 'Add key', exact: true }).click()
    await page.getByLabel('Key', { exact: true }).fill(`export OPENAI_API_KEY="${secret}"`)
    await page.getByText('The shape is that of an OpenAI key.').waitFor()
    await page.getByRole('button', { name: 'Check key' }).click()
    await page.getByText('Accepted.').waitFor()
    await page.getByRole('button', { name: 'Save key' }).click()
    await openai.getByText('Own key', { exact: true }).waitFor()
    await openai.locator('code', { hasText: secret.slice(-4) }).waitFor()
    expect(await page.content()).not.toContain(secret)

    const reply = await chat(person('Nora').accessToken)
    expect(reply.headers.get('x-aideon-key-owner')).toBe('user')
    await page.goto(`${demo.url}/operations?operation=${reply.headers.get('x-aideon-operation')}`)
    const receipt = page.getByRole('dialog', { name: 'Receipt' })
    await receipt.getByText('Ran on your own key, so it cost no credits.').waitFor()
    await receipt.getByText('0 (own keys cost none)').waitFor()
    await expectAccessibleInLight(page)
    await page.keyboard.press('Escape')
    await receipt.waitFor({ state: 'detached' })
  })

  test('enters a key of more than a secret: its fields are checked, its document is shown no more', async () => {
    await using nora = await visit(browser, person('Nora').signInLink, '/services')
    const { page } = nora
    await page.getByRole('button', { name: 'Add key', exact: true }).click()
    const service = page.getByRole('combobox', { name: 'Service' })
    await service.fill('azu')
    await page.getByRole('option', { name: 'Azure OpenAI' }).waitFor()
    await expectAccessibleInLight(page)
    await page.getByRole('option', { name: 'Azure OpenAI' }).click()
    await page.getByLabel('Resource name').fill('https://mine')
    await page.getByLabel('Deployments (optional)').focus()
    await page.getByText('A resource name is 2 to 64 letters').waitFor()
    await page.getByLabel('Key', { exact: true }).fill('0'.repeat(32))
    const check = page.getByRole('button', { name: /^Check/ })
    await expect.poll(() => check.isEnabled()).toBe(false)
    await page.getByLabel('Resource name').fill('mine')
    await expect.poll(() => check.isEnabled()).toBe(true)

    await page.getByRole('button', { name: 'Cancel' }).click()
    await page.getByRole('button', { name: 'Add key', exact: true }).click()
    await page.getByLabel('Key', { exact: true }).fill(demoSecret('vertex', 'Document'))
    await page.getByText('The shape is that of a Google Vertex AI key.').waitFor()
    await page.getByText('demo-document@demo-project.iam.gserviceaccount.com').waitFor()
    await expect.poll(() => page.getByLabel('Project').inputValue()).toBe('demo-project')
    expect(await page.content()).not.toContain('PRIVATE KEY')
    await expectAccessibleInLight(page)
    await expectNoOverflow(page)
    expect(nora.complaints()).toEqual([])
  })

  test('is told when a service refuses a key, before it is stored', async () => {
    await using nora = await visit(browser, person('Nora').signInLink, '/services')
    const { page } = nora
    await page.getByRole('button', { name: 'Add key for Anthropic', exact: true }).click()
    await page.getByLabel('Key', { exact: true }).fill(`sk-ant-api03-${'x'.repeat(40)}`)
    await page.getByRole('button', { name: 'Check key' }).click()
    await page.getByText('Refused.', { exact: true }).waitFor()
    expect(await page.getByRole('button', { name: 'Save' }).count()).toBe(0)
  })

  test('revokes a key by typing the word, and the next operation no longer uses it', async () => {
    await using ansel = await visit(browser, person('Ansel').signInLink, '/services')
    const { page } = ansel
    await page.getByRole('button', { name: 'Actions for Ansel’s key' }).click()
    await page.getByRole('menuitem', { name: 'Revoke' }).click()
    const revoke = page.getByRole('button', { name: 'Revoke key' })
    expect(await revoke.isDisabled()).toBe(true)
    await page.getByLabel('Type revoke to confirm').fill('revoke')
    await revoke.click()
    await page
      .getByRole('listitem', { name: 'Anthropic', exact: true })
      .getByText('Credits', { exact: true })
      .waitFor()
  })

  test('switches the fallback, sees it take effect, and can undo it', async () => {
    await using nora = await visit(browser, person('Nora').signInLink, '/fallback')
    const { page } = nora
    // It moves a moment later: `check` would look at once.
    await page.getByLabel('No fallback').click()
    // Under the pointer it stays for as long as it is needed.
    await page.getByText('Fallback: No fallback.').hover()
    expect((await chat(person('Nora').accessToken, 'openrouter/openai/gpt-4.1-mini')).status).toBe(424)
    await page.getByRole('button', { name: 'Undo' }).click()
    await page.getByText('Undone.').waitFor()
    await page.reload()
    await expect.poll(() => page.getByLabel('Use system keys').isChecked()).toBe(true)
  })

  test('creates an access token that works at once, and revokes it', async () => {
    await using nora = await visit(browser, person('Nora').signInLink, '/access-tokens')
    const { page } = nora
    await page.getByRole('button', { name: 'Create token' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Name').fill('Browser test')
    await dialog.getByRole('button', { name: 'Create token' }).click()
    await page.getByText('Copy it now').waitFor()
    const token = await copied(page, 'New token')
    await page.getByRole('tab', { name: 'Python' }).click()
    await page.getByText(`base_url="${demo.url}/v1"`).waitFor()
    await page.getByRole('button', { name: 'I have copied it' }).click()
    expect(await page.content()).not.toContain(token)
    expect((await chat(token)).status).toBe(200)

    await page.getByRole('button', { name: 'Revoke Browser test' }).click()
    await page.getByLabel('Type revoke to confirm').fill('revoke')
    await page.getByRole('button', { name: 'Revoke token' }).click()
    await page.getByText('The token is revoked.').waitFor()
    expect((await chat(token)).status).toBe(401)
  })

  test('goes to any page by some letters of its name, and to none that they may not open', async () => {
    await using nora = await visit(browser, person('Nora').signInLink, '/usage')
    const { page } = nora
    const field = page.getByRole('combobox', { name: 'Page' })
    const options = page.getByRole('listbox', { name: 'Pages' }).getByRole('option')
    const chosen = page.getByRole('option', { selected: true })
    const open = async (text: string) => {
      await page.keyboard.press('Control+K')
      await field.fill(text)
    }
    await page.getByRole('link', { name: 'Alerts', exact: true }).focus()
    await open('')
    await options.filter({ hasText: 'Access tokens' }).waitFor()
    for (const hers of ['Overview', 'Organisation'])
      expect(await options.filter({ hasText: hers }).count()).toBe(1)
    for (const ofOthers of ['Members', 'Single sign-on', 'System keys', 'Reconciliation'])
      expect(await options.filter({ hasText: ofOthers }).count()).toBe(0)
    await field.fill('op')
    await expect.poll(() => options.count()).toBe(2)
    await page.keyboard.press('ArrowDown')
    await chosen.filter({ hasText: 'Long operations' }).waitFor()
    await expectAccessibleInLight(page)
    await page.keyboard.press('Escape')
    await field.waitFor({ state: 'detached' })
    await expect.poll(() => page.evaluate('document.activeElement.textContent')).toBe('Alerts')

    await open('system keys')
    await page.getByText('No page of that name that you may open.').waitFor()
    await page.keyboard.press('Enter')
    await field.fill('op')
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('ArrowUp')
    await chosen.filter({ hasText: 'Operations' }).waitFor()
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: 'Long operations' }).waitFor()
    expect(await field.count()).toBe(0)
    expect(nora.complaints()).toEqual([])
  })

  test('is told when the gateway stops answering, and the page goes on by itself when it is back', async () => {
    await using nora = await visit(browser, person('Nora').signInLink)
    const { page } = nora
    const api = (url: URL) => url.pathname.startsWith('/api/')
    await page.route(api, (route) => route.abort())
    await page.getByRole('link', { name: 'Billing', exact: true }).click()
    await page.getByText('The gateway does not answer').waitFor()
    await page.unroute(api)
    await page.getByRole('cell', { name: 'Monthly allocation' }).first().waitFor()
    await page.getByText('The gateway does not answer').waitFor({ state: 'detached' })
  })

  test('is taken to the sign-in page by signing out, and back to where they were going by signing in', async () => {
    await using nora = await visit(browser, person('Nora').signInLink)
    const { page } = nora
    await page.getByRole('button', { name: 'account menu' }).click()
    await page.getByRole('menuitem', { name: 'Sign out' }).click()
    await page.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor()
    await page.goto(`${demo.url}/credits`)
    await page.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor()
    const { hash } = new URL(person('Nora').signInLink)
    await page.evaluate(`location.hash = '${hash}'`)
    await page.getByRole('heading', { level: 1, name: 'Credits' }).waitFor()
  })
})

describe('an administrator', () => {
  const signIn = () => visit(browser, demo.facts.administrator.signInLink)

  test('moves a system key to another priority by the keyboard, which keeps its place', async () => {
    await using admin = await signIn()
    const { page } = admin
    await page.goto(`${demo.url}/admin/system-keys`)
    const laneOf = (name: string) => page.getByRole('region', { name: `OpenAI, ${name}` })
    await laneOf('Tertiary').getByText('Reserve').waitFor()
    await page.getByRole('button', { name: 'Try Reserve earlier' }).first().focus()
    await page.keyboard.press('Alt+ArrowUp')
    await laneOf('Secondary').getByText('Reserve').waitFor()
    await expect.poll(() => page.evaluate('document.activeElement.ariaLabel')).toBe('Try Reserve earlier')
    // It is shown before it is done.
    await page.getByText('“Reserve” is now Secondary, 2 of 2.').waitFor()
    await page.reload()
    await laneOf('Secondary').getByText('Reserve').waitFor()
    await laneOf('Tertiary').getByText('No key').waitFor()
  })

  test('finds a user with the slash key and grants credits, which the user has at once', async () => {
    await using admin = await signIn()
    await using olivia = await visit(browser, person('Olivia').signInLink)
    const { page } = admin
    await page.goto(`${demo.url}/admin/users`)
    await page.getByText(person('Nora').email).waitFor()
    await page.keyboard.press('/')
    await page.keyboard.type('olivia')
    await page.getByText(person('Nora').email).waitFor({ state: 'detached' })
    await page.getByRole('button', { name: person('Olivia').email }).click()
    await page.getByLabel('Credits').fill('12.5')
    await page.getByLabel('Reason').fill('Browser test')
    await page.getByRole('button', { name: 'Grant credits' }).click()
    await page.getByText('Olivia was given 12.5 credits.').waitFor()
    await expectAccessibleInLight(page)

    await olivia.page.goto(`${demo.url}/credits`)
    await olivia.page.getByText('112.50').first().waitFor()
    await olivia.page.getByRole('cell', { name: 'Browser test' }).first().waitFor()
  })

  test('puts an organisation under IT control, and its users can no longer manage keys', async () => {
    await using admin = await signIn()
    await using olivia = await visit(browser, person('Olivia').signInLink)
    const { page } = admin
    await page.goto(`${demo.url}/admin/organizations`)
    await page.getByRole('link', { name: demo.facts.organization.name }).click()
    await page.getByLabel('IT control').check()
    const preview = page.getByRole('region', { name: 'What it would change' })
    await preview.getByText(person('Olivia').email).first().waitFor()
    await expectAccessibleInLight(page)
    await expectNoOverflow(page)
    await page.getByLabel('Reason').fill('An audit')
    await page.getByRole('button', { name: 'Save policy' }).click()
    await page.getByText('Version 2 is in force.').waitFor()

    await olivia.page.goto(`${demo.url}/services`)
    await olivia.page.getByText('manages all keys centrally').waitFor()
    expect(await olivia.page.getByRole('button', { name: 'Add key' }).count()).toBe(0)
    await olivia.page.getByText('Suspended by policy').waitFor()

    const first = page.getByRole('row').filter({ hasText: /^1/ })
    await first.getByRole('button', { name: 'Restore' }).click()
    await page.getByRole('dialog').getByLabel('Reason').fill('The audit is over')
    await page.getByRole('button', { name: 'Restore version 1' }).click()
    await page.getByText('Version 3 is in force: it says what version 1 said.').waitFor()
    await olivia.page.reload()
    await olivia.page.getByRole('button', { name: 'Add key', exact: true }).waitFor()
  })

  test('is led to what is next from any page, and sees the first call arrive while its lines are still open', async () => {
    await using admin = await visit(browser, demo.facts.administrator.signInLink, '/admin/system-keys')
    const { page } = admin
    await page.getByRole('link', { name: 'Next: create an access token' }).click()
    await page.getByRole('region', { name: 'Getting started' }).waitFor()
    await expectAccessibleInLight(page)
    await page.getByRole('link', { name: 'Go to access tokens' }).click()
    await page.getByRole('button', { name: 'Create token' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Name').fill('First')
    await dialog.getByRole('button', { name: 'Create token' }).click()
    await page.getByText('Waiting for your first call').waitFor()
    await page.getByRole('link', { name: 'Next: make the first call' }).waitFor()
    const lines = await copied(page, 'curl example')
    expect(lines).toContain(`curl ${demo.url}/v1/chat/completions`)
    const token = /aik_\w+/.exec(lines)?.[0] ?? ''
    expect((await chat(token, /"model": "([^"]+)"/.exec(lines)?.[1])).status).toBe(200)
    await page.getByText(/answered/).waitFor()
    await page.getByRole('button', { name: 'I have copied it' }).click()
    await expect.poll(() => page.getByText('Getting started').count()).toBe(0)
    expect(admin.complaints()).toEqual([])
  })

  test('opens a user by a link, though the list shows others', async () => {
    await using admin = await signIn()
    const { page } = admin
    await page.goto(`${demo.url}/admin/users?search=nobody-of-this-name&user=${person('Olivia').id}`)
    await page.getByRole('dialog', { name: 'Olivia' }).getByText(person('Olivia').email).waitFor()
  })

  test('is the only one who sees the administration', async () => {
    await using nora = await visit(browser, person('Nora').signInLink, '/admin/users')
    await nora.page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor()
    await expect.poll(() => new URL(nora.page.url()).pathname).toBe('/')
  })
})

describe('every screen is free of axe’s findings in light and dark, and fits a phone:', () => {
  const screens: readonly [path: string, heading: string, who: 'nobody' | 'Nora' | 'administrator'][] = [
    ['/sign-in', 'Sign in', 'nobody'],
    ['/setup', 'Set up Aideon Keys', 'nobody'],
    ['/gallery', 'Gallery', 'nobody'],
    ['/', 'Overview', 'Nora'],
    ['/services', 'Services', 'Nora'],
    ['/fallback', 'Fallback', 'Nora'],
    ['/credits', 'Credits', 'Nora'],
    ['/operations', 'Operations', 'Nora'],
    ['/access-tokens', 'Access tokens', 'Nora'],
    ['/account', 'Account', 'Nora'],
    ['/admin', 'Overview', 'administrator'],
    ['/admin/system-keys', 'System keys', 'administrator'],
    ['/admin/users', 'Users', 'administrator'],
    ['/admin/session-policy', 'Administrators’ sessions', 'administrator'],
    ['/admin/operations', 'Operations', 'administrator'],
    ['/admin/organizations', 'Organisations', 'administrator'],
    ['/admin/services', 'Services', 'administrator'],
    ['/admin/platform-tokens', 'Platform tokens', 'administrator'],
  ]
  test.each(screens)('%s', async (path, heading, who) => {
    const link = who === 'administrator' ? demo.facts.administrator.signInLink : undefined
    await expectPresentable(
      browser,
      who === 'Nora' ? person('Nora').signInLink : link,
      `${demo.url}${path}`,
      heading,
    )
  })
})

test.runIf(process.platform === 'linux' && process.arch === 'x64')(
  'the browser from npm starts here and shows the dashboards',
  async () => {
    await using own = {
      browser: await openPackagedBrowser(),
      [Symbol.asyncDispose]: () => own.browser.close(),
    }
    const page = await own.browser.newPage()
    page.setDefaultTimeout(60_000)
    await page.goto(`${demo.url}/sign-in`)
    await page.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor()
  },
)
