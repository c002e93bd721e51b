import { lookup as resolveBySystem, type LookupAddress, type LookupOptions } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { type Dispatcher, Pool } from 'undici'
import { failure, type Outcome, success } from '../kit/fault.ts'
import {
  type Allowances,
  bare,
  isBadPort,
  isLocalName,
  isLoopbackName,
  isPublicAddress,
  makeAllowances,
} from './address.ts'
import { type Connections, makeConnections } from './connections.ts'

export interface OutboundRequest {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Buffer
  readonly timeoutMs: number
  readonly maximumBytes: number
}

export interface OutboundReply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/**
 * The only way out of this process; one for services and one for addresses that users name (webhooks), each with its own
 * list of private addresses: that the gateway may ask a model server in there lets no user make it post there. No redirect
 * is ever followed.
 */
export interface Outbound {
  /** Replaces what the administrator lists; open connections are closed after their requests. */
  allow(listed: readonly string[]): void
  /** Scheme, credentials in the URL, and literal addresses. Names are checked again when they resolve. */
  check(url: string): Outcome<URL>
  /** For small control calls such as key validation; service faults as values. */
  request(request: OutboundRequest): Promise<Outcome<OutboundReply>>
  /** For the data plane: keep-alive connections to one checked origin. */
  connectionsTo(origin: string): Outcome<Connections>
  /** For connections that are no HTTP requests: the name look-up that lets only checked addresses through. */
  lookupFor(url: string): Outcome<LookupFunction>
  close(): Promise<void>
}

export interface OutboundOptions {
  readonly connectTimeoutMs?: number
  /** What names resolve to; that of the operating system unless given. */
  readonly resolve?: Resolve
  /** Origins that connections are kept to; those asked longest ago are let go. */
  readonly mostOrigins?: number
}

export type Resolve = (
  host: string,
  options: LookupOptions & { all: true },
  done: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void

/** People name addresses, so there is no end of origins; what is kept of one are sockets and some kilobytes. */
const usualMostOrigins = 1_000

type LookupDone = (error: Error | null, address: string | LookupAddress[], family?: number) => void

/**
 * The addresses that are checked are the ones connected to: the check sits in the socket's own name look-up, so a
 * name that answers differently a second time gains nothing.
 */
const guardedLookup =
  (resolve: Resolve, allowances: () => Allowances, port: number) =>
  (host: string, options: LookupOptions, done: LookupDone) => {
    resolve(host, { ...options, all: true }, (error, addresses) => {
      if (error) return done(error, [])
      const allowed = addresses.filter(
        ({ address }) =>
          isPublicAddress(address) ||
          allowances().allowsHost(host, port) ||
          allowances().allowsAddress(address, port),
      )
      if (allowed.length === 0) return done(new UnsafeAddressError(host), [])
      const [first] = allowed as [LookupAddress]
      return options.all ? done(null, allowed) : done(null, first.address, first.family)
    })
  }

export class UnsafeAddressError extends Error {
  readonly code = 'ERR_UNSAFE_ADDRESS'
  constructor(host: string) {
    super(`${host} resolves to a private address that is not listed`)
  }
}

const portOf = (url: URL): number =>
  url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port)

