import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Use } from '../src/keys/uses.ts'
import type { Place } from '../src/kit/bag.ts'
import { failure, fault, must } from '../src/kit/fault.ts'
import { platformOrganizationId } from '../src/kit/id.ts'
import type { RotationAttempt } from '../src/rotation/rotation.ts'
import { makeTools } from '../src/rotation/tools.ts'
import { makeWorker } from '../src/rotation/worker.ts'
import { demoSecret } from '../simulator/keys.ts'
import { openRotationStage, type RotationStage, type Tenant } from './rotation-stage.ts'
import { operator } from './scene.ts'

let at: RotationStage
beforeAll(async () => {
  at = await openRotationStage()
})
afterAll(async () => {
  await at[Symbol.asyncDispose]()
})

const normal = { mode: 'normal', trigger: 'person', reason: null } as const
const breach = { mode: 'breach', trigger: 'breach', reason: 'Seen on a paste site' } as const
const begin = async (tenant: Tenant, how: Parameters<typeof at.rotation.begin>[2] = normal) =>
  must(await at.rotation.begin(operator, tenant.which, how)).id
const secrets = () => at.stage.simulator.rotation.secrets
const aim = (
  tenant: Tenant,
  verb: 'create' | 'revoke' | 'list' | 'disable',
  kind: 'lost_after' | 'lost_before',
) => at.stage.simulator.rotation.troubles.aim({ service: tenant.service, verb, trouble: { kind } })
const command =
  (kind: 'retry' | 'confirm') =>
  async ({ id }: RotationAttempt) =>
    must(await at.rotation.command(operator, id, { kind }))
const secretOf = async (tenant: Tenant, version: number) =>
  must(await at.stage.gateway.rooms.serviceKeys.versions.open(tenant.which, version))
const isAt =
  (...states: RotationAttempt['state'][]) =>
  ({ state }: RotationAttempt) =>
    states.includes(state)

test.each(['openai', 'google', 'azure'])(
  '%s: a lost reply to the creation leaves no key behind',
  async (name) => {
    const tenant = await at.tenant(name)
    const traffic = at.traffic(tenant)
    aim(tenant, 'create', 'lost_after')
    const ended = await at.drive(await begin(tenant))
    expect(ended.state).toBe('done')
    await traffic.stop()
    await at.prove(tenant, ended)
  },
)

test('a lost reply to the revocation is asked for again, and the key is gone once', async () => {
  const tenant = await at.tenant('openai')
  aim(tenant, 'revoke', 'lost_after')
  const ended = await at.drive(await begin(tenant))
  expect(ended.state).toBe('done')
  await at.prove(tenant, ended)
})

test('a new key that takes its time to arrive is not used before it has', async () => {
  const tenant = await at.tenant('openrouter')
  const traffic = at.traffic(tenant)
  at.stage.simulator.rotation.conditions.openrouter.propagationMs = 20_000
  const ended = await at.drive(await begin(tenant))
  at.stage.simulator.rotation.conditions.openrouter.propagationMs = 0
  expect(ended.state).toBe('done')
  await traffic.stop()
  await at.prove(tenant, ended)
})

test('a key that its service lists late is waited for, and one that turns up hours later is deleted then', async () => {
  const conditions = at.stage.simulator.rotation.conditions.openai
  const tenant = await at.tenant('openai')
  conditions.listingMs = 20_000
  aim(tenant, 'create', 'lost_after')
  const soon = await at.drive(await begin(tenant))
  expect(soon).toMatchObject({ state: 'done', tries: 2 })
  await at.prove(tenant, soon)
  conditions.listingMs = 2 * 3_600_000
  aim(tenant, 'create', 'lost_after')
  const late = await at.drive(await begin(tenant))
  expect(late.state).toBe('done')
  for (let hour = 0; hour < 4; hour++) {
    at.pass(3_600_000)
    await at.rotation.upkeep()
  }
  conditions.listingMs = 0
  await at.prove(tenant, late)
  expect((await at.rotation.remotes(late)).map(({ state }) => state)).toEqual(['deleted', 'in_use'])
})

test('blind: after a lost reply a person is told what may exist, and nothing is guessed', async () => {
  const tenant = await at.tenant('perplexity')
  aim(tenant, 'create', 'lost_after')
  const id = await begin(tenant)
  const stuck = await at.drive(id)
  expect(stuck).toMatchObject({ state: 'needs_human', promotedAt: null })
  const [remote] = await at.rotation.remotes(stuck)
  expect(remote).toMatchObject({ state: 'left_to_person' })
  expect(stuck.message).toContain(remote?.name)
  expect((await at.ask(tenant)).status).toBe(200)
  expect((await at.drive(id, { person: command('retry') })).state).toBe('done')
})

