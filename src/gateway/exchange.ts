import type { ServerResponse } from 'node:http'
import type { Dispatcher } from 'undici'
import { type Fault, failure, fault, type Outcome, success } from '../kit/fault.ts'
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
}

export type Started =
  | { readonly ok: true; readonly exchange: Exchange }
  | { readonly ok: false; readonly fault: Fault }

export interface ExchangeRequest {
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
  // Who hung up while the request was read or routed is gone already, and no event will tell.
  const state = { cancelled: response.closed, outOfTime: false }
  let abort: (() => void) | null = null
  const timer = setTimeout(() => {
    state.outOfTime = true
    abort?.()
  }, timeoutMs)
  response.once('close', () => {
    if (response.writableFinished) return
    state.cancelled = true
    abort?.()
  })
  return {
    get cancelled() {
      return state.cancelled
    },
    get outOfTime() {
      return state.outOfTime
    },
    onCancel(latest) {
      abort = latest
      if (state.cancelled || state.outOfTime) latest()
    },
    end: () => clearTimeout(timer),
  }
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
        method: 'POST',
        path: request.path,
        headers: request.headers,
        body: request.body,
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
            exchange: { ...reply.face, status, headers: withoutSecret(headers, request.secret) },
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

/** Chunks wait for their reader. The first of two ends counts: an abort comes back as an error. */
const makeIncomingReply = (
  controller: Dispatcher.DispatchController,
  leaks: LeakDetector,
  abort: () => void,
): IncomingReply => {
  let waiting: Buffer[] = []
  let ended: { failed: Fault | null } | null = null
  let sink: { onChunk: (chunk: Buffer) => void; onEnd: (failed: Fault | null) => void } | null = null

  const end = (failed: Fault | null) => {
    if (ended !== null) return
    ended = { failed }
    sink?.onEnd(failed)
  }
  return {
    face: {
      read(onChunk, onEnd) {
        sink = { onChunk, onEnd }
        const chunks = waiting
        waiting = []
        for (const chunk of chunks) onChunk(chunk)
        if (ended !== null) onEnd(ended.failed)
      },
      pause: () => controller.pause(),
      resume: () => controller.resume(),
      abort,
    },
    take(chunk) {
      if (ended !== null) return
      if (leaks(chunk)) {
        end(fault('service_reply_invalid'))
        abort()
      } else if (sink === null) waiting.push(chunk)
      else sink.onChunk(chunk)
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
