import type { Transaction } from 'kysely'
import type { Alerts } from '../alerts/alerts.ts'
import { type Actor, recordAudit } from '../audit/audit.ts'
import type { AlertKind } from '../contract/alerts.ts'
import type { Database } from '../db/database.ts'
import type { Schema } from '../db/schema.ts'
import type { Clock } from '../kit/clock.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import { formatDecimal } from '../kit/money.ts'
import { suddenSpend, type Thresholds } from './anomaly.ts'
import { makeOversightStore } from './store.ts'
import { type Anomaly, makeAnomalyStore } from './store-anomalies.ts'

export type { Anomaly } from './store-anomalies.ts'

/** What is unusual in an organisation's use: found once, told to those who run it, and dismissed by them. */
export interface Anomalies {
  /** Looks at the last 24 hours of everybody; safe in several processes at once. Gives how many were new. */
  watch(now: Date): Promise<number>
  list(
    organizationId: string,
    wanted: { all: boolean },
  ): Promise<{ items: readonly Anomaly[]; emails: ReadonlyMap<string, string> }>
  dismiss(actor: Actor, anomaly: { organizationId: string; id: string }): Promise<Outcome<void>>
  thresholds(organizationId: string): Promise<Thresholds>
  setThresholds(actor: Actor, organizationId: string, wanted: Thresholds): Promise<void>
  /** Somebody called from there. Written by `flushCountries`. */
  noteCountry(who: { organizationId: string; userId: string }, country: string): void
  flushCountries(): Promise<void>
}

export interface AnomalyParts {
  readonly database: Database
  readonly alerts: Pick<Alerts, 'notifyIn' | 'soon'>
  readonly clock: Clock
}

type Found = Pick<Anomaly, 'organizationId' | 'kind' | 'userId'> &
  Partial<Anomaly> & { readonly key: string; readonly title: string; readonly text: string }

const alertKinds: Record<Anomaly['kind'], AlertKind> = {
  sudden_spend: 'sudden_spend',
  new_model: 'new_model',
  new_country: 'new_country',
}

/** Cents, downwards: whoever is told wants the size of it. */
const dollars = (nanoUsd: bigint): string => `$${formatDecimal(nanoUsd / 10_000_000n, 2)}`
const mostListed = 200
/** Beyond this, further callers are noted after the next flush. */
const mostNoted = 50_000

