import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, expect, test, vi } from 'vitest'
import { cloneDatabase } from '../../tests/database.ts'
import { checkLedger } from '../../tests/ledger.ts'
import { stageConfig } from '../../tests/stage.ts'
import { must } from '../kit/fault.ts'
import { silentLog } from '../kit/log.ts'
import { startGateway } from '../main.ts'
import { rotationDrivers } from '../rotation/drivers/registry.ts'
import { makeRotation } from '../rotation/rotation.ts'
import { claimInstallation } from './claim.ts'
import { publishDemo, seedDemo, startDemoSimulator } from './demo.ts'
import { readDemoFile } from './demo-file.ts'
import { demoAddresses, setDemoCredential } from './rotation.ts'
import { warmDemo } from './warm.ts'

const dataDirectory = mkdtempSync(join(tmpdir(), 'aideon-demo-'))
const clone = await cloneDatabase()
const gateway = await startGateway(
  stageConfig({
    AIDEON_PORT: '0',
    AIDEON_DATA_DIR: dataDirectory,
    DATABASE_URL: clone.url,
    AIDEON_MASTER_KEY: Buffer.alloc(32, 'demo master key').toString('base64'),
    AIDEON_LOG_LEVEL: 'silent',
    AIDEON_DASHBOARDS: 'false',
  }),
  silentLog,
)
let simulator = await startDemoSimulator(dataDirectory)
afterAll(async () => {
  await gateway.stop()
  await clone.drop()
  await simulator.close()
  rmSync(dataDirectory, { recursive: true, force: true })
})

const seed = async () => {
  const seeded = await seedDemo({ rooms: gateway.rooms, simulatorUrl: simulator.url, dataDirectory })
  return { seeded, ...(await publishDemo(seeded, { baseUrl: gateway.url, dataDirectory })) }
}
const shell = async (command: string): Promise<string> =>
  (await promisify(execFile)('sh', ['-c', command])).stdout

const models = (token: string | undefined) =>
  fetch(`${gateway.url}/v1/models`, { headers: { authorization: `Bearer ${token}` } })

const first = await seed()

test('demo.json is readable by its owner only and holds what scripts need', async () => {
  expect(statSync(join(dataDirectory, 'demo.json')).mode & 0o777).toBe(0o600)
  const file = await readDemoFile(dataDirectory)
  expect(file).toEqual(first.demo)
  expect(file?.users.map((user) => [user.name, user.ownServices])).toEqual([
    ['Olivia', ['openai']],
    ['Ansel', ['anthropic']],
    ['Nora', []],
  ])
})

test('what it stores is marked as demo data', async () => {
  const rows = await clone.database.pool.query<{ name: string; is_demo: boolean }>(
    `SELECT name, is_demo FROM organizations WHERE kind <> 'platform' ORDER BY name`,
  )
  expect(rows.rows).toEqual([
    { name: 'Aideon Demo', is_demo: true },
    { name: 'Demo Administrator', is_demo: true },
  ])
})

test('the subscriber has a past: upgraded, bought, renewed with the own-key discount, all paid', async () => {
  const { rows } = await clone.database.pool.query<{ status: string; kinds: string[]; total_minor: bigint }>(
    `SELECT i.status, i.total_minor,
       (SELECT array_agg(l.kind ORDER BY l.position) FROM invoice_lines l WHERE l.invoice_id = i.id) AS kinds
     FROM invoices i JOIN users u ON u.id = i.user_id WHERE u.name = 'Ansel' ORDER BY i.number`,
  )
  expect(rows.map(({ status, kinds }) => [status, ...kinds])).toEqual([
    ['paid', 'proration', 'tax'],
    ['paid', 'credits', 'tax'],
    ['paid', 'subscription', 'discount', 'tax'],
  ])
  expect(rows.at(-1)?.total_minor).toBe(1800n)
  expect(await checkLedger(clone.database)).toEqual([])
})

