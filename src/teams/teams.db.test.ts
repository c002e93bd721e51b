import { afterAll, beforeAll, expect, test } from 'vitest'
import { cloneDatabase, type TestDatabase } from '../../tests/database.ts'
import { makeAccount, openLedger, type TestAccount } from '../../tests/ledger.ts'
import { insertOperation } from '../../tests/operation-row.ts'
import { makeAccess } from '../access/access.ts'
import { hashOfToken } from '../access/token.ts'
import type { Role } from '../contract/permissions.ts'
import { must } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import { silentLog } from '../kit/log.ts'
import { makeTeams, type Manager, type Teams } from './teams.ts'

let clone: TestDatabase
let teams: Teams
let access: ReturnType<typeof makeAccess>
const clock = () => new Date()
const closing: (() => Promise<void>)[] = []

beforeAll(async () => {
  clone = await cloneDatabase()
  const { kysely } = clone.database
  const epoch = { change: (_: string, work: never) => kysely.transaction().execute(work) } as never
  access = makeAccess({ database: clone.database, epoch, clock, log: silentLog })
  teams = makeTeams({ database: clone.database, epoch, access, clock })
})
afterAll(async () => {
  for (const close of closing) await close()
  await clone.drop()
})

const person = async (organizationId = newId()): Promise<TestAccount> => {
  const ledger = openLedger(clone.database)
  closing.push(() => ledger.close())
  return makeAccount(clone.database, ledger, { organizationId })
}
const as = ({ organizationId, userId }: TestAccount, role: Role = 'member'): Manager => ({
  actor: { kind: 'user', id: userId },
  organizationId,
  userId,
  role,
})
const standingOf = async (token: string) => {
  const found = await access.authenticate(hashOfToken(token))
  return found.ok ? found.value.teamId : found.fault.code
}
const code = (outcome: { ok: boolean; fault?: { code: string } }) => outcome.fault?.code ?? 'ok'

/** A company with an administrator, a lead, a member and somebody who is not in the team. */
const company = async () => {
  const owner = await person()
  const [lead, member, other] = await Promise.all([1, 2, 3].map(() => person(owner.organizationId)))
  if (!lead || !member || !other) throw new Error('three people')
  const administrator = as(owner, 'administrator')
  const id = must(await teams.create(administrator, { name: `Search ${owner.userId}`, description: '' }))
  must(await teams.setMember(administrator, id, lead.userId, 'lead'))
  must(await teams.setMember(as(lead), id, member.userId, 'member'))
  return { id, administrator, lead, member, other }
}
const tokenOf = async (by: Manager, id: string) =>
  must(await teams.createToken(by, id, { name: 'Batch', expiresAt: null })).token

test('members see their teams and no others; whose role reads teams sees all of the organisation, strangers none', async () => {
  const { id, administrator, member, other } = await company()
  const seen = async (by: Manager) =>
    (await teams.list(by, { isArchived: false })).map((team) => [team.id, team.ownRole])
  expect(await seen(as(member))).toEqual([[id, 'member']])
  expect(await seen(as(other))).toEqual([])
  expect(await seen(as(other, 'auditor'))).toEqual([[id, null]])
  expect(await seen(administrator)).toEqual([[id, null]])
  expect(code(await teams.read(as(await person(), 'owner'), id))).toBe('not_found')
})

test('a lead looks after members and tokens of their team; a member after themselves', async () => {
  const { id, lead, member, other, administrator } = await company()
  expect(code(await teams.setMember(as(member), id, other.userId, 'member'))).toBe('forbidden')
  expect(code(await teams.setMember(as(other), id, other.userId, 'lead'))).toBe('not_found')
  expect(code(await teams.setMember(as(lead), id, newId(), 'member'))).toBe('not_found')
  expect(code(await teams.removeMember(as(member), id, lead.userId))).toBe('forbidden')
  // Whoever manages teams is in none of them by that.
  expect(code(await teams.createToken(administrator, id, { name: 'x', expiresAt: null }))).toBe('forbidden')
  const wanted = { name: 'x', expiresAt: null, userId: member.userId }
  expect(code(await teams.createToken(administrator, id, wanted))).toBe('forbidden')
  await tokenOf(as(lead), id)
  await tokenOf(as(member), id)
  const listed = async (by: Manager) => must(await teams.tokens(by, id)).map(({ token }) => token)
  expect(await listed(as(lead))).toHaveLength(2)
  const [own] = await listed(as(member))
  expect(await listed(as(member))).toHaveLength(1)
  const [foreign] = (await listed(as(lead))).filter(({ userId }) => userId === lead.userId)
  expect(code(await teams.revokeToken(as(member), id, foreign?.id ?? ''))).toBe('not_found')
  expect(code(await teams.revokeToken(as(lead), id, own?.id ?? ''))).toBe('ok')
})

