import { describe, expect, test } from 'vitest'
import { answering, bytesOf, requestOf, serviceOf, sse, translate } from '../../tests/translation/upstream.ts'

const body = { model: 'm', messages: [{ role: 'user', content: 'hello' }] }
const ask = (service: string, fetch: typeof globalThis.fetch, more: object = {}) =>
  requestOf('chat_completions', body, {
    service: serviceOf(service),
    model: { openai: 'gpt-4o', anthropic: 'claude-sonnet-4-5', gemini: 'gemini-2.5-flash' }[service] ?? 'm',
    fetch,
    ...more,
  })

const start = {
  type: 'message_start',
  message: {
    type: 'message',
    id: 'm',
    role: 'assistant',
    content: [],
    usage: { input_tokens: 3, output_tokens: 1 },
  },
}
const text = (said: string) => [
  { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
  { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: said } },
]

describe('a failed reply', () => {
  test.each(['openai', 'anthropic', 'gemini', 'bedrock'])(
    'of %s comes with its status, headers and words, whole and streamed',
    async (service) => {
      const said = JSON.stringify({
        error: { type: 'rate_limit_error', message: 'slow down', code: 429 },
        message: 'slow down',
      })
      for (const streamed of [false, true]) {
        const { fetch } = answering(
          () =>
            new Response(said, {
              status: 429,
              headers: { 'retry-after': '7', 'content-type': 'application/json' },
            }),
        )
        const result = await translate(ask(service, fetch, { streamed }))
        expect(result).toMatchObject({
          kind: 'failed',
          status: 429,
          body: said,
          headers: { 'retry-after': '7' },
        })
      }
    },
  )

  test('is cut at 64 KiB, and says nothing of what was sent', async () => {
    const { fetch } = answering(() => new Response('x'.repeat(1_000_000), { status: 500 }))
    const result = await translate(ask('anthropic', fetch))
    expect(result.kind === 'failed' && result.body.length).toBe(64 * 1024)
    expect(JSON.stringify(result)).not.toContain('hello')
  })

  test('of a connection has no status', async () => {
    const fetch = async () => {
      throw new TypeError('fetch failed')
    }
    expect(await translate(ask('openai', fetch))).toEqual({
      kind: 'failed',
      status: null,
      headers: {},
      body: '',
    })
  })

  test('is a success that nobody can read', async () => {
    for (const reply of ['{"choices": 1}', 'not json']) {
      const { fetch } = answering(
        () => new Response(reply, { headers: { 'content-type': 'application/json' } }),
      )
      const result = await translate(ask('azure_openai', fetch))
      expect(result).toMatchObject({ kind: 'failed', status: null })
    }
  })

  test('is a success without words and without an end', async () => {
    const error = { error: { code: 500, message: 'overloaded', status: 'INTERNAL' } }
    for (const service of ['gemini', 'azure_openai', 'anthropic', 'mistral']) {
      const { kind } = await translate(ask(service, answering(() => Response.json(error)).fetch))
      expect(kind, service).not.toBe('reply')
    }
    const blocked = { promptFeedback: { blockReason: 'SAFETY' } }
    const { kind } = await translate(ask('gemini', answering(() => Response.json(blocked)).fetch))
    expect(kind).toBe('reply')
  })

  test('is an error event in place of a reply, before anything was sent to the caller', async () => {
    const { fetch } = answering(() =>
      sse(start, { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }),
    )
    expect(await translate(ask('anthropic', fetch, { streamed: true }))).toMatchObject({
      kind: 'failed',
      status: 529,
    })
  })
})

