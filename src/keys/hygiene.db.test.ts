import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { cloneDatabase, type TestDatabase } from '../../tests/database.ts'
import {
  insertOrganization,
  insertUser,
  type KeyRoom,
  operator,
  startKeyRoom,
  startService,
} from '../../tests/service-keys.ts'
import type { Notice } from '../alerts/notice.ts'
import { must } from '../kit/fault.ts'
import { newId, platformOrganizationId } from '../kit/id.ts'
import type { NewServiceKey, ServiceKeyView } from './keys.ts'
import { recordCheck } from './store-checks.ts'

let clone: TestDatabase
let service: Awaited<ReturnType<typeof startService>>
let room: KeyRoom
let here: { organizationId: string; userId: string }
let now = new Date()
const notices: Notice[] = []
const hourMs = 3_600_000

beforeAll(async () => {
  clone = await cloneDatabase()
  service = await startService()
  const alerts = {
    notifyIn: async (_: unknown, notice: Notice) => {
      notices.push(notice)
      return 1
    },
    soon: () => {},
  }
  room = await startKeyRoom({ url: clone.url, serviceUrl: service.url, clock: () => now, alerts })
})
afterAll(async () => {
  await room.close()
  await service.close()
  await clone.drop()
})
beforeEach(async () => {
  here = await insertOrganization(clone.database)
  // Keys of the tests before are nobody's any more.
  await clone.database.pool.query(
    `UPDATE service_keys SET status = 'revoked', revoked_at = now(), suspended_status = NULL WHERE revoked_at IS NULL`,
  )
  notices.length = 0
  service.asked.length = 0
})

const pass = (hours: number) => {
  now = new Date(now.getTime() + hours * hourMs)
}
let made = 0
const accepted = (prefix = 'sk-proj-'): string => {
  const secret = `${prefix}${'h'.repeat(44)}${String(++made).padStart(6, '0')}`
  service.statusOf.set(secret, 200)
  return secret
}
const add = async (secret: string, more: Partial<NewServiceKey> = {}): Promise<ServiceKeyView> =>
  must(await room.keys.add(operator, { ...here, owner: 'user', serviceId: 'openai', secret, ...more }))
    .serviceKey
const find = async (key: ServiceKeyView) => (await room.keys.find(key)) as ServiceKeyView
const history = async (key: ServiceKeyView) =>
  must(await room.keys.hygiene.history(key)).map(({ cause, verdict, times, status }) => [
    cause,
    verdict,
    times,
    status,
  ])
/** Plans what is new, then asks once the whole interval has passed. */
const checkAll = async () => {
  await room.keys.hygiene.checkHealthyDue(now)
  pass(24 * 1.3)
  return room.keys.hygiene.checkHealthyDue(now)
}
const actionsOn = async (key: ServiceKeyView) =>
  (
    await clone.database.kysely
      .selectFrom('audit_entries')
      .select('action')
      .where('subject_id', '=', key.id)
      .orderBy('id')
      .execute()
  ).map(({ action }) => action)
const epochNow = async () =>
  (await clone.database.kysely.selectFrom('configuration_epoch').select('epoch').executeTakeFirstOrThrow())
    .epoch

