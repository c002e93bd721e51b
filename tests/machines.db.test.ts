import { generateKeyPairSync } from 'node:crypto'
import { SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeCallers, type Callers } from '../src/gateway/callers.ts'
import { must } from '../src/kit/fault.ts'
import { newId } from '../src/kit/id.ts'
import { type Browser, callEndpoint, type Http, operator, startHttp } from './http-harness.ts'

let http: Http
let callers: Callers
let owner: Browser
let member: Browser & { email: string }
let stranger: Browser
/** What the clock of the gateway's cache is ahead of ours. */
let aheadMs = 0

beforeAll(async () => {
  http = await startHttp()
  const company = await http.organizations.create(operator, { name: 'Acme', kind: 'company' })
  owner = await http.createBrowser({ organizationId: company.id, role: 'owner' })
  const email = 'member@acme.example'
  member = { ...(await http.createBrowser({ organizationId: company.id, email })), email }
  const other = await http.organizations.create(operator, { name: 'Other', kind: 'company' })
  stranger = await http.createBrowser({ organizationId: other.id, role: 'owner' })
  callers = makeCallers({ ...http, keys: http.serviceKeys, clock: () => new Date(Date.now() + aheadMs) })
})
afterAll(() => http.close())

// Replies are looked into wherever a test says.
// oxlint-disable-next-line typescript/no-explicit-any
type Json = Record<string, any>
const made = async (
  name: 'createServiceAccount' | 'createHostApplication',
  body: Json,
  as = owner,
): Promise<Json> => {
  const reply = await callEndpoint(http.app, name, as, { body })
  expect(reply.statusCode, reply.body).toBe(201)
  return reply.json()
}
const credential = async (accountId: string, kind: 'token' | 'client', more: Json = {}) => {
  const reply = await callEndpoint(http.app, 'createMachineCredential', owner, {
    params: { id: accountId },
    body: { kind, name: 'Nightly', ...more },
  })
  expect(reply.statusCode, reply.body).toBe(201)
  const { credential: one, secret } = reply.json<{ credential: { id: string }; secret: string }>()
  return { id: one.id, secret }
}
const identify = async (bearer: string, headers: Record<string, string> = {}) => {
  const found = await callers.identify({ authorization: `Bearer ${bearer}`, ...headers })
  return found.ok ? found.value.person.userId : found.fault.code
}

