import { describe, expect, test } from 'vitest'
import { azureOpenai } from '../services/azure-openai.ts'
import { bedrock } from '../services/bedrock.ts'
import { openai } from '../services/openai.ts'
import { vertex } from '../services/vertex.ts'
import { areSameSettings, auditedSettings, changedSettings, placeOf, readSettings } from './settings.ts'

const secret = 'f'.repeat(32)
const accessKeyId = `AKIA${'B'.repeat(16)}`

describe('what a service asks for beside the secret', () => {
  test('is taken without the space around it, and empty optional settings are left out', () => {
    expect(readSettings(azureOpenai, { resource: ' my-resource\n', deployments: '  ' }, secret)).toEqual({
      ok: true,
      value: { resource: 'my-resource' },
    })
    expect(readSettings(openai, {}, secret)).toEqual({ ok: true, value: {} })
    expect(readSettings(bedrock, { region: 'eu-central-1', accessKeyId }, secret)).toEqual({
      ok: true,
      value: { region: 'eu-central-1', accessKeyId },
    })
  })

  test('is taken from a JSON secret that says it, unless it is given', () => {
    const document = JSON.stringify({ type: 'service_account', project_id: 'from-document' })
    const location = 'europe-west1'
    expect(readSettings(vertex, { location }, document)).toEqual({
      ok: true,
      value: { project: 'from-document', location },
    })
    expect(readSettings(vertex, { location, project: 'other-project' }, document)).toMatchObject({
      value: { project: 'other-project' },
    })
    expect(readSettings(vertex, { location }, '{"project_id":7}')).toMatchObject({
      ok: false,
      fault: { field: 'settings.project' },
    })
    expect(readSettings(vertex, { location }, '{"project_id":"../../evil"}')).toMatchObject({
      ok: false,
      fault: { field: 'settings.project' },
    })
  })

  test.each([
    ['a missing one', azureOpenai, {}, 'settings.resource', /Resource name: .* need it/],
    [
      'a whole address',
      azureOpenai,
      { resource: 'a.openai.azure.com' },
      'settings.resource',
      /2 to 64 letters/,
    ],
    [
      'another host',
      bedrock,
      { region: 'us-east-1.evil.example/' },
      'settings.region',
      /looks like us-east-1/,
    ],
    [
      'one too long',
      azureOpenai,
      { resource: 'ab', deployments: `${'a=b,'.repeat(1100)}a=b` },
      'settings.deployments',
      /./,
    ],
    ['the secret', azureOpenai, { resource: secret }, 'settings.resource', /must not hold a secret/],
    [
      'another secret',
      azureOpenai,
      { resource: `sk-proj-${'a'.repeat(30)}` },
      'settings.resource',
      /must not hold a secret/,
    ],
    ['an unknown one', bedrock, { region: 'us-east-1', colour: 'red' }, 'settings', /region, accessKeyId/],
    ['one too many', openai, { region: 'us-east-1' }, 'settings', /have no settings/],
    ['a name of objects', bedrock, JSON.parse('{"region":"us-east-1","__proto__":"x"}'), 'settings', /./],
  ] as const)(
    '%s is refused by its name, and not repeated',
    (_, service, given: Record<string, string>, field, message) => {
      const refused = readSettings(service, given, secret)
      expect(refused).toMatchObject({ ok: false, fault: { code: 'invalid_request', field } })
      const text = refused.ok ? '' : refused.fault.message
      expect(text).toMatch(message)
      for (const value of Object.values(given)) if (value.length > 12) expect(text).not.toContain(value)
    },
  )

  test('an access key id that is itself given as the secret is refused', () => {
    expect(readSettings(bedrock, { region: 'us-east-1', accessKeyId }, accessKeyId).ok).toBe(false)
  })
})

test('a change keeps what it does not name, and takes away what it names as empty', () => {
  expect(changedSettings({ region: 'us-east-1', accessKeyId }, { accessKeyId: '' })).toEqual({
    region: 'us-east-1',
  })
  expect(changedSettings({ region: 'us-east-1' }, { region: 'eu-west-1' })).toEqual({ region: 'eu-west-1' })
})

test('settings are the same whatever their order', () => {
  expect(areSameSettings({ a: '1', b: '2' }, { b: '2', a: '1' })).toBe(true)
  expect(areSameSettings({ a: '1' }, { a: '1', b: '2' })).toBe(false)
  expect(areSameSettings({ a: '1', b: '2' }, { a: '1', c: '2' })).toBe(false)
})

test('only what says where a key belongs tells keys apart', () => {
  expect(placeOf('azure_openai', { resource: 'one', deployments: 'a=b' })).toEqual([['resource', 'one']])
  expect(placeOf('openai', {})).toEqual([])
})

test('the audit trail sees the end of what looks like a key', () => {
  expect(auditedSettings({ region: 'us-east-1', accessKeyId })).toEqual({
    region: 'us-east-1',
    accessKeyId: '…BBBB',
  })
})
