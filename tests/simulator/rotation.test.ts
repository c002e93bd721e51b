import { afterAll, expect, test } from 'vitest'
import { demoSecret } from '../../simulator/keys.ts'
import { startSimulator } from '../../simulator/simulator.ts'

const simulator = await startSimulator({
  keys: [{ service: 'openai', secret: demoSecret('openai', 'old') }],
})
afterAll(() => simulator.close())
const { adminKey, projectId } = simulator.rotation.apis.openai.settings

const admin = async (method: string, path: string, body?: unknown) => {
  const response = await fetch(`${simulator.url}/openai/v1/organization/projects/${projectId}${path}`, {
    method,
    headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
    body: body === undefined ? null : JSON.stringify(body),
  })
  return { status: response.status, value: (await response.json()) as Record<string, unknown> }
}
const models = async (secret: string): Promise<number> =>
  (await fetch(`${simulator.url}/openai/v1/models`, { headers: { authorization: `Bearer ${secret}` } }))
    .status

test('a key that the stand-in issues works at the data plane beside it until it is taken back', async () => {
  const { value } = await admin('POST', '/service_accounts', { name: 'aideon-test' })
  const { id, value: secret } = value['api_key'] as { id: string; value: string }
  expect(await models(secret)).toBe(200)
  expect(simulator.rotation.secrets.find('openai', id)).toMatchObject({ uses: 1, revokedAt: null })
  expect((await admin('DELETE', `/api_keys/${id}`)).status).toBe(200)
  expect(await models(secret)).toBe(401)
  expect(simulator.rotation.secrets.find('openai', id)).toMatchObject({ uses: 1, refusals: 1 })
})

test('a key that a person made is listed by its ends, and refused once it is deleted', async () => {
  const old = demoSecret('openai', 'old')
  const { id } = simulator.rotation.apis.openai.adopt(old, 'Made by hand')
  const { value } = await admin('GET', '/api_keys?limit=100')
  expect(value['data']).toMatchObject([{ id, redacted_value: `sk-proj-...${old.slice(-4)}` }])
  expect(await models(old)).toBe(200)
  await admin('DELETE', `/api_keys/${id}`)
  expect(await models(old)).toBe(401)
})

test('the data plane’s keys open no administration, and the admin key no data plane', async () => {
  expect(await models(adminKey)).toBe(401)
  const response = await fetch(`${simulator.url}/openai/v1/organization/projects/${projectId}/api_keys`, {
    headers: { authorization: `Bearer ${demoSecret('openai', 'unknown')}` },
  })
  expect(response.status).toBe(401)
})

test('what was issued is known to the next run', async () => {
  const { value } = await admin('POST', '/service_accounts', { name: 'aideon-kept' })
  const { value: secret } = value['api_key'] as { value: string }
  const next = await startSimulator()
  next.rotation.load(simulator.rotation.save())
  const response = await fetch(`${next.url}/openai/v1/models`, {
    headers: { authorization: `Bearer ${secret}` },
  })
  expect(response.status).toBe(200)
  expect(next.rotation.apis.openai.accounts().map(({ name }) => name)).toContain('aideon-kept')
  const more = await fetch(`${next.url}/openai/v1/organization/projects/${projectId}/service_accounts`, {
    method: 'POST',
    headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'aideon-later' }),
  })
  const ids = next.rotation.secrets.of('openai').map(({ id }) => id)
  expect(more.status).toBe(200)
  expect(new Set(ids).size).toBe(ids.length)
  await next.close()
})
