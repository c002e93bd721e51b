import { type Actor, recordAudit } from '../audit/audit.ts'
import type { HygieneFinding } from '../contract/key-hygiene.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'
import { platformOrganizationId } from '../kit/id.ts'
import { secretFingerprint } from './fingerprint.ts'
import {
  countsOf,
  type Finding,
  findingsOf,
  gravityOf,
  sameSecretText,
  type Viewer,
} from './hygiene-report.ts'
import { isWithin, type ServiceKeyParts } from './parts.ts'
import type { Rechecks } from './recheck.ts'
import type { Which } from './service-key.ts'
import * as store from './store.ts'
import { type CheckRecord, listChecks } from './store-checks.ts'
import * as hygiene from './store-hygiene.ts'

export type { CheckRecord } from './store-checks.ts'
export type { HygieneRow, HygieneSettings } from './store-hygiene.ts'
export type { Finding, Viewer } from './hygiene-report.ts'

export interface HygieneReport {
  readonly settings: hygiene.HygieneSettings
  readonly total: number
  readonly counts: Readonly<Record<HygieneFinding, number>>
  readonly items: readonly (hygiene.HygieneRow & { readonly findings: readonly Finding[] })[]
  readonly isCut: boolean
}

/** What is looked after by itself: proofs of keys that seem well, and what should be put in order. docs/keys.md. */
export interface Hygiene {
  readonly settings: () => Promise<hygiene.HygieneSettings>
  readonly changeSettings: (
    actor: Actor,
    settings: hygiene.HygieneSettings,
  ) => Promise<hygiene.HygieneSettings>
  /** The newest first. */
  readonly history: (which: Which) => Promise<Outcome<CheckRecord[]>>
  readonly report: (filter: hygiene.HygieneFilter, viewer: Viewer) => Promise<HygieneReport>
  /** Where a secret that somebody entered is stored already, in words for that user. */
  readonly sameSecret: (
    owner: { readonly organizationId: string; readonly userId: string },
    secret: string,
  ) => Promise<string | null>
  /** Asks about healthy keys whose time has come; how many were asked about. */
  readonly checkHealthyDue: (now: Date) => Promise<number>
}

const mostItems = 500
/** A run of the job asks about so many at most: 200 a minute. */
const portion = 20
const mostPortions = 10
const asking = 4

export const makeHygiene = (parts: ServiceKeyParts, rechecks: Pick<Rechecks, 'checkHealthy'>): Hygiene => {
  const { database, vault, clock, log } = parts
  const { kysely } = database

  const askAll = async (keys: readonly store.StoredKey[]): Promise<void> => {
    const queue = [...keys]
    const work = async () => {
      for (let key = queue.shift(); key; key = queue.shift()) {
        const { id } = key
        await rechecks
          .checkHealthy(key)
          .catch((error: unknown) =>
            log.error({ err: error, serviceKeyId: id }, 'a service key could not be checked'),
          )
      }
    }
    await Promise.all(Array.from({ length: asking }, work))
  }

  return {
    settings: () => hygiene.readSettings(kysely),

    changeSettings: (actor, settings) =>
      kysely.transaction().execute(async (t) => {
        const before = await hygiene.lockSettings(t)
        await hygiene.writeSettings(t, settings)
        if (before.checkEveryHours !== settings.checkEveryHours) await hygiene.forgetPlans(t)
        await recordAudit(t, {
          organizationId: platformOrganizationId,
          actor,
          action: 'key_hygiene.changed',
          subject: { kind: 'settings', id: 'key_hygiene' },
          before,
          after: settings,
        })
        return settings
      }),

    history: async (which) => {
      const key = await store.findStored(kysely, which)
      if (!key || !isWithin(key, which)) return failure('not_found')
      return success(await listChecks(kysely, key))
    },

    report: async (filter, viewer) => {
      const now = clock()
      const settings = await hygiene.readSettings(kysely)
      const rows = await hygiene.listForHygiene(kysely, filter)
      const looked = rows.slice(0, hygiene.mostReported)
      const found = looked
        .map((row) => ({ ...row, findings: findingsOf(row, settings, viewer, now) }))
        .filter(({ findings }) => findings.length > 0)
        .sort((a, b) => gravityOf(a.findings) - gravityOf(b.findings))
      return {
        settings,
        total: looked.length,
        counts: countsOf(found.map(({ findings }) => findings)),
        items: found.slice(0, mostItems),
        isCut: found.length > mostItems || rows.length > looked.length,
      }
    },

    sameSecret: async ({ organizationId, userId }, secret) => {
      const fingerprint = secretFingerprint(vault, organizationId, secret)
      const others = await hygiene.keysWithSecret(kysely, organizationId, fingerprint)
      return sameSecretText(others, { kind: 'user', userId })
    },

    checkHealthyDue: async (now) => {
      const { checkEveryHours } = await hygiene.readSettings(kysely)
      if (checkEveryHours === null) return 0
      await hygiene.planChecks(kysely, now, checkEveryHours)
      let asked = 0
      for (let round = 0; round < mostPortions; round++) {
        const due = await hygiene.claimHealthy(kysely, now, checkEveryHours, portion)
        await askAll(due)
        asked += due.length
        if (due.length < portion) break
      }
      return asked
    },
  }
}