describe('a service account', () => {
  test('calls as itself, on the credits of who answers for it, and has no way to sign in', async () => {
    const account = await made('createServiceAccount', { name: 'Nightly build' })
    const { secret } = await credential(account['id'], 'token')
    const found = await callers.identify({ authorization: `Bearer ${secret}` })
    if (!found.ok) throw new Error(found.fault.message)
    const payer = await http.access.person(owner.organizationId, owner.userId)
    expect(found.value.person).toMatchObject({ userId: account['id'] })
    expect(found.value.person.accountId).toBe(payer.ok ? payer.value.accountId : '')
    expect(found.value.person.accountId).not.toBeNull()
    const listed = await callEndpoint(http.app, 'listServiceAccounts', owner, {})
    expect(listed.json<Json>()['items']).toMatchObject([
      { name: 'Nightly build', role: 'member', credentialCount: 1 },
    ])
    expect(listed.body).not.toContain(secret)
  })

  test('stops at once when it is suspended, its token is revoked, or it is removed', async () => {
    const account = await made('createServiceAccount', { name: 'Stopped' })
    const params = { id: account['id'] }
    const { id, secret } = await credential(account['id'], 'token')
    const another = await credential(account['id'], 'token')
    const created = await callEndpoint(http.app, 'createTeam', owner, { body: { name: 'Builds' } })
    const team = { id: created.json<{ id: string }>().id }
    const taken = { params: { ...team, user: account['id'] }, body: { role: 'member' } }
    expect((await callEndpoint(http.app, 'setTeamMember', owner, taken)).statusCode).toBe(200)
    const change = (body: Json) => callEndpoint(http.app, 'changeServiceAccount', owner, { params, body })
    expect(await identify(secret)).toBe(account['id'])
    await change({ suspended: true })
    expect(await identify(secret)).toBe('user_suspended')
    await change({ suspended: false })
    expect(await identify(secret)).toBe(account['id'])
    await callEndpoint(http.app, 'revokeMachineCredential', owner, { params: { ...params, credential: id } })
    expect(await identify(secret)).toBe('revoked_token')
    expect(await identify(another.secret)).toBe(account['id'])
    expect((await callEndpoint(http.app, 'removeServiceAccount', owner, { params })).statusCode).toBe(200)
    expect(await identify(another.secret)).toBe('revoked_token')
    expect((await change({ suspended: false })).statusCode).toBe(404)
    const members = await callEndpoint(http.app, 'readTeam', owner, { params: team })
    expect(members.json<Json>()).toMatchObject({ memberCount: 0, members: [] })
  })

  test('works on nobody’s credits once who answers for it is suspended or gone, and only they make its credentials', async () => {
    const payer = await http.createBrowser({ organizationId: owner.organizationId, role: 'owner' })
    const account = await made('createServiceAccount', { name: 'Paid by another' }, payer)
    const params = { id: account['id'] }
    const asked = { params, body: { kind: 'token', name: 'x' } }
    const byAnother = await callEndpoint(http.app, 'createMachineCredential', owner, asked)
    expect(byAnother.statusCode, byAnother.body).toBe(409)
    const creditsOf = async () => {
      const person = await http.access.person(owner.organizationId, account['id'])
      return person.ok ? person.value.accountId : person.fault.code
    }
    expect(await creditsOf()).not.toBeNull()
    must(await http.organizations.changeUser(operator, payer.userId, { suspended: true }))
    expect(await creditsOf()).toBeNull()
    must(await http.organizations.changeUser(operator, payer.userId, { suspended: false }))
    expect(await creditsOf()).not.toBeNull()
    const member = { organizationId: owner.organizationId, userId: payer.userId }
    must(await http.organizations.removeMember(operator, member))
    must(
      await http.organizations.join(operator, { ...member, who: payer, role: 'member', source: 'operator' }),
    )
    expect(await creditsOf(), 'whoever comes back is not taken to agree').toBeNull()
    const takeOver = { params, body: { takeOver: true } }
    expect((await callEndpoint(http.app, 'changeServiceAccount', owner, takeOver)).statusCode).toBe(200)
    expect((await callEndpoint(http.app, 'createMachineCredential', owner, asked)).statusCode).toBe(201)
  })

  test('is for companies: alone, somebody’s own tokens do the same', async () => {
    const alone = await http.createBrowser()
    const asked = await callEndpoint(http.app, 'createServiceAccount', alone, { body: { name: 'x' } })
    expect(asked.statusCode).toBe(409)
  })

  test('gets no role that its maker may not give, and is nobody else’s', async () => {
    const administrator = await http.createBrowser({
      organizationId: owner.organizationId,
      role: 'administrator',
    })
    const body = { name: 'Climber', role: 'administrator' }
    expect((await callEndpoint(http.app, 'createServiceAccount', administrator, { body })).statusCode).toBe(
      403,
    )
    const account = await made('createServiceAccount', body)
    const params = { id: account['id'] }
    const asked = { params, body: { kind: 'token', name: 'x' } }
    expect((await callEndpoint(http.app, 'createMachineCredential', administrator, asked)).statusCode).toBe(
      403,
    )
    expect((await callEndpoint(http.app, 'createMachineCredential', stranger, asked)).statusCode).toBe(404)
    const owners = { body: { name: 'x', role: 'owner' } }
    expect((await callEndpoint(http.app, 'createServiceAccount', owner, owners)).statusCode).toBe(400)
  })
})

