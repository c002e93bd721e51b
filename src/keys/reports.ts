import { sql, type Transaction } from 'kysely'
import type { Alerts } from '../alerts/alerts.ts'
import { recordAudit } from '../audit/audit.ts'
import type { Database } from '../db/database.ts'
import type { Epoch } from '../db/epoch.ts'
import type { Schema } from '../db/schema.ts'
import type { Clock } from '../kit/clock.ts'
import type { Log } from '../kit/log.ts'
import {
  type CoolingModels,
  coolingFor,
  coolingUntil,
  modelCooled,
  recheckAt,
  type Report,
  secondProofAfterMs,
} from './health.ts'
import { leakNotices, leakReason } from './quarantine.ts'
import type { ServiceKey } from './service-key.ts'
import { recordCheck } from './store-checks.ts'

/** News of one key, the gravest of what came in since the last write. */
type News =
  | { readonly kind: 'ok' }
  /** Of one model, or of the whole key; `isRefusal`: a call was refused, in place of served with the last that was left. */
  | {
      readonly kind: 'limited'
      readonly until: Date
      readonly model: string | null
      readonly isRefusal: boolean
    }
  | { readonly kind: 'exhausted' }
  | { readonly kind: 'unauthorized' }

export interface Reports {
  /**
   * Costs a comparison where nothing is new; writes happen afterwards, many at a time. With a model, as the service names
   * it, a limit is that model's until another one of the key is refused too.
   */
  readonly report: (
    serviceKey: ServiceKey,
    outcome: Report,
    retryAfterSeconds?: number,
    model?: string,
  ) => void
  /** Resolves when everything reported so far is written. */
  readonly settled: () => Promise<void>
}

const gravity: Record<News['kind'], number> = { ok: 0, limited: 1, exhausted: 2, unauthorized: 3 }
/** A process says the same about a key again only after this time; it matches what the second proof asks for. */
const repeatAfterMs = secondProofAfterMs
const usedEveryMs = 30_000
const mostRemembered = 10_000

/**
 * Turns the outcomes of attempts into shared health. A storm of refusals over any number of processes becomes a few
 * writes: each process repeats itself rarely, and a write that would change nothing bumps no epoch.
 */
export const makeReports = (parts: {
  database: Database
  epoch: Epoch
  alerts?: Pick<Alerts, 'notifyIn' | 'soon'>
  clock: Clock
  log: Log
}): Reports => {
  const { database, epoch, alerts, clock, log } = parts
  const pending = new Map<string, { key: ServiceKey; news: News }>()
  const said = new Map<string, number>()
  const used = new Map<string, { key: ServiceKey; at: Date }>()
  let writing: Promise<void> | null = null
  let usedTimer: NodeJS.Timeout | undefined

  const isNews = (key: ServiceKey, news: News, now: number): boolean => {
    const about = aboutOf(key, news)
    const until = said.get(about) ?? 0
    if (news.kind === 'limited') {
      const cooling = news.model === null ? key.coolingUntil : coolingFor(key, news.model, new Date(now))
      if (news.until.getTime() <= Math.max(until, cooling?.getTime() ?? 0) + 1000) return false
      said.set(about, news.until.getTime())
    } else {
      if (now < until) return false
      said.set(about, now + repeatAfterMs)
    }
    if (said.size > mostRemembered) said.clear()
    return true
  }

  const add = (key: ServiceKey, news: News): void => {
    if (!isNews(key, news, clock().getTime())) return
    // News of several models stand beside each other.
    const about = news.kind === 'limited' && news.model !== null ? `${key.id} ${news.model}` : key.id
    const before = pending.get(about)
    if (before && gravity[before.news.kind] > gravity[news.kind]) return
    pending.set(about, { key, news })
    writing ??= write()
  }

  const write = async (): Promise<void> => {
    while (pending.size > 0) {
      const batch = Map.groupBy(pending.values(), ({ key }) => key.organizationId)
      pending.clear()
      for (const [organizationId, items] of batch) {
        try {
          await announceChanges(epoch, organizationId, (transaction) =>
            applyAll(transaction, items, clock(), alerts),
          )
          alerts?.soon()
        } catch (error) {
          log.error({ err: error, organizationId }, 'the health of service keys could not be written')
        }
      }
    }
    // At once: what comes after this last look begins a writing of its own.
    writing = null
  }

  const writeUsed = async (): Promise<void> => {
    const batch = [...used.values()]
    used.clear()
    usedTimer = undefined
    await sql`
      UPDATE service_keys AS k SET last_used_at = greatest(k.last_used_at, u.at)
      FROM unnest(${batch.map((item) => item.key.organizationId)}::uuid[], ${batch.map((item) => item.key.id)}::uuid[],
                  ${batch.map((item) => item.at)}::timestamptz[]) AS u (organization_id, id, at)
      WHERE k.organization_id = u.organization_id AND k.id = u.id`
      .execute(database.kysely)
      .catch((error: unknown) =>
        log.warn({ err: error }, 'the last use of service keys could not be written'),
      )
  }

  const noteUse = (key: ServiceKey): void => {
    used.set(key.id, { key, at: clock() })
    usedTimer ??= setTimeout(() => void writeUsed(), usedEveryMs).unref()
  }

  return {
    report: (key, outcome, retryAfterSeconds, model) => {
      if (outcome.kind === 'ok') {
        noteUse(key)
        if (key.suspectedAt !== null || key.failedRechecks > 0) add(key, { kind: 'ok' })
      } else if (outcome.kind === 'limited') {
        add(key, limitedNews(clock(), retryAfterSeconds, model ?? null, true))
      } else if (outcome.kind === 'spent') {
        noteUse(key)
        add(key, limitedNews(clock(), retryAfterSeconds, model ?? null, false))
      } else if (outcome.kind === 'exhausted' || outcome.kind === 'unauthorized') {
        add(key, { kind: outcome.kind })
      }
    },
    settled: async () => {
      await writing
      if (usedTimer) {
        clearTimeout(usedTimer)
        await writeUsed()
      }
    },
  }
}

