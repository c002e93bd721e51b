import { afterAll, beforeAll, expect, test } from 'vitest'
import { demoSecret } from '../simulator/keys.ts'
import type { BudgetDraft } from '../src/budgets/budgets.ts'
import { must } from '../src/kit/fault.ts'
import { checkBudgets } from './budget-nodes.ts'
import { operator } from './scene.ts'
import { openStage, type Stage, type StagePerson } from './stage.ts'

/** What teams and shared keys mean for calls, through a whole gateway. */

let stage: Stage
beforeAll(async () => {
  stage = await openStage()
  await stage.systemKey('openai', 1)
})
afterAll(async () => {
  expect(await checkBudgets(stage.clone.database)).toEqual([])
  await stage[Symbol.asyncDispose]()
})

const body = { model: 'gpt-4o-mini', max_tokens: 200, messages: [{ role: 'user', content: 'hello' }] }
const call = async (token: string) => {
  const reply = await fetch(`${stage.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify(body),
  })
  const text = await reply.text()
  const { headers, status } = reply
  return {
    status,
    text,
    owner: headers.get('x-aideon-key-owner'),
    id: headers.get('x-aideon-operation') ?? '',
  }
}

const colleagues = async (fallback: 'none' | 'system') => {
  const { organizations } = stage.gateway.rooms
  const { id } = await organizations.create(operator, { name: 'Company', kind: 'company' })
  const one = await stage.person({ organizationId: id, fallback })
  return [one, await stage.person({ organizationId: id, fallback })] as const
}
const budget = async ({ organizationId }: StagePerson, more: Partial<BudgetDraft>) =>
  must(
    await stage.gateway.rooms.budgets.create(operator, {
      organizationId,
      userId: null,
      accessTokenId: null,
      serviceId: null,
      name: 'Shared',
      measure: 'credits',
      limit: 50n,
      enforcement: 'hard',
      period: 'calendar_month',
      timeZone: 'UTC',
      setBy: 'organization',
      ...more,
    }),
  )
let secrets = 0
const shareKey = async ({ organizationId }: StagePerson, teamIds: string[] | null = null) => {
  const secret = demoSecret('openai', `shared${++secrets}`)
  stage.simulator.setKey(secret, { kind: 'ok' }, 'openai')
  const owner = { organizationId, owner: 'organization', userId: null, teamIds } as const
  return must(await stage.gateway.rooms.serviceKeys.add(operator, { ...owner, serviceId: 'openai', secret }))
    .serviceKey.id
}

test('what is called with a team’s token is on record as the team’s, meets its budget and ends with the membership', async () => {
  const { teams } = stage.gateway.rooms
  const [one, other] = await colleagues('system')
  const { organizationId, userId } = one
  const by = { actor: operator, organizationId, userId, role: 'administrator' } as const
  const id = must(await teams.create(by, { name: 'Search', description: '' }))
  const tokenFor = async (person: StagePerson) => {
    must(await teams.setMember(by, id, person.userId, 'member'))
    const own = { ...by, userId: person.userId }
    return must(await teams.createToken(own, id, { name: 'Batch', expiresAt: null })).token
  }
  const [ofOne, ofOther] = [await tokenFor(one), await tokenFor(other)]
  const first = await call(ofOne)
  expect(first.status).toBe(200)
  expect(await stage.operation(one, first.id)).toMatchObject({ team_id: id, user_id: one.userId })
  expect(await stage.operation(one, (await call(one.token)).id)).toMatchObject({ team_id: null })

  await budget(one, { teamId: id })
  for (const token of [ofOne, ofOther])
    expect(await call(token)).toMatchObject({ status: 402, text: expect.stringContaining('on this team') })
  expect((await call(one.token)).status).toBe(200)

  must(await teams.removeMember(by, id, other.userId))
  expect(await call(ofOther)).toMatchObject({ status: 401, text: expect.stringContaining('revoked') })
  expect((await call(other.token)).status).toBe(200)
})

test('a key kept for a team serves calls with its tokens, calls of its members for no team, and no others', async () => {
  const { teams, serviceKeys } = stage.gateway.rooms
  const [one, other] = await colleagues('none')
  const { organizationId, userId } = one
  const by = { actor: operator, organizationId, userId, role: 'administrator' } as const
  const team = async (name: string) => {
    const id = must(await teams.create(by, { name, description: '' }))
    must(await teams.setMember(by, id, userId, 'member'))
    return { id, token: must(await teams.createToken(by, id, { name: 'Batch', expiresAt: null })).token }
  }
  const [red, blue] = [await team('Red'), await team('Blue')]
  const id = await shareKey(one, [red.id])
  const served = async (...tokens: string[]) => {
    const owners = []
    for (const token of tokens) owners.push((await call(token)).owner)
    return owners
  }
  const all = [red.token, one.token, blue.token, other.token]
  expect(await served(...all)).toEqual(['organization', 'organization', null, null])
  const seenBy = async (person: StagePerson) =>
    (await serviceKeys.list({ organizationId, userId: person.userId, owners: ['user', 'organization'] }))
      .length
  expect([await seenBy(one), await seenBy(other)]).toEqual([1, 0])
  const explained = await fetch(`${stage.url}/v1/chat/completions`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${other.token}`,
      'x-aideon-explain': '1',
    },
    body: JSON.stringify(body),
  })
  expect(await explained.text()).toContain('keeps its OpenAI key for other teams')

  must(await serviceKeys.setTeams(operator, { organizationId, id }, [blue.id]))
  expect(await served(...all)).toEqual([null, 'organization', 'organization', null])
  must(await teams.setMember(by, blue.id, other.userId, 'member'))
  expect(await served(other.token)).toEqual(['organization'])
  must(await teams.removeMember(by, blue.id, other.userId))
  expect(await served(other.token)).toEqual([null])
  // Archived while it is given the key once more: whichever comes first, nobody has it, and never everybody.
  const keep = () => serviceKeys.setTeams(operator, { organizationId, id }, [blue.id])
  await Promise.all([keep(), teams.archive(by, blue.id)])
  expect(await served(one.token, other.token)).toEqual([null, null])
  must(await teams.restore(by, blue.id))
  expect(await served(one.token, other.token)).toEqual(['organization', null])
  must(await teams.archive(by, blue.id))
  must(await serviceKeys.setTeams(operator, { organizationId, id }, null))
  expect(await served(red.token, one.token, other.token)).toEqual(Array(3).fill('organization'))
  expect(await serviceKeys.setTeams(operator, { organizationId, id }, [blue.id])).toMatchObject({ ok: false })
})

