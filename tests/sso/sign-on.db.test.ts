import { inflateRawSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Endpoint } from '../../src/contract/endpoint.ts'
import { endpoints, type Reply } from '../../src/contract/endpoints.ts'
import { newId } from '../../src/kit/id.ts'
import type { Outcome } from '../../src/kit/fault.ts'
import { must, success } from '../../src/kit/fault.ts'
import { makeOutbound } from '../../src/net/outbound.ts'
import {
  addressesOf,
  type Connection,
  type OidcSettings,
  type SamlSettings,
} from '../../src/sso/connection.ts'
import type { ConnectionInput } from '../../src/sso/connections.ts'
import { recordValueOf } from '../../src/sso/domain.ts'
import { makeSso, type Sso } from '../../src/sso/sso.ts'
import { type Browser, callEndpoint, cookieFrom, type Http, operator, startHttp } from '../http-harness.ts'
import { whileMadeOwner } from '../while-made-owner.ts'
import { providerCertificate, strangerCertificate } from './certificates.ts'
import { type Account, startOidcProvider } from './oidc-provider.ts'
import {
  askToSignOut,
  providerEntityId,
  providerSignInUrl,
  providerSignOutUrl,
  readRequest,
  readSignOutAnswer,
  respond,
  type Said,
} from './saml-provider.ts'

/** Whole sign-ins with real counterparts: oidc-provider on loopback, samlify; the database is real, DNS is ours. */

const baseUrl = 'https://keys.example'
const clientSecret = 'a secret of the client, long enough'
const records = new Map<string, string[]>()
let http: Http
let sso: Sso
let provider: Awaited<ReturnType<typeof startOidcProvider>>
let redirectUris: string[] = []
let now = () => new Date()
const outbound = makeOutbound()

beforeAll(async () => {
  // What oidc-provider has to say of settings that are right for a test.
  for (const level of ['info', 'warn'] as const) vi.spyOn(console, level).mockImplementation(() => {})
  http = await startHttp()
  provider = await startOidcProvider({ redirectUris: () => redirectUris, clientSecret })
  outbound.allow([new URL(provider.issuer).host])
  sso = makeSso({
    database: http.database,
    vault: http.vault,
    outbound,
    findTextRecords: async (name) => success((records.get(name) ?? []).map((record) => [record])),
    members: http.organizations,
    clock: () => now(),
  })
})
afterAll(async () => {
  await provider.stop()
  await outbound.close()
  await http.close()
})

const usual = { enabled: true, joinsMembers: true, defaultRole: 'member', roleRules: [] } as const

let companies = 0
/** A company with a domain of its own, proved unless said otherwise. */
const company = async ({ proved = true } = {}) => {
  const domain = `acme${++companies}.example`
  const { id } = await http.organizations.create(operator, { name: `Acme ${companies}`, kind: 'company' })
  const added = must(await sso.domains.add(operator, id, domain))
  if (proved) {
    records.set(`_aideon-keys.${domain}`, [recordValueOf(added.token)])
    must(await sso.domains.verify(operator, id, domain))
  }
  return { id, domain }
}
const oidcInput = (change: Partial<ConnectionInput> = {}, trustsEmail = false): ConnectionInput => ({
  ...usual,
  name: 'Company OIDC',
  clientSecret,
  provider: {
    kind: 'oidc',
    settings: {
      issuer: provider.issuer,
      clientId: 'aideon',
      scopes: 'openid email profile groups',
      groupsClaim: 'groups',
      trustsEmail,
      signsOutThere: false,
    },
  },
  ...change,
})
const samlInput = (
  change: Partial<SamlSettings> = {},
  more: Partial<ConnectionInput> = {},
): ConnectionInput => ({
  ...usual,
  name: 'Company SAML',
  provider: {
    kind: 'saml',
    settings: {
      entityId: providerEntityId,
      signInUrl: providerSignInUrl,
      certificates: [providerCertificate.cert],
      emailAttribute: null,
      groupsAttribute: 'groups',
      allowUnsolicited: false,
      signsRequests: false,
      encryption: 'off',
      signOutUrl: null,
      ...change,
    },
  },
  ...more,
})
const connect = async (organizationId: string, input: ConnectionInput) => {
  const connection = must(await sso.connections.add(operator, organizationId, input))
  redirectUris = [...redirectUris, addressesOf(baseUrl, connection.id).redirectUri]
  return connection
}

const begin = async ({ id }: Connection, userId?: string, purpose: 'link' | 'prove' = 'link') =>
  must(
    await sso.signIns.begin({
      connectionId: id,
      baseUrl,
      isAddressConfigured: true,
      ...(userId && { errand: { purpose, userId, sessionId: sessionOf(userId) } }),
    }),
  )
/** The one that somebody has; any id does. */
const sessionOf = (userId: string) => userId
const finishOidc = ({ id }: Connection, back: string, secret: string | null, userId: string | null = null) =>
  sso.signIns.finish({
    connectionId: id,
    baseUrl,
    secret,
    signedInAs: userId === null ? null : { userId, sessionId: sessionOf(userId) },
    answer: { kind: 'oidc', parameters: Object.fromEntries(new URL(back).searchParams) },
  })
const signInOidc = async (connection: Connection, account: { sub: string; [claim: string]: unknown }) => {
  provider.signIn(account)
  const { url, secret } = await begin(connection)
  return finishOidc(connection, await provider.visit(url), secret)
}
const post = ({ id }: Connection, response: string) =>
  sso.signIns.receive({ connectionId: id, baseUrl, response })
const finishSaml = ({ id }: Connection, ticket: string, secret: string | null) =>
  sso.signIns.finish({
    connectionId: id,
    baseUrl,
    secret,
    signedInAs: null,
    answer: { kind: 'saml', ticket },
  })
