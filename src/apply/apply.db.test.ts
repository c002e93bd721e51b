import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { demoSecret } from '../../simulator/keys.ts'
import { startSimulator } from '../../simulator/simulator.ts'
import { cloneDatabase } from '../../tests/database.ts'
import { stageConfig } from '../../tests/stage.ts'
import { version } from '../config/version.ts'
import { silentLog } from '../kit/log.ts'
import { openRooms } from '../rooms.ts'
import { type Applied, applyDocument } from './apply-document.ts'
import { parseSetUp } from './document.ts'
import { appliedLines } from './report.ts'

const directory = mkdtempSync(join(tmpdir(), 'aideon-apply-'))
const clone = await cloneDatabase()
const simulator = await startSimulator()
const rooms = await openRooms({
  config: stageConfig({
    AIDEON_DATA_DIR: directory,
    DATABASE_URL: clone.url,
    AIDEON_MASTER_KEY: Buffer.alloc(32, 'apply master key').toString('base64'),
    AIDEON_LOG_LEVEL: 'silent',
  }),
  url: clone.url,
  embedded: false,
  version,
  log: silentLog,
})
afterAll(async () => {
  await rooms.close()
  await clone.drop()
  await simulator.close()
  rmSync(directory, { recursive: true, force: true })
})

const environment: Record<string, string> = {}
const secret = (variable: string, service: 'openai' | 'anthropic') => {
  environment[variable] = demoSecret(service, variable)
  simulator.setKey(environment[variable], { kind: 'ok' }, service)
  return environment[variable]
}
beforeEach(() => {
  secret('SYSTEM_ONE', 'openai')
  secret('SYSTEM_TWO', 'openai')
  secret('OWN', 'anthropic')
})

const host = new URL(simulator.url).host
const document = (more = '') => `
outboundAllowances: ["${host}"]
services:
  openai: {baseUrl: "${simulator.url}/openai"}
  anthropic: {baseUrl: "${simulator.url}/anthropic/"}
tiers:
  - {id: team, name: Team, monthlyCredits: 12.5, monthlyPrice: 9}
systemKeys:
  - {service: openai, label: One, priority: primary, secret: env:SYSTEM_ONE}
  - {service: openai, label: Two, priority: secondary, secret: env:SYSTEM_TWO}
organizations:
  - name: Applied Ltd
    controlPolicy: hybrid
    criticalServices: [openai]
    users:
      - email: Ada@applied.example
        name: Ada
        role: administrator
        tier: team
        platformAdministrator: true
        fallback: alternative
        keys: [{service: anthropic, secret: env:OWN}]
        accessTokenFile: tokens/ada
platformTokens:
  - {name: Intranet, file: tokens/intranet}
${more}`

const applyText = async (source: string, dryRun = false): Promise<Applied> => {
  const parsed = parseSetUp(source)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems))
  return applyDocument(rooms, parsed.document, { environment, directory, dryRun })
}
const linesOf = async (source: string, dryRun = false) =>
  appliedLines(await applyText(source, dryRun), dryRun)
const rowsOf = async (): Promise<number> => {
  const counted = await clone.database.pool.query<{ n: string }>(
    `SELECT (SELECT count(*) FROM users) + (SELECT count(*) FROM service_keys) + (SELECT count(*) FROM access_tokens)
       + (SELECT count(*) FROM audit_entries) + (SELECT count(*) FROM organizations) AS n`,
  )
  return Number(counted.rows[0]?.n)
}

test('a dry run shows what would be made, without a secret, and changes nothing', async () => {
  const before = await rowsOf()
  const text = (await linesOf(document(), true)).join('\n')
  expect(text).toContain('+ system key openai “One”')
  expect(text).toContain(`(secret from env SYSTEM_ONE, …${environment['SYSTEM_ONE']?.slice(-4)})`)
  expect(text).toContain('+ user Ada@applied.example')
  expect(text).toMatch(/\d+ changes to make; this was a dry run/)
  for (const value of Object.values(environment)) expect(text).not.toContain(value)
  expect(await rowsOf()).toBe(before)
})

test('applied twice it changes nothing the second time', async () => {
  const first = await applyText(document())
  expect(first).toMatchObject({ ok: true })
  const rows = await rowsOf()
  const second = await applyText(document())
  expect(appliedLines(second, false).filter((line) => /^[+~!]/.test(line))).toEqual([])
  expect(appliedLines(second, false).at(-1)).toBe('Nothing to change.')
  expect(await rowsOf()).toBe(rows)
})

