import { generateKeyPairSync } from 'node:crypto'
import { SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Browser, goodSecret, type Http, operator, startHttp } from '../../tests/http-harness.ts'
import type { Letter } from '../alerts/mail.ts'
import { hashOfToken } from '../access/token.ts'
import type { Reply } from '../contract/endpoints.ts'
import type { Role } from '../contract/permissions.ts'
import { makeCallers } from '../gateway/callers.ts'
import { must } from '../kit/fault.ts'

let http: Http
const letters: Letter[] = []
let isMailAvailable = false

beforeAll(async () => {
  http = await startHttp({
    mail: {
      get isAvailable() {
        return isMailAvailable
      },
      from: 'keys@example.com',
      server: 'mail:25',
      send: async (letter) => {
        letters.push(letter)
        return { kind: 'sent', status: 250 }
      },
    },
  })
})
afterAll(() => http.close())

const company = async () => {
  const { id } = await http.organizations.create(operator, { name: 'Müller & Söhne', kind: 'company' })
  const owner = await http.createBrowser({ organizationId: id, role: 'owner' })
  return { id, owner, join: (role: Role) => http.createBrowser({ organizationId: id, role }) }
}
const codeOf = (reply: { json: () => unknown }) => (reply.json() as { error?: { code: string } }).error?.code
const me = async (as: Browser) => (await http.call('readMe', as, {})).json<Reply<'readMe'>>()
const tokenOf = async (as: Browser) => {
  const created = await http.call('createAccessToken', as, { body: { name: 'Laptop' } })
  return created.json<{ token: string }>().token
}
const isAccepted = async (token: string): Promise<string> => {
  const found = await http.access.authenticate(hashOfToken(token))
  if (!found.ok) return found.fault.code
  const person = await http.access.person(found.value.organizationId, found.value.userId as string)
  return person.ok ? 'accepted' : person.fault.code
}
describe('a member', () => {
  test('who is suspended works nowhere in the organisation, from that moment, until they are restored', async () => {
    const { owner, join } = await company()
    const member = await join('member')
    const token = await tokenOf(member)
    expect(await isAccepted(token)).toBe('accepted')
    const params = { id: member.userId }
    const suspended = await http.call('suspendMember', owner, { params, body: { reason: 'On leave' } })
    expect(suspended.statusCode, suspended.body).toBe(200)
    expect(codeOf(await http.call('readMe', member, {}))).toBe('not_signed_in')
    expect(await isAccepted(token)).toBe('user_suspended')
    const listed = (await http.call('listMembers', owner, { query: { state: 'suspended' } })).json<
      Reply<'listMembers'>
    >()
    expect(listed.items.map(({ userId }) => userId)).toEqual([member.userId])
    expect(listed.counts).toMatchObject({ total: 2, suspended: 1, roles: { owner: 1, member: 1 } })
    await http.call('restoreMember', owner, { params, body: {} })
    expect(await isAccepted(token)).toBe('accepted')
  })

  test('who is removed leaves no token and no secret behind, and keeps working elsewhere', async () => {
    const { id, owner } = await company()
    const person = await http.createBrowser()
    must(
      await http.organizations.join(operator, {
        organizationId: id,
        who: person,
        role: 'member',
        source: 'operator',
      }),
    )
    const switched = await http.call('switchOrganization', person, { body: { organizationId: id } })
    expect(switched.json<Reply<'readMe'>>().organization.id).toBe(id)
    const token = await tokenOf(person)
    const added = await http.call('addServiceKey', person, {
      body: { serviceId: 'openai', secret: goodSecret() },
    })
    expect(added.statusCode, added.body).toBe(201)
    const removed = await http.call('removeMember', owner, { params: { id: person.userId } })
    expect(removed.statusCode, removed.body).toBe(200)
    expect(await isAccepted(token)).toBe('revoked_token')
    const { rows } = await http.database.pool.query<{ bytes: number; status: string }>(
      `SELECT k.status, length(v.sealed_secret) AS bytes FROM service_keys k
       JOIN service_key_versions v ON v.organization_id = k.organization_id AND v.service_key_id = k.id
       WHERE k.organization_id = $1`,
      [id],
    )
    expect(rows).toEqual([{ status: 'revoked', bytes: 0 }])
    expect(codeOf(await http.call('readMe', person, {}))).toBe('not_signed_in')
    const elsewhere = await http.signIn(person)
    expect((await me(elsewhere)).organization.kind).toBe('personal')
    // Their account is as it was, if they come back, and nothing is allocated to it meanwhile.
    const accountId = await http.ledger.accountOf(id, person.userId)
    await http.billing.renewDue(new Date(Date.now() + 40 * 86_400_000))
    const { rows: given } = await http.database.pool.query<{ userId: string; grants: number }>(
      `SELECT a.user_id AS "userId", count(*)::int AS grants FROM credit_accounts a
       JOIN grants g ON g.organization_id = a.organization_id AND g.account_id = a.id
       WHERE a.organization_id = $1 GROUP BY a.user_id`,
      [id],
    )
    expect(new Map(given.map(({ userId, grants }) => [userId, grants]))).toEqual(
      new Map([
        [person.userId, 1],
        [owner.userId, 2],
      ]),
    )
    must(
      await http.organizations.join(operator, {
        organizationId: id,
        who: person,
        role: 'member',
        source: 'operator',
      }),
    )
    expect(await http.ledger.accountOf(id, person.userId)).toBe(accountId)
  })

  test('is changed by those above them alone, whatever request they send', async () => {
    const { owner, join } = await company()
    const [administrator, another, member] = [
      await join('administrator'),
      await join('administrator'),
      await join('member'),
    ]
    const change = async (as: Browser, id: string, role: Role) => {
      const reply = await http.call('changeMemberRole', as, { params: { id }, body: { role } })
      return codeOf(reply) ?? 'done'
    }
    expect(await change(administrator, member.userId, 'auditor')).toBe('done')
    expect(await change(administrator, member.userId, 'administrator')).toBe('forbidden')
    expect(await change(administrator, another.userId, 'member')).toBe('forbidden')
    expect(await change(administrator, owner.userId, 'member')).toBe('forbidden')
    expect(await change(administrator, administrator.userId, 'owner')).toBe('forbidden')
    expect(await change(owner, another.userId, 'member')).toBe('done')
    const params = { id: owner.userId }
    expect(codeOf(await http.call('removeMember', administrator, { params }))).toBe('forbidden')
    expect(codeOf(await http.call('suspendMember', administrator, { params, body: {} }))).toBe('forbidden')
  })
})

