import { type Kysely, sql, type Transaction } from 'kysely'
import type { AlertChannel, AlertKind, AlertSeverity } from '../contract/alerts.ts'
import { may, roles } from '../contract/permissions.ts'
import type { Schema } from '../db/schema.ts'
import { type Audience, type Channels, usualChannels } from './notice.ts'

export type Run = Kysely<Schema> | Transaction<Schema>

export interface Owner {
  readonly organizationId: string
  readonly userId: string
}

export interface Recipient extends Owner {
  readonly email: string
}

export interface Alert extends Owner {
  readonly id: string
  readonly kind: AlertKind
  readonly severity: AlertSeverity
  readonly title: string
  readonly text: string
  readonly path: string | null
  readonly createdAt: Date
  readonly readAt: Date | null
}

export interface Delivery extends Owner {
  readonly id: string
  readonly alertId: string
  readonly kind: AlertKind
  readonly title: string
  readonly channel: AlertChannel
  readonly target: string
  readonly state: 'pending' | 'delivered' | 'failed'
  readonly attempts: number
  readonly nextAttemptAt: Date
  readonly lastStatus: number | null
  readonly lastFault: string | null
  readonly createdAt: Date
  readonly endedAt: Date | null
}

const people = (run: Run) =>
  run
    .selectFrom('memberships as m')
    .innerJoin('users as u', 'u.id', 'm.user_id')
    .select(['m.organization_id as organizationId', 'm.user_id as userId', 'u.email'])
    .where('u.suspended_at', 'is', null)

/** Nobody administers an organization: then those who run the platform are told. */
export const recipientsOf = async (run: Run, audience: Audience): Promise<Recipient[]> => {
  if (audience.kind === 'platform_administrators') return platformAdministrators(run)
  if (audience.kind === 'person')
    return people(run).where('u.id', '=', audience.userId).orderBy('m.created_at').execute()
  const members = people(run).where('m.organization_id', '=', audience.organizationId)
  // A machine reads nothing; who is suspended there hears no more of the organization.
  const running = members.where('u.kind', '=', 'person').where('m.suspended_at', 'is', null)
  // Its own account is the matter of those who manage its billing.
  if (audience.kind === 'user' && audience.userId === audience.organizationId) {
    const payers = roles.filter((role) => may(role, 'billing.manage'))
    return running.where('m.role', 'in', payers).execute()
  }
  if (audience.kind === 'user') return members.where('m.user_id', '=', audience.userId).execute()
  const administrators = await running.where('m.role', 'in', ['owner', 'administrator']).execute()
  return administrators.length > 0 ? administrators : platformAdministrators(run)
}

/** Where they sign in: in the organization that they have been in for longest. */
const platformAdministrators = (run: Run): Promise<Recipient[]> =>
  people(run)
    .where('u.is_platform_administrator', '=', true)
    .distinctOn('m.user_id')
    .orderBy('m.user_id')
    .orderBy('m.created_at')
    .orderBy('m.organization_id')
    .execute()

