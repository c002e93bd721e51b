import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  type Browser,
  callEndpoint,
  cookieFrom,
  goodSecret,
  type Http,
  operator,
  startHttp,
} from '../../tests/http-harness.ts'
import { hashOfToken } from '../access/token.ts'
import type { Reply } from '../contract/endpoints.ts'
import type { SessionPolicyOnWire } from '../contract/session-policy.ts'
import { must } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import { erasedTables, keptTables } from '../user-deletion/inventory.ts'

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
  bindsOperations: false,
  tokenDays: null,
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
    `INSERT INTO sso_connections (organization_id, id, kind, name, enabled, settings, joins_members, default_role, configured_at, created_at, updated_at)
     VALUES ($1, $2, 'oidc', 'Company', true, '{}', true, 'member', now(), now(), now())`,
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

const alertsOf = async (as: Browser, kind: 'account_security' | 'break_glass_used') => {
  const reply = await http.call('listAlerts', as, { query: { kind } })
  return reply.json<Reply<'listAlerts'>>().items.map(({ title }) => title)
}

test('who is told of a change to how they sign in, and of a browser that is new to the account', async () => {
  const person = await http.createBrowser({ password: 'correct horse battery' })
  expect(await alertsOf(person, 'account_security'), 'the first browser is no news').toEqual([])
  const changed = await http.call('changePassword', person, {
    body: { currentPassword: 'correct horse battery', newPassword: 'staple of another horse' },
  })
  expect(changed.statusCode, changed.body).toBe(200)
  const again = await http.signIn(person)
  const refused = await http.call('changePassword', again, {
    body: { currentPassword: 'wrong', newPassword: 'never to be set here' },
  })
  expect(refused.statusCode).toBe(401)
  must(await http.identity.resetFactors(operator, person.userId, 'Lost the phone'))
  expect(await alertsOf(await http.signIn(person), 'account_security')).toEqual([
    'Your account was signed in to from a new browser',
    'An administrator took your second factors away',
    'Your account was signed in to from a new browser',
    'Your password was changed',
  ])
})

test('a link that works again and again, as demos have them, makes no news of the browsers that use it', async () => {
  const person = await http.createPerson()
  const demo = must(await http.identity.createSignInLink(operator, person.userId, { reusable: true }))
  const enter = (token: string) =>
    http.app.inject({ method: 'POST', url: '/api/session/link', payload: { token } })
  const first = await enter(demo.token)
  const as = {
    ...person,
    cookie: cookieFrom(first),
    csrfToken: first.json<{ csrfToken: string }>().csrfToken,
  }
  expect((await enter(demo.token)).statusCode).toBe(200)
  expect(await alertsOf(as, 'account_security')).toEqual([])
  const once = must(await http.identity.createSignInLink(operator, person.userId))
  expect((await enter(once.token)).statusCode).toBe(200)
  expect(await alertsOf(as, 'account_security')).toEqual(['Your account was signed in to from a new browser'])
})

test('the use of a break-glass account is told to those who run its company and the platform, and no other sign-in is', async () => {
  const { id } = await http.organizations.create(operator, { name: 'Glass', kind: 'company' })
  const runs = await http.createBrowser({ organizationId: id, role: 'owner' })
  const administrator = await http.createBrowser({ isPlatformAdministrator: true })
  const domain = `${newId()}.example`
  const account = await http.createPerson({ organizationId: id, email: `safe@${domain}` })
  await http.database.pool.query('UPDATE memberships SET break_glass_at = now() WHERE user_id = $1', [
    account.userId,
  ])
  await http.signIn(account)
  expect(await alertsOf(runs, 'break_glass_used'), 'nothing was got past').toEqual([])
  await enforce(id, domain)
  await http.signIn(account)
  const told = [`The break-glass account safe@${domain} was used`]
  // The owner's own sign-in is no longer enough there; the alert waits for them all the same.
  const ofOwner = { organizationId: id, userId: runs.userId }
  expect(
    (await http.alerts.page(ofOwner, { kind: 'break_glass_used' }, null, 9)).map((one) => one.title),
  ).toEqual(told)
  expect(await alertsOf(administrator, 'break_glass_used')).toEqual(told)
})

