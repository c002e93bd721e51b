import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { checkLedger } from './ledger.ts'
import {
  type MidjourneyGateway,
  openMidjourney,
  openReceiver,
  quick,
  setTaskPrices,
} from './midjourney-gateway.ts'
import type { ReaderContext, SessionContext } from '../src/http/handler.ts'
import { must } from '../src/kit/fault.ts'
import { longOperationApi } from '../src/long-operations/api.ts'
import type { ControlChange } from '../src/organizations/organizations.ts'
import { everything } from '../src/policy/control.ts'
import { operator } from './scene.ts'
import { openStage, type Stage, type StagePerson } from './stage.ts'

let stage: Stage
let mj: MidjourneyGateway
beforeAll(async () => {
  stage = await openStage()
  await setTaskPrices(stage.gateway.rooms, {
    imagine: 40_000_000n,
    upscale: 10_000_000n,
    variation: 30_000_000n,
    reroll: 30_000_000n,
  })
  await stage.systemKey('midjourney', 1)
  mj = await openMidjourney(stage.gateway.rooms)
})
afterAll(async () => {
  await mj[Symbol.asyncDispose]()
  await stage[Symbol.asyncDispose]()
})

interface Reply {
  readonly status: number
  readonly headers: Headers
  readonly body: Record<string, unknown>
}

