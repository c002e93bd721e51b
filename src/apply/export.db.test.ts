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
    apply: async (source: string, environment: Record<string, string>) => {
      const parsed = parseSetUp(source)
      if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems))
      const applied = await applyDocument(rooms, parsed.document, { environment, directory })
      return appliedLines(applied, false)
    },
    export: async (organization: string | null = null) =>
      exportDocument(await readSnapshot(rooms.database.kysely, rooms.billing, rooms.clock()), organization),
  }
}

const secrets: Record<string, string> = {}
for (const [name, service] of [
  ['SYSTEM', 'openai'],
  ['SHARED', 'anthropic'],
  ['OWN', 'anthropic'],
  ['EXCEPTED', 'openai'],
] as const) {
  secrets[name] = demoSecret(service, name)
  simulator.setKey(secrets[name], { kind: 'ok' }, service)
}
secrets['CLIENT'] = 'the-secret-of-our-client-there'
secrets['HOOK'] = `whsec_${Buffer.alloc(32, 'hook').toString('base64')}`
const { publicKey } = generateKeyPairSync('ed25519')
const jwk = JSON.stringify({ ...publicKey.export({ format: 'jwk' }), kid: 'one' })

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
    users:
      - {email: ada@export.example, name: Ada, role: billing, tier: pro}
users: [{email: alone@export.example, name: Alone, tier: former, suspendedEverywhere: true}]
`

test('an export makes the same of an empty installation, and changes nothing where it came from', async () => {
  const [from, to] = [await installation('from'), await installation('to')]
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
  expect(Object.keys(environment)).toHaveLength(6)

  expect((await from.apply(exported.text, environment)).at(-1)).toBe('Nothing to change.')
  expect((await to.apply(exported.text, environment)).filter((line) => line.startsWith('!'))).toEqual([])
  expect((await to.export()).text).toBe(exported.text)
  expect((await to.apply(original, secrets)).filter((line) => /^[+~!]/.test(line))).toEqual([])
  expect((await to.apply(exported.text, environment)).at(-1)).toBe('Nothing to change.')

  const one = await from.export('Second')
  expect(one.text).toContain('ada@export.example')
  expect(one.text).not.toMatch(/grace|alone|systemKeys:|platformAdministrator/)
})
