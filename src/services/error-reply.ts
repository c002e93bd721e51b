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
  const error = errorIn(body)
  const text = (value: unknown) => (typeof value === 'string' ? value : '')
  const metadata = error.metadata as { flagged_input?: unknown; reasons?: unknown } | null | undefined
  return {
    type: text(error.type),
    code: text(error.code),
    message: text(error.message),
    isModeration: metadata?.flagged_input !== undefined || metadata?.reasons !== undefined,
  }
}

const errorIn = (body: string): Record<string, unknown> => {
  try {
    const { error } = JSON.parse(body) as { error?: unknown }
    return typeof error === 'object' && error !== null ? (error as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

/**
 * Statuses that say “not now, or not here”: timeouts, collisions with the service's own state, replays it will not
 * risk, and redirects, which are never followed.
 */
export const isServiceTrouble = (status: number): boolean =>
  status >= 500 || status < 400 || status === 408 || status === 409 || status === 425
