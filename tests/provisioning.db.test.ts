import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newId } from '../src/kit/id.ts'
import { hashOfToken } from '../src/access/token.ts'
import { type Browser, callEndpoint, type Http, operator, startHttp } from './http-harness.ts'
import { whileMadeOwner } from './while-made-owner.ts'

/**
 * Requests as identity providers send them, in their order and their own ways of writing: Entra's from its tutorial for
 * SCIM end points, Okta's from its reference of SCIM 2.0 operations.
 */

let http: Http
let acme: Company
let other: Company

interface Company {
  readonly id: string
  readonly owner: Browser
  readonly token: string
  readonly domain: string
}

const company = async (name: string, domain: string): Promise<Company> => {
  const { id } = await http.organizations.create(operator, { name, kind: 'company' })
  const owner = await http.createBrowser({ organizationId: id, role: 'owner' })
  await http.database.pool.query(
    `WITH h AS (INSERT INTO sso_domain_holders (domain, holder_id) VALUES ($2, $1))
     INSERT INTO sso_domains (organization_id, domain, token, verified_at, created_at) VALUES ($1, $2, 't', now(), now())`,
    [id, domain],
  )
  const made = await callEndpoint(http.app, 'createProvisioningToken', owner, { body: { name: 'Directory' } })
  return { id, owner, domain, token: made.json<{ token: string }>().token }
}

beforeAll(async () => {
  http = await startHttp()
  acme = await company('Acme', 'acme.example')
  other = await company('Other', 'other.example')
})
afterAll(() => http.close())

// Replies are looked into wherever a test says.
// oxlint-disable-next-line typescript/no-explicit-any
type Json = Record<string, any>
const scim = async (
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
  path: string,
  body?: object,
  { token = acme.token, headers = {} }: { token?: string; headers?: Record<string, string> } = {},
) => {
  const reply = await http.app.inject({
    method,
    url: `/scim/v2${path}`,
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/scim+json',
      'user-agent': 'Okta SCIM Client 1.0.0',
      ...headers,
    },
    ...(body ? { payload: JSON.stringify(body) } : {}),
  })
  const json: Json = reply.body === '' ? {} : reply.json()
  return { status: reply.statusCode, body: json, headers: reply.headers }
}
const patchOf = (...Operations: object[]) => ({
  schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
  Operations,
})
const entraUser = (name: string, more: object = {}) => ({
  schemas: [
    'urn:ietf:params:scim:schemas:core:2.0:User',
    'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User',
  ],
  externalId: `x-${name}`,
  userName: `${name}@acme.example`,
  active: true,
  emails: [{ primary: true, type: 'work', value: `${name}@acme.example` }],
  meta: { resourceType: 'User' },
  name: { formatted: `Given ${name}`, familyName: name, givenName: 'Given' },
  roles: [],
  ...more,
})
const memberOf = async (organizationId: string, userId: string) => {
  const { rows } = await http.database.pool.query(
    `SELECT m.role, m.suspended_at, u.email, u.name FROM memberships m JOIN users u ON u.id = m.user_id
     WHERE m.organization_id = $1 AND m.user_id = $2`,
    [organizationId, userId],
  )
  return rows[0] as { role: string; suspended_at: Date | null; email: string; name: string } | undefined
}
/** Made by an administrator of Acme. */
const tokenOfAdministrator = async () => {
  const by = await http.createBrowser({ organizationId: acme.id, role: 'administrator' })
  const made = await callEndpoint(http.app, 'createProvisioningToken', by, { body: { name: 'Mine' } })
  return { userId: by.userId, ...made.json<{ token: string; accessToken: { id: string } }>() }
}
const listOf = (path: string) => scim('GET', path).then(({ body }) => body)

