import type { ServerResponse } from 'node:http'
import { codecOf } from '../dialects/codecs.ts'
import { estimateInputTokens, makeOutputEstimate } from '../dialects/estimate.ts'
import { judgeUnreported } from '../dialects/reported.ts'
import { type Events, makeEventSplitter } from '../dialects/sse.ts'
import type { ParsedRequest } from '../dialects/dialect.ts'
import { type Fault, fault, statusOf } from '../kit/fault.ts'
import { noUsage, type Usage } from '../metering/usage.ts'
import { type Cancellation, collect, type Exchange } from './exchange.ts'
import { makeEventWriter } from './event-writer.ts'
import type { GatewayLimits } from './limits.ts'
import type { Ending, Operation } from './operation.ts'
import { receiptHeaders, sendBody, sendFault, serviceHeaders } from './reply.ts'
import type { Finish } from './settle.ts'

type Used = Pick<Ending, 'usage' | 'usageSource'>

const noBytes = Buffer.alloc(0)
const nothingUsed: Used = { usage: null, usageSource: 'none' }

/** What was used as far as it is known: an estimate, marked as one. */
const estimatedUse = (request: ParsedRequest, reported: Usage | null, outputTokens: number): Used => {
  // A report that came before the end (Anthropic's first event) counts the input exactly and the output not at all.
  const input = reported ?? { ...noUsage, input: estimateInputTokens(request.input) }
  return {
    usage: { ...input, output: Math.max(input.output, outputTokens - input.reasoning) },
    usageSource: 'estimated',
  }
}

/** The caller hung up before the reply: what the service was still working on has been read by it at least. */
export const cancelledEnding = (operation: Operation, request: ParsedRequest): Ending => {
  const last = operation.attempts.at(-1)?.outcome
  const wasWorking = last === 'cancelled' || last === 'ok'
  return {
    status: 'cancelled',
    httpStatus: clientClosedRequest,
    fault: null,
    ...(wasWorking ? estimatedUse(request, null, 0) : nothingUsed),
  }
}

/** Not sent to anybody; nginx's code for a caller that hung up. */
const clientClosedRequest = 499

/** About what a text costs in tokens. */
const tokensOfBytes = (bytes: number) => Math.ceil(bytes / 4)

/** A reply that is not a stream: read whole, put on record, then sent. */
export const relayWhole = async (
  operation: Operation,
  request: ParsedRequest,
  exchange: Exchange,
  response: ServerResponse,
  limits: GatewayLimits,
  cancellation: Cancellation,
  finish: Finish,
): Promise<void> => {
  const body = await collect(exchange, limits.maximumReplyBytes)
  operation.firstByteMs = Math.round(performance.now() - operation.startedMs)
  if (cancellation.cancelled) {
    await finish(cancelledEnding(operation, request))
    return
  }
  const fail = async (failed: Fault, used: Used) => {
    await finish({ status: 'failed', httpStatus: statusOf(failed), fault: failed, ...used })
    sendFault(response, operation, failed)
  }
  if (!body.ok) {
    // The caller's own doing, and produced all the same; any other failure is not the caller's to pay.
    const isTooLarge = body.fault.code === 'service_reply_too_large'
    const used = isTooLarge
      ? estimatedUse(request, null, tokensOfBytes(limits.maximumReplyBytes))
      : nothingUsed
    return fail(interrupted(body.fault, cancellation), used)
  }
  const contentType = String(exchange.headers['content-type'] ?? '')
  const reported = codecOf(request.endpoint).usageOf({ body: body.value, contentType }, request)
  if (reported === null) {
    const what = judgeUnreported(body.value)
    if (what === 'error') return fail(fault('service_error'), nothingUsed)
    if (what === 'invalid') return fail(fault('service_reply_invalid'), nothingUsed)
  }
  const produced = request.producesOutput ? tokensOfBytes(body.value.length) : 0
  const used: Used =
    reported === null
      ? estimatedUse(request, null, produced)
      : { usage: reported, usageSource: sourceOf(exchange) }
  const committed = await finish({ status: 'succeeded', httpStatus: exchange.status, fault: null, ...used })
  if (!committed) return sendFault(response, operation, fault('database_unavailable'))
  const headers = [
    ...serviceHeaders(operation, exchange.headers),
    ...receiptHeaders(operation, operation.creditMicros),
  ]
  sendBody(response, exchange.status, headers, body.value)
}