test('a service account in a team has tokens that whoever manages teams makes', async () => {
  const { id, administrator, lead, other } = await company()
  await clone.database.pool.query(`UPDATE users SET kind = 'service_account' WHERE id = $1`, [other.userId])
  must(await teams.setMember(as(lead), id, other.userId, 'member'))
  const wanted = { name: 'Machine', expiresAt: null, userId: other.userId }
  expect(code(await teams.createToken(as(lead), id, wanted))).toBe('forbidden')
  expect(must(await teams.createToken(administrator, id, wanted)).accessToken).toMatchObject({
    userId: other.userId,
    teamId: id,
  })
  // On somebody's credits, only they make them.
  await clone.database.pool.query(
    'INSERT INTO service_accounts (organization_id, user_id, pays_user_id) VALUES ($1, $2, $3)',
    [other.organizationId, other.userId, lead.userId],
  )
  expect(code(await teams.createToken(administrator, id, wanted))).toBe('conflict')
  expect(code(await teams.createToken(as(lead, 'administrator'), id, wanted))).toBe('ok')
})

test('a token of a team ends with its user’s part in it, however that ends', async () => {
  const { id, administrator, lead, member } = await company()
  const token = await tokenOf(as(member), id)
  expect(await standingOf(token)).toBe(id)
  must(await teams.removeMember(as(member), id, member.userId))
  expect(await standingOf(token)).toBe('revoked_token')
  must(await teams.setMember(as(lead), id, member.userId, 'member'))
  expect(await standingOf(token)).toBe('revoked_token')
  // Also where only the row goes, as with the membership of the organisation.
  const another = await tokenOf(as(member), id)
  await clone.database.pool.query('DELETE FROM team_members WHERE team_id = $1 AND user_id = $2', [
    id,
    member.userId,
  ])
  expect(await standingOf(another)).toBe('revoked_token')
  const ofLead = await tokenOf(as(lead), id)
  must(await teams.archive(administrator, id))
  expect(await standingOf(ofLead)).toBe('revoked_token')
  expect(code(await teams.createToken(as(lead), id, { name: 'x', expiresAt: null }))).toBe('conflict')
  must(await teams.restore(administrator, id))
  expect(await standingOf(ofLead)).toBe('revoked_token')
})

test('a token that is made while its user is taken out of the team does not outlive that', async () => {
  const { id, lead, member } = await company()
  for (let round = 0; round < 5; round++) {
    must(await teams.setMember(as(lead), id, member.userId, 'member'))
    const [made] = await Promise.all([
      teams.createToken(as(member), id, { name: 'x', expiresAt: null }),
      teams.removeMember(as(lead), id, member.userId),
    ])
    if (made.ok) expect(await standingOf(made.value.token)).toBe('revoked_token')
  }
})

test('a team’s name is its own while it is not archived', async () => {
  const { id, administrator } = await company()
  const name = `Name ${id}`
  must(await teams.change(administrator, id, { name }))
  expect(code(await teams.create(administrator, { name: name.toUpperCase(), description: '' }))).toBe(
    'conflict',
  )
  must(await teams.archive(administrator, id))
  must(await teams.create(administrator, { name, description: '' }))
  expect(code(await teams.restore(administrator, id))).toBe('conflict')
})

test('what is told of a team’s use is what was called with its tokens', async () => {
  const { id, administrator, lead, member } = await company()
  const row = (columns: object) => ({ team_id: id, ...columns }) as never
  await insertOperation(clone.database, lead, row({ cost_nano_usd: 5n }))
  await insertOperation(clone.database, member, row({ key_owner: 'system', credit_micros: 7n }))
  await insertOperation(clone.database, member, { cost_nano_usd: 100n })
  const { team, members, services } = must(await teams.read(administrator, id))
  expect(team).toMatchObject({ operations: 2n, creditMicros: 7n, costNanoUsd: 5n, memberCount: 2n })
  expect(services).toMatchObject([{ serviceId: 'openai', operations: 2n }])
  expect(members).toMatchObject([
    { userId: lead.userId, operations: 1n, costNanoUsd: 5n },
    { userId: member.userId, operations: 1n, creditMicros: 7n },
  ])
})
