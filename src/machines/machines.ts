import type { Access } from '../access/access.ts'
import type { Database } from '../db/database.ts'
import type { Epoch } from '../db/epoch.ts'
import type { Clock } from '../kit/clock.ts'
import type { Outbound } from '../net/outbound.ts'
import type { Identity } from '../identity/identity.ts'
import { makeClientExchange } from './client-exchange.ts'
import { type Embedding, makeEmbedding } from './embedding.ts'
import { type HostApplications, makeHostApplications } from './host-applications.ts'
import { makeKeySets } from './key-sets.ts'
import { makeServiceAccounts, type ServiceAccounts } from './service-accounts.ts'
import { makeApplicationStore } from './store-applications.ts'
import { makeMachineStore } from './store.ts'

/** Whatever works here without a person at it: docs/machines.md */
export interface Machines {
  readonly accounts: ServiceAccounts
  readonly applications: HostApplications
  readonly embedding: Embedding
  /** POST /oauth/token */
  readonly exchange: ReturnType<typeof makeClientExchange>
  sweep(now: Date): Promise<void>
}

export interface MachineParts {
  readonly database: Database
  readonly epoch: Epoch
  readonly access: Access
  /** The way out to addresses that users name. */
  readonly callbacks: Outbound
  readonly identity: Pick<Identity, 'openSession'>
  readonly clock: Clock
}

export const makeMachines = ({
  database,
  epoch,
  access,
  callbacks,
  identity,
  clock,
}: MachineParts): Machines => {
  const applicationStore = makeApplicationStore(database.kysely)
  const applications = makeHostApplications({
    epoch,
    access,
    clock,
    store: applicationStore,
    keySets: makeKeySets({ outbound: callbacks, clock }),
    outbound: callbacks,
  })
  return {
    accounts: makeServiceAccounts({
      epoch,
      access,
      clock,
      store: makeMachineStore(database.kysely),
    }),
    applications,
    embedding: makeEmbedding({ database, access, identity, applications, store: applicationStore, clock }),
    exchange: makeClientExchange({ access, clock }),
    async sweep(now) {
      await access.sweep(now)
      await applicationStore.sweepLinks(now)
    },
  }
}