test('budgets are made once, changed in place, and replaced where they could not be changed', async () => {
  const people = (name: string, budgets: string) => `
budgets:
  - {name: All of OpenAI, service: openai, credits: 1000000, enforcement: hard}
organizations:
  - name: Applied Ltd
    budgets: [{name: Own keys, ownKeyCost: 25.5, timeZone: Europe/Berlin}]
    users:
      - {email: Ada@applied.example, name: ${name}, budgets: [${budgets}]}
`
  const ada = '{name: Monthly, credits: 12.5, enforcement: hard, period: subscription_period}'
  const made = (await linesOf(people('Ada', ada))).join(' ').replaceAll(/\s+/g, ' ')
  expect(made).toMatch(
    /\+ installation: budget “All of OpenAI” service: openai limit: 1000000 credits enforcement: hard/,
  )
  expect(made).toMatch(
    /\+ organisation Applied Ltd: budget “Own keys” .*limit: 25\.50 USD on own keys .*Europe\/Berlin/,
  )
  expect(made).toMatch(/\+ user Ada@applied\.example: budget “Monthly” .*12\.5 credits .*subscription_period/)
  expect((await linesOf(people('Ada', ada))).at(-1)).toBe('Nothing to change.')
  expect((await linesOf(people('Ada', ada.replace('12.5', '20')))).join(' ')).toMatch(
    /~ user Ada@applied\.example: budget “Monthly” +limit: 12\.5 credits → 20 credits/,
  )
  const moved = ada.replace('12.5', '20').replace('subscription_period', 'calendar_month')
  expect((await linesOf(people('Ada', moved))).join(' ')).toContain(
    'period: subscription_period → calendar_month',
  )
  const { rows } = await clone.database.pool.query(
    "SELECT period, limit_amount, archived_at IS NULL AS live FROM budgets WHERE name = 'Monthly' ORDER BY id",
  )
  expect(rows).toEqual([
    { period: 'subscription_period', limit_amount: 20_000_000n, live: false },
    { period: 'calendar_month', limit_amount: 20_000_000n, live: true },
  ])
})

test('what an organisation allows is a version of its policy; again it changes nothing', async () => {
  const people = (allowed: string) => `
organizations:
  - name: Applied Ltd
    allowed: ${allowed}
`
  const only =
    '{services: [openai, anthropic], keyHealth: valid, dataRegions: [us, europe], maximumKeyAgeDays: 90}'
  expect((await linesOf(people(only))).join(' ').replaceAll(/\s+/g, ' ')).toContain(
    'allowed: (none) → dataRegions europe, us; keyHealth valid; maximumKeyAgeDays 90; services anthropic, openai',
  )
  expect((await linesOf(people(only))).at(-1)).toBe('Nothing to change.')
  const organization = await rooms.organizations.findByName('Applied Ltd')
  expect(organization?.allowed).toMatchObject({ services: ['anthropic', 'openai'], keyHealth: 'valid' })
  expect((await linesOf(people('null'))).join(' ')).toContain('→ (none)')
  const [last] = await rooms.organizations.policyVersions(organization?.id ?? '', { before: null, limit: 1 })
  expect(last).toMatchObject({ state: 'in_force', document: { allowed: null } })
  expect((await linesOf(people('{keyHealth: any}'))).at(-1)).toBe('Nothing to change.')
})

test('everything it names is in force', async () => {
  const person = await rooms.organizations.findPerson({ email: 'ada@applied.example' })
  const organization = await rooms.organizations.findByName('Applied Ltd')
  expect(organization).toMatchObject({ controlPolicy: 'hybrid', criticalServices: ['openai'] })
  expect(person?.organizationId).toBe(organization?.id)
  const at = { organizationId: organization?.id ?? '', userId: person?.userId ?? '' }
  expect(await rooms.organizations.preferences(at.organizationId, at.userId)).toEqual(
    new Map([['*', 'alternative']]),
  )
  expect(await rooms.ledger.balance(at.organizationId, person?.accountId ?? '')).toMatchObject({
    availableMicros: 12_500_000n,
  })
  const keys = await rooms.serviceKeys.listForGateway(at.organizationId, at.userId)
  expect(keys).toMatchObject([{ serviceId: 'anthropic', owner: 'user', status: 'active', verdict: 'valid' }])
  const system = await rooms.serviceKeys.listSystemKeys()
  expect(system.map((key) => [key.label, key.priority, key.verdict])).toEqual([
    ['One', 1, 'valid'],
    ['Two', 2, 'valid'],
  ])
})

