import type { Transaction } from 'kysely'
import { type Actor, recordAudit } from '../audit/audit.ts'
import type { Database } from '../db/database.ts'
import type { Schema } from '../db/schema.ts'
import { beyondTenantsIn } from '../db/tenant-scope.ts'
import type { Clock } from '../kit/clock.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'
import type { FindTextRecords } from '../net/records.ts'
import { outcomeOf } from '../organizations/outcome.ts'
import { newAttemptSecret } from './attempt.ts'
import { requireOwnersWayIn } from './directory.ts'
import { domainOf, holdsRecord, recordNameOf } from './domain.ts'
import { listConnections } from './store.ts'
import * as store from './store-domains.ts'

export type { Domain } from './store-domains.ts'

export interface Domains {
  list(organizationId: string): Promise<store.Domain[]>
  add(actor: Actor, organizationId: string, domain: string): Promise<Outcome<store.Domain>>
  /** Looks for the record; the domain is the organisation's from then on, whether the record stays or not. */
  verify(actor: Actor, organizationId: string, domain: string): Promise<Outcome<store.Domain>>
  enforce(
    actor: Actor,
    organizationId: string,
    domain: string,
    enforced: boolean,
  ): Promise<Outcome<store.Domain>>
  remove(actor: Actor, organizationId: string, domain: string): Promise<Outcome<void>>
  /** The organisation has proved that it has the domain. */
  isHeldBy(organizationId: string, domain: string): Promise<boolean>
}

type DomainAction = 'verified' | 'lost' | 'enforced' | 'enforcement_ended' | 'removed'

export const makeDomains = (parts: {
  database: Database
  findTextRecords: FindTextRecords
  clock: Clock
}): Domains => {
  const { database, findTextRecords, clock } = parts
  const { kysely } = database

  const find = async (organizationId: string, text: string): Promise<Outcome<store.Domain>> => {
    const domain = domainOf(text)
    const row = domain === null ? null : await store.findDomain(kysely, organizationId, domain)
    return row ? success(row) : failure('not_found')
  }
  const reread = (row: store.Domain) => find(row.organizationId, row.domain)

  const audit = (
    t: Transaction<Schema>,
    actor: Actor,
    row: store.Domain,
    action: DomainAction,
    after?: object,
  ) =>
    recordAudit(t, {
      organizationId: row.organizationId,
      actor,
      action: `sso_domain.${action}`,
      subject: { kind: 'sso_domain', id: row.domain },
      after,
    })

  /** Who had it before, and has no record there any more, has it no longer: domains are sold. */
  const takeOver = async (
    t: Transaction<Schema>,
    { domain, organizationId }: store.Domain,
    records: readonly (readonly string[])[],
  ): Promise<boolean> => {
    const holder = await store.holderOf(t, domain)
    if (holder === null || holder === organizationId) return store.holdDomain(t, domain, organizationId)
    const other = await store.findDomain(t, holder, domain)
    if (other && holdsRecord(records, other.token)) return false
    await store.releaseDomain(t, domain, holder)
    if (other) {
      const problem = 'Another organisation has shown that the domain is theirs.'
      await store.changeDomain(t, other, { verifiedAt: null, enforced: false, problem })
      await audit(t, { kind: 'gateway', id: null }, other, 'lost')
    }
    return store.holdDomain(t, domain, organizationId)
  }

  const claim = (actor: Actor, row: store.Domain, records: readonly (readonly string[])[]) =>
    kysely.transaction().execute(async (t) => {
      const checkedAt = clock()
      const isHeld = await beyondTenantsIn(t, () => takeOver(t, row, records))
      if (!isHeld) {
        const problem = 'Another organisation has this domain, and its record is still there.'
        await store.changeDomain(t, row, { checkedAt, problem })
        return
      }
      await store.changeDomain(t, row, {
        checkedAt,
        verifiedAt: row.verifiedAt ?? checkedAt,
        problem: null,
      })
      if (row.verifiedAt === null) await audit(t, actor, row, 'verified')
    })

  return {
    list: (organizationId) => store.listDomains(kysely, organizationId),

    async add(actor, organizationId, text) {
      const domain = domainOf(text)
      if (domain === null)
        return failure('invalid_request', { message: 'This is not a domain.', field: 'domain' })
      const row = { organizationId, domain, token: newAttemptSecret(), at: clock() }
      const added = await kysely.transaction().execute(async (t) => {
        if (!(await store.insertDomain(t, row))) return false
        const subject = { kind: 'sso_domain', id: domain }
        await recordAudit(t, { organizationId, actor, action: 'sso_domain.added', subject })
        return true
      })
      if (!added) return failure('conflict', { message: 'The domain is listed already.', field: 'domain' })
      return find(organizationId, domain)
    },

    async verify(actor, organizationId, text) {
      const found = await find(organizationId, text)
      if (!found.ok) return found
      const row = found.value
      const records = await findTextRecords(recordNameOf(row.domain))
      if (!records.ok) return records
      if (holdsRecord(records.value, row.token)) await claim(actor, row, records.value)
      else {
        const problem =
          records.value.length === 0
            ? 'There is no such record yet; a new one can take an hour to be seen.'
            : 'There is a record of this name, with another value.'
        await store.changeDomain(kysely, row, { checkedAt: clock(), problem })
      }
      return reread(row)
    },

    async enforce(actor, organizationId, text, enforced) {
      const found = await find(organizationId, text)
      if (!found.ok) return found
      const row = found.value
      if (enforced && row.verifiedAt === null)
        return failure('conflict', { message: 'The domain is not verified yet.', field: 'enforced' })
      const connections = enforced ? await listConnections(kysely, organizationId) : []
      // Whoever locks everybody into a way that was never gone would be locked out with them.
      if (enforced && !connections.some(({ enabled, lastUsedAt }) => enabled && lastUsedAt !== null))
        return failure('conflict', {
          message: 'Nobody has signed in at an identity provider of the organisation yet.',
          next: 'Sign in there once yourself, then require it.',
          field: 'enforced',
        })
      const changed = await outcomeOf(() =>
        kysely.transaction().execute(async (t) => {
          await store.changeDomain(t, row, { enforced })
          if (enforced) await requireOwnersWayIn(t, organizationId)
          if (row.enforced !== enforced)
            await audit(t, actor, row, enforced ? 'enforced' : 'enforcement_ended', { enforced })
        }),
      )
      return changed.ok ? reread(row) : changed
    },

    async remove(actor, organizationId, text) {
      const found = await find(organizationId, text)
      if (!found.ok) return found
      const row = found.value
      await kysely.transaction().execute(async (t) => {
        await beyondTenantsIn(t, () => store.releaseDomain(t, row.domain, organizationId))
        await store.deleteDomain(t, row)
        await audit(t, actor, row, 'removed')
      })
      return success(undefined)
    },

    isHeldBy: async (organizationId, domain) => (await store.holderOf(kysely, domain)) === organizationId,
  }
}
