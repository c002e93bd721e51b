import type { z } from 'zod'
import type { Permission } from './permissions.ts'

/**
 * Who may call an endpoint. `session`: a signed-in browser; anything but GET also needs the CSRF token.
 * `session_or_token`: also an access token as Bearer token. `administrator`: the session of a platform
 * administrator.
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
   * `POST /session/step-up` mends. For sessions only; no token gives such a proof.
   */
  readonly stepUp?: true
  /** What the caller's role in their organisation must allow; for endpoints of sessions. */
  readonly permission?: Permission
  /** Guesses are slowed down: sign-in, links, set-up. */
  readonly throttled?: true
}

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