const signInSaml = async (connection: Connection, said: Said) => {
  const addresses = addressesOf(baseUrl, connection.id)
  const { url, secret } = await begin(connection)
  const inResponseTo = await readRequest(addresses, url)
  const response = respond(addresses, { ...said, inResponseTo })
  const received = await post(connection, response)
  return {
    response,
    secret,
    result: received.ok ? await finishSaml(connection, received.value.ticket, secret) : received,
  }
}
/** By somebody who is signed in in another way. */
const tie = async (
  connection: Connection,
  account: { sub: string; [claim: string]: unknown },
  userId: string,
) => {
  provider.signIn(account)
  const { url, secret } = await begin(connection, userId)
  return must(await finishOidc(connection, await provider.visit(url), secret, userId))
}
const codeOf = (outcome: Outcome<unknown>) => (outcome.ok ? 'in' : outcome.fault.code)
const membership = async (organizationId: string, email: string) => {
  const { rows } = await http.database.pool.query<{ userId: string; role: string; source: string }>(
    `SELECT u.id AS "userId", m.role, m.source FROM users u JOIN memberships m ON m.user_id = u.id
     WHERE m.organization_id = $1 AND u.email = $2`,
    [organizationId, email],
  )
  return rows[0]
}

describe('OIDC', () => {
  test('a first sign-in makes the member with the role of their group, later ones follow the group, owners are left alone', async () => {
    const { id, domain } = await company()
    const connection = await connect(id, oidcInput({ roleRules: [{ group: 'finance', role: 'billing' }] }))
    const ada = { sub: 'ada', email: `ada@${domain}`, email_verified: true, name: 'Ada', groups: ['finance'] }
    expect(await signInOidc(connection, ada)).toMatchObject({
      ok: true,
      value: { organizationId: id, method: 'oidc' },
    })
    const first = await membership(id, ada.email)
    expect(first).toMatchObject({ role: 'billing', source: 'sso' })
    // Another address, another group: the subject is who they are.
    must(await signInOidc(connection, { ...ada, email: `ada.l@${domain}`, groups: [] }))
    expect(await membership(id, ada.email)).toMatchObject({ userId: first?.userId, role: 'member' })
    // An owner's own word is needed before the provider's counts for them.
    const userId = first?.userId as string
    const promote = () =>
      http.organizations.changeRole(operator, { organizationId: id, userId, role: 'owner' })
    expect(codeOf(await promote())).toBe('conflict')
    await tie(connection, ada, userId)
    must(await promote())
    must(await signInOidc(connection, ada))
    expect(await membership(id, ada.email)).toMatchObject({ role: 'owner' })
  })

  test('nobody is unmade by their group who is made an owner while they sign in', async () => {
    const { id, domain } = await company()
    const email = `ann@${domain}`
    const { userId } = await http.createPerson({ email, organizationId: id, role: 'billing' })
    await http.createPerson({ organizationId: id, role: 'owner' })
    const connection = await connect(
      id,
      samlInput({}, { roleRules: [{ group: 'finance', role: 'billing' }] }),
    )
    const said = { subject: 'ann', email, groups: [] }
    const { result } = await whileMadeOwner(http, { organizationId: id, userId }, () =>
      signInSaml(connection, said),
    )
    expect(codeOf(result.result)).toBe('sso_refused')
    expect(await membership(id, email)).toMatchObject({ role: 'owner' })
    // Nor does the provider speak for one whose role its groups would leave as it was.
    const ben = await http.createPerson({ email: `ben@${domain}`, organizationId: id })
    const found = await whileMadeOwner(http, { organizationId: id, userId: ben.userId }, () =>
      signInSaml(connection, { subject: 'ben', email: `ben@${domain}` }),
    )
    expect(codeOf(found.result.result)).toBe('sso_refused')
  })

  test('administrators follow only rules that name administrators, which owners alone may save', async () => {
    const { id, domain } = await company()
    const email = `amy@${domain}`
    const { userId } = await http.createPerson({ email, organizationId: id, role: 'administrator' })
    const input = samlInput({}, { roleRules: [{ group: 'finance', role: 'billing' }] })
    const connection = await connect(id, input)
    const said = { subject: 'amy', email, groups: ['finance'] }
    expect(codeOf((await signInSaml(connection, said)).result)).toBe('in')
    expect(await membership(id, email)).toMatchObject({ userId, role: 'administrator' })
    const roleRules = [...input.roleRules, { group: 'admins', role: 'administrator' } as const]
    must(await sso.connections.change(operator, connection, { ...input, roleRules }))
    expect(codeOf((await signInSaml(connection, said)).result)).toBe('in')
    expect(await membership(id, email)).toMatchObject({ role: 'billing' })
  })

  test('an answer is for the browser, the connection and the one time that it was asked for', async () => {
    const { id, domain } = await company()
    const connection = await connect(id, oidcInput())
    const other = await connect(id, oidcInput({ name: 'Another' }))
    provider.signIn({ sub: `bob ${domain}`, email: `bob@${domain}`, email_verified: true })
    const mine = await begin(connection)
    const stranger = await begin(connection)
    const back = await provider.visit(mine.url)
    expect(codeOf(await finishOidc(connection, back, null))).toBe('sso_expired')
    expect(codeOf(await finishOidc(other, back, mine.secret))).toBe('sso_expired')
    // Somebody else’s answer in this browser: login CSRF. Their attempt is used up, no more.
    expect(codeOf(await finishOidc(connection, back, stranger.secret))).toBe('sso_refused')
    expect(codeOf(await finishOidc(connection, back, mine.secret))).toBe('in')
    expect(codeOf(await finishOidc(connection, back, mine.secret))).toBe('sso_expired')
    const late = await begin(connection)
    const lateBack = await provider.visit(late.url)
    now = () => new Date(Date.now() + 16 * 60_000)
    expect(codeOf(await finishOidc(connection, lateBack, late.secret))).toBe('sso_expired')
    now = () => new Date()
  })

  test('an answer that says it comes from another issuer, or without its state, is refused: mix-up', async () => {
    const { id, domain } = await company()
    const connection = await connect(id, oidcInput())
    provider.signIn({ sub: `cy ${domain}`, email: `cy@${domain}`, email_verified: true })
    for (const [name, value] of [
      ['iss', 'https://evil.example'],
      ['state', 'x'],
      ['code', 'x'],
    ] as const) {
      const { url, secret } = await begin(connection)
      const back = new URL(await provider.visit(url))
      back.searchParams.set(name, value)
      expect(codeOf(await finishOidc(connection, back.href, secret))).toBe('sso_refused')
    }
  })

  test('no address that is unproved, unverified or of another domain makes somebody a user or finds one', async () => {
    const { id, domain } = await company()
    const victim = await http.createPerson({ email: `victim@other${domain}` })
    const connection = await connect(id, oidcInput())
    const refusedClaims = [
      { email: `victim@other${domain}`, email_verified: true },
      { email: `eve@${domain}` },
      { email: `eve@${domain}`, email_verified: false },
      { email: [`eve@${domain}`, `victim@other${domain}`], email_verified: true },
      { email: `eve@${domain}@other${domain}`, email_verified: true },
      {},
    ]
    for (const [index, claims] of refusedClaims.entries())
      expect(
        codeOf(await signInOidc(connection, { sub: `eve${index} ${domain}`, ...claims })),
        String(index),
      ).toBe('sso_refused')
    expect(await membership(id, `victim@other${domain}`)).toBeUndefined()
    expect(await membership(victim.organizationId, `victim@other${domain}`)).toBeDefined()
    const [shown] = await sso.connections.list(id)
    expect(shown?.problem).toContain('e-mail')
    const trusting = await connect(id, oidcInput({ name: 'Trusts' }, true))
    expect(codeOf(await signInOidc(trusting, { sub: `eve ${domain}`, email: `eve@${domain}` }))).toBe('in')
  })

  test('whoever is suspended or no member, where nobody joins by signing in, stays out', async () => {
    const { id, domain } = await company()
    const connection = await connect(id, oidcInput({ joinsMembers: false }))
    const account = { sub: `di ${domain}`, email: `di@${domain}`, email_verified: true }
    expect(codeOf(await signInOidc(connection, account))).toBe('sso_refused')
    const { userId } = await http.createPerson({ email: account.email, organizationId: id })
    expect(await signInOidc(connection, account)).toMatchObject({ ok: true, value: { userId } })
    must(await http.organizations.suspendMember(operator, { organizationId: id, userId }))
    expect(codeOf(await signInOidc(connection, account))).toBe('user_suspended')
  })

  test('a stored secret does not go to another issuer, and subjects of the old one are forgotten', async () => {
    const { id, domain } = await company()
    const connection = await connect(id, oidcInput())
    must(await signInOidc(connection, { sub: `ed ${domain}`, email: `ed@${domain}`, email_verified: true }))
    const { clientSecret: _, ...kept } = oidcInput()
    const same = must(await sso.connections.change(operator, connection, { ...kept, name: 'Renamed' }))
    expect(must(await sso.connections.clientSecret(same))).toBe(clientSecret)
    const settings = { ...(kept.provider as { settings: object }).settings, issuer: 'https://evil.example' }
    const moved = { ...kept, provider: { kind: 'oidc', settings } } as ConnectionInput
    const changed = must(await sso.connections.change(operator, connection, moved))
    expect(must(await sso.connections.clientSecret(changed))).toBeNull()
    const { rows } = await http.database.pool.query('SELECT FROM sso_identities WHERE connection_id = $1', [
      connection.id,
    ])
    expect(rows).toEqual([])
  })

  test('somebody who is signed in ties their own account, and nobody else’s', async () => {
    const { id, domain } = await company()
    const connection = await connect(id, oidcInput())
    const { userId } = await http.createPerson({
      email: `contractor@elsewhere.${domain}`,
      organizationId: id,
    })
    const other = await http.createPerson({ organizationId: id })
    const account = { sub: `fay ${domain}`, email: `fay@${domain}`, email_verified: true }
    provider.signIn(account)
    const stolen = await begin(connection, userId)
    const back = await provider.visit(stolen.url)
    expect(codeOf(await finishOidc(connection, back, stolen.secret, other.userId))).toBe('sso_expired')
    const own = await begin(connection, userId)
    const tied = await finishOidc(connection, await provider.visit(own.url), own.secret, userId)
    expect(tied).toMatchObject({ ok: true, value: { userId, did: 'tied' } })
    expect(await signInOidc(connection, account)).toMatchObject({ ok: true, value: { userId } })
  })
})

