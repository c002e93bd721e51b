import type { ErrorReply } from '../contract/wire.ts'
import { isDatabaseUnavailable } from '../db/database.ts'
import { type Fault, FaultError, fault } from '../kit/fault.ts'

/** What Fastify, its plugins and the schema check throw. */
interface ShellError {
  readonly code?: unknown
  readonly validation?: readonly { instancePath?: string; message?: string }[]
  readonly validationContext?: string
}

const faultOfShellCode: Readonly<Record<string, Fault['code']>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'malformed_json',
  FST_ERR_CTP_INVALID_JSON_BODY: 'malformed_json',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'invalid_request',
  FST_ERR_BAD_URL: 'unknown_route',
  FST_ERR_VALIDATION: 'invalid_request',
  // PostgreSQL's of a NUL within a text, which it cannot store.
  '22021': 'invalid_request',
  '22P05': 'invalid_request',
}

/** Any error → the fault to answer with. `internal` means that nobody expected it: the shell logs it with its id. */
export const faultOf = (error: unknown): Fault => {
  if (error instanceof FaultError) return error.fault
  if (isDatabaseUnavailable(error)) return fault('database_unavailable')
  const { code, validation, validationContext } = error as ShellError
  if (validation) return invalid(validation[0], validationContext)
  const known = typeof code === 'string' ? faultOfShellCode[code] : undefined
  return fault(known ?? 'internal')
}

/** The schema's own words name the rule, never the value. */
const invalid = (issue: { instancePath?: string; message?: string } | undefined, context = 'body'): Fault => {
  const field = (issue?.instancePath ?? '').replace(/^\//, '').replaceAll('/', '.')
  if (field === '')
    return fault('invalid_request', {
      message: `The ${context} is not valid: ${issue?.message ?? 'wrong type'}.`,
    })
  return fault('invalid_request', { message: `${field}: ${issue?.message ?? 'not valid'}.`, field })
}

export const errorBody = (f: Fault, operationId?: string): ErrorReply => ({
  error: {
    code: f.code,
    message: f.message,
    next: f.next,
    ...(f.field === undefined ? {} : { field: f.field }),
    ...(operationId === undefined ? {} : { operationId }),
  },
})
