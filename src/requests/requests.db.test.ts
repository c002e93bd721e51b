import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Browser, goodSecret, type Http, operator, startHttp } from '../../tests/http-harness.ts'
import { must } from '../kit/fault.ts'
import { everything } from '../policy/control.ts'

let http: Http
let owner: Browser
let member: Browser
let organizationId: string

beforeAll(async () => {
  http = await startHttp()
})
afterAll(() => http.close())
beforeEach(async () => {
  organizationId = (await http.organizations.create(operator, { name: 'Acme', kind: 'company' })).id
  owner = await http.createBrowser({ organizationId, role: 'owner' })
  member = await http.createBrowser({ organizationId, role: 'member' })
})

const change = async (control: Parameters<Http['organizations']['change']>[2]) =>
  must(await http.organizations.change(operator, organizationId, control))
const allow = (services: string[]) => change({ allowed: { ...everything, services } })
const ask = async (body: Record<string, unknown>, as = member) =>
  http.call('createRequest', as, { body: { reason: 'For the report', ...body } as never })
const asked = async (body: Record<string, unknown>) => (await ask(body)).json<{ id: string }>().id
const approve = (id: string, body: Record<string, unknown>, as = owner) =>
  http.call('approveRequest', as, { params: { id }, body: body as never })
const policy = async () => must(await http.organizations.policy(organizationId)).current
const alertsOf = async ({ userId }: Browser) =>
  (await http.alerts.page({ organizationId, userId }, {}, null, 10)).map(({ title }) => title)
const auditOf = async (id: string) => {
  const { rows } = await http.database.pool.query<{ action: string }>(
    `SELECT action FROM audit_entries WHERE organization_id = $1 AND subject_id = $2 ORDER BY id`,
    [organizationId, id],
  )
  return rows.map(({ action }) => action)
}

describe('a service that the policy does not allow', () => {
  test('is asked for, opened in one step for everybody, and the member is told', async () => {
    await allow(['openai'])
    const id = await asked({ kind: 'service', serviceId: 'anthropic' })
    expect(await alertsOf(owner)).toEqual([expect.stringContaining('asks for access to Anthropic')])

    const { items, current } = (await http.call('listRequests', owner, { query: {} })).json()
    expect(current.allowed.services).toEqual(['openai'])
    expect(items).toMatchObject([
      {
        id,
        state: 'open',
        user: { id: member.userId },
        opening: { allowed: { services: ['anthropic', 'openai'] } },
      },
    ])

    expect((await approve(id, { by: 'policy', answer: 'Enjoy' })).json()).toMatchObject({
      state: 'approved',
      grantedBy: 'policy',
      answer: 'Enjoy',
    })
    expect(await policy()).toMatchObject({
      version: 3,
      reason: expect.stringMatching(/^access to Anthropic for person\d+@example.com: For the report$/),
      document: { allowed: { services: ['anthropic', 'openai'] } },
      author: { id: owner.userId },
    })
    expect(await alertsOf(member)).toEqual(['You have access to Anthropic'])
    expect(await auditOf(id)).toEqual(['access_request.created', 'access_request.approved'])
    expect((await approve(id, { by: 'policy' })).statusCode).toBe(409)
  })

  test('is granted once, whichever of two answers comes first; the policy has one new version', async () => {
    await allow(['openai'])
    const id = await asked({ kind: 'service', serviceId: 'anthropic' })
    const answers = await Promise.all([approve(id, { by: 'policy' }), approve(id, { by: 'policy' })])
    expect(answers.map(({ statusCode }) => statusCode).toSorted((a, b) => a - b)).toEqual([200, 409])
    expect((await policy()).version).toBe(3)
  })

  test('that has come to be allowed while the request waited is approved without another version', async () => {
    await allow(['openai'])
    const id = await asked({ kind: 'service', serviceId: 'anthropic' })
    await allow(['openai', 'anthropic'])
    expect((await approve(id, { by: 'policy' })).json()).toMatchObject({ grantedBy: 'other' })
    expect((await policy()).version).toBe(3)
  })
})

