/**
 * The idempotency key of a command that a person gives. The same content has the same key until it is known to be done,
 * so whoever presses again after an answer was lost orders nothing twice; and after it is done, the same content is a new
 * order.
 */
export const makeCommandKeys = (newKey: () => string) => {
  const open = new Map<string, string>()
  return {
    keyOf(command: unknown): string {
      const content = JSON.stringify(command)
      const key = open.get(content) ?? newKey()
      open.set(content, key)
      return key
    },
    done: (command: unknown): void => void open.delete(JSON.stringify(command)),
  }
}

/** `crypto.randomUUID` is there over https and on loopback only. */
const randomKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join(
    '',
  )

/** For all dialogs of the page, and beyond their closing. */
export const commandKeys = makeCommandKeys(randomKey)
