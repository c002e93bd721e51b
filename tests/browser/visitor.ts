import { AxeBuilder } from '@axe-core/playwright'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { expect } from 'vitest'

export interface Visitor extends AsyncDisposable {
  readonly page: Page
  readonly context: BrowserContext
  /** What the browser complained about since the last call, refused requests of the content security policy too. */
  complaints(): string[]
}

/**
 * Somebody with a browser of their own, signed in by link unless none is given. With a path they come back to it with the
 * session of their first visit, which saves two pages.
 */
export const visit = async (browser: Browser, link?: string, path?: string): Promise<Visitor> => {
  const sessions = sessionsOf(browser)
  const session = path === undefined || link === undefined ? undefined : sessions.get(link)
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    colorScheme: 'light',
    reducedMotion: 'reduce',
    permissions: ['clipboard-read', 'clipboard-write'],
    ...(session && { storageState: session }),
  })
  context.setDefaultTimeout(15_000)
  const page = await context.newPage()
  let said: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') said.push(message.text())
  })
  page.on('pageerror', (error) => said.push(error.message))
  if (link !== undefined && !session) {
    await page.goto(link)
    await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor()
  }
  if (link !== undefined && path !== undefined) {
    if (!session) sessions.set(link, await context.storageState())
    await page.goto(new URL(path, link).href)
  }
  return {
    page,
    context,
    complaints: () => {
      const complaints = said
      said = []
      return complaints
    },
    [Symbol.asyncDispose]: () => context.close(),
  }
}

type Session = Awaited<ReturnType<BrowserContext['storageState']>>

const ofBrowser = <Value>() => {
  const kept = new WeakMap<Browser, Map<string, Value>>()
  return (browser: Browser): Map<string, Value> => {
    const known = kept.get(browser) ?? new Map<string, Value>()
    kept.set(browser, known)
    return known
  }
}
const sessionsOf = ofBrowser<Session>()
const lookersOf = ofBrowser<Visitor>()

/** Nothing that axe finds, in light and dark, and nothing wider than a phone. One after the other by one visitor, who goes with the browser. */
export const expectPresentable = async (
  browser: Browser,
  link: string | undefined,
  url: string,
  heading: string,
): Promise<void> => {
  const lookers = lookersOf(browser)
  const looker = lookers.get(link ?? '') ?? (await visit(browser, link))
  lookers.set(link ?? '', looker)
  const { page, complaints } = looker
  await page.goto(url)
  await page.getByRole('heading', { level: 1, name: heading, exact: true, includeHidden: true }).waitFor()
  await page.waitForLoadState('networkidle')
  await expectAccessible(page)
  await expectNoOverflow(page)
  expect(complaints()).toEqual([])
}

/** No rule of axe is broken. Dark differs from light in colours only, so only they are looked at again. */
export const expectAccessible = async (page: Page): Promise<void> => {
  expect(await findings(new AxeBuilder({ page }))).toEqual([])
  await page.emulateMedia({ colorScheme: 'dark' })
  await page.locator('html[data-mantine-color-scheme="dark"]').waitFor()
  await page.evaluate(settledColours)
  expect(
    await findings(new AxeBuilder({ page }).withRules(['color-contrast', 'link-in-text-block'])),
  ).toEqual([])
  await page.emulateMedia({ colorScheme: 'light' })
}

/** Runs in the page: colours change by transitions, the shortest of which are still seen half-way. */
const settledColours = `(async () => {
  await new Promise((painted) => requestAnimationFrame(() => requestAnimationFrame(painted)))
  const transitions = document.getAnimations().filter((animation) => animation instanceof CSSTransition)
  await Promise.allSettled(transitions.map((transition) => transition.finished))
})()`

const findings = async (axe: AxeBuilder): Promise<string[]> => {
  // Without its second page, which is for frames of other origins: there are none.
  const { violations } = await axe.setLegacyMode().analyze()
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html.slice(0, 200)}`))
}

/** On a narrow screen nothing sticks out to the right: tables become cards or scroll inside themselves. */
export const expectNoOverflow = async (page: Page): Promise<void> => {
  const { width, height } = page.viewportSize() ?? { width: 1440, height: 900 }
  await page.setViewportSize({ width: 390, height: 844 })
  expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390)
  await page.setViewportSize({ width, height })
}