/** Somebody in the organisation was told of the same. */
export const isKnown = async (
  run: Run,
  { audience, key }: { audience: Audience; key: string },
): Promise<boolean> => {
  if (!('organizationId' in audience)) return true
  const row = await run
    .selectFrom('alerts')
    .select('id')
    .where('organization_id', '=', audience.organizationId)
    .where('key', '=', key)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

/** False: this person was told before. */
export const insertAlert = async (
  run: Run,
  alert: Omit<Alert, 'readAt'> & { key: string; readAt?: Date },
) => {
  const { numInsertedOrUpdatedRows } = await run
    .insertInto('alerts')
    .values({
      organization_id: alert.organizationId,
      id: alert.id,
      user_id: alert.userId,
      kind: alert.kind,
      severity: alert.severity,
      key: alert.key,
      title: alert.title,
      text: alert.text,
      path: alert.path,
      created_at: alert.createdAt,
      read_at: alert.readAt ?? null,
    })
    .onConflict((conflict) => conflict.columns(['organization_id', 'user_id', 'key']).doNothing())
    .executeTakeFirst()
  return numInsertedOrUpdatedRows === 1n
}

export const insertDelivery = async (
  run: Run,
  delivery: Pick<
    Delivery,
    'organizationId' | 'id' | 'userId' | 'alertId' | 'channel' | 'target' | 'createdAt'
  > & {
    readonly claimedUntil?: Date
    readonly attempts?: number
  },
): Promise<void> => {
  await run
    .insertInto('alert_deliveries')
    .values({
      organization_id: delivery.organizationId,
      id: delivery.id,
      user_id: delivery.userId,
      alert_id: delivery.alertId,
      channel: delivery.channel,
      target: delivery.target,
      attempts: delivery.attempts ?? 0,
      next_attempt_at: delivery.createdAt,
      created_at: delivery.createdAt,
      claimed_until: delivery.claimedUntil ?? null,
    })
    .execute()
}

export const channelsOf = async (run: Run, owner: Owner): Promise<Channels> => {
  const row = await run
    .selectFrom('alert_channels')
    .selectAll()
    .where('organization_id', '=', owner.organizationId)
    .where('user_id', '=', owner.userId)
    .executeTakeFirst()
  return row
    ? {
        email: { enabled: row.email_enabled, minimumSeverity: row.email_minimum_severity },
        webhook: {
          enabled: row.webhook_enabled,
          url: row.webhook_url,
          minimumSeverity: row.webhook_minimum_severity,
        },
      }
    : usualChannels
}

export const saveChannels = async (run: Run, owner: Owner, { email, webhook }: Channels): Promise<void> => {
  const values = {
    email_enabled: email.enabled,
    email_minimum_severity: email.minimumSeverity,
    webhook_enabled: webhook.enabled,
    webhook_minimum_severity: webhook.minimumSeverity,
    webhook_url: webhook.url,
  }
  await run
    .insertInto('alert_channels')
    .values({ organization_id: owner.organizationId, user_id: owner.userId, ...values })
    .onConflict((conflict) => conflict.columns(['organization_id', 'user_id']).doUpdateSet(values))
    .execute()
}

const alertColumns = [
  'organization_id as organizationId',
  'user_id as userId',
  'id',
  'kind',
  'severity',
  'title',
  'text',
  'path',
  'created_at as createdAt',
  'read_at as readAt',
] as const

const alertFrom = (row: Omit<Alert, 'kind'> & { kind: string }): Alert => ({
  ...row,
  kind: row.kind as AlertKind,
})

/** Newest first. */
export const pageOfAlerts = async (
  run: Run,
  owner: Owner,
  filter: { readonly unread?: boolean; readonly kind?: AlertKind | undefined },
  before: string | null,
  limit: number,
): Promise<Alert[]> => {
  let query = run
    .selectFrom('alerts')
    .select(alertColumns)
    .where('organization_id', '=', owner.organizationId)
    .where('user_id', '=', owner.userId)
  if (filter.unread !== undefined) query = query.where('read_at', filter.unread ? 'is' : 'is not', null)
  if (filter.kind !== undefined) query = query.where('kind', '=', filter.kind)
  if (before !== null) query = query.where('id', '<', before)
  return (await query.orderBy('id', 'desc').limit(limit).execute()).map(alertFrom)
}

export const countUnread = async (run: Run, owner: Owner): Promise<number> => {
  const row = await run
    .selectFrom('alerts')
    .select((eb) => eb.fn.countAll<bigint>().as('unread'))
    .where('organization_id', '=', owner.organizationId)
    .where('user_id', '=', owner.userId)
    .where('read_at', 'is', null)
    .executeTakeFirst()
  return Number(row?.unread ?? 0n)
}

/** Null: there is none of this owner's. */
export const markRead = async (run: Run, owner: Owner, id: string, at: Date): Promise<Alert | null> => {
  const row = await run
    .updateTable('alerts')
    .set((eb) => ({ read_at: eb.fn.coalesce('read_at', sql<Date>`${at}::timestamptz`) }))
    .where('organization_id', '=', owner.organizationId)
    .where('user_id', '=', owner.userId)
    .where('id', '=', id)
    .returning(alertColumns)
    .executeTakeFirst()
  return row ? alertFrom(row) : null
}

export const markAllRead = async (run: Run, owner: Owner, at: Date): Promise<number> => {
  const { numUpdatedRows } = await run
    .updateTable('alerts')
    .set({ read_at: at })
    .where('organization_id', '=', owner.organizationId)
    .where('user_id', '=', owner.userId)
    .where('read_at', 'is', null)
    .executeTakeFirst()
  return Number(numUpdatedRows)
}

export const findAlert = async (run: Run, organizationId: string, id: string): Promise<Alert | null> => {
  const row = await run
    .selectFrom('alerts')
    .select(alertColumns)
    .where('organization_id', '=', organizationId)
    .where('id', '=', id)
    .executeTakeFirst()
  return row ? alertFrom(row) : null
}
