import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { demoSecret } from '../../simulator/keys.ts'
import { noSessionPolicy } from '../../src/identity/session-policy.ts'
import { must } from '../../src/kit/fault.ts'
import type { ControlChange } from '../../src/organizations/organizations.ts'
import { everything } from '../../src/policy/control.ts'
import { operator, type StagePerson } from '../scene.ts'
import { openBookkeeping } from './bookkeeping.ts'
import { type Browser, signIn } from './browser.ts'
import { type Client, type Load, openClient, type Reply, startLoad } from './client.ts'
import { type Fleet, openFleet } from './fleet.ts'
import type { GatewayProcess } from './gateway-process.ts'

let fleet: Fleet
let client: Client
beforeAll(async () => {
  fleet = await openFleet()
  await fleet.systemKey('openai', 1)
})
afterAll(() => fleet[Symbol.asyncDispose]())
beforeEach(() => {
  client = openClient()
})
afterEach(() => client[Symbol.asyncDispose]())

const callAt = (gateway: GatewayProcess | undefined, person: StagePerson) => ({
  url: gateway?.url ?? '',
  token: person.token,
  dialect: 'openai' as const,
  streamed: false,
  prompt: 'still there?',
  maximumTokens: 50,
})

/** Every process serves the person, over and over, before, while and after `change` takes place. */
const callsAround = async (
  person: StagePerson,
  change: () => Promise<void>,
): Promise<{ before: readonly Reply[]; after: readonly Reply[] }> => {
  const load = startLoad(client, 12, (caller) => callAt(fleet.gateways[caller % 3], person))
  await onEach(load, 10, () => true)
  const beginsMs = performance.now()
  await change()
  const returnedMs = performance.now()
  await onEach(load, 10, (reply) => reply.startedMs > returnedMs)
  const replies = await load.stop()
  return {
    before: replies.filter((reply) => reply.endedMs < beginsMs),
    after: replies.filter((reply) => reply.startedMs > returnedMs),
  }
}

const onEach = (load: Load, count: number, fits: (reply: Reply) => boolean): Promise<unknown> =>
  Promise.all(
    fleet.gateways.map(({ url }) => load.more(count, (reply) => reply.call.url === url && fits(reply))),
  )

const outcome = (reply: Reply): string =>
  reply.whole ? `${reply.headers['x-aideon-key-owner']} key` : `${reply.status} ${reply.code}`
const outcomes = (replies: readonly Reply[]): string[] => [...new Set(replies.map(outcome))]

const browserOf = async (person: StagePerson, gateway: GatewayProcess | undefined): Promise<Browser> => {
  const { token } = must(await fleet.rooms.identity.createSignInLink(operator, person.userId))
  return signIn(gateway?.url ?? '', { path: '/api/session/link', body: { token } })
}

const ownKeyOf = async (person: StagePerson) => {
  const [key] = await fleet.rooms.serviceKeys.listForGateway(person.organizationId, person.userId)
  return key?.id ?? ''
}