test('assisted: the owner is asked, a wrong key is refused, the right one takes over, the old one is switched off', async () => {
  const tenant = await at.tenant('anthropic')
  const traffic = at.traffic(tenant)
  const id = await begin(tenant)
  expect((await at.drive(id)).state).toBe('asked')
  const wrong = await at.rotation.giveSecret(operator, id, {
    secret: demoSecret('anthropic', 'never'),
    settings: {},
  })
  expect(wrong).toMatchObject({ ok: false, fault: { code: 'key_rejected' } })
  const { secret } = at.stage.simulator.rotation.apis.anthropic.adopt(demoSecret('anthropic', 'pasted'))
  must(await at.rotation.giveSecret(operator, id, { secret, settings: {} }))
  const old = await secretOf(tenant, 1)
  const ended = await at.drive(id)
  expect(ended.state).toBe('done')
  await traffic.stop()
  await at.prove(tenant, ended)
  expect(secrets().look('anthropic', old)).not.toBe('valid')
})

test('without an API a person deletes the old key, and it opens until that is confirmed', async () => {
  const tenant = await at.tenant('anthropic', { credential: false })
  const id = await begin(tenant)
  await at.drive(id)
  const { secret } = at.stage.simulator.rotation.apis.anthropic.adopt(demoSecret('anthropic', 'by hand'))
  must(await at.rotation.giveSecret(operator, id, { secret, settings: {} }))
  const waiting = await at.drive(id)
  expect(waiting).toMatchObject({ state: 'confirming' })
  await secretOf(tenant, 1)
  expect(must(await at.rotation.command(operator, id, { kind: 'confirm' })).state).toBe('done')
  await expect(secretOf(tenant, 1)).rejects.toThrow()
})

test('no key is revoked while an operation uses it, however long that takes', async () => {
  const tenant = await at.tenant('openai')
  const old = await secretOf(tenant, 1)
  at.stage.simulator.setKey(old, { kind: 'slow', delayMs: 2000, calls: 1 }, 'openai')
  let isOver = false
  const operation = at.ask(tenant, { stream: true }).then(async (reply) => {
    await reply.text()
    isOver = true
    return reply.status
  })
  await expect.poll(() => at.stage.gateway.rooms.keyUses.count(tenant.key.id, 1, 1n << 62n)).toBe(1)
  const waits = await at.drive(await begin(tenant), { until: ({ inFlight }) => inFlight === 1 })
  expect(waits.state).toBe('draining')
  const ended = await at.drive(waits.id, {
    until: ({ state }) => {
      if (state !== 'draining') expect(isOver, state).toBe(true)
      return false
    },
  })
  expect(ended.state).toBe('done')
  expect(await operation).toBe(200)
  await at.prove(tenant, ended)
})

test('no key is revoked while a task that it began goes on at the service', async () => {
  const tenant = await at.tenant('openai')
  const { pool } = at.stage.clone.database
  await pool.query(
    `INSERT INTO long_operations (organization_id, id, user_id, access_token_id, service_id, service_key_id, key_owner,
       external_id, public_id, kind, action, draft, units, submitted_at, deadline_at, next_ask_at)
     VALUES ($1, $2, $3, $2, 'openai', $2, 'organization', 'batch_1', 'batch_1', 'openai_batch', 'batch', '{}', '{}',
       now(), now() + '1 day', now() + '1 day')`,
    [tenant.which.organizationId, tenant.key.id, tenant.person.userId],
  )
  const waits = await at.drive(await begin(tenant), {
    until: ({ message }) => message?.includes('task') ?? false,
  })
  expect(waits.state).toBe('draining')
  await pool.query(`UPDATE long_operations SET ended_at = now(), state = 'succeeded' WHERE id = $1`, [
    tenant.key.id,
  ])
  expect((await at.drive(waits.id)).state).toBe('done')
})

test.each(['draining', 'disabled'] as const)(
  'one command goes back from %s to the old key',
  async (state) => {
    const tenant = await at.tenant('openrouter')
    const traffic = at.traffic(tenant)
    const { id } = await at.drive(await begin(tenant), { until: isAt(state) })
    must(await at.rotation.command(operator, id, { kind: 'roll_back', reason: 'It is slower' }))
    const ended = await at.drive(id)
    expect(ended.state).toBe('rolled_back')
    await traffic.stop()
    await at.prove(tenant, ended)
    expect((await at.stage.gateway.rooms.serviceKeys.find(tenant.which))?.version).toBe(1)
  },
)

