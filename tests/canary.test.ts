import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inflateSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { endpoints } from '../src/contract/endpoints.ts'
import { must } from '../src/kit/fault.ts'
import { platformOrganizationId } from '../src/kit/id.ts'
import { type Canary, findCanaries, type Text } from './canaries.ts'
import { type ReceivedLetter, startMailServer } from './mail-server.ts'
import { type EchoService, startEchoService } from './echo-service.ts'
import { openBookkeeping } from './processes/bookkeeping.ts'
import { type Browser, type BrowserReply, sendTo, signIn } from './processes/browser.ts'
import { type Fleet, openFleet } from './processes/fleet.ts'
import type { GatewayProcess } from './processes/gateway-process.ts'
import { operator, type StagePerson, testMasterKey } from './scene.ts'

let fleet: Fleet
let gateway: GatewayProcess
let echo: EchoService
let mail: Awaited<ReturnType<typeof startMailServer>>
/** Whoever gets people's alerts by webhook. */
let listener: Server
const heard: string[] = []
/** Where a process leaves a picture of its heap when it is told to. */
const heapDirectory = mkdtempSync(join(tmpdir(), 'aideon-heap-'))
const canaries: Canary[] = []
const replies: Text[] = []

const word = () => randomBytes(24).toString('hex')
/** Shaped like a key of OpenAI, or like nothing that anybody knows and with characters that every encoding changes. */
const knownShape = () => `sk-proj-${word()}`
const unknownShape = () => `~${word()}+/=&%"${word()}`

const plant = (name: string, value: string, allowedIn: readonly string[] = []): string => {
  canaries.push({ name, value, allowedIn })
  return value
}

/** Everything that anybody is told is kept. */
const keep = (label: string, reply: BrowserReply): BrowserReply => {
  replies.push({ label, text: `${reply.status}\n${JSON.stringify(reply.headers)}\n${reply.text}` })
  return reply
}

const callApi = async (
  browser: Browser,
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: unknown,
): Promise<BrowserReply> => keep(`the reply of ${method} ${path}`, await browser.send(method, path, body))

const operate = async (
  headers: Readonly<Record<string, string>>,
  body: unknown,
  path = '/v1/chat/completions',
): Promise<BrowserReply> =>
  keep(`the reply of operation ${replies.length}`, await sendTo(gateway.url, headers, 'POST', path, body))

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const chat = (prompt: string, more: object = {}) => ({
  model: 'gpt-4o-mini',
  max_tokens: 50,
  messages: [{ role: 'user', content: prompt }],
  ...more,
})

/** As it is, and what its streams unpack to. */
const textOfPdf = (pdf: Buffer): string => {
  const pieces = [pdf.toString('latin1')]
  for (const match of pieces[0]?.matchAll(/stream\r?\n/g) ?? []) {
    const from = match.index + match[0].length
    try {
      pieces.push(inflateSync(pdf.subarray(from, pdf.indexOf('endstream', from))).toString('latin1'))
    } catch {
      // Not packed.
    }
  }
  return pieces.join('\n')
}

const idOf = (reply: BrowserReply): string => {
  expect(reply.status, reply.text).toBe(201)
  return (JSON.parse(reply.text) as { id: string }).id
}

beforeAll(async () => {
  const mailPassword = plant('the password of the mail server', word())
  mail = await startMailServer({ user: { name: 'keys', password: mailPassword } })
  listener = createServer((request, reply) => {
    request.on('data', (chunk) => heard.push(`${JSON.stringify(request.headers)}\n${chunk}`))
    request.on('end', () => reply.end())
  })
  await new Promise<void>((ready) => listener.listen(0, '127.0.0.1', ready))
  fleet = await openFleet({
    processes: 1,
    environment: {
      AIDEON_LOG_LEVEL: 'debug',
      AIDEON_SMTP_URL: `smtp://keys:${mailPassword}@127.0.0.1:${mail.port}`,
      AIDEON_MAIL_FROM: 'Keys <keys@example.com>',
      NODE_OPTIONS: `--heapsnapshot-signal=SIGUSR2 --diagnostic-dir=${heapDirectory}`,
    },
  })
  gateway = fleet.gateways[0] as GatewayProcess
  echo = await startEchoService()
  must(await fleet.rooms.catalogue.addAllowance(operator, new URL(echo.url).host))
  plant('the master key', testMasterKey)
})
afterAll(async () => {
  await echo?.[Symbol.asyncDispose]()
  await fleet?.[Symbol.asyncDispose]()
  await mail?.close()
  listener?.close()
  rmSync(heapDirectory, { recursive: true, force: true })
})

const useService = async (baseUrl: string) =>
  must(await fleet.rooms.catalogue.change(operator, 'openai', { baseUrl }))

