import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cloneDatabase, type TestDatabase } from '../../tests/database.ts'
import { makeAccount, makeTestClock, openLedger } from '../../tests/ledger.ts'
import { startMailServer } from '../../tests/mail-server.ts'
import { failure, must, success } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import { silentLog } from '../kit/log.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { makeOutbound } from '../net/outbound.ts'
import { type AlertOptions, type Alerts, makeAlerts, type Notice, type Owner } from './alerts.ts'
import { makeMail, noMail } from './mail.ts'

let clone: TestDatabase
let ledger: Ledger
let server: Awaited<ReturnType<typeof startMailServer>>
beforeAll(async () => {
  clone = await cloneDatabase()
  ledger = openLedger(clone.database)
  server = await startMailServer()
})
afterAll(async () => {
  await ledger.close()
  await server.close()
  await clone.drop()
})

const operator = { kind: 'operator', id: null } as const
const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`

const open = (more: Partial<AlertOptions> = {}): Alerts =>
  makeAlerts({
    database: clone.database,
    mail: makeMail({ url: `smtp://127.0.0.1:${server.port}`, from: 'Aideon Keys <keys@example.org>' }),
    signingSecret: async () => success(secret),
    callbacks: makeOutbound(),
    publicUrl: 'https://keys.example.org',
    clock: () => new Date(),
    log: silentLog,
    tickMs: 20,
    deliveryMs: [1, 1, 1],
    ...more,
  })

const person = async (organizationId?: string): Promise<Owner & { email: string }> => {
  const made = await makeAccount(clone.database, ledger, organizationId ? { organizationId } : {})
  return { ...made, email: `${made.userId}@example.test` }
}

const noticeTo = (audience: Notice['audience'], more: Partial<Notice> = {}): Notice => ({
  audience,
  kind: 'reconciliation',
  severity: 'critical',
  key: newId(),
  title: 'Something is not right',
  text: 'The books do not balance: 3 € are missing.',
  path: '/admin/reconciliation',
  ...more,
})
const to = ({ organizationId, userId }: Owner): Notice['audience'] => ({
  kind: 'user',
  organizationId,
  userId,
})

const ended = async (alerts: Alerts, owner: Owner, count = 1) => {
  await expect
    .poll(async () => (await alerts.deliveries({ owner }, null, 50)).filter((d) => d.endedAt !== null).length)
    .toBe(count)
  return alerts.deliveries({ owner }, null, 50)
}

