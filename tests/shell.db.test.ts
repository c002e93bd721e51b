import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeLog } from '../src/kit/log.ts'
import { type Browser, cookieFrom, type Http, operator, startHttp } from './http-harness.ts'

let http: Http
let user: Browser
let dashboards: string | null = null
let directory: string

beforeAll(async () => {
  http = await startHttp({ dashboards: () => dashboards })
  user = await http.createBrowser()
  directory = await mkdtemp(join(tmpdir(), 'aideon-web-'))
  await mkdir(join(directory, 'assets'))
  await writeFile(join(directory, 'index.html'), '<!doctype html><html><head></head><body>app</body></html>')
  await writeFile(join(directory, 'assets/main-abc123.js'), 'console.log(1)')
  await writeFile(join(directory, 'mark.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>')
})
afterAll(async () => {
  await http.close()
  await rm(directory, { recursive: true })
})

const createTokenFrom = (origin: string) =>
  http.app.inject({
    method: 'POST',
    url: '/api/access-tokens',
    headers: { cookie: user.cookie, 'x-csrf-token': user.csrfToken, host: 'keys.example', origin },
    payload: { name: 'x' },
  })

const guessPassword = () =>
  http.app.inject({
    method: 'POST',
    url: '/api/session',
    remoteAddress: '203.0.113.9',
    payload: { email: 'nobody@example.com', password: 'wrong' },
  })

const setUpBody = (token: string, email: string) => ({
  token,
  email,
  name: 'Root',
  password: 'long enough for it',
})

const nonceOf = (html: string) => /<meta property="csp-nonce" content="([^"]{24})">/.exec(html)?.[1]

describe('sign-in', () => {
  test('the cookie is out of reach of scripts and of other sites', async () => {
    const { userId } = await http.createPerson()
    const link = await http.identity.createSignInLink(operator, userId)
    if (!link.ok) throw new Error('no link')
    const reply = await http.app.inject({
      method: 'POST',
      url: '/api/session/link',
      payload: { token: link.value.token },
    })
    expect(reply.cookies[0]).toMatchObject({
      name: 'aideon_session',
      httpOnly: true,
      sameSite: 'Strict',
      path: '/',
    })
    expect(reply.body).not.toContain(cookieFrom(reply).split('=')[1])
  })

  test('after signing out the cookie opens nothing', async () => {
    const browser = await http.signIn(user)
    const out = await http.call('signOut', browser, {})
    expect(out.cookies[0]).toMatchObject({ name: 'aideon_session', value: '' })
    const me = await http.call('readMe', browser, {})
    expect(me.statusCode).toBe(401)
    expect(me.json()).toEqual({
      error: { code: 'not_signed_in', message: 'You are not signed in.', next: 'Sign in.' },
    })
  })

  test('a CSRF token of another session is refused', async () => {
    const other = await http.signIn(user)
    const mixed = { ...user, csrfToken: other.csrfToken }
    const reply = await http.call('createAccessToken', mixed, { body: { name: 'x' } })
    expect(reply.json()).toMatchObject({ error: { code: 'csrf_mismatch' } })
  })

  test('another site’s Origin is refused even with the right token, and our own is accepted', async () => {
    expect((await createTokenFrom('https://evil.example')).statusCode).toBe(403)
    expect((await createTokenFrom('null')).statusCode).toBe(403)
    expect((await createTokenFrom('http://keys.example')).statusCode).toBe(201)
  })

  test('too many guesses are told how long to wait', async () => {
    for (let i = 0; i < 10; i++) expect((await guessPassword()).statusCode).toBe(401)
    const reply = await guessPassword()
    expect(reply.statusCode).toBe(429)
    expect(Number(reply.headers['retry-after'])).toBeGreaterThan(0)
  })
})

describe('set-up', () => {
  test('the one-time link makes one administrator, and then no link does', async () => {
    const fresh = await startHttp()
    try {
      const [first, second] = [await fresh.identity.createSetUpLink(), await fresh.identity.createSetUpLink()]
      if (!first || !second) throw new Error('no link')
      const { needsSetup } = (await fresh.call('readMeta', null, {})).json<{ needsSetup: boolean }>()
      expect(needsSetup).toBe(true)
      const replies = await Promise.all([
        fresh.call('setUp', null, { body: setUpBody(first.token, 'one@example.com') }),
        fresh.call('setUp', null, { body: setUpBody(second.token, 'two@example.com') }),
      ])
      expect(new Set(replies.map((reply) => reply.statusCode))).toEqual(new Set([200, 410]))
      const won = replies.find((reply) => reply.statusCode === 200)
      expect(won?.json()).toMatchObject({
        isPlatformAdministrator: true,
        role: 'owner',
        organization: { kind: 'personal' },
      })
      expect(await fresh.identity.createSetUpLink()).toBeNull()
      expect((await fresh.call('readMeta', null, {})).json()).toMatchObject({ needsSetup: false })
      const { rows } = await fresh.database.pool.query<{ count: bigint }>('SELECT count(*) FROM users')
      expect(rows[0]?.count).toBe(1n)
    } finally {
      await fresh.close()
    }
  })
})