export const makeAnomalies = ({ database, alerts, clock }: AnomalyParts): Anomalies => {
  const { kysely } = database
  const store = makeAnomalyStore(kysely)
  const people = makeOversightStore(kysely)
  let countries = new Map<string, { organizationId: string; userId: string; country: string; at: Date }>()

  /** In one commit: it is noted as found, and the alert is there. */
  const tell = async (t: Transaction<Schema>, found: Found, at: Date): Promise<boolean> => {
    const { organizationId, kind, title, text } = found
    const anomaly = {
      id: newId(at.getTime()),
      serviceId: null,
      model: null,
      country: null,
      spentNanoUsd: null,
      usualNanoUsd: null,
      ...found,
      at,
    }
    if (!(await store.insert(t, anomaly))) return false
    await alerts.notifyIn(t, {
      audience: { kind: 'organization_administrators', organizationId },
      kind: alertKinds[kind],
      severity: kind === 'new_model' ? 'info' : 'warning',
      key: `anomaly:${anomaly.id}`,
      title,
      text,
      path: '/anomalies',
    })
    return true
  }

  const tellAll = async (found: readonly Found[], at: Date): Promise<number> => {
    let told = 0
    for (const one of found) if (await kysely.transaction().execute((t) => tell(t, one, at))) told++
    if (told > 0) alerts.soon()
    return told
  }

  const emailOf = async (userId: string, t?: Transaction<Schema>): Promise<string> =>
    (await people.emails([userId], t)).get(userId) ?? 'a former member'

  const spends = async (now: Date): Promise<Found[]> => {
    const found: Found[] = []
    for (const spender of await store.spenders(now)) {
      const { organizationId, userId, spentNanoUsd } = spender
      const thresholds = await store.thresholds(kysely, organizationId)
      const sudden = suddenSpend(spentNanoUsd, await store.formerSpend(spender, now), thresholds)
      if (sudden === null) continue
      const who = userId === null ? 'everybody together' : await emailOf(userId)
      found.push({
        organizationId,
        kind: 'sudden_spend',
        key: `spend:${userId ?? 'all'}:${now.toISOString().slice(0, 10)}`,
        userId,
        spentNanoUsd,
        usualNanoUsd: sudden.usualNanoUsd,
        title: `Sudden spend: ${dollars(spentNanoUsd)} in 24 hours by ${who}`,
        text: `An ordinary day costs ${dollars(sudden.usualNanoUsd)}. A budget refuses calls before more is used than you want.`,
      })
    }
    return found
  }

  const models = async (now: Date): Promise<Found[]> =>
    Promise.all(
      (await store.firstUses(now)).map(async ({ organizationId, userId, serviceId, model }) => ({
        organizationId,
        kind: 'new_model' as const,
        key: `model:${serviceId}/${model}`.slice(0, 400),
        userId,
        serviceId,
        model,
        title: `First use of ${model} at ${serviceId}`,
        text: `Used by ${await emailOf(userId)}. The control policy says which services and models may be used.`,
      })),
    )

  return {
    watch: async (now) => tellAll([...(await spends(now)), ...(await models(now))], now),

    async list(organizationId, { all }) {
      const items = await store.list(organizationId, all, mostListed)
      const ids = new Set(items.flatMap(({ userId }) => userId ?? []))
      return { items, emails: await people.emails([...ids]) }
    },

    async dismiss(actor, { organizationId, id }) {
      const isKnown = await kysely.transaction().execute(async (t) => {
        if (await store.dismiss(t, { organizationId, id, at: clock(), by: actor.id })) {
          await recordAudit(t, {
            organizationId,
            actor,
            action: 'anomaly.dismissed',
            subject: { kind: 'anomaly', id },
          })
          return true
        }
        return store.isKnown(t, organizationId, id)
      })
      return isKnown ? success(undefined) : failure('not_found')
    },

    thresholds: (organizationId) => store.thresholds(kysely, organizationId),

    setThresholds: (actor, organizationId, wanted) =>
      kysely.transaction().execute(async (t) => {
        const before = await store.thresholds(t, organizationId)
        await store.saveThresholds(t, organizationId, wanted)
        await recordAudit(t, {
          organizationId,
          actor,
          action: 'anomaly_thresholds.changed',
          subject: { kind: 'organization', id: organizationId },
          before: { ...before, spendFloorNanoUsd: String(before.spendFloorNanoUsd) },
          after: { ...wanted, spendFloorNanoUsd: String(wanted.spendFloorNanoUsd) },
        })
      }),

    noteCountry({ organizationId, userId }, country) {
      const key = `${organizationId}/${userId}/${country}`
      if (!countries.has(key) && countries.size < mostNoted)
        countries.set(key, { organizationId, userId, country, at: clock() })
    },

    async flushCountries() {
      if (countries.size === 0) return
      const batch = [...countries.values()]
      countries = new Map()
      const at = clock()
      // A country that is noted is never new again: noted and told together, or neither.
      const told = await kysely.transaction().execute(async (t) => {
        let count = 0
        for (const { organizationId, userId, country } of await store.noteCountries(t, batch)) {
          if (!(await store.thresholds(t, organizationId)).tellsCountries) continue
          const found: Found = {
            organizationId,
            kind: 'new_country',
            key: `country:${userId}:${country}`,
            userId,
            country,
            title: `${await emailOf(userId, t)} calls from ${country} for the first time`,
            text: 'If that is not them, revoke their access tokens.',
          }
          if (await tell(t, found, at)) count++
        }
        return count
      })
      if (told > 0) alerts.soon()
    },
  }
}
