import type { Browser } from 'playwright-core'
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
