import type { ParsedRequest } from '../dialects/dialect.ts'
import { isObject } from '../dialects/request.ts'
import { dataOf, makeEventSplitter } from '../dialects/sse.ts'
import { fault } from '../kit/fault.ts'
import type { NamedResource } from '../long-operations/long-operations.ts'
import { type Exchange, isStream } from './exchange.ts'
import { isJson } from './failure.ts'
import type { Operation } from './operation.ts'
import type { GatewayParts } from './parts.ts'
import { resourceCallIn } from './resource-call.ts'
import { itemNamed, namesInReply, namesInResponse } from './resource-names.ts'
import type { Finish } from './settle.ts'

/** Takes the bytes of a reply, and at its end tells what they name. */
interface Reader {
  take(chunk: Buffer): void
  names(): { made: NamedResource[]; named: NamedResource[] }
}

const largestReply = 4 * 1024 * 1024

/**
 * Notes what a reply says that the service keeps from now on, and which key made it: written before the caller has the
 * whole reply, together with the operation's record. The reply goes on as it is.
 */
export const makeWatchNames = ({ longOperations, limits, log }: GatewayParts) => {
  const { resources } = longOperations

  const write = async (operation: Operation, reader: Reader): Promise<boolean> => {
    const { caller, candidate } = operation
    const { made, named } = reader.names()
    const call = resourceCallIn(operation)
    if (caller === null || candidate === null) return true
    const { id: serviceId } = candidate.service
    try {
      if (call?.action === 'delete' && call.id !== null)
        await resources.forget(caller.person, serviceId, call.id)
      else if (made.length + named.length > 0)
        await resources.bind(
          caller.person,
          { serviceId, serviceKeyId: candidate.serviceKey.id },
          { made, named },
        )
      return true
    } catch (error) {
      log.error({ err: error, operationId: operation.id }, 'what a service keeps could not be written down')
      return false
    }
  }

  return (
    operation: Operation,
    request: ParsedRequest,
    exchange: Exchange,
    finish: Finish,
  ): { exchange: Exchange; finish: Finish } => {
    const reader = readerFor(operation, request, exchange, limits.maximumEventBytes)
    if (reader === null) return { exchange, finish }
    const taken: Exchange = {
      ...exchange,
      read: (onChunk, onEnd) =>
        exchange.read((chunk) => {
          reader.take(chunk)
          onChunk(chunk)
        }, onEnd),
    }
    return {
      exchange: hasResultsUrl(operation, exchange) ? withOurResultsUrl(taken) : taken,
      finish: async (ending) => {
        const [written, finished] = await Promise.all([write(operation, reader), finish(ending)])
        return written && finished
      },
    }
  }
}

const hasResultsUrl = (operation: Operation, exchange: Exchange): boolean =>
  operation.target.dialect === 'anthropic' &&
  resourceCallIn(operation)?.kind === 'batch' &&
  isJson(exchange.headers)

const resultsUrl = /("results_url"\s*:\s*")https?:\/\/[^"/]+(\/v1\/messages\/batches\/[^"]*")/g

/**
 * Anthropic's clients ask the address in a batch for its results, with the credentials that they have: an access token
 * of ours would go to Anthropic. A path alone is taken for one at the address that they call.
 */
const withOurResultsUrl = (exchange: Exchange): Exchange => ({
  ...exchange,
  read: (onChunk, onEnd) => {
    const chunks: Buffer[] = []
    let bytes = 0
    exchange.read(
      (chunk) => {
        bytes += chunk.length
        if (bytes <= largestReply) chunks.push(chunk)
        else exchange.abort()
      },
      (failed) => {
        if (failed === null && bytes > largestReply) return onEnd(fault('service_reply_too_large'))
        const text = Buffer.concat(chunks).toString('latin1')
        if (chunks.length > 0) onChunk(Buffer.from(text.replaceAll(resultsUrl, '$1$2'), 'latin1'))
        onEnd(failed)
      },
    )
  },
})

const readerFor = (
  operation: Operation,
  request: ParsedRequest,
  exchange: Exchange,
  maximumEventBytes: number,
): Reader | null => {
  if (request.endpoint === 'raw')
    return isJson(exchange.headers) || operation.target.method === 'DELETE' ? rawReader(operation) : null
  if (request.endpoint !== 'responses' || operation.candidate?.via !== 'pass_through') return null
  if (!isStored(request)) return null
  return isStream(exchange) ? streamReader(maximumEventBytes) : wholeReader(namesInResponse)
}

const storeField = Buffer.from('"store"')

/** OpenAI's default. */
const isStored = ({ body }: ParsedRequest): boolean => {
  if (!body.includes(storeField)) return true
  const parsed = parse(body)
  return !isObject(parsed) || parsed['store'] !== false
}

type Names = ReturnType<typeof namesInReply>

const wholeReader = (read: (reply: unknown) => Names): Reader => {
  const chunks: Buffer[] = []
  let bytes = 0
  return {
    take(chunk) {
      bytes += chunk.length
      if (bytes <= largestReply) chunks.push(chunk)
      else chunks.length = 0
    },
    names() {
      const { made, named } = read(bytes > largestReply ? null : parse(Buffer.concat(chunks)))
      return { made: [...made], named: [...named] }
    },
  }
}

const rawReader = (operation: Operation): Reader => {
  const call = resourceCallIn(operation)
  const method = operation.target.method ?? 'GET'
  if (call !== null) return wholeReader((reply) => namesInReply(call, method, reply))
  // Of a path that nothing is known of: what a POST answers with is taken for something that it made.
  return wholeReader((reply) => ({ made: method === 'POST' ? looselyNamed(reply) : [], named: [] }))
}

const looselyNamed = (reply: unknown): NamedResource[] =>
  isObject(reply)
    ? ['id', 'request_id', 'name'].flatMap((field) => {
        const id = reply[field]
        return typeof id === 'string' && id.length >= 8 ? [{ id, kind: 'other' }] : []
      })
    : []

const created = Buffer.from('response.created')
const itemDone = Buffer.from('response.output_item.done')
/** The type of an event stands near its beginning. */
const headBytes = 200

/** Events of /v1/responses; the first names the response, and each item is named when it is done. */
const streamReader = (maximumEventBytes: number): Reader => {
  const splitter = makeEventSplitter(maximumEventBytes)
  const made: NamedResource[] = []
  const named: NamedResource[] = []
  let isBroken = false
  const onEvent = (event: Buffer) => {
    const head = event.subarray(0, headBytes)
    if (head.includes(created) && made.length === 0) {
      const data = parse(Buffer.from(dataOf(event)))
      if (isObject(data)) made.push(...namesInResponse(data['response']).made)
    } else if (head.includes(itemDone)) {
      const data = parse(Buffer.from(dataOf(event)))
      if (isObject(data)) named.push(...itemNamed(data['item']))
    }
  }
  return {
    take(chunk) {
      if (isBroken) return
      try {
        const { text, ends } = splitter.push(chunk)
        let start = 0
        for (const end of ends) {
          onEvent(text.subarray(start, end))
          start = end
        }
      } catch {
        // The relay has the same limit, and ends the operation.
        isBroken = true
      }
    },
    names: () => ({ made, named }),
  }
}

const parse = (text: Buffer): unknown => {
  try {
    return JSON.parse(text.toString('utf8')) as unknown
  } catch {
    return null
  }
}
