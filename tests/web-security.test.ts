import cookie from '@fastify/cookie'
import Fastify from 'fastify'
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { endpoints, urlOf } from '../src/contract/endpoints.ts'
import type { Endpoint } from '../src/contract/endpoint.ts'
import { registerEndpoints } from '../src/http/routes.ts'
import { newId } from '../src/kit/id.ts'
import { type Browser, type Http, operator, startHttp } from './http-harness.ts'
import { must } from '../src/kit/fault.ts'

/** What holds for every request whatever it asks for, over real sockets; one server behind a proxy, one without. */

let http: Http
let proxied: Http
let user: Browser
let plainUrl: string
let proxiedUrl: string
const table = Object.entries(endpoints) as [keyof typeof endpoints, Endpoint][]

beforeAll(async () => {
  http = await startHttp()
  proxied = await startHttp({
    shell: { publicUrl: 'https://keys.example', trustedProxies: ['127.0.0.0/8'] },
    quotas: { session: 20, user: 1000, address: 5 },
  })
  user = await http.createBrowser()
  plainUrl = await http.app.listen({ host: '127.0.0.1', port: 0 })
  proxiedUrl = await proxied.app.listen({ host: '127.0.0.1', port: 0 })
})
afterAll(async () => {
  await http.close()
  await proxied.close()
})

const linkFor = async (on: Http) => {
  const { userId } = await on.createPerson()
  return must(await on.identity.createSignInLink(operator, userId)).token
}
const signInAt = async (url: string, token: string, headers: Record<string, string> = {}) =>
  fetch(`${url}/api/session/link`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ token }),
  })
const codeOf = async (reply: Response) => ((await reply.json()) as { error?: { code: string } }).error?.code

describe('every mutating endpoint of the table', () => {
  const changing = table.filter(([, { method }]) => method !== 'GET')

  test.each(changing)(
    '%s takes no request of another site, nor one without the session’s CSRF token',
    async (_, endpoint) => {
      const params = { id: newId(), organization: newId(), tier: 'pro', pack: 'small', version: '1' }
      const url = `${plainUrl}${urlOf(endpoint, { params })}`
      const ask = (headers: Record<string, string>) =>
        fetch(url, {
          method: endpoint.method,
          headers: { cookie: user.cookie, 'content-type': 'application/json', ...headers },
          body: '{}',
        })
      const forged: Record<string, string>[] = [
        { 'x-csrf-token': user.csrfToken, 'sec-fetch-site': 'cross-site' },
        { 'x-csrf-token': user.csrfToken, 'sec-fetch-site': 'same-site' },
        { 'x-csrf-token': user.csrfToken, origin: 'https://evil.example' },
        { 'x-csrf-token': user.csrfToken, origin: 'null' },
      ]
      const refusals = await Promise.all(forged.map(async (headers) => codeOf(await ask(headers))))
      expect(refusals).toEqual(forged.map(() => 'csrf_mismatch'))
      if (endpoint.auth !== 'public')
        expect(await codeOf(await ask({ 'x-csrf-token': 'x'.repeat(43) }))).toBe('csrf_mismatch')
    },
  )
})

test('no endpoint that changes anything, or needs a fresh proof, is open to tokens, but for reads that are sent as POST', () => {
  const open = table.filter(
    ([, { auth, method, stepUp }]) => auth === 'session_or_token' && (method !== 'GET' || stepUp),
  )
  expect(open.map(([name]) => name)).toEqual(['explainRoute'])
})

