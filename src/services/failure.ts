import { isServiceTrouble, readAnyError } from './error-reply.ts'
import type { KeyFailure } from './service.ts'

type SaidError = ReturnType<typeof readAnyError>

/**
 * What most services mean by their statuses, after what one of them means differently. A 403 is `account` unless a
 * service's own rule says more: with most of them a caller brings it about, by a model or a feature that the account
 * does not have, or by what the prompt says.
 */
export const failureReader =
  (own: (status: number, error: SaidError) => KeyFailure['kind'] | null = () => null) =>
  (status: number, body: string): KeyFailure => ({ kind: own(status, readAnyError(body)) ?? usual(status) })

const usual = (status: number): KeyFailure['kind'] => {
  if (status === 401) return 'unauthorized'
  if (status === 402) return 'exhausted'
  if (status === 403 || status === 404) return 'account'
  if (status === 429) return 'limited'
  return isServiceTrouble(status) ? 'service' : 'caller'
}
