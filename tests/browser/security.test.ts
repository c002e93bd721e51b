import { NobleCryptoPlugin, ScureBase32Plugin, TOTP as Oracle } from 'otplib'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBrowser } from './browser.ts'
import { type Demo, startDemo } from './demo.ts'
import { expectAccessible, expectNoOverflow, visit } from './visitor.ts'

/** Second factors as a person sets them up and uses them, with an authenticator that Chromium plays. */

let demo: Demo
let browser: Browser

beforeAll(async () => {
  ;[demo, browser] = await Promise.all([startDemo(), openBrowser()])
})
afterAll(async () => {
  await browser?.close()
  await demo?.[Symbol.asyncDispose]()
})

/** Browsers keep no passkeys for IP addresses. */
const byName = (link: string) => link.replace('127.0.0.1', 'localhost')

/** A phone with a fingerprint that is always right. */
const addAuthenticator = async (page: Page) => {
  const session = await page.context().newCDPSession(page)
  await session.send('WebAuthn.enable')
  await session.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  })
}

const overview = (page: Page) => page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor()
const factor = (page: Page, name: string) => page.getByRole('region', { name, exact: true })

test('an app, a passkey, recovery codes: set up, asked for at sign-in, and a fresh proof', async () => {
  const user = demo.facts.users.find(({ name }) => name.startsWith('Ada')) ?? demo.facts.users[0]
  if (!user) throw new Error('The demo has no users.')
  await using visitor = await visit(browser, byName(user.signInLink))
  const { page } = visitor
  const at = (path: string) => new URL(path, byName(demo.url)).href
  await addAuthenticator(page)
  await page.goto(at('/security'))

  await factor(page, 'Authenticator app').getByRole('button', { name: 'Set up' }).click()
  const key = await page.getByRole('dialog').locator('code').innerText()
  await expectAccessible(page)
  const app = new Oracle({
    secret: key.replaceAll(' ', ''),
    crypto: new NobleCryptoPlugin(),
    base32: new ScureBase32Plugin(),
  })
  await page.getByLabel('Code of your authenticator app').fill(await app.generate())
  await page.getByRole('button', { name: 'Confirm' }).click()
  const codes = (await page.getByRole('region', { name: 'recovery codes', exact: true }).innerText())
    .trim()
    .split('\n')
  expect(codes).toHaveLength(10)
  await page.getByRole('button', { name: 'I have kept them' }).click()
  await factor(page, 'Recovery codes').getByText('10 codes left').waitFor()

  await page.getByRole('button', { name: 'Add a passkey' }).click()
  await page.getByLabel('Name').fill('My phone')
  await page.getByRole('button', { name: 'Go on' }).click()
  await factor(page, 'Passkeys').getByText('My phone', { exact: true }).first().waitFor()
  await expectAccessible(page)
  await expectNoOverflow(page)

  // An hour later a change asks for a proof, and the passkey is the best one.
  await demo.database.pool.query(
    `UPDATE sessions SET proved_at = now() - interval '1 hour' WHERE user_id = $1`,
    [user.id],
  )
  await page.getByRole('button', { name: 'Make new ones' }).click()
  await page.getByRole('dialog', { name: 'Confirm that it is you' }).waitFor()
  await page.getByRole('button', { name: 'Use a passkey' }).click()
  const renewed = (await page.getByRole('region', { name: 'recovery codes', exact: true }).innerText())
    .trim()
    .split('\n')
  expect(renewed).toHaveLength(10)
  await page.getByRole('button', { name: 'I have kept them' }).click()

  // The link is no longer enough.
  await visitor.context.clearCookies()
  await page.goto(at('/sign-in'))
  await page.goto(byName(user.signInLink))
  await page.getByRole('heading', { name: 'Confirm that it is you' }).waitFor()
  await expectAccessible(page)
  await expectNoOverflow(page)
  await page.getByRole('button', { name: 'Use a recovery code' }).click()
  await page.getByLabel('Recovery code').fill(codes[0] ?? '')
  await page.getByRole('button', { name: 'Confirm' }).click()
  await page.getByText('This code is wrong, or was used already.').waitFor()
  await page.getByLabel('Recovery code').fill(renewed[0] ?? '')
  await page.getByRole('button', { name: 'Confirm' }).click()
  await overview(page)

  await visitor.context.clearCookies()
  await page.goto(at('/sign-in'))
  await expectAccessible(page)
  await expectNoOverflow(page)
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
  await overview(page)
})
