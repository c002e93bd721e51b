import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Browser, callEndpoint, type Http, operator, startHttp } from '../../tests/http-harness.ts'
import type { SessionPolicyOnWire } from '../contract/session-policy.ts'
import { must } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'

/** What organisations ask of sessions, as a browser meets it. */

let http: Http
let owner: Browser
let member: Browser
let company: string
const none: SessionPolicyOnWire = {
  idleMinutes: null,
  sessionHours: null,
  secondFactorRequired: false,
  trustsSingleSignOn: true,
  networks: [],
}

beforeAll(async () => {
  http = await startHttp()
  company = (await http.organizations.create(operator, { name: 'Company', kind: 'company' })).id
  owner = await http.createBrowser({
    organizationId: company,
    role: 'owner',
    password: 'correct horse battery',
  })
  member = await http.createBrowser({ organizationId: company })
})
afterAll(() => http.close())

const save = async (policy: Partial<SessionPolicyOnWire>) => {
  const reply = await callEndpoint(http.app, 'saveSessionPolicy', owner, { body: { ...none, ...policy } })
  return { status: reply.statusCode, code: reply.json<{ error?: { code: string } }>().error?.code }
}
const codeFor = async (as: Browser, name: 'listServices' | 'readMe' | 'readFactors') => {
  const reply = await callEndpoint(http.app, name, as, {})
  return reply.statusCode === 200 ? 'ok' : reply.json<{ error: { code: string } }>().error.code
}
const addPasskey = (userId: string) =>
  http.database.pool.query(
    `INSERT INTO passkeys (id, user_id, credential_id, public_key, counter, transports, rp_id, name, is_backed_up, created_at)
     VALUES ($1, $2, $3, '', 0, '{}', 'keys.example', 'Phone', false, now())`,
    [newId(), userId, newId()],
  )

test('no policy keeps out who saves it', async () => {
  expect(await save({ secondFactorRequired: true })).toMatchObject({ status: 409, code: 'conflict' })
  expect(await save({ networks: ['198.51.100.0/24'] })).toMatchObject({ status: 409, code: 'conflict' })
  expect(await save({ networks: ['1.2.3.4/40'] })).toMatchObject({ status: 400, code: 'invalid_request' })
  expect(await save({ networks: ['127.0.0.0/8', '::1'] })).toMatchObject({ status: 200 })
  expect(await codeFor(member, 'listServices')).toBe('ok')
})

test('from elsewhere a session sees why it is kept out, and nothing of the organisation', async () => {
  await http.database.pool.query(
    `UPDATE session_policies SET networks = '{198.51.100.0/24}' WHERE organization_id = $1`,
    [company],
  )
  expect(await codeFor(member, 'listServices')).toBe('network_not_allowed')
  expect((await callEndpoint(http.app, 'readMe', member, {})).json()).toMatchObject({ obstacle: 'network' })
  await http.database.pool.query('DELETE FROM session_policies')
})

test('without the second factor that is asked for a session opens only the pages where one is added', async () => {
  await addPasskey(owner.userId)
  expect(await save({ secondFactorRequired: true })).toMatchObject({ status: 200 })
  expect(await codeFor(member, 'listServices')).toBe('second_factor_missing')
  expect(await codeFor(member, 'readFactors')).toBe('ok')
  expect(await codeFor(member, 'readMe')).toBe('ok')
  // Nor is the last one taken away.
  const who = await http.identity.session(owner.cookie.replace(/^.*=/, ''))
  const [key] = (await http.identity.readFactors(owner.userId)).passkeys
  if (!who || !key) throw new Error('no session')
  expect(await http.identity.removePasskey(who, owner.cookie.replace(/^.*=/, ''), key.id)).toMatchObject({
    fault: { code: 'conflict' },
  })
  await http.database.pool.query('DELETE FROM session_policies')
})

