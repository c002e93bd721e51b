import { createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import OpenAI, { toFile } from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { demoSecret } from '../simulator/keys.ts'
import { referencesIn } from '../src/gateway/resource-names.ts'
import { must } from '../src/kit/fault.ts'
import { openResources, type ResourcesGateway } from './resources-gateway.ts'
import { operator } from './scene.ts'
import { openStage, type Stage, type StagePerson } from './stage.ts'

let stage: Stage
let gateway: ResourcesGateway
let made = 0

/** Keeps responses for the key that made them, as the service does. */
const keeper = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const secret = request.headers.authorization ?? ''
    const body = JSON.parse(Buffer.concat(chunks).toString() || '{}') as Record<string, unknown>
    asked.push({ secret, path: request.url ?? '', previous: body['previous_response_id'] })
    const id = `resp_${String(++made).padStart(12, '0')}`
    const reply = {
      id,
      object: 'response',
      status: 'completed',
      metadata: body['metadata'] ?? {},
      output: [
        {
          id: `msg_${id}`,
          type: 'message',
          role: 'assistant',
          status: 'completed',
          content: [{ type: 'output_text', text: 'hi', annotations: [] }],
        },
      ],
      usage: { input_tokens: 1, output_tokens: 1, total_tokens: 2 },
    }
    if (body['stream'] !== true) {
      response.writeHead(200, { 'content-type': 'application/json' })
      return response.end(JSON.stringify(reply))
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    const event = (type: string, more: object) =>
      response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...more })}\n\n`)
    event('response.created', { response: { ...reply, output: [], status: 'in_progress' } })
    event('response.output_item.done', { output_index: 0, item: reply.output[0] })
    event('response.completed', { response: reply })
    response.end()
  })
})
let asked: { secret: string; path: string; previous: unknown }[] = []

beforeAll(async () => {
  await new Promise<void>((resolve) => keeper.listen(0, '127.0.0.1', resolve))
  stage = await openStage()
  const host = `127.0.0.1:${(keeper.address() as AddressInfo).port}`
  must(await stage.gateway.rooms.catalogue.addAllowance(operator, host))
  gateway = await openResources(stage.gateway.rooms)
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await stage[Symbol.asyncDispose]()
  keeper.close()
})

const clientOf = (person: StagePerson) =>
  new OpenAI({ apiKey: person.token, baseURL: `${gateway.url}/v1`, maxRetries: 0 })
const notFound = { status: 404, code: 'not_found' }
const text = async (content = 'words') => toFile(Buffer.from(content), 'words.jsonl')
const credentials = () =>
  stage.simulator.journal().map(({ method, path, credential }) => ({ method, path, credential }))

const addKey = async (
  owner: { organizationId: string; owner: 'user' | 'organization'; userId: string | null },
  more: { serviceId?: string; baseUrl?: string; priority?: 1 | 2 | 3 } = {},
) => {
  const secret = demoSecret('openai', `resources${++made}`)
  stage.simulator.setKey(secret, { kind: 'ok' }, 'openai')
  const { serviceId = 'openai', baseUrl = null, priority = 1 } = more
  must(
    await stage.gateway.rooms.serviceKeys.add(operator, { ...owner, serviceId, secret, baseUrl, priority }),
  )
  return secret
}
const userKey = (person: StagePerson, more = {}) =>
  addKey({ organizationId: person.organizationId, owner: 'user', userId: person.userId }, more)

/** Two people on one key of their organisation. */
const colleagues = async (more = {}) => {
  const alice = await stage.person()
  const bob = await stage.person({ organizationId: alice.organizationId })
  const { organizationId } = alice
  const secret = await addKey({ organizationId, owner: 'organization', userId: null }, more)
  return { alice, bob, secret }
}

describe('on a key that people share', () => {
  test('a file is found by whoever made it, and by nobody else', async () => {
    const { alice, bob } = await colleagues()
    const file = await clientOf(alice).files.create({ file: await text(), purpose: 'batch' })
    expect(await clientOf(alice).files.retrieve(file.id)).toMatchObject({ id: file.id })
    expect(await (await clientOf(alice).files.content(file.id)).text()).toBe('words')
    await expect(clientOf(bob).files.retrieve(file.id)).rejects.toMatchObject(notFound)
    await expect(clientOf(bob).files.content(file.id)).rejects.toMatchObject(notFound)
    await expect(clientOf(bob).files.delete(file.id)).rejects.toMatchObject(notFound)
    const raw = await fetch(`${gateway.url}/services/openai/v1/files/${file.id}/content`, {
      headers: { authorization: `Bearer ${bob.token}` },
    })
    expect(raw.status).toBe(404)
    expect(await clientOf(alice).files.delete(file.id)).toMatchObject({ deleted: true })
    await expect(clientOf(alice).files.retrieve(file.id)).rejects.toMatchObject(notFound)
  })

  test.each([
    ['as it is', '"input_file_id"'],
    ['in escapes', '"input\\u005ffile_id"'],
  ])('somebody else’s file cannot be named in a body %s', async (_, field) => {
    const { alice, bob } = await colleagues()
    const file = await clientOf(alice).files.create({ file: await text(), purpose: 'batch' })
    const before = credentials().length
    const reply = await fetch(`${gateway.url}/v1/batches`, {
      method: 'POST',
      headers: { authorization: `Bearer ${bob.token}`, 'content-type': 'application/json' },
      body: `{${field}:"${file.id}","endpoint":"/v1/chat/completions","completion_window":"24h"}`,
    })
    expect(reply.status).toBe(404)
    expect(credentials()).toHaveLength(before)
  })

  test('lists are refused: they would show what everybody made', async () => {
    const { alice } = await colleagues()
    await expect(clientOf(alice).files.list()).rejects.toMatchObject({ status: 424, code: 'no_route' })
    const before = credentials().length
    for (const path of ['x/%2e%2e/v1/files', '/v1/files', 'v1/./files', 'v1%2ffiles', 'v1/files/']) {
      // Not with fetch, which would tidy up the path.
      const { port } = new URL(gateway.url)
      const options = {
        port,
        path: `/services/openai/${path}`,
        headers: { authorization: `Bearer ${alice.token}` },
      }
      const status = await new Promise((done) => get(options, (reply) => done(reply.resume().statusCode)))
      // What would climb out of the service's address is no route at all.
      const expected = path.includes('/./') || path.includes('%2e') ? 404 : path === 'v1/files/' ? 424 : 400
      expect([path, status]).toEqual([path, expected])
    }
    expect(credentials()).toHaveLength(before)
  })

  test.each([false, true])(
    'a stored response is continued by whoever got it alone (streamed: %s)',
    async (stream) => {
      const baseUrl = `http://127.0.0.1:${(keeper.address() as AddressInfo).port}/v1`
      const { alice, bob, secret } = await colleagues({ serviceId: 'custom', baseUrl })
      const first = { model: 'custom/any', input: 'hello' }
      let id = ''
      if (stream) {
        for await (const event of await clientOf(alice).responses.create({ ...first, stream: true }))
          if (event.type === 'response.completed') ({ id } = event.response)
      } else ({ id } = await clientOf(alice).responses.create(first))
      asked = []
      const next = { ...first, previous_response_id: id }
      await expect(clientOf(bob).responses.create(next)).rejects.toMatchObject(notFound)
      const item = { type: 'item_reference', id: `msg_${id}` } as const
      await expect(clientOf(bob).responses.create({ ...first, input: [item] })).rejects.toMatchObject(
        notFound,
      )
      expect(asked).toEqual([])
      await clientOf(alice).responses.create({ ...first, input: [item] })
      // A better key of her own does not know the response.
      await userKey(alice, { serviceId: 'custom', baseUrl })
      asked = []
      await clientOf(alice).responses.create(next)
      expect(asked).toEqual([{ secret: `Bearer ${secret}`, path: '/v1/responses', previous: id }])
    },
  )

  test('nothing that a caller says makes another’s response theirs', async () => {
    const baseUrl = `http://127.0.0.1:${(keeper.address() as AddressInfo).port}/v1`
    const { alice, bob } = await colleagues({ serviceId: 'custom', baseUrl })
    const request = { model: 'custom/any', input: 'hello' }
    const { id } = await clientOf(alice).responses.create(request)
    await clientOf(bob).responses.create({ ...request, metadata: { id, output: id } })
    const stolen = clientOf(bob).responses.create({ ...request, previous_response_id: id })
    await expect(stolen).rejects.toMatchObject(notFound)
  })
})

