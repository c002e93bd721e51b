import type { KeyFailure, Verdict } from '../services/service.ts'
import type { Judgement } from './validation.ts'

/**
 * How a key falls ill and recovers (architecture §3.5). Pure: rows and time come in, what to write comes out.
 *
 * 429 cools a key down, for one model or for all. A quota error makes it exhausted. A refusal makes it suspected, and a second proof, another
 * refusal a minute later or a validation call, makes it invalid. Suspected, exhausted and invalid keys are asked
 * about again, ever more rarely, and come back by themselves. Nothing else is touched.
 */
export type Report =
  | KeyFailure
  | { readonly kind: 'ok' }
  /** A successful reply said that nothing is left of the model's limit. */
  | { readonly kind: 'spent' }

type UsableStatus = 'active' | 'invalid' | 'exhausted'

export interface Health {
  /** For a suspended key, the status it goes back to. */
  readonly status: UsableStatus
  readonly suspectedAt: Date | null
  readonly failedRechecks: number
}

export interface HealthAfterRecheck extends Health {
  /** Undefined: stays as it is. */
  readonly statusReason: string | null | undefined
  readonly recheckAfter: Date | null
  /** Undefined: the call proved nothing, so what was known stays. */
  readonly proven: { readonly verdict: Verdict; readonly detail: string } | undefined
}

const minuteMs = 60_000

/** Refusals closer together than this are one proof: they may be one slip of the service. */
export const secondProofAfterMs = minuteMs

const coolingSeconds = { unstated: 10, least: 1, most: 3600 } as const

export const coolingUntil = (now: Date, retryAfterSeconds: number | undefined): Date => {
  const { unstated, least, most } = coolingSeconds
  const seconds = Math.min(most, Math.max(least, retryAfterSeconds ?? unstated))
  return new Date(now.getTime() + seconds * 1000)
}

/** Model → until when (ISO 8601): its limit at the service is used up on a key. */
export type CoolingModels = Readonly<Record<string, string>>

const mostCoolingModels = 50

/**
 * Services limit models apart, so a 429 cools the key for the model that was asked for. A second model that is refused
 * meanwhile says that the limit is the key's; so does nothing that a successful reply tells.
 */
export const modelCooled = (
  before: CoolingModels,
  model: string,
  until: Date,
  isRefusal: boolean,
  now: Date,
): { readonly models: CoolingModels; readonly isWholeKey: boolean } => {
  const current = Object.entries(before).filter(([, at]) => Date.parse(at) > now.getTime())
  const others = current.filter(([name]) => name !== model).slice(1 - mostCoolingModels)
  return {
    models: Object.fromEntries([...others, [model, until.toISOString()]]),
    isWholeKey: isRefusal && others.length > 0,
  }
}

/** Until when a key must not be used for a model because of limits at the service; null: it may. */
export const coolingFor = (
  key: { readonly coolingUntil: Date | null; readonly coolingModels?: CoolingModels },
  model: string,
  now: Date,
): Date | null => {
  const own = key.coolingModels?.[model]
  if (key.coolingUntil === null && own === undefined) return null
  const latest = Math.max(key.coolingUntil?.getTime() ?? 0, own === undefined ? 0 : Date.parse(own))
  return latest > now.getTime() ? new Date(latest) : null
}

const firstRecheckMs = 3 * minuteMs
/** A quota is filled up, or a payment made, within the hour; a refused key rarely comes back at all. */
const longestRecheckMs: Record<UsableStatus, number> = {
  active: 60 * minuteMs,
  exhausted: 60 * minuteMs,
  invalid: 24 * 60 * minuteMs,
}

export const recheckAt = (now: Date, status: UsableStatus, failedRechecks: number): Date => {
  const doubled = firstRecheckMs * 2 ** Math.min(failedRechecks, 20)
  return new Date(now.getTime() + Math.min(longestRecheckMs[status], doubled))
}

/** A secret that was just entered has no history, and a verdict even when that is `unknown`. */
export const healthOfNew = (judgement: Judgement, now: Date): HealthAfterRecheck => ({
  ...afterRecheck({ status: 'active', suspectedAt: null, failedRechecks: 0 }, judgement, now),
  proven: { verdict: judgement.verdict, detail: judgement.detail },
})

/**
 * Of a key that seems well. One refusal out of nothing may be a slip of the service: it is the first proof, and the second is
 * asked for when it may count.
 */
export const afterPeriodicCheck = (before: Health, judgement: Judgement, now: Date): HealthAfterRecheck => {
  const isFirstProof =
    judgement.verdict === 'invalid' && before.status === 'active' && before.suspectedAt === null
  if (!isFirstProof) return afterRecheck(before, judgement, now)
  return {
    ...before,
    suspectedAt: now,
    statusReason: undefined,
    recheckAfter: new Date(now.getTime() + secondProofAfterMs),
    proven: undefined,
  }
}

export const afterRecheck = (before: Health, judgement: Judgement, now: Date): HealthAfterRecheck => {
  const proven = { verdict: judgement.verdict, detail: judgement.detail }
  const failedRechecks = before.failedRechecks + 1
  const ailing = (status: UsableStatus): HealthAfterRecheck => ({
    status,
    suspectedAt: null,
    failedRechecks,
    statusReason: judgement.detail,
    recheckAfter: recheckAt(now, status, before.failedRechecks),
    proven,
  })
  /** As it was; asked about again only where there was something to ask about. */
  const unchanged = (status: UsableStatus): HealthAfterRecheck => {
    const healthy = status === 'active' && before.suspectedAt === null
    return {
      status,
      suspectedAt: before.suspectedAt,
      failedRechecks: healthy ? before.failedRechecks : failedRechecks,
      statusReason: status === before.status ? undefined : null,
      recheckAfter: healthy ? null : recheckAt(now, status, before.failedRechecks),
      proven,
    }
  }
  switch (judgement.verdict) {
    case 'unknown':
      return { ...unchanged(before.status), proven: undefined }
    case 'invalid':
      return ailing('invalid')
    case 'valid_but_unusable':
      if (judgement.exhausted) return ailing('exhausted')
      // Restricted, yet known: a refusal in traffic is not disproved by that, an invalid key is.
      return unchanged(before.status === 'invalid' ? 'active' : before.status)
    case 'valid':
      return {
        status: 'active',
        suspectedAt: null,
        // Validation calls cost nothing, so they do not prove quota: only a success in traffic forgets the count.
        failedRechecks: before.status === 'exhausted' ? failedRechecks : 0,
        statusReason: null,
        recheckAfter: null,
        proven,
      }
  }
}