describe('whom a provider speaks for', () => {
  const factsOf = async (userId: string) => {
    const { rows } = await http.database.pool.query<{ ways: number; tied: number; afresh: number }>(
      `SELECT (SELECT count(*)::integer FROM users WHERE id = $1 AND password_hash IS NOT NULL)
         + (SELECT count(*)::integer FROM sessions WHERE user_id = $1 AND revoked_at IS NULL)
         + (SELECT count(*)::integer FROM sign_in_links WHERE user_id = $1)
         + (SELECT count(*)::integer FROM recovery_codes WHERE user_id = $1) AS ways,
         (SELECT count(*)::integer FROM sso_identities WHERE user_id = $1) AS tied,
         (SELECT count(*)::integer FROM audit_entries WHERE subject_id = $1::text
            AND action = 'user.started_afresh') AS afresh`,
      [userId],
    )
    return rows[0]
  }

  test('owners are let in by a subject that they tied themselves, and no more once others may speak for it', async () => {
    const { id, domain } = await company()
    const oidc = await connect(id, oidcInput({}, true))
    const saml = await connect(id, samlInput())
    const email = `boss@${domain}`
    const { userId } = await http.createPerson({ email, organizationId: id, role: 'owner' })
    const account = { sub: `boss ${domain}`, email, email_verified: true }
    expect(codeOf(await signInOidc(oidc, account))).toBe('sso_refused')
    expect(codeOf((await signInSaml(saml, { subject: 'boss', email })).result)).toBe('sso_refused')
    expect(await factsOf(userId)).toMatchObject({ tied: 0 })
    provider.signIn(account)
    const own = await begin(oidc, userId)
    must(await finishOidc(oidc, await provider.visit(own.url), own.secret, userId))
    expect(await signInOidc(oidc, account)).toMatchObject({ ok: true, value: { userId } })
    const plain = { subject: 'plain', email: `plain@${domain}` }
    must((await signInSaml(saml, plain)).result)
    await http.database.pool.query(
      `INSERT INTO sso_identities (organization_id, connection_id, subject, user_id, email, tied_by_self, created_at, last_used_at)
       VALUES ($1, $2, 'boss', $3, $4, true, now(), now())`,
      [id, saml.id, userId, email],
    )
    must((await signInSaml(saml, { subject: 'boss', email })).result)
    const { provider: given } = samlInput()
    const certificates = [providerCertificate.cert, strangerCertificate.cert]
    const settings = { ...given.settings, certificates } as SamlSettings
    must(await sso.connections.change(operator, saml, samlInput(settings)))
    expect(codeOf((await signInSaml(saml, { subject: 'boss', email })).result)).toBe('sso_refused')
    expect(codeOf((await signInSaml(saml, plain)).result)).toBe('in')
    const { provider: known } = oidcInput({}, true)
    const moved = { kind: 'oidc', settings: { ...known.settings, clientId: 'another' } }
    must(await sso.connections.change(operator, oidc, oidcInput({ provider: moved } as never)))
    expect(await factsOf(userId)).toMatchObject({ tied: 0 })
  })

  test('nobody gives by a connection a role that they may not give by hand', async () => {
    const { id, domain } = await company()
    const save = async (role: 'owner' | 'administrator', input: object) => {
      const browser = await http.createBrowser({ organizationId: id, role, email: `${newId()}@${domain}` })
      return callEndpoint(http.app, 'addSsoConnection', browser, { body: { ...samlInput(), ...input } })
    }
    const roleRules = [{ group: 'x', role: 'administrator' }]
    expect((await save('administrator', { defaultRole: 'administrator' })).statusCode).toBe(403)
    expect((await save('administrator', { roleRules })).statusCode).toBe(403)
    expect((await save('administrator', {})).statusCode).toBe(201)
    const made = await save('owner', { roleRules })
    expect(made.statusCode).toBe(201)
    const browser = await http.createBrowser({ organizationId: id, role: 'administrator' })
    const kept = { ...samlInput(), roleRules }
    const change = { params: { id: made.json<{ id: string }>().id }, body: kept }
    expect((await callEndpoint(http.app, 'changeSsoConnection', browser, change)).statusCode).toBe(403)
  })

  test('an account that was opened before its address was proved is its holder’s alone from then on', async () => {
    const { id, domain } = await company()
    const connection = await connect(id, oidcInput())
    const squat = async (name: string, source: string, isPlatformAdministrator = false) => {
      const { id: evil } = await http.organizations.create(operator, { name: 'Evil', kind: 'company' })
      const email = `${name}@${domain}`
      const person = await http.createBrowser({ email, organizationId: evil, isPlatformAdministrator })
      await http.database.pool.query('UPDATE memberships SET source = $2 WHERE user_id = $1', [
        person.userId,
        source,
      ])
      await http.database.pool.query(`UPDATE users SET password_hash = 'theirs' WHERE id = $1`, [
        person.userId,
      ])
      await http.database.pool.query(
        `INSERT INTO recovery_codes (user_id, code_hash, created_at) VALUES ($1, '\\x01', now())`,
        [person.userId],
      )
      const result = await signInOidc(connection, { sub: `${name} ${domain}`, email, email_verified: true })
      return { result, person, facts: await factsOf(person.userId) }
    }
    const invited = await squat('invited', 'invitation')
    expect(invited.result).toMatchObject({ ok: true, value: { userId: invited.person.userId } })
    expect(invited.facts).toEqual({ ways: 0, tied: 1, afresh: 1 })
    expect((await callEndpoint(http.app, 'readMe', invited.person, {})).statusCode).toBe(401)
    const vouched = await squat('vouched', 'operator')
    expect(codeOf(vouched.result)).toBe('in')
    expect(vouched.facts).toMatchObject({ afresh: 0 })
    const root = await squat('root', 'invitation', true)
    expect(codeOf(root.result)).toBe('forbidden')
    expect(root.facts).toMatchObject({ tied: 0, afresh: 0 })
    expect(await membership(id, `root@${domain}`)).toBeUndefined()
    // Who is removed is tied no more.
    must(
      await http.organizations.removeMember(operator, { organizationId: id, userId: invited.person.userId }),
    )
    expect(await factsOf(invited.person.userId)).toMatchObject({ tied: 0 })
  })
})

