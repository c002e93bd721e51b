import { GoogleGenAI } from '@google/genai'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { must } from '../../src/kit/fault.ts'
import { standInForGoogle } from '../google-token.ts'
import { operator } from '../scene.ts'
import { openStage, type Stage, type StagePerson } from '../stage.ts'

/* Service keys of several fields, from entering them to what the service sees: clouds.test.ts has the signatures. */

let stage: Stage
beforeAll(async () => {
  stage = await openStage()
  const { outbound } = stage.gateway.rooms
  outbound.request = standInForGoogle({ request: outbound.request }, stage.simulator.url).request
})
afterAll(() => stage[Symbol.asyncDispose]())

const messages = [{ role: 'user' as const, content: 'tell me something' }]
const openAi = (person: StagePerson) =>
  new OpenAI({ baseURL: `${stage.url}/v1`, apiKey: person.token, maxRetries: 0 })
const keysOf = ({ organizationId, userId }: StagePerson) =>
  stage.gateway.rooms.serviceKeys.listForGateway(organizationId, userId)
const keyOf = async (person: StagePerson) => {
  const [key] = await keysOf(person)
  if (!key) throw new Error('the person has a key')
  return key
}
const asked = () => stage.simulator.journal().map(({ path, status }) => `${path} ${status}`)

test('Azure: a deployment that is named later is used from the next operation on', async () => {
  const person = await stage.person({ fallback: 'none' })
  await stage.ownKey(person, 'azure_openai')
  const model = 'azure_openai/gpt-4.1-mini'
  const call = async () => {
    const reply = await openAi(person).chat.completions.create({ model, messages })
    expect(reply.choices[0]?.message.content).toContain('[simulated gpt-4.1-mini]')
    return (JSON.parse(stage.simulator.journal().at(-1)?.body ?? '') as { model: string }).model
  }
  expect(await call()).toBe('gpt-4.1-mini')
  const { serviceKeys } = stage.gateway.rooms
  const deployments = 'gpt-4.1-mini=my-gpt-4.1-mini'
  must(await serviceKeys.changeSettings(operator, await keyOf(person), { deployments }))
  expect(await call()).toBe('my-gpt-4.1-mini')
})

test('Bedrock: an API key is sent as it is, in its region alone', async () => {
  const person = await stage.person({ fallback: 'none' })
  await stage.ownKey(person, 'bedrock')
  expect(await keyOf(person)).toMatchObject({ verdict: 'valid', settings: { region: 'us-east-1' } })
  stage.simulator.clearJournal()
  const reply = await openAi(person).chat.completions.create({ model: 'amazon.nova-lite-v1:0', messages })
  expect(reply.choices[0]?.message.content).toContain('[simulated')
  expect(stage.simulator.journal()).toMatchObject([
    { status: 200, credential: expect.stringMatching(/^ABSK/) as string },
  ])
})

describe('Vertex', () => {
  const google = (person: StagePerson) =>
    new GoogleGenAI({
      apiKey: person.token,
      httpOptions: { baseUrl: stage.url, retryOptions: { attempts: 1 } },
    })
  const model = 'vertex/gemini-2.5-flash'
  const contents = 'tell me something'
  const place =
    '/vertex/v1/projects/demo-project/locations/us-central1/publishers/google/models/gemini-2.5-flash'

  test('its document is exchanged once, and its access token serves Gemini calls, whole and streamed', async () => {
    const person = await stage.person({ fallback: 'none' })
    const secret = await stage.ownKey(person, 'vertex')
    expect(await keyOf(person)).toMatchObject({ verdict: 'valid' })
    stage.simulator.clearJournal()
    const { models } = google(person)
    const whole = await models.generateContent({ model, contents })
    let streamed = ''
    for await (const chunk of await models.generateContentStream({ model, contents }))
      streamed += chunk.text ?? ''
    expect(whole.text).toContain('[simulated gemini-2.5-flash]')
    expect(streamed).toBe(whole.text)
    expect(asked()).toEqual([
      '/vertex/token 200',
      `${place}:generateContent 200`,
      `${place}:streamGenerateContent?alt=sse 200`,
    ])
    const { private_key: privateKey } = JSON.parse(secret) as { private_key: string }
    expect(JSON.stringify(stage.simulator.journal())).not.toContain(privateKey.split('\n')[3])
  })

  test('serves OpenAI’s client by translation', async () => {
    const person = await stage.person({ fallback: 'none' })
    await stage.ownKey(person, 'vertex')
    const reply = await openAi(person).chat.completions.create({ model, messages })
    expect(reply.choices[0]?.message.content).toContain('[simulated gemini-2.5-flash]')
  })

  test('a withdrawn account is found out by a check, whatever token is remembered', async () => {
    const person = await stage.person({ fallback: 'none' })
    const secret = await stage.ownKey(person, 'vertex')
    await google(person).models.generateContent({ model, contents })
    stage.simulator.removeKey(secret)
    const { serviceKeys } = stage.gateway.rooms
    const checked = must(await serviceKeys.recheck(operator, await keyOf(person)))
    expect(checked.serviceKey).toMatchObject({ status: 'invalid', verdict: 'invalid' })
  })

  test('a key that was never proven and is refused at its first exchange tells the caller so', async () => {
    const person = await stage.person({ fallback: 'none' })
    const secret = await stage.ownKey(person, 'vertex')
    stage.simulator.removeKey(secret)
    await expect(google(person).models.generateContent({ model, contents })).rejects.toMatchObject({
      status: 502,
    })
  })
})

test('a server of one’s own is called at its address, with its own key', async () => {
  const person = await stage.person({ fallback: 'none' })
  const { serviceKeys } = stage.gateway.rooms
  const { organizationId, userId } = person
  const secret = `sk-own-${person.userId}`
  stage.simulator.setKey(secret, { kind: 'ok' }, 'openai')
  const baseUrl = `${stage.simulator.url}/openai/v1`
  const input = { organizationId, userId, owner: 'user', serviceId: 'custom', secret, baseUrl } as const
  must(await serviceKeys.add(operator, input))
  stage.simulator.clearJournal()
  const reply = await openAi(person).chat.completions.create({
    model: 'custom/gpt-4.1-mini',
    messages,
  })
  expect(reply.choices[0]?.message.content).toContain('[simulated gpt-4.1-mini]')
  expect(stage.simulator.journal()).toMatchObject([{ status: 200, credential: secret }])
})
