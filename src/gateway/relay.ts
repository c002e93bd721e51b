import type { ServerResponse } from 'node:http'
import { codecs } from '../dialects/codecs.ts'
import { type OutputEstimate, makeOutputEstimate } from '../dialects/estimate.ts'
import { makeEventSplitter } from '../dialects/sse.ts'
import type { ParsedRequest } from '../dialects/dialect.ts'
import { type Fault, fault } from '../kit/fault.ts'
import type { TokenUsage } from '../metering/usage.ts'
import { type Cancellation, collect, type Exchange } from './exchange.ts'
import type { GatewayLimits } from './limits.ts'
import type { Ending, Operation } from './operation.ts'
import { receiptHeaders, sendBody, sendFault, serviceHeaders } from './reply.ts'
import type { Finish } from './settle.ts'

/** The usage of an ending: what the service reported, or an estimate marked as one. */
const usageOfCut = (
  request: ParsedRequest,
  reported: TokenUsage | null,
  produced: OutputEstimate,
): Pick<Ending, 'usage' | 'usageSource'> => {
  // A report that came before the end (Anthropic's first event) counts the input exactly and the output not at all.
  const input = reported ?? {
    input: estimatedInput(request),
    cacheRead: 0,
    cacheWrite: 0,
    cacheWrite1h: 0,
    output: 0,
    reasoning: 0,
  }
  return {
    usage: { ...input, output: Math.max(input.output, produced.tokens() - input.reasoning) },
    usageSource: 'estimated',
  }
}

/** About four bytes a token; the bound used for holds would charge four times as much. */
const estimatedInput = (request: ParsedRequest) => Math.ceil(request.inputTokensBound / 4)

/** The caller hung up: the service has read the prompt, and what it had produced by then counts too. */
export const cancelledEnding = (request: ParsedRequest): Ending => ({
  status: 'cancelled',
  httpStatus: clientClosedRequest,
  fault: null,
  ...usageOfCut(request, null, makeOutputEstimate()),
})

/** Not sent to anybody; nginx's code for a caller that hung up. */
const clientClosedRequest = 499

export const isStream = (exchange: Exchange): boolean =>
  /^text\/event-stream/i.test(String(exchange.headers['content-type'] ?? ''))

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
    await finish(cancelledEnding(request))
    return
  }
  if (!body.ok) {
    const failed = body.fault.code === 'service_unreachable' ? fault('stream_interrupted') : body.fault
    const usage = usageOfCut(request, null, makeOutputEstimate())
    await finish({ status: 'failed', httpStatus: 502, fault: failed, ...usage })
    return sendFault(response, operation, failed)
  }
  const reported = codecs[operation.target.dialect].usageOf(body.value)
  const produced = makeOutputEstimate()
  if (reported === null && request.producesOutput) produced.add(body.value.length)
  const usage: Pick<Ending, 'usage' | 'usageSource'> =
    reported === null ? usageOfCut(request, null, produced) : { usage: reported, usageSource: 'reported' }
  const committed = await finish({ status: 'succeeded', httpStatus: exchange.status, fault: null, ...usage })
  if (!committed) return sendFault(response, operation, fault('database_unavailable'))
  const headers = [
    ...serviceHeaders(operation, exchange.headers),
    ...receiptHeaders(operation, operation.creditMicros),
  ]
  sendBody(response, exchange.status, headers, body.value)
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
    const codec = codecs[operation.target.dialect]
    const tap = codec.makeTap()
    const splitter = makeEventSplitter(limits.maximumEventBytes)
    const produced = makeOutputEstimate()
    let over = false
    let paused = false

    const close = (ending: Ending, last: (committed: boolean) => void) => {
      over = true
      void finish(ending).then((committed) => {
        last(committed)
        done()
      })
    }
    const cutUsage = () => usageOfCut(request, tap.reported(), produced)
    const succeed = (lastEvent: Buffer) => {
      const reported = tap.reported()
      const usage: Pick<Ending, 'usage' | 'usageSource'> =
        reported === null ? cutUsage() : { usage: reported, usageSource: 'reported' }
      close({ status: 'succeeded', httpStatus: exchange.status, fault: null, ...usage }, (committed) => {
        if (committed) end(lastEvent)
        else breakOff(fault('database_unavailable'))
      })
    }
    /** An error event, then a connection that ends in the middle: no client can take this for a whole reply. */
    const breakOff = (failed: Fault) => {
      if (!response.headersSent) return sendFault(response, operation, failed)
      response.write(codec.errorEvent(failed, operation.id), () => response.destroy())
    }
    const fail = (failed: Fault) => {
      close({ status: 'failed', httpStatus: 502, fault: failed, ...cutUsage() }, () => breakOff(failed))
    }
    const cancel = () => {
      close({ status: 'cancelled', httpStatus: clientClosedRequest, fault: null, ...cutUsage() }, () => {})
    }
    const failAsSaid = (errorEvent: Buffer) => {
      close({ status: 'failed', httpStatus: 502, fault: fault('service_error'), ...cutUsage() }, () =>
        end(errorEvent),
      )
    }

    const begin = () => {
      if (response.headersSent) return
      operation.firstByteMs = Math.round(performance.now() - operation.startedMs)
      const headers = [
        ...serviceHeaders(operation, exchange.headers),
        ...receiptHeaders(operation, operation.heldMicros),
      ]
      response.writeHead(exchange.status, [...headers, 'cache-control', 'no-cache'])
    }
    const write = (bytes: Buffer) => {
      begin()
      if (response.writableCorked === 0) {
        // What one turn of the event loop brings goes out in one write: half the cost of a burst is in writes.
        response.cork()
        process.nextTick(() => response.uncork())
      }
      if (response.write(bytes) || paused) return
      paused = true
      exchange.pause()
      response.once('drain', () => {
        paused = false
        exchange.resume()
      })
    }
    const end = (lastEvent: Buffer) => {
      begin()
      response.end(lastEvent)
    }

    const onEvent = (event: Buffer) => {
      if (over) return
      const kind = tap.event(event)
      if (kind === 'end') return succeed(event)
      if (kind === 'error') return failAsSaid(event)
      if (kind === 'content') produced.add(event.length)
      if (kind !== 'usage' || request.wantsUsageEvent) write(event)
    }

    exchange.read(
      (chunk) => {
        if (over) return
        try {
          for (const event of splitter.push(chunk)) onEvent(event)
        } catch {
          fail(fault('service_reply_invalid'))
          exchange.abort()
        }
      },
      () => {
        if (over) return
        // The caller's hang-up reaches the service first, and comes back from there as an end.
        if (cancellation.cancelled) cancel()
        else fail(fault(cancellation.outOfTime ? 'service_timeout' : 'stream_interrupted'))
      },
    )
  })
