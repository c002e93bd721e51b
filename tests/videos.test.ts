import OpenAI, { toFile } from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { must } from '../src/kit/fault.ts'
import type { ControlChange } from '../src/organizations/organizations.ts'
import { everything } from '../src/policy/control.ts'
import { checkLedger } from './ledger.ts'
import { openReceiver } from './midjourney-gateway.ts'
import { openResources, type ResourcesGateway } from './resources-gateway.ts'
import { operator } from './scene.ts'
import { setOwnPrice } from './set-price.ts'
import { openStage, type Stage, type StagePerson } from './stage.ts'

let stage: Stage
let gateway: ResourcesGateway
let first: string

/** A tenth of a dollar a second: 10 credits. */
const secondMicros = 10_000_000n

beforeAll(async () => {
  stage = await openStage()
  const { prices } = stage.gateway.rooms
  const price = { serviceId: 'openai', model: 'sora-2', per: 1n, nanoUsd: 100_000_000n }
  for (const size of ['720x1280', '1280x720'])
    await setOwnPrice(prices, { ...price, unit: `video_seconds:${size}` })
  first = await stage.systemKey('openai', 2)
  gateway = await openResources(stage.gateway.rooms)
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await stage[Symbol.asyncDispose]()
})

const clientOf = (person: StagePerson) =>
  new OpenAI({ apiKey: person.token, baseURL: `${gateway.url}/v1`, maxRetries: 0 })
const sora = { model: 'sora-2', prompt: 'a cube', seconds: '4' } as const

const untilEnded = async (person: StagePerson, id: string) => {
  const isOver = async () => (await gateway.longOperations.named(person, 'video', [id]))[0]?.endedAt != null
  await expect.poll(isOver, { interval: 30 }).toBe(true)
  const [operation] = await gateway.longOperations.named(person, 'video', [id])
  if (operation === undefined) throw new Error(`${id} is a long operation`)
  return operation
}
const spent = async (person: StagePerson, given = 100_000_000n) => {
  const { availableMicros, heldMicros } = await stage.balance(person)
  return { charged: given - availableMicros - heldMicros, held: heldMicros }
}
const sentWith = (secret: string) =>
  stage.simulator.journal().filter(({ credential }) => credential === secret)

