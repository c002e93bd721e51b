/** What an error reply says in its fields. Its text often quotes the request, so nothing is searched for in there. */
export interface ErrorReply {
  readonly type: string
  readonly code: string
  readonly message: string
  /** The service did not like what the prompt says. */
  readonly isModeration: boolean
}

/** Of `{"error": {…}}`, as OpenAI, Anthropic and OpenRouter write it; empty texts where there is none. */
export const readError = (body: string): ErrorReply => {
  const error = members(members(parsed(body)).error)
  const metadata = error.metadata as { flagged_input?: unknown; reasons?: unknown } | null | undefined
  return {
    type: text(error.type),
    code: text(error.code),
    message: text(error.message),
    isModeration: metadata?.flagged_input !== undefined || metadata?.reasons !== undefined,
  }
}

/**
 * The same of the shapes that the other services have: fields beside `error`, `error` or `detail` as a text or an
 * object, Deepgram's `err_code`, Google's `details[].reason`.
 */
export const readAnyError = (body: string): ErrorReply & { readonly reasons: readonly string[] } => {
  const whole = first(parsed(body))
  const inner = { ...members(whole.detail), ...members(first(whole.error)) }
  const details = Array.isArray(inner.details) ? inner.details : []
  return {
    type: text(inner.type) || text(whole.type) || text(whole.name),
    code: text(inner.status) || text(inner.code) || text(whole.code) || text(whole.err_code),
    message:
      [inner.message, whole.message, whole.error, whole.detail, whole.err_msg].map(text).find(Boolean) ?? '',
    isModeration: false,
    reasons: details.map((detail) => text(members(detail).reason)).filter(Boolean),
  }
}

const parsed = (body: string): unknown => {
  try {
    return JSON.parse(body)
  } catch {
    return null
  }
}
const text = (value: unknown): string => (typeof value === 'string' ? value : '')
const members = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
/** Google wraps the errors of streams in a list. */
const first = (value: unknown): Record<string, unknown> => members(Array.isArray(value) ? value[0] : value)

/**
 * Statuses that say “not now, or not here”: timeouts, collisions with the service's own state, replays it will not
 * risk, and redirects, which are never followed.
 */
export const isServiceTrouble = (status: number): boolean =>
  status >= 500 || status < 400 || status === 408 || status === 409 || status === 425
