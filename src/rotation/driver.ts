import type { Outcome } from '../kit/fault.ts'
import type { OutboundReply, OutboundRequest } from '../net/outbound.ts'
import type { KeySettings } from '../services/service.ts'

/**
 * What a service lets us do to its keys, as the rotation worker sees it. A driver is stateless: everything that must
 * outlive a call is in its result, which the worker commits before it does the next thing.
 *
 * What a crash, or a reply that never came, leaves behind decides how an attempt goes on (docs/rotation.md):
 * - `recoverable`: what was made can be read again, secret included (`find` gives `secret`). The same call under the
 *   same name may be repeated.
 * - `orphan_detectable`: the secret is shown once, but the key carries the attempt's name: it is found, deleted, and a
 *   fresh one made under a fresh name.
 * - `blind`: nothing can be found. After an unknown outcome a person is asked.
 * - `assisted`: a person makes the key and pastes it. There is no `create`; `identify`, `disable`, `revoke` as far as the
 *   service has them.
 */
export type CrashClass = 'recoverable' | 'orphan_detectable' | 'blind' | 'assisted'

/** One thing a person enters so that a driver may work: an admin key, a project, a subscription. */
export interface CredentialField {
  readonly id: string
  readonly label: string
  readonly hint: string
  readonly required: boolean
  /** Sealed by the vault and never shown again. The others are shown and audited. */
  readonly secret: boolean
  /** `json`: a whole JSON document, such as that of a service account. */
  readonly kind?: 'word' | 'json'
  readonly pattern: RegExp
  /** What to say when the pattern does not match. */
  readonly expected: string
}

/** What a key is called at its service. Never holds a secret: it is stored, shown and audited. */
export interface RemoteKey {
  /** The id that the service deletes it by. */
  readonly id: string
  /** Whatever else `revoke` needs: the account it belongs to, its slot. */
  readonly more?: Readonly<Record<string, string>>
}

/** The stored key that is rotated, as far as drivers may know it. */
export interface RotatedKey {
  readonly serviceKeyId: string
  readonly serviceId: string
  /** Its own server, for services without a fixed address. */
  readonly baseUrl: string | null
  readonly settings: KeySettings
}

export interface DriverContext {
  readonly key: RotatedKey
  /** What was entered for this driver, secret fields opened. */
  readonly credential: Readonly<Record<string, string>>
  /** The secret in use now: a few services mint a key with it, or tell by it which of theirs it is. */
  readonly currentSecret: () => Promise<Outcome<string>>
  /** The guarded way out. Time limits are the worker's: a call never outlives its lease. */
  readonly request: (
    request: Omit<OutboundRequest, 'timeoutMs' | 'maximumBytes'>,
  ) => Promise<Outcome<OutboundReply>>
  /** A service's standard address, or what stands in for it here (tests, simulator). Every URL starts with one. */
  readonly addressOf: (standard: string) => string
  readonly now: () => Date
}

/** One try at making a key. Committed before `create` is called. */
export interface Attempt {
  /** What the remote key is named: `aideon-<32 hex digits>-<try>`, at most 63 of `[a-z0-9-]`. Never used twice. */
  readonly name: string
  /** What `prepare` found out. */
  readonly prepared: Readonly<Record<string, string>>
  /** The remote key in use now, where known. */
  readonly current: RemoteKey | null
  /** When the intent was recorded: whatever is older was not made by this attempt. */
  readonly intendedAt: Date
}

export interface CreatedKey {
  readonly remote: RemoteKey
  readonly secret: string
  /** Settings of the key that change with its secret (an AWS access key id). */
  readonly settings?: KeySettings
}

/** What `find` came upon. */
export interface FoundKey {
  readonly remote: RemoteKey
  /** `recoverable` drivers only. */
  readonly secret: string | null
  readonly settings?: KeySettings
  /** False: it may be somebody else's. A person is asked, nothing is deleted. */
  readonly certain: boolean
}

/** One line of a drill: what was looked at, and whether it is as it must be. */
export interface Finding {
  readonly what: string
  readonly ok: boolean
  readonly detail: string
}

/**
 * How a call ended. `refused`: the service answered, and nothing was changed. `unknown`: whether it happened cannot be
 * told (no reply, cut off, 5xx, an unreadable 2xx); guessing here loses or leaks keys. Messages are shown and stored:
 * our words, no secret, nothing of a service's body.
 */
