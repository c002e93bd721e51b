import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { serviceId } from '../contract/wire.ts'
import { fillPath, wireModelOf } from './address.ts'
import { endpoints, type Endpoint } from './endpoint.ts'
import { findService, recognizeService, services } from './registry.ts'
import type { KeyFailure, Service } from './service.ts'

const serviceOf = (id: string) => findService(id) as Service
const outgoing = {
  method: 'POST',
  url: new URL('https://service.example/v1/x'),
  headers: {},
  body: Buffer.from('{}'),
  at: new Date('2026-11-22T12:00:00Z'),
}

test('services have ids of the contract, once each, and screens show the best known first', () => {
  const ids = services.map((service) => service.id)
  expect(new Set(ids).size).toBe(ids.length)
  for (const id of ids) expect(serviceId.safeParse(id).success).toBe(true)
  expect(ids.slice(0, 4)).toEqual(['openai', 'anthropic', 'gemini', 'midjourney'])
})

test('makers of models come before those who run them, so that a bare name means its maker’s', () => {
  const ids = services.map((service) => service.id)
  const firstHost = ids.indexOf('openrouter')
  for (const id of ['groq', 'together', 'fireworks', 'azure_openai', 'bedrock', 'vertex', 'custom'])
    expect(ids.indexOf(id)).toBeGreaterThanOrEqual(firstHost)
  for (const id of ['openai', 'anthropic', 'gemini', 'mistral', 'xai', 'deepseek', 'cohere', 'moonshot'])
    expect(ids.indexOf(id)).toBeLessThan(firstHost)
})

