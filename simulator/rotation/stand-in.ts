import type { IssuedSecret, IssuedSecrets } from './issued-secrets.ts'

/** One call of a key-management API. */
export interface Call {
  readonly method: string
  /** As at the service's own host, without the query. */
  readonly path: string
  readonly query: URLSearchParams
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
  /** As sent, with the query: what signatures cover. */
  readonly target: string
}

export interface Reply {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string
}

/** What a route does, as faults are aimed at it. */
export type Verb = 'create' | 'list' | 'read' | 'ready' | 'disable' | 'revoke' | 'token'

export interface Route {
  readonly method: string
  /** Of the whole path. */
  readonly path: RegExp
  /** Of APIs with one address for everything, from the call. */
  readonly verb: Verb | ((call: Call) => Verb)
  /** Query parameters that it knows; any other is refused. */
  readonly query?: readonly string[]
  /** Answered without the API's credentials, such as a token endpoint. */
  readonly open?: true
  /** `parts` are the path's groups, decoded. */
  readonly handle: (call: Call, parts: readonly string[]) => Reply
}

/** A key-management API that is strict about what it is sent, and can be made to fail in the ways that matter. */
export interface StandIn {
  /** Also the service's name in the simulator, where it has one. */
  readonly service: string
  readonly routes: readonly Route[]
  /** Null: let in. */
  readonly authenticate: (call: Call) => Reply | null
  /** A refusal in the API's own form. */
  readonly refuse: (status: number, message: string) => Reply
  /** A key that a person made, as before the first rotation. */
  adopt(secret: string, name?: string): IssuedSecret
  /** What it knows beside the secrets, as JSON; stand-ins without it begin anew with every run. */
  readonly memory?: { readonly save: () => unknown; readonly load: (saved: unknown) => void }
}

/** What a test turns; the same for every stand-in. */
export interface Conditions {
  /** Most keys that may exist at once. */
  limit: number
  /** Until the data plane accepts a new key. */
  propagationMs: number
  /** Until a new key shows in lists. */
  listingMs: number
}

export interface Parts {
  readonly secrets: IssuedSecrets
  readonly conditions: Conditions
  readonly now: () => number
  /** Unique within one set of stand-ins, and the same in every run. */
  readonly next: () => number
}

export const json = (
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): Reply => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify(value),
})

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** What each field of a body must be: a type, or a check of its value. */
export type Shape = Readonly<Record<string, (value: unknown) => boolean>>
export const text = (value: unknown): boolean => typeof value === 'string' && value !== ''
export const truth = (value: unknown): boolean => typeof value === 'boolean'
export const whole = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) > 0
export const texts = (value: unknown): boolean => Array.isArray(value) && value.every(text)
export const orNull = (check: (value: unknown) => boolean) => (value: unknown) =>
  value === null || check(value)

/** A JSON object with no field but these; or what is wrong with it. */
export const readBody = (
  call: Call,
  shape: Shape,
  required: readonly string[] = [],
): { readonly value: Record<string, unknown> } | { readonly wrong: string } => {
  if (!/^application\/json(?:\s*;|$)/.test(call.headers['content-type'] ?? ''))
    return { wrong: 'The content type must be application/json.' }
  let value: unknown
  try {
    value = JSON.parse(call.body.toString('utf8'))
  } catch {
    return { wrong: 'The body is not valid JSON.' }
  }
  if (!isRecord(value)) return { wrong: 'The body is no JSON object.' }
  const unknown = Object.keys(value).find((field) => !Object.hasOwn(shape, field))
  if (unknown !== undefined) return { wrong: `Unknown parameter: '${unknown}'.` }
  const missing = required.find((field) => !Object.hasOwn(value, field))
  if (missing !== undefined) return { wrong: `Missing required parameter: '${missing}'.` }
  const bad = Object.entries(value).find(([field, given]) => !shape[field]?.(given))
  return bad ? { wrong: `Invalid value for '${bad[0]}'.` } : { value }
}

/** A text of a body that may have been left out. */
export const wordOf = (value: unknown, otherwise = ''): string =>
  typeof value === 'string' ? value : otherwise

export const bearerOf = (call: Call): string | null =>
  /^Bearer (\S+)$/.exec(call.headers['authorization'] ?? '')?.[1] ?? null

export const stamp = (ms: number): string => new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z')
export const seconds = (ms: number): number => Math.floor(ms / 1000)

/** What lists show by now. */
export const listed = ({ secrets, conditions, now }: Parts, service: string): IssuedSecret[] =>
  secrets.of(service).filter((one) => one.revokedAt === null && one.createdAt + conditions.listingMs <= now())

export const isFull = ({ secrets, conditions }: Parts, service: string): boolean =>
  secrets.of(service).filter((one) => one.revokedAt === null).length >= conditions.limit

/** A page of a list and the cursor of the next one; `after` is the last id that was seen. */
export const pageOf = <T>(
  all: readonly T[],
  idOf: (one: T) => string,
  after: string | null,
  size: number,
): { page: readonly T[]; more: boolean } => {
  const from = after === null ? 0 : all.findIndex((one) => idOf(one) === after) + 1
  const page = all.slice(from, from + size)
  return { page, more: from + page.length < all.length }
}