test('a new key that its service refuses in use goes back by itself', async () => {
  const tenant = await at.tenant('openai')
  const { id } = await at.drive(await begin(tenant), { until: isAt('draining') })
  await at.stage.clone.database.pool.query(`UPDATE service_keys SET status = 'invalid' WHERE id = $1`, [
    tenant.key.id,
  ])
  const ended = await at.drive(id)
  expect(ended.state).toBe('rolled_back')
  await at.prove(tenant, ended)
  expect((await at.ask(tenant)).status).toBe(200)
})

test('breach: a new key takes over and the old one is revoked at once, without the overlap', async () => {
  const tenant = await at.tenant('openai')
  const old = await secretOf(tenant, 1)
  const before = at.parts.clock().getTime()
  const ended = await at.drive(await begin(tenant, breach))
  expect(ended.state).toBe('done')
  expect(secrets().look('openai', old)).toBe('revoked')
  expect((ended.endedAt?.getTime() ?? 0) - before).toBeLessThan(60_000)
  await at.prove(tenant, ended, { breach: true })
})

test('breach where no key can be made: out of use at once, switched off at the service, and a person is asked', async () => {
  const tenant = await at.tenant('anthropic')
  const old = await secretOf(tenant, 1)
  const id = await begin(tenant, breach)
  const asked = await at.drive(id)
  expect(asked).toMatchObject({ state: 'asked' })
  expect(secrets().look('anthropic', old)).not.toBe('valid')
  expect((await at.ask(tenant)).status).not.toBe(200)
  const { secret } = at.stage.simulator.rotation.apis.anthropic.adopt(demoSecret('anthropic', 'after breach'))
  must(await at.rotation.giveSecret(operator, id, { secret, settings: {} }))
  expect((await at.drive(id)).state).toBe('done')
  expect((await at.ask(tenant)).status).toBe(200)
})

test('after a breach no check puts the key back in use, unless the rotation is given up', async () => {
  const tenant = await at.tenant('anthropic', { credential: false })
  const id = await begin(tenant, breach)
  expect(await at.drive(id)).toMatchObject({ state: 'asked' })
  const { recheck } = at.stage.gateway.rooms.serviceKeys
  expect(await recheck(operator, tenant.which)).toMatchObject({ fault: { code: 'conflict' } })
  expect((await at.ask(tenant)).status).not.toBe(200)
  must(await at.rotation.command(operator, id, { kind: 'abandon', reason: 'A false alarm' }))
  expect((await at.drive(id)).state).toBe('abandoned')
  must(await recheck(operator, tenant.which))
  expect((await at.ask(tenant)).status).toBe(200)
})

test('a breach that is told of while the overlap runs ends the overlap', async () => {
  const tenant = await at.tenant('openai')
  const old = await secretOf(tenant, 1)
  const { id } = await at.drive(await begin(tenant), { until: isAt('draining') })
  await begin(tenant, breach)
  const before = at.parts.clock().getTime()
  const ended = await at.drive(id)
  expect(ended).toMatchObject({ state: 'done', mode: 'breach' })
  expect((ended.endedAt?.getTime() ?? 0) - before).toBeLessThan(60_000)
  expect(secrets().look('openai', old)).toBe('revoked')
})

test('a breach told of while a person is waited for after the switch: the person is still waited for', async () => {
  const tenant = await at.tenant('openai')
  const id = await begin(tenant)
  await at.drive(id, { crash: (edge) => edge === 'before revoking:revoke', until: isAt('revoking') })
  for (const { organizationId, id: credential } of await at.rotation.credentials.list())
    if (organizationId === tenant.which.organizationId)
      must(await at.rotation.credentials.remove(operator, credential))
  expect(await at.drive(id)).toMatchObject({ state: 'needs_human', resumeState: 'revoking' })
  await begin(tenant, breach)
  // Its row is in the worker's way no more than before.
  expect(await at.drive(id)).toMatchObject({ state: 'needs_human', mode: 'breach', nextAt: null })
})