/** Changes that need no fresh proof, beside whatever only looks ahead: what takes away rather than gives, and what is soon put right again. */
const withoutProof = new Set<string>([
  // Where one works, and an organisation of one's own: nobody loses anything.
  'switchOrganization',
  'createCompany',
  'joinByInvitation',
  'renameOrganization',
  'cancelDeletion',
  'cancelUserDeletion',
  'cancelDeletionOfUser',
  'withdrawInvitation',
  // Is how the proof is given.
  'proveSso',
  // Asking and saying no change nothing; an approval needs the proof.
  'createRequest',
  'withdrawRequest',
  'declineRequest',
  // Of one's own keys: reminds, goes on. Beginning and giving up, which may take a key out of use or bring one back, and the new secret need the proof.
  'scheduleOwnRotation',
  'retryOwnRotation',
  'drillRotation',
  'archiveAnyBudget',
  // Where use is charged to: audited, and can be said anew for any time.
  'assignCostCentre',
  'assignTeamCostCentre',
  'dismissAnomaly',
  'saveCostCentre',
  'archiveBudget',
  'buyCredits',
  'cancelLongOperation',
  'changeAnyBudget',
  'changeBudget',
  'changeGroup',
  'changePassword',
  'changePreferences',
  'continuePayment',
  'createAnyBudget',
  'createBudget',
  'createGroup',
  'createOrganizationBudget',
  'denyAdjustment',
  'denyPayment',
  'denyRerating',
  'discardPriceChange',
  'editPriceChange',
  'explainReconciliationFinding',
  'explainRoute',
  'explainRouteOfUser',
  'importServiceExport',
  'markAlertRead',
  'markAllAlertsRead',
  'recheckServiceKey',
  'recheckSystemKey',
  'redeliverWebhook',
  // Sends again what was sent, to where somebody with a proof had it sent; the rest takes away or tests.
  'redeliverEvent',
  'replayEvents',
  'removeWebhookEndpoint',
  'testWebhookEndpoint',
  'removeGroup',
  'removeServiceExport',
  'reorderSystemKeys',
  'resendAlert',
  'resetBreaker',
  'resetGroup',
  'createTeam',
  'changeTeam',
  'restoreTeam',
  'setTeamMember',
  'recheckOwnOrganizationKey',
  'setOwnOrganizationKeyLimits',
  'removeTeamMember',
  'restoreAnyBudget',
  'restoreBudget',
  'revokeAccessToken',
  'revokeMachineCredential',
  'revokeProvisioningToken',
  'revokePlatformToken',
  'revokeTeamToken',
  'endUserSessions',
  'setAccessTokenLimits',
  'setAlertChannels',
  'setPlatformTokenLimits',
  'setReconciliationTolerance',
  'setSystemKeyLimits',
  'setUserLimits',
  'signOut',
  'startReconciliation',
  'stepUp',
  // Asks what a passkey is to sign, which is the proof.
  'createProofChallenge',
  // What it is called, seen by its owner alone.
  'renamePasskey',
  'takeBackPayment',
  'testAlertChannel',
  'verifyAllAudit',
  'verifyAudit',
])

test('what stores or shows secrets, or moves money, rights or policy, needs a fresh proof', () => {
  const free = table.filter(
    ([, endpoint]) => endpoint.auth !== 'public' && endpoint.method !== 'GET' && !endpoint.stepUp,
  )
  const unexpected = free
    .map(([name]) => name)
    .filter((name) => !withoutProof.has(name) && !/^(?:preview|check)[A-Z]/.test(name))
  expect(unexpected, 'mark it stepUp, or say in docs/decisions/0055-step-up.md why not and list it').toEqual(
    [],
  )
})

