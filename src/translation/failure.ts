import {
  APICallError,
  UnsupportedFunctionalityError,
  InvalidArgumentError,
  InvalidPromptError,
} from '@ai-sdk/provider'
import { isObject } from '../dialects/request.ts'
import { FaultError, type Fault, fault } from '../kit/fault.ts'

export type Unsuccessful =
  | { readonly kind: 'refused'; readonly fault: Fault }
  | {
      readonly kind: 'failed'
      readonly status: number | null
      readonly headers: Readonly<Record<string, string>>
      readonly body: string
    }

export const malformedReply = (message: string): FaultError =>
  new FaultError(fault('service_reply_invalid', { message }))

/**
 * What an error of the AI SDK is here. Only the service's own words leave: the SDK's errors carry the whole request, and
 * messages that quote it.
 */
export const unsuccessful = (error: unknown): Unsuccessful => {
  const own = faultIn(error)
  if (own !== null) return { kind: 'refused', fault: own }
  if (UnsupportedFunctionalityError.isInstance(error))
    return refusedAs(`The service’s dialect has no place for ${plain(error.functionality)}.`)
  if (InvalidPromptError.isInstance(error) || InvalidArgumentError.isInstance(error))
    return refusedAs('The service’s dialect cannot express this conversation.')
  if (APICallError.isInstance(error)) {
    const { statusCode: status, responseHeaders, responseBody } = error
    // A success that cannot be read is the service’s failure, and no status says so.
    if (status === undefined || status < 300) return failed(null)
    return failed(status, responseHeaders ?? {}, responseBody ?? '')
  }
  return streamError(error) ?? failed(null)
}

const failed = (
  status: number | null,
  headers: Readonly<Record<string, string>> = {},
  body = '',
): Unsuccessful => ({ kind: 'failed', status, headers, body })

const refusedAs = (message: string): Unsuccessful => ({
  kind: 'refused',
  fault: fault('not_translatable', { message }),
})

/** Ours, thrown within a fetch or a reading of the SDK, which wraps what it does not know. */
const faultIn = (error: unknown): Fault | null => {
  let inner = error
  for (let depth = 0; depth < 4 && inner !== undefined && inner !== null; depth++) {
    if (inner instanceof FaultError) return inner.fault
    inner = (inner as { cause?: unknown }).cause
  }
  return null
}

/** An error event that a service sent in place of a reply; the SDK knows its status for the usual types. */
const streamError = (error: unknown): Unsuccessful | null => {
  if (!isObject(error) || error instanceof Error) return null
  const { statusCode, data } = error
  if (typeof statusCode !== 'number' || statusCode < 400) return null
  return failed(statusCode, { 'content-type': 'application/json' }, JSON.stringify({ error: data ?? {} }))
}

const plain = (text: string) => text.replace(/[^\w .,:;/"'’()-]/g, '').slice(0, 160)