test('a key of a critical service is shared by the organisation, for the next operation of the member', async () => {
  await change({ controlPolicy: 'hybrid', criticalServices: ['openai'] })
  const id = await asked({ kind: 'organization_key', serviceId: 'openai' })
  expect((await approve(id, { by: 'key' })).statusCode).toBe(400)
  const refused = await approve(id, { by: 'key', key: { secret: 'sk-proj-refused-by-the-service' } })
  expect(refused.statusCode).toBeGreaterThanOrEqual(400)
  expect((await http.call('listOwnRequests', member, { query: {} })).json().items[0].state).toBe('open')

  const key = { secret: goodSecret(), label: 'Shared' }
  expect((await approve(id, { by: 'key', key })).json()).toMatchObject({ grantedBy: 'key' })
  const usable = await http.serviceKeys.listForGateway(organizationId, member.userId)
  expect(usable).toMatchObject([
    { owner: 'organization', serviceId: 'openai', label: 'Shared', status: 'active' },
  ])
  expect((await policy()).version).toBe(2)
})

test('what no change of the policy grants is not approved by one, and nothing that is given is dropped', async () => {
  const key = { secret: goodSecret() }
  const shared = await asked({ kind: 'organization_key', serviceId: 'openai' })
  for (const body of [
    { by: 'policy', key },
    { by: 'other', key },
    { by: 'policy', expiresAt: '2099-01-01T00:00:00Z' },
    { by: 'key', key, expiresAt: '2099-01-01T00:00:00Z' },
  ])
    expect((await approve(shared, body)).statusCode, JSON.stringify(body)).toBe(400)
  expect((await approve(shared, { by: 'policy' })).statusCode).toBe(409)

  await change({ controlPolicy: 'it_control' })
  const own = await asked({ kind: 'own_key', serviceId: 'openai' })
  expect((await approve(own, { by: 'policy' })).statusCode).toBe(409)
  const { items } = (await http.call('listRequests', owner, { query: { state: 'open' } })).json()
  expect(items).toHaveLength(2)
  await http.call('grantOwnKeyException', owner, {
    params: { user: member.userId, service: 'openai' },
    body: { reason: 'Trial' },
  })
  expect((await approve(own, { by: 'policy' })).json()).toMatchObject({ grantedBy: 'other' })
})

test('own keys of a critical service come back to members when it is no longer critical', async () => {
  const added = await http.serviceKeys.add(operator, {
    organizationId,
    owner: 'user',
    userId: member.userId,
    serviceId: 'openai',
    secret: goodSecret(),
  })
  await change({ controlPolicy: 'hybrid', criticalServices: ['openai', 'groq'] })
  const keyOf = async () =>
    (await http.serviceKeys.find({ organizationId, id: must(added).serviceKey.id }))?.status
  expect(await keyOf()).toBe('suspended')
  await approve(await asked({ kind: 'own_key', serviceId: 'openai' }), { by: 'policy' })
  expect(await keyOf()).toBe('active')
  expect((await policy()).document.criticalServices).toEqual(['groq'])
})