describe('an organisation keeps an owner who can act', () => {
  test('the last one neither leaves nor is demoted; of two who leave at once one stays', async () => {
    const { id, owner, join } = await company()
    expect(codeOf(await http.call('leaveOrganization', owner, {}))).toBe('conflict')
    const demoted = { params: { id: owner.userId }, body: { role: 'member' } } as const
    expect(codeOf(await http.call('changeMemberRole', owner, demoted))).toBe('conflict')
    const second = await join('owner')
    const left = await Promise.all([owner, second].map((as) => http.call('leaveOrganization', as, {})))
    expect(left.map((reply) => reply.statusCode).toSorted((a, b) => a - b)).toEqual([200, 409])
    const { rows } = await http.database.pool.query(
      `SELECT FROM memberships WHERE organization_id = $1 AND role = 'owner'`,
      [id],
    )
    expect(rows).toHaveLength(1)
  })

  test('who hands it over is an administrator of it then, and cannot take it back', async () => {
    const { owner, join } = await company()
    const heir = await join('billing')
    const handed = await http.call('transferOrganization', owner, { body: { userId: heir.userId } })
    expect(handed.statusCode, handed.body).toBe(200)
    expect([(await me(owner)).role, (await me(heir)).role]).toEqual(['administrator', 'owner'])
    const back = await http.call('transferOrganization', owner, { body: { userId: owner.userId } })
    expect(codeOf(back)).toBe('forbidden')
  })
})