test('access tokens go to files that only their owner reads, and work', async () => {
  for (const name of ['ada', 'intranet']) {
    const path = join(directory, 'tokens', name)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(readFileSync(path, 'utf8')).toMatch(/^aik_[0-9A-Za-z]{36}\n$/)
  }
})

test('a token that was revoked is made again; a file of somebody else’s is not overwritten', async () => {
  const path = join(directory, 'tokens', 'ada')
  const before = readFileSync(path, 'utf8')
  await clone.database.pool.query(`UPDATE access_tokens SET revoked_at = now() WHERE kind = 'user'`)
  expect(await linesOf(document())).toContain('+ user Ada@applied.example: access token in tokens/ada')
  expect(readFileSync(path, 'utf8')).not.toBe(before)
  writeFileSync(path, 'my notes')
  expect(await linesOf(document())).toContainEqual(expect.stringContaining('is not overwritten'))
  expect(readFileSync(path, 'utf8')).toBe('my notes')
  rmSync(path)
  await applyText(document())
})

test('another secret under the same label replaces it; priority and label follow the file; nothing is removed', async () => {
  environment['SYSTEM_ONE'] = secret('SYSTEM_NEW', 'openai')
  const lines = await linesOf(document().replace('priority: secondary', 'priority: tertiary'))
  expect(lines).toContain('~ system key openai “One”')
  expect(lines).toContainEqual(expect.stringMatching(/secret: ….{4} → \(secret from env SYSTEM_ONE, ….{4}\)/))
  expect(lines).toContain('    priority: secondary → tertiary')
  const renamed = await linesOf(
    document().replace('priority: secondary', 'priority: tertiary').replace('label: Two', 'label: Reserve'),
  )
  expect(renamed).toContain('    label: Two → Reserve')
  const system = await rooms.serviceKeys.listSystemKeys()
  expect(system.map((key) => [key.label, key.priority])).toEqual([
    ['One', 1],
    ['Reserve', 3],
  ])
  // A file that mentions nothing of it leaves it all alone.
  expect(await linesOf('users: []')).toEqual(['', 'Nothing to change.'])
  expect(await rooms.serviceKeys.listSystemKeys()).toHaveLength(2)
})

test('missing secrets, unreadable files and unknown tiers are told together, before anything is changed', async () => {
  const before = await rowsOf()
  const unreadable = join(directory, 'unreadable')
  writeFileSync(unreadable, '')
  chmodSync(unreadable, 0o600)
  const lines = await linesOf(`
systemKeys:
  - {service: anthropic, label: A, priority: primary, secret: env:NOT_SET}
  - {service: anthropic, label: B, priority: primary, secret: file:nowhere}
  - {service: anthropic, label: C, priority: primary, secret: file:unreadable}
users:
  - {email: new@applied.example, name: New, tier: none-such}
`)
  expect(lines).toEqual([
    'error: env:NOT_SET: the environment variable NOT_SET is not set.',
    'error: file:nowhere: the file cannot be read (ENOENT).',
    expect.stringMatching(/^error: file:unreadable: .*empty/),
    expect.stringMatching(/^error: user new@applied\.example: there is no tier none-such\./),
    'Nothing was changed.',
  ])
  expect(await rowsOf()).toBe(before)
})

test('a key that its service refuses, or that the policy forbids, stops with the reason; what was done stays', async () => {
  environment['REFUSED'] = demoSecret('anthropic', 'refused')
  const refused = await linesOf(`
tiers: [{id: extra, name: Extra, monthlyCredits: 1, monthlyPrice: 1}]
systemKeys: [{service: anthropic, label: Refused, priority: primary, secret: env:REFUSED}]
`)
  expect(refused).toContain('! system key anthropic “Refused”')
  expect(refused).toContainEqual(expect.stringMatching(/error: .*did not accept/))
  expect(refused.at(-1)).toMatch(/^1 change made before this/)
  secret('FORBIDDEN', 'openai')
  const forbidden = await linesOf(`
organizations:
  - name: Applied Ltd
    users: [{email: ada@applied.example, name: Ada, keys: [{service: openai, secret: env:FORBIDDEN}]}]
`)
  expect(forbidden).toContainEqual(expect.stringMatching(/manages the keys of this critical service/))
})

