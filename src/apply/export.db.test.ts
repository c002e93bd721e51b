import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { demoSecret } from '../../simulator/keys.ts'
import { startSimulator } from '../../simulator/simulator.ts'
import { cloneDatabase } from '../../tests/database.ts'
import { providerCertificate } from '../../tests/sso/certificates.ts'
import { stageConfig } from '../../tests/stage.ts'
import { version } from '../config/version.ts'
import { silentLog } from '../kit/log.ts'
import { openRooms } from '../rooms.ts'
import { applyDocument } from './apply-document.ts'
import { parseSetUp } from './document.ts'
import { exportDocument } from './export.ts'
import { appliedLines } from './report.ts'
import { readSnapshot } from './snapshot.ts'

const directory = mkdtempSync(join(tmpdir(), 'aideon-export-'))
const simulator = await startSimulator()
const opened = new AsyncDisposableStack()
afterAll(async () => {
  await opened.disposeAsync()
  await simulator.close()
  rmSync(directory, { recursive: true, force: true })
})

/** Each with a master key of its own, so that nothing but the document connects them. */
const installation = async (name: string) => {
  const clone = await cloneDatabase()
  const rooms = await openRooms({
    config: stageConfig({
      AIDEON_DATA_DIR: directory,
      DATABASE_URL: clone.url,
      AIDEON_MASTER_KEY: Buffer.alloc(32, name).toString('base64'),
      AIDEON_LOG_LEVEL: 'silent',
    }),
    url: clone.url,
    embedded: false,
    version,
    log: silentLog,
  })
  opened.defer(async () => {
    await rooms.close()
    await clone.drop()
  })
  return {
    rooms,
    /** At a time: what would be done then. */
    apply: async (source: string, environment: Record<string, string>, at?: Date) => {
      const parsed = parseSetUp(source)
      if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems))
      const dryRun = at !== undefined
      const applied = await applyDocument({ ...rooms, ...(dryRun && { clock: () => at }) }, parsed.document, {
        environment,
        directory,
        dryRun,
      })
      return appliedLines(applied, dryRun)
    },
    export: async (organization: string | null = null) =>
      exportDocument(await readSnapshot(rooms, rooms.clock()), organization),
  }
}

const secrets: Record<string, string> = {}
for (const [name, service] of [
  ['SYSTEM', 'openai'],
  ['SHARED', 'anthropic'],
  ['OWN', 'anthropic'],
  ['EXCEPTED', 'openai'],
  ['MACHINE', 'anthropic'],
] as const) {
  secrets[name] = demoSecret(service, name)
  simulator.setKey(secrets[name], { kind: 'ok' }, service)
}
secrets['CLIENT'] = 'the-secret-of-our-client-there'
secrets['HOOK'] = `whsec_${Buffer.alloc(32, 'hook').toString('base64')}`
const { publicKey } = generateKeyPairSync('ed25519')
const jwk = JSON.stringify({ ...publicKey.export({ format: 'jwk' }), kid: 'one' })

const from = await installation('from')

