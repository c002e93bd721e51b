import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openBrowser } from './browser.ts'
import { type Demo, startDemo } from './demo.ts'
import { settled } from './settled.ts'
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
const administrate = (path: string): Promise<Visitor> =>
  visit(browser, demo.facts.administrator.signInLink, path)
const visitAs = (name: string, path: string): Promise<Visitor> =>
  visit(browser, person(name).signInLink, path)

const focused = (page: Page) => page.evaluate<string>('document.activeElement.ariaLabel')
const lane = (page: Page, name: string) => page.getByRole('region', { name: `OpenAI, ${name}` })

/** Takes a key by its handle to the middle of a lane, without letting go. */
const drag = async (page: Page, key: string, to: string): Promise<void> => {
  await settled(page)
  const handle = await page
    .getByRole('button', { name: `Move ${key}` })
    .first()
    .boundingBox()
  const target = await lane(page, to).boundingBox()
  if (!handle || !target) throw new Error('nothing to drag')
  await page.mouse.move(handle.x + 8, handle.y + handle.height / 2)
  await page.mouse.down()
  await page.mouse.move(target.x + 200, target.y + target.height - 4, { steps: 4 })
}

describe('system keys', () => {
  test('are dragged into another priority, which can be undone; escape lets go of them', async () => {
    await using admin = await administrate('/admin/system-keys')
    const { page } = admin
    await lane(page, 'Tertiary').getByText('Reserve').waitFor()
    await drag(page, 'Reserve', 'Primary')
    await page.getByText('Primary, 2 of 2', { exact: true }).waitFor()
    await page.keyboard.press('Escape')
    await page.mouse.up()
    await lane(page, 'Tertiary').getByText('Reserve').waitFor()

    await drag(page, 'Reserve', 'Primary')
    await page.mouse.up()
    await lane(page, 'Primary').getByText('Reserve').waitFor()
    await page.getByText('“Reserve” is now Primary, 2 of 2.').waitFor()
    await page.getByRole('button', { name: 'Undo' }).click()
    await page.getByText('Undone.').waitFor()
    await lane(page, 'Tertiary').getByText('Reserve').waitFor()
  })

  test('are taken by the keyboard, moved over priorities, told about, and put back by escape', async () => {
    await using admin = await administrate('/admin/system-keys')
    const { page } = admin
    const said = page.getByRole('listitem', { name: 'OpenAI', exact: true }).locator('output')
    await page.getByRole('button', { name: 'Move Reserve' }).first().focus()
    await page.keyboard.press('Space')
    await expect.poll(() => said.textContent()).toContain('Reserve taken: Tertiary, 1 of 1.')
    await page.keyboard.press('ArrowUp')
    await expect.poll(() => said.textContent()).toBe('Reserve: Secondary, 2 of 2.')
    await page.keyboard.press('Escape')
    await expect.poll(() => said.textContent()).toBe('Reserve is back: Tertiary, 1 of 1.')
    await expect.poll(() => focused(page)).toBe('Move Reserve')
    for (const key of ['Space', 'ArrowUp', 'ArrowUp', 'Space']) await page.keyboard.press(key)
    await page.getByText('“Reserve” is now Secondary, 1 of 2.').waitFor()
    await expect.poll(() => focused(page)).toBe('Move Reserve')
    await page.reload()
    await lane(page, 'Tertiary').getByText('No key').waitFor()
  })

  test('that changed meanwhile are not moved by an old page, which says so and moves them when asked again', async () => {
    await using admin = await administrate('/admin/system-keys')
    await using other = await administrate('/admin/system-keys')
    const { page } = admin
    await lane(page, 'Secondary').getByText('Reserve').waitFor()
    await other.page.getByRole('button', { name: 'Actions for Second account' }).click()
    await other.page.getByRole('menuitem', { name: 'Revoke' }).click()
    await other.page.getByLabel('Type revoke to confirm').fill('revoke')
    await other.page.getByRole('button', { name: 'Revoke key' }).click()
    await other.page.getByText('“Second account” is revoked.').waitFor()
    await drag(page, 'Reserve', 'Tertiary')
    await page.mouse.up()
    await page.getByText('“Reserve” was not moved').waitFor()
    await lane(page, 'Secondary').getByText('Second account').waitFor({ state: 'detached' })
    await page.getByRole('button', { name: 'Move it now' }).click()
    await lane(page, 'Tertiary').getByText('Reserve').waitFor()
  })
})

