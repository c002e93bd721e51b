import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { cloneDatabase, type TestDatabase } from '../../tests/database.ts'
import { openTestVault } from '../../tests/vault.ts'
import { must } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import type { OpenedVault } from '../vault/open-vault.ts'
import {
  defaultSessionLimits,
  type Entry,
  type Identity,
  makeIdentity,
  type OpenedSession,
  type Origin,
} from './identity.ts'
import { signInBuckets } from './throttle.ts'

const { idleSeconds, absoluteSeconds, proofSeconds } = defaultSessionLimits

let clone: TestDatabase
let identity: Identity
let vault: OpenedVault
let now = new Date()
let address = 0
const clock = () => now
const later = (seconds: number) => {
  now = new Date(now.getTime() + seconds * 1000)
}
const origin = (more: Partial<Origin> = {}): Origin => ({
  address: `198.51.100.${address}`,
  userAgent: 'test',
  previousToken: null,
  ...more,
})

beforeAll(async () => {
  clone = await cloneDatabase()
  vault = await openTestVault(clone.database)
  identity = makeIdentity({ database: clone.database, clock, vault: vault.vault })
})
afterAll(async () => {
  await vault.close()
  await clone.drop()
})
beforeEach(() => {
  now = new Date()
  address++
})

const password = 'correct horse battery'
const operator = { kind: 'operator', id: null } as const

/** A user with a membership, made without the rooms that are not under test. */
const makeUser = async (email: string, givenPassword: string | null = password): Promise<string> => {
  const hashed = givenPassword === null ? null : await identity.hashPassword(givenPassword)
  const { kysely } = clone.database
  return kysely.transaction().execute(async (transaction) => {
    const created = await identity.createUser(transaction, {
      email,
      name: 'Ada',
      passwordHash: hashed?.ok ? hashed.value : null,
    })
    if (!created.ok) throw new Error(created.fault.message)
    const organizationId = newId()
    await transaction
      .insertInto('organizations')
      .values({ id: organizationId, name: 'Ada', kind: 'personal' })
      .execute()
    await transaction
      .insertInto('memberships')
      .values({ organization_id: organizationId, user_id: created.value, role: 'owner' })
      .execute()
    return created.value
  })
}

const signIn = async (email: string, more: Partial<Origin> = {}) =>
  opened(must(await identity.signIn({ email, password }, origin(more)))).token

const opened = (entry: Entry): OpenedSession => {
  if (entry.kind !== 'open') throw new Error('it waits for a second factor')
  return entry.session
}

/** How many wait for a lock that somebody else holds. */
const waiting = async () => {
  const { rows } = await clone.database.pool.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
  )
  return rows[0]?.count
}

/** CPU time of a refused sign-in, on all threads. */
const costOf = async (email: string): Promise<number> => {
  const started = process.cpuUsage()
  await identity.signIn({ email, password: 'wrong' }, origin())
  const used = process.cpuUsage(started)
  return used.user + used.system
}

const plain = (bytes: Buffer): string => bytes.toString('base64').replaceAll('=', '')