test('a locked preference is set after the preferences of the same file', async () => {
  const source = `
organizations:
  - name: Locked Ltd
    lockedFallback: none
    users: [{email: lou@applied.example, name: Lou, fallback: system}]
`
  expect(await applyText(source)).toMatchObject({ ok: true })
  expect(await rooms.organizations.findByName('Locked Ltd')).toMatchObject({ lockedFallback: 'none' })
  expect((await linesOf(source)).at(-1)).toBe('Nothing to change.')
})

const cloudDocument = (bedrockSettings: string) => `
outboundAllowances: ["${host}"]
services:
  bedrock: {baseUrl: "${simulator.url}/bedrock"}
systemKeys:
  - {service: bedrock, label: East, priority: primary, secret: env:BEDROCK, settings: {region: us-east-1}}
  - {service: bedrock, label: Europe, priority: secondary, secret: env:BEDROCK, settings: ${bedrockSettings}}
`

test('keys of several fields: the same secret in two regions is two keys, and a changed setting is a change', async () => {
  environment['BEDROCK'] = demoSecret('bedrock', 'apply')
  simulator.setKey(environment['BEDROCK'], { kind: 'ok' }, 'bedrock')
  const first = await applyText(cloudDocument('{region: eu-west-1}'))
  expect(first).toMatchObject({ ok: true })
  const again = await applyText(cloudDocument('{region: eu-west-1}'))
  expect(again).toMatchObject({ ok: true, changes: 0 })
  const moved = await applyText(cloudDocument('{region: eu-central-1}'))
  expect(moved).toMatchObject({ ok: true, changes: 1 })
  expect(moved.ok && moved.steps.find((step) => step.sign === '~')?.details).toEqual([
    'region: eu-west-1 → eu-central-1',
  ])
  const keys = (await rooms.serviceKeys.listSystemKeys()).filter((key) => key.serviceId === 'bedrock')
  expect(keys.map(({ label, settings }) => [label, settings])).toEqual([
    ['East', { region: 'us-east-1' }],
    ['Europe', { region: 'eu-central-1' }],
  ])
})

test('a service account’s document is read from its file, and its key shown by its id', async () => {
  const secretDocument = demoSecret('vertex', 'apply')
  writeFileSync(join(directory, 'vertex.json'), JSON.stringify(JSON.parse(secretDocument), null, 2))
  const source = (file: string) =>
    `systemKeys: [{service: vertex, priority: primary, secret: "file:${file}", settings: {location: global}}]`
  const planned = await applyText(source('vertex.json'), true)
  const shown = JSON.stringify(planned)
  expect(shown).toContain(`…${String(JSON.parse(secretDocument).private_key_id).slice(-4)}`)
  expect(shown).not.toContain('PRIVATE')
  writeFileSync(join(directory, 'half.json'), secretDocument.slice(0, 200))
  expect(await applyText(source('half.json'), true)).toMatchObject({
    ok: false,
    problems: [expect.stringMatching(/^file:half\.json: .*no JSON document/)],
  })
})

test('the organisation of the shipped example is made once; secrets are written to files, and what needs more than a file waits', async () => {
  const example = readFileSync(new URL('../../examples/aideon.yaml', import.meta.url), 'utf8')
  environment['EXAMPLE_OIDC_SECRET'] = 'secret-of-the-example-client'
  for (const name of ['EXAMPLE_ANTHROPIC_KEY', 'ANTHROPIC_API_KEY']) secret(name, 'anthropic')
  secret('OPENAI_API_KEY', 'openai')
  const openRouter = demoSecret('openrouter', 'example')
  environment['BEN_OPENROUTER_KEY'] = openRouter
  simulator.setKey(openRouter, { kind: 'ok' }, 'openrouter')
  const source = example
    .replace('llm-proxy.internal:8443\n\n', `"${host}"\n\n`)
    .replace('https://llm-proxy.internal:8443/openai', `${simulator.url}/openai`)
    .replace('  midjourney:', `  openrouter: {baseUrl: "${simulator.url}/openrouter"}\n  midjourney:`)
    .replace('file:/run/secrets/openai-reserve', 'env:SYSTEM_TWO')
  const made = await linesOf(source)
  expect(made.filter((line) => /^(!|error|\s+error)/.test(line))).toEqual([])
  const again = await linesOf(source)
  expect(again.at(-1)).toBe('Nothing to change.')
  expect(again).toContainEqual(
    expect.stringMatching(/domain example\.com.*waits: its record is not verified/),
  )
  expect(readFileSync(join(directory, 'tokens/nightly-reports'), 'utf8')).toMatch(
    /^CLIENT_ID=[0-9a-f-]{36}\nCLIENT_SECRET=aik_\w{36}\n$/,
  )
  expect(readFileSync(join(directory, 'tokens/webhook'), 'utf8')).toMatch(/^whsec_/)
  const wrong = source
    .replace('members: [ben@example.com', 'members: [nobody@example.com')
    .replace('costCentre: R-100', 'costCentre: R-2')
  expect(await linesOf(wrong)).toEqual([
    'error: organisation Example Ltd: team Search names nobody@example.com, who is no member of it.',
    'error: organisation Example Ltd: there is no cost centre R-2.',
    'Nothing was changed.',
  ])
})

