import { describe, expect, test } from 'vitest'
import { dataFacts, dataTermsOf, type Destination } from './data-terms.ts'
import { findService } from './registry.ts'

const at = (serviceId: string, baseUrl: string | null, more: Partial<Destination> = {}) =>
  dataTermsOf({ serviceId, baseUrl, model: 'a-model', settings: {}, ...more })
const bedrock = (region: string, model: string) =>
  at('bedrock', `https://bedrock-runtime.${region}.amazonaws.com`, { model }).region
const vertex = (location: string, model = 'gemini-2.5-flash') =>
  at('vertex', findService('vertex')?.baseUrlFor?.({ location }) ?? '', { model, settings: { location } })
    .region

test('every fact is about a service that there is, and names pages of its own that say it', () => {
  for (const [id, { sources }] of Object.entries(dataFacts)) {
    expect(findService(id), id).toBeDefined()
    expect(sources.length, id).toBeGreaterThan(0)
    for (const source of sources) expect(new URL(source).protocol).toBe('https:')
  }
})

test('what is said holds at the service’s own address, and of most services nothing is known', () => {
  for (const [id, { hosts }] of Object.entries(dataFacts)) {
    const service = findService(id)
    const settings = { resource: 'r', region: 'eu-west-1', location: 'eu' }
    const own = service?.baseUrlFor?.(settings) ?? service?.baseUrl ?? ''
    expect(new URL(own).hostname, id).toMatch(hosts)
  }
  const unknown = { region: null, training: 'unknown' }
  expect(at('openai', 'https://eu.api.openai.com.evil.example')).toEqual(unknown)
  expect(at('openai', 'https://eu.api.openai.com@evil.example')).toEqual(unknown)
  expect(at('openai', 'http://eu.api.openai.com')).toEqual(unknown)
  expect(at('openai', null)).toEqual(unknown)
  expect(at('openrouter', 'https://openrouter.ai/api')).toEqual(unknown)
})

describe('the region', () => {
  test('of OpenAI is that of the address, where it processes and does not only store', () => {
    expect(at('openai', 'https://eu.api.openai.com/v1').region).toBe('europe')
    expect(at('openai', 'https://api.openai.com').region).toBeNull()
    expect(at('openai', 'https://gb.api.openai.com').region).toBeNull()
  })

  test.each([
    ['eu-west-1', 'anthropic.claude-x', 'europe'],
    ['eu-west-2', 'anthropic.claude-x', 'gb'],
    ['us-east-1', 'us.anthropic.claude-x', 'us'],
    ['ca-central-1', 'us.anthropic.claude-x', 'us'],
    ['eu-west-1', 'global.anthropic.claude-x', null],
    ['ap-southeast-2', 'apac.anthropic.claude-x', null],
    ['eu-west-1', 'arn:aws:bedrock:us-east-1:1:inference-profile/x', null],
    ['eu-west-1', 'raw', null],
    ['mars-north-1', 'anthropic.claude-x', null],
  ])('of Bedrock in %s with %s is %s', (region, model, expected) => {
    expect(bedrock(region, model)).toBe(expected)
  })

  test('of Vertex is promised for Google’s models outside the global address', () => {
    expect([vertex('eu'), vertex('europe-west4'), vertex('us-central1'), vertex('global')]).toEqual([
      'europe',
      'europe',
      'us',
      null,
    ])
    expect(vertex('eu', 'claude-sonnet-5')).toBeNull()
    expect(
      at('vertex', 'https://us-central1-aiplatform.googleapis.com', {
        model: 'gemini-2.5-flash',
        settings: { location: 'europe-west4' },
      }).region,
    ).toBeNull()
  })
})

test('AssemblyAI trains with what its European address is not sent', () => {
  expect(at('assemblyai', 'https://api.eu.assemblyai.com')).toEqual({ region: 'europe', training: 'no' })
  expect(at('assemblyai', 'https://api.assemblyai.com')).toEqual({ region: 'us', training: 'may' })
})