test('second factors are reset by who is above, with a reason, and only of whoever works nowhere else', async () => {
  const { id } = await http.organizations.create(operator, { name: 'Resets', kind: 'company' })
  const join = (role: 'owner' | 'administrator' | 'member') =>
    http.createBrowser({ organizationId: id, role })
  const [boss, manager, other, worker] = [
    await join('owner'),
    await join('administrator'),
    await join('administrator'),
    await join('member'),
  ]
  await addPasskey(worker.userId)
  const reset = async (as: Browser, { userId }: Browser, reason = 'Lost the phone') => {
    const reply = await http.call('resetMemberFactors', as, { params: { id: userId }, body: { reason } })
    return reply.statusCode === 200 ? 'done' : reply.json<{ error: { code: string } }>().error.code
  }
  expect(await reset(manager, other)).toBe('forbidden')
  expect(await reset(manager, boss)).toBe('forbidden')
  expect(await reset(boss, boss)).toBe('conflict')
  expect(await reset(manager, worker, ' ')).toBe('invalid_request')
  expect(await reset(manager, worker)).toBe('done')
  expect((await http.identity.readFactors(worker.userId)).passkeys).toEqual([])
  // Who owns a personal organisation, too, is not the company's alone.
  const guest = await http.createBrowser()
  must(
    await http.organizations.join(operator, {
      organizationId: id,
      who: guest,
      role: 'member',
      source: 'operator',
    }),
  )
  expect(await reset(boss, guest)).toBe('conflict')
  const { rows } = await http.database.pool.query<{ reason: string }>(
    `SELECT reason FROM audit_entries WHERE organization_id = $1 AND action = 'second_factors.reset'`,
    [id],
  )
  expect(rows).toEqual([{ reason: 'Lost the phone' }])
})

test('a reset takes no organisation its last way in: its break-glass account is one until another owner gets in', async () => {
  const { id } = await http.organizations.create(operator, { name: 'Locked', kind: 'company' })
  const domain = `${newId()}.example`
  const safe = await http.createPerson({ organizationId: id, role: 'owner', email: `safe@${domain}` })
  const signedIn = await http.signIn(safe)
  await addPasskey(safe.userId)
  await http.database.pool.query('UPDATE memberships SET break_glass_at = now() WHERE user_id = $1', [
    safe.userId,
  ])
  await enforce(id, domain)
  const factors = async () => (await http.identity.readFactors(safe.userId)).passkeys.length
  expect(await http.identity.resetFactors(operator, safe.userId, 'Lost the phone')).toMatchObject({
    fault: { code: 'conflict' },
  })
  expect(await factors()).toBe(1)
  expect(await codeFor(signedIn, 'readMe'), 'nothing else was done either').toBe('ok')

  const boss = await http.createPerson({ organizationId: id, role: 'owner' })
  const member = { organizationId: id, userId: safe.userId }
  const actor = { kind: 'user', id: boss.userId } as const
  must(await http.identity.resetFactorsOfMember(actor, member, 'Lost the phone'))
  expect(await factors()).toBe(0)
  expect(await http.identity.listBreakGlass(id)).toEqual([])
})

const day = (days: number) => new Date(Date.now() + days * 86_400_000)