describe('errors', () => {
  test.each([
    ['POST', '/api/access-tokens', '{"name":', 400, 'malformed_json'],
    ['POST', '/api/access-tokens', '', 400, 'malformed_json'],
    ['POST', '/api/access-tokens', '[]', 400, 'invalid_request'],
    ['POST', '/api/access-tokens', '{"name":1}', 400, 'invalid_request'],
    ['POST', '/api/access-tokens', `{"name":"${'x'.repeat(70_000)}"}`, 413, 'body_too_large'],
    ['GET', '/api/nowhere', undefined, 404, 'unknown_route'],
    ['GET', '/v1/nowhere', undefined, 404, 'unknown_route'],
    ['GET', '/scim/v1/Users', undefined, 404, 'unknown_route'],
    ['GET', '/oauth/token', undefined, 404, 'unknown_route'],
    ['GET', '/sso/saml/x/nowhere', undefined, 404, 'unknown_route'],
    ['PUT', '/api/access-tokens', '{}', 405, 'method_not_allowed'],
    ['GET', '/api/setup', undefined, 405, 'method_not_allowed'],
    ['GET', '/api/operations?limit=0', undefined, 400, 'invalid_request'],
    ['GET', '/api/operations?cursor=zzz', undefined, 400, 'invalid_request'],
    ['GET', '/api/%zz', undefined, 404, 'unknown_route'],
  ] as const)('%s %s %j is %i %s', async (method, url, payload, status, code) => {
    const reply = await http.app.inject({
      method,
      url,
      headers: { cookie: user.cookie, 'x-csrf-token': user.csrfToken, 'content-type': 'application/json' },
      ...(payload === undefined ? {} : { payload }),
    })
    expect(reply.statusCode, reply.body).toBe(status)
    const { error } = reply.json<{ error: Record<string, string> }>()
    expect(error.code).toBe(code)
    expect(error.message).toMatch(/\.$/)
    expect(error.next).toMatch(/\.$/)
  })

  test('a body that is no JSON by its type is refused by its type', async () => {
    const reply = await http.app.inject({
      method: 'POST',
      url: '/api/access-tokens',
      headers: { cookie: user.cookie, 'x-csrf-token': user.csrfToken, 'content-type': 'text/xml' },
      payload: '<name/>',
    })
    expect(reply.json()).toMatchObject({ error: { code: 'unsupported_media_type' } })
  })

  test('a defect of ours is answered without its cause, and logged under the id that the caller got', async () => {
    let logged = ''
    const broken = await startHttp({
      log: makeLog({ level: 'error', destination: { write: (line) => (logged += line) } }),
    })
    try {
      const browser = await broken.createBrowser()
      await broken.database.pool.query('ALTER TABLE access_tokens RENAME COLUMN last_four TO hidden')
      const reply = await broken.call('listAccessTokens', browser, {})
      expect(reply.statusCode).toBe(500)
      const { error } = reply.json<{ error: { code: string; operationId: string } }>()
      expect(error.code).toBe('internal')
      expect(reply.body).not.toContain('last_four')
      expect(logged).toContain(error.operationId)
    } finally {
      await broken.close()
    }
  })
})

