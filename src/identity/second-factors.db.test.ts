import { TOTP as Oracle, NobleCryptoPlugin, ScureBase32Plugin } from 'otplib'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { makeAuthenticator, type Quirks } from '../../tests/authenticator.ts'
import { cloneDatabase, type TestDatabase } from '../../tests/database.ts'
import { openTestVault } from '../../tests/vault.ts'
import { must } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import type { OpenedVault } from '../vault/open-vault.ts'
import { type Entry, type Identity, makeIdentity, type Origin, type SignedIn } from './identity.ts'
import { makeIdentityStore } from './store.ts'

/** Second factors, by the ways around them that somebody would try. */

let clone: TestDatabase
let vault: OpenedVault
/** As two processes have them. */
let identity: Identity
let elsewhere: Identity
let now = new Date()
let made = 0

const origin = (more: Partial<Origin> = {}): Origin => ({
  address: `198.51.100.${made}`,
  userAgent: 'test',
  previousToken: null,
  ...more,
})
const later = (seconds: number) => {
  now = new Date(now.getTime() + seconds * 1000)
}
const operator = { kind: 'operator', id: null } as const
const party = { id: 'keys.example', origin: 'https://keys.example' }
const password = 'correct horse battery'
let passwordHash: string

beforeAll(async () => {
  clone = await cloneDatabase()
  vault = await openTestVault(clone.database)
  const parts = { database: clone.database, clock: () => now, vault: vault.vault }
  identity = makeIdentity(parts)
  elsewhere = makeIdentity(parts)
  passwordHash = must(await identity.hashPassword(password))
})
afterAll(async () => {
  await vault.close()
  await clone.drop()
})
beforeEach(() => {
  now = new Date()
  made++
})

interface Person {
  readonly userId: string
  readonly organizationId: string
  readonly email: string
  token: string
}

/** With a session. */
const newPerson = async (): Promise<Person> => {
  const email = `person${newId()}@example.com`
  const organizationId = newId()
  const userId = await clone.database.kysely.transaction().execute(async (t) => {
    const id = must(await identity.createUser(t, { email, name: 'Ada', passwordHash }))
    await t
      .insertInto('organizations')
      .values({ id: organizationId, name: 'Ada', kind: 'personal' })
      .execute()
    await t
      .insertInto('memberships')
      .values({ organization_id: organizationId, user_id: id, role: 'owner' })
      .execute()
    return id
  })
  const token = sessionOf(must(await identity.signInAs(userId, origin(), introduction)))
  return { userId, organizationId, email, token }
}
const introduction = { method: 'oidc', organizationId: null } as const

const sessionOf = (entry: Entry): string => {
  if (entry.kind !== 'open') throw new Error('it waits for a second factor')
  return entry.session.token
}
const pendingOf = (entry: Entry): Origin => {
  if (entry.kind !== 'second_factor') throw new Error('a session without its second factor')
  return origin({ pendingToken: entry.pending.token })
}
const signedIn = async ({ token }: { token: string }): Promise<SignedIn> => {
  const who = await identity.session(token)
  if (!who) throw new Error('no session')
  return who
}

/** What their app shows. */
const appOf = (secret: string) => {
  const oracle = new Oracle({ secret, crypto: new NobleCryptoPlugin(), base32: new ScureBase32Plugin() })
  return { code: (off = 0) => oracle.generate({ epoch: Math.floor(now.getTime() / 1000) + off * 30 }) }
}

const withTotp = async () => {
  const person = await newPerson()
  const { secret } = must(await identity.beginTotp(await signedIn(person)))
  const app = appOf(secret)
  const added = must(await identity.confirmTotp(await signedIn(person), person.token, await app.code()))
  person.token = added.session.token
  // The step of the first code is used.
  later(60)
  return { person, app, recoveryCodes: added.recoveryCodes ?? [] }
}

const withPasskey = async () => {
  const person = await newPerson()
  const authenticator = makeAuthenticator(party.origin)
  const options = must(await identity.beginPasskey(await signedIn(person), party))
  const response = authenticator.create(options)
  const given = { response, name: 'Phone', party } as never
  const added = must(await identity.addPasskey(await signedIn(person), person.token, given))
  person.token = added.session.token
  return { person, authenticator, recoveryCodes: added.recoveryCodes ?? [] }
}

const byPassword = async ({ email }: Person) => must(await identity.signIn({ email, password }, origin()))
/** The first factor, without the work of a password. */
const begin = async ({ userId }: Person) => must(await identity.signInAs(userId, origin(), introduction))
const refused = (code: string) => ({ ok: false, fault: { code } })
const wrong = refused('invalid_credentials')

