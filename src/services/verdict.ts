import type { Verdict } from './service.ts'

interface Judged {
  readonly verdict: Verdict
  readonly detail: string
}

/** How the reply to a validation call is read where the status says it all. */
export const verdictOf =
  (meaning: { readonly invalid: readonly number[]; readonly restricted?: readonly number[] }) =>
  (status: number): Judged => {
    if (status === 200) return accepted
    if (meaning.invalid.includes(status)) return refused
    if (status === 402)
      return { verdict: 'valid_but_unusable', detail: 'The key is known but has no credit at the service.' }
    if (meaning.restricted?.includes(status)) return restricted
    return unproven(status)
  }

export const accepted: Judged = { verdict: 'valid', detail: 'The service accepted the key.' }
export const refused: Judged = { verdict: 'invalid', detail: 'The service does not know this key.' }
export const restricted: Judged = {
  verdict: 'valid_but_unusable',
  detail: 'The key is known but may not do everything; it may be restricted.',
}
export const unproven = (status: number): Judged => ({
  verdict: 'unknown',
  detail: `The service answered ${status}; the key could not be proven now.`,
})