describe('what was made', () => {
  test('stays with its key when a better one is added', async () => {
    const { alice, secret } = await colleagues()
    const client = clientOf(alice)
    const file = await client.files.create({ file: await text(), purpose: 'batch' })
    const better = await userKey(alice)
    expect(await client.files.retrieve(file.id)).toMatchObject({ id: file.id })
    expect(credentials().at(-1)).toMatchObject({ credential: secret })
    const second = await client.files.create({ file: await text(), purpose: 'batch' })
    expect(credentials().at(-1)).toMatchObject({ credential: better })
    expect(await client.files.retrieve(second.id)).toMatchObject({ id: second.id })
  })

  test('with a key that is gone is seen by no other key', async () => {
    const alice = await stage.person()
    await userKey(alice, { priority: 1 })
    const client = clientOf(alice)
    const file = await client.files.create({ file: await text(), purpose: 'batch' })
    const { serviceKeys } = stage.gateway.rooms
    const [first] = await serviceKeys.listForGateway(alice.organizationId, alice.userId)
    await userKey(alice, { priority: 2 })
    must(await serviceKeys.revoke(operator, first as never))
    await expect(client.files.retrieve(file.id)).rejects.toMatchObject({ status: 424, code: 'no_route' })
  })

  test('elsewhere with the one key that a caller has is the service’s to know', async () => {
    const alice = await stage.person()
    await userKey(alice)
    const reply = clientOf(alice).files.retrieve('file-elsewhere')
    await expect(reply).rejects.toMatchObject({
      status: 404,
      message: expect.stringContaining('No such File'),
    })
    expect(await clientOf(alice).files.list()).toMatchObject({ data: [] })
  })
})

test('names are read where services read them, and nowhere else', () => {
  const found = (value: unknown) => referencesIn(value).map(({ kind, id }) => `${kind} ${id}`)
  expect(found({ tools: [{ type: 'file_search', vector_store_ids: ['vs_1', 'vs_2'] }] })).toEqual([
    'vector_store vs_1',
    'vector_store vs_2',
  ])
  expect(found({ conversation: { id: 'conv_1' } })).toEqual(['conversation conv_1'])
  expect(
    found({ contents: [{ parts: [{ fileData: { fileUri: 'https://x/v1beta/files/abc-1' } }] }] }),
  ).toEqual(['file files/abc-1'])
  expect(found({ input: [{ type: 'reasoning', id: 'rs_1', summary: [] }] })).toEqual(['item rs_1'])
  expect(found({ metadata: { file_id: 'file-1' } })).toEqual([])
  expect(found({ messages: [{ content: [{ type: 'tool_use', input: { file_id: 'mine' } }] }] })).toEqual([])
  expect(found({ tools: [{ parameters: { properties: { file_id: { type: 'string' } } } }] })).toEqual([])
})
