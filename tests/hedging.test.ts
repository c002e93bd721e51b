import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { must } from '../src/kit/fault.ts'
import { operator } from './scene.ts'
import { openStage, type Stage, type StagePerson } from './stage.ts'

let stage: Stage
let person: StagePerson

/** Slow at the first service, quick at the second; both on the person's own keys. */
const ask = (prompt: string) =>
  fetch(`${stage.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${person.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'group/two', messages: [{ role: 'user', content: prompt }] }),
  })
const recordOf = (reply: Response) => stage.operation(person, reply.headers.get('x-aideon-operation') ?? '')

beforeAll(async () => {
  stage = await openStage()
  person = await stage.person({ fallback: 'none' })
  await stage.ownKey(person, 'openai', { kind: 'slow', delayMs: 2_500 })
  await stage.ownKey(person, 'groq')
})
afterAll(() => stage[Symbol.asyncDispose]())
beforeEach(() => stage.simulator.clearJournal())

const setGroup = async (timing: {
  hedgeAfterSeconds?: number | null
  attemptTimeoutSeconds?: number | null
}) => {
  const { groups } = stage.gateway.rooms.catalogue
  await groups.remove(operator, 'two')
  must(
    await groups.create(operator, {
      id: 'two',
      label: 'Two',
      description: '',
      task: 'chat',
      models: ['openai/gpt-4o-mini', 'groq/llama-3.3-70b-versatile'],
      ...timing,
    }),
  )
}

describe('a group without timing', () => {
  test('waits for its first candidate: hedging is off by default', async () => {
    await setGroup({})
    const reply = await ask('hello')
    expect(reply.headers.get('x-aideon-service')).toBe('openai')
    expect(stage.simulator.journal().map(({ service }) => service)).toEqual(['openai'])
  })
})

describe('a group that hedges', () => {
  test('takes the first answer, hangs up on the other, and records who answered', async () => {
    await setGroup({ hedgeAfterSeconds: 1 })
    const reply = await ask('hello')
    expect(reply.status).toBe(200)
    expect(reply.headers.get('x-aideon-service')).toBe('groq')
    await reply.text()
    expect(stage.simulator.journal().map(({ service }) => service)).toEqual(['openai', 'groq'])
    await expect.poll(() => stage.simulator.journal()[0]?.clientHungUp).toBe(true)
    expect(await recordOf(reply)).toMatchObject({
      service_id: 'groq',
      status: 'succeeded',
      credit_micros: 0n,
    })
  })
})

describe('a group with a limit on each attempt', () => {
  test('gives a silent one up for the next', async () => {
    await setGroup({ attemptTimeoutSeconds: 1 })
    const reply = await ask('hello')
    expect(reply.headers.get('x-aideon-service')).toBe('groq')
    const { attempts } = (await recordOf(reply)) as { attempts: { outcome: string }[] }
    expect(attempts.map(({ outcome }) => outcome)).toEqual(['timeout', 'ok'])
  })
})