test('a person who is to be deleted can stay; on their day nothing is left that says who they were, but the books and the trail', async () => {
  const email = `leaver-${newId()}@example.com`
  const name = `Leaver ${newId()}`
  const person = await http.createBrowser({ email, name, tierId: 'pro' })
  const invited = await http.call('inviteMember', owner, { body: { email, role: 'member' } })
  expect(invited.statusCode, invited.body).toBe(201)
  const joined = { organizationId: company, who: person, role: 'member', source: 'operator' } as const
  must(await http.organizations.join(operator, joined))
  const accountId = (await http.ledger.accountOf(person.organizationId, person.userId)) ?? ''
  const token = (
    await http.call('createAccessToken', person, { body: { name: `Laptop of ${email}` } })
  ).json<{ token: string }>().token
  await http.call('addServiceKey', person, { body: { serviceId: 'openai', secret: goodSecret() } })
  await leaveWords(person, email)
  const ask = (given: string) => http.call('scheduleUserDeletion', person, { body: { email: given } })
  const deleteAt = async () => (await http.call('readMe', person, {})).json<Reply<'readMe'>>().user.deleteAt

  expect((await ask('somebody@else.example')).statusCode).toBe(400)
  expect((await ask(email.toUpperCase())).statusCode).toBe(201)
  expect(await deleteAt()).not.toBeNull()
  expect(await alertsOf(person, 'account_security')).toHaveLength(1)
  expect((await http.call('cancelUserDeletion', person, {})).statusCode).toBe(200)
  expect(await http.userDeletions.deleteDue(day(30))).toBe(0)
  expect(await deleteAt()).toBeNull()
  // Not charged again, whichever way it ends.
  expect(must(await http.billing.subscription(person))).toMatchObject({ pending: { kind: 'cancel' } })

  expect((await ask(email)).statusCode).toBe(201)
  expect(await http.userDeletions.deleteDue(day(13))).toBe(0)
  const deleted = await Promise.all([day(15), day(15)].map((at) => http.userDeletions.deleteDue(at)))
  expect((deleted[0] as number) + (deleted[1] as number)).toBe(1)

  expect(await codeFor(person, 'readMe')).toBe('not_signed_in')
  expect(await http.access.authenticate(hashOfToken(token))).toMatchObject({
    fault: { code: 'revoked_token' },
  })
  expect(await http.ledger.balance(person.organizationId, accountId)).not.toBeNull()
  for (const id of [person.organizationId, company])
    expect(await http.auditTrail.verify(id)).toMatchObject({ problems: [] })
  const { rows } = await http.database.pool.query<{ shredded: boolean; members: number; status: string }>(
    `SELECT (SELECT shredded_at IS NOT NULL FROM organization_vault_keys WHERE organization_id = $1) AS shredded,
       (SELECT count(*)::int FROM memberships WHERE user_id = $2) AS members,
       (SELECT status FROM subscriptions WHERE organization_id = $1) AS status`,
    [person.organizationId, person.userId],
  )
  expect(rows).toEqual([{ shredded: true, members: 0, status: 'canceled' }])
  expect(await tablesThatSay(email, name)).toEqual(['audit_entries', 'audit_links'])
  // The address is free for somebody new.
  expect((await http.createPerson({ email })).userId).not.toBe(person.userId)
})

test('whoever is only a member of a company, with no organisation of their own, goes as well', async () => {
  const email = `employee-${newId()}@example.com`
  const { userId } = await http.createPerson({ email, organizationId: company })
  must(await http.userDeletions.schedule(operator, userId, {}))
  expect(await http.userDeletions.deleteDue(day(15))).toBe(1)
  const { rows } = await http.database.pool.query('SELECT FROM users WHERE email = $1', [email])
  expect(rows).toEqual([])
})

/** All over the place: in their own organisation, in the company, and in what others were told. */
const leaveWords = async (person: Browser, email: string) => {
  const words = `Of ${email}`
  for (const organizationId of [person.organizationId, company]) {
    const { userId } = person
    const key = {
      organizationId,
      owner: 'user',
      userId,
      serviceId: 'anthropic',
      secret: goodSecret(),
      label: words,
    } as const
    must(await http.serviceKeys.add(operator, key))
    const token = {
      organizationId,
      kind: 'user',
      userId,
      name: words,
      scopes: ['read'],
      expiresAt: null,
    } as const
    await http.access.createToken(operator, token)
    await http.database.pool.query(
      `INSERT INTO budgets (organization_id, id, user_id, name, measure, limit_amount, enforcement, period, time_zone, set_by, created_at, created_by)
       VALUES ($1, $2, $3, $4, 'credits', 1, 'soft', 'calendar_month', 'UTC', 'user', now(), 'test')`,
      [organizationId, newId(), userId, words],
    )
  }
  await http.database.pool.query(
    `UPDATE service_keys SET base_url = 'https://' || $2::text, verdict_detail = $2, settings = jsonb_build_object('resource', $2::text) WHERE user_id = $1`,
    [person.userId, words],
  )
  const receiver = { url: 'https://hooks.example/x', description: words, types: null }
  const made = await http.call('createWebhookEndpoint', person, { body: receiver })
  expect(made.statusCode, made.body).toBe(201)
  const notice = {
    kind: 'access_request',
    severity: 'info',
    key: newId(),
    text: words,
    path: null,
  } as const
  const audience = { kind: 'organization_administrators', organizationId: company } as const
  expect(await http.alerts.notify({ ...notice, audience, title: `${email} asks for a key` })).toBeGreaterThan(
    0,
  )
}