const original = `
outboundAllowances: ["${new URL(simulator.url).host}"]
services:
  openai: {baseUrl: "${simulator.url}/openai", rotation: {everyDays: 90}}
  anthropic: {baseUrl: "${simulator.url}/anthropic"}
tiers:
  - {id: former, name: Former, monthlyCredits: 5, monthlyPrice: 1, archived: true}
  - {id: team, name: Team, monthlyCredits: 12.5, monthlyPrice: 9.5, rolloverCredits: 3, groups: [smart], rateLimits: {requestsPerMinute: 60}}
billing: {graceDays: 3, purchaseExpiryMonths: null, ownKeyDiscount: {percent: 12.5}, customAmounts: {minimum: 2.50}}
sessionPolicy: {idleMinutes: 30}
modelGroups:
  - {id: ours, label: Ours, task: chat, models: [claude-opus-5, openai/gpt-6-sol], hedgeAfterSeconds: 5}
  - {id: fast, removed: true}
keyHygiene: {checkEveryHours: null, oldDays: 200}
packs: [{id: tiny, name: Tiny, credits: 10, price: 1}]
systemKeys: [{service: openai, label: One, priority: secondary, secret: env:SYSTEM, rotation: {overlapSeconds: 60}}]
budgets: [{name: Everything, credits: 1000, enforcement: hard}]
organizations:
  - name: "Müller & Söhne: \\"Keys\\""
    controlPolicy: hybrid
    criticalServices: [openai]
    lockedFallback: alternative
    allowed: {models: ["claude-*"], maximumKeyAgeDays: 90}
    scheduledPolicies:
      - startsAt: 2090-01-01T00:00:00Z
        reason: Everything from the company
        controlPolicy: it_control
        criticalServices: []
        systemKeysAllowed: false
        lockedFallback: none
        allowed: {services: [openai], noTraining: true}
    keys:
      - service: anthropic
        label: Shared
        secret: env:SHARED
        teams: [search]
        rateLimits: {requestsPerMinute: 100}
        eachMemberRateLimits: {requestsPerMinute: 10, tokensPerMinute: 5000}
        budgets: [{name: Each, ownKeyCost: 20, eachMember: true, setBy: organization, enforcement: hard}]
    serviceAccounts:
      - name: nightly
        description: Reports
        role: auditor
        paidBy: ada@export.example
        costCentre: R-1
        ownKeyExceptions: [{service: openai, reason: Migration, until: "2020-01-01T00:00:00Z"}]
        fallbackByService: {anthropic: none}
        rateLimits: {requestsPerMinute: 5}
        budgets: [{name: Nightly, ownKeyCost: 3, setBy: organization, enforcement: hard}]
        keys: [{service: anthropic, label: Of the machine, secret: env:MACHINE}]
      - {name: retired, suspended: true}
    hostApplications:
      - {name: Portal, issuer: "https://portal.example", jwks: {keys: [${jwk}]}, frameAncestors: ["https://portal.example"]}
    costCentres: [{code: R-1, name: Research}, {code: OLD, name: Old, archived: true}]
    teams:
      - name: Search
        description: Ranking
        leads: [ada@export.example]
        members: [grace@export.example, nightly]
        costCentre: R-1
        budgets: [{name: Sprint, credits: 50, setBy: organization, eachMember: true}]
    sessionPolicy: {sessionHours: 12, secondFactorRequired: true, networks: [198.51.100.0/24], bindsOperations: true, tokenDays: 90}
    singleSignOn:
      connections:
        - name: Company
          roleRules: [{group: ops, role: administrator}, {group: all, role: member}]
          oidc: {issuer: "https://login.example.com", clientId: aideon}
          clientSecret: env:CLIENT
        - name: Old provider
          enabled: false
          saml: {entityId: "https://idp.example.com", signInUrl: "https://idp.example.com/sso", certificates: [${JSON.stringify(providerCertificate.cert)}]}
      domains: [{domain: export.example}]
    provisioning: {groups: [{name: Ops, role: administrator}]}
    webhooks: [{url: "https://93.184.216.34/events", types: [member.joined], secret: env:HOOK, enabled: false}]
    anomalies: {spendFloor: 2.50, tellsCountries: false}
    centralBilling: {enabled: true, billingEmail: money@export.example}
    rotation: {maximumAgeDays: 365}
    budgets: [{name: Own keys, ownKeyCost: "0.000000001", timeZone: Europe/Berlin}]
    users:
      - email: ada@export.example
        name: Ada
        role: owner
        tier: team
        platformAdministrator: true
        costCentre: R-1
        rateLimits: {concurrent: 4}
        ownKeyExceptions:
          - {service: openai, reason: Fine tuning, until: "2090-01-31T09:00:00+01:00"}
          # The policy of now stands in nobody's way there.
          - {service: mistral, reason: For later}
        keys: [{service: openai, label: Her own, secret: env:EXCEPTED}]
      - email: grace@export.example
        name: Grace
        role: auditor
        suspended: true
        fallback: alternative
        fallbackByService: {anthropic: none}
        keys: [{service: anthropic, label: Own, secret: env:OWN}]
        budgets: [{name: Mine, credits: 5, service: anthropic, period: subscription_period}]
  - name: Second
    selfService: true
    users:
      - {email: ada@export.example, name: Ada, role: billing, tier: pro}
users: [{email: alone@export.example, name: Alone, tier: former, suspendedEverywhere: true}]
`