test('a breach told of when the new key could not be proven: both keys go, and a person is asked', async () => {
  const tenant = await at.tenant('openai')
  const id = await begin(tenant)
  await at.drive(id, { crash: (edge) => edge === 'before stored:prove', until: isAt('stored') })
  const { serviceKeys } = at.parts
  const versions = { ...serviceKeys.versions, prove: async () => failure('service_timeout') }
  const deaf = { ...at.parts, serviceKeys: { ...serviceKeys, versions } }
  const worker = makeWorker(deaf, makeTools(deaf))
  for (let tries = 0; tries < 10; tries++) {
    await worker.workOne()
    at.pass(600_000)
  }
  expect(await at.rotation.find(id)).toMatchObject({ state: 'needs_human', resumeState: 'stored' })
  const [old, made] = [await secretOf(tenant, 1), await secretOf(tenant, 2)]
  await begin(tenant, breach)
  expect(await at.drive(id)).toMatchObject({ state: 'asked', toVersion: null, oldIsGone: true })
  expect((await at.ask(tenant)).status).not.toBe(200)
  await at.rotation.upkeep()
  expect([secrets().look('openai', old), secrets().look('openai', made)]).toEqual(['revoked', 'revoked'])
  const { secret } = at.stage.simulator.rotation.apis.openai.adopt(demoSecret('openai', 'after both'))
  must(await at.rotation.giveSecret(operator, id, { secret, settings: {} }))
  expect((await at.drive(id)).state).toBe('done')
  expect((await at.ask(tenant)).status).toBe(200)
})

test('an operation that began while caches were being dropped is waited for', async () => {
  const tenant = await at.tenant('openai')
  const { keyUses } = at.parts
  const { epoch } = at.stage.gateway.rooms
  const using = () => ({ serviceKeyId: tenant.which.id, version: 1 })
  const began: Place<Use>[] = []
  let isSwitching = false
  epoch.onChange((organizationId) => {
    if (!isSwitching || began.length > 0 || organizationId !== tenant.which.organizationId) return
    began.push(keyUses.enter({ epoch: epoch.current(), using }))
  })
  const id = await begin(tenant)
  await at.drive(id, { crash: (edge) => edge === 'before proven:promote', until: isAt('proven') })
  isSwitching = true
  const waits = await at.drive(id, { until: ({ inFlight }) => (inFlight ?? 0) > 0 })
  expect(waits).toMatchObject({ state: 'draining', inFlight: 1 })
  for (const place of began) keyUses.leave(place)
  expect((await at.drive(id)).state).toBe('done')
})

test('while its vault is sealed a worker takes nothing up', async () => {
  const tenant = await at.tenant('openai')
  const id = await begin(tenant)
  const sealed = { ...at.parts, vault: { ...at.parts.vault, problem: () => fault('vault_sealed') } }
  expect(await makeWorker(sealed, makeTools(sealed)).workOne()).toBe(false)
  expect(await at.rotation.find(id)).toMatchObject({ state: 'scheduled', fence: 0n })
  expect((await at.drive(id)).state).toBe('done')
})

test('abandoned while a call may be under way: what it makes is found and deleted', async () => {
  const tenant = await at.tenant('openai')
  let id = ''
  const abandon = () => at.rotation.command(operator, id, { kind: 'abandon', reason: 'Not today' })
  id = await begin(tenant)
  // The worker has made the key and dies before it can say so; somebody gives the rotation up meanwhile.
  const crashed = await at.drive(id, {
    crash: (edge) => edge.startsWith('after intended:create'),
    until: isAt('intended'),
  })
  expect(crashed.state).toBe('intended')
  must(await abandon())
  const ended = await at.drive(id)
  expect(ended.state).toBe('abandoned')
  await at.prove(tenant, ended)
})

test('a worker that stalls and comes back changes nothing after another one took over', async () => {
  const tenant = await at.tenant('openai')
  const id = await begin(tenant)
  const woken = Promise.withResolvers<void>()
  const stalled = Promise.withResolvers<void>()
  const slow = {
    ...at.parts,
    onEdge: async (edge: string) => {
      if (!edge.startsWith('after stored:prove')) return
      stalled.resolve()
      await woken.promise
    },
  }
  const late = makeWorker(slow, makeTools(slow)).workOne()
  await stalled.promise
  await at.stage.clone.database.pool.query(
    `UPDATE rotation_attempts SET lease_until = clock_timestamp() - interval '1 second' WHERE id = $1`,
    [id],
  )
  const ended = await at.drive(id)
  expect(ended.state).toBe('done')
  const steps = await at.rotation.steps(ended)
  woken.resolve()
  await late
  expect(await at.rotation.find(id)).toEqual(ended)
  expect(await at.rotation.steps(ended)).toEqual(steps)
  await at.prove(tenant, ended)
})

