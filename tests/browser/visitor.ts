import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Browser, BrowserContext, ConsoleMessage, Page } from 'playwright-core'
import { expect } from 'vitest'
import { settled, settleAfterNavigation } from './settled.ts'

export interface Visitor extends AsyncDisposable {
  readonly page: Page
  readonly context: BrowserContext
  /** What the browser complained about since the last call, refused requests of the content security policy too. */
  complaints(): string[]
}

/**
 * Somebody at a browser, signed in by link unless none is given. With a path they take one that a visitor before them with
 * the same link has left, signed in and empty: a fresh one costs a second of processor time for pages it has never seen.
 */
export const visit = async (browser: Browser, link?: string, path?: string): Promise<Visitor> => {
  const idle = idleOf(browser, link ?? '')
  const { context, page, cookies } = (path && idle.pop()) || (await signedIn(browser, link))
  let said: string[] = []
  const hear = (message: ConsoleMessage) => {
    if (message.type() === 'error' || message.type() === 'warning') said.push(message.text())
  }
  const fail = (error: Error) => void said.push(error.message)
  page.on('console', hear).on('pageerror', fail)
  if (path !== undefined) await page.goto(new URL(path, link).href)
  return {
    page,
    context,
    complaints: () => {
      const complaints = said
      said = []
      return complaints
    },
    async [Symbol.asyncDispose]() {
      page.off('console', hear).off('pageerror', fail)
      if (await isAsBefore(context, page, cookies)) idle.push({ context, page, cookies })
      else await context.close()
    },
  }
}

interface Seat {
  readonly context: BrowserContext
  readonly page: Page
  /** As they were after signing in: who has others by then is somebody else, or nobody. */
  readonly cookies: string
}

const signedIn = async (browser: Browser, link: string | undefined): Promise<Seat> => {
  const context = await browser.newContext({
    viewport: desk,
    colorScheme: 'light',
    reducedMotion: 'reduce',
    permissions: ['clipboard-read', 'clipboard-write'],
  })
  // On a busy machine; whatever is waited for is an event, this only bounds the wait.
  context.setDefaultTimeout(60_000)
  const page = await context.newPage()
  settleAfterNavigation(page)
  if (link !== undefined) {
    await page.goto(link)
    await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor()
  }
  return { context, page, cookies: await cookiesOf(context) }
}

const desk = { width: 1440, height: 900 }

const cookiesOf = async (context: BrowserContext): Promise<string> => JSON.stringify(await context.cookies())

/** Leaves nothing behind but the session: no storage, no routes, no other size or scheme, no page that goes on asking. */
const isAsBefore = async (context: BrowserContext, page: Page, cookies: string): Promise<boolean> => {
  if (page.isClosed() || context.pages().length > 1 || (await cookiesOf(context)) !== cookies) return false
  if (!page.url().startsWith('http')) return false
  await page.unrouteAll({ behavior: 'ignoreErrors' })
  await page.evaluate('localStorage.clear(); sessionStorage.clear()')
  // Of the same site, so that what has been compiled for its pages stays.
  await page.goto(new URL('/healthz', page.url()).href)
  await page.emulateMedia({ colorScheme: 'light' })
  await page.setViewportSize(desk)
  return true
}

const idle = new WeakMap<Browser, Map<string, Seat[]>>()
const idleOf = (browser: Browser, link: string): Seat[] => {
  const ofBrowser = idle.get(browser) ?? new Map<string, Seat[]>()
  idle.set(browser, ofBrowser)
  const seats = ofBrowser.get(link) ?? []
  ofBrowser.set(link, seats)
  return seats
}

/** Nothing that axe finds, in light and dark, and nothing wider than a phone. */
export const expectPresentable = async (
  browser: Browser,
  link: string | undefined,
  url: string,
  heading: string,
): Promise<void> => {
  await using looker = await visit(browser, link, url)
  const { page, complaints } = looker
  await page.getByRole('heading', { level: 1, name: heading, exact: true, includeHidden: true }).waitFor()
  await expectAccessible(page)
  await expectNoOverflow(page)
  expect(complaints()).toEqual([])
}

/** No rule of axe is broken. Dark differs from light in colours only, so only they are looked at again. */
export const expectAccessible = async (page: Page): Promise<void> => {
  expect(await findings(page)).toEqual([])
  await page.emulateMedia({ colorScheme: 'dark' })
  await page.locator('html[data-mantine-color-scheme="dark"]').waitFor()
  expect(await findings(page, ['color-contrast', 'link-in-text-block'])).toEqual([])
  await page.emulateMedia({ colorScheme: 'light' })
}

/** On the way through screens that are looked at by themselves, in dark too: what is open on top of one, else all of it. */
export const expectAccessibleInLight = async (page: Page): Promise<void> => {
  // A dialog may be about to open or to close.
  await settled(page)
  const isOnTop = (await page.locator(`${dialog}:visible`).count()) > 0
  expect(await findings(page, undefined, isOnTop ? dialog : 'html')).toEqual([])
}

const dialog = '[role="dialog"]'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

const findings = async (page: Page, rules?: string[], within = 'html'): Promise<string[]> => {
  await settled(page)
  if (!(await page.evaluate<boolean>("'axe' in window"))) await page.evaluate(`${axe};0`)
  const options = {
    // Only violations are described in full: describing what is fine takes as long as finding it.
    resultTypes: ['violations'],
    // Style sheets and media are read for rules that are not asked for.
    preload: false,
    ...(rules && { runOnly: { type: 'rule', values: rules } }),
  }
  return page.evaluate<string[]>(`axe.run(${JSON.stringify(within)}, ${JSON.stringify(options)}).then(
    ({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ': ' + html.slice(0, 200))))`)
}

/** What a button to copy puts on the clipboard. */
export const copied = async (page: Page, label: string): Promise<string> => {
  await page.evaluate("navigator.clipboard.writeText('')")
  await page.getByRole('button', { name: `Copy ${label}` }).click()
  const read = () => page.evaluate<string>('navigator.clipboard.readText()')
  await expect.poll(read).not.toBe('')
  return read()
}

/** On a narrow screen nothing sticks out to the right: tables become cards or scroll inside themselves. */
export const expectNoOverflow = async (page: Page): Promise<void> => {
  const { width, height } = page.viewportSize() ?? { width: 1440, height: 900 }
  await page.setViewportSize({ width: 390, height: 844 })
  await settled(page)
  expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390)
  await page.setViewportSize({ width, height })
}
