import type { DriverContext, DriverReply, FoundKey } from '../driver.ts'
import { done, refused } from '../driver.ts'

/** Made by a rotation, as the worker names what it makes. */
export const isOurName = (name: string | null): boolean =>
  name !== null && /^aideon-[0-9a-f]{32}-\d{1,6}$/.test(name)

/**
 * Whether a secret is the one that a service shows shortened: `sk-abc...wxyz`, `xai-****wxyz`. Fewer than four
 * characters at its end tell nothing.
 */
export const matchesHint = (secret: string, hint: string | null): boolean => {
  if (hint === null) return false
  const parts = /^([^.*…•]*)(?:\.{2,}|[*…•]+)([^.*…•]*)$/.exec(hint)
  if (parts === null) return false
  const [, head = '', tail = ''] = parts
  return tail.length >= 4 && secret.length > head.length + tail.length
    ? secret.startsWith(head) && secret.endsWith(tail)
    : false
}

/** The one of a list whose shortened form is that of the secret in use; null where none or several are. */
export const onlyMatch = async <T>(
  context: DriverContext,
  all: readonly T[],
  hintOf: (one: T) => string | null,
): Promise<DriverReply<T | null>> => {
  const secret = await context.currentSecret()
  if (!secret.ok) return refused('invalid', secret.fault.message)
  const matching = all.filter((one) => matchesHint(secret.value, hintOf(one)))
  return done(matching.length === 1 ? (matching[0] as T) : null)
}

/** The keys of a list that bear an attempt's name, so that they can only be its own. */
export const bearing = <T>(
  listed: DriverReply<readonly T[]>,
  name: string,
  of: (one: T) => { readonly id: string; readonly name: string | null },
): DriverReply<readonly FoundKey[]> =>
  listed.kind === 'done'
    ? done(
        listed.value
          .map(of)
          .filter((key) => key.name === name)
          .map(({ id }) => ({ remote: { id }, secret: null, certain: true })),
      )
    : listed

/** Attempts at one key are one at a time anyway; nothing wider is needed. */
export const ownScope = ({ key }: Pick<DriverContext, 'key'>): string => `key:${key.serviceKeyId}`

export const timeOf = (text: string | null): Date | null => {
  const ms = text === null ? Number.NaN : Date.parse(text)
  return Number.isNaN(ms) ? null : new Date(ms)
}
