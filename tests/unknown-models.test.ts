import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { askIn, chatDialects, errorIn, postTo } from './dialect-calls.ts'
import { openStage, type Stage, type StagePerson } from './stage.ts'

/* A model that nobody offers, and a preference that leaves no key, are told in the caller's dialect, with what would help. */

let stage: Stage
beforeAll(async () => {
  stage = await openStage()
  for (const service of ['openai', 'anthropic', 'gemini', 'cohere'] as const)
    await stage.systemKey(service, 1)
})
afterAll(async () => {
  await stage[Symbol.asyncDispose]()
})

const recordOf = (person: StagePerson, reply: Response) =>
  stage.operation(person, reply.headers.get('x-aideon-operation') ?? '')

const isRefused = async (person: StagePerson, reply: Response, code: string) => {
  expect(await recordOf(person, reply)).toMatchObject({
    status: 'refused',
    fault_code: code,
    held_micros: 0n,
    credit_micros: 0n,
  })
  expect((await stage.balance(person)).heldMicros).toBe(0n)
  expect(reply.headers.get('content-type')).toMatch(/^application\/json/)
}

const wanted: readonly [string, string][] = [
  ['gpt-4o-mimi', 'gpt-4o-mini'],
  ['claude-sonet-4-5', 'claude-sonnet-4-5'],
  ['gemini-2.5-flahs', 'gemini-2.5-flash'],
  ['openai/gpt-4o-mimi', 'gpt-4o-mini'],
  ['group/smrt', 'group/smart'],
]

describe.each(chatDialects)('in %s', (dialect) => {
  test.each(wanted)('%s is a 404 that names %s, streamed or not', async (model, near) => {
    const person = await stage.person()
    stage.simulator.clearJournal()
    for (const streamed of [false, true]) {
      const reply = await askIn(stage, person, dialect, { model, prompt: 'hello', streamed })
      const body = await reply.text()
      expect(reply.status, body).toBe(404)
      const told = errorIn[dialect](body)
      expect(told).toMatchObject({ code: 'unknown_model' })
      expect(told?.message).toContain(model)
      expect(told?.message).toContain(near)
      await isRefused(person, reply, 'unknown_model')
    }
    expect(stage.simulator.journal()).toEqual([])
  })

  test('a preference that leaves no key is a 424 that names what would help, streamed or not', async () => {
    for (const streamed of [false, true])
      for (const [model, service] of [
        ['gpt-4o-mini', 'OpenAI'],
        ['claude-sonnet-4-5', 'Anthropic'],
        ['gemini-2.5-flash', 'Gemini'],
        ['group/smart', 'key'],
      ] as const) {
        const person = await stage.person({ fallback: 'none' })
        const reply = await askIn(stage, person, dialect, { model, prompt: 'hello', streamed })
        const body = await reply.text()
        expect(reply.status, body).toBe(424)
        const told = errorIn[dialect](body)
        expect(told).toMatchObject({ code: 'no_route' })
        expect(told?.message).toMatch(new RegExp(`(?:add|Add) your own .*${service}`))
        expect(told?.message).toMatch(/allow a fallback \(yours is “none”\)/)
        await isRefused(person, reply, 'no_route')
      }
  })

  test('a call that narrows its own preference is told so', async () => {
    const person = await stage.person()
    const reply = await askIn(
      stage,
      person,
      dialect,
      { model: 'gpt-4o-mini', prompt: 'hello', streamed: true },
      { headers: { 'x-aideon-fallback': 'none' } },
    )
    const told = errorIn[dialect](await reply.text())
    expect(reply.status).toBe(424)
    expect(told?.message).toMatch(/allow a fallback \(this call’s is “none”\)/)
  })

  test('a group of another task is told apart from one that nobody knows', async () => {
    const person = await stage.person()
    const image = await askIn(stage, person, dialect, { model: 'group/image', prompt: 'x', streamed: false })
    expect(errorIn[dialect](await image.text())).toMatchObject({ code: 'model_not_for_endpoint' })
  })

  test('a name that is long, strange or a secret is told shortly, and no secret comes back', async () => {
    const person = await stage.person()
    const secret = 'sk-proj-abcdefghijklmnopqrstuvwxyz0123456789'
    for (const model of [
      'x'.repeat(256),
      '🦜/🦜',
      '..',
      'a/../b',
      "' OR 1=1 --",
      '<script>',
      secret,
      'group/',
    ]) {
      const reply = await askIn(stage, person, dialect, { model, prompt: 'hello', streamed: false })
      const body = await reply.text()
      expect(reply.status, body).toBe(404)
      expect(errorIn[dialect](body)).toMatchObject({ code: 'unknown_model' })
      expect(body.length).toBeLessThan(1_000)
      expect(body).not.toContain(secret)
    }
  })
})