describe('as Entra sends it', () => {
  let id: string

  test('a user is looked for, made, read, changed by paths, and switched off and on by words', async () => {
    const filter = encodeURIComponent('userName eq "entra@acme.example"')
    expect(await listOf(`/Users?filter=${filter}`)).toMatchObject({ totalResults: 0, Resources: [] })
    const made = await scim('POST', '/Users', entraUser('entra'))
    expect(made.status, JSON.stringify(made.body)).toBe(201)
    id = made.body['id']
    expect(made.headers['location']).toMatch(new RegExp(`/scim/v2/Users/${id}$`))
    expect(made.headers['content-type']).toMatch(/^application\/scim\+json/)
    expect(made.body).toMatchObject({
      userName: 'entra@acme.example',
      active: true,
      externalId: 'x-entra',
      meta: { resourceType: 'User' },
    })
    expect(await memberOf(acme.id, id)).toMatchObject({
      role: 'member',
      suspended_at: null,
      name: 'Given entra',
    })
    expect(await listOf(`/Users?filter=${filter}`)).toMatchObject({ totalResults: 1 })

    const changed = await scim(
      'PATCH',
      `/Users/${id}`,
      patchOf(
        { op: 'Replace', path: 'emails[type eq "work"].value', value: 'new@acme.example' },
        { op: 'Replace', path: 'name.familyName', value: 'Updated' },
        {
          op: 'Add',
          path: 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department',
          value: 'R&D',
        },
        { op: 'Add', path: 'phoneNumbers[type eq "mobile"].value', value: '+1 555' },
      ),
    )
    expect(changed.status, JSON.stringify(changed.body)).toBe(200)
    expect(changed.body).toMatchObject({
      emails: [{ value: 'new@acme.example', type: 'work', primary: true }],
      phoneNumbers: [{ type: 'mobile', value: '+1 555' }],
      'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User': { department: 'R&D' },
    })
    expect(await memberOf(acme.id, id)).toMatchObject({ email: 'new@acme.example' })

    // Of before its flag for conformity: capitals and words.
    const off = await scim(
      'PATCH',
      `/Users/${id}`,
      patchOf({ op: 'Replace', path: 'active', value: 'False' }),
    )
    expect(off.body).toMatchObject({ active: false })
    expect((await memberOf(acme.id, id))?.suspended_at).not.toBeNull()
    await scim('PATCH', `/Users/${id}`, patchOf({ op: 'Replace', path: 'active', value: 'True' }))
    expect((await memberOf(acme.id, id))?.suspended_at).toBeNull()
    // Without the flag, names with dots in a value without a path.
    await scim(
      'PATCH',
      `/Users/${id}`,
      patchOf({ op: 'replace', value: { 'name.givenName': 'Dotted', displayName: 'Dotted Updated' } }),
    )
    expect(await memberOf(acme.id, id)).toMatchObject({ name: 'Dotted Updated' })
  })

  test('a group is made empty, renamed, filled and emptied by values, without its members in the way', async () => {
    const made = await scim('POST', '/Groups', {
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'],
      externalId: '8aa1a0c0',
      displayName: 'Engineers',
      meta: { resourceType: 'Group' },
    })
    expect(made.status).toBe(201)
    const group = made.body['id']
    expect(made.body).toMatchObject({ displayName: 'Engineers', members: [] })
    const add = patchOf({ op: 'Add', path: 'members', value: [{ $ref: null, value: id }] })
    expect((await scim('PATCH', `/Groups/${group}`, add)).status).toBe(204)
    expect((await scim('GET', `/Groups/${group}`)).body['members']).toMatchObject([{ value: id }])
    const found = await listOf(
      `/Groups?excludedAttributes=members&filter=${encodeURIComponent('displayName eq "engineers"')}`,
    )
    expect(found['Resources']).toHaveLength(1)
    expect(found['Resources'][0]).not.toHaveProperty('members')
    expect((await scim('GET', `/Users/${id}`)).body['groups']).toMatchObject([
      { value: group, display: 'Engineers' },
    ])
    await scim(
      'PATCH',
      `/Groups/${group}`,
      patchOf({ op: 'Replace', path: 'displayName', value: 'Engineering' }),
    )
    const remove = patchOf({ op: 'Remove', path: 'members', value: [{ $ref: null, value: id }] })
    expect((await scim('PATCH', `/Groups/${group}`, remove)).status).toBe(204)
    expect((await scim('GET', `/Groups/${group}`)).body).toMatchObject({
      displayName: 'Engineering',
      members: [],
    })
    expect((await scim('DELETE', `/Groups/${group}`)).status).toBe(204)
    expect((await scim('GET', `/Groups/${group}`)).status).toBe(404)
  })

  test('a user is deleted, and gone', async () => {
    expect((await scim('DELETE', `/Users/${id}`)).status).toBe(204)
    expect((await scim('GET', `/Users/${id}`)).status).toBe(404)
    expect(await memberOf(acme.id, id)).toBeUndefined()
  })
})

