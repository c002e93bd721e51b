import { setTimeout as wait } from 'node:timers/promises'
import { Agent, request } from 'undici'

export interface Call {
  readonly url: string
  readonly token: string
  readonly dialect: 'openai' | 'anthropic'
  readonly streamed: boolean
  readonly prompt: string
  /** Null: left open, where the dialect allows that. */
  readonly maximumTokens: number | null
  readonly headers?: Readonly<Record<string, string>>
}

/** What a caller knows when a call is over. Times are monotonic. */
export interface Reply {
  readonly call: Call
  readonly startedMs: number
  readonly endedMs: number
  /** Null: the connection gave none. */
  readonly status: number | null
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
  /** Nothing is missing: JSON that parses, or a stream with its last event. */
  readonly whole: boolean
  /** The connection says that this was all of it. */
  readonly endedCleanly: boolean
  readonly operationId: string | null
  /** Of an error reply. */
  readonly code: string | null
}

export interface Client extends AsyncDisposable {
  send(call: Call): Promise<Reply>
}

export const openClient = (): Client => {
  const agent = new Agent({ connections: 64, pipelining: 1 })
  return {
    async send(call) {
      const startedMs = performance.now()
      const partial: Partial = { status: null, headers: {}, text: '', endedCleanly: false }
      try {
        await receive(agent, call, partial)
      } catch {
        // What has come by then is what the caller has.
      }
      return { call, startedMs, endedMs: performance.now(), ...judged(call, partial) }
    },
    [Symbol.asyncDispose]: () => agent.destroy(),
  }
}

interface Partial {
  status: number | null
  headers: Record<string, string>
  text: string
  endedCleanly: boolean
}

const receive = async (agent: Agent, call: Call, into: Partial): Promise<void> => {
  const reply = await request(call.url + pathOf(call), {
    dispatcher: agent,
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'anthropic-version': '2023-06-01',
      authorization: `Bearer ${call.token}`,
      ...call.headers,
    },
    body: JSON.stringify(bodyOf(call)),
  })
  into.status = reply.statusCode
  into.headers = Object.fromEntries(
    Object.entries(reply.headers).map(([name, value]) => [name, String(value)]),
  )
  for await (const chunk of reply.body.setEncoding('utf8') as AsyncIterable<string>) into.text += chunk
  into.endedCleanly = true
}

const pathOf = (call: Call): string => (call.dialect === 'openai' ? '/v1/chat/completions' : '/v1/messages')

const bodyOf = ({ dialect, streamed, prompt, maximumTokens }: Call) => ({
  model: dialect === 'openai' ? 'gpt-4o-mini' : 'claude-sonnet-4-5',
  ...(maximumTokens === null ? {} : { max_tokens: maximumTokens }),
  ...(streamed ? { stream: true } : {}),
  messages: [{ role: 'user', content: prompt }],
})

const judged = (call: Call, partial: Partial) => {
  const { status, headers, text } = partial
  const served = status === 200
  return {
    ...partial,
    whole: served && (call.streamed ? hasLastEvent(call, text) : readJson(text) !== null),
    operationId: headers['x-aideon-operation'] ?? null,
    code: served ? null : errorCode(text),
  }
}

const hasLastEvent = ({ dialect }: Call, text: string): boolean =>
  dialect === 'openai'
    ? /(?:^|\n)data: \[DONE\]\n\n$/.test(text)
    : /(?:^|\n)event: message_stop\ndata: .*\n\n$/.test(text)

const readJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

const errorCode = (text: string): string | null => {
  const parsed = readJson(text) as { error?: { code?: unknown } } | null
  return typeof parsed?.error?.code === 'string' ? parsed.error.code : null
}

export interface Load {
  /** Of all calls that have ended. */
  readonly replies: readonly Reply[]
  /** Resolves when so many more replies fit. */
  more(count: number, fits: (reply: Reply) => boolean): Promise<void>
  /** Lets the calls under way end. */
  stop(): Promise<readonly Reply[]>
}

/** So many clients, each with one call after the other, until it is stopped. */
export const startLoad = (client: Client, clients: number, next: (caller: number) => Call): Load => {
  const replies: Reply[] = []
  const watchers = new Set<(reply: Reply) => void>()
  const end = new AbortController()
  const run = async (caller: number): Promise<void> => {
    while (!end.signal.aborted) {
      const reply = await client.send(next(caller))
      replies.push(reply)
      for (const watch of watchers) watch(reply)
      // Whoever is refused by a process that is gone must not take all of a core for asking again.
      if (reply.status !== 200) await wait(20)
    }
  }
  const runs = Array.from({ length: clients }, (_, caller) => run(caller))
  return {
    replies,
    more: (count, fits) =>
      new Promise((resolve) => {
        let left = count
        const watch = (reply: Reply) => {
          if (!fits(reply) || --left > 0) return
          watchers.delete(watch)
          resolve()
        }
        watchers.add(watch)
      }),
    async stop() {
      end.abort()
      await Promise.all(runs)
      return replies
    },
  }
}
