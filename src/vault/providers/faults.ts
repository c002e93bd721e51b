import { failure, type Fault } from '../../kit/fault.ts'

/**
 * How a provider fails. Texts are ours alone: of what a service says only codes that we know are read, so that
 * nothing that it echoes can get into a message. `where` is a reference or a host, which hold no secret.
 */
type Failed = { readonly ok: false; readonly fault: Fault }

/** Worth another try later: nothing says that the master key is gone. */
export const unreachable = (where: string, why: string, next?: string): Failed =>
  failure('master_key_unreachable', {
    message: `The master key at ${where} cannot be reached: ${why}`,
    ...(next === undefined ? {} : { next }),
  })

/** Credentials or permissions. */
export const refused = (where: string, why: string, next: string): Failed =>
  failure('master_key_refused', { message: `The master key at ${where} is refused: ${why}`, next })

/** Disabled, scheduled for deletion, destroyed, or not there. */
export const disabled = (where: string, why: string, next: string): Failed =>
  failure('master_key_disabled', { message: `The master key at ${where} cannot be used: ${why}`, next })

/** Changed, cut off, of another context or of another key. */
export const mismatch = (where: string): Failed =>
  failure('master_key_mismatch', {
    message: `What is stored was not wrapped by the master key at ${where} for this place, or was changed.`,
  })

export const misconfigured = (message: string, next: string): Failed =>
  failure('master_key_misconfigured', { message, next })

/** The service answered with something that it never should. */
export const strange = (where: string, status: number): Failed =>
  unreachable(where, `it gave an answer that is not understood (HTTP status ${status}).`)
