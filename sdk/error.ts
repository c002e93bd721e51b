import type { ErrorReply } from '../src/contract/wire.ts'

/** An error reply of the API (docs/faults.md has the codes), or `unreachable`, or `reply_not_understood`. */
export class ApiError extends Error {
  readonly status: number
  readonly code: string
  readonly next: string
  readonly field: string | undefined
  /** Quote it when reporting the error. */
  readonly operationId: string | undefined
  readonly retryAfterSeconds: number | null
  constructor(
    status: number,
    error: ErrorReply['error'],
    more: { retryAfterSeconds?: number | null; cause?: unknown } = {},
  ) {
    super(error.message, more.cause === undefined ? undefined : { cause: more.cause })
    this.name = 'ApiError'
    this.status = status
    this.code = error.code
    this.next = error.next
    this.field = error.field
    this.operationId = error.operationId
    this.retryAfterSeconds = more.retryAfterSeconds ?? null
  }
}

export const errorOf = async (response: Response): Promise<ApiError> => {
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
  const retryAfterSeconds = Number.isFinite(seconds) ? seconds : null
  const reply = (await response.json().catch(() => null)) as Partial<ErrorReply> | null
  if (typeof reply?.error?.code === 'string')
    return new ApiError(response.status, reply.error, { retryAfterSeconds })
  const message = `The gateway answered ${response.status} with something that is no reply of the API.`
  return new ApiError(
    response.status,
    { code: 'reply_not_understood', message, next: 'Check the address.' },
    { retryAfterSeconds },
  )
}
