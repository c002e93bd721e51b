import { afterAll, beforeAll, expect, test } from 'vitest'
import { postTo } from './dialect-calls.ts'
import { openStage, type Stage } from './stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage()
  for (const service of ['openai', 'mistral'] as const) await stage.systemKey(service, 1)
})
afterAll(() => stage[Symbol.asyncDispose]())

const chat = { model: 'gpt-4o-mini', max_tokens: 20, messages: [{ role: 'user', content: 'hi' }] }

test.each(['true', 'yes', 'TRUE', '1', '2'])(
  'x-aideon-explain: %s makes no call that costs credits',
  async (value) => {
    const person = await stage.person()
    stage.simulator.clearJournal()
    const reply = await postTo(stage.url, person, '/v1/chat/completions', chat, {
      headers: { 'x-aideon-explain': value },
    })
    await reply.text()
    expect(stage.simulator.journal()).toEqual([])
  },
)

test('usage that a caller of OpenAI’s dialect asks for on a stream is no 422 at a service that always reports it', async () => {
  const person = await stage.person()
  await stage.ownKey(person, 'mistral')
  const reply = await postTo(stage.url, person, '/v1/chat/completions', {
    ...chat,
    model: 'mistral/mistral-small-latest',
    stream: true,
    stream_options: { include_usage: true },
  })
  expect(reply.status, await reply.text()).toBe(200)
})
