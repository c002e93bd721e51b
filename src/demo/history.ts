import type { ApplyRooms } from '../apply/perform.ts'
import { type Billing, makeBilling } from '../billing/billing.ts'
import type { Identity } from '../identity/identity.ts'
import { must } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import type { Log } from '../kit/log.ts'
import { type Ledger, makeLedger } from '../ledger/ledger.ts'
import { makeOrganizations } from '../organizations/organizations.ts'
import type { Vault } from '../vault/vault.ts'
import { demoAdministrator, demoOrganization, demoSubscriber } from './cast.ts'

export interface HistoryRooms extends ApplyRooms {
  readonly identity: Identity
  readonly vault: ApplyRooms['vault'] & Pick<Vault, 'shred'>
  readonly log: Log
}

const operator = { kind: 'operator', id: null } as const
const hourMs = 3_600_000
const dayMs = 24 * hourMs
/** A whole period and more than half of the next: its discount is earned, too. */
const beganDaysAgo = 48
const keyAddedAfterDays = 3

/**
 * A subscriber's past, so that there is a statement, invoices and a discount to look at: an upgrade, a purchase and a
 * renewal. The product's own rooms make all of it, with their clocks set back; only when the key came is written directly,
 * since the database takes that time itself. Null: this demo has its people already.
 */
export const beginHistory = async (rooms: HistoryRooms): Promise<(() => Promise<void>) | null> => {
  if ((await rooms.organizations.findByName(demoOrganization)) !== null) return null
  const began = rooms.clock().getTime() - beganDaysAgo * dayMs
  let now = began
  const clock = () => new Date(now)
  const { database, epoch, identity, serviceKeys, vault, log } = rooms
  const common = { database, clock, log }
  const ledger = makeLedger({ ...common, processId: epoch.processId })
  const billing = makeBilling({ ...common, epoch, ledger })
  const organizations = makeOrganizations({
    database,
    epoch,
    identity,
    ledger,
    serviceKeys,
    vault,
    clock,
    log,
  })
  const { id: organizationId } = await organizations.create(operator, {
    name: demoOrganization,
    kind: 'company',
    isDemo: true,
  })
  const { email, name } = demoSubscriber
  const { userId } = must(
    await organizations.createPerson(operator, { email, name, organizationId, role: 'member', isDemo: true }),
  )
  const owner = { organizationId, userId }
  now += 2 * hourMs
  await upgrade(billing, owner)
  now += 19 * dayMs
  await buy(billing, owner)
  return async () => {
    await backdateKey(rooms, owner, new Date(began + keyAddedAfterDays * dayMs))
    const { periodEnd } = must(await billing.subscription(owner))
    now = periodEnd.getTime()
    await renew(billing, ledger, clock())
    now += 26 * hourMs
    await approveAll(billing)
    await ledger.close()
  }
}

type Owner = { readonly organizationId: string; readonly userId: string }

const command = () => ({ idempotencyKey: newId(), returnUrl: 'http://localhost/' })
const actorOf = ({ userId }: Owner) => ({ kind: 'user', id: userId }) as const

const upgrade = async (billing: Billing, owner: Owner): Promise<void> => {
  const change = { kind: 'change_tier', tierId: demoSubscriber.tier } as const
  must(await billing.change(actorOf(owner), owner, change, command()))
  await approveAll(billing)
}

const buy = async (billing: Billing, owner: Owner): Promise<void> => {
  must(await billing.buy(actorOf(owner), owner, { kind: 'pack', packId: 'small' }, command()))
  await approveAll(billing)
}

const renew = async (billing: Billing, ledger: Ledger, at: Date): Promise<void> => {
  await billing.renewDue(at)
  await ledger.expireGrants(at)
}

const approveAll = async (billing: Billing): Promise<void> => {
  const { items } = await billing.payments({ status: 'requested' })
  for (const { id } of items)
    must(await billing.approve(operator, id, `Demo: ${demoAdministrator.name} has the money`))
}

const backdateKey = async ({ database }: HistoryRooms, owner: Owner, at: Date): Promise<void> => {
  const parameters = [owner.organizationId, owner.userId, at]
  await database.pool.query(
    'UPDATE own_key_presences SET from_at = $3 WHERE organization_id = $1 AND user_id = $2',
    parameters,
  )
  await database.pool.query(
    'UPDATE service_keys SET created_at = $3 WHERE organization_id = $1 AND user_id = $2',
    parameters,
  )
}