/** Where these words are written down, in whatever column. */
const tablesThatSay = async (...words: string[]): Promise<string[]> => {
  const { rows } = await http.database.pool.query<{ name: string }>(
    `SELECT c.relname AS name FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace
       AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY c.relname`,
  )
  const each = rows.map(
    ({ name }) =>
      `SELECT '${name}' AS name WHERE EXISTS (SELECT FROM "${name}" t WHERE t::text ILIKE ANY ($1))`,
  )
  const found = await http.database.pool.query<{ name: string }>(each.join(' UNION ALL '), [
    words.map((word) => `%${word}%`),
  ])
  return found.rows.map(({ name }) => name)
}

test('nobody goes who alone owns a company or runs the platform; who comes to own one meanwhile is told why they are still here', async () => {
  const person = await http.createBrowser({ password: 'correct horse battery' })
  const schedule = () => http.userDeletions.schedule(operator, person.userId, {})
  const made = await http.call('createCompany', person, { body: { name: 'Only Mine' } })
  expect(made.statusCode, made.body).toBe(201)
  expect(await schedule()).toMatchObject({
    fault: { code: 'conflict', message: 'There would be no owner left of Only Mine.' },
  })
  const { id } = made.json<Reply<'createCompany'>>().organization
  const heir = await http.createBrowser({ organizationId: id, role: 'owner' })
  must(await schedule())
  await http.organizations.leave({ organizationId: id, userId: heir.userId })
  expect(await http.userDeletions.deleteDue(day(15))).toBe(0)
  expect(await alertsOf(person, 'account_security')).toContain('Your account could not be deleted')
  await http.call('scheduleDeletion', person, { body: { name: 'Only Mine' } })
  await http.organizations.deleteDue(day(15))
  expect(await http.userDeletions.deleteDue(day(15))).toBe(1)

  const { rows } = await http.database.pool.query<{ id: string }>(
    'SELECT id FROM users WHERE is_platform_administrator ORDER BY id',
  )
  const [first, ...others] = rows.map((row) => row.id)
  for (const other of others)
    must(await http.organizations.changeUser(operator, other, { isPlatformAdministrator: false }))
  expect(await http.userDeletions.schedule(operator, first as string, {})).toMatchObject({
    fault: { message: 'This is the last platform administrator.' },
  })
})

test('every table that names a user says what becomes of its rows when the user goes', async () => {
  const { rows } = await http.database.pool.query<{ name: string }>(
    `SELECT DISTINCT c.table_name AS name FROM information_schema.columns c
     JOIN pg_class k ON k.oid = format('%I', c.table_name)::regclass AND k.relkind IN ('r', 'p') AND NOT k.relispartition
     WHERE c.table_schema = current_schema() AND c.column_name = 'user_id' ORDER BY 1`,
  )
  // These end with the membership.
  const ofMemberships = [
    'embed_links',
    'fallback_preferences',
    'memberships',
    'own_key_exceptions',
    'provisioned_group_members',
    'provisioned_users',
    'sso_identities',
    'team_members',
  ]
  expect(rows.map(({ name }) => name).filter((name) => !ofMemberships.includes(name))).toEqual(
    [...erasedTables, ...keptTables].toSorted(),
  )
})