describe('an OAuth 2.0 client', () => {
  const ask = async (parameters: Record<string, string> | string, headers: Record<string, string> = {}) => {
    const reply = await http.app.inject({
      method: 'POST',
      url: '/oauth/token',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      payload: new URLSearchParams(parameters).toString(),
    })
    return { status: reply.statusCode, body: reply.json<Json>(), headers: reply.headers }
  }
  const basic = (id: string, secret: string) => ({
    authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
  })

  test('gets a token for an hour, by form or header, that ends with the client', async () => {
    const account = await made('createServiceAccount', { name: 'Pipeline' })
    const { id, secret } = await credential(account['id'], 'client')
    const form = { grant_type: 'client_credentials', client_id: id, client_secret: secret }
    const answer = await ask(form)
    expect(answer.status, JSON.stringify(answer.body)).toBe(200)
    expect(answer.body).toMatchObject({ token_type: 'Bearer', expires_in: 3600, scope: 'operations read' })
    expect(answer.headers['cache-control']).toBe('no-store')
    const narrow = await ask({ grant_type: 'client_credentials', scope: 'read' }, basic(id, secret))
    expect(narrow.body['scope']).toBe('read')
    const token = answer.body['access_token'] as string
    expect(await identify(token)).toBe(account['id'])
    expect(await identify(narrow.body['access_token'])).toBe('insufficient_scope')
    // The secret itself opens nothing.
    expect(await identify(secret)).toBe('invalid_token')
    aheadMs = 3_601_000
    expect(await identify(token)).toBe('expired_token')
    aheadMs = 0
    const params = { id: account['id'], credential: id }
    await callEndpoint(http.app, 'revokeMachineCredential', owner, { params })
    expect(await identify(token)).toBe('revoked_token')
    expect((await ask(form)).body).toMatchObject({ error: 'invalid_client' })
  })

  test('is refused in the standard’s words, and told nothing of which part was wrong', async () => {
    const account = await made('createServiceAccount', { name: 'Refused' })
    const { id, secret } = await credential(account['id'], 'client')
    const bearer = await credential(account['id'], 'token')
    const form = { grant_type: 'client_credentials', client_id: id, client_secret: secret }
    const codeOf = async (...request: Parameters<typeof ask>) => {
      const { status, body } = await ask(...request)
      return [status, body['error']]
    }
    expect(await codeOf({ ...form, client_id: newId() })).toEqual([401, 'invalid_client'])
    expect(await codeOf({ ...form, client_secret: 'x' })).toEqual([401, 'invalid_client'])
    expect(await codeOf({ ...form, client_id: bearer.id, client_secret: bearer.secret })).toEqual([
      401,
      'invalid_client',
    ])
    expect(await codeOf({ ...form, grant_type: 'password' })).toEqual([400, 'unsupported_grant_type'])
    expect(await codeOf({ ...form, scope: 'operations manage' })).toEqual([400, 'invalid_scope'])
    expect(await codeOf(form, basic(id, secret))).toEqual([400, 'invalid_request'])
    expect(await codeOf('grant_type=client_credentials&grant_type=x')).toEqual([400, 'invalid_request'])
    for (const type of ['application/json', 'text/plain']) {
      const { status, body, headers } = await ask(form, { 'content-type': type })
      expect([status, body['error']], type).toEqual([400, 'invalid_request'])
      expect(body['error_description']).toContain('application/x-www-form-urlencoded')
      expect(headers['cache-control']).toBe('no-store')
    }
    expect(await codeOf({ ...form, scope: 'x'.repeat(20_000) })).toEqual([400, 'invalid_request'])
    const wrong = await ask({ grant_type: 'client_credentials' }, basic(id, 'wrong'))
    expect(wrong.headers['www-authenticate']).toMatch(/^Basic/)
    await callEndpoint(http.app, 'changeServiceAccount', owner, {
      params: { id: account['id'] },
      body: { suspended: true },
    })
    expect(await codeOf(form)).toEqual([401, 'invalid_client'])
  })
})

