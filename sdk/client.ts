import { apiVersion, apiVersionHeader } from '../src/contract/api-version.ts'
import {
  type EndpointName,
  endpointOf,
  endpoints,
  type Reply,
  type Request,
  urlOf,
} from '../src/contract/endpoints.ts'
import { takesIdempotencyKey } from '../src/contract/idempotency.ts'
import { ApiError, errorOf } from './error.ts'
import { waitBefore } from './retry.ts'

export { ApiError } from './error.ts'
export type { EndpointName, Reply, Request } from '../src/contract/endpoints.ts'

export interface ClientOptions {
  /** Where the gateway is, such as https://keys.example.com. */
  readonly baseUrl: string
  /** An access token with the scope manage (docs/api.md). */
  readonly accessToken: string
  /** Attempts after the first one; 3 unless given. */
  readonly retries?: number
  /** Of one attempt; 30000 unless given. */
  readonly timeoutMs?: number
  readonly fetch?: typeof globalThis.fetch
  /** Of the waits between attempts. */
  readonly sleep?: (ms: number) => Promise<void>
  readonly random?: () => number
}

export interface CallOptions {
  readonly signal?: AbortSignal
  /** Names the request, so that it takes effect once; a POST that takes one gets one unless given. */
  readonly idempotencyKey?: string
}

/** What a list has: `items`, and `nextCursor` where there may be more. */
type ItemOf<Name extends EndpointName> = Reply<Name> extends { items: readonly (infer Item)[] } ? Item : never
type ListName = { [Name in EndpointName]: [ItemOf<Name>] extends [never] ? never : Name }[EndpointName]

type Method<Name extends EndpointName> = (
  request: Request<Name>,
  options?: CallOptions,
) => Promise<Reply<Name>>

export interface Client {
  /** One call, tried again where that cannot do harm. Throws ApiError. */
  call<Name extends EndpointName>(
    name: Name,
    request: Request<Name>,
    options?: CallOptions,
  ): Promise<Reply<Name>>
  /** Every item of a list, page after page. */
  each<Name extends ListName>(
    name: Name,
    request: Request<Name>,
    options?: Pick<CallOptions, 'signal'>,
  ): AsyncGenerator<ItemOf<Name>>
  /** For endpoints that reply with a file. */
  download<Name extends EndpointName>(
    name: Name,
    request: Request<Name>,
    options?: CallOptions,
  ): Promise<Response>
  /** The same as `call`, by name: `client.api.listServiceKeys({})`. */
  readonly api: { readonly [Name in EndpointName]: Method<Name> }
}

type Parts = {
  params?: Record<string, string>
  query?: Record<string, string | number>
  body?: unknown
}

/** A client of the management API, typed by the same table that the server answers by. */
export const makeClient = (options: ClientOptions): Client => {
  const fetch = options.fetch ?? globalThis.fetch
  const sleep = options.sleep ?? ((ms: number) => new Promise<void>((done) => setTimeout(done, ms)))
  const random = options.random ?? Math.random
  const base = options.baseUrl.replace(/\/+$/, '')

  const attempt = async (name: EndpointName, parts: Parts, key: string | null, signal?: AbortSignal) => {
    const endpoint = endpointOf(name)
    const timeout = AbortSignal.timeout(options.timeoutMs ?? 30_000)
    const response = await fetch(base + urlOf(endpoint, parts), {
      method: endpoint.method,
      headers: {
        accept: 'application/json',
        authorization: `Bearer ${options.accessToken}`,
        [apiVersionHeader]: apiVersion,
        ...(parts.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(key === null ? {} : { 'idempotency-key': key }),
      },
      body: parts.body === undefined ? null : JSON.stringify(parts.body),
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      // A token goes to nobody that the gateway points to.
      redirect: 'error',
    }).catch((cause: unknown) => {
      signal?.throwIfAborted()
      throw new ApiError(
        0,
        { code: 'unreachable', message: 'The gateway could not be reached.', next: 'Try again.' },
        { cause },
      )
    })
    if (!response.ok) throw await errorOf(response)
    return response
  }

  const send = async (name: EndpointName, request: unknown, { signal, idempotencyKey }: CallOptions = {}) => {
    const endpoint = endpointOf(name)
    const key = takesIdempotencyKey(endpoint) ? (idempotencyKey ?? crypto.randomUUID()) : null
    for (let tried = 0; ; tried++) {
      try {
        return await attempt(name, request as Parts, key, signal)
      } catch (error) {
        const isLast = tried >= (options.retries ?? 3)
        const waitMs =
          error instanceof ApiError && !isLast
            ? waitBefore(error, endpoint.method, key !== null, tried, random())
            : null
        if (waitMs === null) throw error
        await sleep(waitMs)
        signal?.throwIfAborted()
      }
    }
  }

  const call: Client['call'] = async (name, request, more) => {
    const response = await send(name, request, more)
    return (await response.json()) as Reply<typeof name>
  }

  return {
    call,
    async *each(name, request, more) {
      let cursor: string | undefined
      do {
        const parts = request as Parts
        const page = { ...parts, query: { ...parts.query, ...(cursor === undefined ? {} : { cursor }) } }
        const reply = (await call(name, page as never, more)) as {
          items: ItemOf<typeof name>[]
          nextCursor?: string | null
        }
        yield* reply.items
        cursor = reply.nextCursor ?? undefined
      } while (cursor !== undefined)
    },
    download: (name, request, more) => send(name, request, more),
    api: Object.fromEntries(
      Object.keys(endpoints).map((name) => [
        name,
        (request: never, more?: CallOptions) => call(name as EndpointName, request, more),
      ]),
    ) as unknown as Client['api'],
  }
}
