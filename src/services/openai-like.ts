import { type ErrorReply, isServiceTrouble, readError } from './error-reply.ts'
import type { KeyFailure, Verdict } from './service.ts'

/** Error replies of OpenAI and of the services that copied its shape: `{"error": {"type", "code", …}}`. */
export const readOpenAiFailure = (status: number, body: string): KeyFailure => {
  const error = readError(body)
  if (status === 402 || isOutOfQuota(error)) return { kind: 'exhausted' }
  // 404 for a model the account does not have, 403 for one that its project may not use.
  if ((status === 403 || status === 404) && error.code === 'model_not_found') return { kind: 'account' }
  // OpenRouter refuses prompts by 403 too.
  if (status === 403 && error.isModeration) return { kind: 'caller' }
  if (status === 401 || status === 403) return { kind: 'unauthorized' }
  // More tokens than the account may ever send in a minute: waiting would not help, and others' calls still fit.
  if (status === 429 && error.message.startsWith('Request too large')) return { kind: 'account' }
  if (status === 429) return { kind: 'limited' }
  return isServiceTrouble(status) ? { kind: 'service' } : { kind: 'caller' }
}

const outOfQuota = new Set(['insufficient_quota', 'billing_not_active', 'billing_hard_limit_reached'])

/** With 429, or 400 for the last. */
const isOutOfQuota = ({ code, type }: ErrorReply): boolean => outOfQuota.has(code) || outOfQuota.has(type)

export const readOpenAiVerdict = (status: number): { verdict: Verdict; detail: string } => {
  if (status === 200) return { verdict: 'valid', detail: 'The service accepted the key.' }
  if (status === 401) return { verdict: 'invalid', detail: 'The service does not know this key.' }
  if (status === 402)
    return { verdict: 'valid_but_unusable', detail: 'The key is known but has no credit at the service.' }
  if (status === 403)
    return {
      verdict: 'valid_but_unusable',
      detail: 'The key is known but may not list models; it may be restricted.',
    }
  return { verdict: 'unknown', detail: `The service answered ${status}; the key could not be proven now.` }
}
