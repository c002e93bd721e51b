import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { goodSecret, type Http, operator, startHttp } from '../../tests/http-harness.ts'
import { insertOperation } from '../../tests/operation-row.ts'
import { must } from '../kit/fault.ts'
import { everything } from '../policy/control.ts'
import { explainRoute } from '../routing/explain.ts'
import { routeRequest } from '../routing/person-request.ts'
import { previewPolicy } from '../routing/policy-preview.ts'
import { servicesByUser } from './exceptions.ts'
import type { ControlDocument } from './policy-document.ts'
import { isSamePolicy, tidy } from './policy-document.ts'

let http: Http
let organizationId: string
/** Owner of the system keys. */
const platform = '00000000-0000-7000-8000-000000000000'

beforeAll(async () => {
  http = await startHttp()
})
afterAll(() => http.close())
beforeEach(async () => {
  organizationId = (await http.organizations.create(operator, { name: 'Acme', kind: 'company' })).id
})

const open: ControlDocument = {
  controlPolicy: 'user_control',
  criticalServices: [],
  systemKeysAllowed: true,
  lockedFallback: null,
  allowed: null,
}
const takenOver: ControlDocument = { ...open, controlPolicy: 'it_control' }

const currentOf = async () => must(await http.organizations.policy(organizationId)).current
const save = async (document: ControlDocument, startsAt: Date | null = null) =>
  http.organizations.savePolicy(operator, organizationId, {
    document,
    reason: 'Because',
    basedOn: (await currentOf()).version,
    startsAt,
  })
const memberWithKey = async () => {
  const { userId } = await http.createPerson({ organizationId })
  const key = must(
    await http.serviceKeys.add(
      { kind: 'user', id: userId },
      { organizationId, owner: 'user', userId, serviceId: 'openai', secret: goodSecret() },
    ),
  ).serviceKey
  const status = async () => (await http.serviceKeys.find({ organizationId, id: key.id }))?.status
  return { userId, key, status }
}

describe('versions', () => {
  test('an organisation begins with one; each change adds one, with author and reason, and changes none', async () => {
    expect(await currentOf()).toMatchObject({ version: 1, state: 'in_force', document: open })
    const saved = must(await save(takenOver))
    expect(saved).toMatchObject({
      version: 2,
      state: 'in_force',
      reason: 'Because',
      author: { kind: 'operator' },
    })
    const [second, first] = await http.organizations.policyVersions(organizationId, {
      before: null,
      limit: 10,
    })
    expect(second).toEqual(saved)
    expect(first).toMatchObject({
      version: 1,
      state: 'superseded',
      document: open,
      endedAt: expect.any(Date),
    })
    expect(must(await http.organizations.read(organizationId))).toMatchObject({ controlPolicy: 'it_control' })
  })

  test('two administrators who start from the same version: the second is told, and overwrites nothing', async () => {
    const wanted = { document: takenOver, reason: 'A', basedOn: 1, startsAt: null }
    const both = await Promise.all([
      http.organizations.savePolicy(operator, organizationId, wanted),
      http.organizations.savePolicy(operator, organizationId, {
        ...wanted,
        document: { ...open, systemKeysAllowed: false },
      }),
    ])
    expect(both.map((outcome) => (outcome.ok ? 'saved' : outcome.fault.code)).sort()).toEqual([
      'conflict',
      'saved',
    ])
    expect((await currentOf()).version).toBe(2)
  })

  test('what changes nothing, names an unknown service or starts in the past is refused', async () => {
    expect(await save(open)).toMatchObject({
      ok: false,
      fault: { code: 'invalid_request', field: 'document' },
    })
    const unknown = {
      ...open,
      allowed: { ...everything, services: ['nowhere'] },
    }
    expect(await save(unknown)).toMatchObject({ ok: false, fault: { field: 'allowed' } })
    expect(await save(takenOver, new Date(Date.now() - 1))).toMatchObject({
      ok: false,
      fault: { field: 'startsAt' },
    })
    expect((await currentOf()).version).toBe(1)
  })

  test('the same policy in another order is the same', () => {
    const names = fc.array(fc.constantFrom('openai', 'anthropic', 'groq'), { maxLength: 5 })
    fc.assert(
      fc.property(names, names, (critical, models) => {
        const document: ControlDocument = {
          ...open,
          criticalServices: critical,
          allowed: { ...everything, models },
        }
        const other: ControlDocument = {
          ...document,
          criticalServices: critical.toReversed(),
          allowed: { ...everything, models: [...models, ...models] },
        }
        return isSamePolicy(document, other) && isSamePolicy(tidy(document), document)
      }),
    )
  })

  test('keys that a policy suspends come back as they were when an earlier version is restored', async () => {
    const { status } = await memberWithKey()
    must(await save(takenOver))
    expect(await status()).toBe('suspended')
    const restore = (basedOn: number) =>
      http.organizations.restorePolicy(operator, organizationId, { version: 1, reason: 'Not yet', basedOn })
    expect(await restore(1)).toMatchObject({ ok: false, fault: { code: 'conflict' } })
    expect(await status()).toBe('suspended')
    const restored = must(await restore(2))
    expect(restored).toMatchObject({ version: 3, restores: 1, document: open, reason: 'Not yet' })
    expect(await status()).toBe('active')
    expect(await restore(3)).toMatchObject({ ok: false, fault: { code: 'invalid_request' } })
  })

  test('a service that is not allowed suspends the members’ keys for it', async () => {
    const { status } = await memberWithKey()
    const only = { ...everything, services: ['anthropic'] }
    must(await save({ ...open, allowed: only }))
    expect(await status()).toBe('suspended')
    must(await save(open))
    expect(await status()).toBe('active')
  })

  test('each change is audited with what was before, after, and why', async () => {
    must(await save(takenOver))
    const entry = await http.database.kysely
      .selectFrom('audit_entries')
      .selectAll()
      .where('organization_id', '=', organizationId)
      .where('action', '=', 'control_policy.changed')
      .executeTakeFirstOrThrow()
    expect(entry).toMatchObject({
      before: { controlPolicy: 'user_control' },
      after: { controlPolicy: 'it_control', version: 2 },
      reason: 'Because',
    })
  })
})