describe('SAML', () => {
  test('a sign-in ends in the browser that began it, once, and its assertion is never taken again', async () => {
    const { id, domain } = await company()
    const connection = await connect(id, samlInput())
    const { result, response, secret } = await signInSaml(connection, {
      subject: 'gus',
      email: `gus@${domain}`,
    })
    expect(result).toMatchObject({ ok: true, value: { organizationId: id, method: 'saml' } })
    expect(codeOf(await post(connection, response))).toBe('sso_expired')
    const addresses = addressesOf(baseUrl, connection.id)
    const mine = await begin(connection)
    const inResponseTo = await readRequest(addresses, mine.url)
    const said = { subject: 'gus', email: `gus@${domain}`, inResponseTo }
    const { ticket } = must(await post(connection, respond(addresses, said)))
    expect(codeOf(await post(connection, respond(addresses, said)))).toBe('sso_expired')
    // A ticket that somebody else’s page slips in opens nothing.
    for (const stranger of [null, secret])
      expect(codeOf(await finishSaml(connection, ticket, stranger))).toBe('sso_expired')
    const { rows } = await http.database.pool.query(`SELECT FROM users WHERE email = $1`, [`gus@${domain}`])
    expect(rows).toHaveLength(1)
  })

  test('an answer to nothing that was asked is refused; where sign-ins may begin there, it names who has to agree', async () => {
    const { id, domain } = await company()
    const closed = await connect(id, samlInput())
    const open = await connect(id, samlInput({ allowUnsolicited: true }))
    const said = { subject: 'hal', email: `hal@${domain}` }
    expect(codeOf(await post(closed, respond(addressesOf(baseUrl, closed.id), said)))).toBe('sso_refused')
    const addresses = addressesOf(baseUrl, open.id)
    // One that was stolen on its way to another browser names a request, and is not taken for one that names none.
    expect(codeOf(await post(open, respond(addresses, { ...said, inResponseTo: '_another' })))).toBe(
      'sso_expired',
    )
    const { ticket } = must(await post(open, respond(addresses, said)))
    expect(await sso.signIns.preview(open.id, ticket)).toMatchObject({ mustConfirm: true, email: said.email })
    expect(codeOf(await finishSaml(closed, ticket, null))).toBe('sso_expired')
    expect(codeOf(await finishSaml(open, ticket, null))).toBe('in')
    expect(codeOf(await finishSaml(open, ticket, null))).toBe('sso_expired')
  })

  test('a connection that is turned off, and one of a company without the domain, let nobody in', async () => {
    const { id, domain } = await company({ proved: false })
    const connection = await connect(id, samlInput())
    const said = { subject: 'ida', email: `ida@${domain}` }
    expect(codeOf((await signInSaml(connection, said)).result)).toBe('sso_refused')
    must(await sso.connections.change(operator, connection, { ...samlInput(), enabled: false }))
    expect(
      codeOf(await sso.signIns.begin({ connectionId: connection.id, baseUrl, isAddressConfigured: true })),
    ).toBe('sso_refused')
    expect(codeOf(await post(connection, respond(addressesOf(baseUrl, connection.id), said)))).toBe(
      'sso_refused',
    )
  })
})