describe('by e-mail', () => {
  test('a letter arrives once, with a link, however often and by whomever it was told', async () => {
    const [alerts, other] = [open(), open()]
    const who = await person()
    const notice = noticeTo(to(who))
    alerts.start()
    other.start()
    const told = await Promise.all(
      Array.from({ length: 20 }, (_, i) => (i % 2 ? alerts : other).notify(notice)),
    )
    expect(told.reduce((sum, one) => sum + one, 0)).toBe(1)
    const [delivery] = await ended(alerts, who)
    expect(delivery).toMatchObject({ state: 'delivered', attempts: 1, lastStatus: 250, target: who.email })
    const mine = server.letters.filter((letter) => letter.to.includes(who.email))
    expect(mine).toHaveLength(1)
    expect(mine[0]).toMatchObject({ from: 'keys@example.org', to: [who.email] })
    expect(mine[0]?.source).toContain('Subject: Something is not right')
    expect(mine[0]?.source).toContain(`Message-ID: <${delivery?.id}@example.org>`)
    expect(mine[0]?.source).toContain('https://keys.example.org/admin/reconciliation')
    await Promise.all([alerts.close(), other.close()])
  })

  test('a server that is busy is asked again; one that knows no such person is not', async () => {
    const alerts = open()
    const [busy, unknown] = [await person(), await person()]
    server.answer(451, 2)
    alerts.start()
    await alerts.notify(noticeTo(to(busy)))
    expect((await ended(alerts, busy))[0]).toMatchObject({ state: 'delivered', attempts: 3 })
    server.answer(550, 9)
    await alerts.notify(noticeTo(to(unknown)))
    expect((await ended(alerts, unknown))[0]).toMatchObject({
      state: 'failed',
      attempts: 1,
      lastStatus: 550,
      lastFault: 'EENVELOPE',
    })
    server.answer(550, 0)
    await alerts.close()
  })

  test('what failed to the end of its attempts is shown, and can be sent again', async () => {
    const alerts = open()
    const who = await person()
    server.answer(452, 4)
    alerts.start()
    await alerts.notify(noticeTo(to(who)))
    const [failed] = await ended(alerts, who)
    expect(failed).toMatchObject({ state: 'failed', attempts: 4, lastStatus: 452 })
    must(await alerts.resend(who, failed?.id ?? ''))
    await expect
      .poll(async () => (await alerts.deliveries({ owner: who }, null, 1))[0]?.state)
      .toBe('delivered')
    expect(await alerts.resend(who, failed?.id ?? '')).toMatchObject({
      ok: false,
      fault: { code: 'conflict' },
    })
    expect(await alerts.resend(await person(), failed?.id ?? '')).toMatchObject({
      fault: { code: 'not_found' },
    })
    await alerts.close()
  })

  test('names that people have given things make no second header and no second recipient', async () => {
    const alerts = open()
    const who = await person()
    alerts.start()
    await alerts.notify(
      noticeTo(to(who), {
        title: 'Budget “x\r\nBcc: everybody@example.net\r\n\r\nBuy now”',
        text: '.\r\nRCPT TO:<a@b.c>',
      }),
    )
    await ended(alerts, who)
    const letter = server.letters.find(({ to: recipients }) => recipients.includes(who.email))
    expect(letter?.to).toEqual([who.email])
    const head = letter?.source.split('\r\n\r\n')[0] ?? ''
    expect(head).not.toMatch(/^bcc:/im)
    await alerts.close()
  })

  test('only from the severity on that a person wants; nothing to who has switched it off', async () => {
    const alerts = open()
    const who = await person()
    await alerts.notify(noticeTo(to(who), { severity: 'info' }))
    await alerts.notify(noticeTo(to(who), { severity: 'critical', sends: false }))
    expect(await alerts.deliveries({ owner: who }, null, 9)).toEqual([])
    must(
      await alerts.setChannels(operator, who, {
        email: { enabled: false, minimumSeverity: 'info' },
        webhook: { enabled: false, url: null, minimumSeverity: 'info' },
      }),
    )
    await alerts.notify(noticeTo(to(who)))
    expect(await alerts.deliveries({ owner: who }, null, 9)).toEqual([])
    expect(await alerts.page(who, {}, null, 9)).toHaveLength(3)
  })

  test('user and password are given to a server on this machine, a wrong password is told without what was said', async () => {
    const guarded = await startMailServer({ user: { name: 'keys', password: 'p@ss/word' } })
    const url = (password: string) => `smtp://keys:${encodeURIComponent(password)}@127.0.0.1:${guarded.port}`
    const letter = { id: newId(), to: 'ada@example.test', subject: 'Hello', text: 'Hello' }
    expect(await makeMail({ url: url('p@ss/word'), from: 'keys@example.org' }).send(letter)).toMatchObject({
      kind: 'sent',
    })
    expect(guarded.letters[0]).toMatchObject({ user: 'keys' })
    const refused = await makeMail({ url: url('wrong'), from: 'keys@example.org' }).send(letter)
    expect(refused).toEqual({ kind: 'failed', status: 535, fault: 'EAUTH', isFinal: false })
    await guarded.close()
  })

  test('a password never goes to a server elsewhere in clear text', async () => {
    const plain = await startMailServer({ user: { name: 'keys', password: 'p' } })
    // Resolves to this machine, but is not written as it.
    const sent = await makeMail({
      url: `smtp://keys:p@0.0.0.0:${plain.port}`,
      from: 'keys@example.org',
    }).send({ id: newId(), to: 'ada@example.test', subject: 'Hello', text: 'Hello' })
    expect(sent).toMatchObject({ kind: 'failed' })
    expect(plain.letters).toEqual([])
    await plain.close()
  })
})