describe('passwords', () => {
  test('the right password opens a session, whatever the case of the e-mail address', async () => {
    await makeUser('ada@example.com')
    const signedIn = await identity.session(await signIn('ADA@example.com'))
    expect(signedIn).toMatchObject({
      email: 'ada@example.com',
      role: 'owner',
      isPlatformAdministrator: false,
    })
  })

  test('a wrong password, an unknown address and a user without password get the same answer', async () => {
    await makeUser('known@example.com')
    await makeUser('linkonly@example.com', null)
    const faults = []
    for (const email of ['known@example.com', 'unknown@example.com', 'linkonly@example.com']) {
      const answer = await identity.signIn({ email, password: 'wrong' }, origin())
      faults.push(answer.ok ? null : answer.fault)
    }
    expect(faults[0]).toMatchObject({ code: 'invalid_credentials' })
    expect(faults[1]).toEqual(faults[0])
    expect(faults[2]).toEqual(faults[0])
  })

  test('an unknown address costs the same hashing as a known one', async () => {
    await makeUser('timed@example.com')
    const [known, unknown] = [await costOf('timed@example.com'), await costOf('nobody@example.com')]
    expect(unknown).toBeGreaterThan(known / 3)
  })

  test('a hash with older parameters still opens, and is renewed by that', async () => {
    const id = await makeUser('old@example.com')
    // argon2id, m=1024, t=1, p=1, of the password above.
    const { argon2Sync } = await import('node:crypto')
    const salt = Buffer.alloc(16, 7)
    const hash = argon2Sync('argon2id', {
      message: password,
      nonce: salt,
      memory: 1024,
      passes: 1,
      parallelism: 1,
      tagLength: 32,
    })
    const old = `$argon2id$v=19$m=1024,t=1,p=1$${plain(salt)}$${plain(hash)}`
    await clone.database.kysely
      .updateTable('users')
      .set({ password_hash: old })
      .where('id', '=', id)
      .execute()
    await signIn('old@example.com')
    const row = await clone.database.kysely
      .selectFrom('users')
      .select('password_hash')
      .where('id', '=', id)
      .executeTakeFirstOrThrow()
    expect(row.password_hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    await signIn('old@example.com')
  })

  test('after ten wrong passwords the address waits, even with the right one; another address does not', async () => {
    await makeUser('target@example.com')
    for (let i = 0; i < 10; i++) {
      const answer = await identity.signIn({ email: 'target@example.com', password: 'wrong' }, origin())
      expect(answer).toMatchObject({ ok: false, fault: { code: 'invalid_credentials' } })
    }
    const blocked = await identity.signIn({ email: 'target@example.com', password }, origin())
    expect(blocked).toMatchObject({ ok: false, fault: { code: 'rate_limited' } })
    if (!blocked.ok) expect(blocked.fault.retryAfterSeconds).toBeGreaterThan(800)
    expect(
      (await identity.signIn({ email: 'target@example.com', password }, origin({ address: '192.0.2.1' }))).ok,
    ).toBe(true)
    later(901)
    expect((await identity.signIn({ email: 'target@example.com', password }, origin())).ok).toBe(true)
  })

  test('strangers who use up an e-mail address lock out no browser that the user signed in with before', async () => {
    await makeUser('victim@example.com')
    const first = opened(must(await identity.signIn({ email: 'victim@example.com', password }, origin())))
    const browserToken = first.browser?.token ?? ''
    // As if guessed from very many networks.
    await clone.database.pool.query(
      `INSERT INTO throttles SELECT bucket, 1000, $2 FROM unnest($1::text[]) AS bucket
       ON CONFLICT (bucket) DO UPDATE SET count = excluded.count`,
      [
        signInBuckets('203.0.113.1', 'victim@example.com').map(({ name }) => name),
        new Date(now.getTime() + 900_000),
      ],
    )
    const right = { email: 'victim@example.com', password }
    expect((await identity.signIn(right, origin())).ok, 'a browser that nobody knows').toBe(false)
    const forged = origin({ browserToken: 'A'.repeat(43) })
    expect((await identity.signIn(right, forged)).ok, 'a token that we never gave').toBe(false)
    const again = opened(must(await identity.signIn(right, origin({ browserToken }))))
    expect(again.browser?.token).toBe(browserToken)
    for (let i = 0; i < 10; i++)
      await identity.signIn({ email: 'victim@example.com', password: 'wrong' }, origin({ browserToken }))
    expect(
      await identity.signIn(right, origin({ browserToken })),
      'it may guess no more than others',
    ).toMatchObject({
      fault: { code: 'rate_limited' },
    })
  })

  test('parallel guesses count as much as serial ones', async () => {
    await makeUser('parallel@example.com')
    const answers = await Promise.all(
      Array.from({ length: 20 }, () =>
        identity.signIn({ email: 'parallel@example.com', password: 'wrong' }, origin()),
      ),
    )
    const codes = answers.map((answer) => (answer.ok ? 'ok' : answer.fault.code))
    expect(codes.filter((code) => code === 'invalid_credentials')).toHaveLength(10)
    expect(codes.filter((code) => code === 'rate_limited')).toHaveLength(10)
  })

  test('changing the password needs the current one and ends every other session', async () => {
    await makeUser('change@example.com')
    const [here, elsewhere] = [await signIn('change@example.com'), await signIn('change@example.com')]
    const who = await identity.session(here)
    if (!who) throw new Error('no session')
    const wrong = await identity.changePassword(who, here, {
      currentPassword: 'no',
      newPassword: 'a much better one',
    })
    expect(wrong).toMatchObject({
      ok: false,
      fault: { code: 'invalid_credentials', field: 'currentPassword' },
    })
    const changed = await identity.changePassword(who, here, {
      currentPassword: password,
      newPassword: 'a much better one',
    })
    if (!changed.ok) throw new Error(changed.fault.code)
    expect(await identity.session(changed.value.token)).not.toBeNull()
    expect(await identity.session(here), 'renewed').toBeNull()
    expect(await identity.session(elsewhere)).toBeNull()
    expect((await identity.signIn({ email: 'change@example.com', password }, origin())).ok).toBe(false)
  })
})

describe('sessions', () => {
  test('only the hash of a session token is stored', async () => {
    await makeUser('hash@example.com')
    const token = await signIn('hash@example.com')
    const { rows } = await clone.database.pool.query('SELECT s::text FROM sessions s')
    expect(JSON.stringify(rows)).not.toContain(token)
    const hex = Buffer.from(token).toString('hex')
    expect(JSON.stringify(rows)).not.toContain(hex)
  })

  test('signing in ends the session that the browser had', async () => {
    await makeUser('rotate@example.com')
    const first = await signIn('rotate@example.com')
    const second = await signIn('rotate@example.com', { previousToken: first })
    expect(await identity.session(first)).toBeNull()
    expect(await identity.session(second)).not.toBeNull()
  })

  test('a session ends when idle too long, and at its absolute limit however busy it is', async () => {
    await makeUser('idle@example.com')
    const idle = await signIn('idle@example.com')
    later(idleSeconds + 1)
    expect(await identity.session(idle)).toBeNull()

    const busy = await signIn('idle@example.com')
    const half = idleSeconds / 2
    for (let passed = 0; passed + half < absoluteSeconds; passed += half) {
      later(half)
      expect(await identity.session(busy)).not.toBeNull()
    }
    later(half + 1)
    expect(await identity.session(busy)).toBeNull()
  })

  test('a fresh proof is a password or a link of one’s own; it renews the session, and grows old', async () => {
    const id = await makeUser('proof@example.com')
    const other = await makeUser('notproof@example.com')
    const token = await signIn('proof@example.com')
    const fresh = await identity.session(token)
    expect(fresh?.provedUntil?.getTime()).toBe(now.getTime() + proofSeconds * 1000)
    later(proofSeconds + 1)
    const who = await identity.session(token)
    if (!who) throw new Error('no session')
    expect(who.provedUntil).toBeNull()

    const foreign = must(await identity.createSignInLink(operator, other)).token
    const own = must(await identity.createSignInLink(operator, id)).token
    for (const proof of [
      { kind: 'password', password: 'wrong' },
      { kind: 'sign_in_link', token: foreign },
    ] as const)
      expect((await identity.stepUp(who, token, proof)).ok, proof.kind).toBe(false)
    expect((await identity.session(token))?.provedUntil).toBeNull()
    expect((await identity.signInWithLink(foreign, origin())).ok, 'not used up').toBe(true)

    const renewed = must(await identity.stepUp(who, token, { kind: 'password', password }))
    expect(await identity.session(token), 'the old token').toBeNull()
    const again = await identity.session(renewed.token)
    expect(again).toMatchObject({ sessionId: who.sessionId })
    expect(again?.csrfToken).not.toBe(who.csrfToken)
    expect(again?.provedUntil).not.toBeNull()
    expect((await identity.stepUp(who, renewed.token, { kind: 'sign_in_link', token: own })).ok).toBe(true)
    expect((await identity.stepUp(who, renewed.token, { kind: 'password', password })).ok, 'renewed').toBe(
      false,
    )
  })

  test('who has no password sets one only soon after signing in', async () => {
    const id = await makeUser('first@example.com', null)
    const link = must(await identity.createSignInLink(operator, id))
    const { token } = opened(must(await identity.signInWithLink(link.token, origin())))
    const fresh = await identity.session(token)
    later(proofSeconds + 1)
    const stale = await identity.session(token)
    if (!fresh || !stale) throw new Error('no session')
    const newPassword = 'a much better one'
    expect(await identity.changePassword(stale, token, { newPassword })).toMatchObject({
      fault: { code: 'step_up_required' },
    })
    expect((await identity.changePassword(fresh, token, { newPassword })).ok).toBe(true)
  })

  test('the device list says where from and since when; one or all others are ended', async () => {
    const id = await makeUser('devices@example.com')
    const here = await signIn('devices@example.com', { address: '192.0.2.10', userAgent: 'Phone' })
    const there = await signIn('devices@example.com', { address: '192.0.2.11', userAgent: 'Laptop' })
    later(5)
    await identity.session(here, '192.0.2.12')
    expect(await identity.listSessions(id)).toMatchObject([
      { userAgent: 'Phone', address: '192.0.2.12', lastSeenAt: now },
      { userAgent: 'Laptop', address: '192.0.2.11' },
    ])
    const who = await identity.session(here)
    if (!who) throw new Error('no session')
    expect(await identity.revokeOtherSessions(who)).toBe(1)
    expect(await identity.session(there)).toBeNull()
    expect(await identity.session(here)).not.toBeNull()
  })

  test.each(['password', 'link'] as const)(
    'a sign-in by %s that is under way while the password is changed and sessions end leaves no session behind',
    async (way) => {
      const email = `${newId()}@example.com`
      const id = await makeUser(email)
      const link = must(await identity.createSignInLink(operator, id))
      const ways = {
        password: () => identity.signIn({ email, password }, origin()),
        link: () => identity.signInWithLink(link.token, origin()),
      }
      const { pool } = clone.database
      const change = await pool.connect()
      try {
        await change.query('BEGIN')
        await change.query(`UPDATE users SET password_hash = 'another' WHERE id = $1`, [id])
        const underWay = ways[way]()
        await expect.poll(() => waiting()).toBe(1)
        await change.query(`UPDATE sessions SET revoked_at = now() WHERE user_id = $1`, [id])
        await change.query(`UPDATE sign_in_links SET used_at = now() WHERE user_id = $1`, [id])
        await change.query('COMMIT')
        expect((await underWay).ok).toBe(false)
        expect(await identity.listSessions(id)).toEqual([])
      } finally {
        change.release()
      }
      const { rows } = await pool.query('SELECT password_hash AS hash FROM users WHERE id = $1', [id])
      expect(rows).toEqual([{ hash: 'another' }])
    },
  )

  test('an administrator ends all sessions of a user, and the trail says so', async () => {
    const id = await makeUser('ended@example.com')
    const sessions = [await signIn('ended@example.com'), await signIn('ended@example.com')]
    expect(await identity.endSessions(operator, id)).toEqual({ ok: true, value: 2 })
    expect(await Promise.all(sessions.map((token) => identity.session(token)))).toEqual([null, null])
    const { rows } = await clone.database.pool.query(
      `SELECT actor_kind FROM audit_entries WHERE action = 'sessions.revoked' AND subject_id = $1`,
      [id],
    )
    expect(rows).toEqual([{ actor_kind: 'operator' }])
    expect(await identity.endSessions(operator, newId())).toMatchObject({ ok: false })
  })

  test('nobody ends a session of another user', async () => {
    const owner = await makeUser('owner@example.com')
    const stranger = await makeUser('stranger@example.com')
    const token = await signIn('owner@example.com')
    const [session] = await identity.listSessions(owner)
    if (!session) throw new Error('no session')
    expect(await identity.revokeSession(stranger, session.id)).toMatchObject({
      ok: false,
      fault: { code: 'not_found' },
    })
    expect(await identity.session(token)).not.toBeNull()
    expect((await identity.revokeSession(owner, session.id)).ok).toBe(true)
    expect(await identity.session(token)).toBeNull()
  })

  test('a suspended user has no session and cannot open one', async () => {
    const id = await makeUser('suspended@example.com')
    const token = await signIn('suspended@example.com')
    await clone.database.kysely.updateTable('users').set({ suspended_at: now }).where('id', '=', id).execute()
    expect(await identity.session(token)).toBeNull()
    const again = await identity.signIn({ email: 'suspended@example.com', password }, origin())
    expect(again).toMatchObject({ ok: false, fault: { code: 'user_suspended' } })
  })
})

describe('links', () => {
  test('a sign-in link opens one session, even when used twice at once', async () => {
    const id = await makeUser('link@example.com', null)
    const link = await identity.createSignInLink(operator, id)
    if (!link.ok) throw new Error('no link')
    expect(link.value.path).toBe(`/sign-in#${link.value.token}`)
    const answers = await Promise.all(
      [1, 2, 3].map(() => identity.signInWithLink(link.value.token, origin())),
    )
    expect(answers.filter((answer) => answer.ok)).toHaveLength(1)
    expect(answers.find((answer) => !answer.ok)).toMatchObject({ fault: { code: 'invalid_link' } })
  })

  test('a reusable link opens sessions until it expires', async () => {
    const id = await makeUser('demo@example.com', null)
    const link = await identity.createSignInLink(operator, id, { reusable: true, ttlSeconds: 60 })
    if (!link.ok) throw new Error('no link')
    expect((await identity.signInWithLink(link.value.token, origin())).ok).toBe(true)
    expect((await identity.signInWithLink(link.value.token, origin())).ok).toBe(true)
    later(61)
    expect((await identity.signInWithLink(link.value.token, origin())).ok).toBe(false)
  })

  test('whatever ends the sessions of a user ends the links that nobody has used yet, of no other user', async () => {
    const id = await makeUser('kept-link@example.com')
    const other = must(await identity.createSignInLink(operator, await makeUser('other-link@example.com')))
    const demo = must(await identity.createSignInLink(operator, id, { reusable: true }))
    const here = await signIn('kept-link@example.com')
    const who = await identity.session(here)
    if (!who) throw new Error('no session')
    const change = { currentPassword: password, newPassword: 'a much better one' }
    const endings: Record<string, () => Promise<unknown>> = {
      others: () => identity.revokeOtherSessions(who),
      password: () => identity.changePassword(who, here, change),
      administrator: () => identity.endSessions(operator, id),
    }
    for (const [name, end] of Object.entries(endings)) {
      const link = must(await identity.createSignInLink(operator, id))
      await end()
      expect(await identity.signInWithLink(link.token, origin()), name).toMatchObject({
        fault: { code: 'invalid_link' },
      })
    }
    for (const { token } of [other, demo])
      expect((await identity.signInWithLink(token, origin())).ok).toBe(true)
  })

  test('a sign-in link is no set-up link, and the other way round', async () => {
    const id = await makeUser('purpose@example.com', null)
    const link = await identity.createSignInLink(operator, id)
    const setUp = await identity.createSetUpLink()
    if (!link.ok || !setUp) throw new Error('no link')
    const used = await clone.database.kysely
      .transaction()
      .execute((transaction) => identity.useSetUpLink(transaction, link.value.token))
    expect(used.ok).toBe(false)
    expect((await identity.signInWithLink(setUp.token, origin())).ok).toBe(false)
  })
})

test('sweeping deletes what has expired and nothing else', async () => {
  await makeUser('sweep@example.com')
  const token = await signIn('sweep@example.com')
  await identity.sweep()
  expect(await identity.session(token)).not.toBeNull()
  // Further than any test above has put the clock.
  later(4 * absoluteSeconds)
  await identity.sweep()
  const { rows } = await clone.database.pool.query('SELECT 1 FROM sessions UNION ALL SELECT 1 FROM throttles')
  expect(rows).toHaveLength(0)
})