const call = async (
  person: StagePerson,
  method: 'GET' | 'POST',
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
  url = mj.url,
): Promise<Reply> => {
  const reply = await fetch(url + path, {
    method,
    headers: { 'mj-api-secret': person.token, 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status: reply.status, headers: reply.headers, body: (await reply.json()) as Reply['body'] }
}
const submit = (person: StagePerson, what: string, body: unknown, headers = {}) =>
  call(person, 'POST', `/mj/submit/${what}`, body, headers)
const fetchTask = (person: StagePerson, id: unknown) => call(person, 'GET', `/mj/task/${String(id)}/fetch`)

const untilEnded = async (person: StagePerson, id: unknown): Promise<Reply> => {
  const isOver = ({ body }: Reply) => body['status'] === 'SUCCESS' || body['status'] === 'FAILURE'
  await expect.poll(async () => isOver(await fetchTask(person, id)), { interval: 30 }).toBe(true)
  return fetchTask(person, id)
}
const balanced = async () => expect(await checkLedger(stage.gateway.rooms.database)).toEqual([])
const sentTo = (secret: string) =>
  stage.simulator.journal().filter((entry) => entry.credential === secret && entry.method === 'POST')
const held = async (person: StagePerson) => (await stage.balance(person)).heldMicros

const soon = '[[simulate: wait 150ms]]'

describe('a task on a system key', () => {
  test('holds its price until it ends, is charged then, once, and is on record', async () => {
    const person = await stage.person()
    const submitted = await submit(person, 'imagine', { prompt: `a red cube ${soon}`, state: 'mine' })
    expect(submitted).toMatchObject({ status: 200, body: { code: 1, result: expect.any(String) } })
    // Not the name of the platform's account.
    expect(submitted.body['properties']).toEqual({})
    expect(submitted.headers.get('x-aideon-credits-held')).toBe('4')
    expect(await stage.balance(person)).toMatchObject({
      availableMicros: 96_000_000n,
      heldMicros: 4_000_000n,
    })
    const ended = await untilEnded(person, submitted.body['result'])
    expect(ended.body).toMatchObject({
      id: submitted.body['result'],
      status: 'SUCCESS',
      state: 'mine',
      progress: '100%',
      imageUrl: expect.stringMatching(/^https:/),
      properties: { finalPrompt: expect.any(String) },
    })
    expect(JSON.stringify(ended.body)).not.toContain('demo-account')
    expect(await stage.balance(person)).toMatchObject({ availableMicros: 96_000_000n, heldMicros: 0n })
    expect(await stage.operation(person, submitted.headers.get('x-aideon-operation') ?? '')).toMatchObject({
      status: 'succeeded',
      endpoint: 'midjourney',
      requested_model: 'midjourney',
      key_owner: 'system',
      units: { 'task:imagine': 1 },
      usage_source: 'reported',
      cost_nano_usd: 40_000_000n,
      credit_micros: 4_000_000n,
      held_micros: 4_000_000n,
    })
    await balanced()
  })

  test('that fails gives everything back', async () => {
    const person = await stage.person()
    const submitted = await submit(person, 'imagine', { prompt: `${soon} [[simulate: error 500]]` })
    const ended = await untilEnded(person, submitted.body['result'])
    expect(ended.body).toMatchObject({ status: 'FAILURE', failReason: 'simulated failure' })
    expect(await stage.balance(person)).toMatchObject({ availableMicros: 100_000_000n, heldMicros: 0n })
    expect(await stage.operation(person, submitted.headers.get('x-aideon-operation') ?? '')).toMatchObject({
      status: 'failed',
      credit_micros: 0n,
    })
    await balanced()
  })

  test.each([
    ['a banned prompt', { prompt: 'something banned' }, { code: 24, properties: { bannedWord: 'banned' } }],
    ['a full queue', { prompt: 'queue full' }, { code: 23 }],
    ['a prompt that the server does not take', { prompt: ' ' }, { code: 4 }],
  ])('that the server refuses for %s gives everything back at once', async (_, body, said) => {
    const person = await stage.person()
    const refused = await submit(person, 'imagine', body)
    expect(refused).toMatchObject({ status: 200, body: said })
    expect(await stage.balance(person)).toMatchObject({ availableMicros: 100_000_000n, heldMicros: 0n })
    expect(await stage.operation(person, refused.headers.get('x-aideon-operation') ?? '')).toMatchObject({
      status: 'failed',
    })
    await balanced()
  })

  test('is refused without a price for what it does, and for what may make it dearer', async () => {
    const person = await stage.person()
    const image = 'data:image/png;base64,AAAA'
    expect(await submit(person, 'describe', { base64: image })).toMatchObject({
      status: 422,
      body: { properties: { code: 'unpriced_option' } },
    })
    const chosen = { prompt: soon, accountFilter: { modes: ['TURBO'] } }
    expect(await submit(person, 'imagine', chosen)).toMatchObject({
      status: 422,
      body: { properties: { code: 'unpriced_option' } },
    })
    expect(await held(person)).toBe(0n)
  })

  test('is refused without the credits for it', async () => {
    const person = await stage.person({ creditMicros: 3_999_999n })
    expect(await submit(person, 'imagine', { prompt: soon })).toMatchObject({
      status: 402,
      body: { properties: { code: 'insufficient_credits' } },
    })
  })

  test('that is queued counts as begun', async () => {
    const person = await stage.person()
    const queued = await submit(person, 'imagine', { prompt: `queued ${soon}` })
    expect(queued.body).toMatchObject({ code: 22, properties: { numberOfQueues: 1 } })
    await untilEnded(person, queued.body['result'])
    expect(await stage.balance(person)).toMatchObject({ availableMicros: 96_000_000n, heldMicros: 0n })
  })

  test('is settled though nobody ever asks for it', async () => {
    const person = await stage.person()
    await submit(person, 'imagine', { prompt: soon })
    await expect.poll(() => held(person)).toBe(0n)
    expect(await stage.balance(person)).toMatchObject({ availableMicros: 96_000_000n })
    await balanced()
  })
})

describe('whose task it is', () => {
  test('another caller’s task is not found, neither to read, nor to list, nor to follow up', async () => {
    const [owner, other] = [await stage.person(), await stage.person()]
    const { body } = await submit(owner, 'imagine', { prompt: soon })
    const taskId = body['result']
    await untilEnded(owner, taskId)
    expect((await fetchTask(other, taskId)).status).toBe(404)
    expect((await call(other, 'GET', `/mj/task/${String(taskId)}/image-seed`)).status).toBe(404)
    expect((await call(other, 'POST', '/mj/task/list-by-condition', { ids: [taskId] })).body).toEqual([])
    const before = stage.simulator.journal().length
    expect((await submit(other, 'change', { taskId, action: 'UPSCALE', index: 1 })).status).toBe(404)
    expect((await submit(other, 'simple-change', { content: `${String(taskId)} V2` })).status).toBe(404)
    // Not even asked about.
    expect(stage.simulator.journal().length).toBe(before)
    expect(await held(other)).toBe(0n)
  })

  test('the same id from two servers is two tasks, each on its own server', async () => {
    const person = await stage.person({ fallback: 'none' })
    const first = await stage.ownKey(person, 'midjourney')
    const name = `same${Date.now()}`
    const a = await submit(person, 'imagine', { prompt: `[[simulate: say ${name}]] first ${soon}` })
    await untilEnded(person, a.body['result'])
    stage.simulator.setKey(first, { kind: 'failing', status: 503, calls: 1 }, 'midjourney')
    const second = await stage.ownKey(person, 'midjourney')
    const b = await submit(person, 'imagine', { prompt: `[[simulate: say ${name}]] second ${soon}` })
    expect(a.body['result']).toBe(name)
    expect(b.body['result']).not.toBe(name)
    expect((await untilEnded(person, b.body['result'])).body).toMatchObject({
      id: b.body['result'],
      prompt: expect.stringContaining('second'),
    })
    expect((await fetchTask(person, name)).body).toMatchObject({
      id: name,
      prompt: expect.stringContaining('first'),
    })
    const content = `${String(b.body['result'])} U1`
    expect((await submit(person, 'simple-change', { content })).body).toMatchObject({ code: 1 })
    expect(sentTo(second).at(-1)?.body).toBe(JSON.stringify({ content: `${name} U1` }))
  })

  test('nobody gets in without an access token', async () => {
    const person = await stage.person()
    const stranger = { ...person, token: 'nobody' }
    expect((await submit(stranger, 'imagine', { prompt: soon })).status).toBe(401)
    expect((await call(person, 'GET', '/mj/task/list')).status).toBe(404)
    expect((await call(person, 'GET', '/mj/submit/imagine')).status).toBe(405)
  })
})

describe('a follow-up', () => {
  test('goes to the key of its task, also when another key is preferred by now', async () => {
    const person = await stage.person()
    const first = await stage.ownKey(person, 'midjourney')
    const made = await submit(person, 'imagine', { prompt: soon })
    const taskId = made.body['result']
    await untilEnded(person, taskId)
    const system = await stage.systemKey('midjourney', 1)
    const second = await stage.ownKey(person, 'midjourney')
    const keys = await stage.gateway.rooms.serviceKeys.list({
      organizationId: person.organizationId,
      owners: ['user'],
      userId: person.userId,
    })
    expect(keys).toHaveLength(2)
    const changed = await submit(person, 'change', { taskId, action: 'VARIATION', index: 2 })
    expect(changed.body).toMatchObject({ code: 1 })
    // Even when its own server does not answer now: no other knows the task.
    stage.simulator.setKey(first, { kind: 'failing', status: 503, calls: 1 }, 'midjourney')
    const refused = await submit(person, 'change', { taskId, action: 'REROLL' })
    expect(refused.status).toBe(502)
    expect(sentTo(first).map(({ path }) => path)).toEqual([
      '/midjourney/mj/submit/imagine',
      '/midjourney/mj/submit/change',
      '/midjourney/mj/submit/change',
    ])
    expect([...sentTo(second), ...sentTo(system)]).toEqual([])
    expect(await held(person)).toBe(0n)
    await untilEnded(person, changed.body['result'])
  })

  test('costs what its action costs, and nothing when the server had made it already', async () => {
    const person = await stage.person()
    const made = await submit(person, 'imagine', { prompt: soon })
    const taskId = made.body['result']
    await untilEnded(person, taskId)
    const upscale = () => submit(person, 'change', { taskId, action: 'UPSCALE', index: 3 })
    const first = await upscale()
    await untilEnded(person, first.body['result'])
    expect((await stage.balance(person)).availableMicros).toBe(95_000_000n)
    const again = await upscale()
    expect(again.body).toMatchObject({
      code: 21,
      result: first.body['result'],
      properties: { status: 'SUCCESS' },
    })
    expect(await stage.balance(person)).toMatchObject({ availableMicros: 95_000_000n, heldMicros: 0n })
    expect(
      (await stage.operation(person, again.headers.get('x-aideon-operation') ?? ''))['credit_micros'],
    ).toBe(0n)
    await balanced()
  })

  test('by buttons and windows is one task until its end', async () => {
    const person = await stage.person()
    await stage.ownKey(person, 'midjourney')
    const made = await submit(person, 'imagine', { prompt: soon })
    const grid = await untilEnded(person, made.body['result'])
    const buttons = grid.body['buttons'] as { customId: string; label: string }[]
    const u1 = buttons.find(({ label }) => label === 'U1')
    const upscaled = await submit(person, 'action', { taskId: made.body['result'], customId: u1?.customId })
    expect(upscaled.body).toMatchObject({ code: 1 })
    const done = await untilEnded(person, upscaled.body['result'])
    const [zoom] = done.body['buttons'] as { customId: string }[]
    const opened = await submit(person, 'action', {
      taskId: upscaled.body['result'],
      customId: zoom?.customId,
    })
    expect(opened.body).toMatchObject({ code: 21, properties: { status: 'MODAL' } })
    expect((await fetchTask(person, opened.body['result'])).body).toMatchObject({ status: 'MODAL' })
    const confirmed = await submit(person, 'modal', { taskId: opened.body['result'], prompt: 'wider' })
    expect(confirmed.body).toMatchObject({ code: 1, result: opened.body['result'] })
    await untilEnded(person, opened.body['result'])
    const seed = await call(person, 'GET', `/mj/task/${String(made.body['result'])}/image-seed`)
    expect(seed.body).toMatchObject({ code: 1, result: expect.stringMatching(/^\d+$/) })
    const ids = [made, upscaled, opened].map(({ body }) => body['result'])
    const listed = await call(person, 'POST', '/mj/task/list-by-condition', { ids })
    expect(listed.body).toHaveLength(3)
  })
})

test('a policy holds for what is asked of a server about earlier tasks, not for what is known here', async () => {
  const { organizations } = stage.gateway.rooms
  const { id: organizationId } = await organizations.create(operator, { name: 'Firm', kind: 'company' })
  const person = await stage.person({ organizationId })
  const made = await submit(person, 'imagine', { prompt: soon })
  const taskId = String(made.body['result'])
  const set = async (change: ControlChange) =>
    must(await organizations.change(operator, organizationId, change))
  await set({ systemKeysAllowed: false })
  expect((await untilEnded(person, taskId)).body).toMatchObject({ status: 'SUCCESS' })
  expect(await held(person)).toBe(0n)
  const seed = () => call(person, 'GET', `/mj/task/${taskId}/image-seed`)
  const seedCalls = () =>
    stage.simulator.journal().filter(({ path }) => path.endsWith(`${taskId}/image-seed`))
  const policies: ControlChange[] = [
    { systemKeysAllowed: false },
    { systemKeysAllowed: true, allowed: { ...everything, services: ['openai'] } },
    { allowed: { ...everything, models: ['gpt-*'] } },
    { allowed: { ...everything, dataRegions: ['europe'] } },
    { allowed: { ...everything, noTraining: true } },
  ]
  for (const change of policies) {
    await set(change)
    const told = JSON.stringify(change)
    expect(await seed(), told).toMatchObject({ status: 403, body: { properties: { code: 'policy_denied' } } })
    expect((await submit(person, 'change', { taskId, action: 'REROLL' })).status, told).toBeGreaterThan(400)
    expect(await fetchTask(person, taskId), told).toMatchObject({ status: 200, body: { status: 'SUCCESS' } })
  }
  expect(seedCalls()).toEqual([])
  await set({ allowed: null })
  expect((await seed()).body).toMatchObject({ code: 1 })
  expect(seedCalls()).toHaveLength(1)
})

describe('which key takes a task', () => {
  test('the own one first; when it fails, and the preference allows it, a system key', async () => {
    const person = await stage.person({ fallback: 'system' })
    await stage.ownKey(person, 'midjourney', { kind: 'failing', status: 500 })
    const submitted = await submit(person, 'imagine', { prompt: soon })
    expect(submitted.headers.get('x-aideon-reason')).toBe('system-key-own-key-failed')
    expect(submitted.headers.get('x-aideon-attempts')).toBe('2')
    expect(await held(person)).toBe(4_000_000n)
    await untilEnded(person, submitted.body['result'])
    const narrow = await submit(person, 'imagine', { prompt: soon }, { 'x-aideon-fallback': 'none' })
    expect(narrow.status).toBe(502)
  })

  test('on an own key nothing is held or charged', async () => {
    const person = await stage.person({ creditMicros: 0n, fallback: 'none' })
    await stage.ownKey(person, 'midjourney')
    const submitted = await submit(person, 'imagine', { prompt: soon })
    await untilEnded(person, submitted.body['result'])
    expect(await stage.operation(person, submitted.headers.get('x-aideon-operation') ?? '')).toMatchObject({
      status: 'succeeded',
      key_owner: 'user',
      credit_micros: 0n,
      held_micros: 0n,
      cost_nano_usd: 40_000_000n,
    })
  })
})

describe('webhooks', () => {
  /** As https://www.standardwebhooks.com describes it, without our code. */
  const isSigned = (secret: string, headers: Record<string, unknown>, body: string): boolean => {
    const key = Buffer.from(secret.replace('whsec_', ''), 'base64')
    const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`
    const expected = createHmac('sha256', key).update(signed).digest('base64')
    return String(headers['webhook-signature']) === `v1,${expected}`
  }

  test('tell each change until the end, signed, and the server is never told where', async () => {
    await using receiver = await openReceiver(stage.gateway.rooms)
    const person = await stage.person()
    const { secret } = await mj.longOperations.webhooks.newSecret(person, operator)
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
    const body = { prompt: `${soon} a webhook`, notifyHook: receiver.url }
    const submitted = await submit(person, 'imagine', body)
    const statuses = () =>
      receiver.received.map(({ body: text }) => (JSON.parse(text) as { status: string }).status)
    await expect.poll(() => statuses().at(-1), { interval: 20 }).toBe('SUCCESS')
    for (const { headers, body: text } of receiver.received) {
      expect(isSigned(secret, headers, text)).toBe(true)
      expect(isSigned(secret, headers, `${text} `)).toBe(false)
      expect(Math.abs(Number(headers['webhook-timestamp']) - Date.now() / 1000)).toBeLessThan(60)
      expect(JSON.parse(text)).toMatchObject({ id: submitted.body['result'] })
    }
    const bodies = stage.simulator.journal().map((entry) => entry.body ?? '')
    expect(bodies.some((text) => text.includes('a webhook'))).toBe(true)
    expect(bodies.filter((text) => text.includes('notifyHook') || text.includes(receiver.url))).toEqual([])
    // When the end is told, it is settled.
    expect(await held(person)).toBe(0n)
  })

  test('are tried again, ever more rarely, then given up, and can be sent anew by hand', async () => {
    await using receiver = await openReceiver(stage.gateway.rooms)
    receiver.statuses.push(500, 404, 302, 500)
    const person = await stage.person()
    await stage.ownKey(person, 'midjourney')
    const { body } = await submit(person, 'imagine', {
      prompt: '[[simulate: wait 1ms]]',
      notifyHook: receiver.url,
    })
    await untilEnded(person, body['result'])
    const deliveries = () => mj.longOperations.webhooks.deliveries(person, {}, null, 10)
    await expect.poll(async () => (await deliveries())[0]?.state).toBe('failed')
    const [failed] = await deliveries()
    expect(failed).toMatchObject({ attempts: 4, lastStatus: 500, event: 'task.succeeded' })
    const ofIt = receiver.received.filter(({ headers }) => headers['webhook-id'] === failed?.id)
    const gaps = ofIt.slice(1).map(({ atMs }, index) => atMs - (ofIt[index]?.atMs ?? 0))
    expect(gaps[0]).toBeGreaterThanOrEqual(45)
    expect(gaps[1]).toBeGreaterThanOrEqual(95)
    expect(gaps[2]).toBeGreaterThanOrEqual(190)
    await mj.longOperations.webhooks.redeliver(person, failed?.id ?? '')
    await expect.poll(async () => (await deliveries())[0]?.state).toBe('delivered')
  })

  test('reach a receiver that was down when the task ended', async () => {
    const receiver = await openReceiver(stage.gateway.rooms)
    await receiver[Symbol.asyncDispose]()
    const person = await stage.person()
    await stage.ownKey(person, 'midjourney')
    const { body } = await submit(person, 'imagine', {
      prompt: '[[simulate: wait 1ms]]',
      notifyHook: receiver.url,
    })
    await untilEnded(person, body['result'])
    const deliveries = () => mj.longOperations.webhooks.deliveries(person, {}, null, 10)
    await expect.poll(async () => (await deliveries())[0]?.attempts).toBeGreaterThan(1)
    expect((await deliveries())[0]).toMatchObject({ lastStatus: null, lastFault: 'service_unreachable' })
  })

  test.each([
    'http://127.0.0.1:1/',
    'https://169.254.169.254/latest',
    'https://[::1]/',
    'https://localhost/',
    'https://hooks.localhost:8443/',
    'https://intranet/hook',
    'https://metadata.google.internal/',
    'file:///etc/passwd',
    'no url',
  ])('to %s are refused before anything is begun', async (notifyHook) => {
    stage.gateway.rooms.callbacks.allow([])
    const person = await stage.person()
    const before = stage.simulator.journal().length
    expect((await submit(person, 'imagine', { prompt: soon, notifyHook })).status).toBe(400)
    expect(stage.simulator.journal().length).toBe(before)
  })

  test('to an address that is listed for services only are refused, by either name of the target', async () => {
    const person = await stage.person()
    const target = `${stage.simulator.url}/hook`
    expect(stage.gateway.rooms.catalogue.allowances()).toContain(new URL(target).host)
    const before = stage.simulator.journal().length
    for (const [body, headers] of [
      [{ prompt: soon, notifyHook: target }, {}],
      [{ prompt: soon }, { 'x-aideon-webhook': target }],
    ] as const)
      expect((await submit(person, 'imagine', body, headers)).status).toBe(400)
    expect(stage.simulator.journal().length).toBe(before)
  })
})

describe('what is not seen to end', () => {
  const late = { ...quick, deadlineMs: 60_000, lastAskMs: 60_000 }

  /**
   * A gateway whose time the test moves. It is a day ahead, so the other gateway's poller, whose timing is another, finds
   * nothing of it due.
   */
  const openAhead = async () => {
    const start = Date.now() + 86_400_000
    let aheadMs = 0
    const gateway = await openMidjourney(stage.gateway.rooms, late, () => new Date(start + aheadMs))
    return { ...gateway, pass: (ms: number) => void (aheadMs += ms) }
  }

  test('is unresolved, asked about for a last time, then given back and left to reconciliation', async () => {
    await using ahead = await openAhead()
    const person = await stage.person()
    const path = '/mj/submit/imagine'
    const submitted = await call(person, 'POST', path, { prompt: '[[simulate: endless]]' }, {}, ahead.url)
    const id = submitted.headers.get('x-aideon-operation') ?? ''
    const state = async () => (await ahead.longOperations.find(person, id))?.state
    ahead.pass(late.deadlineMs)
    await expect.poll(state, { interval: 10 }).toBe('unresolved')
    expect(await held(person)).toBe(4_000_000n)
    ahead.pass(late.lastAskMs)
    await expect.poll(() => held(person), { interval: 10 }).toBe(0n)
    expect(await stage.operation(person, id)).toMatchObject({ status: 'interrupted', credit_micros: 0n })
    const listed = await ahead.longOperations.page({ state: 'unresolved', open: false }, null, 10)
    expect(listed.map((operation) => operation.id)).toContain(id)
    expect((await fetchTask(person, submitted.body['result'])).body).toMatchObject({ status: 'FAILURE' })
    expect((await stage.balance(person)).availableMicros).toBe(100_000_000n)
    await balanced()
  })

  test('but ends before the last question is charged by what the service says then', async () => {
    await using ahead = await openAhead()
    const person = await stage.person()
    const prompt = { prompt: '[[simulate: wait 0ms]]' }
    const submitted = await call(person, 'POST', '/mj/submit/imagine', prompt, {}, ahead.url)
    const id = submitted.headers.get('x-aideon-operation') ?? ''
    const state = async () => (await ahead.longOperations.find(person, id))?.state
    const taken = stage.simulator.journal().findLast((entry) => entry.method === 'POST')?.credential ?? ''
    stage.simulator.setKey(taken, { kind: 'failing', status: 502 }, 'midjourney')
    ahead.pass(late.deadlineMs)
    await expect.poll(state, { interval: 10 }).toBe('unresolved')
    stage.simulator.setKey(taken, { kind: 'ok' }, 'midjourney')
    ahead.pass(late.lastAskMs)
    await expect.poll(state, { interval: 10 }).toBe('succeeded')
    expect(await stage.balance(person)).toMatchObject({ availableMicros: 96_000_000n, heldMicros: 0n })
    await balanced()
  })

  test('because its key was revoked is given back', async () => {
    const person = await stage.person()
    await stage.ownKey(person, 'midjourney')
    const submitted = await submit(person, 'imagine', { prompt: '[[simulate: endless]]' })
    const { serviceKeys } = stage.gateway.rooms
    const owned = { organizationId: person.organizationId, owners: ['user'], userId: person.userId } as const
    const [key] = await serviceKeys.list(owned)
    await serviceKeys.revoke(
      { kind: 'operator', id: null },
      { organizationId: person.organizationId, id: key?.id ?? '' },
    )
    const id = submitted.headers.get('x-aideon-operation') ?? ''
    await expect.poll(async () => (await mj.longOperations.find(person, id))?.endedAt).not.toBeNull()
    expect(await mj.longOperations.find(person, id)).toMatchObject({ state: 'unresolved' })
  })

  test('waits for a server that is away, and is charged when it is back', async () => {
    const secret = await stage.systemKey('midjourney', 1)
    const person = await stage.person()
    const submitted = await submit(person, 'imagine', { prompt: soon })
    const taken = stage.simulator.journal().findLast((entry) => entry.method === 'POST')?.credential ?? secret
    stage.simulator.setKey(taken, { kind: 'failing', status: 502 }, 'midjourney')
    const id = submitted.headers.get('x-aideon-operation') ?? ''
    const failedAsks = async () => (await mj.longOperations.find(person, id))?.failedAsks ?? 0
    await expect.poll(failedAsks, { interval: 10 }).toBeGreaterThan(2)
    expect(await held(person)).toBe(4_000_000n)
    stage.simulator.setKey(taken, { kind: 'ok' }, 'midjourney')
    await expect.poll(() => held(person)).toBe(0n)
    expect((await stage.balance(person)).availableMicros).toBe(96_000_000n)
  })
})

describe('several processes', () => {
  test('share the work, and settle each task once', async () => {
    await using second = await openMidjourney(stage.gateway.rooms)
    await using third = await openMidjourney(stage.gateway.rooms)
    const person = await stage.person({ creditMicros: 200_000_000n })
    const urls = [mj.url, second.url, third.url]
    const all = await Promise.all(
      Array.from({ length: 24 }, (_, index) =>
        call(person, 'POST', '/mj/submit/imagine', { prompt: `${index} ${soon}` }, {}, urls[index % 3]),
      ),
    )
    expect(all.map(({ body }) => body['code'])).toEqual(all.map(() => 1))
    await expect.poll(() => held(person)).toBe(0n)
    expect((await stage.balance(person)).availableMicros).toBe(200_000_000n - 24n * 4_000_000n)
    await balanced()
  })
})

describe('an image by Midjourney in OpenAI’s shape', () => {
  const image = (person: StagePerson, body: Record<string, unknown>) =>
    call(person, 'POST', '/v1/images/generations', { model: 'midjourney', ...body })

  test('is waited for, and charged when it is there', async () => {
    const person = await stage.person()
    const made = await image(person, { prompt: `a lake ${soon}`, size: '1792x1024', quality: 'hd' })
    expect(made).toMatchObject({
      status: 200,
      body: { created: expect.any(Number), data: [{ url: expect.stringMatching(/^https:/) }] },
    })
    expect(made.headers.get('x-aideon-credits')).toBe('4')
    expect(made.headers.get('x-aideon-not-carried')).toContain('quality')
    expect(stage.simulator.journal().at(-1)).toBeDefined()
    const sent = stage.simulator.journal().findLast(({ path }) => path.endsWith('/mj/submit/imagine'))
    expect(JSON.parse(sent?.body ?? '')).toEqual({ prompt: `a lake ${soon} --ar 7:4` })
    expect(await stage.balance(person)).toMatchObject({ availableMicros: 96_000_000n, heldMicros: 0n })
    expect(await stage.operation(person, made.headers.get('x-aideon-operation') ?? '')).toMatchObject({
      status: 'succeeded',
      endpoint: 'image_generations',
      credit_micros: 4_000_000n,
    })
  })

  test('that fails is an error, and gives everything back', async () => {
    const person = await stage.person()
    const made = await image(person, { prompt: `${soon} [[simulate: refusal]]` })
    expect(made).toMatchObject({
      status: 502,
      body: { error: { message: expect.stringContaining('Banned prompt detected') } },
    })
    expect(await stage.balance(person)).toMatchObject({ availableMicros: 100_000_000n, heldMicros: 0n })
  })

  test('goes on when the caller hangs up, and is settled', async () => {
    const person = await stage.person()
    const gone = new AbortController()
    const sent = fetch(`${mj.url}/v1/images/generations`, {
      method: 'POST',
      signal: gone.signal,
      headers: { authorization: `Bearer ${person.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'midjourney', prompt: '[[simulate: wait 400ms]]' }),
    })
    await expect.poll(() => held(person), { interval: 10 }).toBe(4_000_000n)
    const underWay = () => mj.longOperations.page({ userId: person.userId }, null, 1)
    await expect.poll(async () => (await underWay()).length, { interval: 10 }).toBe(1)
    gone.abort()
    await expect(sent).rejects.toThrow()
    await expect.poll(() => held(person)).toBe(0n)
    expect((await stage.balance(person)).availableMicros).toBe(96_000_000n)
    await balanced()
  })

  test('that takes too long says where it can be followed', async () => {
    const person = await stage.person()
    await stage.ownKey(person, 'midjourney')
    const late = await image(person, { prompt: '[[simulate: endless]]' })
    expect(late).toMatchObject({
      status: 504,
      body: { error: { message: expect.stringMatching(/\/mj\/task\/\d+\/fetch/) } },
    })
  })

  test.each([
    [{ prompt: 'a', n: 2 }, 'n'],
    [{ prompt: 'a', response_format: 'b64_json' }, 'response_format'],
    [{ prompt: 'a', size: 'huge' }, 'size'],
  ])('%j is refused, because it cannot be done', async (body, field) => {
    const person = await stage.person()
    expect(await image(person, body)).toMatchObject({ status: 400, body: { error: { param: field } } })
  })
})