/** What each printed command shows, in order. */
const expectations: readonly (readonly RegExp[])[] = [
  [/^HTTP\/1.1 200/, /x-aideon-key-owner: user/, /x-aideon-credits: 0\r/],
  [/^HTTP\/1.1 200/, /x-aideon-service: anthropic/, /x-aideon-key-owner: user/, /x-aideon-credits: 0\r/],
  [/^HTTP\/1.1 200/, /x-aideon-key-owner: system/, /x-aideon-credits: 0\.\d*[1-9]/],
  [/^HTTP\/1.1 200/, /x-aideon-key-priority: secondary/i, /x-aideon-attempts: [12]\r/],
  [/^HTTP\/1.1 200/, /text\/event-stream/, /data: \[DONE\]/],
  [
    /^HTTP\/1.1 200/,
    /x-aideon-service: openai/,
    /x-aideon-reason: alternative-own-key/,
    /x-aideon-credits: 0\r/,
  ],
  [/^HTTP\/1.1 200/, /x-aideon-service: anthropic/, /x-aideon-reason: own-key/, /"object":"chat.completion"/],
  [/^HTTP\/1.1 200/, /x-aideon-key-owner: system/, /x-aideon-credits: 0\.\d*[1-9]/],
  [/"kind":"group"/, /"serviceId":"anthropic"/],
  [/"url":"http/],
  [/^HTTP\/1.1 424/, /"type":"error"/],
  [/^HTTP\/1.1 424/, /"error"/],
  [/^HTTP\/1.1 200/, /x-aideon-key-owner: system/],
  [/"object":"list"/],
  [/"keyOwner":"user"/, /"gpt-4\.1-mini/],
]

test
  .skipIf(spawnSync('curl', ['--version']).status !== 0)
  .each(first.demo.commands.map((command, index) => ({ ...command, expected: expectations[index] ?? [] })))(
  'a pasted command shows what it says: $title',
  async ({ command, expected }) => {
    const output = await shell(command)
    expect(expected.length).toBeGreaterThan(0)
    for (const pattern of expected) expect(output).toMatch(pattern)
  },
)

test('a sign-in link works again and again', async () => {
  const token = new URL(first.demo.administrator.signInLink).hash.slice(1)
  for (let time = 0; time < 2; time += 1) {
    const reply = await fetch(`${gateway.url}/api/session/link`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: gateway.url },
      body: JSON.stringify({ token }),
    })
    expect(reply.status).toBeLessThan(300)
  }
})

test('warming up makes a history of real operations', async () => {
  expect(first.seeded.hasHistory).toBe(false)
  const { answered, refused } = await warmDemo(first.demo)
  expect(answered).toBeGreaterThan(36)
  expect(refused).toBeGreaterThanOrEqual(2)
  expect(refused).toBeLessThan(8)
})

test('seeding again keeps tokens, links and keys; a simulator at another port is applied', async () => {
  const again = await seed()
  expect(again.demo).toEqual(first.demo)
  expect(again.seeded.hasHistory).toBe(true)
  const before = simulator
  // Its port is taken while it still runs, so the next one gets another.
  simulator = await startDemoSimulator(dataDirectory)
  expect(simulator.url).not.toBe(before.url)
  await before.close()
  const moved = await seed()
  expect(moved.demo.users).toEqual(first.demo.users)
  expect(gateway.rooms.catalogue.allowances()).toEqual([new URL(simulator.url).host])
  const olivia = moved.demo.users[0]
  const reply = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${olivia?.accessToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'gpt-4.1-mini', messages: [{ role: 'user', content: 'Hello' }] }),
  })
  expect(reply.status).toBe(200)
})

