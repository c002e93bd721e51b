import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SignJWT } from 'jose'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBrowser } from './browser.ts'
import { type Demo, startDemo } from './demo.ts'
import { copied, expectAccessible, expectNoOverflow, visit } from './visitor.ts'

let demo: Demo
let browser: Browser

beforeAll(async () => {
  ;[demo, browser] = await Promise.all([startDemo(), openBrowser()])
  for (const [name, role] of [
    ['Nora', 'owner'],
    ['Olivia', 'member'],
  ] as const)
    await demo.database.pool.query('UPDATE memberships SET role = $2 WHERE user_id = $1', [
      person(name).id,
      role,
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

test('a machine gets a client, its token calls a model; revoked, it does not', async () => {
  await using nora = await visit(browser, person('Nora').signInLink, '/service-accounts')
  const { page } = nora
  await page.getByRole('button', { name: 'New service account' }).click()
  await page.getByLabel('Name').fill('Nightly build')
  await page.getByLabel('What it is for').fill('Reads the release notes')
  await page.getByRole('button', { name: 'Create service account' }).click()
  await page.getByRole('button', { name: 'Add credential' }).click()
  await page.getByLabel('Name').fill('Pipeline')
  await page.getByLabel('OAuth 2.0 client').check()
  await page.getByRole('dialog').getByRole('button', { name: 'Add credential' }).click()
  const [id, secret] = [await copied(page, 'Client id'), await copied(page, 'Client secret')]
  await page.getByRole('button', { name: 'I have copied it' }).click()
  await page.getByRole('cell', { name: 'OAuth client' }).waitFor()
  await expectFit(page, 'service-accounts')
  const exchange = () =>
    fetch(`${demo.url}/oauth/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` },
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
    })
  const { access_token: token } = (await (await exchange()).json()) as { access_token: string }
  const call = () =>
    fetch(`${demo.url}/v1/models`, { headers: { authorization: `Bearer ${token}` } }).then(
      ({ status }) => status,
    )
  expect(await call()).toBe(200)
  await page.getByRole('button', { name: 'Revoke Pipeline' }).click()
  await page.getByRole('button', { name: 'Revoke credential' }).click()
  await page.getByText('It is revoked.').waitFor()
  expect(await call()).toBe(401)
  expect((await exchange()).status).toBe(401)
})

test('a directory’s users and groups appear, and a group makes a role', async () => {
  await using nora = await visit(browser, person('Nora').signInLink, '/provisioning')
  const { page } = nora
  await page.getByText('Nobody was provisioned yet').waitFor()
  await page.getByRole('button', { name: 'Create token' }).click()
  await page.getByLabel('Name').fill('Okta')
  await page.getByRole('dialog').getByRole('button', { name: 'Create token' }).click()
  const token = await copied(page, 'New token')
  await page.getByRole('button', { name: 'I have copied it' }).click()
  const post = async (path: string, body: object) => {
    const reply = await fetch(`${demo.url}/scim/v2${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
      body: JSON.stringify(body),
    })
    expect(reply.status).toBe(201)
    return (await reply.json()) as { id: string }
  }
  const { rows } = await demo.database.pool.query<{ email: string }>(
    'SELECT email FROM users WHERE id = $1',
    [person('Olivia').id],
  )
  const { id } = await post('/Users', { userName: rows[0]?.email, displayName: 'Olivia', active: true })
  expect(id).toBe(person('Olivia').id)
  await post('/Groups', { displayName: 'Auditors', members: [{ value: id }] })
  await page.reload()
  await page.getByLabel('What members of Auditors are').selectOption('auditor')
  await page.getByText('One member has another role now.').waitFor()
  await page.getByRole('cell', { name: 'auditor', exact: true }).waitFor()
  await expectFit(page, 'provisioning')
})

test('an application shows its user their dashboard in a frame, and another site cannot', async () => {
  const pair = generateKeyPairSync('ed25519')
  let shown = ''
  const host = createServer((_, response) => {
    response.setHeader('content-type', 'text/html')
    response.end(
      `<!doctype html><html lang="en"><title>Host</title><iframe title="Dashboard" src="${shown}" width="1300" height="800"></iframe></html>`,
    )
  }).listen(0, '127.0.0.1')
  try {
    await once(host, 'listening')
    const { port } = host.address() as AddressInfo
    await using nora = await visit(browser, person('Nora').signInLink, '/host-applications')
    const { page } = nora
    await page.getByRole('button', { name: 'New host application' }).click()
    await page.getByLabel('Name', { exact: true }).fill('Portal')
    await page.getByLabel('Issuer').fill('https://portal.example')
    const jwk = { ...pair.publicKey.export({ format: 'jwk' }), kid: 'one' }
    await page.getByLabel('Public keys').fill(JSON.stringify({ keys: [jwk] }))
    await page.getByLabel('That claim holds').selectOption('user_id')
    await page.getByLabel('Pages that may show dashboards').fill(`http://127.0.0.1:${port}`)
    await page.getByRole('button', { name: 'Create host application' }).click()
    const audience = await copied(page, 'audience')
    const signed = () =>
      new SignJWT({ sub: person('Olivia').id })
        .setProtectedHeader({ alg: 'EdDSA', kid: 'one' })
        .setIssuer('https://portal.example')
        .setAudience(audience)
        .setIssuedAt()
        .setExpirationTime('5m')
        .sign(pair.privateKey)
    await page.getByLabel('A token of it').fill(await signed())
    await page.getByRole('button', { name: 'Try it' }).click()
    await page.getByText('It would act for this member.').waitFor()
    await expectFit(page, 'host-applications')

    const link = async () => {
      const reply = await fetch(`${demo.url}/api/embed-links`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ token: await signed() }),
      })
      return ((await reply.json()) as { url: string }).url
    }
    shown = await link()
    const context = await browser.newContext()
    context.setDefaultTimeout(60_000)
    const outside = await context.newPage()
    await outside.goto(`http://127.0.0.1:${port}/`)
    const frame = outside.frameLocator('iframe')
    await frame.getByRole('navigation', { name: 'Main' }).waitFor()
    await frame.getByRole('link', { name: 'Billing', exact: true }).click()
    await frame.getByRole('heading', { level: 1, name: 'Credits' }).waitFor()
    if (shots) await outside.screenshot({ path: `${shots}/embedded.png` })
    // The same page under another name is another site.
    shown = await link()
    await outside.goto(`http://localhost:${port}/`).catch(() => {})
    expect(await frame.getByRole('navigation', { name: 'Main' }).count()).toBe(0)
    await context.close()
  } finally {
    host.close()
  }
})