describe('what screens see', () => {
  const signedInAs = ({ organizationId, userId }: StagePerson) =>
    ({
      signedIn: { organization: { id: organizationId }, userId },
      actor: operator,
      reader: { organizationId, userId },
    }) as unknown as SessionContext & ReaderContext

  test('one’s own tasks page by page, others’ not at all, and no secret twice', async () => {
    const api = longOperationApi({ longOperations: mj.longOperations })
    const [person, stranger] = [await stage.person(), await stage.person()]
    const [mine, theirs] = [signedInAs(person), signedInAs(stranger)]
    const ids: string[] = []
    for (const prompt of [soon, `${soon} [[simulate: error 500]]`, '[[simulate: wait 2s]]'])
      ids.push((await submit(person, 'imagine', { prompt })).headers.get('x-aideon-operation') ?? '')
    await expect.poll(() => held(person)).toBe(4_000_000n)
    const first = await api.listLongOperations(
      { params: undefined, query: { limit: 2 }, body: undefined },
      mine,
    )
    const query = { limit: 2, cursor: first.nextCursor ?? '' }
    const second = await api.listLongOperations({ params: undefined, query, body: undefined }, mine)
    expect([...first.items, ...second.items].map(({ id }) => id)).toEqual(ids.toReversed())
    expect(second.nextCursor).toBeNull()
    expect([...first.items, ...second.items].toReversed()).toMatchObject([
      { state: 'succeeded', chargedMicros: '4000000', isOver: true },
      { state: 'failed', chargedMicros: '0', failure: 'simulated failure' },
      { heldMicros: '4000000', chargedMicros: '0', isOver: false, mayCancel: false },
    ])
    const read = (context: typeof mine) =>
      api.readLongOperation({ params: { id: ids[0] ?? '' }, query: undefined, body: undefined }, context)
    expect(await read(mine)).toMatchObject({ action: 'imagine', keyOwner: 'system' })
    await expect(read(theirs)).rejects.toMatchObject({ fault: { code: 'not_found' } })
    const cancel = { params: { id: ids[2] ?? '' }, query: undefined, body: undefined }
    await expect(api.cancelLongOperation(cancel, theirs)).rejects.toMatchObject({
      fault: { code: 'not_found' },
    })
    await expect(api.cancelLongOperation(cancel, mine)).rejects.toMatchObject({ fault: { code: 'conflict' } })
    const nothing = { params: undefined, query: undefined, body: undefined }
    expect(await api.readWebhookSecret(nothing, mine)).toEqual({ secret: null })
    const made = await api.createWebhookSecret(nothing, mine)
    expect(await api.readWebhookSecret(nothing, mine)).toEqual({
      secret: { lastFour: made.secret.slice(-4), createdAt: made.createdAt },
    })
    const stored = 'SELECT sealed_secret FROM webhook_secrets'
    const { rows } = await stage.gateway.rooms.database.pool.query<{ sealed_secret: Buffer }>(stored)
    expect(rows.some(({ sealed_secret: sealed }) => sealed.includes(made.secret.slice(6, 20)))).toBe(false)
  })
})

test('the gateway itself serves tasks, settles them by itself, and tells unknown paths', async () => {
  await using whole = await openStage()
  await setTaskPrices(whole.gateway.rooms, { imagine: 40_000_000n })
  await whole.systemKey('midjourney', 1)
  const person = await whole.person()
  const at = (method: 'GET' | 'POST', path: string, body?: unknown) =>
    call(person, method, path, body, {}, whole.url)
  const { body } = await at('POST', '/mj/submit/imagine', { prompt: soon })
  expect(body).toMatchObject({ code: 1 })
  const balance = async () => whole.balance(person)
  await expect.poll(balance).toMatchObject({ availableMicros: 96_000_000n, heldMicros: 0n })
  expect((await at('GET', `/mj/task/${String(body['result'])}/fetch`)).body).toMatchObject({
    status: 'SUCCESS',
  })
  expect((await at('GET', '/mj/account/list')).status).toBe(404)
  const made = await at('POST', '/v1/images/generations', { model: 'midjourney', prompt: soon })
  expect(made.body).toMatchObject({ data: [{ url: expect.any(String) }] })
  expect(await checkLedger(whole.gateway.rooms.database)).toEqual([])
})
