import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { must } from '../src/kit/fault.ts'
import { findCanaries } from './canaries.ts'
import { askIn, type ChatDialect, readAll } from './dialect-calls.ts'
import { type EchoService, startEchoService } from './echo-service.ts'
import { type HostileService, startHostileService, streamHead } from './hostile.ts'
import { operator } from './scene.ts'
import { openStage, type Stage } from './stage.ts'

let stage: Stage
let hostile: HostileService
let echo: EchoService
beforeAll(async () => {
  stage = await openStage()
  hostile = await startHostileService()
  echo = await startEchoService()
  for (const { url } of [hostile, echo])
    must(await stage.gateway.rooms.catalogue.addAllowance(operator, new URL(url).host))
})
afterAll(async () => {
  // In this order: what is not hung up on keeps the gateway from stopping.
  await hostile[Symbol.asyncDispose]()
  await echo[Symbol.asyncDispose]()
  await stage[Symbol.asyncDispose]()
})

const anthropicStart =
  'event: message_start\ndata: {"type":"message_start","message":{"id":"m","type":"message","role":"assistant","content":[],"model":"m","usage":{"input_tokens":30,"output_tokens":1}}}\n\n' +
  'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n'
const delta =
  'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"word "}}\n\n'

test('LiteLLM PR 33736: who hangs up on a translated stream while the service is silent is charged at once, and the service hung up on', async () => {
  must(await stage.gateway.rooms.catalogue.change(operator, 'anthropic', { baseUrl: hostile.url }))
  await stage.systemKey('anthropic', 1)
  const person = await stage.person()
  const hungUp = Promise.withResolvers<void>()
  hostile.answer(({ socket }) => {
    socket.on('close', () => hungUp.resolve())
    socket.write(streamHead + anthropicStart + delta.repeat(100))
  })
  const hangUp = new AbortController()
  const wanted = { model: 'claude-sonnet-4-5', prompt: 'hello', streamed: true }
  const reply = await askIn(stage, person, 'chat_completions', wanted, { signal: hangUp.signal })
  let words = 0
  for await (const bytes of reply.body as unknown as AsyncIterable<Uint8Array>) {
    words += Buffer.from(bytes).toString().split('word ').length - 1
    if (words >= 100) break
  }
  hangUp.abort()
  await hungUp.promise
  await expect.poll(async () => (await stage.balance(person)).heldMicros).toBe(0n)
  const record = await stage.operation(person, reply.headers.get('x-aideon-operation') ?? '')
  expect(record).toMatchObject({ status: 'cancelled', usage_source: 'estimated' })
  expect(Number(record['output_tokens'])).toBeGreaterThan(90)
})

const routes: readonly [ChatDialect, 'openai' | 'anthropic', string][] = [
  ['messages', 'openai', 'gpt-4o-mini'],
  ['gemini', 'openai', 'gpt-4o-mini'],
  ['chat_completions', 'anthropic', 'claude-sonnet-4-5'],
  ['responses', 'anthropic', 'claude-sonnet-4-5'],
]
test.each(routes)(
  'LiteLLM #18731: a key that the service repeats reaches no caller of %s at %s',
  async (dialect, service, model) => {
    must(await stage.gateway.rooms.catalogue.change(operator, service, { baseUrl: echo.url }))
    for (const what of [
      '400',
      '403',
      '404',
      '413',
      '429',
      '500',
      'html',
      'half',
      'stream',
      'garbage',
      'reset',
    ])
      for (const streamed of [false, true]) {
        const person = await stage.person({ fallback: 'none' })
        const secret = `~${randomBytes(24).toString('hex')}+/=&%"${randomBytes(24).toString('hex')}`
        const { organizationId, userId } = person
        must(
          await stage.gateway.rooms.serviceKeys.add(operator, {
            organizationId,
            owner: 'user',
            userId,
            serviceId: service,
            secret,
            baseUrl: null,
          }),
        )
        const reply = await askIn(stage, person, dialect, { model, prompt: `[[echo: ${what}]]`, streamed })
        const { text } = await readAll(reply)
        const all = `${reply.statusText} ${JSON.stringify([...reply.headers])} ${text}`
        expect(findCanaries([{ name: 'the key', value: secret }], [{ label: what, text: all }])).toEqual([])
      }
  },
)