test('an export makes the same of an empty installation, and changes nothing where it came from', async () => {
  const to = await installation('to')
  const made = await from.apply(original, secrets)
  expect(made.filter((line) => line.startsWith('!'))).toEqual([])

  const exported = await from.export()
  expect(exported.leftOut).toEqual([])
  for (const secret of Object.values(secrets)) expect(exported.text).not.toContain(secret)
  const environment: Record<string, string> = Object.fromEntries(
    exported.variables.map(({ name, lastFour }) => [
      name,
      // Of a client secret not even the last characters are kept.
      (lastFour === '' ? secrets['CLIENT'] : Object.values(secrets).find((one) => one.endsWith(lastFour))) ??
        '',
    ]),
  )
  expect(Object.keys(environment)).toHaveLength(7)

  expect((await from.apply(exported.text, environment)).at(-1)).toBe('Nothing to change.')
  expect((await to.apply(exported.text, environment)).filter((line) => line.startsWith('!'))).toEqual([])
  expect((await to.export()).text).toBe(exported.text)
  expect((await to.apply(original, secrets)).filter((line) => /^[+~!]/.test(line))).toEqual([])
  expect((await to.apply(exported.text, environment)).at(-1)).toBe('Nothing to change.')

  const one = await from.export('Second')
  expect(one.text).toContain('ada@export.example')
  expect(one.text).not.toMatch(/grace|alone|systemKeys:|platformAdministrator/)
})

test('what a file cannot say is told in its head', async () => {
  const { pool } = from.rooms.database
  await pool.query(`UPDATE organizations SET control_policy = 'it_control' WHERE kind = 'personal'`)
  await pool.query(`UPDATE organizations SET delete_at = now() + interval '1 day' WHERE name = 'Second'`)
  const { text, leftOut } = await from.export()
  expect(leftOut).toEqual([
    'organisation Second: that it is to be deleted.',
    'user alone@export.example: the control policy of their personal organisation.',
  ])
  for (const line of leftOut) expect(text).toContain(`#   ${line}`)
})

const secret = (name: string) => {
  secrets[name] = demoSecret('openai', name)
  simulator.setKey(secrets[name], { kind: 'ok' }, 'openai')
}
const linesOf = (source: string) => from.apply(source, secrets)

test('a key that is kept for teams is never open to others, and a file opens it only by saying so', async () => {
  secret('KEPT')
  const source = (teams: string, search = 'name: Search') => `
organizations:
  - name: Kept Ltd
    teams: [{${search}}, {name: Support}]
    keys: [{service: openai, label: Kept, secret: env:KEPT${teams}}]
`
  const pool = from.rooms.database.pool
  const kept = async () => {
    const { rows } = await pool.query<{ teams: string[] | null }>(
      `SELECT (SELECT array_agg(t.name ORDER BY t.name) FROM teams t WHERE t.id = ANY (k.team_ids)) AS teams
       FROM service_keys k WHERE k.label = 'Kept'`,
    )
    return rows[0]?.teams
  }
  expect(await linesOf(source(', teams: [Searhc]'))).toContainEqual(
    expect.stringMatching(/^error: .*openai “Kept” is kept for the team Searhc/),
  )
  expect((await linesOf(source(', teams: [search]'))).at(-1)).toMatch(/made\.$/)
  // Said by the trail: it was made so, and not open first.
  const { rows: added } = await pool.query(
    `SELECT jsonb_array_length(after -> 'teamIds') AS teams FROM audit_entries
     WHERE action = 'service_key.add' AND after ->> 'label' = 'Kept'`,
  )
  expect(added).toEqual([{ teams: 1 }])
  for (const again of [', teams: [Search]', ''])
    expect((await linesOf(source(again))).at(-1)).toBe('Nothing to change.')
  expect(await linesOf(source(', teams: [Search, Support]'))).toContain('    teams: Search → Search, Support')
  expect(await kept()).toEqual(['Search', 'Support'])

  await pool.query(`UPDATE teams SET archived_at = now() WHERE name = 'Support'`)
  const partly = await from.export('Kept Ltd')
  expect(partly.text).toMatch(/teams:\n +- Search\n/)
  expect(partly.leftOut).toEqual([expect.stringMatching(/“Kept”: that it is kept for archived teams, too/)])
  secrets['KEY_KEPT_LTD_OPENAI_KEPT'] = secrets['KEPT'] ?? ''
  expect((await linesOf(partly.text)).at(-1)).toBe('Nothing to change.')
  await pool.query(`UPDATE teams SET archived_at = now() WHERE name = 'Search'`)
  const nobody = await from.export('Kept Ltd')
  expect(nobody.text).not.toContain('secret:')
  expect(nobody.leftOut).toEqual([expect.stringMatching(/“Kept”: its teams are archived/)])

  expect(await linesOf(source(', teams: null', 'name: Sales'))).toContain(
    '    teams: archived ones → every member',
  )
  expect(await kept()).toBeNull()
})

