import { call, CallFault } from './call.ts'

/**
 * A proof by signing in at the company again happens in a window of its own, so that what was being done stays where it is.
 * Our pages are cut off from windows of other origins (Cross-Origin-Opener-Policy), so neither sees the other: the page that
 * people come back to says on a channel that it is over, and no more. Whoever waits asks the session itself.
 */
const channelName = 'aideon-company-proof'
const mark = 'aideon-company-proof'

/** Straight from the click: browsers open windows for nothing else. Null: it was blocked. */
export const openCompanyWindow = (): Window | null => {
  const opened = window.open('about:blank', '_blank', 'popup,width=560,height=720')
  opened?.sessionStorage.setItem(mark, '1')
  return opened
}

export const goToCompany = async (opened: Window | null): Promise<void> => {
  if (opened === null) throw new CallFault(0, blocked)
  try {
    const { url } = await call('proveSso', {})
    if (opened.closed) throw new CallFault(0, closed)
    opened.location.replace(url)
  } catch (error) {
    opened.close()
    throw error
  }
}

/** Whether this page is in such a window. */
export const isCompanyWindow = (): boolean => sessionStorage.getItem(mark) !== null

export const tellCompanyWindowOver = (): void => {
  const channel = new BroadcastChannel(channelName)
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel reaches its own origin only
  channel.postMessage('over')
  channel.close()
}

export const onCompanyWindowOver = (listener: () => void): (() => void) => {
  const channel = new BroadcastChannel(channelName)
  channel.addEventListener('message', listener)
  return () => channel.close()
}

const blocked = {
  code: 'window_blocked',
  message: 'The browser did not open a window for your company’s sign-in.',
  next: 'Allow windows of this page and try again, or use another way.',
}
const closed = {
  code: 'window_closed',
  message: 'The window for your company’s sign-in was closed.',
  next: 'Try again, or use another way.',
}
