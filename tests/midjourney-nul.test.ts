import { afterAll, beforeAll, expect, test } from 'vitest'
import { type MidjourneyGateway, openMidjourney, setTaskPrices } from './midjourney-gateway.ts'
import { openStage, type Stage, type StagePerson } from './stage.ts'

/*
 * stored as PostgreSQL can hold it (jsonb takes neither \u0000 nor half a surrogate pair): src/long-operations/store.ts.
 */

let stage: Stage
let mj: MidjourneyGateway
beforeAll(async () => {
  stage = await openStage()
  await setTaskPrices(stage.gateway.rooms, { imagine: 40_000_000n })
  await stage.systemKey('midjourney', 1)
  mj = await openMidjourney(stage.gateway.rooms)
})
afterAll(async () => {
  await mj[Symbol.asyncDispose]()
  await stage[Symbol.asyncDispose]()
})

const call = (person: StagePerson, method: string, path: string, body?: unknown) =>
  fetch(mj.url + path, {
    method,
    headers: { 'mj-api-secret': person.token, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })

test.each<[string, string, unknown?]>([
  ['GET', '/mj/task/%00/fetch'],
  ['GET', '/mj/task/a%00b/image-seed'],
  ['POST', '/mj/submit/change', { taskId: 'a\0', action: 'UPSCALE', index: 1 }],
  ['POST', '/mj/submit/simple-change', { content: 'a\0 U1' }],
  ['POST', '/mj/task/list-by-condition', { ids: ['\0'] }],
])('a name with NUL in it is nobody’s task, and no defect: %s %s', async (method, path, body) => {
  const person = await stage.person()
  const request = call(person, method, path, body)
  const reply = await Promise.race([request, new Promise<null>((done) => setTimeout(done, 30_000, null))])
  expect(reply?.status).toBe(path.includes('list') ? 200 : 404)
})

test.each([
  ['NUL', 'a\0b'],
  ['half a surrogate pair', 'a\ud800b'],
])(
  'a prompt with %s in it is settled like any other: nothing stays held, and it is charged',
  async (_, prompt) => {
    const person = await stage.person()
    const submitted = await call(person, 'POST', '/mj/submit/imagine', {
      prompt: `${prompt} [[simulate: wait 50ms]]`,
    })
    if (submitted.status === 400) return
    expect(submitted.status).toBe(200)
    const held = async () => (await stage.balance(person)).heldMicros
    await expect.poll(held).toBe(0n)
    expect((await stage.balance(person)).availableMicros).toBe(96_000_000n)
  },
)