describe.each(services.map((service) => [service.id, service] as const))('%s', (_, service) => {
  test('has an address, or says what makes it', () => {
    const base = service.baseUrl ?? service.baseUrlFor?.({ region: 'a', resource: 'a', location: 'a' })
    if (base === undefined)
      expect(service.settingFields?.some(({ required }) => required) ?? false).toBe(false)
    else expect(base).toMatch(/^https:\/\/[a-z0-9./-]+[^/]$/)
  })

  test('fills its paths from the model and its own settings alone', () => {
    const settings = Object.fromEntries((service.settingFields ?? []).map(({ id }) => [id, 'value']))
    for (const [endpoint, path] of Object.entries(service.endpoints)) {
      expect(Object.keys(endpoints)).toContain(endpoint)
      expect(path).toMatch(/^\//)
      for (const [, name = ''] of path.matchAll(/\{(\w+)\}/g))
        expect(['model', ...Object.keys(settings)]).toContain(name)
      // A model's name is no way out of the path.
      const filled = fillPath(path, { ...settings, model: '../../x?y#z' })
      expect(filled).not.toMatch(/\/\.\.\/|x\?y|#/)
    }
  })

  test('does something: speaks an endpoint, translates, or has paths of its own', () => {
    const isReachable = Object.keys(service.endpoints).length > 0 || service.translation !== undefined
    expect(isReachable || service.id === 'midjourney').toBe(true)
    expect(service.tasks.length).toBeGreaterThan(0)
  })

  test('sends its secret in headers, never in an address, and nothing else’s', async () => {
    const secret = 'the-very-secret'
    const headers = await service.authenticate({ secret, settings: {}, accessToken: 'token' }, outgoing)
    expect(Object.keys(headers).length).toBeGreaterThan(0)
    for (const name of Object.keys(headers)) expect(name).toBe(name.toLowerCase())
    const asked = service.validation?.request({ region: 'us-east-1', project: 'p', location: 'l' })
    expect(`${asked?.path} ${asked?.body}`).not.toContain(secret)
  })

  test('trusts a validation call with nothing but what it proved', () => {
    const { verdict } = service.validation ?? {}
    if (verdict === undefined) return
    expect(verdict(200, '{}').verdict).toBe('valid')
    expect(verdict(service.id === 'bedrock' ? 403 : 401, invalidBody(service.id)).verdict).toBe('invalid')
    for (const status of [302, 408, 429, 500, 503]) expect(verdict(status, '').verdict).toBe('unknown')
  })

  test('a bad request, an overload and an empty account mean the same everywhere', () => {
    const kind = (status: number) => service.readFailure(status, '{}').kind
    expect(['caller', 'account']).toContain(kind(400))
    expect(kind(413)).toBe('caller')
    expect(kind(422)).toBe('caller')
    expect(kind(429)).toBe('limited')
    for (const status of [302, 408, 500, 502, 503, 529]) expect(kind(status)).toBe('service')
  })

  test('reads any bytes as some failure, and nothing a caller sends as one of the key’s', () => {
    fc.assert(
      fc.property(fc.constantFrom(400, 404, 413, 422), fc.json(), (status, body) => {
        expect(['caller', 'account']).toContain(service.readFailure(status, body).kind)
      }),
      { numRuns: 50 },
    )
    for (const body of [
      '',
      '[',
      '[]',
      'null',
      '"x"',
      '{"error":null}',
      '{"detail":[1]}',
      '{"error":{"details":[null]}}',
    ])
      expect(service.readFailure(500, body).kind).toBe('service')
  })

  test('names patterns that take linear time', () => {
    const { settingFields = [], keyShapes, modelShape } = service
    const patterns = [...settingFields.map((f) => f.pattern), ...keyShapes.map((s) => s.pattern), modelShape]
    for (const pattern of patterns) {
      if (pattern === undefined) continue
      expect(pattern.flags).not.toContain('g')
      expect(pattern.source.startsWith('^')).toBe(true)
      for (const text of ['a', 'a/', 'a=b,', 'sk-', '{"type" ', '-', ' ', 'a.', '0'].map((t) =>
        t.repeat(30_000),
      )) {
        const startedAt = performance.now()
        pattern.test(text)
        expect(performance.now() - startedAt).toBeLessThan(10_000)
      }
    }
  })
})

const invalidBody = (id: string) => {
  if (id === 'bedrock') return '{"message":"The security token included in the request is invalid."}'
  return id === 'elevenlabs' ? '{"detail":{"status":"invalid_api_key"}}' : '{}'
}

const failures: readonly (readonly [string, number, unknown, KeyFailure['kind']])[] = [
  [
    'gemini',
    400,
    googleError(400, 'INVALID_ARGUMENT', 'API key not valid.', 'API_KEY_INVALID'),
    'unauthorized',
  ],
  ['gemini', 400, googleError(400, 'INVALID_ARGUMENT', 'API key not valid. says the prompt'), 'caller'],
  ['gemini', 400, googleError(400, 'FAILED_PRECONDITION', 'User location is not supported'), 'account'],
  [
    'gemini',
    403,
    googleError(403, 'PERMISSION_DENIED', 'You do not have permission to access the File'),
    'account',
  ],
  ['gemini', 403, googleError(403, 'PERMISSION_DENIED', 'x', 'SERVICE_DISABLED'), 'unauthorized'],
  ['gemini', 403, [googleError(403, 'PERMISSION_DENIED', 'x', 'API_KEY_SERVICE_BLOCKED')], 'unauthorized'],
  ['gemini', 404, googleError(404, 'NOT_FOUND', 'models/x is not found'), 'account'],
  ['gemini', 429, googleError(429, 'RESOURCE_EXHAUSTED', 'Quota exceeded'), 'limited'],
  ['vertex', 403, googleError(403, 'PERMISSION_DENIED', 'x', 'BILLING_DISABLED'), 'exhausted'],
  ['vertex', 401, googleError(401, 'UNAUTHENTICATED', 'x', 'ACCESS_TOKEN_EXPIRED'), 'unauthorized'],
  ['azure_openai', 404, { error: { code: 'DeploymentNotFound', message: 'x' } }, 'account'],
  ['azure_openai', 400, { error: { code: 'content_filter', message: 'x' } }, 'caller'],
  ['azure_openai', 403, { error: { code: 'AccessDenied', message: 'Virtual Network' } }, 'unauthorized'],
  ['bedrock', 403, { message: 'The security token included in the request is invalid.' }, 'unauthorized'],
  ['bedrock', 403, { message: 'You don’t have access to the model with the specified model ID.' }, 'account'],
  ['bedrock', 403, { message: 'Signature expired: 2026 is now earlier than' }, 'service'],
  ['bedrock', 400, { message: 'The provided model identifier is invalid.' }, 'account'],
  ['bedrock', 400, { message: 'Malformed input request' }, 'caller'],
  ['bedrock', 424, { message: 'x' }, 'service'],
  [
    'xai',
    400,
    { code: 'Client specified an invalid argument', error: 'Incorrect API key provided: xa***' },
    'unauthorized',
  ],
  ['xai', 403, { code: 'x', error: 'Content violates usage guidelines. Failed check' }, 'caller'],
  ['xai', 429, { code: 'x', error: 'Your team 1 has either used all available credits or' }, 'exhausted'],
  ['xai', 403, { code: 'x', error: 'The API key has no access to model grok-9' }, 'account'],
  ['mistral', 400, { type: 'invalid_model', message: 'Invalid model: x', code: '1500' }, 'account'],
  [
    'cohere',
    429,
    { message: 'You are using a Trial key, which is limited to 1000 API calls / month.' },
    'exhausted',
  ],
  [
    'cohere',
    429,
    { message: 'You are using a Trial key, which is limited to 10 API calls / minute.' },
    'limited',
  ],
  [
    'groq',
    413,
    { error: { type: 'tokens', code: 'rate_limit_exceeded', message: 'Request too large' } },
    'account',
  ],
  ['groq', 400, { error: { code: 'organization_restricted', message: 'x' } }, 'unauthorized'],
  ['groq', 498, { error: { message: 'x' } }, 'service'],
  ['deepseek', 402, { error: { message: 'Insufficient Balance' } }, 'exhausted'],
  ['perplexity', 401, { error: { type: 'insufficient_quota', message: 'x', code: 401 } }, 'exhausted'],
  ['together', 403, { error: { message: 'x' } }, 'caller'],
  ['fireworks', 412, { error: 'x' }, 'account'],
  ['huggingface', 400, { error: { code: 'model_not_supported', message: 'x' } }, 'account'],
  [
    'huggingface',
    403,
    { error: 'This authentication method does not have sufficient permissions to' },
    'unauthorized',
  ],
  ['huggingface', 403, { error: 'You are trying to access a gated repo' }, 'account'],
  ['alibaba', 400, { error: { code: 'Arrearage', message: 'x' } }, 'exhausted'],
  ['alibaba', 400, { error: { code: 'data_inspection_failed', message: 'x' } }, 'caller'],
  ['moonshot', 429, { error: { type: 'exceeded_current_quota_error', message: 'x' } }, 'exhausted'],
  ['moonshot', 429, { error: { type: 'rate_limit_reached_error', message: 'x' } }, 'limited'],
  ['elevenlabs', 401, { detail: { status: 'quota_exceeded', message: 'x' } }, 'exhausted'],
  ['elevenlabs', 401, { detail: { status: 'missing_permissions', message: 'x' } }, 'account'],
  ['elevenlabs', 401, { detail: { status: 'invalid_api_key', message: 'x' } }, 'unauthorized'],
  ['deepgram', 402, { err_code: 'ASR_PAYMENT_REQUIRED', err_msg: 'x' }, 'exhausted'],
  ['deepgram', 401, { err_code: 'INVALID_AUTH', err_msg: 'x' }, 'unauthorized'],
  ['assemblyai', 400, { error: 'Your current account balance is negative. Please top up' }, 'exhausted'],
  ['stability', 403, { name: 'content_moderation', errors: ['x'] }, 'caller'],
  ['fal', 403, { detail: 'User is locked. Reason: Exhausted balance. Top up' }, 'exhausted'],
  ['luma', 400, { detail: 'Insufficient credits' }, 'exhausted'],
  ['custom', 404, { error: { message: 'The model does not exist.' } }, 'account'],
]

function googleError(code: number, status: string, message: string, reason?: string) {
  return { error: { code, status, message, details: reason ? [{ '@type': 'ErrorInfo', reason }] : [] } }
}

test.each(failures)('%s answering %i %j means: %s', (id, status, body, kind) => {
  expect(serviceOf(id).readFailure(status, JSON.stringify(body)).kind).toBe(kind)
})

test('a deployment has the name that the key’s settings give it, else its model’s', () => {
  const azure = serviceOf('azure_openai')
  const settings = { resource: 'r', deployments: 'gpt-4o=mine, gpt-5.2 = the-other' }
  expect(wireModelOf(azure, 'gpt-4o', settings)).toBe('mine')
  expect(wireModelOf(azure, 'gpt-5.2', settings)).toBe('the-other')
  expect(wireModelOf(azure, 'o3', settings)).toBe('o3')
  const pattern = azure.settingFields?.find((field) => field.id === 'deployments')?.pattern
  expect(pattern?.test(settings.deployments)).toBe(true)
  expect(pattern?.test('gpt-4o')).toBe(false)
})

test('no setting makes an address that is not the service’s own', () => {
  // A server of one's own has its whole address typed in; its settings are no part of it.
  for (const service of services.filter(({ baseUrlFor }) => baseUrlFor !== undefined)) {
    for (const field of service.settingFields ?? []) {
      for (const text of [
        'evil.example/',
        'a.b@evil.example',
        'x#',
        'a/../b',
        '10.0.0.1:80',
        'a b',
        'a\n',
        '',
      ])
        expect(field.pattern.test(text)).toBe(false)
    }
  }
})

describe('the ways to tell apart what a key looks like', () => {
  const hex = '0123456789abcdef'
  test.each<[string, string[]]>([
    [`AIza${'a'.repeat(35)}`, ['gemini']],
    [`AQ.Ab${'c'.repeat(40)}`, ['gemini']],
    [`sk-ant-api03-${'a'.repeat(95)}`, ['anthropic']],
    [`gsk_${'a'.repeat(52)}`, ['groq']],
    [`xai-${'a'.repeat(80)}`, ['xai']],
    [`pplx-${'a'.repeat(48)}`, ['perplexity']],
    [`hf_${'a'.repeat(34)}`, ['huggingface']],
    [`r8_${'a'.repeat(37)}`, ['replicate']],
    [`sk_${hex.repeat(3)}`, ['elevenlabs']],
    [`nvapi-${'a'.repeat(64)}`, ['nvidia']],
    [`csk-${'a'.repeat(48)}`, ['cerebras']],
    [`jina_${'a'.repeat(60)}`, ['jina']],
    [`ABSK${'a'.repeat(120)}`, ['bedrock']],
    [`${'a'.repeat(52)}JQQJ99BAAA${'a'.repeat(10)}AAABACOGabcd`, ['azure_openai']],
    ['{"type":"service_account","project_id":"p"}', ['vertex']],
    [`01234567-89ab-cdef-0123-456789abcdef:${hex.repeat(2)}`, ['fal']],
    // Shared by many: whoever it may be, and never one of them alone.
    [`sk-${hex.repeat(2)}`, ['openai', 'deepseek', 'alibaba', 'custom', 'custom_anthropic']],
    [`sk-${'A'.repeat(48)}`, ['openai', 'moonshot', 'stability', 'custom', 'custom_anthropic']],
    ['a'.repeat(32), []],
  ])('%s', (secret, ids) => {
    expect(recognizeService(secret).map((service) => service.id)).toEqual(ids)
  })
})

test('an endpoint that is native for some models only is one that the service has', () => {
  for (const service of services) {
    for (const endpoint of Object.keys(service.nativeModels ?? {}))
      expect(service.endpoints[endpoint as Endpoint]).toBeDefined()
  }
  expect(serviceOf('vertex').nativeModels?.generate_content?.test('claude-opus-5')).toBe(false)
  expect(serviceOf('vertex').nativeModels?.generate_content?.test('gemini-3.8-flash')).toBe(true)
})

test('a start loads no model package: factories import theirs when they are first used', () => {
  const directory = import.meta.dirname
  const loadedLater = readdirSync(directory).filter((file) =>
    /^(?:stability-image|voyage-rerank)\.ts$/.test(file),
  )
  expect(loadedLater).toHaveLength(2)
  for (const file of readdirSync(directory)) {
    if (file.includes('.test.') || file.includes('.prop.') || loadedLater.includes(file)) continue
    const text = readFileSync(join(directory, file), 'utf8')
    expect(text).not.toMatch(
      /^import (?!type)[^;]*?from '(?:@ai-sdk\/|\.\/(?:stability-image|voyage-rerank)\.ts)/m,
    )
  }
})