describe('an authenticator app', () => {
  test('is asked for after a password, a link and a sign-on alike, and no session is there before', async () => {
    const { person, app } = await withTotp()
    const link = must(await identity.createSignInLink(operator, person.userId))
    const entries = [
      await byPassword(person),
      must(await identity.signInWithLink(link.token, origin())),
      must(await identity.signInAs(person.userId, origin(), introduction)),
    ]
    for (const entry of entries) {
      const pending = pendingOf(entry)
      expect(await identity.session(pending.pendingToken ?? ''), 'its token opens nothing').toBeNull()
      expect(await identity.pendingSignIn(pending)).toEqual({ methods: ['totp', 'recovery_code'] })
      const finished = await elsewhere.finishSignIn({ kind: 'totp', code: await app.code() }, pending)
      expect(await identity.session(sessionOf(must(finished)))).toMatchObject({ hasTotp: true })
      later(30)
    }
  })

  test('a code is taken once, at whichever process, and none before it', async () => {
    const { person, app } = await withTotp()
    const code = await app.code()
    const older = await app.code(-1)
    const pendings = await Promise.all([1, 2, 3].map(async () => pendingOf(await begin(person))))
    const answers = await Promise.all(
      pendings.map((pending, index) =>
        (index === 1 ? elsewhere : identity).finishSignIn({ kind: 'totp', code }, pending),
      ),
    )
    expect(answers.filter((answer) => answer.ok)).toHaveLength(1)
    const pending = pendingOf(await begin(person))
    expect(await identity.finishSignIn({ kind: 'totp', code }, pending)).toMatchObject(wrong)
    expect(await identity.finishSignIn({ kind: 'totp', code: older }, pending)).toMatchObject(wrong)
    const who = await signedIn(person)
    expect(await identity.stepUp(who, person.token, { kind: 'totp', code }), 'as a proof').toMatchObject(
      wrong,
    )
  })

  test('guessing ends after five wrong codes, over all processes and sign-ins; recovery codes still work', async () => {
    const { person, app, recoveryCodes } = await withTotp()
    for (let tries = 0; tries < 5; tries++) {
      const at = tries % 2 ? elsewhere : identity
      const pending = pendingOf(await begin(person))
      expect(await at.finishSignIn({ kind: 'totp', code: '000000' }, pending)).toMatchObject(wrong)
    }
    const pending = pendingOf(await begin(person))
    const right = { kind: 'totp', code: await app.code() } as const
    expect(await identity.finishSignIn(right, pending)).toMatchObject(refused('rate_limited'))
    expect(
      await identity.stepUp(await signedIn(person), person.token, right),
      'the same count',
    ).toMatchObject(refused('rate_limited'))
    const recovery = { kind: 'recovery_code', code: recoveryCodes[0] ?? '' } as const
    expect((await identity.finishSignIn(recovery, pending)).ok).toBe(true)
  })

  test('a sign-in that waits is over after ten minutes, and with whatever ends sessions', async () => {
    const { person, app } = await withTotp()
    const expired = refused('sign_in_expired')
    const old = pendingOf(await begin(person))
    later(601)
    expect(await identity.finishSignIn({ kind: 'totp', code: await app.code() }, old)).toMatchObject(expired)
    const ended = pendingOf(await begin(person))
    must(await identity.endSessions(operator, person.userId))
    expect(await identity.finishSignIn({ kind: 'totp', code: await app.code() }, ended)).toMatchObject(
      expired,
    )
    expect(await identity.pendingSignIn(ended)).toBeNull()
    expect(await identity.finishSignIn({ kind: 'totp', code: await app.code() }, origin())).toMatchObject(
      expired,
    )
  })

  test('neither password nor link is a fresh proof any more, and a new password needs one', async () => {
    const { person, app } = await withTotp()
    later(16 * 60)
    const who = await signedIn(person)
    const link = must(await identity.createSignInLink(operator, person.userId))
    for (const proof of [
      { kind: 'password', password },
      { kind: 'sign_in_link', token: link.token },
    ] as const)
      expect(await identity.stepUp(who, person.token, proof), proof.kind).toMatchObject(wrong)
    const change = { currentPassword: password, newPassword: 'another horse battery' }
    expect(await identity.changePassword(who, person.token, change)).toMatchObject(
      refused('step_up_required'),
    )
    const proved = must(await identity.stepUp(who, person.token, { kind: 'totp', code: await app.code() }))
    expect(await identity.session(person.token), 'the old token').toBeNull()
    const again = await signedIn(proved)
    expect((await identity.changePassword(again, proved.token, change)).ok).toBe(true)
  })

  test('counts only once a code of it was entered; setting it up ends every other session', async () => {
    const person = await newPerson()
    const other = sessionOf(await begin(person))
    const first = must(await identity.beginTotp(await signedIn(person)))
    expect((await byPassword(person)).kind, 'not confirmed').toBe('open')
    const second = must(await identity.beginTotp(await signedIn(person)))
    const confirm = async (code: string) => identity.confirmTotp(await signedIn(person), person.token, code)
    expect(await confirm(await appOf(first.secret).code()), 'of the one before').toMatchObject(wrong)
    const added = must(await confirm(await appOf(second.secret).code()))
    expect(added.recoveryCodes).toHaveLength(10)
    expect(await identity.session(other)).toBeNull()
    expect(await identity.session(person.token)).toBeNull()
    expect(await identity.session(added.session.token)).toMatchObject({ hasTotp: true })
  })

  test('removing it ends every other session; with the last factor its recovery codes go', async () => {
    const { person, app, recoveryCodes } = await withTotp()
    const proof = { kind: 'totp', code: await app.code() } as const
    const other = sessionOf(must(await identity.finishSignIn(proof, pendingOf(await begin(person)))))
    const removed = must(await identity.removeTotp(await signedIn(person), person.token))
    expect(await identity.session(other)).toBeNull()
    expect(await identity.session(removed.session.token)).toMatchObject({ hasTotp: false })
    expect((await begin(person)).kind).toBe('open')
    expect(await identity.readFactors(person.userId)).toEqual({
      totp: null,
      passkeys: [],
      recoveryCodesLeft: 0,
    })
    expect(recoveryCodes).toHaveLength(10)
  })

  test('its secret is in the database only sealed, for this user and this row', async () => {
    const { person } = await withTotp()
    const other = await withTotp()
    const { secret } = must(await identity.beginTotp(await signedIn(person)))
    const { rows } = await clone.database.pool.query('SELECT f::text FROM totp_factors f')
    expect(JSON.stringify(rows)).not.toContain(secret)
    expect(JSON.stringify(rows)).not.toContain(Buffer.from(secret).toString('hex'))
    // Whoever can write to the table cannot put the secret of their own app there.
    await clone.database.pool.query(
      `UPDATE totp_factors f SET (master_key_id, wrapped_key, sealed_secret) = (
         SELECT master_key_id, wrapped_key, sealed_secret FROM totp_factors o WHERE o.user_id = $2 AND confirmed_at IS NOT NULL)
       WHERE user_id = $1 AND confirmed_at IS NOT NULL`,
      [person.userId, other.person.userId],
    )
    const proof = { kind: 'totp', code: await other.app.code() } as const
    expect(await identity.finishSignIn(proof, pendingOf(await begin(person)))).toMatchObject(
      refused('secret_unreadable'),
    )
  })
})

