import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import OpenAI, { toFile } from 'openai'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { must } from '../src/kit/fault.ts'
import { openStage, type Stage, type StagePerson } from './stage.ts'

/** Images, speech, transcripts and moderation on system keys, by the official client: held, counted and charged. */

const operator = { kind: 'operator', id: null } as const
interface Answer {
  readonly type: string
  readonly body: string | Buffer
}

let stage: Stage
let service: Server
let answer: Answer
let received: { path: string; type: string; body: Buffer }[] = []

const bodyOf = async (request: IncomingMessage): Promise<Buffer> => Buffer.concat(await request.toArray())

beforeAll(async () => {
  stage = await openStage()
  await stage.systemKey('openai', 1)
  service = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      received.push({ path: request.url ?? '', type: request.headers['content-type'] ?? '', body })
      response.writeHead(200, { 'content-type': answer.type }).end(answer.body)
    })
  })
  await new Promise<void>((done) => service.listen(0, '127.0.0.1', done))
  const address = `127.0.0.1:${(service.address() as AddressInfo).port}`
  const { catalogue } = stage.gateway.rooms
  must(await catalogue.addAllowance(operator, address))
  must(await catalogue.change(operator, 'openai', { baseUrl: `http://${address}` }))
})
afterAll(async () => {
  await stage[Symbol.asyncDispose]()
  await new Promise((done) => service.close(done))
})
beforeEach(() => {
  received = []
})

const clientOf = (person: StagePerson) =>
  new OpenAI({ apiKey: person.token, baseURL: `${stage.url}/v1`, maxRetries: 0 })
const json = (value: unknown): Answer => ({ type: 'application/json', body: JSON.stringify(value) })

/** What the last operation of a person is on record as, and what it took from the balance. */
const settled = async (person: StagePerson) => {
  const { rows } = await stage.clone.database.pool.query(
    'SELECT id, units, usage_source, cost_nano_usd, credit_micros, held_micros FROM operations WHERE user_id = $1 ORDER BY id DESC LIMIT 1',
    [person.userId],
  )
  const { availableMicros, heldMicros } = await stage.balance(person)
  expect(heldMicros).toBe(0n)
  return { ...rows[0], spentMicros: 100_000_000n - availableMicros }
}

test('an image is charged by the tokens that were reported, exactly', async () => {
  const person = await stage.person()
  const usage = {
    input_tokens: 50,
    output_tokens: 4_160,
    total_tokens: 4_210,
    input_tokens_details: { text_tokens: 11, image_tokens: 39 },
  }
  answer = json({ created: 1, data: [{ b64_json: 'QUJD' }], usage })
  const reply = await clientOf(person).images.generate({ model: 'gpt-image-1', prompt: 'a cat' })
  expect(reply.usage?.output_tokens).toBe(4_160)
  // 11 × $5 + 39 × $10 + 4160 × $40 for a million each.
  const cost = 11n * 5_000n + 39n * 10_000n + 4_160n * 40_000n
  const record = await settled(person)
  expect(record).toMatchObject({
    units: { input_image_tokens: 39, output_image_tokens: 4_160 },
    usage_source: 'reported',
    cost_nano_usd: cost,
    credit_micros: (cost + 9n) / 10n,
    spentMicros: (cost + 9n) / 10n,
  })
  expect(record.held_micros).toBeGreaterThanOrEqual(record.credit_micros)
})

test('an edit goes on byte for byte, with its images', async () => {
  const person = await stage.person()
  answer = json({ created: 1, data: [{ b64_json: 'QUJD' }], usage: { input_tokens: 0, output_tokens: 0 } })
  const picture = Buffer.from([0, 1, 2, 13, 10, 45, 45, 255])
  await clientOf(person).images.edit({
    model: 'gpt-image-1',
    prompt: 'more hats',
    image: [await toFile(picture, 'a.png'), await toFile(picture, 'b.png')],
  })
  expect(received[0]?.path).toBe('/v1/images/edits')
  expect(received[0]?.type).toMatch(/^multipart\/form-data; ?boundary=/)
  expect(received[0]?.body.toString('latin1').split(picture.toString('latin1'))).toHaveLength(3)
  // Zero reported is zero.
  expect(await settled(person)).toMatchObject({
    cost_nano_usd: 0n,
    spentMicros: 0n,
    usage_source: 'reported',
  })
})

