import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parseSetUp } from './document.ts'

const problemsOf = (source: string) => {
  const parsed = parseSetUp(source)
  return parsed.ok ? [] : parsed.problems
}

test('the shipped example is a valid document', () => {
  const example = readFileSync(new URL('../../examples/aideon.yaml', import.meta.url), 'utf8')
  expect(problemsOf(example)).toEqual([])
})

test('an empty document is valid and says nothing', () => {
  expect(parseSetUp('# nothing\n')).toEqual({ ok: true, document: {} })
})

describe('a mistake is named with its line', () => {
  test.each([
    ['organizations:\n  - name: A\n    controlPolicy: nobody\n', 3, /organizations\.0\.controlPolicy/],
    ['tiers:\n  - id: a\n    name: A\n    monthlyCredits: -1\n    monthlyPrice: 0\n', 4, /monthlyCredits/],
    ['services:\n  nothing:\n    enabled: true\n', 2, /nothing/],
    ['systemKeys:\n  - service: openai\n    secret: env:A\n', 2, /priority/],
    ['users:\n  - email: a@example.com\n    name: A\n    colour: red\n', 4, /colour: There is no such field/],
    ['tiers:\n  - id: a\n    name: A\n    monthlyCredits: 1\n', 2, /monthlyPrice: This is missing/],
    ['users:\n  - email: nobody\n    name: A\n', 2, /e-mail/],
    [
      'systemKeys:\n  - service: bedrock\n    priority: primary\n    secret: env:A\n    settings:\n      region: Frankfurt\n',
      6,
      /settings\.region: An AWS region looks like/,
    ],
    [
      'systemKeys:\n  - service: azure_openai\n    priority: primary\n    secret: env:A\n',
      2,
      /settings\.resource: This is missing/,
    ],
    [
      'systemKeys:\n  - service: openai\n    priority: primary\n    secret: env:A\n    settings:\n      region: x\n',
      6,
      /settings\.region: There is no such setting/,
    ],
    ['a: [1\nb: 2\n', 2, /./],
    ['tiers: []\ntiers: []\n', 2, /unique/i],
  ])('%j', (source, line, message) => {
    const [problem] = problemsOf(source)
    expect(problem?.message).toMatch(message)
    expect(problem?.line).toBeGreaterThanOrEqual(line)
    expect(problem?.line).toBeLessThanOrEqual(line + 1)
  })

  test('what is said twice', () => {
    const [user] = problemsOf(
      'users:\n  - {email: A@example.com, name: A}\n  - {email: a@example.com, name: B}\n',
    )
    expect(user?.message).toMatch(/User a@example\.com occurs twice/)
    const [key] = problemsOf(
      'systemKeys:\n  - {service: openai, secret: env:A, priority: primary}\n  - {service: openai, secret: env:B, priority: primary}\n',
    )
    expect(key).toMatchObject({ line: 3, message: expect.stringContaining('occurs twice') })
  })
})

test('a literal secret is refused and not repeated', () => {
  const secret = 'sk-proj-literal-secret-in-a-file-0000'
  for (const written of [secret, `"${secret}"`]) {
    const problems = problemsOf(
      `systemKeys:\n  - service: openai\n    priority: primary\n    secret: ${written}\n`,
    )
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatchObject({
      line: 4,
      message: expect.stringContaining('never stands in this file'),
    })
    expect(JSON.stringify(problems)).not.toContain(secret)
  }
})

test('credits and prices are exact', () => {
  const parsed = parseSetUp(
    'tiers:\n  - {id: a, name: A, monthlyCredits: 0.000001, monthlyPrice: "19.90"}\n  - {id: b, name: B, monthlyCredits: "123456789.123456", monthlyPrice: 20}\n',
  )
  expect(parsed.ok && parsed.document.tiers?.map((t) => [t.monthlyCredits, t.monthlyPrice])).toEqual([
    // Of which currency, and so how many of its smallest unit, is told by what is stored.
    [1n, '19.90'],
    [123_456_789_123_456n, '20'],
  ])
})

test('what an entry leaves out is left out, and not what our API would take for it', () => {
  const parsed = parseSetUp(`
tiers: [{id: a, name: A, monthlyCredits: 1, monthlyPrice: 1, rateLimits: {concurrent: 3}}]
sessionPolicy: {idleMinutes: 30}
organizations:
  - name: A
    sessionPolicy: {networks: []}
    keys: [{service: openai, secret: env:A, rateLimits: {concurrent: 3}}]
    webhooks: [{url: "https://example.com/x"}]
    hostApplications: [{name: P, issuer: "https://p.example", jwksUri: "https://p.example/keys"}]
    singleSignOn: {connections: [{name: A, oidc: {issuer: "https://a.example", clientId: x}}]}
`)
  expect(parsed).toMatchObject({ ok: true })
  const { tiers, sessionPolicy, organizations } = (parsed.ok && parsed.document) || {}
  const [one] = organizations ?? []
  expect([tiers?.[0]?.rateLimits, sessionPolicy, one?.sessionPolicy, one?.keys?.[0]?.rateLimits]).toEqual([
    { concurrent: 3 },
    { idleMinutes: 30 },
    { networks: [] },
    { concurrent: 3 },
  ])
  expect([one?.webhooks, one?.hostApplications, one?.singleSignOn?.connections]).toEqual([
    [{ url: 'https://example.com/x' }],
    [{ name: 'P', issuer: 'https://p.example', jwksUri: 'https://p.example/keys' }],
    [{ name: 'A', oidc: { issuer: 'https://a.example', clientId: 'x' } }],
  ])
})

test.each([
  [
    'a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c]\n',
    'not_yaml',
    /alias/i,
  ],
  ['users: *nowhere\n', 'not_yaml', /alias/i],
  ['users: &all [*all]\n', 'invalid_value', /users\.0/],
  ['users: []\n---\nusers: []\n', 'not_yaml', /documents/],
  ['hello', 'invalid_value', /fields with their values/],
  ['services: {constructor: {enabled: true}}', 'invalid_value', /There is no such service/],
  ['organizations: [{name: "A\\u001b[2J"}]', 'unprintable', /organizations\.0\.name/],
  ['organizations: [{name: "A\\u0000"}]', 'unprintable', /organizations\.0\.name/],
  ['organizations: [{name: "A\\uD800"}]', 'unprintable', /organizations\.0\.name/],
  [
    'platformTokens: [{name: sk-proj-abcdefghijklmnopqrstuvwxyz0123456789, file: a}]',
    'secret_in_file',
    /Tokens\.0\.name/,
  ],
  ['users: [{sk-proj-abcdefghijklmnopqrstuvwxyz0123456789: 1}]', 'secret_in_file', /users\.0/],
  [
    'organizations: [{name: A, keys: [{service: openai, secret: env:A, teams: []}]}]',
    'invalid_value',
    /Name the teams/,
  ],
  [
    'organizations: [{name: A, keys: [{service: openai, secret: env:A, teams: [B, b]}]}]',
    'said_twice',
    /Team b/,
  ],
])(
  'a hostile or odd file is refused with a code and the field, and nothing of a secret: %j',
  (source, code, message) => {
    const [problem] = problemsOf(source)
    expect(problem).toMatchObject({ code, message: expect.stringMatching(message) })
    expect(JSON.stringify(problem)).not.toContain('abcdefghij')
  },
)
