import { afterAll, beforeAll, expect, test } from 'vitest'
import { openStage, type Stage, type StagePerson } from './stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage()
  await stage.systemKey('anthropic', 1)
  await stage.systemKey('anthropic', 2)
  await stage.systemKey('openrouter', 1)
})
afterAll(() => stage[Symbol.asyncDispose]())

const ask = async (person: StagePerson, more: object, headers: Record<string, string> = {}) => {
  const reply = await fetch(`${stage.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${person.token}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify({
      model: 'claude-haiku-4-5',
      messages: [{ role: 'user', content: 'hello' }],
      ...more,
    }),
  })
  return { status: reply.status, headers: reply.headers, text: await reply.text() }
}
const sentNow = () => stage.simulator.journal().length

test('what an own key’s service cannot be asked spends no credits in its place', async () => {
  const person = await stage.person({ fallback: 'alternative_then_system' })
  await stage.ownKey(person, 'anthropic')
  const before = sentNow()
  const { status, text } = await ask(person, { logprobs: true })
  expect(status).toBe(400)
  expect(text).toContain('“logprobs” cannot be carried over to Anthropic')
  expect(sentNow()).toBe(before)
  expect(await stage.balance(person)).toMatchObject({ availableMicros: 100_000_000n, heldMicros: 0n })
})

test('explained beforehand, it lists no key on which it could not run, and says why', async () => {
  const person = await stage.person({ fallback: 'alternative_then_system' })
  await stage.ownKey(person, 'anthropic')
  const before = sentNow()
  type Told = { keyOwner: string; serviceId: string; why: string; words: string }
  const explained = async (more: object) => {
    const { text } = await ask(person, more, { 'x-aideon-explain': '1' })
    return JSON.parse(text) as { candidates: Told[]; passedOver: Told[]; refusal: { code: string } | null }
  }
  const plain = await explained({})
  expect(plain.candidates.map(({ keyOwner }) => keyOwner)).toContain('system')
  const { candidates, passedOver, refusal } = await explained({ logprobs: true })
  expect(candidates).toEqual([])
  expect(refusal?.code).toBe('not_translatable')
  const why = passedOver.filter((one) => one.why === 'not_translatable')
  expect(why.map(({ keyOwner }) => keyOwner)).toEqual(plain.candidates.map(({ keyOwner }) => keyOwner))
  expect(why[0]?.words).toContain('“logprobs” cannot be carried over to Anthropic')
  expect(sentNow()).toBe(before)
})

test('another own key serves it where it speaks the dialect', async () => {
  const person = await stage.person({ fallback: 'alternative_then_system' })
  await stage.ownKey(person, 'anthropic')
  await stage.ownKey(person, 'openrouter')
  const { status, headers } = await ask(person, { logprobs: true })
  expect([status, headers.get('x-aideon-service'), headers.get('x-aideon-key-owner')]).toEqual([
    200,
    'openrouter',
    'user',
  ])
})

test('on credits it is tried once at each service, not once for each key', async () => {
  const person = await stage.person({ fallback: 'alternative_then_system' })
  const { status, headers } = await ask(person, { logprobs: true })
  expect([status, headers.get('x-aideon-service'), headers.get('x-aideon-attempts')]).toEqual([
    200,
    'openrouter',
    '2',
  ])
})

test('a turn that says nothing is named in the header as it is', async () => {
  const person = await stage.person()
  const messages = [
    { role: 'user', content: 'one' },
    { role: 'assistant', content: '' },
    { role: 'user', content: 'two' },
  ]
  const { status, headers } = await ask(person, { messages })
  expect([status, headers.get('x-aideon-not-carried')]).toEqual([200, 'empty turns'])
})

test('a limit that is raised to what OpenAI’s responses take is held for as raised', async () => {
  await stage.systemKey('openai', 1)
  const person = await stage.person()
  const heldFor = async (limit: number) => {
    const reply = await fetch(`${stage.url}/v1/messages`, {
      method: 'POST',
      headers: { 'x-api-key': person.token, 'content-type': 'application/json' },
      body: JSON.stringify({
        // As long in bytes, whatever the limit: the prompt is held for by its length.
        model: 'openai/gpt-4.1',
        max_tokens: limit,
        messages: [{ role: 'user', content: 'hello' }],
      }),
    })
    const record = await stage.operation(person, reply.headers.get('x-aideon-operation') ?? '')
    const listed = reply.headers.get('x-aideon-not-carried')
    return { status: reply.status, listed, heldMicros: record['held_micros'] }
  }
  const raised = await heldFor(10)
  expect(raised).toMatchObject({ status: 200, listed: 'max_tokens below 16' })
  const least = await heldFor(16)
  expect(least).toMatchObject({ status: 200, listed: null, heldMicros: raised.heldMicros })
  expect(Number((await heldFor(99)).heldMicros)).toBeGreaterThan(Number(least.heldMicros))
})