test('the maximum age of a policy is what keys are rotated by, unless the platform asks for less', async () => {
  const member = await http.createPerson({ organizationId })
  const input = {
    organizationId,
    owner: 'user',
    userId: member.userId,
    serviceId: 'openai',
    secret: goodSecret(),
  } as const
  must(await http.serviceKeys.add(operator, input))
  const ageOf = async () => (await http.rotation.keys({ organizationId }))[0]?.maximumAgeDays
  const allowed = { ...everything, maximumKeyAgeDays: 60 }
  must(await http.organizations.change(operator, organizationId, { allowed }))
  expect(await ageOf()).toBe(60)
  must(await http.rotation.setMaximumAge(operator, organizationId, 30))
  expect(await ageOf()).toBe(30)
  must(await http.organizations.change(operator, organizationId, { allowed: null }))
  expect(await ageOf()).toBe(30)
})

describe('a scheduled version', () => {
  const soon = () => new Date(Date.now() + 60_000)

  test('waits, then starts once, however many processes look at the same time', async () => {
    const { status } = await memberWithKey()
    const at = soon()
    expect(must(await save(takenOver, at))).toMatchObject({ state: 'scheduled', startsAt: at })
    expect(await http.organizations.startDuePolicies(new Date(at.getTime() - 1))).toBe(0)
    expect(await currentOf()).toMatchObject({ version: 1 })
    expect(await status()).toBe('active')
    const started = await Promise.all([1, 2, 3].map(() => http.organizations.startDuePolicies(at)))
    expect(started.reduce((sum, count) => sum + count)).toBe(1)
    expect(await currentOf()).toMatchObject({ version: 2, state: 'in_force', document: takenOver })
    expect(await status()).toBe('suspended')
    const states = await http.organizations.policyVersions(organizationId, { before: null, limit: 10 })
    expect(states.map(({ state }) => state)).toEqual(['in_force', 'superseded'])
  })

  test('that was cancelled never starts, and is cancelled once', async () => {
    const at = soon()
    const { version } = must(await save(takenOver, at))
    expect(must(await http.organizations.cancelPolicy(operator, organizationId, version))).toMatchObject({
      state: 'cancelled',
    })
    expect(await http.organizations.startDuePolicies(at)).toBe(0)
    expect(await http.organizations.cancelPolicy(operator, organizationId, version)).toMatchObject({
      ok: false,
      fault: { code: 'conflict' },
    })
  })
})