describe('domains', () => {
  test('one organisation has a domain; another takes it over only once the record of the first is gone', async () => {
    const first = await company()
    const { id } = await http.organizations.create(operator, { name: 'Second', kind: 'company' })
    const { token } = must(await sso.domains.add(operator, id, first.domain.toUpperCase()))
    const name = `_aideon-keys.${first.domain}`
    const verify = async () => must(await sso.domains.verify(operator, id, first.domain))
    expect(await verify()).toMatchObject({
      verifiedAt: null,
      problem: expect.stringContaining('another value'),
    })
    const held = records.get(name) ?? []
    records.set(name, [...held, recordValueOf(token)])
    expect(await verify()).toMatchObject({
      verifiedAt: null,
      problem: expect.stringContaining('has this domain'),
    })
    records.set(name, [recordValueOf(token)])
    expect((await verify()).verifiedAt).not.toBeNull()
    const [lost] = await sso.domains.list(first.id)
    expect(lost).toMatchObject({ verifiedAt: null, enforced: false })
    expect(await sso.domains.isHeldBy(first.id, first.domain)).toBe(false)
  })

  test('the company sign-in is required only after it has worked, of whoever belongs to the company alone', async () => {
    const { id, domain } = await company()
    expect(await sso.waysFor(`a@${domain}`)).toEqual([])
    const connection = await connect(id, oidcInput())
    const enforce = (enforced = true) => sso.domains.enforce(operator, id, domain, enforced)
    expect(codeOf(await enforce())).toBe('conflict')
    must(await signInOidc(connection, { sub: `joe ${domain}`, email: `joe@${domain}`, email_verified: true }))
    expect(await sso.isEnforced(`joe@${domain}`)).toBe(false)
    must(await enforce())
    const { organizationId } = await http.createPerson({ email: `private@${domain}` })
    expect(organizationId).not.toBe(id)
    const asked = [
      `joe@${domain}`,
      `JOE@${domain.toUpperCase()}`,
      `nobody@${domain}`,
      `private@${domain}`,
      `a@sub.${domain}`,
      'x',
    ]
    expect(await Promise.all(asked.map((email) => sso.isEnforced(email)))).toEqual([
      true,
      true,
      true,
      false,
      false,
      false,
    ])
    expect(await sso.waysFor(`new@${domain}`)).toMatchObject([
      { connectionId: connection.id, enforced: true },
    ])
    must(await sso.connections.change(operator, connection, { ...oidcInput(), enabled: false }))
    expect(await sso.isEnforced(`joe@${domain}`)).toBe(false)
    must(await sso.domains.remove(operator, id, domain))
    expect(await sso.waysFor(`joe@${domain}`)).toEqual([])
  })
})

describe('where the company sign-in is required', () => {
  const messageOf = (outcome: Outcome<unknown>) => (outcome.ok ? 'done' : outcome.fault.message)

  test('an owner gets in at any time: it is not required before, and no last way is taken', async () => {
    const { id, domain } = await company()
    const connection = await connect(id, oidcInput())
    const owner = async (name: string) => {
      const email = `${name}@${domain}`
      const { userId } = await http.createPerson({ email, organizationId: id, role: 'owner' })
      return { userId, account: { sub: `${name} ${domain}`, email, email_verified: true } }
    }
    const [tied, other] = [await owner('tied'), await owner('other')]
    const joe = { sub: `joe ${domain}`, email: `joe@${domain}`, email_verified: true }
    must(await signInOidc(connection, joe))
    const lockedOut = expect.stringContaining('No owner could get in')
    const enforce = () => sso.domains.enforce(operator, id, domain, true)
    expect(messageOf(await enforce())).toEqual(lockedOut)
    expect(await sso.domains.list(id)).toMatchObject([{ enforced: false }])
    await tie(connection, tied.account, tied.userId)
    must(await enforce())

    const settings = { ...(oidcInput().provider.settings as object), scopes: 'openid email' }
    const elsewhere = { ...oidcInput(), provider: { kind: 'oidc', settings } } as ConnectionInput
    const spare = await connect(id, samlInput())
    const member = { organizationId: id, userId: tied.userId }
    const losing = {
      settings: () => sso.connections.change(operator, connection, elsewhere),
      secret: () => sso.connections.change(operator, connection, oidcInput()),
      off: () => sso.connections.change(operator, connection, { ...oidcInput(), enabled: false }),
      removed: () => sso.connections.remove(operator, connection),
      demoted: () => http.organizations.changeRole(operator, { ...member, role: 'member' }),
      suspended: () => http.organizations.suspendMember(operator, member),
      gone: () => http.organizations.removeMember(operator, member),
      left: () => http.organizations.leave(member),
    }
    for (const [name, lose] of Object.entries(losing))
      expect(messageOf(await lose()), name).toEqual(lockedOut)
    await http.database.pool.query(`UPDATE memberships SET break_glass_at = now() WHERE user_id = $1`, [
      other.userId,
    ])
    must(await losing.demoted())
    must(await losing.settings())
    const withdraw = () =>
      http.identity.setBreakGlass(operator, { organizationId: id, userId: other.userId }, false)
    expect(messageOf(await withdraw())).toEqual(lockedOut)
    // Without a connection in use nothing is required.
    must(await sso.connections.remove(operator, spare))
    must(await losing.removed())
    must(await withdraw())
  })
})