describe('healthy keys are proven again', () => {
  test('once an interval, spread over it, in one line of history and without a word to gateways', async () => {
    const key = await add(accepted())
    service.asked.length = 0
    const before = await epochNow()
    expect(await room.keys.hygiene.checkHealthyDue(now)).toBe(0)
    pass(11.9)
    expect(await room.keys.hygiene.checkHealthyDue(now)).toBe(0)
    for (let day = 0; day < 4; day++) {
      pass(28.9)
      expect(await room.keys.hygiene.checkHealthyDue(now)).toBe(1)
      expect(await room.keys.hygiene.checkHealthyDue(now)).toBe(0)
    }
    expect(service.asked).toHaveLength(4)
    expect(await history(key)).toEqual([
      ['periodic', 'valid', 4, 'active'],
      ['added', 'valid', 1, 'active'],
    ])
    expect((await find(key)).validatedAt).toEqual(now)
    expect(await epochNow()).toBe(before)
  })

  test('by nobody where that is switched off, and by a plan of the new interval where it is changed', async () => {
    const settings = await room.keys.hygiene.settings()
    await add(accepted())
    await room.keys.hygiene.checkHealthyDue(now)
    await room.keys.hygiene.changeSettings(operator, { ...settings, checkEveryHours: null })
    pass(1000)
    expect(await room.keys.hygiene.checkHealthyDue(now)).toBe(0)
    await room.keys.hygiene.changeSettings(operator, { ...settings, checkEveryHours: 2 })
    expect(await room.keys.hygiene.checkHealthyDue(now)).toBe(0)
    pass(2.1)
    expect(await room.keys.hygiene.checkHealthyDue(now)).toBe(1)
    await room.keys.hygiene.changeSettings(operator, settings)
  })

  test('a refusal out of nothing is a first proof; the second one quarantines and tells owner and administrators', async () => {
    const secret = accepted()
    const key = await add(secret)
    service.statusOf.set(secret, 401)
    expect(await checkAll()).toBe(1)
    expect(await find(key)).toMatchObject({ status: 'active', suspectedAt: now, statusCause: null })
    expect(await room.keys.recheckDue(now)).toBe(0)
    expect(notices).toEqual([])
    pass(0.02)
    expect(await room.keys.recheckDue(now)).toBe(1)
    const quarantined = await find(key)
    expect(quarantined).toMatchObject({ status: 'invalid', statusCause: 'possibly_leaked' })
    expect(quarantined.statusReason).toContain('may have leaked')
    expect(
      notices.map(({ audience, kind, severity, path }) => [audience.kind, kind, severity, path]),
    ).toEqual([
      ['user', 'key_possibly_leaked', 'critical', `/keys/${key.id}`],
      ['organization_administrators', 'key_possibly_leaked', 'critical', '/key-hygiene'],
    ])
    expect(JSON.stringify(notices)).not.toContain(secret.slice(0, 20))
    expect(await actionsOn(key)).toEqual(['service_key.add', 'service_key.quarantine'])
    expect(await history(key)).toEqual([
      ['unwell', 'invalid', 1, 'invalid'],
      ['periodic', 'invalid', 1, 'active'],
      ['added', 'valid', 1, 'active'],
    ])

    // Asked again later it stays what it is, and nobody is told twice; accepted again it is well.
    pass(1)
    await room.keys.recheckDue(now)
    expect(await find(key)).toMatchObject({ statusCause: 'possibly_leaked' })
    expect(notices).toHaveLength(2)
    service.statusOf.set(secret, 200)
    must(await room.keys.recheck(operator, key))
    expect(await find(key)).toMatchObject({ status: 'active', statusCause: null, statusReason: null })
  })

  test('a service that cannot be asked changes nothing', async () => {
    const secret = accepted()
    const key = await add(secret)
    service.statusOf.set(secret, 503)
    expect(await checkAll()).toBe(1)
    expect(await find(key)).toMatchObject({ status: 'active', suspectedAt: null, verdict: 'valid' })
    expect(await history(key)).toContainEqual(['periodic', 'unknown', 1, 'active'])
  })
})

describe('a key refused in traffic', () => {
  const refuse = async (key: ServiceKeyView) => {
    const listed = await room.keys.listForGateway(here.organizationId, here.userId)
    const sealed = listed.find(({ id }) => id === key.id)
    if (sealed) room.keys.report(sealed, { kind: 'unauthorized' })
    await room.keys.reportsSettled()
  }

  test('twice is quarantined where it had worked, with both refusals in its history', async () => {
    const key = await add(accepted())
    pass(0.01)
    await refuse(key)
    pass(0.02)
    await refuse(key)
    expect(await find(key)).toMatchObject({ status: 'invalid', statusCause: 'possibly_leaked' })
    expect(notices).toHaveLength(2)
    expect(await actionsOn(key)).toEqual(['service_key.add', 'service_key.quarantine'])
    expect((await history(key)).slice(0, 2)).toEqual([
      ['refused', 'invalid', 1, 'invalid'],
      ['refused', 'invalid', 1, 'active'],
    ])
  })

  test('that never worked is only invalid', async () => {
    const key = await add(accepted(), { acceptUnproven: true })
    await clone.database.pool.query(`UPDATE service_keys SET verdict = 'unknown' WHERE id = $1`, [key.id])
    await refuse(key)
    pass(0.02)
    await refuse(key)
    expect(await find(key)).toMatchObject({ status: 'invalid', statusCause: null })
    expect(notices).toEqual([])
    expect(await actionsOn(key)).toEqual(['service_key.add', 'service_key.status_change'])
  })
})

test('a history keeps its newest hundred lines', async () => {
  const key = await add(accepted())
  await room.database.kysely.transaction().execute(async (t) => {
    for (let i = 0; i < 105; i++) {
      pass(0.01)
      const line = {
        version: 1,
        cause: 'by_hand',
        verdict: 'valid',
        detail: `${i}`,
        status: 'active',
      } as const
      await recordCheck(t, key, line, now)
    }
  })
  const lines = must(await room.keys.hygiene.history(key))
  expect(lines).toHaveLength(100)
  expect(lines[0]?.at).toEqual(now)
})

