/** Leaves this page for the payment provider's; resolves only when the browser has turned to it. */
export const openProvider = (url: string): Promise<never> => {
  if (!/^https?:\/\//.test(url)) throw new Error('A payment page has a web address.')
  location.assign(url)
  // The buttons stay busy until the page is gone.
  return new Promise(() => undefined)
}
