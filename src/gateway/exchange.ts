import type { ServerResponse } from 'node:http'
import type { Dispatcher } from 'undici'
import { type Fault, failure, fault, type Outcome, success } from '../kit/fault.ts'

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
  const state = { cancelled: false, outOfTime: false }
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
    let started = false
    let waiting: Buffer[] = []
    let ended: { failed: Fault | null } | null = null
    let sink: { onChunk: (chunk: Buffer) => void; onEnd: (failed: Fault | null) => void } | null = null

    const abort = () => controller?.abort(new Aborted())
    const end = (failed: Fault | null) => {
      ended = { failed }
      sink?.onEnd(failed)
    }
    const exchangeOf = (status: number, headers: Headers): Exchange => ({
      status,
      headers,
      read(onChunk, onEnd) {
        sink = { onChunk, onEnd }
        const chunks = waiting
        waiting = []
        for (const chunk of chunks) onChunk(chunk)
        if (ended !== null) onEnd(ended.failed)
      },
      pause: () => controller?.pause(),
      resume: () => controller?.resume(),
      abort,
    })

    dispatcher.dispatch(
      {
        method: 'POST',
        path: request.path,
        headers: request.headers,
        body: request.body,
        headersTimeout: request.firstByteTimeoutMs,
        bodyTimeout: request.idleTimeoutMs,
      },
      {
        onRequestStart(c) {
          controller = c
          cancellation.onCancel(abort)
        },
        onResponseStart(_, status, headers) {
          if (status < 200) return
          started = true
          done({ ok: true, exchange: exchangeOf(status, headers) })
        },
        onResponseData(_, chunk) {
          if (sink === null) waiting.push(chunk)
          else sink.onChunk(chunk)
        },
        onResponseEnd: () => end(null),
        onResponseError(_, error) {
          const failed = faultOf(error)
          if (started) end(failed)
          else done({ ok: false, fault: failed })
        },
      },
    )
  })

/** What went wrong on the connection; its own text may quote what was sent, so it goes nowhere. */
const faultOf = (error: Error): Fault => {
  const code = (error as { code?: string }).code ?? ''
  if (code === 'ERR_UNSAFE_ADDRESS') return fault('unsafe_address')
  return /TIMEOUT/.test(code) ? fault('service_timeout') : fault('service_unreachable')
}

/** The whole body of a reply, or why there is none. */
export const collect = (exchange: Exchange, maximumBytes: number): Promise<Outcome<Buffer>> =>
  new Promise((done) => {
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
        if (failed !== null) done({ ok: false, fault: failed })
        else done(success(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)))
      },
    )
  })
