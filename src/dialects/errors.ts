import { type Fault, statusOf } from '../kit/fault.ts'
import type { Dialect } from '../services/service.ts'

/**
 * A fault in the shape that a dialect's own clients turn into their typed errors. The status is the fault's own, unless the reply
 * has another one (a service's).
 */
type ErrorShape = (fault: Fault, operationId: string, status?: number) => string

const openaiTypes: Record<number, string> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'insufficient_quota',
  403: 'permission_error',
  404: 'invalid_request_error',
  429: 'rate_limit_error',
}

const openaiError = (fault: Fault, operationId: string, status: number) => ({
  error: {
    message: `${fault.message} ${fault.next}`,
    type: openaiTypes[status] ?? (status < 500 ? 'invalid_request_error' : 'server_error'),
    param: fault.field ?? null,
    code: fault.code,
    operation_id: operationId,
  },
})

const anthropicTypes: Record<number, string> = {
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  503: 'overloaded_error',
  504: 'timeout_error',
}

const anthropicError = (fault: Fault, operationId: string, status: number) => {
  return {
    type: 'error',
    error: {
      type: anthropicTypes[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error'),
      message: `${fault.message} ${fault.next}`,
      code: fault.code,
      ...(fault.field === undefined ? {} : { field: fault.field }),
    },
    request_id: operationId,
  }
}

/** https://cloud.google.com/apis/design/errors */
const googleStatuses: Record<number, string> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  402: 'RESOURCE_EXHAUSTED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  409: 'ABORTED',
  429: 'RESOURCE_EXHAUSTED',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
}

const geminiError = (fault: Fault, operationId: string, status: number) => {
  return {
    error: {
      code: status,
      message: `${fault.message} ${fault.next}`,
      status: googleStatuses[status] ?? (status < 500 ? 'FAILED_PRECONDITION' : 'INTERNAL'),
      details: [
        {
          '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
          reason: fault.code,
          domain: 'aideon-keys',
          metadata: { operationId, ...(fault.field === undefined ? {} : { field: fault.field }) },
        },
      ],
    },
  }
}

const cohereError = (fault: Fault, operationId: string) => ({
  message: `${fault.message} ${fault.next}`,
  code: fault.code,
  id: operationId,
})

/** A submit reply that is no success; 4 is the protocol's code of a request that cannot be taken. */
const midjourneyError = (fault: Fault, operationId: string) => ({
  code: statusOf(fault) < 500 ? 4 : 9,
  description: `${fault.message} ${fault.next}`,
  result: null,
  properties: { code: fault.code, operationId },
})

export const errorShapes: Readonly<Record<Dialect, ErrorShape>> = {
  openai: (fault, operationId, status = statusOf(fault)) =>
    JSON.stringify(openaiError(fault, operationId, status)),
  anthropic: (fault, operationId, status = statusOf(fault)) =>
    JSON.stringify(anthropicError(fault, operationId, status)),
  gemini: (fault, operationId, status = statusOf(fault)) =>
    JSON.stringify(geminiError(fault, operationId, status)),
  cohere: (fault, operationId) => JSON.stringify(cohereError(fault, operationId)),
  midjourney: (fault, operationId) => JSON.stringify(midjourneyError(fault, operationId)),
}