describe('a stream that breaks', () => {
  const streamOf = async (service: string, reply: () => Response) => {
    const result = await translate(ask(service, answering(reply).fetch, { streamed: true }))
    return bytesOf(result)
  }

  test('throws where the service just stops, and makes no end of its own', async () => {
    const chunk = { id: 'c', choices: [{ index: 0, delta: { content: 'hel' } }] }
    for (const service of ['azure_openai', 'custom', 'mistral'])
      await expect(streamOf(service, () => sse(chunk))).rejects.toThrow()
    await expect(streamOf('anthropic', () => sse(start, ...text('hel')))).rejects.toThrow()
    const part = { candidates: [{ content: { parts: [{ text: 'hel' }] } }] }
    await expect(streamOf('gemini', () => sse(part))).rejects.toThrow()
  })

  test('throws on an error event after the first words', async () => {
    const error = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }
    await expect(streamOf('anthropic', () => sse(start, ...text('hel'), error))).rejects.toThrow()
  })

  test('throws when the connection is lost', async () => {
    const lost = () =>
      new Response(
        new ReadableStream(
          {
            start(controller) {
              controller.enqueue(Buffer.from(`event: message_start\ndata: ${JSON.stringify(start)}\n\n`))
              for (const event of text('hel'))
                controller.enqueue(Buffer.from(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`))
            },
            pull(controller) {
              controller.error(new Error('reset'))
            },
          },
          { highWaterMark: 0 },
        ),
        { headers: { 'content-type': 'text/event-stream' } },
      )
    await expect(streamOf('anthropic', lost)).rejects.toThrow()
  })
})

describe('bounds', () => {
  test('a reply larger than allowed is refused, whole or streamed, however its lines are', async () => {
    const endless = () => {
      let sent = 0
      return new Response(
        new ReadableStream({
          pull(controller) {
            sent += 1
            if (sent > 1_000) throw new Error('nobody stopped reading')
            controller.enqueue(Buffer.alloc(10_000, 'x'))
          },
        }),
        { headers: { 'content-type': 'text/event-stream' } },
      )
    }
    const large = () => Response.json({ choices: [{ message: { content: 'x'.repeat(200_000) } }] })
    for (const [reply, streamed] of [
      [endless, true],
      [large, false],
    ] as const) {
      const result = await translate(
        ask('openai', answering(reply).fetch, { streamed, maximumBytes: 100_000 }),
      )
      expect(result).toMatchObject({ kind: 'refused', fault: { code: 'service_reply_too_large' } })
    }
  })

  test('a small reply that would take gigabytes to parse is refused', async () => {
    const { fetch } = answering(
      () => new Response('['.repeat(100_000), { headers: { 'content-type': 'application/json' } }),
    )
    const result = await translate(ask('openai', fetch))
    expect(result).toMatchObject({ kind: 'refused', fault: { code: 'service_reply_invalid' } })
  })

  test('a caller who stops reading stops the service, and nothing is read ahead', async () => {
    let pulled = 0
    let cancelled = false
    const reply = () =>
      new Response(
        new ReadableStream(
          {
            pull(controller) {
              pulled += 1
              const event = pulled === 1 ? start : (text('word ')[pulled === 2 ? 0 : 1] as { type: string })
              controller.enqueue(Buffer.from(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`))
            },
            cancel() {
              cancelled = true
            },
          },
          { highWaterMark: 0 },
        ),
        { headers: { 'content-type': 'text/event-stream' } },
      )
    const result = await translate(ask('anthropic', answering(reply).fetch, { streamed: true }))
    if (result.kind !== 'reply' || Buffer.isBuffer(result.body)) throw new Error('a stream was expected')
    const reader = result.body[Symbol.asyncIterator]()
    await reader.next()
    await new Promise((done) => setImmediate(done))
    expect(pulled).toBeLessThan(20)
    await reader.return?.()
    await new Promise((done) => setImmediate(done))
    expect(cancelled).toBe(true)
  })

  test('nothing is sent after an abort, and a stream under way ends', async () => {
    const stop = new AbortController()
    const { fetch, sent } = answering(() => sse(start, ...text('a'), ...text('b')))
    const result = await translate(ask('anthropic', fetch, { streamed: true, signal: stop.signal }))
    stop.abort()
    await expect(bytesOf(result)).rejects.toThrow()
    expect(sent).toHaveLength(1)
    expect(await translate(ask('anthropic', fetch, { signal: stop.signal }))).toMatchObject({
      kind: 'failed',
    })
    expect(sent).toHaveLength(1)
  })
})
