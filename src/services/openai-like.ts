import type { KeyFailure, Verdict } from './service.ts'

/** Error replies of OpenAI and of the services that copied its shape: `{"error": {"type", "code", …}}`. */
export const readOpenAiFailure = (status: number, body: string): KeyFailure => {
  if (status === 401 || status === 403) return { kind: 'unauthorized' }
  if (status === 402) return { kind: 'exhausted' }
  if (status === 429) {
    return /"(?:insufficient_quota|billing_hard_limit_reached|billing_not_active)"/.test(body)
      ? { kind: 'exhausted' }
      : { kind: 'limited' }
  }
  if (status >= 500 || status === 408) return { kind: 'service' }
  return { kind: 'caller' }
}

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