describe('no operation on any of three processes starts', () => {
  test('with an access token whose revocation has returned', async () => {
    const person = await fleet.person()
    const browser = await browserOf(person, fleet.gateways[0])
    const { before, after } = await callsAround(person, async () => {
      const reply = await browser.send('DELETE', `/api/access-tokens/${person.accessTokenId}`)
      expect(reply.status).toBe(200)
    })
    expect(outcomes(before)).toEqual(['system key'])
    expect(outcomes(after)).toEqual(['401 revoked_token'])
  })

  test('on a service key whose revocation has returned', async () => {
    const person = await fleet.person({ fallback: 'none' })
    await fleet.ownKey(person, 'openai')
    const browser = await browserOf(person, fleet.gateways[1])
    const id = await ownKeyOf(person)
    const { before, after } = await callsAround(person, async () => {
      expect((await browser.send('DELETE', `/api/service-keys/${id}`)).status).toBe(200)
    })
    expect(outcomes(before)).toEqual(['user key'])
    expect(outcomes(after)).toEqual([expect.stringMatching(/^424 /)])
  })

  test('on a user’s key when the switch to IT control has returned', async () => {
    const { id } = await fleet.rooms.organizations.create(operator, { name: 'Firm', kind: 'company' })
    const person = await fleet.person({ organizationId: id })
    await fleet.ownKey(person, 'openai')
    const { before, after } = await callsAround(person, async () => {
      must(await fleet.rooms.organizations.change(operator, id, { controlPolicy: 'it_control' }))
    })
    expect(outcomes(before)).toEqual(['user key'])
    expect(outcomes(after)).toEqual(['system key'])
  })

  test('on a system key when adding an own one has returned', async () => {
    const person = await fleet.person()
    const { before, after } = await callsAround(person, async () => {
      await fleet.ownKey(person, 'openai')
    })
    expect(outcomes(before)).toEqual(['system key'])
    expect(outcomes(after)).toEqual(['user key'])
  })

  test('from a network that the session policy has left out', async () => {
    const person = await fleet.person()
    const policy = { ...noSessionPolicy, networks: ['198.51.100.0/24'], bindsOperations: true }
    const { before, after } = await callsAround(person, async () => {
      must(await fleet.rooms.identity.saveSessionPolicy(operator, person.organizationId, policy, null))
    })
    expect(outcomes(before)).toEqual(['system key'])
    expect(outcomes(after)).toEqual(['403 network_not_allowed'])
  })

  test('with a revoked token where the process stood still and heard nothing of it', async () => {
    const person = await fleet.person()
    const [, , frozen] = fleet.gateways
    expect(outcomes([await client.send(callAt(frozen, person))])).toEqual(['system key'])
    const calls = await Promise.all(
      Array.from({ length: 4 }, () => openCall(frozen?.url ?? '', person.token)),
    )
    frozen?.signal('SIGSTOP')
    // What comes first is read first: the beginning of the request goes before the news of the revocation.
    for (const call of calls) call.begin()
    const { organizationId, accessTokenId } = person
    // Returns when the lease of the process that does not answer is over.
    must(await fleet.rooms.access.revokeToken(operator, { organizationId, id: accessTokenId }))
    const replies = calls.map((call) => call.finish())
    frozen?.signal('SIGCONT')
    for (const reply of await Promise.all(replies))
      expect(reply).toMatch(/^HTTP\/1\.1 401 [^]*"revoked_token"/)
  })
})

/** Of an operation on record, as far as a policy has a say in it. */
interface Served {
  readonly service: string
  readonly model: string
  readonly owner: string
  readonly userId: string
  /** Whose credits it held; null: nobody's. */
  readonly accountId: string | null
  readonly startedMs: number
  readonly endedMs: number
}

/**
 * Each says what it is and, in words of its own, which operations would break it; and whether the organisation pays from then
 * on. Under the first and the one of old keys many operations run on system keys.
 */
const policies: readonly {
  change: ControlChange
  isCentral: boolean
  breaks: (served: Served) => boolean
}[] = [
  { change: { controlPolicy: 'it_control' }, isCentral: true, breaks: ({ owner }) => owner === 'user' },
  {
    change: { controlPolicy: 'hybrid', criticalServices: ['openai'] },
    isCentral: false,
    breaks: ({ owner, service }) => owner === 'user' && service === 'openai',
  },
  {
    change: { controlPolicy: 'user_control', systemKeysAllowed: false },
    isCentral: false,
    breaks: ({ owner }) => owner === 'system',
  },
  {
    change: { systemKeysAllowed: true, allowed: { ...everything, services: ['anthropic'] } },
    isCentral: true,
    breaks: ({ service }) => service !== 'anthropic',
  },
  {
    change: { allowed: { ...everything, models: ['gpt-*'] } },
    isCentral: true,
    breaks: ({ model }) => !model.startsWith('gpt-'),
  },
  // Keys of OpenAI are ten days old here, and where the simulator stands nothing is promised.
  {
    change: { allowed: { ...everything, maximumKeyAgeDays: 9 } },
    isCentral: false,
    breaks: ({ owner, service }) => service === 'openai' && owner !== 'system',
  },
  { change: { allowed: { ...everything, noTraining: true } }, isCentral: false, breaks: () => true },
  { change: { allowed: null }, isCentral: true, breaks: () => false },
]