test('two keys of one priority are not rotated at the same time when they are all there is', async () => {
  const { rooms } = at.stage.gateway
  const add = async (name: string) => {
    const { secret } = at.stage.simulator.rotation.apis.openai.adopt(demoSecret('openai', name), name)
    const owner = { organizationId: platformOrganizationId, owner: 'system', userId: null } as const
    return must(await rooms.serviceKeys.add(operator, { ...owner, serviceId: 'openai', secret, priority: 3 }))
      .serviceKey
  }
  const [first, second] = [await add('lane one'), await add('lane two')]
  const place = { organizationId: platformOrganizationId, serviceId: 'openai', serviceKeyId: null }
  await at.rotation.setSchedule(operator, { ...place, everyDays: null, overlapSeconds: 120 })
  const fields = { ...at.stage.simulator.rotation.apis.openai.settings } as Record<string, string>
  const { adminKey = '', projectId = '' } = fields
  must(
    await at.rotation.credentials.set(operator, {
      organizationId: platformOrganizationId,
      driverId: 'openai',
      serviceId: 'openai',
      serviceKeyId: null,
      fields: { adminKey, projectId },
    }),
  )
  const one = must(await at.rotation.begin(operator, first, normal))
  const under = await at.drive(one.id, { until: isAt('draining') })
  const two = must(await at.rotation.begin(operator, second, normal))
  const waits = await at.drive(two.id, { until: ({ message }) => message !== null })
  expect(waits).toMatchObject({ state: 'scheduled' })
  expect((await at.drive(under.id)).state).toBe('done')
  expect((await at.drive(two.id)).state).toBe('done')
})

test('what is due is rotated by itself, once; a user is asked for a key of their own', async () => {
  const tenant = await at.tenant('openai')
  const { rooms } = at.stage.gateway
  const mine = { organizationId: tenant.which.organizationId, userId: tenant.person.userId }
  const { secret } = at.stage.simulator.rotation.apis.openai.adopt(demoSecret('openai', 'mine'))
  const own = must(
    await rooms.serviceKeys.add(operator, { ...mine, owner: 'user', serviceId: 'openai', secret }),
  ).serviceKey
  must(await at.rotation.setMaximumAge(operator, mine.organizationId, 30))
  await at.rotation.upkeep()
  const open = () => at.rotation.list({ organizationId: mine.organizationId, limit: 10 })
  expect(await open()).toEqual([])
  at.pass(31 * 86_400_000)
  await at.rotation.upkeep()
  await at.rotation.upkeep()
  const begun = await open()
  expect(begun.map(({ serviceKeyId, trigger }) => ({ serviceKeyId, trigger }))).toEqual(
    expect.arrayContaining([
      { serviceKeyId: tenant.key.id, trigger: 'schedule' },
      { serviceKeyId: own.id, trigger: 'schedule' },
    ]),
  )
  expect(begun).toHaveLength(2)
  for (const { id, serviceKeyId } of begun)
    expect((await at.drive(id)).state).toBe(serviceKeyId === own.id ? 'asked' : 'done')
  const { rows } = await at.stage.clone.database.pool.query(
    `SELECT kind, title FROM alerts WHERE user_id = $1 AND kind = 'key_rotation'`,
    [mine.userId],
  )
  expect(rows).toHaveLength(1)
})

test('a drill says what would happen, and changes nothing', async () => {
  const tenant = await at.tenant('openai')
  const before = secrets().of('openai').length
  const drill = must(await at.rotation.drill(tenant.which))
  expect(drill).toMatchObject({ ok: true })
  expect(drill.steps.length).toBeGreaterThan(3)
  expect(secrets().of('openai')).toHaveLength(before)
  expect(await at.rotation.list({ serviceKeyIds: [tenant.key.id], limit: 1 })).toEqual([])
})

test('a key that was replaced by hand is not asked for any more', async () => {
  const tenant = await at.tenant('anthropic', { credential: false })
  const id = await begin(tenant)
  expect((await at.drive(id)).state).toBe('asked')
  const { secret } = at.stage.simulator.rotation.apis.anthropic.adopt(demoSecret('anthropic', 'replaced'))
  must(await at.stage.gateway.rooms.serviceKeys.replace(operator, tenant.which, { secret }))
  await at.rotation.upkeep()
  expect((await at.drive(id)).state).toBe('abandoned')
  expect((await at.ask(tenant)).status).toBe(200)
})

test('vault verify opens what drivers are given, too', async () => {
  const { which } = await at.tenant('openai')
  const { masterKeys } = at.stage.gateway.rooms
  expect(must(await masterKeys.verify())).toMatchObject({ ok: true })
  await at.stage.clone.database.pool.query(
    `UPDATE rotation_credentials SET sealed_secret = set_byte(sealed_secret, 20, get_byte(sealed_secret, 20) # 1)
     WHERE organization_id = $1`,
    [which.organizationId],
  )
  const { organizationId } = which
  const what = expect.stringMatching(/^rotation_credentials /)
  expect(must(await masterKeys.verify())).toMatchObject({ ok: false, unreadable: [{ what, organizationId }] })
})