describe('the preview', () => {
  const preview = async (to: ControlDocument) =>
    previewPolicy(http, organizationId, {
      from: (await currentOf()).document,
      to,
      exceptions: servicesByUser(await http.organizations.exceptions(organizationId)),
    })

  const uses = async (userId: string, model: string, count: number) => {
    for (let n = 0; n < count; n++)
      await insertOperation(
        http.database,
        { organizationId, userId },
        {
          requested_model: model,
          service_id: 'openai',
          model,
          key_owner: 'user',
          input_tokens: 1_000n,
          output_tokens: 1_000n,
          cost_nano_usd: 2_000_000n,
        },
      )
  }

  const takeCredits = async (userId: string) => {
    const accountId = (await http.ledger.accountOf(organizationId, userId)) as string
    for (const { id, remainingMicros } of (await http.ledger.balance(organizationId, accountId))?.grants ??
      [])
      await http.ledger.reverse(null, {
        organizationId,
        accountId,
        grantId: id,
        amountMicros: remainingMicros,
        idempotencyKey: `taken ${id}`,
        reason: 'For the test',
        createdBy: 'operator',
      })
  }

  test('names the keys it would suspend, and the same are suspended when it is saved', async () => {
    const one = await memberWithKey()
    const other = await memberWithKey()
    const { keysSuspended, keysRestored } = await preview(takenOver)
    expect(keysSuspended.map(({ id }) => id).sort()).toEqual([one.key.id, other.key.id].sort())
    expect(keysRestored).toEqual([])
    must(await save(takenOver))
    expect([await one.status(), await other.status()]).toEqual(['suspended', 'suspended'])
    expect((await preview(open)).keysRestored).toHaveLength(2)
    expect((await preview(takenOver)).keysSuspended).toEqual([])
  })

  test('counts who would be left without a key, by what they asked for in the last 30 days', async () => {
    const { userId } = await memberWithKey()
    await uses(userId, 'gpt-4.1-mini', 3)
    const found = await preview({ ...takenOver, systemKeysAllowed: false })
    expect(found).toMatchObject({ operations: 3n, planned: 3n, moves: [] })
    expect(found.refused).toMatchObject([{ userId, model: 'gpt-4.1-mini', operations: 3n }])
    expect(found.uncovered).toEqual([userId])
    expect(await preview(open)).toMatchObject({ refused: [], uncovered: [] })
  })

  test('estimates in credits what would move to system keys', async () => {
    const { userId } = await memberWithKey()
    await uses(userId, 'gpt-4.1-mini', 4)
    const idle = await memberWithKey()
    await takeCredits(userId)
    await takeCredits(idle.userId)
    must(
      await http.serviceKeys.add(operator, {
        organizationId: platform,
        owner: 'system',
        userId: null,
        serviceId: 'openai',
        priority: 1,
        secret: goodSecret(),
      }),
    )
    const found = await preview(takenOver)
    expect(found.moves).toEqual([{ from: 'user', to: 'system', operations: 4n }])
    expect(found.refused).toEqual([])
    const book = http.prices.current()
    const price = book.find('openai', 'gpt-4.1-mini')
    expect(found.creditMicros).toEqual({
      before: 0n,
      after: price && book.creditMicros(8_000_000n, price),
    })
    expect(found.withoutCredits, 'whoever moves there and has none').toEqual([userId])
    const rich = await memberWithKey()
    await uses(rich.userId, 'gpt-4.1-mini', 1)
    expect((await preview(takenOver)).withoutCredits).toEqual([userId])
    expect((await preview(open)).withoutCredits).toEqual([])
  })

  test('counts exceptions, and keys that are kept for teams of those who called', async () => {
    const { teams, serviceKeys, organizations } = http
    const excepted = await memberWithKey()
    const other = await memberWithKey()
    const ownAlone = { ...takenOver, systemKeysAllowed: false }
    must(await save(ownAlone))
    const exception = { organizationId, userId: excepted.userId, serviceId: 'openai', reason: 'A trial' }
    must(await organizations.grantException(operator, { ...exception, expiresAt: null }))
    expect((await preview(open)).keysRestored.map(({ userId }) => userId)).toEqual([other.userId])

    const by = { actor: operator, organizationId, userId: other.userId, role: 'owner' } as const
    const teamId = must(await teams.create(by, { name: 'Search', description: '' }))
    const shared = { organizationId, owner: 'organization', userId: null, serviceId: 'openai' } as const
    must(await serviceKeys.add(operator, { ...shared, teamIds: [teamId], secret: goodSecret() }))
    for (const { userId } of [excepted, other]) await uses(userId, 'gpt-4.1-mini', 1)
    must(await organizations.change(operator, organizationId, { controlPolicy: 'user_control' }))
    expect(await preview(ownAlone)).toMatchObject({
      keysSuspended: [{ userId: other.userId }],
      refused: [{ userId: other.userId }],
    })
    must(await teams.setMember(by, teamId, other.userId, 'member'))
    expect(await preview(ownAlone)).toMatchObject({
      refused: [],
      moves: [{ from: 'user', to: 'organization', operations: 1n }],
    })
  })

  test('says what a list of models would refuse, in the words its caller would read', async () => {
    const { userId } = await memberWithKey()
    await uses(userId, 'gpt-4.1-mini', 2)
    await uses(userId, 'gpt-4.1', 1)
    const found = await preview({
      ...open,
      allowed: { ...everything, models: ['gpt-4.1-*'] },
    })
    expect(found.refused).toMatchObject([
      { model: 'gpt-4.1', operations: 1n, fault: { code: 'policy_denied' } },
    ])
  })

  test('is what then happens: who is refused and why, what moves to whose keys, and what that costs', async () => {
    const [one, other] = [await memberWithKey(), await memberWithKey()]
    for (const owner of [
      { organizationId: platform, owner: 'system', userId: null, serviceId: 'openai', priority: 2 },
      { organizationId: platform, owner: 'system', userId: null, serviceId: 'groq', priority: 1 },
      { organizationId, owner: 'organization', userId: null, serviceId: 'groq' },
      { organizationId, owner: 'user', userId: one.userId, serviceId: 'groq' },
    ] as const)
      must(await http.serviceKeys.add(operator, { ...owner, secret: goodSecret() }))
    const past = [one, other].flatMap(({ userId }) =>
      [
        { model: 'gpt-4.1-mini', serviceId: 'openai', operations: 3 },
        { model: 'gpt-4.1', serviceId: 'openai', operations: 1 },
        { model: 'llama-3.3-70b-versatile', serviceId: 'groq', operations: 2 },
      ].map((use) => ({ ...use, userId })),
    )
    const book = http.prices.current()
    for (const { userId, model, serviceId, operations } of past) {
      const price = book.find(serviceId, model)
      // Of the size that a route is explained with where none is given.
      const usage = { input: 1_000, output: 500, cacheRead: 0, cacheWrite: 0, cacheWrite1h: 0, reasoning: 0 }
      for (let n = 0; n < operations; n++)
        await insertOperation(
          http.database,
          { organizationId, userId },
          {
            requested_model: model,
            service_id: serviceId,
            model,
            input_tokens: 1_000n,
            output_tokens: 500n,
            cost_nano_usd: price && book.costNanoUsd(price, usage),
          },
        )
    }
    const explained = () =>
      Promise.all(
        past.map(async ({ userId, model }) => {
          const person = must(await http.access.person(organizationId, userId))
          const request = await routeRequest(http, person)
          return explainRoute({ ...request, endpoint: 'chat_completions', model, availableMicros: null })
        }),
      )

    const someOf = (...names: string[]) => fc.option(fc.subarray(names, { minLength: 1 }))
    const documents = fc.record({
      controlPolicy: fc.constantFrom('it_control', 'hybrid', 'user_control'),
      criticalServices: fc.subarray(['openai', 'groq']),
      systemKeysAllowed: fc.boolean(),
      lockedFallback: fc.constantFrom(null, 'none', 'system', 'alternative', 'alternative_then_system'),
      allowed: fc.option(
        fc.record({
          keyHealth: fc.constant('any' as const),
          maximumKeyAgeDays: fc.constant(null),
          dataRegions: fc.constant(null),
          groups: fc.constant(null),
          services: someOf('openai', 'groq'),
          models: someOf('gpt-4.1-*', 'gpt-4.1', 'llama-*'),
          noTraining: fc.boolean(),
        }),
      ),
    })
    let before = await explained()
    const seen = { refused: 0, moved: 0, paid: 0 }
    const isTold = async (to: ControlDocument) => {
      if (isSamePolicy((await currentOf()).document, to)) return
      const told = await preview(to)
      must(await save(to))
      const after = await explained()
      const refused = past.flatMap(({ userId, model, operations }, at) =>
        before[at]?.refusal === null && after[at]?.refusal
          ? [{ userId, model, operations: BigInt(operations), fault: after[at]?.refusal }]
          : [],
      )
      expect(told.refused).toHaveLength(refused.length)
      expect(told.refused).toEqual(expect.arrayContaining(refused))

      const moves = new Map<string, bigint>()
      for (const [at, { operations }] of past.entries()) {
        const [from, into] = [before, after].map((all) => all[at]?.candidates[0]?.candidate.serviceKey.owner)
        if (!from || !into || from === into) continue
        moves.set(`${from} ${into}`, (moves.get(`${from} ${into}`) ?? 0n) + BigInt(operations))
      }
      expect(new Map(told.moves.map((move) => [`${move.from} ${move.to}`, move.operations]))).toEqual(moves)

      const credits = (all: typeof after) =>
        past.reduce(
          (sum, { operations }, at) =>
            sum + (all[at]?.candidates[0]?.creditMicros ?? 0n) * BigInt(operations),
          0n,
        )
      expect(told.creditMicros).toEqual({ before: credits(before), after: credits(after) })
      seen.refused += refused.length
      seen.moved += moves.size
      seen.paid += told.creditMicros.after > 0n ? 1 : 0
      before = after
    }
    await isTold(takenOver)
    const exception = { organizationId, userId: other.userId, serviceId: 'openai', reason: 'A trial' }
    must(await http.organizations.grantException(operator, { ...exception, expiresAt: null }))
    before = await explained()
    await isTold({ ...open, systemKeysAllowed: false, allowed: { ...everything, services: ['groq'] } })
    await fc.assert(fc.asyncProperty(documents, isTold), { numRuns: 12, endOnFailure: true })
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(0)
  })
})
