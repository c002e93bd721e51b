import type { ServerResponse } from 'node:http'
import type { Dispatcher } from 'undici'
import { type Fault, failure, fault, type Outcome, success } from '../kit/fault.ts'
import { redactSecrets } from '../kit/redact.ts'
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
  // Plain fields: with getters V8 kept every operation reachable until the next full collection (a fifth of all CPU).
  const cancellation = {
    // Who hung up while the request was read or routed is gone already, and no event will tell.
    cancelled: response.closed,
    outOfTime: false,
    onCancel(latest: () => void) {
      abort = latest
      if (cancellation.cancelled || cancellation.outOfTime) latest()
    },
    end: () => clearTimeout(timer),
  }
  const timer = setTimeout(() => {
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

class Aborted extends Error {}

/** Sends one request and resolves when the reply's headers are here, or the attempt has failed. Never rejects. */
export const startExchange = (
  dispatcher: Dispatcher,
  request: ExchangeRequest,
  cancellation: Cancellation,
): Promise<Started> =>
  new Promise((done) => {
    let controller: Dispatcher.DispatchController | null = null
    let unwanted = false
    let reply: IncomingReply | null = null

    const abort = () => {
      unwanted = true
      controller?.abort(new Aborted())
    }
    /** Nothing came back yet; also while the connection is made, when there is no controller to abort. */
    const giveUp = (failed: Fault) => {
      clearTimeout(firstByteTimer)
      done({ ok: false, fault: failed })
    }
    // undici's own limit begins with the request and begins again with every informational reply.
    const firstByteTimer = setTimeout(() => {
      abort()
      giveUp(fault('service_timeout'))
    }, request.firstByteTimeoutMs)
    cancellation.onCancel(() => {
      abort()
      if (reply === null) giveUp(fault('service_timeout'))
    })

    dispatcher.dispatch(
      {
        method: request.method,
        path: request.path,
        headers: request.headers,
        body: request.body.length === 0 ? null : request.body,
        headersTimeout: 0,
        bodyTimeout: request.idleTimeoutMs,
      },
      {
        onRequestStart(c) {
          controller = c
          if (unwanted) abort()
        },
        onResponseStart(c, status, headers) {
          if (status < 200) return
          clearTimeout(firstByteTimer)
          reply = makeIncomingReply(c, makeLeakDetector(request.secret), abort)
          done({
            ok: true,
            exchange: {
              ...reply.face,
              status,
              headers: withoutSecret(headers, request.secret),
              redact: (said) => redactSecrets(said, [request.secret.toString('utf8')]),
            },
          })
        },
        onResponseData: (_, chunk) => reply?.take(chunk),
        onResponseEnd: () => reply?.end(null),
        onResponseError(_, error) {
          if (reply === null) giveUp(faultOf(error))
          else reply.end(faultOf(error))
        },
      },
    )
  })

interface IncomingReply {
  readonly face: Pick<Exchange, 'read' | 'pause' | 'resume' | 'abort'>
  take(chunk: Buffer): void
  end(failed: Fault | null): void
}

/**
 * What one turn of the event loop brings is handed on as one chunk: undici calls once for each chunk of HTTP, which is
 * once for each event of a stream. Chunks wait for their reader. The first of two ends counts: an abort comes back as
 * an error.
 */
const makeIncomingReply = (
  controller: Dispatcher.DispatchController,
  leaks: LeakDetector,
  abort: () => void,
): IncomingReply => {
  let waiting: Buffer[] = []
  let ended: { failed: Fault | null } | null = null
  let sink: { onChunk: (chunk: Buffer) => void; onEnd: (failed: Fault | null) => void } | null = null

  const finish = (failed: Fault | null) => {
    if (ended !== null) return
    ended = { failed }
    sink?.onEnd(failed)
  }
  const flush = () => {
    if (sink === null || waiting.length === 0) return
    const text = waiting.length === 1 ? (waiting[0] as Buffer) : Buffer.concat(waiting)
    waiting = []
    if (!leaks(text)) return sink.onChunk(text)
    finish(fault('service_reply_invalid'))
    abort()
  }
  const end = (failed: Fault | null) => {
    if (ended === null) flush()
    finish(failed)
  }
  return {
    face: {
      read(onChunk, onEnd) {
        sink = { onChunk, onEnd }
        flush()
        if (ended !== null) onEnd(ended.failed)
      },
      pause: () => controller.pause(),
      resume: () => controller.resume(),
      abort,
    },
    take(chunk) {
      if (ended !== null) return
      waiting.push(chunk)
      if (waiting.length === 1) queueMicrotask(flush)
    },
    end,
  }
}

const withoutSecret = (headers: Headers, secret: Buffer): Headers => {
  const text = secret.toString('latin1')
  const clean = Object.entries(headers).filter(([, value]) => !String(value).includes(text))
  return Object.fromEntries(clean)
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