describe('under IT control', () => {
  const ownKey = async () =>
    must(
      await http.serviceKeys.add(operator, {
        organizationId,
        owner: 'user',
        userId: member.userId,
        serviceId: 'openai',
        secret: goodSecret(),
      }),
    ).serviceKey.id
  const statusOf = async (id: string) => (await http.serviceKeys.find({ organizationId, id }))?.status
  const exceptions = async () => (await http.call('readPolicy', owner, {})).json().exceptions

  test('an own key is asked for and comes back, for this member and this service, until it is taken back', async () => {
    const id = await ownKey()
    await change({ controlPolicy: 'it_control' })
    expect(await statusOf(id)).toBe('suspended')
    const request = await asked({ kind: 'own_key', serviceId: 'openai' })
    const { items } = (await http.call('listRequests', owner, { query: {} })).json()
    expect(items).toMatchObject([{ opening: null, mayBeExcepted: true }])
    expect((await approve(request, { by: 'exception' })).json()).toMatchObject({ grantedBy: 'exception' })

    expect(await statusOf(id)).toBe('active')
    expect((await policy()).document.controlPolicy).toBe('it_control')
    expect(await exceptions()).toMatchObject([
      { userId: member.userId, serviceId: 'openai', expiresAt: null },
    ])
    const add = (as: Browser, serviceId: string) =>
      http.call('addServiceKey', as, { body: { serviceId, secret: goodSecret() } })
    expect((await add(member, 'openai')).statusCode).toBe(201)
    expect((await add(member, 'anthropic')).statusCode).toBe(403)
    expect((await add(owner, 'openai')).statusCode).toBe(403)
    // Another version of the policy leaves it as it is.
    await change({ systemKeysAllowed: false })
    expect(await statusOf(id)).toBe('active')

    const params = { user: member.userId, service: 'openai' }
    expect((await http.call('revokeOwnKeyException', owner, { params })).json().exceptions).toEqual([])
    expect(await statusOf(id)).toBe('suspended')
    expect((await add(member, 'openai')).statusCode).toBe(403)
    expect((await http.call('revokeOwnKeyException', owner, { params })).statusCode).toBe(404)
  })

  test('an exception ends by itself, and with the membership', async () => {
    const id = await ownKey()
    await change({ controlPolicy: 'it_control' })
    const expiresAt = new Date(Date.now() + 3_600_000)
    const put = (body: { reason: string; expiresAt?: string }) =>
      http.call('grantOwnKeyException', owner, {
        params: { user: member.userId, service: 'openai' },
        body,
      })
    expect((await put({ reason: 'Trial', expiresAt: '2020-01-01T00:00:00Z' })).statusCode).toBe(400)
    expect((await put({ reason: 'Trial', expiresAt: expiresAt.toISOString() })).statusCode).toBe(200)
    expect(must(await http.access.person(organizationId, member.userId)).validUntil).toEqual(expiresAt)
    expect(await http.organizations.endExpiredExceptions(new Date(expiresAt.getTime() - 1))).toBe(0)
    expect(await statusOf(id)).toBe('active')
    expect(await http.organizations.endExpiredExceptions(expiresAt)).toBe(1)
    expect(await statusOf(id)).toBe('suspended')
    expect(await exceptions()).toEqual([])

    await put({ reason: 'Trial' })
    must(await http.organizations.removeMember(operator, { organizationId, userId: member.userId }))
    expect(await exceptions()).toEqual([])
  })

  test('what somebody has asked for ends with their membership, also where it is granted in the same moment', async () => {
    await change({ controlPolicy: 'it_control' })
    const waiting = await asked({ kind: 'organization_key', serviceId: 'openai' })
    const granted = await asked({ kind: 'own_key', serviceId: 'openai' })
    const [answer, removed] = await Promise.all([
      approve(granted, { by: 'exception' }),
      http.organizations.removeMember(operator, { organizationId, userId: member.userId }),
    ])
    expect([200, 404, 409]).toContain(answer.statusCode)
    expect(removed.ok).toBe(true)
    expect(await exceptions()).toEqual([])
    const open = await http.call('listRequests', owner, { query: { state: 'open' } })
    expect(open.json().items).toEqual([])
    expect(await auditOf(waiting)).toEqual(['access_request.created', 'access_request.withdrawn'])
    const key = { by: 'key', key: { secret: goodSecret() } }
    expect((await approve(waiting, key)).statusCode).toBe(409)
  })

  test('of another organisation’s members, teams and requests nothing is granted', async () => {
    await change({ controlPolicy: 'it_control' })
    const here = { user: member.userId, service: 'openai' }
    const elsewhere = (await http.organizations.create(operator, { name: 'Other', kind: 'company' })).id
    const stranger = await http.createBrowser({ organizationId: elsewhere, role: 'owner' })
    must(await http.organizations.change(operator, elsewhere, { controlPolicy: 'it_control' }))
    const body = { reason: 'Ours' }
    expect((await http.call('grantOwnKeyException', stranger, { params: here, body })).statusCode).toBe(404)
    expect((await http.call('grantOwnKeyException', owner, { params: here, body })).statusCode).toBe(200)
    expect((await http.call('revokeOwnKeyException', stranger, { params: here })).statusCode).toBe(404)
    const team = (as: Browser) => http.call('createTeam', as, { body: { name: 'Red', description: '' } })
    const theirs = (await team(stranger)).json<{ id: string }>().id
    const shared = (teamIds: string[] | null) =>
      http.call('addOwnOrganizationKey', owner, {
        body: { serviceId: 'openai', secret: goodSecret(), teamIds },
      })
    expect((await shared([theirs])).statusCode).toBe(400)
    const { id } = (await shared(null)).json<{ id: string }>()
    const keep = (as: Browser, teamId: string) =>
      http.call('setOwnOrganizationKeyTeams', as, { params: { id }, body: { teamIds: [teamId] } })
    expect((await keep(owner, theirs)).statusCode).toBe(400)
    expect((await keep(stranger, theirs)).statusCode).toBe(404)
    expect((await exceptions()).length).toBe(1)
  })
})

