import type { Page, Request } from 'playwright-core'

interface Traffic {
  readonly underWay: Set<Request>
  begun: number
}

const trafficOf = new WeakMap<Page, Traffic>()

/** Every `goto` and `reload` of this page ends when it is settled: what is read or pressed next is there, and listens. */
export const settleAfterNavigation = (page: Page): void => {
  const traffic: Traffic = { underWay: new Set(), begun: 0 }
  trafficOf.set(page, traffic)
  page.on('request', (request) => {
    traffic.begun += 1
    traffic.underWay.add(request)
  })
  for (const end of ['requestfinished', 'requestfailed'] as const)
    page.on(end as 'requestfinished', (request) => void traffic.underWay.delete(request))
  for (const navigate of ['goto', 'reload'] as const) {
    const original = page[navigate].bind(page) as (...parameters: unknown[]) => ReturnType<Page['goto']>
    page[navigate] = async (...parameters: unknown[]) => {
      const reply = await original(...parameters)
      await settled(page)
      return reply
    }
  }
}

/**
 * No request is under way, none has just begun, and the page has nothing left to do: queries are answered, what they
 * brought is drawn, effects have run. Requests that it makes by the clock do not keep it from being settled.
 */
export const settled = async (page: Page): Promise<void> => {
  const traffic = trafficOf.get(page)
  if (!traffic) throw new Error('Nobody counts the requests of this page.')
  const isIdle = async () => {
    const { begun } = traffic
    // Fails where a navigation is under way.
    const hasRested = await page.evaluate(rest).catch(() => false)
    return hasRested && traffic.underWay.size === 0 && traffic.begun === begun
  }
  for (const deadline = Date.now() + 60_000; !(await isIdle()); )
    if (Date.now() > deadline)
      throw new Error(
        `The page does not settle: ${[...traffic.underWay].map((request) => request.url()).join(', ')}`,
      )
}

/** Runs in the page: two frames are drawn, and the tasks that wait by then are done. */
const rest = `new Promise((rested) =>
  requestAnimationFrame(() =>
    requestAnimationFrame(() => requestIdleCallback(() => rested(true), { timeout: 2_000 })),
  ),
)`
