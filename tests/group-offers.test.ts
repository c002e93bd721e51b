import { afterAll, beforeAll, expect, test } from 'vitest'
import { shippedGroups } from '../src/routing/group.ts'
import { type Offer, resolveModel } from '../src/routing/offers.ts'
import { canTranslate } from '../src/translation/translation.ts'
import { openStage, type Stage } from './stage.ts'

/*
 * Every offer that a shipped chat group lists at a service of the demo is one that the simulator knows, so that the
 * demo's groups work whatever keys there are.
 */

const demoServices = [
  'openai',
  'anthropic',
  'openrouter',
  'gemini',
  'groq',
  'deepseek',
  'mistral',
  'xai',
  'moonshot',
] as const
let stage: Stage
beforeAll(async () => {
  stage = await openStage()
})
afterAll(() => stage[Symbol.asyncDispose]())

const offersAt = (serviceId: string): string[] => {
  const { catalogue, prices } = stage.gateway.rooms
  const market = {
    services: catalogue.enabled(),
    priceBook: prices.current(),
    translates: canTranslate,
    groups: shippedGroups,
  }
  const chat = shippedGroups.filter(({ task }) => task === 'chat')
  const offers = chat.flatMap(({ models }) =>
    models.flatMap((model): readonly Offer[] => {
      const resolved = resolveModel(market, 'chat_completions', model)
      return resolved.kind === 'offers' ? [...resolved.asked, ...resolved.alternatives] : []
    }),
  )
  return [...new Set(offers.filter(({ service }) => service.id === serviceId).map(({ model }) => model))]
}

test.each(demoServices)(
  'each offer of a chat group at %s is answered on an own key there',
  async (service) => {
    const person = await stage.person({ fallback: 'none' })
    await stage.ownKey(person, service)
    const models = offersAt(service)
    expect(models.length).toBeGreaterThan(0)
    for (const model of models) {
      const reply = await fetch(`${stage.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${person.token}`, 'content-type': 'application/json' },
        body: JSON.stringify({
          model: `${service}/${model}`,
          messages: [{ role: 'user', content: 'hello' }],
        }),
      })
      expect(reply.status, `${model}: ${await reply.text()}`).toBe(200)
    }
  },
)

test('a host that does not have a model is no reason not to ask the next one', async () => {
  const person = await stage.person({ fallback: 'none' })
  await stage.ownKey(person, 'openrouter')
  await stage.ownKey(person, 'groq')
  const reply = await fetch(`${stage.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${person.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'openrouter/nobody/has-this',
      messages: [{ role: 'user', content: 'hello' }],
    }),
  })
  // On its own, the service's words are the answer.
  expect(reply.status).toBe(400)
  expect(await reply.json()).toMatchObject({
    error: { message: expect.stringContaining('not a valid model ID') },
  })
})
