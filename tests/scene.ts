import { demoAccessKeyId, demoSecret, type KeyBehaviour, type ServiceName } from '../simulator/keys.ts'
import type { Simulator } from '../simulator/simulator.ts'
import { must } from '../src/kit/fault.ts'
import { platformOrganizationId } from '../src/kit/id.ts'
import type { Fallback } from '../src/policy/control.ts'
import type { Rooms } from '../src/rooms.ts'

export const operator = { kind: 'operator', id: null } as const

/** The master key of every gateway that works on a test's database. */
export const testMasterKey = Buffer.alloc(32, 'stage master key').toString('base64')

export interface StagePerson {
  readonly organizationId: string
  readonly userId: string
  readonly accountId: string
  readonly email: string
  readonly token: string
  readonly accessTokenId: string
}

/** Who acts in a test and on which keys, made through the rooms. */
export interface Scene {
  /** A user with an access token, who has these micro-credits and no more. */
  person(options?: {
    fallback?: Fallback
    creditMicros?: bigint
    organizationId?: string
  }): Promise<StagePerson>
  /** Gives a person a service key that the simulator knows; its secret is returned. */
  ownKey(
    person: StagePerson,
    service: ServiceName,
    behaviour?: KeyBehaviour,
    settings?: Readonly<Record<string, string>>,
  ): Promise<string>
  systemKey(service: ServiceName, priority: 1 | 2 | 3, behaviour?: KeyBehaviour): Promise<string>
  balance(person: StagePerson): Promise<{ availableMicros: bigint; heldMicros: bigint; debtMicros: bigint }>
  operation(person: StagePerson, id: string): Promise<Record<string, unknown>>
}

let made = 0

/** What is entered beside a secret, of the services that ask for more. */
const settingsOf: Readonly<Partial<Record<ServiceName, Readonly<Record<string, string>>>>> = {
  azure_openai: { resource: 'demo' },
  bedrock: { region: 'us-east-1' },
  vertex: { project: 'demo-project', location: 'us-central1' },
}

/** Points the services at the simulator. */
export const setScene = async (rooms: Rooms, simulator: Simulator): Promise<Scene> => {
  const { access, catalogue, database, ledger, organizations, serviceKeys } = rooms
  // Allocates nothing, so that tests say themselves what a person has.
  await database.pool.query(
    "INSERT INTO tiers (id, name, monthly_allocation_micros, monthly_price_cents) VALUES ('stage', 'Stage', 0, 0)",
  )
  must(await catalogue.addAllowance(operator, new URL(simulator.url).host))
  const pointed = new Set<ServiceName>(['midjourney'])
  const point = async (service: ServiceName) => {
    if (pointed.has(service)) return
    pointed.add(service)
    // A test may have pointed it elsewhere.
    if (catalogue.list().some((entry) => entry.serviceId === service && entry.baseUrl !== null)) return
    must(await catalogue.change(operator, service, { baseUrl: `${simulator.url}/${service}` }))
  }
  for (const service of ['openai', 'anthropic', 'openrouter'] as const) await point(service)

  const addKey = async (
    owner: { organizationId: string; owner: 'user' | 'system'; userId: string | null },
    service: ServiceName,
    behaviour: KeyBehaviour,
    more: { priority?: 1 | 2 | 3; settings?: Readonly<Record<string, string>> } = {},
  ) => {
    await point(service)
    const secret = demoSecret(service, `stage${++made}`)
    // `accessKeyId: 'of the secret'` makes a key that signs: its public half follows from the secret.
    const given = more.settings ?? settingsOf[service]
    const settings =
      given && 'accessKeyId' in given ? { ...given, accessKeyId: demoAccessKeyId(secret) } : given
    // Proven while it is still fine, as a real key would be.
    simulator.setKey(secret, { kind: 'ok' }, service)
    const baseUrl = service === 'midjourney' ? `${simulator.url}/midjourney` : null
    must(
      await serviceKeys.add(operator, {
        ...owner,
        serviceId: service,
        secret,
        baseUrl,
        ...(settings ? { settings } : {}),
        ...(more.priority ? { priority: more.priority } : {}),
      }),
    )
    simulator.setKey(secret, behaviour, service)
    return secret
  }

  return {
    async person({ fallback = 'system', creditMicros = 100_000_000n, organizationId } = {}) {
      const email = `person${++made}@example.com`
      const created = must(
        await organizations.createPerson(operator, {
          email,
          name: `Person ${made}`,
          organizationId: organizationId ?? null,
          tierId: 'stage',
        }),
      )
      must(await organizations.changePreferences(created, new Map([['*', fallback]])))
      const accountId = await ledger.accountOf(created.organizationId, created.userId)
      if (accountId === null) throw new Error('a person has an account')
      if (creditMicros > 0n)
        await ledger.grant(null, {
          organizationId: created.organizationId,
          accountId,
          kind: 'adjustment',
          amountMicros: creditMicros,
          effectiveAt: new Date(),
          expiresAt: null,
          idempotencyKey: 'stage',
          reason: 'stage',
          createdBy: 'stage',
        })
      const { token, accessToken } = await access.createToken(operator, {
        organizationId: created.organizationId,
        kind: 'user',
        userId: created.userId,
        name: 'stage',
        scopes: ['operations', 'read'],
        expiresAt: null,
      })
      return { ...created, accountId, email, token, accessTokenId: accessToken.id }
    },
    ownKey: (person, service, behaviour = { kind: 'ok' }, settings) =>
      addKey(
        { organizationId: person.organizationId, owner: 'user', userId: person.userId },
        service,
        behaviour,
        settings ? { settings } : {},
      ),
    systemKey: (service, priority, behaviour = { kind: 'ok' }) =>
      addKey({ organizationId: platformOrganizationId, owner: 'system', userId: null }, service, behaviour, {
        priority,
      }),
    async balance(person) {
      const balance = await ledger.balance(person.organizationId, person.accountId)
      if (balance === null) throw new Error('a person has a balance')
      return balance
    },
    async operation(person, id) {
      const { rows } = await database.pool.query(
        'SELECT *, attempts::json, decision::json FROM operations WHERE organization_id = $1 AND id = $2',
        [person.organizationId, id],
      )
      if (rows.length !== 1) throw new Error(`${rows.length} records of operation ${id}`)
      return rows[0]
    },
  }
}