describe('recovery codes', () => {
  test('each works once, however it is typed, for its user alone, and only their hashes are stored', async () => {
    const { person, recoveryCodes } = await withTotp()
    const stranger = await withTotp()
    const [first = '', second = ''] = recoveryCodes
    const { rows } = await clone.database.pool.query('SELECT r::text FROM recovery_codes r')
    for (const text of [first, first.replaceAll('-', ''), Buffer.from(first).toString('hex')])
      expect(JSON.stringify(rows)).not.toContain(text)
    const use = async (code: string, who: Person) =>
      identity.finishSignIn({ kind: 'recovery_code', code }, pendingOf(await begin(who)))
    expect(await use(first, stranger.person)).toMatchObject(wrong)
    const pendings = await Promise.all([1, 2].map(async () => pendingOf(await begin(person))))
    const typed = first.toUpperCase().replaceAll('-', ' ')
    const answers = await Promise.all(
      pendings.map((pending, index) =>
        (index ? elsewhere : identity).finishSignIn({ kind: 'recovery_code', code: typed }, pending),
      ),
    )
    expect(answers.filter((answer) => answer.ok)).toHaveLength(1)
    expect(await use(first, person)).toMatchObject(wrong)
    expect((await identity.readFactors(person.userId)).recoveryCodesLeft).toBe(9)

    // A wrong code leaves the sign-in waiting: the next one may be right.
    const waiting = pendingOf(await begin(person))
    expect(await identity.finishSignIn({ kind: 'recovery_code', code: first }, waiting)).toMatchObject(wrong)
    expect((await identity.finishSignIn({ kind: 'recovery_code', code: second }, waiting)).ok).toBe(true)
  })

  test('new ones make the old ones worthless', async () => {
    const { person, recoveryCodes } = await withTotp()
    const renewed = must(await identity.renewRecoveryCodes(await signedIn(person), person.token))
    expect(renewed.recoveryCodes).toHaveLength(10)
    const proof = { kind: 'recovery_code', code: recoveryCodes[3] ?? '' } as const
    expect(await identity.finishSignIn(proof, pendingOf(await begin(person)))).toMatchObject(wrong)
  })
})

