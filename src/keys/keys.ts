import type { Transaction } from 'kysely'
import type { Actor } from '../audit/audit.ts'
import type { Schema } from '../db/schema.ts'
import { beyondTenants } from '../db/tenant-scope.ts'
import type { Outcome } from '../kit/fault.ts'
import { platformOrganizationId } from '../kit/id.ts'
import type { KeyControl } from '../policy/control.ts'
import type { KeySettings } from '../services/service.ts'
import { applyControlPolicy, type PolicyEffect } from './control-policy.ts'
import { type Hygiene, makeHygiene } from './hygiene.ts'
import { type Imports, makeImports } from './imports.ts'
import { makeManagement } from './manage.ts'
import { makeProving } from './prove.ts'
import { makeRechecks } from './recheck.ts'
import { makeReports, type Reports } from './reports.ts'
import { isWithin, type ServiceKeyParts, viewOf } from './parts.ts'
import type {
  KeyCheck,
  KeyOrder,
  NewServiceKey,
  Replacement,
  SecretInput,
  ServiceKey,
  ServiceKeyView,
  StoredServiceKey,
  Which,
} from './service-key.ts'
import * as store from './store.ts'
import { type KeyVersions, makeKeyVersions } from './versions.ts'

export type {
  KeyCheck,
  NewServiceKey,
  ServiceKey,
  ServiceKeyStatus,
  ServiceKeyView,
  StoredServiceKey,
  Which,
} from './service-key.ts'

/**
 * The service keys of users, organizations and the platform. Secrets go in and never come out: everything here
 * shows at most the last four characters, and `ServiceKey` carries the sealed secret.
 *
 * Whether the actor may do this is decided before (src/policy/control.ts, roles). `which.userId` narrows to that
 * user's own keys: another user's key is not_found.
 */
export interface ServiceKeys {
  /** Proves a secret without storing it. `owner`: who would store it, to be told that it is stored already. */
  readonly check: (
    input: SecretInput,
    owner?: { readonly organizationId: string; readonly userId: string },
  ) => Promise<Outcome<KeyCheck>>
  /** `within`: what else happens, in the same transaction. */
  readonly add: (
    actor: Actor,
    input: NewServiceKey,
    within?: (transaction: Transaction<Schema>) => Promise<void>,
  ) => Promise<Outcome<StoredServiceKey>>
  readonly list: (filter: store.KeyFilter) => Promise<ServiceKeyView[]>
  readonly find: (which: Which) => Promise<ServiceKeyView | null>
  /** By hand; whatever its status is. */
  readonly recheck: (actor: Actor, which: Which) => Promise<Outcome<StoredServiceKey>>
  /** A new version takes over at once; the status starts anew. */
  readonly replace: (actor: Actor, which: Which, input: Replacement) => Promise<Outcome<StoredServiceKey>>
  /**
   * Of a stored key, proven at the service with the new ones: refused ones change nothing. Those named change, an empty
   * text takes one away.
   */
  readonly changeSettings: (
    actor: Actor,
    which: Which,
    settings: KeySettings,
  ) => Promise<Outcome<StoredServiceKey>>
  readonly rename: (actor: Actor, which: Which, label: string) => Promise<Outcome<ServiceKeyView>>
  /** Keys of the organisation only: which teams it is kept for; null: every member. */
  readonly setTeams: (
    actor: Actor,
    which: Which,
    teamIds: readonly string[] | null,
  ) => Promise<Outcome<ServiceKeyView>>
  /** System keys only. Goes behind the others of its new priority. */
  readonly setPriority: (actor: Actor, which: Which, priority: 1 | 2 | 3) => Promise<Outcome<ServiceKeyView>>
  /** All live system keys of one service, in their new order. */
  readonly reorder: (
    actor: Actor,
    serviceId: string,
    order: readonly KeyOrder[],
  ) => Promise<Outcome<ServiceKeyView[]>>
  /** Destroys the sealed secret of every version. No operation that starts after the return uses the key. */
  readonly revoke: (actor: Actor, which: Which) => Promise<Outcome<void>>
  /** Suspends the user keys that the policy no longer allows and restores the others; within the policy's change. */
  readonly applyControlPolicy: (
    transaction: Transaction<Schema>,
    organizationId: string,
    control: KeyControl,
    excepted: ReadonlyMap<string, readonly string[]>,
  ) => Promise<PolicyEffect>

  /** Every live key of the user and of the organization, whatever its status and whichever teams it is kept for (kept-for-teams.ts). */
  readonly listForGateway: (organizationId: string, userId: string) => Promise<ServiceKey[]>
  readonly listSystemKeys: () => Promise<ServiceKey[]>
  readonly report: Reports['report']
  /** Resolves when every report so far is written; for draining. */
  readonly reportsSettled: () => Promise<void>
  /** Asks about suspected, exhausted and invalid keys whose time has come; how many were asked about. */
  readonly recheckDue: (now: Date) => Promise<number>
  readonly hygiene: Hygiene
  /** For rotation (src/rotation/). */
  readonly versions: KeyVersions
  readonly imports: Imports
}

export const makeServiceKeys = (parts: ServiceKeyParts): ServiceKeys => {
  const { kysely } = parts.database
  const proving = makeProving(parts)
  const rechecks = makeRechecks(parts, proving)
  const hygiene = makeHygiene(parts, rechecks)
  const management = makeManagement(parts, proving)
  const reports = makeReports(parts)
  return {
    ...management,
    check: (input, owner) => proving.check(input, owner && ((secret) => hygiene.sameSecret(owner, secret))),
    recheck: rechecks.recheck,
    recheckDue: rechecks.recheckDue,
    hygiene,
    versions: makeKeyVersions(parts, proving),
    imports: makeImports(parts, { read: proving.read, add: management.add }),
    report: reports.report,
    reportsSettled: reports.settled,
    applyControlPolicy,
    list: (filter) => store.listViews(kysely, filter),
    find: async (which) => {
      const found = await store.findStored(kysely, which)
      return found && isWithin(found, which) ? viewOf(found) : null
    },
    listForGateway: (organizationId, userId) =>
      store.listSealed(kysely, { organizationId, userId, owners: ['user', 'organization'] }),
    // Which of them a request could use is told to tenants, too (simulator).
    listSystemKeys: () =>
      beyondTenants(() =>
        store.listSealed(kysely, { organizationId: platformOrganizationId, owners: ['system'] }),
      ),
  }
}