const sourceOf = (exchange: Exchange) => (exchange.usageUnknown?.() === true ? 'estimated' : 'reported')

/** A connection that broke within a reply. */
const interrupted = (failed: Fault | null, cancellation: Cancellation): Fault => {
  if (cancellation.outOfTime) return fault('service_timeout')
  return failed === null || failed.code === 'service_unreachable' ? fault('stream_interrupted') : failed
}

/**
 * A stream: events go on as they come, byte for byte; the last one waits until the operation is on record. Resolves
 * when nothing is left to do.
 */
export const relayStream = (
  operation: Operation,
  request: ParsedRequest,
  exchange: Exchange,
  response: ServerResponse,
  limits: GatewayLimits,
  cancellation: Cancellation,
  finish: Finish,
): Promise<void> =>
  new Promise((done) => {
    const tap = codecOf(request.endpoint).makeTap(request)
    const splitter = makeEventSplitter(limits.maximumEventBytes)
    const writer = makeEventWriter(operation, request, exchange, response, limits.idleTimeoutMs)
    const produced = makeOutputEstimate()
    let over = false

    const close = (ending: Ending, last: (committed: boolean) => void) => {
      over = true
      void finish(ending)
        .then(last)
        .catch(() => response.destroy())
        .finally(done)
    }
    const cutUse = () => estimatedUse(request, tap.reported(), produced.tokens())
    const succeed = (lastEvent: Buffer) => {
      const reported = tap.reported()
      const used: Used = reported === null ? cutUse() : { usage: reported, usageSource: sourceOf(exchange) }
      close({ status: 'succeeded', httpStatus: exchange.status, fault: null, ...used }, (committed) => {
        if (committed) writer.end(lastEvent)
        else writer.breakOff(fault('database_unavailable'))
      })
    }
    /** The service's failure: what it had produced is paid for, the prompt alone is not. */
    const fail = (failed: Fault, last: () => void) => {
      const used = produced.tokens() === 0 && tap.reported() === null ? nothingUsed : cutUse()
      close({ status: 'failed', httpStatus: statusOf(failed), fault: failed, ...used }, last)
    }
    const cutOff = (failed: Fault) => fail(failed, () => writer.breakOff(failed))
    const failAsSaid = (errorEvent: Buffer) => {
      const said = Buffer.from(exchange.redact(errorEvent.toString('utf8')))
      fail(fault('service_error'), () => writer.end(said))
    }
    const cancel = () => {
      close({ status: 'cancelled', httpStatus: clientClosedRequest, fault: null, ...cutUse() }, () => {})
    }

    /** Events that go on stay together in one write: half the cost of a burst is in writes. */
    const onEvents = ({ text, ends }: Events) => {
      let unsent = 0
      let start = 0
      const sendUpTo = (end: number) => {
        if (end > unsent) writer.write(text.subarray(unsent, end))
      }
      for (const [index, kind] of tap.classify(text, ends).entries()) {
        const end = ends[index] as number
        if (kind === 'end' || kind === 'error') {
          sendUpTo(start)
          return kind === 'end' ? succeed(text.subarray(start, end)) : failAsSaid(text.subarray(start, end))
        }
        if (kind === 'content') produced.add(end - start)
        if (kind === 'usage' && !request.wantsUsageEvent) {
          sendUpTo(start)
          unsent = end
        }
        start = end
      }
      sendUpTo(start)
    }
    const onChunk = (chunk: Buffer) => {
      // Whatever follows the last event is nobody's.
      if (over) return exchange.abort()
      try {
        onEvents(splitter.push(chunk))
      } catch {
        cutOff(fault('service_reply_invalid'))
        exchange.abort()
      }
    }
    exchange.read(onChunk, (failed) => {
      if (over) return
      // The caller's hang-up reaches the service first, and comes back from there as an end.
      if (cancellation.cancelled) cancel()
      else if (failed === null && tap.endsWithConnection?.() === true) succeed(noBytes)
      else cutOff(interrupted(failed, cancellation))
    })
  })
