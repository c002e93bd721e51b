import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { demoAccessKeyId, demoSecret, type ServiceName } from '../../simulator/keys.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { cloneDatabase, type TestDatabase } from '../../tests/database.ts'
import { standInForGoogle } from '../../tests/google-token.ts'
import { insertOrganization, type KeyRoom, operator, startKeyRoom } from '../../tests/service-keys.ts'
import { must } from '../kit/fault.ts'
import { makeOutbound } from '../net/outbound.ts'
import type { KeySettings } from '../services/service.ts'
import type { NewServiceKey } from './keys.ts'

let clone: TestDatabase
let simulator: Simulator
let room: KeyRoom
let here: { organizationId: string; userId: string }
const network = makeOutbound()
/** Runs once, before the next request is answered. */
let meanwhile: (() => Promise<unknown>) | null = null

beforeAll(async () => {
  clone = await cloneDatabase()
  simulator = await startSimulator()
  network.allow(['127.0.0.1'])
  const google = standInForGoogle(network, simulator.url)
  const outbound = {
    check: network.check,
    request: async (request: Parameters<typeof network.request>[0]) => {
      const first = meanwhile
      meanwhile = null
      await first?.()
      return google.request(request)
    },
  }
  room = await startKeyRoom({ url: clone.url, serviceUrl: simulator.url, outbound })
})
afterAll(async () => {
  await room.close()
  await network.close()
  await simulator.close()
  await clone.drop()
})
beforeEach(async () => {
  here = await insertOrganization(clone.database)
  simulator.clearJournal()
})

let made = 0
const known = (service: ServiceName): string => {
  const secret = demoSecret(service, `Settings${++made}`)
  simulator.setKey(secret, { kind: 'ok' }, service)
  return secret
}
const own = (serviceId: ServiceName, secret: string, settings: KeySettings): NewServiceKey => ({
  ...here,
  owner: 'user',
  serviceId,
  secret,
  settings,
})
const add = async (serviceId: ServiceName, secret: string, settings: KeySettings) =>
  must(await room.keys.add(operator, own(serviceId, secret, settings))).serviceKey
const auditOf = async (id: string) => {
  const entries = await clone.database.kysely
    .selectFrom('audit_entries')
    .select(['action', 'before', 'after'])
    .where('subject_id', '=', id)
    .orderBy('id')
    .execute()
  return entries.at(-1)
}
const pathsAsked = () => simulator.journal().map(({ path }) => path)

describe('a key with settings', () => {
  test('of Azure is proven at its resource, and shown with what was entered', async () => {
    const key = await add('azure_openai', known('azure_openai'), {
      resource: 'demo',
      deployments: 'gpt-4o=mine',
    })
    expect(key).toMatchObject({
      verdict: 'valid',
      settings: { resource: 'demo', deployments: 'gpt-4o=mine' },
    })
    const [forGateway] = await room.keys.listForGateway(here.organizationId, here.userId)
    expect(forGateway?.settings).toEqual(key.settings)
    expect(await auditOf(key.id)).toMatchObject({
      action: 'service_key.add',
      after: { settings: { resource: 'demo', deployments: 'gpt-4o=mine' } },
    })
  })

  test('of Bedrock is proven by a signature with its access key id, and without one by itself', async () => {
    const secret = known('bedrock')
    const signed = await add('bedrock', secret, { region: 'us-east-1', accessKeyId: demoAccessKeyId(secret) })
    expect(signed.verdict).toBe('valid')
    expect(await auditOf(signed.id)).toMatchObject({
      after: { settings: { accessKeyId: `…${demoAccessKeyId(secret).slice(-4)}` } },
    })
    expect(await add('bedrock', known('bedrock'), { region: 'us-east-1' })).toMatchObject({
      verdict: 'valid',
    })
    // A replaced address stands for the host of the models and for that of the proof.
    expect(pathsAsked()).toEqual(['/bedrock/foundation-models', '/bedrock/foundation-models'])
  })

  test('of Vertex is proven by an access token; its project is read from its document', async () => {
    const secret = known('vertex')
    const pretty = JSON.stringify(JSON.parse(secret), null, 2)
    const key = await add('vertex', pretty, { location: 'us-central1' })
    expect(key).toMatchObject({
      verdict: 'valid',
      settings: { project: 'demo-project', location: 'us-central1' },
      lastFour: String(JSON.parse(secret).private_key_id).slice(-4),
    })
    const place = '/vertex/v1/projects/demo-project/locations/us-central1'
    expect(pathsAsked()).toEqual([
      '/vertex/token',
      `${place}/publishers/google/models/gemini-2.5-flash:countTokens`,
    ])
  })

  test('of Vertex that Google exchanges for nothing is refused, and one it cannot be asked about is stored as unknown', async () => {
    const settings = { location: 'us-central1' }
    const gone = demoSecret('vertex', 'Gone')
    const refused = await room.keys.add(operator, own('vertex', gone, settings))
    expect(refused).toMatchObject({ ok: false, fault: { code: 'key_rejected', field: 'secret' } })
    expect(JSON.stringify(refused)).not.toContain('PRIVATE')
    const limited = known('vertex')
    simulator.setKey(limited, { kind: 'reset', calls: 1 }, 'vertex')
    expect(await add('vertex', limited, settings)).toMatchObject({ verdict: 'unknown', status: 'active' })
  })

  test('of Vertex that is a document of something else is refused before anybody is asked', async () => {
    const document = JSON.stringify({ type: 'authorized_user', refresh_token: 'x'.repeat(40) })
    const refused = await room.keys.check(own('vertex', document, { location: 'us-central1' }))
    expect(refused).toMatchObject({ ok: false, fault: { code: 'key_malformed', field: 'secret' } })
    expect(simulator.journal()).toEqual([])
  })

  test('that miss or mistake a field is refused before anybody is asked', async () => {
    const refused = await room.keys.add(operator, own('bedrock', known('bedrock'), { region: 'Frankfurt' }))
    expect(refused).toMatchObject({ ok: false, fault: { code: 'invalid_request', field: 'settings.region' } })
    expect(simulator.journal()).toEqual([])
  })

  test('is another key elsewhere, and the same one with other deployments', async () => {
    const secret = known('bedrock')
    await add('bedrock', secret, { region: 'us-east-1' })
    expect((await add('bedrock', secret, { region: 'us-west-2' })).settings.region).toBe('us-west-2')
    const azure = known('azure_openai')
    await add('azure_openai', azure, { resource: 'demo' })
    expect(
      await room.keys.add(operator, own('azure_openai', azure, { resource: 'demo', deployments: 'a=b' })),
    ).toMatchObject({ fault: { code: 'key_duplicate' } })
  })
})

