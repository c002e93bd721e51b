import type { ServerResponse } from 'node:http'
import { codecOf } from '../dialects/codecs.ts'
import type { ParsedRequest } from '../dialects/dialect.ts'
import type { Fault } from '../kit/fault.ts'
import { holdForTurn } from '../net/turn.ts'
import type { Exchange } from './exchange.ts'
import type { Operation } from './operation.ts'
import { receiptHeaders, sendFault, serviceHeaders } from './reply.ts'

/** The caller's end of a stream. Headers go out with the first event. */
export interface EventWriter {
  /** One event or several. Stops the service while the caller takes nothing. */
  write(events: Buffer): void
  /** The last event of a stream that ends as its dialect has it. */
  end(event: Buffer): void
  /** An error event, then a connection that ends in the middle: no client can take this for a whole reply. */
  breakOff(failed: Fault): void
}

export const makeEventWriter = (
  operation: Operation,
  request: ParsedRequest,
  exchange: Exchange,
  response: ServerResponse,
  idleTimeoutMs: number,
): EventWriter => {
  let paused = false

  const begin = () => {
    if (response.headersSent) return
    operation.firstByteMs = Math.round(performance.now() - operation.startedMs)
    const headers = [
      ...serviceHeaders(operation, exchange.headers),
      ...receiptHeaders(operation, operation.heldMicros),
    ]
    response.writeHead(exchange.status, [...headers, 'cache-control', 'no-cache'])
  }

  const waitForCaller = () => {
    paused = true
    exchange.pause()
    // A caller who takes nothing for that long is gone; node closes the connection, which cancels the operation.
    response.setTimeout(idleTimeoutMs)
    response.once('drain', () => {
      paused = false
      response.setTimeout(0)
      exchange.resume()
    })
  }

  return {
    write(events) {
      begin()
      if (response.socket !== null) holdForTurn(response.socket)
      if (!response.write(events) && !paused) waitForCaller()
    },
    end(event) {
      begin()
      response.end(event)
    },
    breakOff(failed) {
      if (!response.headersSent) return sendFault(response, operation, failed)
      const { errorEvent } = codecOf(request.endpoint)
      response.write(errorEvent(failed, operation.id), () => response.destroy())
    },
  }
}
