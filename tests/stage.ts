import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { demoSecret, type KeyBehaviour, type ServiceName } from '../simulator/keys.ts'
import { type Simulator, startSimulator } from '../simulator/simulator.ts'
import { readConfig } from '../src/config/config.ts'
import { must } from '../src/kit/fault.ts'
import { platformOrganizationId } from '../src/kit/id.ts'
import { silentLog } from '../src/kit/log.ts'
import { type Gateway, startGateway } from '../src/main.ts'
import type { Fallback } from '../src/policy/control.ts'
import { cloneDatabase, type TestDatabase } from './database.ts'

const operator = { kind: 'operator', id: null } as const

export interface StagePerson {
  readonly organizationId: string
  readonly userId: string
  readonly accountId: string
  readonly email: string
  readonly token: string
}

/** A whole gateway on its own database with the simulator behind it, in this process. */
export interface Stage extends AsyncDisposable {
  readonly gateway: Gateway
  readonly clone: TestDatabase
  readonly simulator: Simulator
  readonly url: string
  /** A user with an access token, who has these micro-credits and no more. */
  person(options?: {
    fallback?: Fallback
    creditMicros?: bigint
    organizationId?: string
  }): Promise<StagePerson>
  /** Gives a person a service key that the simulator knows; its secret is returned. */
  ownKey(person: StagePerson, service: ServiceName, behaviour?: KeyBehaviour): Promise<string>
  systemKey(service: ServiceName, priority: 1 | 2 | 3, behaviour?: KeyBehaviour): Promise<string>
  balance(person: StagePerson): Promise<{ availableMicros: bigint; heldMicros: bigint; debtMicros: bigint }>
  operation(person: StagePerson, id: string): Promise<Record<string, unknown>>
}

export const stageConfig = (environment: Record<string, string>) => {
  const read = readConfig({ flags: {}, environment, isRoot: false, homeDirectory: tmpdir() })
  if (!read.ok) throw new Error(read.problems.join(' '))
  return read.config
}

let people = 0

export const openStage = async (environment: Record<string, string> = {}): Promise<Stage> => {
  const clone = await cloneDatabase()
  // Allocates nothing, so that tests say themselves what a person has.
  await clone.database.pool.query(
    "INSERT INTO tiers (id, name, monthly_allocation_micros, monthly_price_cents) VALUES ('stage', 'Stage', 0, 0)",
  )
  const simulator = await startSimulator()
  const dataDirectory = mkdtempSync(join(tmpdir(), 'aideon-stage-'))
  const config = stageConfig({
    AIDEON_PORT: '0',
    AIDEON_DATA_DIR: dataDirectory,
    DATABASE_URL: clone.url,
    AIDEON_MASTER_KEY: Buffer.alloc(32, 'stage master key').toString('base64'),
    AIDEON_LOG_LEVEL: 'silent',
    AIDEON_DASHBOARDS: 'false',
    ...environment,
  })
  const gateway = await startGateway(config, silentLog)
  const { rooms } = gateway
  must(await rooms.catalogue.addAllowance(operator, new URL(simulator.url).host))
  for (const service of ['openai', 'anthropic', 'openrouter'] as const)
    must(await rooms.catalogue.change(operator, service, { baseUrl: `${simulator.url}/${service}` }))

  const addKey = async (
    owner: { organizationId: string; owner: 'user' | 'system'; userId: string | null },
    service: ServiceName,
    behaviour: KeyBehaviour,
    priority?: 1 | 2 | 3,
  ) => {
    const secret = demoSecret(service, `stage${++people}`)
    // Proven while it is still fine, as a real key would be.
    simulator.setKey(secret, { kind: 'ok' }, service)
    const baseUrl = service === 'midjourney' ? `${simulator.url}/midjourney` : null
    must(
      await rooms.serviceKeys.add(operator, {
        ...owner,
        serviceId: service,
        secret,
        baseUrl,
        ...(priority ? { priority } : {}),
      }),
    )
    simulator.setKey(secret, behaviour, service)
    return secret
  }

  return {
    gateway,
    clone,
    simulator,
    url: gateway.url,
    async person({ fallback = 'system', creditMicros = 100_000_000n, organizationId } = {}) {
      const email = `person${++people}@example.com`
      const created = must(
        await rooms.organizations.createPerson(operator, {
          email,
          name: `Person ${people}`,
          organizationId: organizationId ?? null,
          tierId: 'stage',
        }),
      )
      must(await rooms.organizations.changePreferences(created, new Map([['*', fallback]])))
      const accountId = await rooms.ledger.accountOf(created.organizationId, created.userId)
      if (accountId === null) throw new Error('a person has an account')
      const gift = { amountMicros: creditMicros, reason: 'stage', idempotencyKey: 'stage' }
      if (creditMicros > 0n) must(await rooms.organizations.grantCredits(operator, created.userId, gift))
      const { token } = await rooms.access.createToken(operator, {
        organizationId: created.organizationId,
        kind: 'user',
        userId: created.userId,
        name: 'stage',
        scopes: ['operations', 'read'],
        expiresAt: null,
      })
      return { ...created, accountId, email, token }
    },
    ownKey: (person, service, behaviour = { kind: 'ok' }) =>
      addKey(
        { organizationId: person.organizationId, owner: 'user', userId: person.userId },
        service,
        behaviour,
      ),
    systemKey: (service, priority, behaviour = { kind: 'ok' }) =>
      addKey(
        { organizationId: platformOrganizationId, owner: 'system', userId: null },
        service,
        behaviour,
        priority,
      ),
    async balance(person) {
      const balance = await rooms.ledger.balance(person.organizationId, person.accountId)
      if (balance === null) throw new Error('a person has a balance')
      return balance
    },
    async operation(person, id) {
      const { rows } = await clone.database.pool.query(
        'SELECT * FROM operations WHERE organization_id = $1 AND id = $2',
        [person.organizationId, id],
      )
      if (rows.length !== 1) throw new Error(`${rows.length} records of operation ${id}`)
      return rows[0]
    },
    async [Symbol.asyncDispose]() {
      await gateway.stop()
      await simulator.close()
      await clone.drop()
      rmSync(dataDirectory, { recursive: true })
    },
  }
}