describe('who is told', () => {
  test('those who administer an organisation; where nobody does, those who run the platform', async () => {
    const alerts = open({ mail: noMail })
    const owner = await person()
    const member = await person(owner.organizationId)
    const chief = await person()
    await clone.database.pool.query("UPDATE memberships SET role = 'owner' WHERE user_id = $1", [
      owner.userId,
    ])
    await clone.database.pool.query('UPDATE users SET is_platform_administrator = true WHERE id = $1', [
      chief.userId,
    ])
    const { organizationId } = owner
    expect(await alerts.notify(noticeTo({ kind: 'organization_administrators', organizationId }))).toBe(1)
    expect(await alerts.countUnread(owner)).toBe(1)
    expect(await alerts.countUnread(member)).toBe(0)
    const nobodys = await person()
    const orphan = { kind: 'organization_administrators' as const, organizationId: nobodys.organizationId }
    await alerts.notify(noticeTo(orphan))
    await alerts.notify(noticeTo({ kind: 'platform_administrators' }))
    expect(await alerts.countUnread(chief)).toBe(2)

    const left = await person()
    const machine = await person(left.organizationId)
    await clone.database.pool.query("UPDATE users SET kind = 'service_account' WHERE id = $1", [
      machine.userId,
    ])
    await clone.database.pool.query(
      "UPDATE memberships SET role = 'administrator', suspended_at = CASE WHEN user_id = $1 THEN now() END WHERE organization_id = $2",
      [left.userId, left.organizationId],
    )
    const { organizationId: unled } = left
    await alerts.notify(noticeTo({ kind: 'organization_administrators', organizationId: unled }))
    expect(await Promise.all([left, machine, chief].map((one) => alerts.countUnread(one)))).toEqual([0, 0, 3])
  })

  test('each reads for themselves, and nobody what is somebody else’s', async () => {
    const alerts = open({ mail: noMail })
    const [one, other] = [await person(), await person()]
    await alerts.notify(noticeTo(to(one)))
    await alerts.notify(noticeTo(to(other)))
    const [mine] = await alerts.page(one, { unread: true }, null, 9)
    expect(await alerts.markRead(other, mine?.id ?? '')).toMatchObject({ ok: false })
    const read = must(await alerts.markRead(one, mine?.id ?? ''))
    expect(read.readAt).toBeInstanceOf(Date)
    expect(must(await alerts.markRead(one, mine?.id ?? '')).readAt).toEqual(read.readAt)
    expect([await alerts.countUnread(one), await alerts.countUnread(other)]).toEqual([0, 1])
    expect(await alerts.markAllRead(other)).toBe(1)
  })

  test('given up with the transaction that it was told in, nothing was told', async () => {
    const alerts = open()
    const who = await person()
    await expect(
      clone.database.kysely.transaction().execute(async (transaction) => {
        await alerts.notifyIn(transaction, noticeTo(to(who)))
        throw new Error('given up')
      }),
    ).rejects.toThrow('given up')
    expect(await alerts.countUnread(who)).toBe(0)
    expect(await alerts.deliveries({ owner: who }, null, 9)).toEqual([])
  })
})

describe('by webhook', () => {
  test('an address inside is refused when it is set, and again when it is called', async () => {
    const alerts = open({ mail: noMail })
    const who = await person()
    const channels = (url: string) => ({
      email: { enabled: false, minimumSeverity: 'info' as const },
      webhook: { enabled: true, url, minimumSeverity: 'info' as const },
    })
    expect(await alerts.setChannels(operator, who, channels('http://169.254.169.254/'))).toMatchObject({
      ok: false,
      fault: { code: 'unsafe_address', field: 'webhook.url' },
    })
    must(await alerts.setChannels(operator, who, channels('https://example.org/')))
    // As a name that was somebody else's when it was set.
    await clone.database.pool.query(
      "UPDATE alert_channels SET webhook_url = 'https://localhost:1/' WHERE user_id = $1",
      [who.userId],
    )
    alerts.start()
    await alerts.notify(noticeTo(to(who)))
    expect((await ended(alerts, who))[0]).toMatchObject({
      state: 'failed',
      attempts: 4,
      lastStatus: null,
      lastFault: 'unsafe_address',
    })
    await alerts.close()
  })

  test('a process that died in the middle of an attempt leaves it to another one', async () => {
    const who = await person()
    const { clock } = makeTestClock(new Date().toISOString())
    const dying = open({ mail: { ...noMail, isAvailable: true, send: () => new Promise(() => {}) }, clock })
    dying.start()
    await dying.notify(noticeTo(to(who)))
    await expect.poll(async () => (await dying.deliveries({ owner: who }, null, 1))[0]?.attempts).toBe(1)
    await clone.database.pool.query('UPDATE alert_deliveries SET claimed_until = now() WHERE user_id = $1', [
      who.userId,
    ])
    const alerts = open()
    alerts.start()
    expect((await ended(alerts, who))[0]).toMatchObject({ state: 'delivered', attempts: 2 })
    await alerts.close()
  })
})

test('a test tells what became of it, once, and is not in the list of what is unread', async () => {
  const alerts = open()
  const who = await person()
  expect(must(await alerts.test(who, 'email'))).toMatchObject({
    state: 'delivered',
    kind: 'test',
    attempts: 1,
  })
  expect(server.letters.some((letter) => letter.to.includes(who.email))).toBe(true)
  expect(await alerts.countUnread(who)).toBe(0)
  expect(await alerts.test(who, 'webhook')).toMatchObject({ ok: false, fault: { code: 'conflict' } })
  expect(await open({ mail: noMail }).test(who, 'email')).toMatchObject({
    ok: false,
    fault: { code: 'conflict' },
  })
  const unsigned = open({ signingSecret: async () => failure('internal') })
  must(
    await unsigned.setChannels(operator, who, {
      email: { enabled: true, minimumSeverity: 'info' },
      webhook: { enabled: false, url: 'https://example.org/', minimumSeverity: 'info' },
    }),
  )
  expect(must(await unsigned.test(who, 'webhook'))).toMatchObject({ state: 'failed', lastFault: 'internal' })
})