describe('an invitation', () => {
  const invite = async (as: Browser, email: string, role: Role = 'member') => {
    const reply = await http.call('inviteMember', as, { body: { email, role } })
    expect(reply.statusCode, reply.body).toBe(201)
    const { invitation, link } = reply.json<Reply<'inviteMember'>>()
    return { ...invitation, token: String(link?.split('#')[1]) }
  }
  const accept = (token: string) =>
    http.call('acceptInvitation', null, { body: { token, name: 'Grace', password: 'a long enough one' } })

  test('makes an account and a member, once, and signs them in there', async () => {
    const { id, owner } = await company()
    const { token } = await invite(owner, 'grace@example.com', 'billing')
    const told = (await http.call('readInvitation', null, { body: { token } })).json<
      Reply<'readInvitation'>
    >()
    expect(told).toMatchObject({ organizationName: 'Müller & Söhne', role: 'billing', account: 'none' })
    const both = await Promise.all([accept(token), accept(token)])
    expect(both.filter((reply) => reply.statusCode === 200)).toHaveLength(1)
    const accepted = both.find((reply) => reply.statusCode === 200)
    expect(accepted?.json<Reply<'acceptInvitation'>>().me).toMatchObject({
      role: 'billing',
      organization: { id },
      user: { email: 'grace@example.com' },
    })
    expect(codeOf(await accept(token))).toBe('invalid_link')
    expect((await http.call('listInvitations', owner, {})).json<Reply<'listInvitations'>>().items).toEqual([])
  })

  test('to somebody with an account is theirs alone, and never opens that account', async () => {
    const { id, owner } = await company()
    const person = await http.createBrowser({ email: 'Linus@example.com' })
    const { token } = await invite(owner, 'linus@example.com')
    expect(codeOf(await accept(token))).toBe('conflict')
    const stranger = await http.createBrowser()
    expect(codeOf(await http.call('joinByInvitation', stranger, { body: { token } }))).toBe('forbidden')
    const joined = await http.call('joinByInvitation', person, { body: { token } })
    expect(joined.json<Reply<'joinByInvitation'>>()).toMatchObject({ role: 'member', organization: { id } })
    const places = (await http.call('listWorkplaces', person, {})).json<Reply<'listWorkplaces'>>()
    expect(places.items.map(({ kind, current }) => [kind, current])).toEqual([
      ['company', true],
      ['personal', false],
    ])
  })

  test('that is withdrawn, sent again or too old opens nothing any more', async () => {
    const { owner } = await company()
    const gone = await invite(owner, 'gone@example.com')
    await http.call('withdrawInvitation', owner, { params: { id: gone.id } })
    const sent = await invite(owner, 'sent@example.com')
    const params = { id: sent.id }
    expect(codeOf(await http.call('resendInvitation', owner, { params }))).toBe('rate_limited')
    await http.database.pool.query(
      `UPDATE invitations SET sent_at = now() - interval '2 minutes' WHERE id = $1`,
      [sent.id],
    )
    const { link } = (await http.call('resendInvitation', owner, { params })).json<
      Reply<'resendInvitation'>
    >()
    const old = await invite(owner, 'old@example.com')
    await http.database.pool.query(`UPDATE invitations SET expires_at = now() WHERE id = $1`, [old.id])
    for (const { token } of [gone, sent, old]) expect(codeOf(await accept(token))).toBe('invalid_link')
    expect((await accept(String(link?.split('#')[1]))).statusCode).toBe(200)
    // One that is too old does not stand in the way of another.
    expect((await invite(owner, 'old@example.com')).state).toBe('open')
  })

  test('gives no role that whoever invites may not give, and nothing in a personal organisation', async () => {
    const { join } = await company()
    const administrator = await join('administrator')
    const body = { email: 'up@example.com', role: 'owner' } as const
    expect(codeOf(await http.call('inviteMember', administrator, { body }))).toBe('forbidden')
    const alone = await http.createBrowser()
    expect(codeOf(await http.call('inviteMember', alone, { body }))).toBe('conflict')
  })

  test('goes by mail where there is a server, and is then shown to nobody else', async () => {
    const { owner } = await company()
    isMailAvailable = true
    try {
      const reply = await http.call('inviteMember', owner, { body: { email: 'mail@example.com' } })
      const { link, invitation } = reply.json<Reply<'inviteMember'>>()
      expect([link, invitation.delivery]).toEqual([null, 'mailed'])
      const [letter] = letters
      expect(letter).toMatchObject({
        to: 'mail@example.com',
        subject: 'Ada invites you to Müller & Söhne on Aideon Keys',
      })
      const token = /\/invitation#([\w-]{43})$/m.exec(letter?.text ?? '')?.[1] ?? ''
      expect((await accept(token)).statusCode).toBe(200)
    } finally {
      isMailAvailable = false
    }
  })
})

test('what somebody offered ends with their right to offer it', async () => {
  const { id, owner, join } = await company()
  const administrator = await join('administrator')
  const invite = async (email: string) => {
    const invited = await http.call('inviteMember', administrator, { body: { email } })
    return invited.json<Reply<'inviteMember'>>().link?.split('#')[1] ?? ''
  }
  const open = async () =>
    (await http.call('listInvitations', owner, {})).json<Reply<'listInvitations'>>().items.length
  const accept = (token: string) =>
    http.call('acceptInvitation', null, { body: { token, name: 'Back', password: 'a sentence nobody has' } })
  const token = await invite('back@example.com')
  expect(await open()).toBe(1)
  const suspend = (suspended: boolean) =>
    http.organizations.changeUser(operator, administrator.userId, { suspended })
  must(await suspend(true))
  expect(codeOf(await accept(token))).toBe('invalid_link')
  must(await suspend(false))
  expect((await http.call('readInvitation', null, { body: { token } })).statusCode).toBe(200)
  must(await http.organizations.removeMember(operator, { organizationId: id, userId: administrator.userId }))
  expect(await open()).toBe(0)
  expect(codeOf(await accept(token))).toBe('invalid_link')

  // Whoever hands the organisation over is no owner any more, and would be one again by what they offered before.
  for (const role of ['owner', 'member'] as const)
    await http.call('inviteMember', owner, { body: { email: `${role}@example.com`, role } })
  const heir = await join('member')
  await http.call('transferOrganization', owner, { body: { userId: heir.userId } })
  const left = (await http.call('listInvitations', heir, {})).json<Reply<'listInvitations'>>()
  expect(left.items.map(({ role }) => role)).toEqual(['member'])
})

