import type { Stage, StagePerson } from './stage.ts'

/** The dialects that chat can be asked in, each as its own clients ask, and what a caller reads of an error. */
export type ChatDialect = 'chat_completions' | 'responses' | 'messages' | 'gemini'

export const chatDialects: readonly ChatDialect[] = ['chat_completions', 'responses', 'messages', 'gemini']

interface Wanted {
  readonly model: string
  readonly prompt: string
  readonly streamed: boolean
}

const builders: Record<ChatDialect, (wanted: Wanted) => { path: string; body: object }> = {
  chat_completions: ({ model, prompt, streamed }) => ({
    path: '/v1/chat/completions',
    body: {
      model,
      max_tokens: 2_000,
      messages: [{ role: 'user', content: prompt }],
      ...(streamed && { stream: true }),
    },
  }),
  responses: ({ model, prompt, streamed }) => ({
    path: '/v1/responses',
    body: { model, max_output_tokens: 2_000, input: prompt, ...(streamed && { stream: true }) },
  }),
  messages: ({ model, prompt, streamed }) => ({
    path: '/v1/messages',
    body: {
      model,
      max_tokens: 2_000,
      messages: [{ role: 'user', content: prompt }],
      ...(streamed && { stream: true }),
    },
  }),
  gemini: ({ model, prompt, streamed }) => ({
    path: `/v1beta/models/${encodeURIComponent(model)}:${streamed ? 'streamGenerateContent?alt=sse' : 'generateContent'}`,
    body: { contents: [{ parts: [{ text: prompt }] }], generationConfig: { maxOutputTokens: 2_000 } },
  }),
}

export const requestIn = (dialect: ChatDialect, wanted: Wanted) => builders[dialect](wanted)

export const postTo = (
  url: string,
  person: Pick<StagePerson, 'token'>,
  path: string,
  body: unknown,
  more: { headers?: Record<string, string>; signal?: AbortSignal } = {},
): Promise<Response> =>
  fetch(url + path, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${person.token}`,
      ...more.headers,
    },
    body: typeof body === 'string' || body instanceof Uint8Array ? (body as string) : JSON.stringify(body),
    ...(more.signal && { signal: more.signal }),
  })

export const askIn = (
  stage: Pick<Stage, 'url'>,
  person: Pick<StagePerson, 'token'>,
  dialect: ChatDialect,
  wanted: Wanted,
  more: { headers?: Record<string, string>; signal?: AbortSignal } = {},
): Promise<Response> => {
  const { path, body } = requestIn(dialect, wanted)
  const headers = { ...(dialect === 'messages' && { 'anthropic-version': '2023-06-01' }), ...more.headers }
  return postTo(stage.url, person, path, body, { ...more, headers })
}

/** The reply as far as it came, and whether it ended as a whole one. */
export const readAll = async (reply: Response): Promise<{ text: string; whole: boolean }> => {
  let text = ''
  try {
    for await (const chunk of reply.body as unknown as AsyncIterable<Uint8Array>)
      text += Buffer.from(chunk).toString()
    return { text, whole: true }
  } catch {
    return { text, whole: false }
  }
}

/** Marks that clients of a dialect take for the end of a whole stream. */
export const endMarks: Record<ChatDialect, RegExp> = {
  chat_completions: /^data: \[DONE\]|"finish_reason":\s?"(?:stop|length|tool_calls)/m,
  responses: /response\.(?:completed|incomplete)/,
  messages: /message_stop/,
  gemini: /"finishReason":\s?"/,
}

/** The stable code of a fault, where the dialect has it; null where this is no error of that dialect. */
export const errorIn: Record<
  ChatDialect | 'cohere' | 'midjourney',
  (body: string) => { code: string; message: string } | null
> = {
  chat_completions: (body) => openaiError(body),
  responses: (body) => openaiError(body),
  messages: (body) => {
    const { type, error } = parsed(body) as { type?: string; error?: { code?: string; message?: string } }
    return type === 'error' && error?.message !== undefined ? found(error.code, error.message) : null
  },
  gemini: (body) => {
    const { error } = parsed(body) as {
      error?: { code?: number; message?: string; status?: string; details?: { reason?: string }[] }
    }
    return typeof error?.code === 'number' && error.status !== undefined && error.message !== undefined
      ? found(error.details?.[0]?.reason, error.message)
      : null
  },
  cohere: (body) => {
    const { message, code } = parsed(body) as { message?: string; code?: string }
    return message === undefined ? null : found(code, message)
  },
  midjourney: (body) => {
    const { code, description, properties } = parsed(body) as {
      code?: number
      description?: string
      properties?: { code?: string }
    }
    return typeof code === 'number' && description !== undefined ? found(properties?.code, description) : null
  },
}

const parsed = (body: string): unknown => {
  try {
    return JSON.parse(body) as unknown
  } catch {
    return {}
  }
}
const found = (code: string | undefined, message: string) => ({ code: code ?? '', message })
const openaiError = (body: string) => {
  const { error } = parsed(body) as { error?: { code?: string; message?: string; type?: string } }
  return error?.message !== undefined && error.type !== undefined ? found(error.code, error.message) : null
}
