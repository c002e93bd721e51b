import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Http, operator, startHttp } from '../../tests/http-harness.ts'
import { must } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'

let http: Http

beforeAll(async () => {
  http = await startHttp()
})
afterAll(() => http.close())

const actionsOf = async (organizationId: string): Promise<string[]> => {
  const rows = await http.database.kysely
    .selectFrom('audit_entries')
    .select('action')
    .where('organization_id', '=', organizationId)
    .orderBy('at')
    .execute()
  return rows.map((row) => row.action)
}

describe('people', () => {
  test('an individual gets an organisation of their own, an account and its first allocation, all audited', async () => {
    const { userId, organizationId } = await http.createPerson({ name: 'Ada', tierId: 'business' })
    const accountId = await http.ledger.accountOf(organizationId, userId)
    const balance = await http.ledger.balance(organizationId, accountId ?? '')
    expect(balance?.availableMicros).toBe(10_000_000_000n)
    const organization = await http.organizations.read(organizationId)
    expect(organization).toMatchObject({
      ok: true,
      value: { kind: 'personal', name: 'Ada', controlPolicy: 'user_control' },
    })
    expect(await actionsOf(organizationId)).toEqual(
      expect.arrayContaining(['organization.created', 'membership.created']),
    )
  })

  test('a person whose e-mail address is taken leaves nothing behind', async () => {
    await http.createPerson({ email: 'taken@example.com' })
    const count = async () =>
      (await http.database.pool.query<{ count: bigint }>('SELECT count(*) FROM organizations')).rows[0]?.count
    const before = await count()
    const again = { email: 'Taken@example.com', name: 'Again', organizationId: null }
    const created = await http.organizations.createPerson(operator, again)
    expect(created).toMatchObject({ ok: false, fault: { code: 'conflict', field: 'email' } })
    expect(await count()).toBe(before)
  })

  test('an unknown organisation and an unknown tier are refused', async () => {
    const person = { email: 'nowhere@example.com', name: 'N' }
    const nowhere = await http.organizations.createPerson(operator, { ...person, organizationId: newId() })
    expect(nowhere).toMatchObject({ ok: false, fault: { code: 'not_found', field: 'organizationId' } })
    const tierless = await http.organizations.createPerson(operator, {
      ...person,
      organizationId: null,
      tierId: 'gold',
    })
    expect(tierless).toMatchObject({ ok: false, fault: { code: 'invalid_request', field: 'tierId' } })
  })

  test('somebody joins a company once, with an account of their own there, and changes role', async () => {
    const { userId } = await http.createPerson()
    const company = await http.organizations.create(operator, { name: 'Company', kind: 'company' })
    const member = { organizationId: company.id, userId, role: 'member' } as const
    const join = () =>
      http.organizations.join(operator, {
        organizationId: company.id,
        who: { userId },
        role: 'member',
        tierId: 'pro',
        source: 'operator',
      })
    expect((await join()).ok).toBe(true)
    expect(await http.ledger.accountOf(company.id, userId)).not.toBeNull()
    expect(await join()).toMatchObject({
      ok: false,
      fault: { code: 'conflict' },
    })
    expect((await http.organizations.changeRole(operator, { ...member, role: 'administrator' })).ok).toBe(
      true,
    )
    const stranger = { ...member, userId: newId() }
    expect(await http.organizations.changeRole(operator, stranger)).toMatchObject({
      fault: { code: 'not_found' },
    })
    expect(await actionsOf(company.id)).toEqual([
      'organization.created',
      'membership.created',
      'membership.changed',
    ])
  })

  test('two administrators who demote each other at the same time leave one', async () => {
    const [one, two] = [
      await http.createPerson({ isPlatformAdministrator: true }),
      await http.createPerson({ isPlatformAdministrator: true }),
    ]
    const demote = (userId: string) =>
      http.organizations.changeUser(operator, userId, { isPlatformAdministrator: false })
    const results = await Promise.all([demote(one.userId), demote(two.userId)])
    expect(results.filter((result) => result.ok)).toHaveLength(1)
    expect(results.find((result) => !result.ok)).toMatchObject({ fault: { code: 'conflict' } })
  })
})

test('nothing of the platform’s own organisation is changed', async () => {
  const platform = '00000000-0000-7000-8000-000000000000'
  const before = must(await http.organizations.read(platform))
  for (const change of [{ name: 'Renamed' }, { controlPolicy: 'it_control' } as const]) {
    const changed = await http.organizations.change(operator, platform, change)
    expect(changed).toMatchObject({ ok: false, fault: { code: 'not_found' } })
  }
  expect(must(await http.organizations.read(platform))).toEqual(before)
})

test('a critical service that does not exist is refused', async () => {
  const company = await http.organizations.create(operator, { name: 'Typo', kind: 'company' })
  const changed = await http.organizations.change(operator, company.id, { criticalServices: ['opanai'] })
  expect(changed).toMatchObject({ ok: false, fault: { code: 'invalid_request', field: 'criticalServices' } })
})