test('a machine owns no organisation, and one that was removed does not come back', async () => {
  const { owner } = await company()
  const made = await http.call('createServiceAccount', owner, { body: { name: 'Nightly' } })
  const { id } = made.json<{ id: string }>()
  const params = { id }
  expect(codeOf(await http.call('transferOrganization', owner, { body: { userId: id } }))).toBe('conflict')
  const promoted = await http.call('changeMemberRole', owner, { params, body: { role: 'owner' } })
  expect(codeOf(promoted)).toBe('conflict')
  await http.call('removeServiceAccount', owner, { params })
  expect(codeOf(await http.call('restoreMember', owner, { params, body: {} }))).toBe('not_found')

  const other = await http.call('createServiceAccount', owner, { body: { name: 'Weekly' } })
  await http.call('removeMember', owner, { params: { id: other.json<{ id: string }>().id } })
  const { rows } = await http.database.pool.query(
    'SELECT FROM service_accounts WHERE organization_id = $1 AND removed_at IS NULL',
    [owner.organizationId],
  )
  expect(rows, 'none is left that counts towards how many there may be').toEqual([])
})

test('whoever is signed in makes a company of their own, and works in it', async () => {
  const person = await http.createBrowser()
  const made = await http.call('createCompany', person, { body: { name: 'Mine' } })
  expect(made.json<Reply<'createCompany'>>()).toMatchObject({ role: 'owner', organization: { name: 'Mine' } })
  const balance = await http.call('readBalance', person, {})
  expect(balance.json<Reply<'readBalance'>>().availableMicros).toBe('0')
  const more = []
  for (let count = 0; count < 5; count++)
    more.push((await http.call('createCompany', person, { body: { name: 'More' } })).statusCode)
  expect(more).toEqual([201, 201, 201, 201, 409])
})

test('whoever came by a company’s sign-in makes no other company, which that sign-in would not open', async () => {
  const { id, join } = await company()
  const employee = await join('member')
  await http.database.pool.query('UPDATE sessions SET only_organization_id = $1 WHERE user_id = $2', [
    id,
    employee.userId,
  ])
  expect(codeOf(await http.call('createCompany', employee, { body: { name: 'Mine' } }))).toBe('forbidden')
  const places = (await http.call('listWorkplaces', employee, {})).json<Reply<'listWorkplaces'>>()
  expect(places.items.map((place) => place.id)).toEqual([id])
})

test('a session never works where its user is no member', async () => {
  const { id } = await company()
  const person = await http.createBrowser()
  expect(codeOf(await http.call('switchOrganization', person, { body: { organizationId: id } }))).toBe(
    'not_found',
  )
  expect((await me(person)).organization.kind).toBe('personal')
})