describe('as Okta sends it', () => {
  const oktaUser = (name: string, more: object = {}) => ({
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
    userName: `${name}@acme.example`,
    name: { givenName: 'Test', familyName: name },
    emails: [{ primary: true, value: `${name}@acme.example`, type: 'work' }],
    displayName: `Test ${name}`,
    locale: 'en-US',
    externalId: `00u${name}`,
    groups: [],
    password: '1mz050nq-not-to-be-kept',
    active: true,
    ...more,
  })

  test('a user is made, replaced whole, deactivated without a path; the password is not kept', async () => {
    expect(await listOf('/Users?startIndex=1&count=2')).toMatchObject({ startIndex: 1 })
    const made = await scim('POST', '/Users', oktaUser('okta'))
    expect(made.status).toBe(201)
    const { id } = made.body as { id: string }
    expect(JSON.stringify(made.body)).not.toContain('1mz050nq')
    const { rows } = await http.database.pool.query(
      'SELECT resource FROM provisioned_users WHERE user_id = $1',
      [id],
    )
    expect(JSON.stringify(rows)).not.toMatch(/1mz050nq|password/)
    const replaced = await scim('PUT', `/Users/${id}`, {
      ...oktaUser('okta'),
      id,
      displayName: 'Another Name',
    })
    expect(replaced.body).toMatchObject({ displayName: 'Another Name', id })
    expect((await scim('POST', '/Users', oktaUser('okta'))).body).toMatchObject({
      status: '409',
      scimType: 'uniqueness',
    })

    const browser = await http.signIn({ userId: id, organizationId: acme.id })
    const actor = { kind: 'user', id } as const
    const { token } = await http.access.createToken(actor, {
      organizationId: acme.id,
      kind: 'user',
      userId: id,
      name: 'Script',
      scopes: ['read'],
      expiresAt: null,
    })
    const withToken = () =>
      http.app
        .inject({ url: `/api/operations/${newId()}`, headers: { authorization: `Bearer ${token}` } })
        .then((r) => r.statusCode)
    expect((await callEndpoint(http.app, 'readMe', browser, {})).statusCode).toBe(200)
    expect(await withToken()).toBe(404)
    await scim('PATCH', `/Users/${id}`, patchOf({ op: 'replace', value: { active: false } }))
    expect((await callEndpoint(http.app, 'readMe', browser, {})).statusCode).toBe(401)
    expect(await withToken()).toBe(403)
  })

  test('groups are pushed with members, changed by paths that name one, and make roles', async () => {
    const [a, b] = await Promise.all([
      scim('POST', '/Users', oktaUser('a1')),
      scim('POST', '/Users', oktaUser('b1')),
    ])
    const [first, second] = [a.body['id'], b.body['id']] as [string, string]
    const made = await scim('POST', '/Groups', {
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'],
      displayName: 'Admins',
      members: [{ value: first, display: 'a1@acme.example' }],
    })
    expect(made.status, JSON.stringify(made.body)).toBe(201)
    const group = made.body['id'] as string
    // Nothing follows from groups before somebody says so.
    expect((await memberOf(acme.id, first))?.role).toBe('member')
    const set = await callEndpoint(http.app, 'setGroupRole', acme.owner, {
      params: { id: group },
      body: { role: 'administrator' },
    })
    expect(set.json()).toEqual({ changed: 1 })
    expect((await memberOf(acme.id, first))?.role).toBe('administrator')
    await scim(
      'PATCH',
      `/Groups/${group}`,
      patchOf(
        { op: 'remove', path: `members[value eq "${first}"]` },
        { op: 'add', path: 'members', value: [{ value: second, display: 'b1@acme.example' }] },
        { op: 'replace', value: { id: group, displayName: 'Administrators' } },
      ),
    )
    expect((await memberOf(acme.id, first))?.role).toBe('member')
    expect((await memberOf(acme.id, second))?.role).toBe('administrator')
    // What an administrator's token asks for they may not do by hand.
    const { token } = await tokenOfAdministrator()
    const forbidden = [
      ['DELETE', `/Groups/${group}`],
      ['PATCH', `/Groups/${group}`, patchOf({ op: 'add', path: 'members', value: [{ value: first }] })],
      ['PATCH', `/Users/${second}`, patchOf({ op: 'replace', value: { active: false } })],
      ['DELETE', `/Users/${second}`],
    ] as const
    for (const [method, path, body] of forbidden)
      expect((await scim(method, path, body, { token })).status, `${method} ${path}`).toBe(403)
    expect(
      (await scim('PATCH', `/Users/${first}`, patchOf({ op: 'replace', value: { active: true } }), { token }))
        .status,
    ).toBe(200)
    await scim('DELETE', `/Groups/${group}`)
    const members = patchOf({ op: 'replace', path: 'members', value: [{ value: newId() }] })
    const another = (await scim('POST', '/Groups', { displayName: 'More' })).body['id']
    expect((await scim('PATCH', `/Groups/${another}`, members)).status).toBe(400)
  })

  test('pages, filters and versions are as the standard says', async () => {
    const all = await listOf('/Users?count=200')
    expect(await listOf('/Users?count=0')).toMatchObject({ totalResults: all['totalResults'], Resources: [] })
    const second = await listOf('/Users?startIndex=2&count=1')
    expect(second).toMatchObject({ itemsPerPage: 1, Resources: [{ id: all['Resources'][1].id }] })
    const active = await listOf(
      `/Users?filter=${encodeURIComponent('active eq false and userName sw "OKTA"')}`,
    )
    expect(active).toMatchObject({ totalResults: 1 })
    expect((await scim('GET', `/Users?filter=${encodeURIComponent('userName eq')}`)).body).toMatchObject({
      status: '400',
      scimType: 'invalidFilter',
    })
    const one = await scim('GET', `/Users/${all['Resources'][0].id}?attributes=userName`)
    expect(Object.keys(one.body).sort()).toEqual(['id', 'meta', 'schemas', 'userName'])
    const stale = await scim('PUT', `/Users/${one.body['id']}`, oktaUser('okta'), {
      headers: { 'if-match': 'W/"99"' },
    })
    expect(stale.status).toBe(412)
    for (const [at, attribute] of [
      ['Users', 'userName'],
      ['Users', 'title'],
      ['Groups', 'displayName'],
    ])
      for (const text of ['\\u0000', '\\ud800'])
        expect(
          (await scim('GET', `/${at}?filter=${encodeURIComponent(`${attribute} eq "a${text}"`)}`)).body,
        ).toMatchObject({ status: '400', scimType: 'invalidFilter' })
    for (const path of ['', '/', '/Me', '/Nope/1', `/Users/${newId()}/more`]) {
      const { status, body, headers } = await scim('GET', path)
      expect(status, path).toBe(404)
      expect(headers['content-type']).toMatch(/^application\/scim\+json/)
      expect(body).toMatchObject({ schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'], status: '404' })
    }
    for (const path of ['ServiceProviderConfig', 'ResourceTypes', 'Schemas'])
      expect((await scim('GET', `/${path}`)).status).toBe(200)
  })
})

describe('what it may not', () => {
  test('a token of one organisation sees, changes and groups nobody of another', async () => {
    const theirs = (
      await scim('POST', '/Users', entraUser('them', { userName: 'them@other.example', emails: [] }), {
        token: other.token,
      })
    ).body
    expect(theirs['id']).toBeDefined()
    const at = `/Users/${theirs['id']}`
    const body = entraUser('them')
    expect((await scim('GET', at)).status).toBe(404)
    expect((await scim('PUT', at, body)).status).toBe(404)
    expect((await scim('PATCH', at, patchOf({ op: 'replace', path: 'active', value: false }))).status).toBe(
      404,
    )
    expect((await scim('DELETE', at)).status).toBe(404)
    const grouped = await scim('POST', '/Groups', {
      displayName: 'Thieves',
      members: [{ value: theirs['id'] }],
    })
    expect(grouped.status).toBe(400)
    expect(
      await listOf(`/Users?filter=${encodeURIComponent('userName eq "them@other.example"')}`),
    ).toMatchObject({ totalResults: 0 })
    expect(await memberOf(other.id, theirs['id'])).toMatchObject({ suspended_at: null })
  })

  test('nobody is taken over by an e-mail address: it has to be of a verified domain, or theirs already', async () => {
    const victim = await http.createBrowser({})
    const { rows } = await http.database.pool.query('SELECT email, name FROM users WHERE id = $1', [
      victim.userId,
    ])
    const { email } = rows[0] as { email: string }
    const claim = { ...entraUser('v'), userName: email, emails: [{ value: email, primary: true }] }
    const refused = await scim('POST', '/Users', claim)
    expect(refused.status).toBe(403)
    // An address that nobody has is refused in the same words.
    const nobody = await scim('POST', '/Users', { ...claim, userName: 'no@elsewhere.example', emails: [] })
    expect(nobody.status).toBe(403)
    expect(nobody.body['detail'].replace('elsewhere.example', '')).toBe(
      refused.body['detail'].replace(email.split('@')[1], ''),
    )
    expect(await memberOf(acme.id, victim.userId)).toBeUndefined()

    // A user of ours becomes nobody else by changing the address to theirs, or to one of a domain that is not ours.
    const ours = (await scim('POST', '/Users', entraUser('mallory'))).body['id']
    for (const value of [email, 'mallory@elsewhere.example', 'them@other.example']) {
      const moved = await scim(
        'PATCH',
        `/Users/${ours}`,
        patchOf({ op: 'replace', path: 'emails[type eq "work"].value', value }),
      )
      expect(moved.status, value).toBe(403)
    }
    expect(await memberOf(acme.id, ours)).toMatchObject({ email: 'mallory@acme.example' })
  })

  test('whoever also belongs elsewhere keeps their address and name, whatever a provider calls them', async () => {
    const person = await http.createBrowser({ email: 'shared@acme.example' })
    const made = await scim('POST', '/Users', entraUser('shared'))
    expect(made.body['id']).toBe(person.userId)
    const before = await memberOf(acme.id, person.userId)
    const moved = await scim(
      'PATCH',
      `/Users/${person.userId}`,
      patchOf({
        op: 'replace',
        value: { displayName: 'Renamed', 'emails[type eq "work"].value': 'taken@acme.example' },
      }),
    )
    expect(moved.status).toBe(200)
    expect(await memberOf(acme.id, person.userId)).toEqual(before)
    await scim('DELETE', `/Users/${person.userId}`)
    // Their own organisation is still theirs.
    expect((await callEndpoint(http.app, 'readMe', await http.signIn(person), {})).statusCode).toBe(200)
  })

  test('owners are neither linked nor changed, suspended or removed, whatever a provider says', async () => {
    const owner = acme.owner.userId
    const { rows } = await http.database.pool.query('SELECT email FROM users WHERE id = $1', [owner])
    const made = await scim('POST', '/Users', { userName: rows[0].email, active: false })
    expect(made.status).toBe(403)
    expect(made.body['detail']).toContain('Owners')
    expect(await memberOf(acme.id, owner)).toMatchObject({ role: 'owner', suspended_at: null })
    // One who became an owner after the provider had told of them.
    const { id } = (await scim('POST', '/Users', entraUser('heir'))).body
    await http.organizations.changeRole(operator, { organizationId: acme.id, userId: id, role: 'owner' })
    for (const [path, value] of [
      ['active', false],
      ['displayName', 'Renamed'],
    ])
      expect(
        (await scim('PATCH', `/Users/${id}`, patchOf({ op: 'replace', path, value }))).status,
        String(path),
      ).toBe(403)
    expect((await scim('PUT', `/Users/${id}`, entraUser('heir', { active: false }))).status).toBe(403)
    expect((await scim('DELETE', `/Users/${id}`)).status).toBe(403)
    expect(await memberOf(acme.id, id)).toMatchObject({
      role: 'owner',
      suspended_at: null,
      name: 'Given heir',
    })
  })

  test('nor is one who becomes an owner while the provider’s change is under way', async () => {
    const { id: group } = (await scim('POST', '/Groups', { displayName: 'Auditors' })).body
    const role = { params: { id: group }, body: { role: 'auditor' } } as const
    expect((await callEndpoint(http.app, 'setGroupRole', acme.owner, role)).statusCode).toBe(200)
    const changes: [string, number, (id: string) => ReturnType<typeof scim>][] = [
      ['removed', 403, (id) => scim('DELETE', `/Users/${id}`)],
      ['suspended', 403, (id) => scim('PUT', `/Users/${id}`, entraUser('suspended', { active: false }))],
      ['renamed', 403, (id) => scim('PUT', `/Users/${id}`, entraUser('somebody'))],
      [
        'grouped',
        204,
        (id) =>
          scim('PATCH', `/Groups/${group}`, patchOf({ op: 'add', path: 'members', value: [{ value: id }] })),
      ],
    ]
    for (const [name, status, change] of changes) {
      const { id } = (await scim('POST', '/Users', entraUser(name))).body
      const { result } = await whileMadeOwner(http, { organizationId: acme.id, userId: id }, () => change(id))
      expect(result.status, name).toBe(status)
      expect(await memberOf(acme.id, id), name).toMatchObject({
        role: 'owner',
        suspended_at: null,
        email: `${name}@acme.example`,
      })
    }
  })

  test('a group makes nobody what whoever says so may not make them', async () => {
    const administrator = await http.createBrowser({ organizationId: acme.id, role: 'administrator' })
    const { id } = (await scim('POST', '/Groups', { displayName: 'Rulers' })).body
    const set = async (by: Browser, role: 'administrator' | 'auditor' | null) =>
      (await callEndpoint(http.app, 'setGroupRole', by, { params: { id }, body: { role } })).statusCode
    expect(await set(administrator, 'administrator')).toBe(403)
    expect(await set(administrator, 'auditor')).toBe(200)
    expect(await set(acme.owner, 'administrator')).toBe(200)
    expect(await set(administrator, null)).toBe(403)
    // Of administrators nothing follows but by a rule that makes administrators.
    expect(await set(acme.owner, null)).toBe(200)
    const peer = await http.createPerson({
      email: 'peer@acme.example',
      organizationId: acme.id,
      role: 'administrator',
    })
    expect((await scim('POST', '/Users', entraUser('peer'))).status).toBe(201)
    expect(await set(administrator, 'auditor')).toBe(200)
    await scim(
      'PATCH',
      `/Groups/${id}`,
      patchOf({ op: 'add', path: 'members', value: [{ value: peer.userId }] }),
    )
    expect((await memberOf(acme.id, peer.userId))?.role).toBe('administrator')
    await scim('DELETE', `/Groups/${id}`)
  })

  test('a token does nothing more once whoever made it may not manage members, and rests while they are suspended', async () => {
    const ends: [string, (member: { organizationId: string; userId: string }) => Promise<unknown>][] = [
      ['removed', (member) => http.organizations.removeMember(operator, member)],
      ['demoted', (member) => http.organizations.changeRole(operator, { ...member, role: 'auditor' })],
      [
        'deleted',
        async ({ userId }) => {
          await http.userDeletions.schedule(operator, userId, {})
          await http.userDeletions.deleteDue(new Date(Date.now() + 15 * 86_400_000))
        },
      ],
    ]
    for (const [name, end] of ends) {
      const { token, userId, accessToken } = await tokenOfAdministrator()
      const ask = () => scim('POST', '/Groups', { displayName: `Of the ${name}` }, { token })
      const member = { organizationId: acme.id, userId }
      await http.organizations.suspendMember(operator, member)
      const resting = await ask()
      expect(resting.status, name).toBe(403)
      expect(resting.body['detail']).toContain('is suspended. Make a new token')
      await http.organizations.restoreMember(operator, member)
      expect((await scim('GET', '/Groups', undefined, { token })).status, name).toBe(200)
      await end(member)
      const refused = await ask()
      expect(refused.status, name).toBe(401)
      expect(refused.body['detail']).toMatch(/may not manage members any more.+Create a new access token/)
      const again = await ask()
      expect(again.status, name).toBe(401)
      expect(again.body['detail']).toContain('was revoked. Create a new access token')
      const { rows } = await http.database.pool.query(
        `SELECT actor_kind, reason FROM audit_entries WHERE action = 'access_token.revoked' AND subject_id = $1`,
        [accessToken.id],
      )
      expect(rows, name).toEqual([
        { actor_kind: 'gateway', reason: expect.stringContaining('Whoever made this token') },
      ])
    }
  })

  test.each(['deleted', 'without its role'])(
    'what the last rule made of somebody goes when its group is %s, whatever was given by hand stays',
    async (how) => {
      const third = await company('Third', `${how.slice(0, 7)}.example`)
      const { id: organizationId, token, owner } = third
      const made = async (name: string) =>
        (await scim('POST', '/Users', { userName: `${name}@${third.domain}` }, { token })).body[
          'id'
        ] as string
      const [ruled, promoted, outside] = [await made('ruled'), await made('promoted'), await made('outside')]
      const members = [{ value: ruled }, { value: promoted }]
      const { id } = (await scim('POST', '/Groups', { displayName: 'Rulers', members }, { token })).body
      const set = (role: 'administrator' | null) =>
        callEndpoint(http.app, 'setGroupRole', owner, { params: { id }, body: { role } })
      expect((await set('administrator')).json()).toEqual({ changed: 2 })
      const byHand = [
        { organizationId, userId: promoted, role: 'billing' },
        { organizationId, userId: outside, role: 'administrator' },
      ] as const
      for (const member of byHand) await http.organizations.changeRole(operator, member)
      if (how === 'deleted')
        expect((await scim('DELETE', `/Groups/${id}`, undefined, { token })).status).toBe(204)
      else expect((await set(null)).json()).toEqual({ changed: 1 })
      for (const [userId, role] of [
        [ruled, 'member'],
        [promoted, 'billing'],
        [outside, 'administrator'],
      ] as const)
        expect((await memberOf(organizationId, userId))?.role).toBe(role)
    },
  )

  test('an account that was opened before its address was proved keeps no way in, and no platform administrator is added', async () => {
    const { id: evil } = await http.organizations.create(operator, { name: 'Evil', kind: 'company' })
    const squatter = await http.createBrowser({ email: 'squat@acme.example', organizationId: evil })
    const { pool } = http.database
    await pool.query(`UPDATE memberships SET source = 'invitation' WHERE user_id = $1`, [squatter.userId])
    await pool.query(`UPDATE users SET password_hash = 'theirs' WHERE id = $1`, [squatter.userId])
    expect((await scim('POST', '/Users', entraUser('squat'))).body['id']).toBe(squatter.userId)
    expect((await callEndpoint(http.app, 'readMe', squatter, {})).statusCode).toBe(401)
    const { rows } = await pool.query('SELECT password_hash FROM users WHERE id = $1', [squatter.userId])
    expect(rows).toEqual([{ password_hash: null }])
    await http.createPerson({ email: 'root@acme.example', isPlatformAdministrator: true })
    expect((await scim('POST', '/Users', entraUser('root'))).status).toBe(403)
  })

  test('other tokens do not open it, its own opens nothing else, and a revoked one nothing at all', async () => {
    const own = await callEndpoint(http.app, 'createAccessToken', acme.owner, { body: { name: 'x' } })
    const { token } = own.json<{ token: string }>()
    expect((await scim('GET', '/Users', undefined, { token })).status).toBe(401)
    expect((await scim('GET', '/Users', undefined, { token: '' })).status).toBe(401)
    const read = await http.app.inject({
      url: `/api/operations/${newId()}`,
      headers: { authorization: `Bearer ${acme.token}`, 'x-aideon-user': acme.owner.userId },
    })
    expect(read.statusCode).toBe(401)
    expect((await http.access.authenticate(hashOfToken(acme.token))).ok).toBe(false)
    const { tokens } = (await callEndpoint(http.app, 'readProvisioning', other.owner, {})).json<{
      tokens: { id: string }[]
    }>()
    const params = { id: tokens[0]?.id as string }
    // Not by another organisation's owner.
    expect((await callEndpoint(http.app, 'revokeProvisioningToken', acme.owner, { params })).statusCode).toBe(
      404,
    )
    expect(
      (await callEndpoint(http.app, 'revokeProvisioningToken', other.owner, { params })).statusCode,
    ).toBe(200)
    expect((await scim('GET', '/Users', undefined, { token: other.token })).status).toBe(401)
  })

  test('what is no JSON, too nested or names what objects inherit changes nothing', async () => {
    const { id } = (await scim('POST', '/Users', entraUser('odd'))).body
    for (const body of ['{', '[]', '{"__proto__":{"active":false}}', 'null']) {
      const reply = await http.app.inject({
        method: 'PATCH',
        url: `/scim/v2/Users/${id}`,
        headers: { authorization: `Bearer ${acme.token}`, 'content-type': 'application/scim+json' },
        payload: body,
      })
      expect(reply.statusCode, body).toBe(400)
    }
    const deep = `${'('.repeat(50)}active eq true${')'.repeat(50)}`
    expect((await scim('GET', `/Users?filter=${encodeURIComponent(deep)}`)).status).toBe(400)
    for (const path of ['__proto__.active', 'constructor.prototype.x', 'emails[', ''])
      await scim('PATCH', `/Users/${id}`, patchOf({ op: 'add', path, value: true }))
    expect(({} as Json)['x']).toBeUndefined()
    expect((await scim('GET', `/Users/${id}`)).body).toMatchObject({ active: true })
  })
})

test('dashboards show whom and what the provider told', async () => {
  const view = (await callEndpoint(http.app, 'readProvisioning', acme.owner, {})).json<Json>()
  expect(view).toMatchObject({
    baseUrl: expect.stringMatching(/\/scim\/v2$/),
    tokens: expect.arrayContaining([expect.objectContaining({ name: 'Directory' })]),
  })
  expect(JSON.stringify(view)).not.toContain(acme.token)
  const found = await callEndpoint(http.app, 'listProvisionedUsers', acme.owner, {
    query: { search: 'okta' },
  })
  expect(found.json<Json>()['items']).toMatchObject([{ userName: 'okta@acme.example', active: false }])
})
