import type { ServerResponse } from 'node:http'
import { errorShapes } from '../dialects/errors.ts'
import { type Fault, statusOf } from '../kit/fault.ts'
import { formatMicros } from '../kit/money.ts'
import { redactSecrets } from '../kit/redact.ts'
import type { Operation } from './operation.ts'

/** Headers of a service's reply that callers' clients use; all others stay behind. */
const passedHeaders = new Set([
  'content-type',
  'x-request-id',
  'request-id',
  'retry-after',
  'openai-processing-ms',
  'openai-version',
])
/** Limits of the key that ran the operation: the caller's business only where the key is theirs. */
const limitHeader = /^(?:x-ratelimit-|anthropic-ratelimit-)/

/** The receipt (architecture §2), as flat name-value pairs for `writeHead`. */
export const receiptHeaders = (operation: Operation, creditMicros: bigint): string[] => {
  const { candidate } = operation
  const headers = ['x-aideon-operation', operation.id]
  if (candidate !== null) {
    headers.push('x-aideon-service', candidate.service.id, 'x-aideon-model', headerSafe(candidate.model))
    headers.push('x-aideon-key-owner', candidate.serviceKey.owner)
    if (candidate.serviceKey.priority !== null)
      headers.push('x-aideon-key-priority', priorityNames[candidate.serviceKey.priority])
  }
  headers.push('x-aideon-reason', operation.reason, 'x-aideon-attempts', String(operation.attempts.length))
  headers.push('x-aideon-credits', formatMicros(creditMicros))
  if (operation.outputLimit !== null)
    headers.push('x-aideon-max-output-tokens', String(operation.outputLimit))
  if (operation.limitHeaders.length > 0) headers.push(...operation.limitHeaders)
  if (operation.notCarried.length > 0)
    headers.push('x-aideon-not-carried', operation.notCarried.join(',').replace(/[^\x20-\x7e]/g, '?'))
  return headers
}

const priorityNames = { 1: 'primary', 2: 'secondary', 3: 'tertiary' } as const

/** Model names come from the caller; a header takes visible ASCII only. */
const headerSafe = (text: string) => text.replace(/[^\x21-\x7e]/g, '?')

export const serviceHeaders = (
  operation: Operation,
  headers: Readonly<Record<string, string | string[] | undefined>>,
): string[] => {
  const passed: string[] = []
  // Ours stand in their place where there are any.
  const own = operation.candidate?.serviceKey.owner !== 'system' && operation.limitHeaders.length === 0
  for (const name in headers) {
    const value = headers[name]
    if (typeof value === 'string' && (passedHeaders.has(name) || (own && limitHeader.test(name))))
      passed.push(name, value)
  }
  return passed
}

export const sendBody = (
  response: ServerResponse,
  status: number,
  headers: string[],
  body: Buffer | string,
): void => {
  if (response.destroyed) return
  headers.push('content-length', String(Buffer.byteLength(body)))
  response.writeHead(status, headers)
  // As text Node joins it to the head, and both go out in one piece; of a large one the copy costs more than that saves.
  if (typeof body !== 'string' && body.length <= joinedBodyBytes)
    response.end(body.toString('latin1'), 'latin1')
  else response.end(body)
}

const joinedBodyBytes = 8 * 1024

/** Resolves when the last byte has left, or nobody takes it any more. */
export const delivered = (response: ServerResponse, idleTimeoutMs: number): Promise<void> | void => {
  if (response.closed || (response.writableEnded && response.writableLength === 0)) return
  // Node closes a connection on which nothing moves for this long.
  response.setTimeout(idleTimeoutMs)
  return new Promise((done) => void response.once('close', done))
}

/** A refusal or failure in the shape of the caller's dialect. */
export const sendFault = (response: ServerResponse, operation: Operation, fault: Fault): void => {
  const status = statusOf(fault)
  operation.faultCode = fault.code
  const headers = ['content-type', 'application/json', ...receiptHeaders(operation, operation.creditMicros)]
  if (fault.retryAfterSeconds !== undefined) headers.push('retry-after', String(fault.retryAfterSeconds))
  if (status === 401) headers.push('www-authenticate', 'Bearer')
  if (status === 405) headers.push('allow', operation.target.method ?? '')
  // Faults quote what the caller sent, and people paste keys into the wrong field.
  const told = { ...fault, message: redactSecrets(fault.message) }
  sendBody(response, status, headers, errorShapes[operation.target.dialect](told, operation.id))
}

/** Where a call would have gone; in our own shape, because no dialect has one for it. */
export const sendExplanation = (
  response: ServerResponse,
  operation: Operation,
  explanation: unknown,
): void => {
  operation.reason = 'explained'
  const headers = ['content-type', 'application/json', ...receiptHeaders(operation, 0n)]
  sendBody(response, 200, headers, JSON.stringify(explanation))
}

/** What a service said to a call it did not serve, redacted, with our receipt. */
export const sendServiceReply = (
  response: ServerResponse,
  operation: Operation,
  reply: { status: number; headers: Readonly<Record<string, string | string[] | undefined>>; body: string },
): void => {
  const headers = [
    ...serviceHeaders(operation, reply.headers),
    ...receiptHeaders(operation, operation.creditMicros),
  ]
  sendBody(response, reply.status, headers, reply.body)
}
