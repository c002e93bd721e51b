import type { Actor } from '../audit/audit.ts'
import type { Answer, EndpointName, Endpoints, Received } from '../contract/endpoints.ts'
import type { Entry, OpenedSession, Origin, PendingSignIn, SignedIn } from '../identity/identity.ts'

/** What every handler is told besides the parsed request. */
export interface PublicContext {
  readonly origin: Origin
  /** Where the caller sees us: the configured address, else the one that was asked. */
  readonly baseUrl: string
  /** `baseUrl` is the configured address, not one that a request named. */
  readonly isAddressConfigured: boolean
  readonly setSession: (session: OpenedSession) => void
  /** After a sign-in: sets the cookie of the session, or that of a sign-in that waits and throws `second_factor_required`. */
  readonly enter: (entry: Entry) => OpenedSession
  readonly setPending: (pending: PendingSignIn) => void
  readonly clearSession: () => void
  /** For our pages in a frame of this host application’s. */
  readonly setEmbedded: (session: OpenedSession) => void
  /** Of the company sign-in that this browser began. */
  readonly ssoSecret: string | null
  /** Null: it has ended. */
  readonly setSsoSecret: (secret: { token: string; expiresAt: Date } | null) => void
}

export interface SessionContext extends PublicContext {
  readonly signedIn: SignedIn
  readonly actor: Actor
}

/** A signed-in user, or the user an access token stands or acts for. */
export interface ReaderContext extends PublicContext {
  readonly reader: { readonly organizationId: string; readonly userId: string }
}

type ContextOf<Auth> = Auth extends 'public'
  ? PublicContext
  : Auth extends 'session_or_token'
    ? ReaderContext
    : SessionContext

/** Returns the reply, or throws a FaultError (`must`). */
export type Handler<Name extends EndpointName> = (
  received: Received<Name>,
  context: ContextOf<Endpoints[Name]['auth']>,
) => Promise<Answer<Name>>

/** One handler for each endpoint of the contract; a room's `api.ts` answers some of them. */
export type Handlers = { readonly [Name in EndpointName]: Handler<Name> }

/** Checks a room's part of the table without widening it. */
export const defineHandlers = <Names extends EndpointName>(
  handlers: Pick<Handlers, Names>,
): Pick<Handlers, Names> => handlers

/** Any handler, as the shell sees it after it has established the context that the endpoint asks for. */
export type AnyHandler = (received: unknown, context: SessionContext & ReaderContext) => Promise<unknown>