test('a transcript is charged by the second', async () => {
  const person = await stage.person()
  answer = json({ text: 'hello', usage: { type: 'duration', seconds: 61 } })
  const file = await toFile(Buffer.alloc(90_000, 7), 'talk.mp3')
  await clientOf(person).audio.transcriptions.create({ model: 'whisper-1', file })
  // $0.36 an hour.
  expect(await settled(person)).toMatchObject({
    units: { audio_seconds: 61 },
    usage_source: 'reported',
    cost_nano_usd: 6_100_000n,
    spentMicros: 610_000n,
  })
})

test('a transcript as plain text is charged by an estimate that says so', async () => {
  const person = await stage.person()
  answer = { type: 'text/plain; charset=utf-8', body: 'hello' }
  const file = await toFile(Buffer.alloc(160_000, 7), 'talk.mp3')
  const text = await clientOf(person).audio.transcriptions.create({
    model: 'whisper-1',
    file,
    response_format: 'text',
  })
  expect(text).toBe('hello')
  expect(await settled(person)).toMatchObject({
    units: { audio_seconds: 10, input_audio_tokens: 100 },
    usage_source: 'estimated',
    cost_nano_usd: 1_000_000n,
  })
})

test('speech is charged by the character of its text', async () => {
  const person = await stage.person()
  answer = { type: 'audio/mpeg', body: Buffer.from([0xff, 0xfb, 0x90]) }
  const reply = await clientOf(person).audio.speech.create({
    model: 'tts-1',
    input: 'hello you',
    voice: 'alloy',
  })
  expect(Buffer.from(await reply.arrayBuffer())).toEqual(answer.body)
  expect(await settled(person)).toMatchObject({
    units: { characters: 9 },
    usage_source: 'reported',
    cost_nano_usd: 9n * 15_000n,
  })
})

test('moderation needs no credits', async () => {
  const person = await stage.person({ creditMicros: 0n })
  answer = json({ id: 'modr', model: 'omni-moderation-latest', results: [{ flagged: false }] })
  const reply = await clientOf(person).moderations.create({ input: 'hello' })
  expect(reply.results[0]?.flagged).toBe(false)
  const { rows } = await stage.clone.database.pool.query(
    'SELECT units, cost_nano_usd, credit_micros, held_micros FROM operations WHERE user_id = $1',
    [person.userId],
  )
  expect(rows).toEqual([{ units: { request: 1 }, cost_nano_usd: 0n, credit_micros: 0n, held_micros: 0n }])
})

test('a size that has no price is refused on a system key, before anything is sent', async () => {
  const person = await stage.person()
  const call = clientOf(person).images.generate({ model: 'dall-e-3', prompt: 'x', size: '256x256' })
  await expect(call).rejects.toMatchObject({ code: 'price_unknown' })
  expect(received).toEqual([])
  expect((await stage.balance(person)).availableMicros).toBe(100_000_000n)
})

test('a model that charges by the second is not for text', async () => {
  const person = await stage.person()
  const call = clientOf(person).chat.completions.create({
    model: 'whisper-1',
    messages: [{ role: 'user', content: 'hello' }],
  })
  await expect(call).rejects.toMatchObject({ code: 'model_not_for_endpoint' })
  expect(received).toEqual([])
})

test('a form that parsers could read in two ways is refused', async () => {
  const person = await stage.person()
  const part = '--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n'
  const file = '--b\r\nContent-Disposition: form-data; name="file"; filename="a.mp3"\r\n\r\nabc\r\n'
  const send = (body: string) =>
    fetch(`${stage.url}/v1/audio/transcriptions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${person.token}`, 'content-type': 'multipart/form-data; boundary=b' },
      body,
    })
  const twice = await send(`${part}${part}${file}--b--\r\n`)
  expect(await twice.json()).toMatchObject({ error: { code: 'duplicate_field', param: 'model' } })
  const open = await send(`${part}${file}`)
  expect(open.status).toBe(400)
  expect(await open.json()).toMatchObject({ error: { code: 'malformed_multipart' } })
  expect(received).toEqual([])
})