test('its limits end sessions before the installation’s do, in its organisation', async () => {
  expect(await save({ idleMinutes: 5 })).toMatchObject({ status: 200 })
  await http.database.pool.query(
    `UPDATE sessions SET last_seen_at = now() - interval '6 minutes' WHERE user_id = $1`,
    [member.userId],
  )
  expect(await codeFor(member, 'readMe')).toBe('not_signed_in')
  await http.database.pool.query('DELETE FROM session_policies')
})

test('a platform policy holds for platform administrators wherever they work, and for nobody else', async () => {
  const administrator = await http.createBrowser({ isPlatformAdministrator: true })
  await http.database.pool.query(
    `INSERT INTO session_policies (organization_id, second_factor_required, updated_at)
     VALUES ('00000000-0000-7000-8000-000000000000', true, now())`,
  )
  expect(await codeFor(administrator, 'listServices')).toBe('second_factor_missing')
  expect(await codeFor(owner, 'listServices')).toBe('ok')
  await http.database.pool.query('DELETE FROM session_policies')
})

test('a break-glass account has a password and a second factor, there are three at most, and the trail names them', async () => {
  const set = async (id: string, enabled = true) => {
    const reply = await callEndpoint(http.app, 'setBreakGlass', owner, { params: { id }, body: { enabled } })
    return reply.statusCode
  }
  expect(await set(member.userId), 'without either').toBe(409)
  expect(await set(owner.userId)).toBe(200)
  for (const expected of [200, 200, 409]) {
    const { userId } = await http.createPerson({ organizationId: company, password: 'correct horse battery' })
    await addPasskey(userId)
    expect(await set(userId)).toBe(expected)
  }
  const { rows } = await http.database.pool.query(
    `SELECT count(*)::int AS count FROM audit_entries WHERE action = 'break_glass.allowed' AND organization_id = $1`,
    [company],
  )
  expect(rows).toEqual([{ count: 3 }])
})

test('where single sign-on is enforced, passwords, links and passkeys are refused, but not to break-glass accounts', async () => {
  const { pool } = http.database
  const domain = `${newId()}.example`
  const person = async () => {
    const email = `p${newId()}@${domain}`
    const { userId } = await http.createPerson({
      organizationId: company,
      email,
      password: 'correct horse battery',
    })
    return { email, userId }
  }
  const [usual, breakGlass] = [await person(), await person()]
  await pool.query('UPDATE memberships SET break_glass_at = now() WHERE user_id = $1', [breakGlass.userId])
  const before = await http.signIn({ userId: usual.userId, organizationId: company })
  await enforce(company, domain)
  const origin = { address: '198.51.100.1', userAgent: null, previousToken: null }
  const byPassword = (email: string) =>
    http.identity.signIn({ email, password: 'correct horse battery' }, origin)
  expect(await byPassword(usual.email)).toMatchObject({ fault: { code: 'sso_required' } })
  const link = must(await http.identity.createSignInLink(operator, usual.userId))
  expect(await http.identity.signInWithLink(link.token, origin)).toMatchObject({
    fault: { code: 'sso_required' },
  })
  expect((await byPassword(breakGlass.email)).ok).toBe(true)
  expect(await codeFor(before, 'listServices'), 'a session from before').toBe('sso_required')
})

/** As single sign-on stores it. */
const enforce = async (organizationId: string, domain: string) => {
  const { pool } = http.database
  await pool.query(
    `INSERT INTO sso_connections (organization_id, id, kind, name, enabled, settings, joins_members, default_role, created_at, updated_at)
     VALUES ($1, $2, 'oidc', 'Company', true, '{}', true, 'member', now(), now())`,
    [organizationId, newId()],
  )
  await pool.query(
    `INSERT INTO sso_domains (organization_id, domain, token, verified_at, enforced, created_at) VALUES ($1, $2, 'x', now(), true, now())`,
    [organizationId, domain],
  )
  await pool.query('INSERT INTO sso_domain_holders (domain, holder_id) VALUES ($1, $2)', [
    domain,
    organizationId,
  ])
}