describe('changing settings', () => {
  test('proves the key anew, is audited, and the gateway sees it', async () => {
    const key = await add('azure_openai', known('azure_openai'), { resource: 'demo' })
    const changed = must(await room.keys.changeSettings(operator, key, { deployments: 'gpt-4o=mine' }))
    expect(changed).toMatchObject({
      serviceKey: { settings: { resource: 'demo', deployments: 'gpt-4o=mine' }, version: 1 },
      check: { verdict: 'valid' },
    })
    const [forGateway] = await room.keys.listForGateway(here.organizationId, here.userId)
    expect(forGateway?.settings.deployments).toBe('gpt-4o=mine')
    expect(await auditOf(key.id)).toMatchObject({
      action: 'service_key.change_settings',
      before: { settings: { resource: 'demo' } },
      after: { settings: { resource: 'demo', deployments: 'gpt-4o=mine' } },
    })
    const without = must(await room.keys.changeSettings(operator, key, { deployments: '' }))
    expect(without.serviceKey.settings).toEqual({ resource: 'demo' })
  })

  test('that the service refuses, that lack what is required, or that are another key’s change nothing', async () => {
    const secret = known('bedrock')
    const key = await add('bedrock', secret, { region: 'us-east-1' })
    await add('bedrock', secret, { region: 'us-west-2' })
    const change = (settings: KeySettings) => room.keys.changeSettings(operator, key, settings)
    expect(await change({ accessKeyId: `AKIA${'B'.repeat(16)}` })).toMatchObject({
      fault: { code: 'key_rejected', field: 'settings' },
    })
    expect(await change({ region: '' })).toMatchObject({ fault: { field: 'settings.region' } })
    expect(await change({ region: 'us-west-2' })).toMatchObject({ fault: { code: 'key_duplicate' } })
    expect((await room.keys.find(key))?.settings).toEqual({ region: 'us-east-1' })
  })

  test('is refused where the key was replaced while it was proven: nobody proved the new secret with them', async () => {
    const key = await add('azure_openai', known('azure_openai'), { resource: 'demo' })
    const next = known('azure_openai')
    meanwhile = async () => must(await room.keys.replace(operator, key, { secret: next }))
    const outcome = await room.keys.changeSettings(operator, key, { resource: 'other' })
    expect(outcome).toMatchObject({ ok: false, fault: { code: 'conflict' } })
    expect(await room.keys.find(key)).toMatchObject({ version: 2, settings: { resource: 'demo' } })
  })

  test('is not undone by a recheck that asked about the settings of before', async () => {
    const secret = known('bedrock')
    const key = await add('bedrock', secret, { region: 'us-east-1' })
    meanwhile = async () => {
      must(await room.keys.changeSettings(operator, key, { accessKeyId: demoAccessKeyId(secret) }))
      simulator.setKey(secret, { kind: 'revoked' }, 'bedrock')
    }
    expect(must(await room.keys.recheck(operator, key)).serviceKey).toMatchObject({ status: 'active' })
  })

  test('of another user’s key is not found', async () => {
    const key = await add('azure_openai', known('azure_openai'), { resource: 'demo' })
    const stranger = await insertOrganization(clone.database)
    const which = { ...key, userId: stranger.userId }
    expect(await room.keys.changeSettings(operator, which, { resource: 'other' })).toMatchObject({
      fault: { code: 'not_found' },
    })
  })
})

test('a replacement keeps the settings it does not name and changes those it does', async () => {
  const key = await add('azure_openai', known('azure_openai'), { resource: 'demo', deployments: 'a=b' })
  const kept = must(await room.keys.replace(operator, key, { secret: known('azure_openai') }))
  expect(kept.serviceKey).toMatchObject({ version: 2, settings: { resource: 'demo', deployments: 'a=b' } })
  const input = { secret: known('azure_openai'), settings: { resource: 'other', deployments: '' } }
  const changed = must(await room.keys.replace(operator, key, input))
  expect(changed.serviceKey).toMatchObject({ version: 3, settings: { resource: 'other' } })
  expect(changed.serviceKey.settings).not.toHaveProperty('deployments')
})