describe('at other endpoints', () => {
  const calls: readonly [string, string, object, string, 'chat_completions' | 'cohere' | 'messages'][] = [
    ['embeddings', '/v1/embeddings', { input: 'hi' }, 'text-embedding-3-smal', 'chat_completions'],
    ['images', '/v1/images/generations', { prompt: 'a cat' }, 'gpt-imge-1', 'chat_completions'],
    ['speech', '/v1/audio/speech', { input: 'hi', voice: 'alloy' }, 'tts-11', 'chat_completions'],
    ['rankings', '/v1/rerank', { query: 'a', documents: ['b'] }, 'rerank-v3.55', 'cohere'],
    ['rankings, second version', '/v2/rerank', { query: 'a', documents: ['b'] }, 'rerank-v3.55', 'cohere'],
    [
      'counting tokens',
      '/v1/messages/count_tokens',
      { messages: [{ role: 'user', content: 'hi' }] },
      'claude-sonet-4-5',
      'messages',
    ],
  ]
  test.each(calls)('%s: an unknown model is a 404 with near ones', async (_, path, body, model, dialect) => {
    const person = await stage.person()
    const reply = await postTo(stage.url, person, path, { model, ...body })
    const text = await reply.text()
    expect(reply.status, text).toBe(404)
    const told = errorIn[dialect](text)
    expect(told).toMatchObject({ code: 'unknown_model' })
    expect(told?.message).toMatch(/Did you mean .+\?/)
    await isRefused(person, reply, 'unknown_model')
  })

  test.each([
    ['/v1/embeddings', { model: 'text-embedding-3-small', input: 'hi' }, 'chat_completions'],
    ['/v1/images/generations', { model: 'gpt-image-1', prompt: 'a cat' }, 'chat_completions'],
    ['/v1/audio/speech', { model: 'tts-1', input: 'hi', voice: 'alloy' }, 'chat_completions'],
    ['/v1/rerank', { model: 'rerank-v3.5', query: 'a', documents: ['b'] }, 'cohere'],
  ] as const)('%s: no key left is a 424 that says which to add', async (path, body, dialect) => {
    const person = await stage.person({ fallback: 'none' })
    const reply = await postTo(stage.url, person, path, body)
    const text = await reply.text()
    expect(reply.status, text).toBe(424)
    const told = errorIn[dialect](text)
    expect(told).toMatchObject({ code: 'no_route' })
    expect(told?.message).toMatch(/Add your own (?:OpenAI|Cohere)/)
    await isRefused(person, reply, 'no_route')
  })

  test('transcripts, as a form', async () => {
    const person = await stage.person({ fallback: 'none' })
    for (const [model, status, code] of [
      ['whisper-11', 404, 'unknown_model'],
      ['whisper-1', 424, 'no_route'],
    ] as const) {
      const form = new FormData()
      form.append('model', model)
      form.append('file', new Blob([Buffer.alloc(2_000)]), 'a.mp3')
      const reply = await fetch(`${stage.url}/v1/audio/transcriptions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${person.token}` },
        body: form,
      })
      expect(reply.status).toBe(status)
      expect(errorIn.chat_completions(await reply.text())).toMatchObject({ code })
    }
  })

  test('a Midjourney task without a server is a 424 in its protocol that says what would help', async () => {
    const person = await stage.person({ fallback: 'none' })
    const reply = await postTo(stage.url, person, '/mj/submit/imagine', { prompt: 'a cat' })
    const text = await reply.text()
    expect(reply.status, text).toBe(424)
    const told = errorIn.midjourney(text)
    expect(told).toMatchObject({ code: 'no_route' })
    expect(told?.message).toMatch(/Add the address and secret of your Midjourney server as a key/)
    expect(await recordOf(person, reply)).toMatchObject({ status: 'refused', credit_micros: 0n })
  })

  test('explaining answers the same refusals without a call', async () => {
    const person = await stage.person({ fallback: 'none' })
    const headers = { 'x-aideon-explain': '1' }
    const none = await postTo(
      stage.url,
      person,
      '/v1/chat/completions',
      { model: 'gpt-4o-mini', messages: [{ role: 'user', content: 'hi' }] },
      { headers },
    )
    expect(none.status).toBe(200)
    expect(await none.json()).toMatchObject({ refusal: { code: 'no_route' } })
  })
})
