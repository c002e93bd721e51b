import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { askIn, type ChatDialect, postTo } from '../dialect-calls.ts'
import { openStage, type Stage, type StagePerson } from '../stage.ts'

/* Realtime sessions on an own key: tests/realtime.test.ts. Midjourney: tests/midjourney.test.ts, “on an own key nothing is held”. */

let stage: Stage
beforeAll(async () => {
  stage = await openStage()
})
afterAll(async () => {
  await stage[Symbol.asyncDispose]()
})

const owners = [
  'openai',
  'anthropic',
  'gemini',
  'cohere',
  'voyage',
  'elevenlabs',
  'deepgram',
  'mistral',
] as const

/** Somebody who has keys of their own and not one credit. */
const poor = async (services: readonly (typeof owners)[number][] = owners) => {
  const person = await stage.person({ creditMicros: 0n })
  for (const service of services) await stage.ownKey(person, service)
  return person
}

const isFree = async (person: StagePerson, reply: Response) => {
  expect(reply.status, await reply.clone().text()).toBe(200)
  await reply.text()
  expect(reply.headers.get('x-aideon-key-owner')).toBe('user')
  expect(reply.headers.get('x-aideon-credits')).toBe('0')
  const record = await stage.operation(person, reply.headers.get('x-aideon-operation') ?? '')
  expect(record).toMatchObject({ status: 'succeeded', key_owner: 'user', credit_micros: 0n, held_micros: 0n })
  const entries = await stage.clone.database.pool.query(
    'SELECT count(*)::int AS n FROM holds WHERE organization_id = $1',
    [person.organizationId],
  )
  expect(entries.rows[0].n).toBe(0)
}

describe('Vercel AI #11280: a user with zero credits and an own key is served', () => {
  const chats: readonly [ChatDialect, string][] = [
    ['chat_completions', 'gpt-4o-mini'],
    ['chat_completions', 'claude-sonnet-4-5'],
    ['chat_completions', 'gemini-2.5-flash'],
    ['chat_completions', 'group/smart'],
    ['responses', 'gpt-4o-mini'],
    ['responses', 'claude-sonnet-4-5'],
    ['responses', 'group/fast'],
    ['messages', 'claude-sonnet-4-5'],
    ['messages', 'gpt-4o-mini'],
    ['messages', 'group/cheap'],
    ['gemini', 'gemini-2.5-flash'],
    ['gemini', 'gpt-4o-mini'],
    ['gemini', 'group/code'],
  ]
  test.each(chats)('%s for %s, whole and streamed', async (dialect, model) => {
    const person = await poor(['openai', 'anthropic', 'gemini'])
    for (const streamed of [false, true])
      await isFree(person, await askIn(stage, person, dialect, { model, prompt: 'hello', streamed }))
  })

  const others: readonly [string, string, object][] = [
    ['embeddings', '/v1/embeddings', { model: 'text-embedding-3-small', input: 'hi' }],
    ['embeddings, translated', '/v1/embeddings', { model: 'gemini-embedding-001', input: 'hi' }],
    ['embeddings of a group', '/v1/embeddings', { model: 'group/embedding', input: 'hi' }],
    [
      'images',
      '/v1/images/generations',
      { model: 'gpt-image-1', prompt: 'a cat', size: '1024x1024', quality: 'low' },
    ],
    ['images of a group', '/v1/images/generations', { model: 'group/image', prompt: 'a cat' }],
    ['speech', '/v1/audio/speech', { model: 'gpt-4o-mini-tts', voice: 'alloy', input: 'hello' }],
    [
      'speech, translated',
      '/v1/audio/speech',
      { model: 'eleven_multilingual_v2', voice: '21m00Tcm4TlvDq8ikWAM', input: 'hello' },
    ],
    ['speech of a group', '/v1/audio/speech', { model: 'group/speech', voice: 'alloy', input: 'hello' }],
    ['rankings', '/v1/rerank', { model: 'rerank-v3.5', query: 'a', documents: ['b', 'c'] }],
    ['rankings, translated', '/v2/rerank', { model: 'rerank-2.5', query: 'a', documents: ['b', 'c'] }],
    ['moderation', '/v1/moderations', { input: 'hello' }],
    [
      'tokens counted',
      '/v1/messages/count_tokens',
      { model: 'claude-sonnet-4-5', messages: [{ role: 'user', content: 'hi' }] },
    ],
  ]
  test.each(others)('%s', async (_, path, body) => {
    const person = await poor()
    const headers = { 'anthropic-version': '2023-06-01' }
    await isFree(
      person,
      await postTo(stage.url, person, path, body, path.includes('messages') ? { headers } : {}),
    )
  })

  test.each(['whisper-1', 'gpt-4o-mini-transcribe', 'nova-3', 'group/transcription'])(
    'transcripts of %s',
    async (model) => {
      const person = await poor()
      const form = new FormData()
      form.append('model', model)
      form.append('file', new Blob([wav], { type: 'audio/wav' }), 'a.wav')
      const reply = await fetch(`${stage.url}/v1/audio/transcriptions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${person.token}` },
        body: form,
      })
      await isFree(person, reply)
    },
  )

  test('a path that nobody knows the price of', async () => {
    const person = await poor(['openai'])
    const reply = await fetch(`${stage.url}/services/openai/v1/models`, {
      headers: { authorization: `Bearer ${person.token}` },
    })
    await isFree(person, reply)
  })

  test('also when system keys could serve it', async () => {
    await stage.systemKey('openai', 1)
    const person = await poor(['openai'])
    await isFree(
      person,
      await askIn(stage, person, 'messages', { model: 'gpt-4o-mini', prompt: 'hello', streamed: true }),
    )
  })
})

/** A second of silence. */
const wav = (() => {
  const head = Buffer.alloc(44)
  head.write('RIFF', 0)
  head.writeUInt32LE(36 + 16_000, 4)
  head.write('WAVEfmt ', 8)
  head.writeUInt32LE(16, 16)
  head.writeUInt16LE(1, 20)
  head.writeUInt16LE(1, 22)
  head.writeUInt32LE(8_000, 24)
  head.writeUInt32LE(16_000, 28)
  head.writeUInt16LE(2, 32)
  head.writeUInt16LE(16, 34)
  head.write('data', 36)
  head.writeUInt32LE(16_000, 40)
  return Buffer.concat([head, Buffer.alloc(16_000)])
})()

test('Bifrost #3171, LiteLLM #16667: each user’s stored key serves that user alone, in every dialect', async () => {
  const [one, two, none] = [
    await stage.person(),
    await stage.person(),
    await stage.person({ fallback: 'none' }),
  ]
  const secrets = new Map([
    [one, await stage.ownKey(one, 'openai')],
    [two, await stage.ownKey(two, 'openai')],
  ])
  for (const dialect of ['chat_completions', 'responses', 'messages', 'gemini'] as const) {
    for (const [person, secret] of secrets) {
      stage.simulator.clearJournal()
      const reply = await askIn(stage, person, dialect, {
        model: 'gpt-4o-mini',
        prompt: 'hello',
        streamed: false,
      })
      expect(reply.status).toBe(200)
      expect(stage.simulator.journal().map(({ credential }) => credential)).toEqual([secret])
    }
    const refused = await askIn(stage, none, dialect, {
      model: 'gpt-4o-mini',
      prompt: 'hello',
      streamed: false,
    })
    expect(refused.status).toBe(424)
  }
})