export type DriverReply<T> =
  | { readonly kind: 'done'; readonly value: T }
  | {
      readonly kind: 'refused'
      readonly reason: RefusalReason
      readonly message: string
      readonly retryAfterSeconds?: number
    }
  | { readonly kind: 'unknown'; readonly message: string }

/**
 * credential: 401, 403. cap: as many keys as the service allows exist. limited: 429. not_sent: no connection was made.
 * invalid: it would be refused again.
 */
export type RefusalReason = 'credential' | 'cap' | 'limited' | 'not_sent' | 'invalid'

export const done = <T>(value: T): DriverReply<T> => ({ kind: 'done', value })
export const refused = (
  reason: RefusalReason,
  message: string,
  retryAfterSeconds?: number,
): DriverReply<never> => ({
  kind: 'refused',
  reason,
  message,
  ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
})
export const unknownOutcome = (message: string): DriverReply<never> => ({ kind: 'unknown', message })

export interface RotationDriver {
  readonly id: string
  /** Shown to administrators. */
  readonly name: string
  /** Whose keys it rotates; `*`: any service's, where it is chosen by its credential (webhook). */
  readonly serviceIds: readonly string[] | '*'
  readonly crashClass: CrashClass
  /** Where a person reads about it, and makes or deletes a key by hand. */
  readonly docsUrl: string
  /** Empty: needs none beside the current secret. */
  readonly credential: readonly CredentialField[]
  /**
   * How `find` tells what an attempt made: by its name for ever (absent: so), or by what is there now and was not
   * before, which means nothing once somebody else has made a key. Only names are looked for again later.
   */
  readonly findsBy?: 'name' | 'difference'
  /** How many keys may exist at once where the service limits that closely: two at AWS and Azure. */
  readonly maximumKeys: number | null
  /** For how long a call, or a list, may lag behind: only after that is an empty `find` believed. */
  readonly settleSeconds: number
  /** For how long a new key may be refused before it has reached all of the service. */
  readonly propagationSeconds: number
  /** Attempts with the same text are not between intent and creation at the same time (an IAM user, an Azure account). */
  readonly scopeOf: (context: Pick<DriverContext, 'key' | 'credential'>) => string

  /** Reads only: is the credential good, may it do what a rotation needs, is there room? For setting it and drills. */
  readonly check: (context: DriverContext) => Promise<DriverReply<readonly Finding[]>>
  /** Reads only: which remote key is in use now, where that was never recorded (it was pasted). */
  readonly identify?: (context: DriverContext) => Promise<DriverReply<RemoteKey | null>>
  /**
   * Reads only, before the intent: the slot that is not in use, the ids that exist already. No secrets; a hash of one is
   * fine. `cap`: there is no room.
   */
  readonly prepare?: (
    context: DriverContext,
    current: RemoteKey | null,
  ) => Promise<DriverReply<Readonly<Record<string, string>>>>
  readonly create?: (context: DriverContext, attempt: Attempt) => Promise<DriverReply<CreatedKey>>
  /** Everything that this attempt's name, or its slot, has made. An empty list: nothing exists (yet). */
  readonly find?: (context: DriverContext, attempt: Attempt) => Promise<DriverReply<readonly FoundKey[]>>
  /** Whether the new key has reached all of the service; asked before it is proven. */
  readonly ready?: (context: DriverContext, remote: RemoteKey) => Promise<DriverReply<boolean>>
  /** When a remote key was last used, by anybody; a hint. */
  readonly lastUsed?: (context: DriverContext, remote: RemoteKey) => Promise<DriverReply<Date | null>>
  /** Reversible; done again is done. */
  readonly disable?: (context: DriverContext, remote: RemoteKey) => Promise<DriverReply<void>>
  readonly enable?: (context: DriverContext, remote: RemoteKey) => Promise<DriverReply<void>>
  /**
   * For ever. Of one that is gone already: done. `secret` opens the version's secret, for services that revoke by it;
   * it fails where it was never stored.
   */
  readonly revoke?: (
    context: DriverContext,
    remote: RemoteKey,
    secret: () => Promise<Outcome<string>>,
  ) => Promise<DriverReply<void>>
}