test('a key is not shared where the request was withdrawn in the same moment', async () => {
  const id = await asked({ kind: 'organization_key', serviceId: 'openai' })
  const answers = await Promise.all([
    approve(id, { by: 'key', key: { secret: goodSecret() } }),
    http.call('withdrawRequest', member, { params: { id } }),
  ])
  expect(answers.map(({ statusCode }) => statusCode).toSorted((a, b) => a - b)).toEqual([200, 409])
  const shared = await http.serviceKeys.list({ organizationId, owners: ['organization'] })
  expect(shared).toHaveLength(answers[0].statusCode === 200 ? 1 : 0)
})

describe('who asks', () => {
  test('asks for nothing that is there, and twice for nothing', async () => {
    const messageOf = async (body: Record<string, unknown>) => {
      const reply = await ask(body)
      return reply.json<{ error?: { message: string } }>().error?.message ?? reply.statusCode
    }
    expect(await messageOf({ kind: 'service', serviceId: 'openai' })).toContain('allows this service')
    expect(await messageOf({ kind: 'own_key', serviceId: 'openai' })).toContain('key of your own')
    expect(await messageOf({ kind: 'service', serviceId: 'nowhere' })).toContain('no service nowhere')
    await change({ controlPolicy: 'it_control' })
    expect(await messageOf({ kind: 'own_key', serviceId: 'openai' })).toBe(201)
    expect(await messageOf({ kind: 'organization_key', serviceId: 'openai' })).toBe(201)
    expect(await messageOf({ kind: 'organization_key', serviceId: 'openai' })).toContain('already')
  })

  test('learns whom to ask and what became of it; of others’ requests nothing', async () => {
    expect((await http.call('listDeciders', member, {})).json().items).toEqual([
      { name: 'Ada', email: expect.stringContaining('@') },
    ])
    const id = await asked({ kind: 'organization_key', serviceId: 'openai' })
    const other = await http.createBrowser({ organizationId, role: 'member' })
    expect((await http.call('listOwnRequests', other, { query: {} })).json().items).toEqual([])
    expect((await http.call('withdrawRequest', other, { params: { id } })).statusCode).toBe(404)
    expect((await http.call('listRequests', member, { query: {} })).statusCode).toBe(403)
    expect((await approve(id, { by: 'other' }, member)).statusCode).toBe(403)
    const stranger = await http.createBrowser({
      organizationId: (await http.organizations.create(operator, { name: 'Other', kind: 'company' })).id,
      role: 'owner',
    })
    expect((await approve(id, { by: 'other' }, stranger)).statusCode).toBe(404)
    await http.call('declineRequest', owner, { params: { id }, body: { answer: 'No budget' } })
    expect((await http.call('listOwnRequests', member, { query: {} })).json().items).toMatchObject([
      { state: 'declined', answer: 'No budget' },
    ])
    expect(await alertsOf(member)).toEqual(['Your request was declined: a shared key of OpenAI'])
  })
})