test('a system key is rotated by its API, and a restart and another set-up leave it rotated', async () => {
  const { rooms } = gateway
  await rooms.rotation.close()
  let offset = 0
  const rotation = makeRotation({
    ...rooms,
    drivers: rotationDrivers,
    addressOf: demoAddresses(rooms.catalogue),
    clock: () => new Date(Date.now() + offset),
    reportEveryMs: 25,
  })
  const isSecond = ({ label }: { label: string }) => label === 'Second account'
  const key = (await rooms.serviceKeys.listSystemKeys()).find(
    (one) => one.serviceId === 'openai' && isSecond(one),
  )
  const before = simulator.rotation.secrets.of('openai').length
  await setDemoCredential(rotation, simulator.rotation.apis.openai.settings)
  const normal = { mode: 'normal', trigger: 'person', reason: null } as const
  const { id } = must(await rotation.begin({ kind: 'operator', id: null }, key!, normal))
  const ended = await vi.waitUntil(async () => {
    await rotation.work()
    await rotation.reportUses()
    const attempt = await rotation.find(id)
    offset += Math.max(0, (attempt?.nextAt?.getTime() ?? 0) - Date.now() - offset)
    return attempt?.endedAt ? attempt : null
  }, 60_000)
  expect(ended).toMatchObject({ state: 'done' })
  await rotation.close()
  expect(simulator.rotation.secrets.of('openai')).toHaveLength(before + 1)
  expect(simulator.rotation.secrets.of('openai').filter((one) => one.revokedAt !== null)).toHaveLength(1)

  await simulator.close()
  simulator = await startDemoSimulator(dataDirectory)
  await seed()
  const { versions } = rooms.serviceKeys
  const which = { organizationId: key!.organizationId, id: key!.id }
  const current = (await versions.list(which)).find(({ state }) => state === 'current')
  expect(current).toMatchObject({ version: ended?.toVersion })
  const rotated = await versions.find(which)
  const proof = must(await versions.prove(rotated!, current?.version ?? 0))
  expect(proof.verdict).toBe('valid')
})

test('a lost demo.json is made again with new tokens; the old ones end', async () => {
  rmSync(join(dataDirectory, 'demo.json'))
  const again = await seed()
  const [old, now] = [first.demo.users[0]?.accessToken, again.demo.users[0]?.accessToken]
  expect(now).not.toBe(old)
  expect((await models(old)).status).toBe(401)
  expect((await models(now)).status).toBe(200)
})

test('data that was begun without --demo refuses it, data of a demo says what it is', async () => {
  await using real = await cloneDatabase()
  expect(await claimInstallation(real.database, false)).toEqual({
    ok: true,
    value: { isDemoData: false, notice: null },
  })
  await real.database.pool.query(
    `INSERT INTO users (id, email, name) VALUES (gen_random_uuid(), 'a@example.com', 'A')`,
  )
  expect(await claimInstallation(real.database, true)).toMatchObject({
    ok: false,
    fault: { message: expect.stringContaining('without --demo') },
  })
  await using demo = await cloneDatabase()
  expect(await claimInstallation(demo.database, true)).toEqual({
    ok: true,
    value: { isDemoData: true, notice: null },
  })
  expect(await claimInstallation(demo.database, false)).toMatchObject({
    ok: true,
    value: { isDemoData: true, notice: expect.stringContaining('demo data') },
  })
  // Users without a claim were made by `aideon-keys apply`, before any start.
  await using applied = await cloneDatabase()
  await applied.database.pool.query(
    `INSERT INTO users (id, email, name) VALUES (gen_random_uuid(), 'a@example.com', 'A')`,
  )
  expect((await claimInstallation(applied.database, true)).ok).toBe(false)
})

test('a start without --demo that nobody set anything up in may be followed by a demo, once it has ended', async () => {
  await using tried = await cloneDatabase()
  await claimInstallation(tried.database, false)
  await tried.database.pool.query(
    `INSERT INTO processes (id, pid, host, version, lease_until, acknowledged_epoch)
     VALUES (gen_random_uuid(), 1, 'here', '1', now() + interval '5 s', 1)`,
  )
  expect((await claimInstallation(tried.database, true)).ok).toBe(false)
  await tried.database.pool.query(`UPDATE processes SET lease_until = now() - interval '1 s'`)
  expect(await claimInstallation(tried.database, true)).toEqual({
    ok: true,
    value: { isDemoData: true, notice: null },
  })
})