describe('over HTTP', () => {
  const secure = { 'x-forwarded-proto': 'https' }
  const start = async ({ id }: Connection) => {
    const reply = await http.app.inject({
      method: 'POST',
      url: '/api/sso/start',
      headers: { ...secure, 'sec-fetch-site': 'same-origin' },
      payload: { connectionId: id },
    })
    return { reply, url: reply.json<{ url: string }>().url, cookie: cookieFrom(reply) }
  }
  const postForm = (url: string, form: Record<string, string>) =>
    http.app.inject({
      method: 'POST',
      url,
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        origin: 'https://idp.example',
        'sec-fetch-site': 'cross-site',
        'sec-fetch-mode': 'navigate',
      },
      payload: new URLSearchParams(form).toString(),
    })
  const finish = (connectionId: string, ticket: string, headers: Record<string, string>) =>
    http.app.inject({
      method: 'POST',
      url: '/api/sso/finish',
      headers,
      payload: { connectionId, answer: { kind: 'saml', ticket } },
    })

  test('what another site posts sets no cookie and opens nothing; our own page with the cookie of the start ends it', async () => {
    const { id, domain } = await company()
    const connection = await connect(id, samlInput())
    const { reply, url, cookie } = await start(connection)
    expect(reply.cookies[0]).toMatchObject({ httpOnly: true, sameSite: 'Strict', path: '/' })
    const own = addressesOf('http://localhost:80', connection.id)
    const addresses = { ...own, ...acsOf(new URL(url)) }
    const inResponseTo = await readRequest(addresses, url)
    const response = respond(addresses, { subject: 'kim', email: `kim@${domain}`, inResponseTo })
    const posted = await postForm(`/sso/saml/${connection.id}`, {
      SAMLResponse: response,
      RelayState: 'https://evil.example',
    })
    expect(posted.statusCode).toBe(303)
    expect(posted.headers['set-cookie']).toBeUndefined()
    expect(posted.headers.location).toMatch(
      new RegExp(`^/sign-in/company/${connection.id}#ticket=[\\w-]{43}$`),
    )
    const ticket = String(posted.headers.location).split('=')[1] as string
    // Of another site, without the cookie, and at last as it should be.
    expect((await finish(connection.id, ticket, { cookie, 'sec-fetch-site': 'cross-site' })).statusCode).toBe(
      403,
    )
    const ended = await finish(connection.id, ticket, { cookie, 'sec-fetch-site': 'same-origin' })
    expect(ended.statusCode, ended.body).toBe(200)
    expect(ended.json()).toMatchObject({
      user: { email: `kim@${domain}` },
      organization: { id },
      role: 'member',
    })
    expect((await finish(connection.id, ticket, { cookie })).statusCode).toBe(410)
    const again = await postForm(`/sso/saml/${connection.id}`, { SAMLResponse: response })
    expect(again.headers.location).toBe(`/sign-in/company/${connection.id}#refused`)
    for (const target of [`/sso/saml/${connection.id}`, '/sso/saml/x', '/sso/saml/' + id])
      expect((await postForm(target, { SAMLResponse: 'x' })).headers.location).toContain('#refused')
  })

  test('without a configured address SAML answers to no name that a request makes up', async () => {
    const { id } = await company()
    const connection = await connect(id, samlInput())
    for (const [host, status] of [
      ['evil.example', 403],
      ['127.0.0.1.evil.example', 403],
      ['127.0.0.1:8787', 200],
    ] as const) {
      const begun = await http.app.inject({
        method: 'POST',
        url: '/api/sso/start',
        headers: { host, 'sec-fetch-site': 'same-origin' },
        payload: { connectionId: connection.id },
      })
      expect(begun.statusCode, host).toBe(status)
      if (status !== 200) expect(begun.body).toContain('AIDEON_PUBLIC_URL')
      const posted = await http.app.inject({
        method: 'POST',
        url: `/sso/saml/${connection.id}`,
        headers: { host, 'content-type': 'application/x-www-form-urlencoded' },
        payload: 'SAMLResponse=x',
      })
      expect(posted.statusCode, host).toBe(status === 200 ? 303 : 403)
      if (status !== 200) expect(posted.body).toContain('AIDEON_PUBLIC_URL')
    }
  })

  test('its session works in the company alone, and is no platform administrator’s', async () => {
    const { id, domain } = await company()
    const { userId, organizationId } = await http.createPerson({
      email: `root@${domain}`,
      isPlatformAdministrator: true,
    })
    must(
      await http.organizations.join(operator, {
        organizationId: id,
        who: { userId },
        role: 'administrator',
        source: 'operator',
      }),
    )
    const connection = await connect(id, samlInput())
    const { url, cookie } = await start(connection)
    const addresses = { ...addressesOf('http://localhost:80', connection.id), ...acsOf(new URL(url)) }
    const inResponseTo = await readRequest(addresses, url)
    const response = respond(addresses, { subject: 'root', email: `root@${domain}`, inResponseTo })
    const { location } = (await postForm(`/sso/saml/${connection.id}`, { SAMLResponse: response })).headers
    const ended = await finish(connection.id, String(location).split('=')[1] as string, { cookie })
    expect(ended.json()).toMatchObject({
      organization: { id },
      isPlatformAdministrator: false,
      role: 'administrator',
    })
    expect(organizationId).not.toBe(id)
    // Whoever runs the company's directory makes no way in that is good everywhere.
    const session = ended.cookies.find(({ name }) => name.endsWith('session'))
    const headers = {
      cookie: `${session?.name}=${session?.value}`,
      'x-csrf-token': ended.json<{ csrfToken: string }>().csrfToken,
    }
    const wholeAccount = Object.values(endpoints).filter((one: Endpoint) => one.ofWholeAccount)
    expect(wholeAccount.length).toBeGreaterThan(5)
    for (const { method, path } of wholeAccount as Endpoint[]) {
      const reply = await http.app.inject({ method, url: `/api${path.replace(':id', newId())}`, headers })
      expect(reply.json(), path).toMatchObject({ error: { code: 'forbidden' } })
    }
  })
})