describe('a host application', () => {
  const pair = generateKeyPairSync('ed25519')
  const jwk = { ...pair.publicKey.export({ format: 'jwk' }), kid: 'one' }
  const issuer = 'https://portal.example'
  const tokenFor = (application: Json, sub: string, key = pair.privateKey) =>
    new SignJWT({ sub })
      .setProtectedHeader({ alg: 'EdDSA', kid: 'one' })
      .setIssuer(issuer)
      .setAudience(application['audience'])
      .setIssuedAt()
      .setExpirationTime('30m')
      .sign(key)
  const body = { name: 'Portal', issuer, jwks: { keys: [jwk] } }

  test('acts for members of its organisation and for nobody else', async () => {
    const application = await made('createHostApplication', body)
    expect(await identify(await tokenFor(application, member.email))).toBe(member.userId)
    const foreign = await http.database.pool.query('SELECT email FROM users WHERE id = $1', [stranger.userId])
    for (const sub of [foreign.rows[0].email, stranger.userId, member.userId, 'nobody@acme.example'])
      expect(await identify(await tokenFor(application, sub)), sub).toBe('unknown_user')
    const machine = await made('createServiceAccount', { name: 'No person' })
    expect(await identify(await tokenFor(application, `${machine['id']}@service-accounts.invalid`))).toBe(
      'unknown_user',
    )
    const named = await tokenFor(application, member.email)
    expect(await identify(named, { 'x-aideon-user': owner.userId })).toBe('insufficient_scope')
    // The same key at another organisation's application: its own members only, and its own audience.
    const theirs = await made('createHostApplication', body, stranger)
    expect(await identify(await tokenFor(theirs, member.email))).toBe('unknown_user')
    expect(
      await identify(
        await tokenFor({ audience: theirs['audience'].replace(theirs['id'], newId()) }, member.email),
      ),
    ).toBe('invalid_token')
    // Another organisation's key does not sign for ours, whatever it calls itself.
    const forged = await tokenFor(application, member.email, generateKeyPairSync('ed25519').privateKey)
    expect(await identify(forged)).toBe('invalid_token')
  })

  test('is asked of no database and no network for a token that is known, and is forgotten at once when it changes', async () => {
    const application = await made('createHostApplication', body)
    const params = { id: application['id'] }
    const token = await tokenFor(application, member.email)
    expect(await identify(token)).toBe(member.userId)
    // In hand: an answer, no promise of one.
    expect(callers.identify({ authorization: `Bearer ${token}` })).toMatchObject({ ok: true })
    const change = (fields: Json) =>
      callEndpoint(http.app, 'changeHostApplication', owner, { params, body: fields })
    expect((await change({ issuer: 'https://another.example' })).statusCode).toBe(200)
    expect(await identify(token)).toBe('invalid_token')
    await change({ issuer, scopes: ['read'] })
    expect(await identify(token)).toBe('insufficient_scope')
    await change({ scopes: ['operations', 'read'] })
    expect(await identify(token)).toBe(member.userId)
    aheadMs = 31 * 60_000
    expect(await identify(token)).toBe('expired_token')
    aheadMs = 0
    await callEndpoint(http.app, 'removeHostApplication', owner, { params })
    expect(await identify(token)).toBe('revoked_token')
  })

  test('reads for its user at the API, and nothing that only a person in a browser or a manager may', async () => {
    const application = await made('createHostApplication', body)
    const headers = { authorization: `Bearer ${await tokenFor(application, member.email)}` }
    const statusOf = async (url: string) => (await http.app.inject({ url, headers })).statusCode
    expect(await statusOf(`/api/operations/${newId()}`)).toBe(404)
    expect(await statusOf('/api/me')).toBe(401)
    expect([401, 403]).toContain(await statusOf('/api/access-tokens'))
    expect(await statusOf('/scim/v2/Users')).toBe(401)
  })

  test('says why a token is refused to whoever sets it up', async () => {
    const application = await made('createHostApplication', { ...body, maximumTokenSeconds: 60 })
    const check = async (token?: string) => {
      const reply = await callEndpoint(http.app, 'checkHostApplication', owner, {
        params: { id: application['id'] },
        body: { token },
      })
      return reply.json<Json>()
    }
    expect(await check()).toEqual({ keyCount: 1, keysProblem: null, tokenProblem: null, user: null })
    expect((await check(await tokenFor(application, member.email)))['tokenProblem']).toMatch(
      /longer than the 60 seconds/,
    )
  })

  test('has its keys nowhere inside: addresses are judged when they are given, and again when they are dialled', async () => {
    const given = (jwksUri: string) =>
      callEndpoint(http.app, 'createHostApplication', owner, { body: { name: 'Portal', issuer, jwksUri } })
    for (const address of [
      'http://169.254.169.254/latest/meta-data',
      'https://127.0.0.1/jwks',
      'https://[::1]/jwks',
      'https://10.0.0.1/jwks',
      'https://user:secret@portal.example/jwks',
      'https://2130706433/jwks',
      'https://portal.example:22/jwks',
    ]) {
      const reply = await given(address)
      expect(reply.statusCode, address).toBe(400)
      expect(reply.json<Json>()['error'].code, address).toBe('unsafe_address')
    }
    // A name that means this machine is found out when it resolves.
    const { id } = (await given('https://localtest.invalid/jwks')).json<{ id: string }>()
    const check = await callEndpoint(http.app, 'checkHostApplication', owner, { params: { id }, body: {} })
    expect(check.json<Json>()).toMatchObject({ keyCount: 0, keysProblem: expect.any(String) })
    const secret = await callEndpoint(http.app, 'createHostApplication', owner, {
      body: { name: 'Portal', issuer, jwks: { keys: [pair.privateKey.export({ format: 'jwk' })] } },
    })
    expect(secret.statusCode).toBe(400)
    const both = { name: 'Portal', issuer, jwksUri: 'https://portal.example/jwks', jwks: { keys: [jwk] } }
    expect((await callEndpoint(http.app, 'createHostApplication', owner, { body: both })).statusCode).toBe(
      400,
    )
  })
})

