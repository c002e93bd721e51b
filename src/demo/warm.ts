import type { DemoFile } from './demo-file.ts'

/**
 * A little history for the dashboards: some dozens of real operations through the gateway, with the demo's tokens, so
 * that nothing on the screens is painted. Gives how many were answered, and how many of them refused.
 */
export const warmDemo = async (demo: DemoFile): Promise<{ answered: number; refused: number }> => {
  const calls = demoCalls(demo)
  const statuses: number[] = []
  const lane = async () => {
    for (let call = calls.shift(); call; call = calls.shift()) statuses.push(await send(demo.baseUrl, call))
  }
  await Promise.all([lane(), lane(), lane()])
  return {
    answered: statuses.filter((status) => status > 0).length,
    refused: statuses.filter((status) => status >= 400).length,
  }
}

interface Call {
  readonly path: string
  readonly token: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body: object
}

const questions = [
  'Summarise the meeting notes in three sentences.',
  'Translate “good morning” into five languages.',
  'Write a haiku about rivers.',
  'Which of these invoices is overdue?',
  'Explain prompt caching to a colleague.',
  'Draft a short thank-you note.',
]
/** Long enough for the services’ prompt caches. */
const handbook = 'Our handbook says that every reply is polite, short and correct. '.repeat(150)

const gpt = (token: string, model: string, content: string, more: object = {}): Call => ({
  path: '/v1/chat/completions',
  token,
  body: { model, messages: [{ role: 'user', content }], ...more },
})
const claude = (token: string, model: string, content: string, more: object = {}): Call => ({
  path: '/v1/messages',
  token,
  headers: { 'anthropic-version': '2023-06-01' },
  body: { model, max_tokens: 400, messages: [{ role: 'user', content }], ...more },
})

const gemini = (token: string, model: string, content: string): Call => ({
  path: `/v1beta/models/${model}:generateContent`,
  token,
  body: { contents: [{ role: 'user', parts: [{ text: content }] }] },
})
const image = (token: string, model: string, prompt: string): Call => ({
  path: '/v1/images/generations',
  token,
  body: { model, prompt, size: '1024x1024', quality: 'low' },
})
const imagine = (token: string, prompt: string): Call => ({
  path: '/mj/submit/imagine',
  token,
  body: { prompt },
})

const demoCalls = (demo: DemoFile): Call[] => {
  const [olivia, ansel, nora] = demo.users
  if (!olivia || !ansel || !nora) return []
  const system = [{ type: 'text', text: handbook, cache_control: { type: 'ephemeral' } }]
  const forNora = { 'x-aideon-user': nora.email }
  return [
    ...questions.flatMap((question) => [
      gpt(olivia.accessToken, 'gpt-4.1-mini', question),
      claude(ansel.accessToken, 'claude-haiku-4-5', question),
      gpt(nora.accessToken, 'gpt-4.1-mini', question),
      claude(nora.accessToken, 'claude-sonnet-4-5', question, { system }),
    ]),
    ...questions.slice(0, 2).flatMap((question) => [
      gpt(olivia.accessToken, 'gpt-5-mini', question, { stream: true }),
      gpt(ansel.accessToken, 'gpt-4.1', question, { stream: true, max_tokens: 60 }),
      claude(ansel.accessToken, 'claude-sonnet-4-5', question, { stream: true, system }),
      gpt(olivia.accessToken, 'openrouter/openai/gpt-4.1-mini', question),
      {
        path: '/v1/embeddings',
        token: nora.accessToken,
        body: { model: 'text-embedding-3-small', input: questions },
      },
    ]),
    gpt(ansel.accessToken, 'openrouter/anthropic/claude-haiku-4.5', questions[0] ?? ''),
    // Other services, dialects and tasks; the first two are translated on the way.
    gpt(nora.accessToken, 'claude-haiku-4-5', questions[1] ?? ''),
    claude(nora.accessToken, 'gemini-2.5-flash', questions[2] ?? ''),
    gpt(nora.accessToken, 'group/smart', questions[4] ?? '', { stream: true }),
    gpt(nora.accessToken, 'mistral/mistral-small-latest', questions[0] ?? ''),
    gemini(nora.accessToken, 'gemini-2.5-flash', questions[5] ?? ''),
    image(nora.accessToken, 'gpt-image-1', 'A lighthouse at dawn, as a woodcut.'),
    imagine(nora.accessToken, 'a harbour in the morning mist'),
    imagine(nora.accessToken, 'a paper boat in the rain'),
    { ...gpt(demo.platformToken, 'gpt-4o-mini', questions[1] ?? ''), headers: forNora },
    { ...gpt(demo.platformToken, 'gpt-4.1-nano', questions[2] ?? ''), headers: forNora },
    // Refusals and failures belong to the picture.
    claude(olivia.accessToken, 'claude-haiku-4-5', questions[3] ?? ''),
    {
      ...gpt(nora.accessToken, 'gpt-4.1-mini', questions[4] ?? ''),
      headers: { 'x-aideon-fallback': 'none' },
    },
    gpt(nora.accessToken, 'gpt-4.1-mini', 'A service that fails: [[simulate: error 500]]'),
    gpt(olivia.accessToken, 'gpt-4.1-mini', 'A reply that is cut off: [[simulate: cut after 8 chunks]]', {
      stream: true,
    }),
  ]
}

/** The reply's status; 0 when there was none. Our own gateway is called, so this is no way out of the process. */
const send = async (baseUrl: string, { path, token, headers, body }: Call): Promise<number> => {
  try {
    const response = await fetch(baseUrl + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(30_000),
    })
    // A stream that is cut off on purpose ends in an error here; its status counts all the same.
    await response.arrayBuffer().catch(() => null)
    return response.status
  } catch {
    return 0
  }
}