const limitedNews = (
  now: Date,
  retryAfterSeconds: number | undefined,
  model: string | null,
  isRefusal: boolean,
): News => ({ kind: 'limited', until: coolingUntil(now, retryAfterSeconds), model, isRefusal })

const aboutOf = (key: ServiceKey, news: News): string =>
  `${key.id} ${key.version} ${news.kind === 'limited' && news.model !== null ? `limited ${news.model}` : news.kind}`

class NothingChanged extends Error {}

/** Announces only what changed a row. */
const announceChanges = async (
  epoch: Epoch,
  organizationId: string,
  work: (transaction: Transaction<Schema>) => Promise<boolean>,
): Promise<void> => {
  try {
    await epoch.announce(organizationId, async (transaction) => {
      if (!(await work(transaction))) throw new NothingChanged()
    })
  } catch (error) {
    if (!(error instanceof NothingChanged)) throw error
  }
}

/** In the order of ids, as every process does it: two batches over the same keys wait, and never deadlock. */
const applyAll = async (
  transaction: Transaction<Schema>,
  items: readonly { key: ServiceKey; news: News }[],
  now: Date,
  alerts: Telling,
): Promise<boolean> => {
  let changed = false
  for (const { key, news } of [...items].sort((a, b) => (a.key.id < b.key.id ? -1 : 1))) {
    if (await apply(transaction, key, news, now, alerts)) changed = true
  }
  return changed
}

type Telling = Pick<Alerts, 'notifyIn'> | undefined

const refusedTwice = 'The service refused this key twice.'
/** As src/keys/quarantine.ts says. */
const hadWorked = sql<boolean>`(verdict = 'valid' OR last_used_at IS NOT NULL)`

const recordRefusal = (
  transaction: Transaction<Schema>,
  key: ServiceKey,
  status: 'active' | 'invalid',
  now: Date,
): Promise<void> => {
  const detail = 'The service refused the key in an operation.'
  const line = { version: key.version, cause: 'refused', verdict: 'invalid', detail, status } as const
  return recordCheck(transaction, key, line, now)
}