describe('a video on the platform’s key', () => {
  test('takes what it may cost out of a hard budget for as long as it is made, so that none begins beside it', async () => {
    const person = await stage.person()
    const client = clientOf(person)
    const { budgets } = stage.gateway.rooms
    const { organizationId, userId } = person
    const budget = must(
      await budgets.create(operator, {
        organizationId,
        userId,
        accessTokenId: null,
        serviceId: null,
        name: 'One video',
        measure: 'credits',
        limit: 7n * secondMicros,
        enforcement: 'hard',
        period: 'calendar_month',
        timeZone: 'UTC',
        setBy: 'administrator',
      }),
    )
    const standing = async () => must(await budgets.find({ organizationId, userId }, budget.id))
    const begun = await Promise.allSettled([client.videos.create(sora), client.videos.create(sora)])
    const made = begun.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    const refused = begun.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []))
    expect(refused).toMatchObject([{ status: 402, code: 'budget_exceeded' }])
    await untilEnded(person, made[0]?.id ?? '')
    expect(await standing()).toMatchObject({ used: 4n * secondMicros, reserved: 0n })
    await expect(client.videos.create(sora)).rejects.toMatchObject({ status: 402, code: 'budget_exceeded' })
    expect(await spent(person)).toEqual({ charged: 4n * secondMicros, held: 0n })
  })

  test('is held for while it is made, charged once when it is done, and read where it was made', async () => {
    const person = await stage.person()
    const client = clientOf(person)
    const { data: video, response } = await client.videos.create(sora).withResponse()
    expect(video).toMatchObject({ object: 'video', status: 'queued' })
    expect(response.headers.get('x-aideon-credits-held')).toBe('40')
    const ended = await untilEnded(person, video.id)
    expect(ended).toMatchObject({ state: 'succeeded', chargeMicros: 4n * secondMicros })
    expect(await spent(person)).toEqual({ charged: 4n * secondMicros, held: 0n })
    // A better key does not know the video.
    const better = await stage.systemKey('openai', 1)
    expect(await client.videos.retrieve(video.id)).toMatchObject({ status: 'completed' })
    expect(await (await client.videos.downloadContent(video.id)).text()).toBe(`mp4 of ${video.id}`)
    const again = await client.videos.remix(video.id, { prompt: 'a sphere' })
    expect(again).toMatchObject({ remixed_from_video_id: video.id })
    await untilEnded(person, again.id)
    expect(await client.videos.delete(video.id)).toMatchObject({ deleted: true })
    await expect(client.videos.retrieve(video.id)).rejects.toMatchObject({ status: 404, code: 'not_found' })
    expect(sentWith(better).filter(({ path }) => path.startsWith('/v1/videos'))).toEqual([])
    expect(await spent(person)).toEqual({ charged: 8n * secondMicros, held: 0n })
    const record = await stage.operation(person, ended.id)
    expect(record).toMatchObject({
      endpoint: 'videos',
      model: 'sora-2',
      status: 'succeeded',
      units: { 'video_seconds:720x1280': 4 },
      credit_micros: 4n * secondMicros,
    })
    expect(await checkLedger(stage.gateway.rooms.database)).toEqual([])
    const key = (await stage.gateway.rooms.serviceKeys.listSystemKeys()).find(
      ({ priority }) => priority === 1,
    )
    must(await stage.gateway.rooms.serviceKeys.revoke(operator, key as never))
  })

  test('that fails gives everything back', async () => {
    const person = await stage.person()
    const video = await clientOf(person).videos.create({ ...sora, prompt: 'fail' })
    expect(await untilEnded(person, video.id)).toMatchObject({
      state: 'failed',
      failure: 'The video was blocked.',
    })
    expect(await spent(person)).toEqual({ charged: 0n, held: 0n })
  })

  test('is held for by its size and seconds, in JSON as in a form', async () => {
    const person = await stage.person({ creditMicros: 200_000_000n })
    const reply = await fetch(`${gateway.url}/v1/videos`, {
      method: 'POST',
      headers: { authorization: `Bearer ${person.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ ...sora, seconds: '12', size: '1280x720' }),
    })
    expect(reply.headers.get('x-aideon-credits-held')).toBe('120')
    const reference = await toFile(Buffer.from([0xff, 0xd8, 0xff]), 'frame.jpg', { type: 'image/jpeg' })
    const form = await clientOf(person).videos.create({ ...sora, input_reference: reference })
    await untilEnded(person, ((await reply.json()) as { id: string }).id)
    await untilEnded(person, form.id)
    expect((await spent(person, 200_000_000n)).charged).toBe(16n * secondMicros)
  })

  test.each([
    ['a model without a price', { ...sora, model: 'sora-2-pro' }],
    ['a size without a price', { ...sora, size: '1792x1024' }],
    ['a file of the account', { ...sora, input_reference: { file_id: 'file-1' } }],
  ])('does not begin with %s', async (_, body) => {
    const person = await stage.person()
    const before = stage.simulator.journal().length
    const reply = await fetch(`${gateway.url}/v1/videos`, {
      method: 'POST',
      headers: { authorization: `Bearer ${person.token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    expect(reply.status).toBeGreaterThanOrEqual(400)
    expect(stage.simulator.journal()).toHaveLength(before)
    expect(await spent(person)).toEqual({ charged: 0n, held: 0n })
  })

  test('does not begin without credits for it', async () => {
    const person = await stage.person({ creditMicros: 39_999_999n })
    await expect(clientOf(person).videos.create(sora)).rejects.toMatchObject({ status: 402 })
  })

  test('is nobody else’s', async () => {
    const person = await stage.person()
    const client = clientOf(await stage.person())
    const { id } = await clientOf(person).videos.create(sora)
    await untilEnded(person, id)
    const notFound = { status: 404, code: 'not_found' }
    await expect(client.videos.retrieve(id)).rejects.toMatchObject(notFound)
    await expect(client.videos.downloadContent(id)).rejects.toMatchObject(notFound)
    await expect(client.videos.delete(id)).rejects.toMatchObject(notFound)
    await expect(client.videos.remix(id, { prompt: 'mine' })).rejects.toMatchObject(notFound)
    expect((await client.videos.list().catch((error: unknown) => error)) as object).toMatchObject({
      status: 424,
    })
  })

  test('cannot be taken away before it is settled', async () => {
    const person = await stage.person()
    const client = clientOf(person)
    const { id } = await client.videos.create(sora)
    const deleted = await client.videos.delete(id).catch((error: { status: number }) => error)
    if ('status' in deleted) expect(deleted.status).toBe(409)
    await untilEnded(person, id)
    expect(await spent(person)).toEqual({ charged: 4n * secondMicros, held: 0n })
  })

  test('is told of by a signed webhook', async () => {
    const person = await stage.person()
    await using receiver = await openReceiver(stage.gateway.rooms)
    const { id } = await clientOf(person).videos.create(sora, {
      headers: { 'x-aideon-webhook': receiver.url },
    })
    await untilEnded(person, id)
    const told = () => receiver.received.map(({ body }) => JSON.parse(body) as { id: string; status: string })
    await expect.poll(() => told().at(-1)).toMatchObject({ id, status: 'completed' })
  })
})

/** And what becomes of looking at a video of a system key, and of an own one, that was begun before. */
const policies: readonly [change: ControlChange, onSystemKey: string, onOwnKey: string][] = [
  [{ systemKeysAllowed: false }, 'policy_denied', 'completed'],
  [{ controlPolicy: 'it_control' }, 'completed', 'no_route'],
  [{ allowed: { ...everything, maximumKeyAgeDays: 1 } }, 'completed', 'no_route'],
  [{ allowed: { ...everything, services: ['anthropic'] } }, 'policy_denied', 'policy_denied'],
  [{ allowed: { ...everything, models: ['gpt-*'] } }, 'policy_denied', 'policy_denied'],
  [{ allowed: { ...everything, dataRegions: ['europe'] } }, 'policy_denied', 'policy_denied'],
  [{ allowed: { ...everything, noTraining: true } }, 'policy_denied', 'policy_denied'],
]

test('a policy holds for whatever is asked about earlier videos, but not for their end and deletion', async () => {
  const { database, organizations } = stage.gateway.rooms
  const { id: organizationId } = await organizations.create(operator, { name: 'Firm', kind: 'company' })
  const set = async (change: ControlChange) =>
    must(
      await organizations.change(operator, organizationId, {
        controlPolicy: 'user_control',
        systemKeysAllowed: true,
        allowed: null,
        ...change,
      }),
    )
  const onCredits = await stage.person({ organizationId })
  const onOwnKey = await stage.person({ organizationId })
  await stage.ownKey(onOwnKey, 'openai')
  await database.pool.query(
    "UPDATE service_key_versions SET created_at = now() - interval '2 days' WHERE organization_id = $1",
    [organizationId],
  )
  await set({})
  const [shared, own] = [clientOf(onCredits), clientOf(onOwnKey)]
  const [{ id }, { id: ownId }] = await Promise.all([shared.videos.create(sora), own.videos.create(sora)])
  await set({ systemKeysAllowed: false, allowed: { ...everything, services: [] } })
  expect(await untilEnded(onOwnKey, ownId)).toMatchObject({ state: 'succeeded', keyOwner: 'user' })
  expect(await untilEnded(onCredits, id)).toMatchObject({ state: 'succeeded', keyOwner: 'system' })
  expect(await spent(onCredits)).toEqual({ charged: 4n * secondMicros, held: 0n })

  const codeOf = (error: unknown) => (error as { code: string }).code
  const look = async (client: OpenAI, video: string) => {
    const [seen, content] = await Promise.all([
      client.videos.retrieve(video).then(({ status }) => status as string, codeOf),
      client.videos.downloadContent(video).then(() => 'completed', codeOf),
    ])
    return content === seen ? seen : [seen, content]
  }
  const callsFor = (video: string) =>
    stage.simulator.journal().filter(({ path }) => path.includes(video)).length
  for (const [change, ...expected] of policies) {
    await set(change)
    const before = [callsFor(id), callsFor(ownId)]
    const told = JSON.stringify(change)
    expect([await look(shared, id), await look(own, ownId)], told).toEqual(expected)
    const calls = expected.map((outcome) => (outcome === 'completed' ? 2 : 0))
    expect([callsFor(id) - before[0]!, callsFor(ownId) - before[1]!], told).toEqual(calls)
  }
  await set({ systemKeysAllowed: false, allowed: { ...everything, services: [] } })
  await expect(shared.videos.remix(id, { prompt: 'a sphere' })).rejects.toMatchObject({
    code: 'policy_denied',
  })
  await expect(own.videos.delete(ownId)).rejects.toMatchObject({ code: 'policy_denied' })
  expect(await shared.videos.delete(id)).toMatchObject({ deleted: true })
})

test('on an own key nothing is held, and what has no price runs', async () => {
  const person = await stage.person({ creditMicros: 0n })
  const secret = await stage.ownKey(person, 'openai')
  const client = clientOf(person)
  const { id } = await client.videos.create({ ...sora, model: 'sora-2-pro', size: '1792x1024' })
  const ended = await untilEnded(person, id)
  expect(ended).toMatchObject({ state: 'succeeded', keyOwner: 'user', heldMicros: 0n })
  expect(await client.videos.retrieve(id)).toMatchObject({ status: 'completed' })
  expect(sentWith(secret).length).toBeGreaterThan(1)
  expect(await stage.operation(person, ended.id)).toMatchObject({
    units: { 'video_seconds:1792x1024': 4 },
    cost_nano_usd: null,
  })
  expect(sentWith(first).filter(({ path }) => path.includes(id))).toEqual([])
})
