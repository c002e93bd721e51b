import type { ServerResponse } from 'node:http'
import { clearDeadline, setDeadline } from '../kit/deadlines.ts'
import { type Fault, failure, fault, type Outcome, success } from '../kit/fault.ts'
import { redactSecrets } from '../kit/redact.ts'
import type { Connections, Sent } from '../net/connections.ts'
import { type LeakDetector, makeLeakDetector } from './leak.ts'

type Headers = Readonly<Record<string, string | string[] | undefined>>

/** A service's reply while it comes in. Chunks wait until `read` is called; `pause` stops the socket. */
export interface Exchange {
  readonly status: number
  readonly headers: Headers
  read(onChunk: (chunk: Buffer) => void, onEnd: (failed: Fault | null) => void): void
  pause(): void
  resume(): void
  /** Closes the connection to the service: what is still to come is not wanted. */
  abort(): void
  /** After the end: the service reported no usage, and what the reply says of it is an estimate. */
  usageUnknown?(): boolean
  /** What the service says of a failure, without the secret it was sent, in whatever form. */
  redact(said: string): string
}

export type Started =
  | { readonly ok: true; readonly exchange: Exchange }
  | { readonly ok: false; readonly fault: Fault }

export interface ExchangeRequest {
  readonly method: string
  readonly path: string
  readonly headers: Record<string, string>
  readonly body: Buffer
  /** What went out in `headers` and must not come back. */
  readonly secret: Buffer
  readonly firstByteTimeoutMs: number
  readonly idleTimeoutMs: number
}

/** Lets the caller's hang-up, or the end of the time for an operation, reach whatever attempt is under way. */
export interface Cancellation {
  /** The caller is gone. */
  readonly cancelled: boolean
  readonly outOfTime: boolean
  /** The latest abort counts; it is called at once when it is too late already. */
  onCancel(abort: () => void): void
  /** The operation is over. */
  end(): void
}

export const cancellationOf = (response: ServerResponse, timeoutMs: number): Cancellation => {
  let abort: (() => void) | null = null
  // Plain fields: V8 makes getters of object literals in the old generation, where each keeps its operation (docs/decisions/0126).
  const cancellation = {
    // Who hung up while the request was read or routed is gone already, and no event will tell.
    cancelled: response.closed,
    outOfTime: false,
    onCancel(latest: () => void) {
      abort = latest
      if (cancellation.cancelled || cancellation.outOfTime) latest()
    },
    end: () => clearDeadline(deadline),
  }
  const deadline = setDeadline(() => {
    cancellation.outOfTime = true
    abort?.()
  }, timeoutMs)
  response.once('close', () => {
    if (response.writableFinished) return
    cancellation.cancelled = true
    abort?.()
  })
  return cancellation
}

/** Sends one request and resolves when the reply's headers are here, or the attempt has failed. Never rejects. */
export const startExchange = (
  connections: Connections,
  request: ExchangeRequest,
  cancellation: Cancellation,
): Promise<Started> =>
  new Promise((done) => {
    const { secret } = request
    let reply: IncomingReply | null = null
    const fail = (failed: Fault) => {
      if (reply === null) done({ ok: false, fault: failed })
      else reply.end(failed)
    }
    try {
      const sent = connections.send(request, {
        onHead(status, headers) {
          reply = makeIncomingReply(sent, makeLeakDetector(secret))
          const { face } = reply
          const exchange: Exchange = {
            status,
            headers: withoutSecret(headers, secret),
            read: face.read,
            pause: sent.pause,
            resume: sent.resume,
            abort: face.abort,
            redact: (said) => redactSecrets(said, [secret.toString('utf8')]),
          }
          done({ ok: true, exchange })
        },
        onBody: (chunk) => reply?.take(chunk),
        onEnd: () => reply?.end(null),
        onError: (error) => fail(faultOf(error)),
      })
      cancellation.onCancel(() => {
        if (reply !== null) return reply.face.abort()
        sent.abort()
        fail(fault('service_timeout'))
      })
    } catch (error) {
      fail(faultOf(error as Error))
    }
  })

interface IncomingReply {
  readonly face: Pick<Exchange, 'read' | 'abort'>
  take(chunk: Buffer): void
  end(failed: Fault | null): void
}

/** Chunks wait for their reader. The first of two ends counts. */
const makeIncomingReply = (sent: Sent, leaks: LeakDetector): IncomingReply => {
  let waiting: Buffer[] = []
  let ended: { failed: Fault | null } | null = null
  let sink: { onChunk: (chunk: Buffer) => void; onEnd: (failed: Fault | null) => void } | null = null

  const end = (failed: Fault | null) => {
    if (ended !== null) return
    ended = { failed }
    sink?.onEnd(failed)
  }
  /** The reader hears of it as an end, later: whoever aborts has something to say first. */
  const abort = () => {
    sent.abort()
    if (ended === null) queueMicrotask(() => end(fault('service_unreachable')))
  }
  const leaked = () => {
    sent.abort()
    end(fault('service_reply_invalid'))
  }
  return {
    face: {
      read(onChunk, onEnd) {
        const early = waiting
        waiting = []
        const text = early.length > 1 ? Buffer.concat(early) : early[0]
        if (text !== undefined && leaks(text)) {
          ended = null
          leaked()
        } else if (text !== undefined) onChunk(text)
        sink = { onChunk, onEnd }
        if (ended !== null) onEnd(ended.failed)
      },
      abort,
    },
    take(chunk) {
      if (ended !== null) return
      if (sink === null) waiting.push(chunk)
      else if (leaks(chunk)) leaked()
      else sink.onChunk(chunk)
    },
    end,
  }
}

const withoutSecret = (headers: Headers, secret: Buffer): Headers => {
  const text = secret.toString('latin1')
  const names = Object.keys(headers)
  const isClean = (name: string) => !String(headers[name]).includes(text)
  return names.every(isClean)
    ? headers
    : Object.fromEntries(names.filter(isClean).map((name) => [name, headers[name]]))
}

export const isStream = ({ headers }: Exchange): boolean =>
  /^text\/event-stream\b/i.test(String(headers['content-type'] ?? ''))

/** What went wrong on the connection; its own text may quote what was sent, so it goes nowhere. */
const faultOf = (error: Error): Fault => {
  const code = (error as { code?: string }).code ?? ''
  if (code === 'ERR_UNSAFE_ADDRESS') return fault('unsafe_address')
  return /TIMEOUT/.test(code) ? fault('service_timeout') : fault('service_unreachable')
}

/** The whole body of a reply, or why there is none. */
export const collect = (
  exchange: Exchange,
  maximumBytes: number,
  withinMs: number | null = null,
): Promise<Outcome<Buffer>> =>
  new Promise((done) => {
    const timer = withinMs === null ? undefined : setTimeout(() => exchange.abort(), withinMs)
    const chunks: Buffer[] = []
    let bytes = 0
    exchange.read(
      (chunk) => {
        bytes += chunk.length
        if (bytes <= maximumBytes) return void chunks.push(chunk)
        exchange.abort()
        done(failure('service_reply_too_large'))
      },
      (failed) => {
        clearTimeout(timer)
        if (failed !== null) done({ ok: false, fault: failed })
        else done(success(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)))
      },
    )
  })