/** Says nothing about a newer version of the key, nor about one that is not in use. */
const apply = async (
  transaction: Transaction<Schema>,
  key: ServiceKey,
  news: News,
  now: Date,
  alerts: Telling,
): Promise<boolean> => {
  const update = transaction
    .updateTable('service_keys')
    .where('organization_id', '=', key.organizationId)
    .where('id', '=', key.id)
    .where('current_version', '=', key.version)
    .where('status', '=', 'active')
    .returning('id')
  switch (news.kind) {
    case 'ok': {
      const healthy = { suspected_at: null, failed_rechecks: 0, recheck_after: null }
      const rows = await update
        .set(healthy)
        .where((eb) => eb.or([eb('suspected_at', 'is not', null), eb('failed_rechecks', '>', 0)]))
        .execute()
      return rows.length > 0
    }
    case 'limited': {
      if (news.model !== null) return applyToModel(transaction, key, { ...news, model: news.model }, now)
      const later = new Date(news.until.getTime() - 1000)
      const rows = await update
        .set({ cooling_until: news.until })
        .where((eb) => eb.or([eb('cooling_until', 'is', null), eb('cooling_until', '<', later)]))
        .execute()
      return rows.length > 0
    }
    case 'exhausted': {
      const status_reason = 'The service says that this key has no quota left.'
      const recheck_after = recheckAt(now, 'exhausted', key.failedRechecks)
      const rows = await update.set({ status: 'exhausted', status_reason, recheck_after }).execute()
      return rows.length > 0 && audited(transaction, key, 'exhausted', status_reason)
    }
    case 'unauthorized': {
      const first = await update
        .set({ suspected_at: now, recheck_after: now })
        .where('suspected_at', 'is', null)
        .execute()
      if (first.length > 0) {
        await recordRefusal(transaction, key, 'active', now)
        return true
      }
      const second = await update
        .set({
          status: 'invalid',
          status_cause: sql<'possibly_leaked' | null>`CASE WHEN ${hadWorked} THEN 'possibly_leaked' END`,
          status_reason: sql<string>`CASE WHEN ${hadWorked} THEN ${leakReason} ELSE ${refusedTwice} END`,
          suspected_at: null,
          recheck_after: recheckAt(now, 'invalid', key.failedRechecks),
        })
        .where('suspected_at', '<=', new Date(now.getTime() - secondProofAfterMs))
        .returning('status_cause as cause')
        .executeTakeFirst()
      if (!second) return false
      await recordRefusal(transaction, key, 'invalid', now)
      if (second.cause === null) return audited(transaction, key, 'invalid', refusedTwice)
      for (const notice of leakNotices(key, now)) await alerts?.notifyIn(transaction, notice)
      return audited(transaction, key, 'invalid', leakReason, 'quarantine')
    }
  }
}

/** The key's row is locked first: another process may be writing about another model. */
const applyToModel = async (
  transaction: Transaction<Schema>,
  key: ServiceKey,
  news: News & { kind: 'limited'; model: string },
  now: Date,
): Promise<boolean> => {
  const row = await transaction
    .selectFrom('service_keys')
    .select(['cooling_until', sql<CoolingModels>`cooling_models`.as('models')])
    .where('organization_id', '=', key.organizationId)
    .where('id', '=', key.id)
    .where('current_version', '=', key.version)
    .where('status', '=', 'active')
    .forUpdate()
    .executeTakeFirst()
  if (row === undefined) return false
  const known = coolingFor({ coolingUntil: row.cooling_until, coolingModels: row.models }, news.model, now)
  if (known !== null && known.getTime() >= news.until.getTime() - 1000) return false
  const { models, isWholeKey } = modelCooled(row.models, news.model, news.until, news.isRefusal, now)
  await transaction
    .updateTable('service_keys')
    .set({ cooling_models: JSON.stringify(models), ...(isWholeKey ? { cooling_until: news.until } : {}) })
    .where('organization_id', '=', key.organizationId)
    .where('id', '=', key.id)
    .execute()
  return true
}

const audited = async (
  transaction: Transaction<Schema>,
  key: ServiceKey,
  status: string,
  reason: string,
  action: 'status_change' | 'quarantine' = 'status_change',
): Promise<true> => {
  await recordAudit(transaction, {
    organizationId: key.organizationId,
    actor: { kind: 'gateway', id: null },
    action: `service_key.${action}`,
    subject: { kind: 'service_key', id: key.id },
    before: { status: 'active' },
    after: { status },
    reason,
  })
  return true
}