describe('sessions that the company sign-in opened', () => {
  const here = { host: 'localhost', url: 'http://localhost' }
  /** At the connection of a company, whose provider it may reach. */
  const connectHere = async (input: ConnectionInput) => {
    const { id, domain } = await company()
    const connection = await connect(id, input)
    redirectUris = [...redirectUris, addressesOf(here.url, connection.id).redirectUri]
    await http.catalogue.addAllowance(operator, new URL(provider.issuer).host)
    const account = (name: string) => ({
      sub: `${name} ${domain}`,
      email: `${name}@${domain}`,
      email_verified: true,
    })
    return { id, domain, connection, account }
  }
  const asked = async (path: string, as: Browser | null, payload: object) => {
    const headers = {
      host: here.host,
      ...(as && { cookie: as.cookie, 'x-csrf-token': as.csrfToken }),
    }
    const reply = await http.app.inject({ method: 'POST', url: `/api${path}`, headers, payload })
    expect(reply.statusCode, reply.body).toBe(200)
    return { url: reply.json<{ url: string }>().url, cookie: cookieFrom(reply) }
  }
  const finishHere = async ({ id }: Connection, back: string, cookie: string) => {
    const parameters = Object.fromEntries(new URL(back).searchParams)
    const payload = { connectionId: id, answer: { kind: 'oidc', parameters } }
    const headers = { host: here.host, cookie }
    return http.app.inject({ method: 'POST', url: '/api/sso/finish', headers, payload })
  }
  const browserOf = (reply: Awaited<ReturnType<typeof finishHere>>): Browser => {
    expect(reply.statusCode, reply.body).toBe(200)
    const session = reply.cookies.find(({ name }) => name.endsWith('session'))
    const { csrfToken, user, organization } = reply.json<Reply<'readMe'>>()
    const cookie = `${session?.name}=${session?.value}`
    return { userId: user.id, organizationId: organization.id, csrfToken, cookie }
  }
  const enter = async (connection: Connection, account: Account) => {
    provider.signIn(account)
    const { url, cookie } = await asked('/sso/start', null, { connectionId: connection.id })
    return browserOf(await finishHere(connection, await provider.visit(url), cookie))
  }
  const faultIn = (reply: { json(): unknown }) => (reply.json() as { error?: { code: string } }).error?.code
  const isIn = async (as: Browser) => (await callEndpoint(http.app, 'readMe', as, {})).statusCode === 200

  test('a fresh proof is given there: anew, by the same person, for the session that asked, once', async () => {
    const { connection, account, domain } = await connectHere(oidcInput({ defaultRole: 'administrator' }))
    const ada = await enter(connection, account('ada'))
    const elsewhere = await enter(connection, account('ada'))
    await http.database.pool.query(
      `UPDATE sessions SET proved_at = now() - interval '1 day' WHERE user_id = $1`,
      [ada.userId],
    )
    const addDomain = (as: Browser) =>
      callEndpoint(http.app, 'addSsoDomain', as, { body: { domain: `more.${domain}` } })
    expect(faultIn(await addDomain(ada))).toBe('step_up_required')
    expect((await callEndpoint(http.app, 'readMe', ada, {})).json()).toMatchObject({
      stepUp: { validUntil: null, methods: ['single_sign_on', 'sign_in_link'] },
    })
    const ask = async () => {
      const begun = await asked('/session/step-up/company', ada, {})
      const { searchParams } = new URL(begun.url)
      expect([searchParams.get('prompt'), searchParams.get('max_age')]).toEqual(['login', '0'])
      return begun
    }
    const prove = async (who: Account, as: Browser, at?: Date) => {
      const { url, cookie } = await ask()
      provider.signIn(who, at)
      const back = await provider.visit(url)
      return { back, cookie, reply: await finishHere(connection, back, `${as.cookie}; ${cookie}`) }
    }
    // Whom the provider knows since an hour ago has shown it nothing now.
    const stale = await prove(account('ada'), ada, new Date(Date.now() - 3600_000))
    expect(stale.reply.body).toContain('just shown it who you are')
    expect((await prove(account('eve'), ada)).reply.body).toContain('as somebody else than here')
    expect(faultIn((await prove(account('ada'), elsewhere)).reply)).toBe('sso_expired')
    expect(faultIn(await addDomain(elsewhere))).toBe('step_up_required')
    expect(faultIn(await addDomain(ada))).toBe('step_up_required')
    const proved = await prove(account('ada'), ada)
    expect(proved.reply.json()).toMatchObject({ did: 'proved' })
    const renewed = browserOf(proved.reply)
    expect((await addDomain(renewed)).statusCode).toBe(201)
    expect(await isIn(ada)).toBe(false)
    const again = await finishHere(connection, proved.back, `${renewed.cookie}; ${proved.cookie}`)
    expect(faultIn(again)).toBe('sso_expired')
    const other = await http.createBrowser()
    expect(faultIn(await callEndpoint(http.app, 'proveSso', other, { body: {} }))).toBe('conflict')
  })

  const signInDirectly = async (connection: Connection, domain: string, names: readonly string[]) => {
    const browsers: Browser[] = []
    for (const name of names) {
      const said = { subject: name, email: `${name}@${domain}` }
      const { result } = await signInSaml(connection, said)
      const { userId, ...introduction } = must(result)
      const origin = { address: '127.0.0.1', userAgent: null, previousToken: null }
      const entry = must(await http.identity.signInAs(userId, origin, introduction))
      if (entry.kind !== 'open') throw new Error(entry.kind)
      browsers.push({
        userId,
        organizationId: introduction.organizationId,
        csrfToken: '',
        cookie: `aideon_session=${entry.session.token}`,
      })
    }
    return browsers
  }

  const tell = (target: string, token: string) =>
    http.app.inject({
      method: 'POST',
      url: target,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      payload: new URLSearchParams({ logout_token: token }).toString(),
    })
  const sidOf = async ({ userId }: Browser) => {
    const { rows } = await http.database.pool.query<{ sid: string }>(
      'SELECT sso_session AS sid FROM sessions WHERE user_id = $1 AND revoked_at IS NULL',
      [userId],
    )
    return rows.map(({ sid }) => sid)
  }

  test('the provider ends them by a logout token, each once, and nobody else’s', async () => {
    const { connection, account } = await connectHere(oidcInput())
    const ada = await enter(connection, account('ada'))
    const second = await enter(connection, account('ada'))
    const bob = await enter(connection, account('bob'))
    const target = `/sso/oidc/${connection.id}/logout`
    const [sid = ''] = await sidOf(ada)
    const token = await provider.logoutToken(account('ada').sub, sid)
    expect((await tell(`/sso/oidc/${newId()}/logout`, token)).statusCode).toBe(400)
    expect((await tell(target, `${token}x`)).statusCode).toBe(400)
    expect([await isIn(ada), await isIn(second)]).toEqual([true, true])
    expect((await tell(target, token)).statusCode).toBe(200)
    expect([await isIn(ada), await isIn(second), await isIn(bob)]).toEqual([false, true, true])
    expect((await tell(target, token)).statusCode).toBe(400)
    // Of a sign-in whose session the provider never named, whatever it names now.
    await http.database.pool.query('UPDATE sessions SET sso_session = NULL WHERE user_id = $1', [ada.userId])
    expect((await tell(target, await provider.logoutToken(account('ada').sub, 'x'))).statusCode).toBe(200)
    expect([await isIn(second), await isIn(bob)]).toEqual([false, true])
    // Turned off it lets nobody in, nor keeps anybody.
    must(await sso.connections.change(operator, connection, { ...oidcInput(), enabled: false }))
    expect(await isIn(bob)).toBe(false)
  })

  test('the provider ends them by a signed LogoutRequest, whoever brings it, and has a signed answer', async () => {
    const { id, domain } = await company()
    const connection = await connect(id, samlInput({ signOutUrl: providerSignOutUrl }))
    const at = `/sso/saml/${connection.id}`
    const metadata = (await http.app.inject({ url: `${at}/metadata` })).body
    const browsers = await signInDirectly(connection, domain, ['ada', 'bob'])
    const ask = async (name: string) => {
      const { id: asked, url } = askToSignOut(metadata, { logoutNameID: name })
      const { pathname, search } = new URL(url)
      expect(pathname).toBe(`${at}/logout`)
      const reply = await http.app.inject({ url: pathname + search })
      return { asked, search, to: String(reply.headers.location) }
    }
    const nobody = await ask('nobody')
    expect(await Promise.all(browsers.map(isIn))).toEqual([true, true])
    expect(await readSignOutAnswer(metadata, nobody.to)).toBe(nobody.asked)
    const { asked, search, to } = await ask('ada')
    expect(await readSignOutAnswer(metadata, to)).toBe(asked)
    expect(await Promise.all(browsers.map(isIn))).toEqual([false, true])
    const again = (await http.app.inject({ url: `${at}/logout${search}` })).headers.location
    expect(again, 'once').toBe('/sign-in')
    // Another key pair of ours: from now on the provider finds its signature good, and no more the old one's.
    must(await sso.connections.renewKey(operator, connection))
    const renewed = (await http.app.inject({ url: `${at}/metadata` })).body
    const last = await ask('nobody')
    expect(await readSignOutAnswer(renewed, last.to)).toBe(last.asked)
    await expect(readSignOutAnswer(metadata, last.to)).rejects.toThrow('SIGNATURE')
    const elsewhere = await connect(id, samlInput({}, { name: 'Takes none' }))
    expect(codeOf(await sso.connections.renewKey(operator, elsewhere))).toBe('conflict')
    const none = await http.app.inject({ url: `/sso/saml/${elsewhere.id}/logout${search}` })
    expect(none.headers.location).toBe('/sign-in')
    expect((await http.app.inject({ url: `/sso/saml/${elsewhere.id}/metadata` })).body).not.toContain(
      'Logout',
    )
  })

  test('who signs out here goes on to sign out there, where the connection says so', async () => {
    const input = oidcInput()
    const settings = { ...(input.provider.settings as OidcSettings), signsOutThere: true }
    const { connection, account } = await connectHere({ ...input, provider: { kind: 'oidc', settings } })
    const ada = await enter(connection, account('ada'))
    const { continueAt } = (await callEndpoint(http.app, 'signOut', ada, {})).json<Reply<'signOut'>>()
    const url = new URL(continueAt ?? '')
    expect(url.origin).toBe(provider.issuer)
    expect(Object.fromEntries(url.searchParams)).toEqual({
      client_id: 'aideon',
      post_logout_redirect_uri: `${here.url}:80/sign-in`,
    })
    expect(await isIn(ada)).toBe(false)
    const plain = await http.createBrowser()
    expect((await callEndpoint(http.app, 'signOut', plain, {})).json()).toEqual({
      done: true,
      continueAt: null,
    })
  })
})

/** What the request says of itself: the address that the harness was asked at. */
const acsOf = (url: URL) => {
  const request = inflateRawSync(Buffer.from(url.searchParams.get('SAMLRequest') ?? '', 'base64')).toString()
  const acsUrl = /AssertionConsumerServiceURL="([^"]+)"/.exec(request)?.[1] ?? ''
  return { acsUrl, entityId: `${acsUrl}/metadata` }
}
