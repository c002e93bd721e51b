import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { must } from '../../src/kit/fault.ts'
import { askIn, type ChatDialect, chatDialects, endMarks, postTo, readAll } from '../dialect-calls.ts'
import { type HostileService, startHostileService } from '../hostile.ts'
import { operator } from '../scene.ts'
import { openStage, type Stage, type StagePerson } from '../stage.ts'

/*
 * Portkey #1797: an upstream stream that is cut half-way must not end as a clean 200, in any dialect, at any kind of route.
 * Official clients throw on it too: tests/clients/cross-service.test.ts, tests/clients/google.test.ts, src/dialects/clients.test.ts.
 */

let stage: Stage
let hostile: HostileService
beforeAll(async () => {
  stage = await openStage()
  hostile = await startHostileService()
  const { catalogue } = stage.gateway.rooms
  must(await catalogue.addAllowance(operator, new URL(hostile.url).host))
})
afterAll(async () => {
  await stage[Symbol.asyncDispose]()
  await hostile[Symbol.asyncDispose]()
})

const models = {
  openai: 'gpt-4o-mini',
  anthropic: 'claude-sonnet-4-5',
  gemini: 'gemini-2.5-flash',
  mistral: 'mistral/mistral-small-latest',
  bedrock: 'bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0',
  openrouter: 'openrouter/openai/gpt-4o-mini',
} as const
type Service = keyof typeof models

const rows = chatDialects.flatMap((dialect) =>
  (Object.keys(models) as Service[])
    // The simulator's OpenRouter speaks chat completions alone.
    .filter((service) => service !== 'openrouter' || /chat|gemini/.test(dialect))
    .map((service): [ChatDialect, Service] => [dialect, service]),
)

const recordOf = (person: StagePerson, reply: Response) =>
  stage.operation(person, reply.headers.get('x-aideon-operation') ?? '')

describe.each(rows)('Portkey #1797: %s at %s', (dialect, service) => {
  test.each(['cut after 5 chunks', 'stream error after 5 chunks'])(
    '%s: the caller is told, sees no end, and the record says so',
    async (what) => {
      const person = await stage.person({ fallback: 'none' })
      await stage.ownKey(person, service)
      const prompt = `[[simulate: ${what}]] [[simulate: tokens 40]]`
      const reply = await askIn(stage, person, dialect, { model: models[service], prompt, streamed: true })
      const { text, whole } = await readAll(reply)
      expect(text).not.toMatch(endMarks[dialect])
      expect(reply.status, text).toBe(200)
      expect(text).toMatch(/error/)
      // An error event of the service's own is the end of the reply; after a cut the connection breaks as well.
      if (what.startsWith('cut')) expect(whole).toBe(false)
      const record = await recordOf(person, reply)
      expect(record).toMatchObject({ status: 'failed', credit_micros: 0n })
      expect(Number(record['output_tokens'])).toBeGreaterThan(0)
    },
  )

  test('a whole reply that is cut half-way is an error as well', async () => {
    const person = await stage.person({ fallback: 'none' })
    await stage.ownKey(person, service)
    const reply = await askIn(stage, person, dialect, {
      model: models[service],
      prompt: '[[simulate: cut after 5 chunks]]',
      streamed: false,
    })
    expect(reply.status).toBeGreaterThanOrEqual(500)
    expect(await reply.text()).toMatch(/error/)
    expect(await recordOf(person, reply)).toMatchObject({ status: 'failed' })
  })
})

describe('Portkey #1797: other streams', () => {
  /** Chunked transfer that ends without its last chunk; or with it, but before the stream's own last event. */
  const cutIn = (type: string, body: string, ending: 'mid-transfer' | 'clean') => {
    const head = `HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\ntransfer-encoding: chunked\r\n\r\n`
    const chunk = `${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n`
    hostile.answer(({ socket }) => socket.end(head + chunk + (ending === 'clean' ? '0\r\n\r\n' : '')))
  }
  const form = (fields: Readonly<Record<string, string>>) => {
    const data = new FormData()
    for (const [name, value] of Object.entries(fields)) data.append(name, value)
    data.append('file', new Blob([Buffer.alloc(4_000, 1)], { type: 'audio/mpeg' }), 'a.mp3')
    return data
  }
  const owner = async () => {
    const person = await stage.person({ fallback: 'none' })
    await stage.ownKey(person, 'openai')
    must(await stage.gateway.rooms.catalogue.change(operator, 'openai', { baseUrl: hostile.url }))
    return person
  }
  afterAll(async () => {
    must(
      await stage.gateway.rooms.catalogue.change(operator, 'openai', {
        baseUrl: `${stage.simulator.url}/openai`,
      }),
    )
  })
  const event = (value: object) => `data: ${JSON.stringify(value)}\n\n`

  const isTold = async (person: StagePerson, reply: Response, mark: RegExp) => {
    const { text, whole } = await readAll(reply)
    expect(text).not.toMatch(mark)
    expect(whole && reply.status === 200, text).toBe(false)
    expect(await recordOf(person, reply)).toMatchObject({ status: 'failed' })
  }

  test.each(['mid-transfer', 'clean'] as const)('speech as events, cut %s', async (ending) => {
    const person = await owner()
    cutIn('text/event-stream', event({ type: 'speech.audio.delta', audio: 'aaaa' }).repeat(3), ending)
    const body = { model: 'gpt-4o-mini-tts', input: 'hello', voice: 'alloy', stream_format: 'sse' }
    await isTold(person, await postTo(stage.url, person, '/v1/audio/speech', body), /speech\.audio\.done/)
  })

  test('speech as plain sound, cut mid-transfer', async () => {
    const person = await owner()
    cutIn('audio/mpeg', 'x'.repeat(9_000), 'mid-transfer')
    const body = { model: 'gpt-4o-mini-tts', input: 'hello', voice: 'alloy' }
    await isTold(person, await postTo(stage.url, person, '/v1/audio/speech', body), /^x{9000}$/)
  })

  test.each(['mid-transfer', 'clean'] as const)('a transcript as events, cut %s', async (ending) => {
    const person = await owner()
    cutIn('text/event-stream', event({ type: 'transcript.text.delta', delta: 'hi ' }).repeat(3), ending)
    const reply = await fetch(`${stage.url}/v1/audio/transcriptions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${person.token}` },
      body: form({ model: 'gpt-4o-mini-transcribe', stream: 'true' }),
    })
    await isTold(person, reply, /transcript\.text\.done/)
  })

  test.each(['mid-transfer', 'clean'] as const)('an image as events, cut %s', async (ending) => {
    const person = await owner()
    cutIn(
      'text/event-stream',
      event({ type: 'image_generation.partial_image', b64_json: 'aaaa', partial_image_index: 0 }),
      ending,
    )
    const body = { model: 'gpt-image-1', prompt: 'a cat', stream: true, partial_images: 1 }
    await isTold(
      person,
      await postTo(stage.url, person, '/v1/images/generations', body),
      /image_generation\.completed/,
    )
  })

  test('a path that the gateway knows nothing of, cut mid-transfer, as a stream and as a file', async () => {
    const person = await owner()
    for (const type of ['text/event-stream', 'application/octet-stream']) {
      cutIn(type, 'data: {"a":1}\n\n', 'mid-transfer')
      const reply = await fetch(`${stage.url}/services/openai/v1/threads/runs`, {
        method: 'POST',
        headers: { authorization: `Bearer ${person.token}` },
        body: '{}',
      })
      await isTold(person, reply, /never/)
    }
  })
})
