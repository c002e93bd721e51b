import {
  type EndpointName,
  endpointOf,
  type Reply,
  type Request,
  urlOf,
} from '../../src/contract/endpoints.ts'
import type { ErrorReply } from '../../src/contract/wire.ts'
import { askForProof, canAskForProof } from './step-up.ts'

/** An error reply of the API, or none at all (`unreachable`). */
export class CallFault extends Error {
  readonly code: string
  readonly next: string
  readonly status: number
  readonly field: string | undefined
  readonly operationId: string | undefined
  constructor(status: number, error: ErrorReply['error']) {
    super(error.message)
    this.name = 'CallFault'
    this.status = status
    this.code = error.code
    this.next = error.next
    this.field = error.field
    this.operationId = error.operationId
  }
}

const unreachable = (): CallFault =>
  new CallFault(0, {
    code: 'unreachable',
    message: 'The gateway could not be reached.',
    next: 'Check the connection, then try again.',
  })

const notUnderstood = (status: number): CallFault =>
  new CallFault(status, {
    code: 'reply_not_understood',
    message: `The gateway answered ${status} with something this page does not understand.`,
    next: 'Reload the page; it may be older than the gateway.',
  })

const notConfirmed = (): CallFault =>
  new CallFault(403, {
    code: 'not_confirmed',
    message: 'Nothing was changed: it was not confirmed that it is you.',
    next: 'Try again and confirm it.',
  })

/** Kept in memory only; every reply that opens or reads a session brings it. */
let csrfToken: string | null = null

const readCsrfToken = (reply: unknown): void => {
  if (typeof reply !== 'object' || reply === null) return
  // Changes of second factors bring it beside the recovery codes.
  if ('me' in reply) readCsrfToken(reply.me)
  if ('csrfToken' in reply && typeof reply.csrfToken === 'string') csrfToken = reply.csrfToken
}

/** Inside a host application’s page the session has a cookie of its own: this says which is meant. */
let isEmbedded = false
export const pagesAreEmbedded = (): void => {
  isEmbedded = true
}

export const arePagesEmbedded = (): boolean => isEmbedded

const headersOf = (method: string, hasBody: boolean): Record<string, string> => ({
  accept: 'application/json',
  ...(hasBody && { 'content-type': 'application/json' }),
  ...(isEmbedded && { 'x-aideon-embedded': '1' }),
  ...(method !== 'GET' && csrfToken !== null && { 'x-csrf-token': csrfToken }),
})

const readJson = async (response: Response): Promise<unknown> => {
  try {
    return await response.json()
  } catch {
    throw notUnderstood(response.status)
  }
}

const isErrorReply = (reply: unknown): reply is ErrorReply =>
  typeof reply === 'object' &&
  reply !== null &&
  'error' in reply &&
  typeof reply.error === 'object' &&
  reply.error !== null &&
  'code' in reply.error &&
  'message' in reply.error

/**
 * One call of our own API, typed by the contract. Throws `CallFault`. What needs a fresh proof of who it is asks for that
 * and is sent once more.
 */
export const call = async <Name extends EndpointName>(
  name: Name,
  request: Request<Name>,
  signal?: AbortSignal,
): Promise<Reply<Name>> => {
  try {
    return await send(name, request, signal)
  } catch (error) {
    if (!(error instanceof CallFault) || error.code !== 'step_up_required' || !canAskForProof()) throw error
    if (!(await askForProof())) throw notConfirmed()
    return send(name, request, signal)
  }
}

const send = async <Name extends EndpointName>(
  name: Name,
  request: Request<Name>,
  signal?: AbortSignal,
): Promise<Reply<Name>> => {
  const endpoint = endpointOf(name)
  const { params, query, body } = request as {
    params?: Record<string, string>
    query?: Record<string, string | number>
    body?: unknown
  }
  const response = await fetch(urlOf(endpoint, { params, query }), {
    method: endpoint.method,
    credentials: 'same-origin',
    headers: headersOf(endpoint.method, body !== undefined),
    body: body === undefined ? null : JSON.stringify(body),
    signal: signal ?? null,
  }).catch((error: unknown) => {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw unreachable()
  })
  const reply = await readJson(response)
  if (!response.ok)
    throw isErrorReply(reply) ? new CallFault(response.status, reply.error) : notUnderstood(response.status)
  readCsrfToken(reply)
  return reply as Reply<Name>
}