const sales = `
tiers:
  - id: start
    name: Start
    monthlyCredits: 0
    monthlyPrice: 0
  - id: studio
    name: Studio
    monthlyCredits: 2000
    monthlyPrice: 1900
    currency: JPY
    rolloverCredits: 500
    services: [openai, anthropic]
    groups: [group/fast]
    rateLimits: {requestsPerMinute: 60}
packs:
  - {id: tiny, name: Tiny, credits: 100, price: 1.25}
billing:
  freeTier: start
  graceDays: 3
  ownKeyDiscount: {percent: 12.5, organizationKeysCount: true}
  customAmounts: {minimum: 2, creditsPerUnit: 90}
  purchaseExpiryMonths: null
  secondApproverAbove: 500
`

test('tiers with what they include, packs and billing settings are set once, and what is left out stays', async () => {
  const before = await rooms.billing.settings()
  const lines = appliedLines(await applyText(sales), false)
  expect(lines.join('\n')).toContain('services: anthropic, openai')
  const tiers = await rooms.billing.tiers()
  expect(tiers.find(({ id }) => id === 'studio')?.current).toMatchObject({
    // Yen have no decimals.
    priceMinor: 1_900n,
    currency: 'JPY',
    allocationMicros: 2_000_000_000n,
    rolloverCapMicros: 500_000_000n,
    entitlements: {
      services: ['anthropic', 'openai'],
      groups: ['fast'],
      rateLimits: { requestsPerMinute: 60, tokensPerMinute: null, concurrent: null },
    },
  })
  expect((await rooms.billing.packs()).find(({ id }) => id === 'tiny')).toMatchObject({
    creditMicros: 100_000_000n,
    priceMinor: 125n,
    currency: 'USD',
  })
  expect(await rooms.billing.settings()).toEqual({
    ...before,
    freeTierId: 'start',
    graceDays: 3,
    discount: { ...before.discount, basisPoints: 1_250, organizationKeysCount: true },
    customMinimumMinor: 200n,
    microsPerMinor: 900_000n,
    purchaseExpiryMonths: null,
    secondApproverAboveMicros: 500_000_000n,
  })
  expect(await applyText(sales)).toMatchObject({ ok: true, changes: 0 })
  const renamed = `tiers: [{id: studio, name: Atelier, monthlyCredits: 2000, monthlyPrice: 1900}]`
  expect(await applyText(renamed)).toMatchObject({ ok: true, changes: 1 })
  const versions = await rooms.billing.tierVersions('studio')
  expect(versions.map(({ name }) => name)).toEqual(['Atelier', 'Studio'])
  expect(versions[0]).toMatchObject({ currency: 'JPY', entitlements: { groups: ['fast'] } })
})

test('a price that its currency cannot express, and a free tier that nobody knows, change nothing', async () => {
  const applied = await applyText(`
tiers: [{id: yen, name: Yen, monthlyCredits: 1, monthlyPrice: 1.50, currency: JPY}]
packs: [{id: fine, name: Fine, credits: 1, price: 0.001}]
billing: {freeTier: nowhere}`)
  expect(applied).toMatchObject({
    ok: false,
    problems: [
      expect.stringContaining('there is no tier nowhere'),
      'tier yen: 1.5 JPY has more decimal places than the currency.',
      'pack fine: 0.001 USD has more decimal places than the currency.',
    ],
  })
  expect((await rooms.billing.tiers()).some(({ id }) => id === 'yen')).toBe(false)
})