describe('a passkey', () => {
  const challenge = async (from = origin()) => {
    const { options, pending } = must(await identity.passkeyChallenge(from, party))
    return { options, origin: origin({ pendingToken: pending.token }) }
  }

  test('signs in by itself and counts as both factors; the challenge names nobody', async () => {
    const { person, authenticator } = await withPasskey()
    const { options, origin: browser } = await challenge()
    expect(options).toMatchObject({ rpId: 'keys.example', userVerification: 'required' })
    expect(options.allowCredentials ?? []).toEqual([])
    const given = { response: authenticator.get(options), party }
    const entry = must(await identity.signInWithPasskey(given, browser))
    expect(await identity.session(sessionOf(entry))).toMatchObject({
      userId: person.userId,
      hasPasskey: true,
    })
    expect((await byPassword(person)).kind, 'after a password it is asked for').toBe('second_factor')
  })

  test('an answer is taken once, in the browser that asked, and no longer than five minutes', async () => {
    const { authenticator } = await withPasskey()
    const first = await challenge()
    const response = authenticator.get(first.options)
    const stolen = await challenge()
    expect(await identity.signInWithPasskey({ response, party }, stolen.origin), 'elsewhere').toMatchObject(
      wrong,
    )
    const answers = await Promise.all([
      identity.signInWithPasskey({ response, party }, first.origin),
      elsewhere.signInWithPasskey({ response, party }, first.origin),
    ])
    expect(answers.filter((answer) => answer.ok)).toHaveLength(1)
    const old = await challenge()
    later(301)
    const late = { response: authenticator.get(old.options), party }
    expect(await identity.signInWithPasskey(late, old.origin)).toMatchObject(wrong)
  })

  test.each<[string, Quirks]>([
    ['another origin', { origin: 'https://keys.example.evil.example' }],
    ['plain http', { origin: 'http://keys.example' }],
    ['another host’s passkey', { rpId: 'evil.example' }],
    ['a challenge of their own', { challenge: 'A'.repeat(43) }],
    ['a user who was not verified', { userVerified: false }],
    ['a counter that goes back', { counter: 0 }],
    ['the handle of another user', { userHandle: Buffer.from(newId()).toString('base64url') }],
    ['an answer to a registration', { type: 'webauthn.create' }],
    ['the signature of another passkey', { signedBy: makeAuthenticator(party.origin) }],
  ])('with %s is refused, in the same words as one that nobody has', async (_, quirks) => {
    const { authenticator } = await withPasskey()
    const used = await challenge()
    must(await identity.signInWithPasskey({ response: authenticator.get(used.options), party }, used.origin))
    const tried = await challenge()
    const response = authenticator.get(tried.options, quirks)
    const answer = await identity.signInWithPasskey({ response, party }, tried.origin)
    const unknown = await challenge()
    const nobodys = { response: makeAuthenticator(party.origin).get(unknown.options), party }
    expect(answer).toMatchObject(wrong)
    expect(answer).toEqual(await identity.signInWithPasskey(nobodys, unknown.origin))
  })

  test('as a fresh proof it answers this session’s own challenge, by this user’s own passkey', async () => {
    const { person, authenticator } = await withPasskey()
    const stranger = await withPasskey()
    later(16 * 60)
    const who = await signedIn(person)
    const prove = async (options: object, by = authenticator) =>
      identity.stepUp(who, person.token, { kind: 'passkey', response: by.get(options), party })
    const signInOptions = (await challenge()).options
    expect(await prove(signInOptions), 'a challenge of sign-in').toMatchObject(wrong)
    const theirs = must(await identity.proofChallenge(await signedIn(stranger.person), party))
    expect(await prove(theirs), 'a challenge of another session').toMatchObject(wrong)
    const own = must(await identity.proofChallenge(who, party))
    expect(await prove(own, stranger.authenticator), 'the passkey of another user').toMatchObject(wrong)
    const renewed = must(await prove(must(await identity.proofChallenge(who, party))))
    expect((await signedIn(renewed)).provedUntil).not.toBeNull()
  })

  test('is added for the session that asked, once, and belongs to one user only', async () => {
    const person = await newPerson()
    const other = await newPerson()
    const authenticator = makeAuthenticator(party.origin)
    const options = must(await identity.beginPasskey(await signedIn(person), party))
    const add = async (who: Person, response: object) =>
      identity.addPasskey(await signedIn(who), who.token, { response, name: 'Phone', party } as never)
    expect(await add(other, authenticator.create(options)), 'another session').toMatchObject(wrong)
    expect(await add(person, authenticator.create(options, { userVerified: false }))).toMatchObject(wrong)
    const again = must(await identity.beginPasskey(await signedIn(person), party))
    must(await add(person, authenticator.create(again)))
    const taken = must(await identity.beginPasskey(await signedIn(other), party))
    expect(await add(other, authenticator.create(taken)), 'somebody’s already').toMatchObject(wrong)
  })

  test('there are none at an address where browsers keep none', async () => {
    const person = await newPerson()
    expect(await identity.beginPasskey(await signedIn(person), null)).toMatchObject(refused('conflict'))
    expect(await identity.passkeyChallenge(origin(), null)).toMatchObject(refused('conflict'))
  })
})