test('another site’s script loads nothing; a link from there may be followed', async () => {
  // fetch of Node says sec-fetch-mode: cors, whatever it is told.
  const read = (headers: Record<string, string>) =>
    http.app.inject({ url: '/api/me', headers: { cookie: user.cookie, ...headers } })
  const statusOf = async (headers: Record<string, string>) => (await read(headers)).statusCode
  expect(await statusOf({ 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' })).toBe(403)
  expect(await statusOf({ 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'cors' })).toBe(403)
  expect(await statusOf({ 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' })).toBe(200)
  expect(await statusOf({ 'sec-fetch-site': 'same-origin' })).toBe(200)
  for (const method of ['GET', 'OPTIONS'] as const) {
    const { headers } = await http.app.inject({
      method,
      url: '/api/me',
      headers: { origin: 'https://evil.example' },
    })
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control-'))).toEqual([])
  }
})

describe('headers', () => {
  test('are on replies, refusals and pages alike, and nothing of the API is kept by a cache', async () => {
    for (const path of [
      '/api/me',
      '/api/meta',
      '/api/nowhere',
      '/api/%zz',
      '/',
      '/docs',
      '/assets/none.js',
    ]) {
      const { headers } = await fetch(plainUrl + path)
      expect(headers.get('x-content-type-options'), path).toBe('nosniff')
      expect(headers.get('content-security-policy'), path).toMatch(/default-src 'none'/)
      expect(headers.get('content-security-policy'), path).toMatch(/frame-ancestors 'none'/)
      expect(headers.get('content-security-policy'), path).not.toMatch(/unsafe-eval|script-src[^;]*unsafe/)
      expect(headers.get('referrer-policy'), path).toBe('no-referrer')
      expect(headers.get('cross-origin-resource-policy'), path).toBe('same-origin')
      expect(headers.get('cross-origin-opener-policy'), path).toBe('same-origin')
      expect(headers.get('server'), path).toBeNull()
      expect(headers.get('x-powered-by'), path).toBeNull()
      if (path.startsWith('/api')) expect(headers.get('cache-control'), path).toBe('no-store')
    }
  })

  test('over https: HSTS for a year and cookies that no sub-domain can set; over http neither', async () => {
    const secure = await signInAt(proxiedUrl, await linkFor(proxied), { 'x-forwarded-for': '192.0.2.77' })
    expect(secure.status).toBe(200)
    expect(secure.headers.get('strict-transport-security')).toBe('max-age=31536000; includeSubDomains')
    const cookies = secure.headers.getSetCookie()
    expect(cookies.map((cookie) => cookie.split('=')[0])).toEqual([
      '__Host-aideon_session',
      '__Host-aideon_browser',
    ])
    for (const cookie of cookies) {
      expect(cookie).toMatch(/; Path=\/(;|$)/)
      expect(cookie).toMatch(/; HttpOnly/)
      expect(cookie).toMatch(/; Secure/)
      expect(cookie).toMatch(/; SameSite=Strict/)
      expect(cookie).not.toMatch(/Domain/i)
    }
    const plain = await signInAt(plainUrl, await linkFor(http))
    expect(plain.headers.get('strict-transport-security')).toBeNull()
    expect(plain.headers.getSetCookie().map((cookie) => cookie.split('=')[0])).toEqual([
      'aideon_session',
      'aideon_browser',
    ])
  })
})

describe('client addresses', () => {
  const addressOf = async (on: Http, url: string, forwarded: string) => {
    const reply = await signInAt(url, await linkFor(on), { 'x-forwarded-for': forwarded })
    const cookie = reply.headers.getSetCookie()[0]?.split(';')[0] as string
    const sessions = await fetch(`${url}/api/me/sessions`, {
      headers: { cookie, 'x-forwarded-for': forwarded },
    })
    return ((await sessions.json()) as { items: { address: string }[] }).items[0]?.address
  }

  test('x-forwarded-for of whoever is no trusted proxy is ignored', async () => {
    expect(await addressOf(http, plainUrl, '203.0.113.5')).toBe('127.0.0.1')
  })

  test('behind trusted proxies the address is the last one that none of them vouches for', async () => {
    expect(await addressOf(proxied, proxiedUrl, '203.0.113.5')).toBe('203.0.113.5')
    expect(await addressOf(proxied, proxiedUrl, '10.9.9.9, 203.0.113.6')).toBe('203.0.113.6')
    expect(await addressOf(proxied, proxiedUrl, '203.0.113.7, 127.0.0.9')).toBe('203.0.113.7')
  })
})

describe('rates', () => {
  test('a stranger’s network is told to wait, and so are no neighbours who are signed in', async () => {
    const from = { 'x-forwarded-for': '198.51.100.1' }
    const signedIn = await signInAt(proxiedUrl, await linkFor(proxied), from)
    const cookie = signedIn.headers.getSetCookie()[0]?.split(';')[0] as string
    const replies = []
    for (let i = 0; i < 6; i++) replies.push(await fetch(`${proxiedUrl}/api/meta`, { headers: from }))
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(4)
    const refused = replies.at(-1) as Response
    expect(refused.status).toBe(429)
    expect(await codeOf(refused)).toBe('rate_limited')
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(refused.headers.get('ratelimit')).toMatch(/^"address";r=0;t=\d+$/)
    const guesses = await fetch(`${proxiedUrl}/api/me`, {
      headers: { ...from, cookie: '__Host-aideon_session=x' },
    })
    expect(guesses.status, 'cookies that open nothing count as a stranger’s').toBe(429)

    const me = await fetch(`${proxiedUrl}/api/me`, { headers: { ...from, cookie } })
    expect(me.status).toBe(200)
    expect(me.headers.get('ratelimit')).toMatch(/^"session";r=19;t=\d+, "user";r=999;t=\d+$/)
    const many = await Promise.all(
      Array.from({ length: 20 }, () => fetch(`${proxiedUrl}/api/me`, { headers: { ...from, cookie } })),
    )
    expect(many.filter(({ status }) => status === 429)).toHaveLength(1)
  })
})

describe('what is sent', () => {
  const send = (body: string, headers: Record<string, string> = {}) =>
    fetch(`${plainUrl}/api/access-tokens`, {
      method: 'POST',
      headers: {
        cookie: user.cookie,
        'x-csrf-token': user.csrfToken,
        'content-type': 'application/json',
        ...headers,
      },
      body,
    })

  test.each([
    ['a prototype', '{"__proto__":{"name":"x"}}'],
    ['a constructor', '{"constructor":{"prototype":{"name":"x"}}}'],
    ['nesting without end', `{"name":${'['.repeat(20_000)}${']'.repeat(20_000)}}`],
  ])('%s is refused as the caller’s mistake', async (_, body) => {
    const reply = await send(body)
    expect(reply.status).toBe(400)
  })

  test('a field twice, an unknown field, a body as text: none of it reaches a handler otherwise than as the schema says', async () => {
    const made = await send('{"name":"first","name":"second"}')
    expect(made.status).toBe(201)
    const reply = (await made.json()) as { accessToken: Record<string, unknown> }
    expect(reply.accessToken['name']).toBe('second')
    const refused = await send('{"name":"third","isPlatformAdministrator":true}')
    expect(refused.status).toBe(400)
    expect(await refused.json()).toMatchObject({ error: { field: 'isPlatformAdministrator' } })
    expect((await send('name=x', { 'content-type': 'text/plain' })).status).toBe(415)
    expect((await send('{"name":"x"}', { 'content-type': 'application/x-www-form-urlencoded' })).status).toBe(
      415,
    )
  })
})

test('nothing here sends a browser elsewhere: the only redirect is to a page of our own', async () => {
  for (const path of [
    '//evil.example',
    '/docs//evil.example',
    '/%2f%2fevil.example',
    '/docs/?to=https://evil.example',
    '/sign-in?next=//evil.example',
  ]) {
    const reply = await fetch(plainUrl + path, { redirect: 'manual' })
    const location = reply.headers.get('location')
    expect(location === null || location === '/docs', `${path} → ${location}`).toBe(true)
  }
})

test('a handler that forgets whose rows to ask for gets those of its caller’s organisation, in a reply and in a file', async () => {
  const { database } = http
  const stranger = await http.createBrowser()
  await http.call('createAccessToken', user, { body: { name: 'Mine' } })
  await http.call('createAccessToken', stranger, { body: { name: 'Theirs' } })
  const namesOf = async () =>
    (await database.kysely.selectFrom('access_tokens').select('name').execute()).map(({ name }) => name)
  const planted = {
    readBalance: async () => Promise.reject(new Error((await namesOf()).join())),
    exportStatement: async () => ({
      contentType: 'text/csv',
      fileName: 'all.csv',
      body: (async function* () {
        yield (await namesOf()).join()
        // Asked for when the first piece has been taken.
        yield `;${(await namesOf()).join()}`
      })(),
    }),
  }
  const app = Fastify()
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  app.setErrorHandler((error: Error, _, reply) =>
    reply.type('application/json').serializer(JSON.stringify).send({ names: error.message }),
  )
  await app.register(cookie)
  await app.register(
    async (api) =>
      registerEndpoints(api, planted as never, {
        identity: http.identity,
        access: http.access,
        clock: http.clock,
        machines: http.machines,
      }),
    { prefix: '/api' },
  )
  const get = (url: string, as: Browser) => app.inject({ url, headers: { cookie: as.cookie } })
  expect((await get('/api/credits/balance', stranger)).json()).toEqual({ names: 'Theirs' })
  const file = await get('/api/credits/statement/export', stranger)
  expect(file.body).toBe('Theirs;Theirs')
  expect(await namesOf()).toEqual(expect.arrayContaining(['Mine', 'Theirs']))
  await app.close()
})
