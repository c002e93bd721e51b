import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBrowser } from './browser.ts'
import { type Demo, startDemo } from './demo.ts'
import { expectAccessible, expectNoOverflow, visit } from './visitor.ts'

let demo: Demo
let browser: Browser

beforeAll(async () => {
  ;[demo, browser] = await Promise.all([startDemo(), openBrowser()])
})

afterAll(async () => {
  await browser?.close()
  await demo?.[Symbol.asyncDispose]()
})

const linkOf = (name: string) => demo.facts.users.find((user) => user.name.startsWith(name))?.signInLink ?? ''

test('somebody is invited, joins, gets another role, is suspended and restored; a company is made, left alone and deleted', async () => {
  await using owner = await visit(browser, linkOf('Olivia'), '/members')
  const { page } = owner
  await page.getByRole('button', { name: 'Invite', exact: true }).click()
  await page.getByLabel('E-mail').fill('grace@demo.example')
  await page.getByRole('radio', { name: 'Auditor' }).check()
  await page.getByRole('dialog').getByRole('button', { name: 'Invite' }).click()
  const link = await page.getByText(/\/invitation#/).textContent()
  await page.getByRole('button', { name: 'I have copied it' }).click()
  await page
    .getByRole('table', { name: 'Open invitations' })
    .getByText('grace@demo.example', { exact: true })
    .waitFor()
  await expectAccessible(page)
  await expectNoOverflow(page)

  await using guest = await visit(browser)
  await guest.page.goto(String(link))
  await guest.page.getByRole('heading', { name: 'Work in Aideon Demo' }).waitFor()
  await expectAccessible(guest.page)
  await guest.page.getByLabel('Your name').fill('Grace')
  await guest.page.getByRole('textbox', { name: 'Password' }).fill('a long enough one')
  await guest.page.getByRole('button', { name: 'Join' }).click()
  await guest.page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor()

  await page.reload()
  const change = async (item: string) => {
    await page.getByRole('button', { name: 'Change Grace' }).click()
    await page.getByRole('menuitem', { name: item }).click()
  }
  await change('Change role')
  await page.getByRole('radio', { name: /^Member/ }).check()
  await page.getByRole('button', { name: 'Change role' }).click()
  await page.getByText('Grace has the role of a member now.').waitFor()
  await change('Suspend')
  await page.getByLabel('Reason').fill('On leave')
  await page.getByRole('button', { name: 'Suspend' }).click()
  await page.getByText('Grace is suspended.').waitFor()
  await guest.page.reload()
  await guest.page.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor()
  await change('Restore')
  await page.getByRole('button', { name: 'Restore' }).click()
  await page.getByText('Grace works here again.').waitFor()

  const menu = page.getByRole('button', { name: /account menu/ })
  await menu.click()
  await page.getByRole('menuitem', { name: 'New company' }).waitFor()
  await page.getByRole('menuitem', { name: 'New company' }).click()
  await page.getByRole('dialog').getByLabel('Name').fill('Side business')
  await page.getByRole('button', { name: 'Make it' }).click()
  await page.getByRole('heading', { level: 2, name: 'Side business' }).waitFor()
  await page.getByRole('button', { name: 'Delete' }).click()
  await page.getByLabel('Type Side business to confirm').fill('Side business')
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
  await page.getByText('Side business is to be deleted').waitFor()
  await expectAccessible(page)
  await expectNoOverflow(page)
  await page.getByRole('button', { name: 'Keep it' }).click()
  await page.getByText('Side business stays.').waitFor()
  await menu.click()
  await page.getByRole('menuitem', { name: 'Aideon Demo' }).click()
  await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor()
  await page.goto(new URL('/members', demo.url).href)
  await page.getByRole('table', { name: 'Members' }).getByText('grace@demo.example').waitFor()
  expect(owner.complaints()).toEqual([])
})
