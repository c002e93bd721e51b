import type { Clock } from '../kit/clock.ts'
import type { Outcome } from '../kit/fault.ts'
import type { Outbound } from '../net/outbound.ts'

/**
 * Whatever holds the key above the vault key: a file, a variable, a passphrase, a KMS. It wraps 32 bytes and no more;
 * organization keys, data keys and secrets are ours (docs/vault.md).
 *
 * `context` must be authenticated with the wrapped key: a blob that is unwrapped with another context is refused. Every
 * failure is one of the faults `master_key_…`, whose message says what was tried and whose `next` says what the operator
 * should do; neither holds a secret. Nothing is thrown, and a call ends by itself within about ten seconds.
 */
export interface MasterKeyProvider {
  /** `file`, `env`, `passphrase`, `aws-kms`, … */
  readonly kind: string
  /** Says where the key is and is no secret: `file:/etc/aideon/master.key`, `aws-kms:arn:aws:kms:…`. */
  readonly reference: string
  /** The caller wipes `key`. */
  wrap(key: Buffer, context: string): Promise<Outcome<Buffer>>
  /** A buffer of its own, which the caller wipes. */
  unwrap(wrapped: Buffer, context: string): Promise<Outcome<Buffer>>
  close?(): Promise<void>
}

/** What a provider is given of the world. */
export interface ProviderParts {
  /** Where credentials come from; never the database. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Private addresses only as far as the operator listed them. */
  readonly transport: Pick<Outbound, 'request'>
  readonly clock: Clock
}

/** Reads a reference and looks at its form; the first `wrap` or `unwrap` finds out whether it works. */
export type ParseProvider = (reference: string, parts: ProviderParts) => Outcome<MasterKeyProvider>
