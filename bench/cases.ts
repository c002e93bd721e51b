// What is sent, and what must come back.

export interface Case {
  readonly id: 'json' | 'stream' | 'unasked' | 'paced' | 'large'
  readonly title: string
  readonly connections: number
  readonly body: Readonly<Record<string, unknown>>
}

const prompt = (bytes: number): unknown[] => [
  { role: 'system', content: 'You answer in words.' },
  { role: 'user', content: 'word '.repeat(bytes / 5) },
]

const call = { model: 'gpt-4o-mini', temperature: 0.2, max_tokens: 200, messages: prompt(1300) }

export const cases: readonly Case[] = [
  { id: 'json', title: 'JSON, 1.5 KB to 1 KB', connections: 32, body: call },
  {
    id: 'stream',
    title: 'stream, 50 chunks in a burst',
    connections: 32,
    body: { ...call, stream: true, stream_options: { include_usage: true } },
  },
  // The gateway asks for usage all the same and takes the extra event out again.
  {
    id: 'unasked',
    title: 'stream whose caller asked for no usage',
    connections: 32,
    body: { ...call, stream: true },
  },
  {
    id: 'paced',
    title: 'stream, 50 chunks 1 ms apart',
    connections: 64,
    body: { ...call, stream: true, stream_options: { include_usage: true }, user: 'paced' },
  },
  {
    id: 'large',
    title: 'JSON, 100 KB prompt',
    connections: 32,
    body: { ...call, messages: prompt(100_000) },
  },
]

interface Reply {
  readonly text: string
  readonly events: number
  readonly tokens: number | null
}

interface Completion {
  choices?: { message?: { content?: string }; delta?: { content?: string } }[]
  usage?: { total_tokens?: number }
}

/** What a caller would read from a reply's body, whatever its exact bytes. */
export const readReply = (body: string): Reply => {
  const datas = body.startsWith('data:')
    ? body.split('\n\n').flatMap((event) => (event.startsWith('data: ') ? event.slice(6) : []))
    : [body]
  const parts = datas.filter((data) => data !== '[DONE]').map((data) => JSON.parse(data) as Completion)
  return {
    text: parts
      .map((part) => part.choices?.[0]?.message?.content ?? part.choices?.[0]?.delta?.content ?? '')
      .join(''),
    events: datas.length,
    tokens: parts.map((part) => part.usage?.total_tokens).findLast((tokens) => tokens !== undefined) ?? null,
  }
}