export const makeOutbound = (options: OutboundOptions = {}): Outbound => {
  let allowances = makeAllowances([])
  let pools = new Map<string, Pool>()
  let connections = new Map<string, Connections>()

  const check = (text: string): Outcome<URL> => {
    const url = URL.parse(text)
    const refuse = (message: string) => failure('unsafe_address', { message })
    if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:'))
      return refuse('The address must be an http or https URL.')
    if (url.username || url.password) return refuse('The address must not hold credentials.')
    const host = bare(url.hostname)
    const port = portOf(url)
    const listed = allowances.allowsHost(host, port)
    if (isBadPort(port) && !listed) return refuse('The port is not one of a web server.')
    if (url.protocol === 'http:' && !listed)
      return refuse('Plain http is only allowed for addresses the administrator lists.')
    if (isIP(host) !== 0 ? !isPublicAddress(host) && !listed : isSurelyPrivate(host, port))
      return refuse('The address is private and the administrator does not list it.')
    return success(url)
  }

  /** By its name alone. Others are known when they resolve. */
  const isSurelyPrivate = (host: string, port: number): boolean => {
    if (allowances.allowsHost(host, port)) return false
    if (isLoopbackName(host))
      return !allowances.allowsAddress('127.0.0.1', port) && !allowances.allowsAddress('::1', port)
    return allowances.isEmpty && isLocalName(host)
  }

  const { connectTimeoutMs = 10_000, resolve = resolveBySystem, mostOrigins = usualMostOrigins } = options
  const lookupOf = (url: URL) => guardedLookup(resolve, () => allowances, portOf(url))

  /** Its requests under way are answered; the next one opens it anew. */
  const keep = <One extends Pool | Connections>(kept: Map<string, One>, origin: string, one: One): One => {
    kept.delete(origin)
    kept.set(origin, one)
    for (const [oldest, other] of kept) {
      if (kept.size <= mostOrigins) break
      kept.delete(oldest)
      void other.close()
    }
    return one
  }
  /** Far from the limit nothing has to be put in order. */
  const used = <One extends Pool | Connections>(kept: Map<string, One>, origin: string, one: One): One =>
    kept.size * 2 > mostOrigins ? keep(kept, origin, one) : one

  const open = (url: URL): Pool => {
    const pool = new Pool(url.origin, {
      // As many as operations are let in: a queue in here would be seen by none of their time limits.
      connections: null,
      pipelining: 1,
      connect: { timeout: connectTimeoutMs, lookup: lookupOf(url) },
      maxHeaderSize: 32 * 1024,
    })
    return keep(pools, url.origin, pool)
  }

  const poolOf = (origin: string): Outcome<Dispatcher> => {
    const pool = pools.get(origin)
    if (pool) return success(used(pools, origin, pool))
    const checked = check(origin)
    return checked.ok ? success(open(checked.value)) : checked
  }

  const connectionsTo = (origin: string): Outcome<Connections> => {
    const known = connections.get(origin)
    if (known) return success(used(connections, origin, known))
    const checked = check(origin)
    if (!checked.ok) return checked
    const opened = makeConnections({
      origin: checked.value,
      lookup: lookupOf(checked.value),
      connectTimeoutMs,
    })
    return success(keep(connections, origin, opened))
  }

  const request = async (o: OutboundRequest): Promise<Outcome<OutboundReply>> => {
    const checked = check(o.url)
    if (!checked.ok) return checked
    const pool = poolOf(checked.value.origin)
    if (!pool.ok) return pool
    try {
      const signal = AbortSignal.timeout(o.timeoutMs)
      const reply = await pool.value.request({
        method: o.method,
        path: checked.value.pathname + checked.value.search,
        headers: { 'accept-encoding': 'identity', 'user-agent': 'aideon-keys', ...o.headers },
        body: o.body ?? null,
        signal,
      })
      return await collect(reply, o.maximumBytes)
    } catch (error) {
      return failureOf(error)
    }
  }

  return {
    allow(listed) {
      allowances = makeAllowances(listed)
      const old = [...pools.values(), ...connections.values()]
      pools = new Map()
      connections = new Map()
      for (const one of old) void one.close()
    },
    check,
    request,
    connectionsTo,
    lookupFor(text) {
      const checked = check(text)
      return checked.ok ? success(lookupOf(checked.value)) : checked
    },
    async close() {
      for (const one of connections.values()) one.close()
      await Promise.allSettled([...pools.values()].map((pool) => pool.close()))
    },
  }
}

const collect = async (
  reply: Dispatcher.ResponseData,
  maximumBytes: number,
): Promise<Outcome<OutboundReply>> => {
  // Nothing is ever decompressed, so there is nothing that could swell: whoever answers in a coding we did not ask for, answers wrongly.
  const coding = String(reply.headers['content-encoding'] ?? 'identity')
    .trim()
    .toLowerCase()
  if (coding !== 'identity' && coding !== '') {
    reply.body.on('error', () => {}).destroy()
    return failure('service_reply_invalid')
  }
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of reply.body) {
    bytes += chunk.length
    if (bytes > maximumBytes) return failure('service_reply_too_large')
    chunks.push(chunk)
  }
  const headers = Object.fromEntries(
    Object.entries(reply.headers).map(([name, value]) => [name, String(value)]),
  )
  return success({ status: reply.statusCode, headers, body: Buffer.concat(chunks).toString('utf8') })
}

/** Before anything was sent. A reset may come after it, so it is none of them. */
const neverConnected = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])

/** Errors of the connection, without their text: it may quote what was sent. */
const failureOf = (error: unknown): { ok: false; fault: import('../kit/fault.ts').Fault } => {
  const { name, code } = error as { name?: string; code?: string }
  if (code === 'ERR_UNSAFE_ADDRESS')
    return failure('unsafe_address', {
      message: 'The address resolves to a private one that the administrator does not list.',
      notSent: true,
    })
  const sent = neverConnected.has(code ?? '') ? ({ notSent: true } as const) : {}
  if (
    name === 'TimeoutError' ||
    name === 'AbortError' ||
    (code?.startsWith('UND_ERR') && code.includes('TIMEOUT'))
  )
    return failure('service_timeout', sent)
  return failure('service_unreachable', sent)
}