describe('whoever lost everything', () => {
  test('is let in anew by an administrator, who is in the trail, and no session outlives that', async () => {
    const { person } = await withTotp()
    must(await identity.resetFactors(operator, person.userId, 'Lost the phone'))
    expect(await identity.session(person.token)).toBeNull()
    expect((await begin(person)).kind).toBe('open')
    const { rows } = await clone.database.pool.query(
      `SELECT actor_kind FROM audit_entries WHERE action = 'second_factors.reset' AND subject_id = $1`,
      [person.userId],
    )
    expect(rows).toEqual([{ actor_kind: 'operator' }])
  })
})

describe('the word of an organisation', () => {
  test('opens sessions that work in it alone, and make nobody a platform administrator', async () => {
    const person = await newPerson()
    const company = newId()
    const { kysely } = clone.database
    await kysely.insertInto('organizations').values({ id: company, name: 'C', kind: 'company' }).execute()
    const introduced = { method: 'saml', organizationId: company } as const
    expect(await identity.signInAs(person.userId, origin(), introduced), 'no member').toMatchObject(
      refused('user_suspended'),
    )
    await kysely
      .insertInto('memberships')
      .values({ organization_id: company, user_id: person.userId, role: 'member' })
      .execute()
    await kysely
      .updateTable('users')
      .set({ is_platform_administrator: true })
      .where('id', '=', person.userId)
      .execute()
    const token = sessionOf(must(await identity.signInAs(person.userId, origin(), introduced)))
    expect(await identity.session(token)).toMatchObject({
      organization: { id: company },
      isPlatformAdministrator: false,
      onlyOrganizationId: company,
    })
    const confined = await identity.session(token)
    if (!confined) throw new Error('is signed in')
    expect(await identity.beginTotp(confined), 'their account reaches further').toMatchObject(
      refused('forbidden'),
    )
    expect(await identity.confirmTotp(confined, token, '000000')).toMatchObject(refused('forbidden'))
    // As the switcher writes it.
    await kysely
      .updateTable('sessions')
      .set({ organization_id: person.organizationId })
      .where('user_id', '=', person.userId)
      .execute()
    expect(await identity.session(token)).toMatchObject({ organization: { id: company } })
    expect(await identity.session(person.token), 'a session of their own').toMatchObject({
      organization: { id: person.organizationId },
      isPlatformAdministrator: true,
    })
    await kysely
      .updateTable('memberships')
      .set({ suspended_at: now })
      .where('organization_id', '=', company)
      .execute()
    expect(await identity.session(token)).toBeNull()
  })

  test('nobody signs in as a service account', async () => {
    const person = await newPerson()
    await clone.database.kysely
      .updateTable('users')
      .set({ kind: 'service_account' })
      .where('id', '=', person.userId)
      .execute()
    expect(await identity.session(person.token)).toBeNull()
    expect(await identity.signIn({ email: person.email, password }, origin())).toMatchObject(wrong)
    expect((await identity.signInAs(person.userId, origin(), introduction)).ok).toBe(false)
    expect((await identity.createSignInLink(operator, person.userId)).ok).toBe(false)
    expect(await makeIdentityStore(clone.database.kysely).readUser(person.userId)).toBeUndefined()
  })
})