describe('secrets at work', () => {
  let administrator: Browser
  let user: Browser
  let person: StagePerson

  beforeAll(async () => {
    const link = /\/setup#(\S+)/.exec(gateway.output())?.[1] ?? ''
    const password = plant('the administrator’s password', `correct horse "${word()}" & staple`)
    const who = { email: 'admin@example.com', password }
    await signIn(gateway.url, { path: '/api/setup', body: { token: link, name: 'Admin', ...who } })
    administrator = await signIn(gateway.url, { path: '/api/session', body: who })
    person = await fleet.person()
    const opened = must(await fleet.rooms.identity.createSignInLink(operator, person.userId))
    user = await signIn(gateway.url, { path: '/api/session/link', body: { token: opened.token } })
  })

  test('stored through the dashboards, and serving', async () => {
    const [own, system] = [plant('a user’s key', knownShape()), plant('a system key', unknownShape())]
    for (const secret of [own, system]) fleet.simulator.setKey(secret, { kind: 'ok' }, 'openai')
    const { simulator } = fleet
    await callApi(user, 'POST', '/api/service-keys/check', { serviceId: 'openai', secret: own })
    const ownId = idOf(await callApi(user, 'POST', '/api/service-keys', { serviceId: 'openai', secret: own }))
    const systemKey = { serviceId: 'openai', secret: system, priority: 1 }
    await callApi(administrator, 'POST', '/api/admin/system-keys/check', systemKey)
    idOf(await callApi(administrator, 'POST', '/api/admin/system-keys', systemKey))
    const created = await callApi(user, 'POST', '/api/access-tokens', { name: 'canary' })
    const { token } = JSON.parse(created.text) as { token: string }
    plant('an access token', token, ['the reply of POST /api/access-tokens'])
    plant('the person’s access token', person.token)

    const without = await fleet.person()
    plant('another access token', without.token)
    for (const caller of [token, without.token])
      for (const stream of [false, true]) {
        const reply = await operate(bearer(caller), chat('hello', { stream }))
        expect(reply.status, reply.text).toBe(200)
      }
    expect(simulator.journal().map((call) => call.credential)).toEqual(expect.arrayContaining([own, system]))

    // The services' own masked echo, with fallback to the system key and without.
    for (const kind of ['revoked', 'no_quota', 'forbidden'] as const) {
      simulator.setKey(own, { kind }, 'openai')
      await operate(bearer(token), chat('hello'))
      await operate({ ...bearer(token), 'x-aideon-fallback': 'none' }, chat('hello'))
      await callApi(user, 'POST', `/api/service-keys/${ownId}/check`)
    }
    const replaced = plant('the key in its place', knownShape())
    simulator.setKey(replaced, { kind: 'ok' }, 'openai')
    await callApi(user, 'POST', `/api/service-keys/${ownId}/replace`, { secret: replaced })
    await callApi(user, 'DELETE', `/api/service-keys/${ownId}`)
  })

  test('imported from files, and told about when they stop working', async () => {
    const [known, unknown, misplaced] = [
      plant('an imported key', knownShape()),
      plant('an imported key of no shape', unknownShape()),
      plant('a key in the column of labels', knownShape()),
    ]
    for (const secret of [known, unknown]) fleet.simulator.setKey(secret, { kind: 'ok' }, 'openai')
    const files = [
      `OPENAI_API_KEY=${known}\nOTHER_OPENAI_KEY='${unknown}'\n${known}=${unknown}\nLEFT_OPEN="${misplaced}\n`,
      `service,label,key\nopenai,${misplaced},${known}\n${misplaced},x,${unknown.replaceAll('"', '')}\n"${misplaced}`,
      `${misplaced}\n${known},${unknown}`,
    ]
    let imported = ''
    for (const text of files) {
      const preview = await callApi(user, 'POST', '/api/service-keys/import/preview', { text })
      const { lines } = JSON.parse(preview.text) as { lines: { line: number; lastFour: string }[] }
      if (lines.length === 0) continue
      const chosen = lines.map(({ line, lastFour }) => ({ line, lastFour, serviceId: 'openai' }))
      const done = await callApi(user, 'POST', '/api/service-keys/import', { text, lines: chosen })
      const { results } = JSON.parse(done.text) as { results: { serviceKey: { id: string } | null }[] }
      imported ||= results[0]?.serviceKey?.id ?? ''
    }
    expect(imported).not.toBe('')

    const { port } = listener.address() as AddressInfo
    const webhook = { enabled: true, url: `http://127.0.0.1:${port}/`, minimumSeverity: 'info' as const }
    const channels = { email: { enabled: true, minimumSeverity: 'info' as const }, webhook }
    must(await fleet.rooms.alerts.setChannels(operator, person, channels))
    fleet.simulator.setKey(known, { kind: 'revoked' }, 'openai')
    const refused = await callApi(user, 'POST', `/api/service-keys/${imported}/check`)
    expect(JSON.parse(refused.text)).toMatchObject({ statusCause: 'possibly_leaked' })
    await callApi(user, 'GET', `/api/service-keys/${imported}/checks`)
    await expect.poll(() => [mail.letters.length > 0, heard.length > 0]).toEqual([true, true])
    replies.push(...mail.letters.map(({ source }: ReceivedLetter) => ({ label: 'an e-mail', text: source })))
    replies.push(...heard.map((text) => ({ label: 'a webhook', text })))
  })

  test('in files that people download', async () => {
    for (const path of ['/api/operations/export', '/api/usage/export', '/api/credits/statement/export'])
      for (const format of ['csv', 'json']) await callApi(user, 'GET', `${path}?format=${format}`)
    for (const path of ['/api/admin/audit/export', '/api/admin/operations/export?format=json'])
      await callApi(administrator, 'GET', path)
    const { billing, documents } = fleet.rooms
    const once = { idempotencyKey: word(), returnUrl: 'https://keys.example/credits' }
    const { payment } = must(await billing.buy(operator, person, { kind: 'pack', packId: 'small' }, once))
    must(await billing.approve(operator, payment.id, 'Paid'))
    const { bytes } = must(await documents.receipt(payment.id))
    replies.push({ label: 'a receipt', text: textOfPdf(bytes) })
  })

  test('misplaced by callers', async () => {
    const secret = plant('a key in the wrong place', knownShape())
    const token = bearer(person.token)
    await operate(bearer(secret), chat('hello'))
    await operate({ 'x-api-key': secret }, chat('hello'), '/v1/messages')
    await operate({ ...token, 'x-aideon-user': secret }, chat('hello'))
    await operate({ ...token, 'x-aideon-fallback': secret }, chat('hello'))
    await operate(token, `{"model":"gpt-4o-mini","api_key":"${secret}",`)
    await operate(token, secret)
    await operate(token, chat('hello', { stream: secret }))
    await operate(token, chat('hello', { max_tokens: secret }))
    await operate(token, chat('hello', { model: secret }))
    await operate(token, chat('hello'), `/v1/chat/completions?api_key=${secret}`)
    await operate(token, chat('hello'), `/v1/${secret}`)
    await operate({ ...token, 'content-type': secret }, chat('hello'))
    for (const path of [
      `/${secret}`,
      `/api/${secret}`,
      `/api/operations/${secret}`,
      `/api/operations?cursor=${secret}`,
    ])
      await callApi(user, 'GET', path)

    const wrong = {
      serviceId: secret,
      secret: [secret],
      label: { secret },
      baseUrl: `https://${secret}@example.com`,
    }
    await callApi(user, 'POST', '/api/service-keys', wrong)
    await callApi(user, 'POST', '/api/service-keys', { serviceId: 'openai', secret: `${secret} ${secret}` })
    await callApi(user, 'POST', '/api/service-keys', {
      serviceId: 'midjourney',
      secret,
      baseUrl: `http://10.0.0.1/${secret}`,
    })
    await callApi(user, 'POST', '/api/service-keys', `{"secret":"${secret}",`)
    const password = plant('a wrong password', `wrong ${word()}`)
    const attempt = { email: 'admin@example.com', password }
    keep('a refused sign-in', await sendTo(gateway.url, {}, 'POST', '/api/session', attempt))
    keep(
      'a malformed sign-in',
      await sendTo(gateway.url, {}, 'POST', '/api/session', { ...attempt, email: password }),
    )
  })

  test('repeated by a service in bodies, headers, reason phrases, streams and what is no HTTP', async () => {
    await useService(echo.url)
    echo.validation = 'refuse'
    for (const path of ['/api/service-keys', '/api/service-keys/check'])
      await callApi(user, 'POST', path, { serviceId: 'openai', secret: plant('a refused key', knownShape()) })
    echo.validation = 'accept'

    const statuses = ['302', '400', '401', '402', '403', '404', '413', '418', '429', '500', '503']
    for (const what of [...statuses, 'html', 'half', 'stream', 'garbage', 'reset']) {
      const own = plant(`a user’s key (${what})`, unknownShape())
      const system = plant(`a system key (${what})`, knownShape())
      const [owner, payer] = [await fleet.person({ fallback: 'none' }), await fleet.person()]
      const { serviceKeys } = fleet.rooms
      const { organizationId, userId } = owner
      must(
        await serviceKeys.add(operator, {
          organizationId,
          owner: 'user',
          userId,
          serviceId: 'openai',
          secret: own,
        }),
      )
      const { serviceKey } = must(
        await serviceKeys.add(operator, {
          organizationId: platformOrganizationId,
          owner: 'system',
          userId: null,
          serviceId: 'openai',
          secret: system,
          priority: 3,
        }),
      )
      for (const { token } of [owner, payer])
        for (const stream of [false, true])
          await operate(bearer(token), chat(`[[echo: ${what}]]`, { stream }))
      expect(echo.credentials).toEqual(expect.arrayContaining([own, system]))
      must(await serviceKeys.revoke(operator, { organizationId: platformOrganizationId, id: serviceKey.id }))
    }
  })

  test('while every connection to the database breaks', async () => {
    await useService(`${fleet.simulator.url}/openai`)
    await fleet.systemKey('openai', 1)
    await using books = await openBookkeeping(fleet.databaseUrl)
    const { token } = await fleet.person()
    const running = Array.from({ length: 8 }, (_, n) =>
      operate(bearer(token), chat(`[[simulate: wait ${n * 10}ms]]`)),
    )
    await books.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
    )
    await Promise.all(running)
    await expect.poll(() => gateway.output()).toContain('the change feed is back')
  })

  test('behind every screen', async () => {
    for (const { method, path } of Object.values(endpoints))
      if (method === 'GET' && !path.includes(':'))
        for (const browser of [user, administrator]) await callApi(browser, 'GET', `/api${path}`)
    const path = '/api/admin/platform-tokens'
    const created = await callApi(administrator, 'POST', path, { name: 'metrics' })
    const { token } = JSON.parse(created.text) as { token: string }
    plant('a platform token', token, [`the reply of POST ${path}`])
    const metrics = keep('the metrics', await sendTo(gateway.url, bearer(token), 'GET', '/metrics'))
    expect(metrics.text).toContain('aideon_operations_total')
  })
})

