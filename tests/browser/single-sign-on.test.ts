import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startOidcProvider } from '../sso/oidc-provider.ts'
import { openBrowser } from './browser.ts'
import { type Demo, startDemo } from './demo.ts'
import { expectAccessible, expectNoOverflow, visit } from './visitor.ts'

let demo: Demo
let browser: Browser
let provider: Awaited<ReturnType<typeof startOidcProvider>>
let redirectUris: string[] = []

beforeAll(async () => {
  for (const level of ['info', 'warn'] as const) vi.spyOn(console, level).mockImplementation(() => {})
  ;[demo, browser, provider] = await Promise.all([
    startDemo(),
    openBrowser(),
    startOidcProvider({ redirectUris: () => redirectUris, clientSecret: 'secret of the client' }),
  ])
})

afterAll(async () => {
  await browser?.close()
  await provider?.stop()
  await demo?.[Symbol.asyncDispose]()
})

const linkOf = (name: string) => demo.facts.users.find((user) => user.name.startsWith(name))?.signInLink ?? ''
const look = process.env['LOOK']

test('an owner connects an identity provider; somebody of the company signs in there and works here', async () => {
  await using owner = await visit(browser, linkOf('Olivia'), '/single-sign-on')
  const { page } = owner
  await page.getByRole('button', { name: 'Add OpenID Connect' }).click()
  const dialog = page.getByRole('dialog')
  redirectUris = [String(await dialog.getByText(/\/sign-in\/company\//).textContent())]
  await dialog.getByLabel('Name', { exact: true }).fill('Sign in with Acme')
  await dialog.getByLabel('Issuer').fill(provider.issuer)
  await dialog.getByLabel('Client ID').fill('aideon')
  await dialog.getByRole('textbox', { name: 'Client secret' }).fill('secret of the client')
  await dialog.getByLabel('Scopes').fill('openid email profile groups')
  await dialog.getByRole('button', { name: 'Add a rule' }).click()
  await dialog.getByRole('textbox', { name: 'Group 1' }).fill('finance')
  await expectAccessible(page)
  if (look) await page.screenshot({ path: `${look}/sso-dialog.png`, fullPage: true })
  await dialog.getByRole('button', { name: 'Add', exact: true }).click()
  await page.getByRole('heading', { name: 'Sign in with Acme' }).waitFor()
  await page.getByRole('button', { name: 'Add a domain' }).click()
  await page.getByRole('textbox', { name: 'Domain' }).fill('acme.example')
  await page.getByRole('dialog').getByRole('button', { name: 'Add', exact: true }).click()
  await page.getByText('_aideon-keys.acme.example').waitFor()
  if (look) await page.screenshot({ path: `${look}/sso-domain.png`, fullPage: true })
  // Name servers of the machine are asked; what they would say of a proved domain is written down instead.
  await demo.database.pool.query(`UPDATE sso_domains SET verified_at = now()`)
  await demo.database.pool.query(
    `INSERT INTO sso_domain_holders (domain, holder_id) SELECT domain, organization_id FROM sso_domains`,
  )

  await using guest = await visit(browser)
  provider.signIn({
    sub: 'ada',
    email: 'ada@acme.example',
    email_verified: true,
    name: 'Ada',
    groups: ['finance'],
  })
  await guest.page.goto(`${demo.url}/sign-in?to=%2Fmodels`)
  await guest.page.getByLabel('E-mail').fill('ada@acme.example')
  await guest.page.getByRole('button', { name: 'Sign in with your company' }).click()
  await guest.page.getByRole('heading', { level: 1, name: 'Models' }).waitFor()
  expect(guest.page.url()).toBe(`${demo.url}/models`)
  // What came back once is nothing the second time.
  await guest.page.goto(`${redirectUris[0]}?state=x&code=y`)
  await guest.page.getByText('This company sign-in was ended already', { exact: false }).waitFor()
  await expectAccessible(guest.page)
  if (look) await guest.page.screenshot({ path: `${look}/sso-expired.png` })

  await confirmByCompany(guest.page)

  await page.reload()
  await page.getByText('Yours', { exact: true }).waitFor()
  await page.getByRole('switch', { name: /^People of acme.example/ }).click({ force: true })
  await page.getByText('Passwords and links refused').waitFor()
  await expectAccessible(page)
  await expectNoOverflow(page)
  if (look) {
    await page.screenshot({ path: `${look}/sso.png`, fullPage: true })
    await page.setViewportSize({ width: 390, height: 844 })
    await page.screenshot({ path: `${look}/sso390.png`, fullPage: true })
    await expectNoOverflow(page)
  }
})

/** What needs a fresh proof, in a session that the company sign-in opened; the first time in a window that is closed. */
const confirmByCompany = async (page: Page) => {
  await demo.database.pool.query(
    `UPDATE sessions SET proved_at = now() - interval '1 day' WHERE sso_connection_id IS NOT NULL`,
  )
  await page.goto(`${demo.url}/access-tokens`)
  await page.getByRole('button', { name: 'Create token' }).first().click()
  await page.getByRole('dialog').getByLabel('Name', { exact: true }).fill('By the company')
  await page.getByRole('dialog').getByRole('button', { name: 'Create token' }).click()
  const dialog = page.getByRole('dialog', { name: 'Confirm that it is you' })
  const confirm = dialog.getByRole('button', { name: 'Confirm with your company sign-in' })
  await confirm.waitFor()
  await expectAccessible(page)
  if (look) await page.screenshot({ path: `${look}/sso-proof.png` })
  // Somebody else is at the browser there.
  provider.signIn({ sub: 'eve', email: 'eve@acme.example', email_verified: true })
  const [refused] = await Promise.all([page.waitForEvent('popup'), confirm.click()])
  await refused.getByText('as somebody else than here', { exact: false }).waitFor()
  await dialog.getByText('Your company’s sign-in did not confirm it').waitFor()
  if (look) {
    await page.screenshot({ path: `${look}/sso-proof-refused.png` })
    await refused.screenshot({ path: `${look}/sso-proof-window.png` })
  }
  await Promise.all([
    refused.waitForEvent('close'),
    refused.getByRole('button', { name: 'Close this window' }).click(),
  ])
  provider.signIn({ sub: 'ada', email: 'ada@acme.example', email_verified: true })
  const [opened] = await Promise.all([
    page.waitForEvent('popup'),
    dialog.getByRole('button', { name: 'Open the window again' }).click(),
  ])
  await opened.waitForEvent('close')
  await dialog.waitFor({ state: 'detached' })
  await page.getByText('By the company').first().waitFor()
}