test('who was refused is in the log, by address and user, without what was sent; a sign-in is in the audit trail', async () => {
  let logged = ''
  const watched = await startHttp({
    log: makeLog({ level: 'info', destination: { write: (line) => (logged += line) } }),
  })
  try {
    const browser = await watched.createBrowser()
    const body = { email: 'who@example.com', password: 'a secret guess' }
    await watched.call('signIn', null, { body })
    await watched.call('listUsers', browser, {} as never)
    await watched.call('createAccessToken', { ...browser, csrfToken: 'forged' }, { body: { name: 'x' } })
    const lines = logged
      .split('\n')
      .filter((line) => line.includes('"refused"'))
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(lines).toMatchObject([
      { event: 'invalid_credentials', method: 'POST', route: '/api/session', address: '127.0.0.1' },
      { event: 'forbidden', route: '/api/admin/users', userId: browser.userId },
      { event: 'csrf_mismatch', route: '/api/access-tokens', userId: browser.userId },
    ])
    expect(logged).not.toContain('guess')
    expect(logged).not.toContain('who@')
    const { rows } = await watched.database.pool.query(
      `SELECT action FROM audit_entries WHERE actor_id = $1::text AND action = 'session.opened'`,
      [browser.userId],
    )
    expect(rows).toHaveLength(1)
  } finally {
    await watched.close()
  }
})

test('an organisation is told who changed it, also where that was an administrator of another one', async () => {
  const owner = await http.createBrowser()
  const administrator = await http.createBrowser({ isPlatformAdministrator: true })
  const body = { name: 'Renamed' }
  const changed = await http.call('changeOrganization', administrator, {
    params: { id: owner.organizationId },
    body,
  })
  expect(changed.statusCode, changed.body).toBe(200)
  const { items } = (await http.call('listAudit', owner, {} as never)).json<{
    items: { action: string; actor: { email: string | null } }[]
  }>()
  const entry = items.find(({ action }) => action === 'organization.changed')
  const me = (await http.call('readMe', administrator, {})).json<{ user: { email: string } }>()
  expect(JSON.stringify(entry)).toContain(me.user.email)
})

describe('pages', () => {
  test('OpenAPI 3.1 names every endpoint, and no reference in it is empty', async () => {
    const document = (await http.app.inject('/api/openapi.json')).json<{
      openapi: string
      paths: Record<string, Record<string, { responses: Record<string, unknown> }>>
    }>()
    expect(document.openapi).toBe('3.1.0')
    expect(document.paths['/api/operations/{id}']?.['get']?.responses['200']).toBeDefined()
    expect(JSON.stringify(document)).not.toContain('"$ref"')
  })

  test('the reference page loads nothing from elsewhere and runs no inline script', async () => {
    const page = await http.app.inject('/docs')
    expect(page.body).not.toMatch(/https?:\/\//)
    expect(page.body).not.toMatch(/<script>/)
    expect(page.headers['content-security-policy']).toContain("script-src 'self';")
    expect((await http.app.inject('/docs/scalar.js')).body.length).toBeGreaterThan(1_000_000)
    expect((await http.app.inject('/docs/start.js')).body).toContain('/api/openapi.json')
  })

  test('while the dashboards are being built a page says so and asks again', async () => {
    dashboards = null
    const page = await http.app.inject('/keys')
    expect(page.statusCode).toBe(200)
    expect(page.body).toContain('http-equiv="refresh"')
    expect((await http.call('readMeta', null, {})).json()).toMatchObject({ dashboardsReady: false })
  })

  test('every page of the application is index.html with a fresh nonce and a policy without inline scripts', async () => {
    dashboards = directory
    const [first, second] = [await http.app.inject('/keys/one'), await http.app.inject('/')]
    expect(nonceOf(first.body)).toBeDefined()
    expect(nonceOf(first.body)).not.toBe(nonceOf(second.body))
    expect(first.headers['content-security-policy']).toContain(`'nonce-${nonceOf(first.body)}'`)
    expect(first.headers['content-security-policy']).not.toContain('unsafe')
    expect(first.headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
    })
  })

  test('hashed files are kept for ever, others are asked for again, foreign paths are not served', async () => {
    dashboards = directory
    expect((await http.app.inject('/assets/main-abc123.js')).headers['cache-control']).toContain('immutable')
    expect((await http.app.inject('/mark.svg')).headers).toMatchObject({
      'cache-control': 'no-cache',
      'content-type': 'image/svg+xml',
    })
    for (const path of [
      '/assets/none.js',
      '/../package.json',
      '/%2e%2e/package.json',
      '/assets/..%2f..%2fpackage.json',
      '/assets/..%5c..%5cpackage.json',
      '//etc/passwd.txt',
      '/.env',
    ]) {
      const reply = await http.app.inject(path)
      // As the caller's mistake: strangers must not fill the log with errors.
      expect(reply.statusCode, path).toBe(404)
      expect(reply.body, path).not.toContain('dependencies')
    }
    expect((await http.app.inject('/x%00.js')).statusCode).toBe(400)
  })
})