describe('an embedded dashboard', () => {
  const pair = generateKeyPairSync('ed25519')
  const issuer = 'https://portal.example'
  const frames = ['https://app.portal.example']
  const keys = { keys: [{ ...pair.publicKey.export({ format: 'jwk' }), kid: 'e' }] }
  const application = (frameAncestors: readonly string[]) =>
    made('createHostApplication', { name: 'Portal', issuer, jwks: keys, frameAncestors })
  const signedFor = (to: Json, sub: string) =>
    new SignJWT({ sub })
      .setProtectedHeader({ alg: 'EdDSA', kid: 'e' })
      .setIssuer(issuer)
      .setAudience(to['audience'])
      .setIssuedAt()
      .setExpirationTime('1m')
      .sign(pair.privateKey)
  const post = (url: string, payload: Json, headers: Record<string, string> = {}) =>
    http.app.inject({ method: 'POST', url, payload, headers })
  const linkFor = async (to: Json, sub: string) => {
    const reply = await post('/api/embed-links', { token: await signedFor(to, sub) })
    expect(reply.statusCode, reply.body).toBe(201)
    return new URL(reply.json<{ url: string }>().url)
  }
  const opened = async (to: Json, sub: string) => {
    const { hash } = await linkFor(to, sub)
    const reply = await post('/api/session/embedded', { token: hash.slice(1) })
    expect(reply.statusCode, reply.body).toBe(200)
    const cookie = reply.cookies[0] as { name: string; value: string }
    const headers = {
      cookie: `${cookie.name}=${cookie.value}`,
      'x-aideon-embedded': '1',
      'x-csrf-token': reply.json<Json>()['csrfToken'],
    }
    return { headers, cookies: reply.cookies, token: hash.slice(1) }
  }

  test('opens by a link that works once, as a member, who changes nothing that needs a proof', async () => {
    const portal = await application(frames)
    const email = (await http.database.pool.query('SELECT email FROM users WHERE id = $1', [owner.userId]))
      .rows[0].email
    const { headers, cookies, token } = await opened(portal, email)
    expect((await post('/api/session/embedded', { token })).statusCode).toBe(410)
    const me = await http.app.inject({ url: '/api/me', headers })
    expect(me.json()).toMatchObject({
      role: 'member',
      isPlatformAdministrator: false,
      user: { id: owner.userId },
    })
    expect((await http.app.inject({ url: '/api/host-applications', headers })).statusCode).toBe(403)
    expect((await post('/api/access-tokens', { name: 'x' }, headers)).statusCode).toBe(403)
    expect(
      (await post('/api/session/step-up', { proof: { kind: 'password', password: 'x' } }, headers))
        .statusCode,
    ).toBe(403)
    // Alerts are of what its user runs elsewhere, and where they go is nobody's matter there.
    const channels = {
      email: { enabled: false, minimumSeverity: 'critical' },
      webhook: { enabled: true, url: 'https://collector.example/alerts', minimumSeverity: 'info' },
    }
    const id = newId()
    for (const [method, path, payload] of [
      ['PUT', 'alert-channels', channels],
      ['POST', 'alert-channels/test', { channel: 'webhook' }],
      ['POST', 'alerts/read', undefined],
      ['POST', `alerts/${id}/read`, undefined],
      ['POST', `alert-deliveries/${id}/resend`, undefined],
      ['GET', 'alerts', undefined],
      ['GET', 'alert-channels', undefined],
      ['GET', 'alert-deliveries', undefined],
    ] as const) {
      const reply = await http.app.inject({
        method,
        url: `/api/${path}`,
        headers,
        ...(payload && { payload }),
      })
      expect(reply.json(), path).toMatchObject({
        error: { code: 'forbidden', message: 'This cannot be done inside another application.' },
      })
    }
    const usual = (await callEndpoint(http.app, 'readAlertChannels', owner, {})).json<Json>()
    expect(usual['webhook']).toMatchObject({ enabled: false, url: null })
    // It is no session of the dashboard itself: without the header, or under its name, it opens nothing.
    const { cookie } = headers
    expect((await http.app.inject({ url: '/api/me', headers: { cookie } })).statusCode).toBe(401)
    const renamed = cookie.replace('embedded', 'session')
    expect(cookies.map(({ name }) => name)).toEqual(['aideon_embedded'])
    expect((await http.app.inject({ url: '/api/me', headers: { cookie: renamed } })).json()).toMatchObject({
      role: 'member',
    })

    await callEndpoint(http.app, 'removeHostApplication', owner, { params: { id: portal['id'] } })
    expect((await http.app.inject({ url: '/api/me', headers })).statusCode).toBe(401)
  })

  test('lets nobody do more than they may elsewhere', async () => {
    const portal = await application(frames)
    const email = 'looks-on@acme.example'
    await http.createBrowser({ organizationId: owner.organizationId, email, role: 'auditor' })
    const { headers } = await opened(portal, email)
    const payload = { kind: 'organization_key', serviceId: 'openai', reason: 'x' }
    expect((await post('/api/requests', payload, headers)).statusCode).toBe(403)
    expect((await http.app.inject({ url: '/api/requests', headers })).statusCode).toBe(200)
    expect((await http.app.inject({ url: '/api/audit', headers })).statusCode).not.toBe(200)
  })

  test('is refused where no origin may show it, for who is no member any more, and for a stranger’s link', async () => {
    const hidden = await application([])
    const reply = await post('/api/embed-links', { token: await signedFor(hidden, member.email) })
    expect(reply.statusCode).toBe(403)
    const portal = await application(frames)
    const { hash } = await linkFor(portal, member.email)
    const who = { organizationId: owner.organizationId, userId: member.userId }
    await http.organizations.suspendMember(operator, who)
    expect((await post('/api/session/embedded', { token: hash.slice(1) })).statusCode).toBe(403)
    await http.organizations.restoreMember(operator, who)
    expect((await post('/api/session/embedded', { token: 'x'.repeat(43) })).statusCode).toBe(410)
    expect((await post('/api/embed-links', { token: 'eyJ.x.y' })).statusCode).toBe(401)
  })

  test('is framed by the origins of its application and by no others', async () => {
    const portal = await application(frames)
    expect(await http.machines.embedding.framesOf(portal['id'])).toEqual(frames)
    expect(await http.machines.embedding.framesOf(newId())).toEqual([])
    for (const origin of [
      '*',
      'https://*',
      'https://app.example/x',
      "https://a.example; script-src 'unsafe-inline'",
      'null',
    ]) {
      const body = { name: 'Portal', issuer, jwks: keys, frameAncestors: [origin] }
      expect(
        (await callEndpoint(http.app, 'createHostApplication', owner, { body })).statusCode,
        origin,
      ).toBe(400)
    }
  })
})
