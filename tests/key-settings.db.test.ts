import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { demoServiceAccount } from '../simulator/service-account.ts'
import type { Reply } from '../src/contract/endpoints.ts'
import { type Browser, type Http, operator, startHttp } from './http-harness.ts'

let http: Http
let user: Browser
let stranger: Browser
let administrator: Browser

beforeAll(async () => {
  http = await startHttp()
  user = await http.createBrowser()
  stranger = await http.createBrowser()
  administrator = await http.createBrowser({ isPlatformAdministrator: true })
  await http.catalogue.change(operator, 'bedrock', { baseUrl: http.catalogue.baseUrlOf('openai') })
})
afterAll(() => http.close())

/** The stand-in accepts it. */
const bedrockSecret = () => `ABSKgood${randomBytes(48).toString('hex')}`
const body = (settings: Record<string, string>) => ({
  serviceId: 'bedrock',
  secret: bedrockSecret(),
  settings,
})
const accessKeyId = `AKIA${'C'.repeat(16)}`

test('services say what their keys need, and ask for no address where settings make it', async () => {
  const { items } = (await http.call('listServices', user, {})).json<Reply<'listServices'>>()
  const of = (id: string) => items.find((service) => service.id === id)
  expect(of('bedrock')?.settingFields.map(({ id, required }) => [id, required])).toEqual([
    ['region', true],
    ['accessKeyId', false],
  ])
  expect(of('vertex')).toMatchObject({ secretKind: 'json', needsBaseUrl: false })
  expect(of('vertex')?.settingFields.find(({ id }) => id === 'project')?.inSecret).toBe('project_id')
  expect(of('azure_openai')).toMatchObject({ secretKind: 'word', needsBaseUrl: false })
  expect(of('custom')).toMatchObject({ needsBaseUrl: true, baseUrlHint: 'https://models.example.com/v1' })
  expect(of('openai')).toMatchObject({ settingFields: [], baseUrlHint: null, needsBaseUrl: false })
  for (const { pattern, flags } of items.flatMap((service) => service.settingFields))
    expect(() => new RegExp(pattern, flags)).not.toThrow()
})

test('a key is added, listed and changed with its settings, and nobody else changes them', async () => {
  const added = await http.call('addServiceKey', user, { body: body({ region: 'us-east-1' }) })
  expect(added.statusCode, added.body).toBe(201)
  const { id, settings } = added.json<Reply<'addServiceKey'>>()
  expect(settings).toEqual({ region: 'us-east-1' })
  const change = (as: Browser, wanted: Record<string, string>) =>
    http.call('changeServiceKey', as, { params: { id }, body: { settings: wanted } })
  expect((await change(user, { region: 'eu-west-1' })).json()).toMatchObject({
    settings: { region: 'eu-west-1' },
    verdict: 'valid',
    version: 1,
  })
  expect((await change(stranger, { region: 'eu-west-2' })).statusCode).toBe(404)
  const both = await http.call('changeServiceKey', user, {
    params: { id },
    body: { label: 'Ireland', settings: { region: 'eu-west-1' } },
  })
  expect(both.json()).toMatchObject({ label: 'Ireland', settings: { region: 'eu-west-1' } })
  const { items } = (await http.call('listServiceKeys', user, {})).json<Reply<'listServiceKeys'>>()
  expect(items).toMatchObject([{ id, settings: { region: 'eu-west-1' } }])
  const { rows } = await http.database.pool.query<{ before: unknown; after: unknown }>(
    "SELECT before, after FROM audit_entries WHERE action = 'service_key.change_settings' AND subject_id = $1 ORDER BY id LIMIT 1",
    [id],
  )
  expect(rows).toEqual([
    { before: { settings: { region: 'us-east-1' } }, after: { settings: { region: 'eu-west-1' } } },
  ])
})

test.each([
  ['missing', {}, 'settings.region'],
  ['mistaken', { region: 'Ireland' }, 'settings.region'],
  ['unknown', { region: 'us-east-1', colour: 'red' }, 'settings'],
  ['secret', { region: 'us-east-1', accessKeyId: `sk-proj-${'a'.repeat(30)}` }, 'settings.accessKeyId'],
])('%s settings are refused by name, at the check as when adding', async (_, settings, field) => {
  for (const name of ['checkNewServiceKey', 'addServiceKey'] as const) {
    const refused = await http.call(name, user, { body: body(settings) })
    expect(refused.statusCode).toBe(400)
    expect(refused.json()).toMatchObject({ error: { field } })
  }
})

test('settings whose names or texts no field has are refused by the contract', async () => {
  for (const settings of [{ 'x.y': 'z' }, { region: 'x'.repeat(5000) }, { region: 7 }]) {
    const request = { body: { ...body({}), settings } } as never
    expect((await http.call('addServiceKey', user, request)).statusCode).toBe(400)
  }
})

test('a JSON document is taken as it was pasted, line ends and all, and refused where it is none', async () => {
  const secret = JSON.stringify(JSON.parse(demoServiceAccount('Wire')), null, 2)
  const check = (text: string) =>
    http.call('checkNewServiceKey', user, {
      body: { serviceId: 'vertex', secret: text, settings: { location: 'nowhere at all' } },
    })
  // The document is read before the settings are.
  expect((await check(secret)).json()).toMatchObject({ error: { field: 'settings.location' } })
  expect((await check(secret.slice(0, 300))).json()).toMatchObject({
    error: { code: 'key_malformed', field: 'secret' },
  })
})

test('a system key’s settings are changed by an administrator alone; a change that is refused changes nothing', async () => {
  const added = await http.call('addSystemKey', administrator, {
    body: { ...body({ region: 'us-east-1' }), priority: 1 },
  })
  const { id } = added.json<Reply<'addSystemKey'>>()
  const change = (as: Browser, settings: Record<string, string>) =>
    http.call('changeSystemKey', as, { params: { id }, body: { settings } })
  expect((await change(user, { region: 'us-west-2' })).statusCode).toBe(403)
  expect((await change(administrator, { region: '', accessKeyId })).json()).toMatchObject({
    error: { field: 'settings.region' },
  })
  const { items } = (await http.call('listSystemKeys', administrator, {})).json<Reply<'listSystemKeys'>>()
  expect(items.find((key) => key.id === id)?.settings).toEqual({ region: 'us-east-1' })
})