describe('no secret, in any encoding, is in', () => {
  test('any reply', () => {
    expect(replies.length).toBeGreaterThan(100)
    expect(findCanaries(canaries, replies)).toEqual([])
  })

  test('the log at its most talkative', () => {
    expect(gateway.output()).toContain('"level":"warn"')
    expect(findCanaries(canaries, [{ label: 'the log', text: gateway.output() }])).toEqual([])
  })

  test('any row of any table', async () => {
    await using books = await openBookkeeping(fleet.databaseUrl)
    const tables = await books.query(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
       WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
    )
    const dump: Text[] = []
    for (const { name } of tables) {
      const rows = await books.query(`SELECT t::text AS row FROM ${String(name)} AS t`)
      dump.push(...rows.map(({ row }) => ({ label: `table ${String(name)}`, text: String(row) })))
    }
    const filled = new Set(dump.map(({ label }) => label))
    for (const name of [
      'service_key_versions',
      'audit_entries',
      'operations_rest',
      'access_tokens',
      'sessions',
    ])
      if (name !== 'operations_rest') expect(filled).toContain(`table public.${name}`)
    expect(findCanaries(canaries, dump)).toEqual([])
  })

  test('the heap, but for what is in use', async () => {
    // Nothing is under way; whatever was used for an operation is garbage, which a snapshot collects first.
    gateway.signal('SIGUSR2')
    const written = () => readdirSync(heapDirectory).filter((name) => name.endsWith('.heapsnapshot'))
    await expect.poll(() => written().length).toBe(1)
    // The process does nothing else while it writes: when it answers, the file is whole.
    await fetch(`${gateway.url}/healthz`)
    const heap = readFileSync(join(heapDirectory, written()[0] as string))
    expect(heap.subarray(-8).toString().trimEnd().endsWith(']}')).toBe(true)
    const inHeap = canaries.filter(({ value }) => heap.includes(JSON.stringify(value).slice(1, -1)))
    // Settings, as the operator wrote them; and names of models that callers asked for, which what is on offer is kept by.
    const inUse = new Set(['the master key', 'the password of the mail server', 'a key in the wrong place'])
    expect(inHeap.map(({ name }) => name).filter((name) => !inUse.has(name))).toEqual([])
  })

  test('what it is not in, as far as this could tell', () => {
    const value = unknownShape()
    const canary = { name: 'x', value }
    const bytes = Buffer.from(value)
    const leaks = [
      value,
      bytes.toString('base64'),
      bytes.toString('base64url'),
      Buffer.from(`ab${value}cd`).toString('base64'),
      Buffer.from(`a:${value}`).toString('base64url'),
      bytes.toString('hex'),
      encodeURIComponent(value),
      JSON.stringify({ value }),
      value.slice(10),
    ]
    for (const leak of leaks)
      expect(findCanaries([canary], [{ label: 'here', text: `before ${leak} after` }])).toHaveLength(1)
    expect(
      findCanaries([canary], [{ label: 'here', text: `${value.slice(0, 8)}… ${value.slice(-4)}` }]),
    ).toEqual([])
  })
})