/** Old keys end as soon as nothing uses them: nobody waits for a day here. */
const withoutOverlap = async (page: Page): Promise<void> => {
  await page.getByRole('button', { name: 'Schedule' }).click()
  await page.getByLabel('Overlap', { exact: true }).fill('0')
  await page.getByRole('button', { name: 'Save schedule' }).click()
  await page.getByText('overlap none').first().waitFor()
}

describe('a key’s own page', () => {
  test('rotates a system key by a click, and shows how far it is until it is done', async () => {
    await using admin = await administrate('/admin/system-keys')
    const { page } = admin
    await lane(page, 'Primary').getByRole('link', { name: 'Main account' }).click()
    await page.getByRole('heading', { level: 1, name: 'Main account' }).waitFor()
    await withoutOverlap(page)
    await page.getByRole('button', { name: 'Rotate now' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('The key has leaked').check()
    expect(await dialog.getByRole('button', { name: 'Replace the key at once' }).isDisabled()).toBe(true)
    await dialog.getByLabel('Without interruption').check()
    await dialog.getByLabel('Reason').fill('Browser test')
    await dialog.getByRole('button', { name: 'Rotate now' }).click()
    await page.getByRole('region', { name: 'Earlier rotations' }).getByText('Done', { exact: true }).waitFor()
    const versions = page.getByRole('table', { name: 'Versions' })
    await versions.getByRole('row').filter({ hasText: 'In use' }).filter({ hasText: '2 ' }).first().waitFor()
    const reply = await fetch(`${demo.url}/v1/chat/completions`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${person('Nora').accessToken}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ model: 'gpt-4.1-mini', messages: [{ role: 'user', content: 'Hello' }] }),
    })
    expect(reply.headers.get('x-aideon-key-priority')?.toLowerCase()).toBe('primary')
    await expectAccessibleInLight(page)
    await expectNoOverflow(page)
    await page.goto(`${demo.url}/admin/rotation?show=history`)
    await page.getByRole('button', { name: /^Main account/ }).click()
    await page.getByRole('dialog').getByText('Started by hand.').waitFor()
  })

  test('takes a user through an assisted rotation: the new key is proven, the old one’s end confirmed', async () => {
    await using ansel = await visitAs('Ansel', '/services')
    const { page } = ansel
    await page.getByRole('link', { name: 'Ansel’s key' }).click()
    await withoutOverlap(page)
    await page.getByRole('button', { name: 'Rotate now' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Rotate now' }).click()
    const panel = page.getByRole('region', { name: 'Rotation under way' })
    const secret = await demo.newKey('anthropic')
    await panel.getByLabel('New key', { exact: true }).fill(secret)
    await expectAccessibleInLight(page)
    await panel.getByRole('button', { name: 'Prove and switch' }).click()
    await panel.getByText('Waiting for confirmation', { exact: true }).waitFor()
    expect(await page.content()).not.toContain(secret)
    await panel.getByRole('button', { name: 'The old key is deleted' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'The old key is deleted' }).click()
    await page.getByRole('region', { name: 'Earlier rotations' }).getByText('Done', { exact: true }).waitFor()
    await page
      .getByText(`ends in ${secret.slice(-4)}`)
      .first()
      .waitFor({ state: 'attached' })
  })
})

describe('what needs a fresh proof', () => {
  test('asks for it once, keeps what was entered underneath, and goes on by itself', async () => {
    await using olivia = await visitAs('Olivia', '/services')
    const { page } = olivia
    await page.getByRole('button', { name: 'Actions for Olivia’s key' }).click()
    await demo.database.pool.query(
      `UPDATE sessions SET proved_at = now() - interval '1 hour' WHERE user_id = $1`,
      [person('Olivia').id],
    )
    await page.getByRole('menuitem', { name: 'Rename' }).click()
    await page.getByRole('textbox', { name: 'Name' }).fill('Renamed by its owner')
    await page.getByRole('button', { name: 'Rename', exact: true }).click()
    const proof = page.getByRole('dialog', { name: 'Confirm that it is you' })
    await proof.getByLabel('New sign-in link').waitFor()
    await expectAccessibleInLight(page)
    await page.keyboard.press('Escape')
    await page.getByText('it was not confirmed that it is you').waitFor()
    await expect
      .poll(() => page.getByRole('textbox', { name: 'Name' }).inputValue())
      .toBe('Renamed by its owner')

    await page.getByRole('button', { name: 'Rename', exact: true }).click()
    await proof.getByLabel('New sign-in link').fill(person('Nora').signInLink)
    await proof.getByRole('button', { name: 'Confirm' }).click()
    await proof.getByRole('alert').waitFor()
    await proof.getByLabel('New sign-in link').fill(person('Olivia').signInLink)
    await proof.getByRole('button', { name: 'Confirm' }).click()
    await page.getByRole('link', { name: 'Renamed by its owner' }).waitFor()
    await proof.waitFor({ state: 'detached' })
  })
})

test('keys of a .env file are looked through, chosen and added, each with what became of it', async () => {
  await using nora = await visitAs('Nora', '/key-hygiene')
  const { page } = nora
  const [openai, groq] = [await demo.newKey('openai'), await demo.newKey('groq')]
  await page.getByRole('button', { name: 'Import keys' }).click()
  await page
    .getByLabel('Text of the file')
    .fill(
      `# mine\nOPENAI_API_KEY=${openai}\nexport GROQ_API_KEY="${groq}"\nANTHROPIC_API_KEY=sk-ant-api03-${'x'.repeat(90)}AA\n`,
    )
  await page.getByRole('button', { name: 'Look through' }).click()
  await page.getByText('3 lines may hold a key').waitFor()
  await expectAccessibleInLight(page)
  await expectNoOverflow(page)
  await page.getByLabel('Import GROQ_API_KEY').uncheck()
  await page.getByRole('button', { name: 'Import 2 keys' }).click()
  await page.getByText('1 added, 1 refused.').waitFor()
  await page.getByText('Not chosen').waitFor()
  expect(await page.content()).not.toContain(openai)
  await page.getByRole('button', { name: 'Close' }).last().click()
  await page.goto(`${demo.url}/services`)
  await page
    .getByRole('listitem', { name: 'OpenAI', exact: true })
    .getByText('Own key', { exact: true })
    .waitFor()
})

test('other sessions are signed out from the security page', async () => {
  await using first = await visit(browser, person('Nora').signInLink)
  await using second = await visit(browser, person('Nora').signInLink)
  await first.page.goto(`${demo.url}/security`)
  await first.page.getByRole('button', { name: 'Sign out everywhere else' }).click()
  await first.page.getByText(/other sessions? signed out/).waitFor()
  await second.page.goto(`${demo.url}/credits`)
  await second.page.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor()
})

test('a sealed vault is told on every page, to administrators with the way to its state', async () => {
  await using admin = await administrate('/admin')
  const { page } = admin
  await page.route(
    (url) => url.pathname === '/api/meta',
    async (route) => {
      const meta = (await (await route.fetch()).json()) as object
      await route.fulfill({ json: { ...meta, vaultSealed: true } })
    },
  )
  await page.reload()
  await page.getByText('The vault is sealed').waitFor()
  await expectAccessibleInLight(page)
  await page.getByRole('link', { name: 'See why, and what to do' }).click()
  await page.getByRole('heading', { level: 1, name: 'Vault' }).waitFor()
})

test('the master key is rotated by a click, and everything is wrapped anew', async () => {
  await using admin = await administrate('/admin/vault')
  const { page } = admin
  await page.getByRole('button', { name: 'Rotate master key' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Rotate master key' }).click()
  await page.getByText(/^Done: /).waitFor()
  await page.getByRole('button', { name: 'Destroy version 1' }).waitFor()
})

describe('screens are free of axe’s findings in light and dark, and fit a phone:', () => {
  test.each([
    ['/admin/rotation', 'Rotation'],
    ['/admin/rotation?show=calendar', 'Rotation'],
    ['/admin/rotation?show=keys', 'Rotation'],
    ['/admin/rotation?show=credentials', 'Rotation'],
    ['/admin/vault', 'Vault'],
    ['/admin/key-hygiene', 'Key hygiene'],
    ['/security', 'Security'],
  ])('%s', (path, heading) =>
    expectPresentable(browser, demo.facts.administrator.signInLink, `${demo.url}${path}`, heading),
  )
})