test('an exception lets one member keep a key of their own until its time is over; one that is over stays so', async () => {
  secret('EXCEPTED')
  const source = (until: string, key = ', keys: [{service: openai, secret: env:EXCEPTED}]') => `
organizations:
  - name: Excepted Ltd
    controlPolicy: it_control
    users:
      - email: eve@applied.example
        name: Eve
        ${key.slice(2)}
        ownKeyExceptions: [{service: openai, reason: Fine tuning, until: ${until}}]
`
  const never = await linesOf(source('2020-01-01T00:00:00Z'))
  expect(never).toContainEqual(expect.stringMatching(/^= .*own keys of openai for eve@.*over since 2020/))
  expect(never).toContainEqual(expect.stringMatching(/manages all service keys/))
  expect((await linesOf(source('2090-01-01T00:00:00Z'))).at(-1)).toMatch(/made\.$/)
  expect((await linesOf(source('2090-01-01T01:00:00+01:00'))).at(-1)).toBe('Nothing to change.')
  expect(await linesOf(source('null'))).toContain('    until: 2090-01-01T00:00:00.000Z → (none)')
  const ended = await linesOf(source('2020-01-01T00:00:00Z', ', fallback: system'))
  expect(ended).toContain('~ organisation Excepted Ltd: own keys of openai for eve@applied.example')
  const { rows } = await from.rooms.database.pool.query(
    `SELECT status, (SELECT count(*) FROM own_key_exceptions e WHERE e.user_id = k.user_id) AS left FROM service_keys k WHERE label = 'OpenAI key' AND owner = 'user'`,
  )
  expect(rows).toEqual([{ status: 'suspended', left: 0n }])
})

test('a policy for later is scheduled once and replaced by its time; from its start on it is the policy of the file', async () => {
  const source = (controlPolicy: string) => `
organizations:
  - name: Later Ltd
    controlPolicy: user_control
    lockedFallback: null
    scheduledPolicies:
      - {startsAt: 2090-01-01T00:00:00Z, reason: New year, controlPolicy: ${controlPolicy}, criticalServices: [],
         systemKeysAllowed: true, lockedFallback: none, allowed: {services: [openai]}}
`
  expect((await linesOf(source('it_control'))).at(-1)).toMatch(/made\.$/)
  expect((await linesOf(source('it_control'))).at(-1)).toBe('Nothing to change.')
  expect(await linesOf(source('hybrid'))).toContain('    controlPolicy: it_control → hybrid')
  const { id = '' } = (await from.rooms.organizations.findByName('Later Ltd')) ?? {}
  const versions = await from.rooms.organizations.policyVersions(id, { before: null, limit: 9 })
  expect(versions.map(({ state, document: { controlPolicy } }) => [state, controlPolicy])).toEqual([
    ['scheduled', 'hybrid'],
    ['cancelled', 'it_control'],
    ['in_force', 'user_control'],
  ])

  const lines = (await from.apply(source('hybrid'), secrets, new Date('2090-02-01'))).join('\n')
  expect(lines).toMatch(
    /controlPolicy: user_control → hybrid\n +allowed: \(none\) → keyHealth any; services openai/,
  )
  expect(lines).toContain('lockedFallback: (none) → none')
  expect(lines).toContain(
    '= organisation Later Ltd: control policy from 2090-01-01T00:00:00.000Z on  has started',
  )
})
