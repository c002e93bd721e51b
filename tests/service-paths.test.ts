import { afterAll, beforeAll, expect, test } from 'vitest'
import { sendRaw } from './hostile.ts'
import { openStage, type Stage, type StagePerson } from './stage.ts'

let stage: Stage
let person: StagePerson
beforeAll(async () => {
  stage = await openStage()
  person = await stage.person({ fallback: 'none' })
  await stage.ownKey(person, 'openai')
})
afterAll(() => stage[Symbol.asyncDispose]())

test.each([
  '/services/openai/../anthropic/v1/models',
  '/services/openai/v1/../../anthropic/v1/models',
  '/services/openai/%2e%2e/anthropic/v1/models',
  '/services/openai/.%2E/anthropic/v1/models',
  '/services/openai/v1\\..\\..\\anthropic\\v1\\models',
  '/v1/files/../../../anthropic/v1/models',
  '/v1/files/%2e%2e/%2e%2e/%2e%2e/anthropic/v1/models',
])('%s does not take OpenAI’s key to another path of the host', async (path) => {
  stage.simulator.clearJournal()
  await sendRaw(
    stage.url,
    `GET ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${person.token}\r\nconnection: close\r\n\r\n`,
  )
  for (const call of stage.simulator.journal()) expect(call.path).toMatch(/^\/openai\//)
})