test('a limit for each member on a shared key stops one member there and no other, from the next call on', async () => {
  const { organizationKeys } = stage.gateway.rooms
  const [one, other] = await colleagues('none')
  const keyId = await shareKey(one)
  const unlimited = { requestsPerMinute: null, tokensPerMinute: null, concurrent: null }
  const limit = (requestsPerMinute: number | null) =>
    organizationKeys.setLimits(operator, one.organizationId, keyId, {
      key: unlimited,
      eachMember: { ...unlimited, requestsPerMinute },
    })
  expect(await call(one.token)).toMatchObject({ status: 200, owner: 'organization' })
  must(await limit(1))
  expect(await call(one.token)).toMatchObject({ status: 200, owner: 'organization' })
  const full = await call(one.token)
  expect(full).toMatchObject({ status: 429 })
  expect(await call(other.token)).toMatchObject({ status: 200, owner: 'organization' })
  must(await limit(null))
  expect(await call(one.token)).toMatchObject({ status: 200, owner: 'organization' })

  const [wide] = await colleagues('system')
  const wideKey = await shareKey(wide)
  must(
    await organizationKeys.setLimits(operator, wide.organizationId, wideKey, {
      key: unlimited,
      eachMember: { ...unlimited, requestsPerMinute: 1 },
    }),
  )
  expect([(await call(wide.token)).owner, (await call(wide.token)).owner]).toEqual(['organization', 'system'])
  const { items } = must(await organizationKeys.useByMember(one.organizationId, keyId, 30))
  expect(items.map((used) => [used.userId, used.operations])).toEqual([
    [one.userId, 3n],
    [other.userId, 1n],
  ])
})

test('what each member may spend on a shared key is theirs alone', async () => {
  const { budgets } = stage.gateway.rooms
  const [one, other] = await colleagues('none')
  const serviceKeyId = await shareKey(one)
  expect((await call(one.token)).status).toBe(200)
  const each = await budget(one, { serviceKeyId, eachMember: true, measure: 'own_key_cost', limit: 1n })
  expect(await call(one.token)).toMatchObject({
    status: 402,
    text: expect.stringContaining('on this user on this service key'),
  })
  const reach = { organizationId: one.organizationId, userId: null }
  must(await budgets.change(operator, reach, each.id, { limit: 10_000_000_000n }))
  expect((await call(one.token)).status).toBe(200)
  expect((await call(other.token)).status).toBe(200)
  const members = await budgets.list({ organizationId: one.organizationId, follows: each.id })
  expect(members.map(({ budget: own, used }) => [own.scope.userId, used > 0n])).toEqual(
    expect.arrayContaining([
      [one.userId, true],
      [other.userId, true],
    ]),
  )
  // Also what was used before it was set.
  const mine = members.find(({ budget: own }) => own.scope.userId === one.userId)
  const theirs = members.find(({ budget: own }) => own.scope.userId === other.userId)
  expect(mine?.used).toBe((theirs?.used ?? 0n) * 2n)
})