describe('under load, policies that follow each other, and who pays with them', () => {
  test('are broken by no operation on record that started after they were in force, on any of three processes', async () => {
    const { rooms, simulator } = fleet
    await fleet.systemKey('anthropic', 1)
    const { id } = await rooms.organizations.create(operator, { name: 'Firm under load', kind: 'company' })
    const people = await Promise.all(Array.from({ length: 4 }, () => fleet.person({ organizationId: id })))
    for (const person of people.slice(0, 3))
      for (const service of ['openai', 'anthropic'] as const) await fleet.ownKey(person, service)
    const secret = demoSecret('openai', 'shared by the firm')
    simulator.setKey(secret, { kind: 'ok' }, 'openai')
    const shared = {
      organizationId: id,
      owner: 'organization',
      userId: null,
      serviceId: 'openai',
      secret,
    } as const
    must(await rooms.serviceKeys.add(operator, shared))
    await rooms.database.pool.query(
      `UPDATE service_key_versions v SET created_at = now() - interval '10 days' FROM service_keys k
       WHERE k.organization_id = v.organization_id AND k.id = v.service_key_id AND k.service_id = 'openai' AND k.organization_id = $1`,
      [id],
    )
    const pay = async (isCentral: boolean) =>
      must(
        await rooms.oversight.centralBilling.set(operator, {
          organizationId: id,
          central: isCentral,
          billingEmail: 'billing@example.com',
        }),
      )
    await pay(true)
    const centralId = await rooms.ledger.accountOf(id, id)
    await rooms.ledger.grant(null, {
      organizationId: id,
      accountId: centralId ?? '',
      kind: 'adjustment',
      amountMicros: 100_000_000n,
      effectiveAt: new Date(),
      expiresAt: null,
      idempotencyKey: 'stage',
      reason: 'stage',
      createdBy: 'stage',
    })
    await pay(false)
    const load = startLoad(client, 12, (caller) => ({
      ...callAt(fleet.gateways[caller % 3], people[caller % 4] as StagePerson),
      dialect: Math.random() < 0.5 ? 'openai' : 'anthropic',
    }))
    await onEach(load, 5, () => true)
    const spans: { beginsMs: number; returnedMs: number }[] = []
    for (const { change, isCentral } of policies) {
      const beginsMs = Date.now()
      must(await rooms.organizations.change(operator, id, change))
      await pay(isCentral)
      spans.push({ beginsMs, returnedMs: Date.now() })
      const returnedMs = performance.now()
      await onEach(load, 8, (reply) => reply.startedMs > returnedMs)
    }
    await load.stop()

    await using books = await openBookkeeping(fleet.databaseUrl)
    const rows = await books.query(
      `SELECT o.service_id, o.model, o.key_owner, o.user_id, h.account_id, extract(epoch FROM o.started_at) * 1000 AS started,
         o.duration_ms
       FROM operations o LEFT JOIN holds h ON h.organization_id = o.organization_id AND h.id = o.id
       WHERE o.organization_id = $1 AND o.service_key_id IS NOT NULL`,
      [id],
    )
    const served = rows.map((row): Served => {
      const startedMs = Number(row['started'])
      const [service, model, owner] = [row['service_id'], row['model'], row['key_owner']].map(String)
      return {
        service: service ?? '',
        model: model ?? '',
        owner: owner ?? '',
        userId: String(row['user_id']),
        accountId: row['account_id'] === null ? null : String(row['account_id']),
        startedMs,
        endedMs: startedMs + Number(row['duration_ms']),
      }
    })
    const within = (at: number) => {
      const until = spans[at + 1]?.beginsMs ?? Infinity
      const from = spans[at]?.returnedMs ?? 0
      return served.filter(({ startedMs, endedMs }) => startedMs > from && endedMs < until)
    }
    const broken = policies.flatMap(({ change, breaks }, at) =>
      within(at)
        .filter(breaks)
        .map((one) => ({ change, one })),
    )
    expect(broken).toEqual([])
    const accounts = new Map(people.map(({ userId, accountId }) => [userId, accountId]))
    const paid = policies.map(({ isCentral }, at) =>
      within(at)
        .filter(({ owner }) => owner === 'system')
        .map(({ userId, accountId, ...one }) => ({
          ...one,
          accountId,
          payerId: isCentral ? centralId : (accounts.get(userId) ?? ''),
        })),
    )
    expect(paid.flat().filter(({ accountId, payerId }) => accountId !== payerId)).toEqual([])
    expect([paid[0]?.length, paid[5]?.length]).not.toContain(0)
    // Each was in force for a while, but where nothing may be served; and would have been broken before it.
    expect(policies.map((_, at) => within(at).length > 0)).toEqual([
      true,
      true,
      true,
      true,
      true,
      true,
      false,
      true,
    ])
    for (const { breaks } of policies.slice(0, -1)) expect(served.some((one) => breaks(one))).toBe(true)
  })
})

/** An operation whose bytes go out in two halves, on a connection that is there already. */
const openCall = async (url: string, token: string) => {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  const body = '{"model":"gpt-4o-mini","max_tokens":50,"messages":[{"role":"user","content":"hello"}]}'
  return {
    begin: () => void socket.write('POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\n'),
    finish: () => {
      socket.write(
        `authorization: Bearer ${token}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      )
      return text(socket)
    },
  }
}