describe('keys that may do more than serve operations', () => {
  test('are stored with a word of warning', async () => {
    const key = await add(accepted('sk-ant-oat01-'), { serviceId: 'anthropic' })
    expect(await find(key)).toMatchObject({ scopeNotes: ['short_lived'] })
  })

  test('are refused where their service keeps them from operations, unless it accepts them', async () => {
    const refused = `sk-admin-${'x'.repeat(60)}`
    service.statusOf.set(refused, 403)
    expect(
      await room.keys.add(operator, { ...here, owner: 'user', serviceId: 'openai', secret: refused }),
    ).toMatchObject({
      ok: false,
      fault: { code: 'key_rejected', message: expect.stringContaining('administration key') },
    })
    const key = await add(accepted('sk-admin-'))
    expect(await find(key)).toMatchObject({ status: 'active', scopeNotes: ['administration'] })
  })
})

test('a key that its service tells to be for management is refused, by hand and by import; told of, where it is stored', async () => {
  const secret = accepted('sk-or-v1-')
  service.bodyOf.set(secret, { data: { is_management_key: true, limit: null } })
  const input = { ...here, owner: 'user', serviceId: 'openrouter', secret } as const
  const told = { code: 'key_rejected', message: expect.stringContaining('management key') }
  expect(await room.keys.add(operator, input)).toMatchObject({ ok: false, fault: told })
  expect(must(await room.keys.check(input))).toMatchObject({
    verdict: 'valid_but_unusable',
    scopeWarnings: ['It is a management key: it makes and deletes other keys.'],
  })
  service.bodyOf.set(secret, { data: { is_management_key: false, limit: 5 } })
  const key = await add(secret, { serviceId: 'openrouter' })
  service.bodyOf.set(secret, { data: { is_management_key: true, limit: 5 } })
  const rechecked = must(await room.keys.recheck(operator, key))
  expect(rechecked.serviceKey).toMatchObject({
    status: 'active',
    verdict: 'valid_but_unusable',
    scopeNotes: ['management'],
  })
})

describe('the same secret', () => {
  test('within an organisation is found over services and owners', async () => {
    const secret = accepted()
    const colleague = newId()
    await insertUser(clone.database, here.organizationId, colleague)
    const [mine, theirs] = [await add(secret), await add(secret, { userId: colleague })]
    await add(secret, { serviceId: 'openrouter', userId: colleague })
    const { organizationId, userId } = here
    const check = must(await room.keys.check({ serviceId: 'openai', secret }, { organizationId, userId }))
    expect(check.sameSecret).toContain('somebody else of your organisation')
    const own = await room.keys.hygiene.report({ organizationId, userId }, { kind: 'user', userId })
    expect(own.items.map(({ id }) => id)).toEqual([mine.id])
    const all = await room.keys.hygiene.report({ organizationId }, { kind: 'organization' })
    expect(all.counts).toMatchObject({ same_secret: 3 })
    const text = all.items.find(({ id }) => id === theirs.id)?.findings[0]?.text
    expect(text).toContain(`${userId}@example.test`)
    const elsewhere = await insertOrganization(clone.database)
    const there = must(await room.keys.check({ serviceId: 'openai', secret }, elsewhere))
    expect(there.sameSecret).toBeNull()
  })

  test('as a system key is told to those who run the platform, and to nobody else', async () => {
    const secret = accepted()
    const key = await add(secret)
    await add(secret, { organizationId: platformOrganizationId, owner: 'system', userId: null })
    expect(notices).toEqual([])
    await checkAll()
    expect(notices.map(({ audience, kind }) => [audience.kind, kind])).toEqual([
      ['platform_administrators', 'key_same_as_system_key'],
    ])
    const { organizationId, userId } = here
    const of = async (viewer: Parameters<typeof room.keys.hygiene.report>[1]) =>
      (await room.keys.hygiene.report({ organizationId }, viewer)).items.find(({ id }) => id === key.id)
    expect((await of({ kind: 'platform' }))?.findings).toMatchObject([{ finding: 'same_as_system_key' }])
    expect(await of({ kind: 'organization' })).toBeUndefined()
    expect(await of({ kind: 'user', userId })).toBeUndefined()
    await checkAll()
    expect(notices).toHaveLength(1)
  })
})