describe('an organisation that is to be deleted', () => {
  test('stays when its owner changes their mind', async () => {
    const { id, owner } = await company()
    const wrong = await http.call('scheduleDeletion', owner, { body: { name: 'Other' } })
    expect(codeOf(wrong)).toBe('invalid_request')
    const scheduled = await http.call('scheduleDeletion', owner, { body: { name: 'Müller & Söhne' } })
    expect(scheduled.json<Reply<'scheduleDeletion'>>().deleteAt).not.toBeNull()
    await http.organizations.deleteDue(new Date(Date.now() + 13 * 86_400_000))
    await http.call('cancelDeletion', owner, {})
    await http.organizations.deleteDue(new Date(Date.now() + 30 * 86_400_000))
    expect((await me(owner)).organization.id).toBe(id)
  })

  test('is gone on its day: no token, no key, no secret, no member; its books and its trail stay', async () => {
    const { id, owner, join } = await company()
    const member = await join('member')
    const token = await tokenOf(member)
    const added = await http.call('addServiceKey', member, {
      body: { serviceId: 'openai', secret: goodSecret() },
    })
    expect(added.statusCode).toBe(201)
    const accountId = (await http.ledger.accountOf(id, member.userId)) ?? ''
    await http.call('scheduleDeletion', owner, { body: { name: 'Müller & Söhne' } })
    const day = new Date(Date.now() + 15 * 86_400_000)
    const deleted = await Promise.all([http.organizations.deleteDue(day), http.organizations.deleteDue(day)])
    expect(deleted[0] + deleted[1]).toBe(1)
    expect(await isAccepted(token)).toBe('revoked_token')
    expect(codeOf(await http.call('readMe', owner, {}))).toBe('not_signed_in')
    const { rows } = await http.database.pool.query<{ shredded: boolean; members: bigint; bytes: bigint }>(
      `SELECT (SELECT shredded_at IS NOT NULL FROM organization_vault_keys WHERE organization_id = $1) AS shredded,
         (SELECT count(*) FROM memberships WHERE organization_id = $1) AS members,
         (SELECT sum(length(sealed_secret)) FROM service_key_versions WHERE organization_id = $1) AS bytes`,
      [id],
    )
    expect(rows).toEqual([{ shredded: true, members: 0n, bytes: 0n }])
    expect(await http.ledger.balance(id, accountId)).not.toBeNull()
    const back = { organizationId: id, who: member, role: 'owner', source: 'operator' } as const
    expect(await http.organizations.join(operator, back)).toMatchObject({ fault: { code: 'not_found' } })
    expect(await http.auditTrail.verify(id)).toMatchObject({ problems: [] })
  })
})

test('whose role only looks on calls nothing, whatever stands for them, from that moment on all the way back', async () => {
  const { id: organizationId, owner } = await company()
  const callers = makeCallers({ ...http, keys: http.serviceKeys, clock: () => new Date() })
  const identify = async (bearer: string, headers: Record<string, string> = {}) => {
    const found = await callers.identify({ authorization: `Bearer ${bearer}`, ...headers })
    return found.ok ? found.value.person.userId : found.fault.code
  }
  const pair = generateKeyPairSync('ed25519')
  const jwk = { ...pair.publicKey.export({ format: 'jwk' }), kid: 'one' }
  const issuer = 'https://portal.example'
  const portal = await http.call('createHostApplication', owner, {
    body: { name: 'Portal', issuer, jwks: { keys: [jwk] } },
  })
  const email = 'demoted@acme.example'
  const demoted = await http.createBrowser({ organizationId, email })
  const signed = await new SignJWT({ sub: email })
    .setProtectedHeader({ alg: 'EdDSA', kid: 'one' })
    .setIssuer(issuer)
    .setAudience(portal.json<{ audience: string }>().audience)
    .setIssuedAt()
    .setExpirationTime('30m')
    .sign(pair.privateKey)
  const own = await tokenOf(demoted)
  const platform = await http.access.createToken(operator, {
    organizationId,
    kind: 'platform',
    userId: null,
    name: 'Portal',
    scopes: ['act_for_users'],
    expiresAt: null,
  })
  const answers = () =>
    Promise.all([identify(own), identify(signed), identify(platform.token, { 'x-aideon-user': email })])
  for (const [role, expected] of [
    ['member', demoted.userId],
    ['auditor', 'forbidden'],
    ['billing', demoted.userId],
  ] as const) {
    const params = { id: demoted.userId }
    const changed = await http.call('changeMemberRole', owner, { params, body: { role } })
    expect(changed.statusCode, changed.body).toBe(200)
    expect(await answers(), role).toEqual([expected, expected, expected])
  }

  const created = await http.call('createServiceAccount', owner, { body: { name: 'Reader' } })
  const params = { id: created.json<{ id: string }>().id }
  const credential = async (kind: 'token' | 'client') => {
    const reply = await http.call('createMachineCredential', owner, { params, body: { kind, name: 'x' } })
    return reply.json<{ credential: { id: string }; secret: string }>()
  }
  const bearer = await credential('token')
  const client = await credential('client')
  const issued = await http.app.inject({
    method: 'POST',
    url: '/oauth/token',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: client.credential.id,
      client_secret: client.secret,
    }).toString(),
  })
  const ofMachine = [bearer.secret, issued.json<{ access_token: string }>().access_token]
  for (const [role, expected] of [
    ['member', params.id],
    ['auditor', 'forbidden'],
    ['billing', params.id],
  ] as const) {
    await http.call('changeServiceAccount', owner, { params, body: { role } })
    expect(await Promise.all(ofMachine.map((token) => identify(token))), role).toEqual([expected, expected])
  }
})
