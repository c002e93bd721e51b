import type { z } from 'zod'
import type { Permission } from './permissions.ts'

/**
 * Who may call an endpoint. `session`: a signed-in browser, where anything but GET also needs the CSRF token, or an access
 * token with the scope `manage` (unless `isForBrowsers`). `session_or_token`: also a token with the scope `read`, or one
 * that acts for its user. `administrator`: a platform administrator, signed in or by a token with the scope `administer`.
 */
export type EndpointAuth = 'public' | 'session' | 'session_or_token' | 'administrator'

export interface Endpoint {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Under /api, with `:name` parameters. */
  readonly path: string
  readonly auth: EndpointAuth
  readonly summary: string
  readonly group: string
  readonly params?: z.ZodObject
  readonly query?: z.ZodObject
  readonly body?: z.ZodObject
  readonly reply: z.ZodType
  /** 200 unless given. */
  readonly status?: 201
  /** The reply is a file of one of these content types: `reply` is `wire.file`. */
  readonly file?: readonly string[]
  /** Where a body may be larger than others. */
  readonly bodyLimitBytes?: number
  /**
   * Also needs a proof, not older than some minutes, that it is the user who sits there: fault `step_up_required`, which
   * `POST /session/step-up` mends. For sessions only: tokens that may manage were made with such a proof.
   */
  readonly stepUp?: true
  /**
   * Whether only a signed-in browser may call it. Left out: where the path is about signing in (`isForBrowsers`), so that an
   * endpoint of that kind is closed to tokens before anybody thinks of it.
   */
  readonly browserOnly?: boolean
  /** What the caller's role in their organisation must allow; for endpoints of sessions. */
  readonly permission?: Permission
  /** Also for sessions that the organisation's session policy keeps out: to see that, and to mend it. */
  readonly despiteObstacle?: true
  /**
   * Not for a session that the single sign-on of one organisation opened: what it changes counts beyond that organisation,
   * whose identity provider could be anybody of its domain.
   */
  readonly ofWholeAccount?: true
  /**
   * Not for a session inside a host application, which may act and read as a plain member only: what it shows or changes
   * is its user's as what they are elsewhere.
   */
  readonly notEmbedded?: true
  /** Guesses are slowed down: sign-in, links, set-up. */
  readonly throttled?: true
}

/** Paths about how a person signs in; whoever could reach these with a token would be that person for good. */
const aboutSigningIn =
  /^\/(?:session|me|setup|security)(?:\/|$)|(?:^|[/-])(?:sessions?|passwords?|passkeys?|factors?|totp|recovery|sign-in|links?|step-up|break-glass)(?:[/-]|$)/

/** No access token opens it, whatever its scopes: the browser session itself, passwords, factors, links to sign in. */
export const isForBrowsers = ({ browserOnly, path }: Pick<Endpoint, 'browserOnly' | 'path'>): boolean =>
  browserOnly ?? aboutSigningIn.test(path)

/** Keeps the literal types of a table while checking its shape. */
export const defineEndpoints = <const Table extends Record<string, Endpoint>>(table: Table): Table => table

type PartIn<Part> = Part extends z.ZodType ? z.input<Part> : undefined
type PartOut<Part> = Part extends z.ZodType ? z.output<Part> : undefined
type Property<E, Name extends string> = E extends { readonly [K in Name]: infer Part } ? Part : undefined

/** What a client sends; parts the endpoint does not take must be left out. */
export type RequestInput<E> = {
  [Name in 'params' | 'query' | 'body' as Property<E, Name> extends z.ZodType ? Name : never]: PartIn<
    Property<E, Name>
  >
}
/** What a handler gets, parsed and with defaults filled in. */
export type RequestOutput<E> = {
  [Name in 'params' | 'query' | 'body']: PartOut<Property<E, Name>>
}
export type ReplyInput<E> = E extends { readonly reply: infer Reply extends z.ZodType }
  ? z.input<Reply>
  : never
export type ReplyOutput<E> = E extends { readonly reply: infer Reply extends z.ZodType }
  ? z.output<Reply>
  : never