describe('an import', () => {
  const owner = () => ({ ...here, owner: 'user' as const, refusal: () => null })

  test('shows what is there without a secret, stores and asks nothing; then adds the chosen lines, once', async () => {
    const [openai, anthropic, refused] = [accepted(), accepted('sk-ant-api03-'), accepted()]
    service.statusOf.set(refused, 401)
    const text = [
      `OPENAI_API_KEY="${openai}"`,
      `ANTHROPIC_API_KEY=${anthropic}`,
      `${anthropic}=${openai}`,
      `OTHER_OPENAI_KEY=${refused}`,
      'GOOGLE_API_KEY=$(cat key)',
      'DATABASE_URL=postgres://a:b@c/d',
      `AZURE_OPENAI_API_KEY=${'a'.repeat(32)}`,
      'AZURE_OPENAI_ENDPOINT=https://mine.openai.azure.com',
    ].join('\n')
    const preview = await room.keys.imports.preview(owner(), text)
    expect(preview.lines.map(({ line, serviceId, problem }) => [line, serviceId, problem === null])).toEqual([
      [1, 'openai', true],
      [2, 'anthropic', true],
      [3, 'openai', true],
      [4, 'openai', true],
      [5, 'gemini', false],
      [7, 'azure_openai', true],
    ])
    expect(preview.lines.at(-1)?.settings).toEqual({ resource: 'mine' })
    for (const secret of [openai, anthropic, refused])
      expect(JSON.stringify(preview)).not.toContain(secret.slice(0, 24))
    expect(service.asked).toEqual([])
    expect(await room.keys.listForGateway(here.organizationId, here.userId)).toEqual([])

    const choose = (line: number, serviceId: string) => ({
      line,
      serviceId,
      lastFour: preview.lines.find((one) => one.line === line)?.lastFour ?? '',
    })
    const chosen = [choose(1, 'openai'), choose(2, 'anthropic'), choose(4, 'openai'), choose(5, 'gemini')]
    const run = () => room.keys.imports.run(operator, owner(), text, chosen)
    const results = await run()
    expect(results.map(({ line, outcome }) => [line, outcome])).toEqual([
      [1, 'added'],
      [2, 'added'],
      [4, 'refused'],
      [5, 'refused'],
    ])
    for (const secret of [openai, anthropic, refused])
      expect(JSON.stringify(results)).not.toContain(secret.slice(0, 24))
    expect(new Set(service.asked.map(({ url }) => url.split('/')[1]))).toEqual(
      new Set(['openai', 'anthropic']),
    )
    expect((await run()).map(({ outcome }) => outcome)).toEqual(['already', 'already', 'refused', 'refused'])
    const again = await room.keys.imports.preview(owner(), text)
    expect(again.lines.filter(({ isStored }) => isStored).map(({ line }) => line)).toEqual([1, 2, 3])
  })

  test('brings along what stands beside a key, for the services that ask for it', async () => {
    const rows = async (text: string) =>
      (await room.keys.imports.preview(owner(), text)).lines.map(
        ({ serviceId, settings, baseUrl, problem }) => ({
          serviceId,
          settings,
          baseUrl,
          problem,
        }),
      )
    const aws = `AWS_ACCESS_KEY_ID=AKIA${'A'.repeat(16)}\nAWS_SECRET_ACCESS_KEY=${'w'.repeat(40)}\nAWS_REGION=us-east-1`
    expect(await rows(aws)).toEqual([
      {
        serviceId: 'bedrock',
        settings: { accessKeyId: `AKIA${'A'.repeat(16)}`, region: 'us-east-1' },
        baseUrl: null,
        problem: null,
      },
    ])
    const own = `CUSTOM_OPENAI_API_KEY=${'k'.repeat(20)}\nCUSTOM_OPENAI_BASE_URL=https://models.example/v1`
    expect(await rows(own)).toMatchObject([{ baseUrl: 'https://models.example/v1' }])
    expect(await rows('OPENAI_BASE_URL=https://x.example\nOPENAI_MODEL=gpt-5\nSESSION_NAME=x')).toEqual([])
  })

  test('takes no line that reads otherwise than it was shown, and none of a service that is not allowed', async () => {
    const text = `OPENAI_API_KEY=${accepted()}`
    const line = { line: 1, serviceId: 'openai', lastFour: 'zzzz' }
    const run = (more: object) => room.keys.imports.run(operator, { ...owner(), ...more }, text, [line])
    expect(await run({})).toMatchObject([{ outcome: 'refused', fault: { field: 'lines' } }])
    line.lastFour = text.slice(-4)
    const refusal = () => ({ code: 'forbidden', message: 'No', next: 'Ask' }) as never
    expect(await run({ refusal })).toMatchObject([{ outcome: 'refused', fault: { code: 'forbidden' } }])
    expect(service.asked).toEqual([])
    expect(await run({})).toMatchObject([{ outcome: 'added' }])
  })
})
