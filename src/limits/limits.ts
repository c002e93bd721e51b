import { setTimeout as wait } from 'node:timers/promises'
import { type Actor, recordAudit } from '../audit/audit.ts'
import type { Epoch } from '../db/epoch.ts'
import type { Clock } from '../kit/clock.ts'
import { type Fault, failure, fault, type Outcome, success } from '../kit/fault.ts'
import { platformOrganizationId } from '../kit/id.ts'
import { type Blocked, canTake, giveBack, take } from './allowance.ts'
import type { Answer } from './decide.ts'
import { type HeaderFamily, limitHeaders } from './headers.ts'
import { type RateLimits, type Subject, type SubjectKind, subjectText } from './rate-limits.ts'
import * as store from './store.ts'
import { type Asking, makeTaking, type TakingOptions } from './taking.ts'

export type { HeaderFamily } from './headers.ts'
export type { RateLimits, Subject, SubjectKind } from './rate-limits.ts'

export interface Pass {
  /** Standard rate-limit headers, as flat name-value pairs; empty where nothing is limited. */
  readonly headers: readonly string[]
  /**
   * The operation has ended; before its last byte goes out, so that the next call finds the place free. Null: what was
   * used is not known, so the estimate stays.
   */
  end(tokensUsed: number | null): void
}

/** An `Outcome<Pass>`; a refusal has headers too. */
export type Entered =
  | { readonly ok: true; readonly value: Pass }
  | { readonly ok: false; readonly fault: Fault; readonly headers: readonly string[] }

export interface Caller {
  readonly organizationId: string
  readonly accessTokenId: string
  /** A platform token lies with the platform; the caller's own organization unless given. */
  readonly tokenOrganizationId?: string
  readonly userId: string
  readonly tokenLimits: RateLimits | null
  readonly userLimits: RateLimits | null
  /** Of a machine: the member on whose credits it works, and their limits. */
  readonly payer: { readonly userId: string; readonly limits: RateLimits } | null
}

/** Whose limits are to be read. */
export type CallerKey = Pick<
  Caller,
  'organizationId' | 'accessTokenId' | 'tokenOrganizationId' | 'userId'
> & { readonly payerUserId: string | null }

export interface LimitedKey {
  readonly organizationId?: string
  readonly serviceKeyId: string
  readonly limits: RateLimits | null
  /** What this caller may use of it; `id` is that of `memberOnKey`. */
  readonly member?: KeyMember | null
}

export interface KeyMember {
  readonly id: string
  readonly limits: RateLimits
}

export interface Limits {
  /** Synchronous and free where nothing is limited; `tokens` is an estimate, put right by `Pass.end`. */
  enter(caller: Caller, tokens: number, family?: HeaderFamily): Entered | Promise<Entered>
  enterKey(key: LimitedKey, tokens: number): Entered | Promise<Entered>
  /** Until when a service key is at its limit, as far as this process knows; for planning routes. */
  isFull(serviceKeyId: string, now: Date, organizationId?: string, member?: KeyMember | null): Date | null
  /** What is set for a caller; to be cached with them under the epoch. */
  read(caller: CallerKey): Promise<{
    tokenLimits: RateLimits | null
    userLimits: RateLimits | null
    payerLimits: RateLimits | null
  }>
  /** What is set, by the subject's id. */
  list(organizationId: string, kind: SubjectKind): Promise<ReadonlyMap<string, RateLimits>>
  /** What is set in all organisations; of the first ten thousand. */
  listAll(kind: SubjectKind): Promise<readonly (Subject & { readonly limits: RateLimits })[]>
  /** What is set for a user's own access tokens, by id. */
  listOwn(organizationId: string, userId: string): Promise<ReadonlyMap<string, RateLimits>>
  /** In force on all processes when it returns; `userId`: only that user's own access token. */
  set(actor: Actor, subject: Subject & { userId?: string }, limits: RateLimits | null): Promise<Outcome<void>>
  /** What is set for one subject that exists; not_found otherwise. */
  find(subject: Subject & { userId?: string }): Promise<Outcome<RateLimits | null>>
  sweep(): Promise<void>
  /** Resolves when everything that ended so far is written. */
  settled(): Promise<void>
  close(): Promise<void>
}

export interface LimitsOptions extends TakingOptions {
  readonly epoch: Pick<Epoch, 'processId' | 'change'>
  readonly clock: Clock
}

/** Other processes give back what they do not use, so it is worth asking again before the window itself moves. */
const blockedMs = 250
const blockedPlacesMs = 50
/** A place comes free a moment after the reply that its operation ended with. */
const placePausesMs = [20, 60]

const nothing = (): void => {}
const free: Entered = { ok: true, value: { headers: [], end: nothing } }
const unlimited: RateLimits = { requestsPerMinute: null, tokensPerMinute: null, concurrent: null }

/**
 * Rate limits that hold over any number of processes (docs/decisions/0011-rate-limits.md). A process takes from the
 * windows in the database, a little ahead where calls come often, and uses what it took within two seconds.
 */
export const makeLimits = (options: LimitsOptions): Limits => {
  const { database, epoch, clock } = options
  const taking = makeTaking(options)
  const passOf = (askings: readonly Asking[], seconds: readonly number[], family: HeaderFamily): Entered => {
    let ended = false
    const pass: Pass = {
      headers: headersOf(askings, family),
      end: (tokensUsed) => {
        if (ended) return
        ended = true
        const now = performance.now()
        for (const [index, { allowance, need }] of askings.entries()) {
          const taken = { limits: need.limits, tokens: need.tokens, second: seconds[index] ?? 0 }
          const urgency = giveBack(allowance, taken, tokensUsed, now)
          if (urgency !== 'never') taking.tell(need.subject, urgency)
        }
      },
    }
    return { ok: true, value: pass }
  }

  const headersOf = (askings: readonly Asking[], family: HeaderFamily, reset?: number) =>
    limitHeaders(
      askings.map(({ allowance, need }) => ({
        subject: allowance.subject,
        limits: need.limits,
        free: allowance.free,
      })),
      family,
      clock(),
      reset,
    )

  const refuse = (
    askings: readonly Asking[],
    family: HeaderFamily,
    full: Blocked & { subject: string },
  ): Entered => {
    const asking = askings.find(({ need }) => need.subject === full.subject) as Asking
    const seconds =
      full.fitsAt === null ? null : Math.max(1, Math.ceil((full.fitsAt - performance.now()) / 1000))
    return {
      ok: false,
      fault: refusalOf(asking, full, seconds),
      headers: headersOf(askings, family, seconds ?? undefined),
    }
  }

  /** Who waits for an answer keeps what it will be written into. */
  const ask = async (askings: readonly Asking[], family: HeaderFamily): Promise<Entered> => {
    for (const { allowance } of askings) allowance.waiting++
    try {
      return await askUntilAnswered(askings, family)
    } finally {
      for (const { allowance } of askings) allowance.waiting--
    }
  }

  const askUntilAnswered = async (askings: readonly Asking[], family: HeaderFamily): Promise<Entered> => {
    for (let turn = 0; ; turn++) {
      const { told, seconds } = await taking.ask(askings)
      if (told.kind === 'granted') return passOf(askings, seconds, family)
      if (told.kind === 'unavailable' || (told.kind === 'late' && turn >= 2))
        return { ...failure('database_unavailable'), headers: [] }
      if (told.kind === 'late') continue
      const pause = told.dimension === 'concurrent' ? placePausesMs[turn] : undefined
      if (pause === undefined) return blocked(askings, family, told)
      await wait(pause)
    }
  }

  const blocked = (
    askings: readonly Asking[],
    family: HeaderFamily,
    { subject, dimension, waitSeconds }: Answer & { kind: 'full' },
  ): Entered => {
    const { allowance, need } = askings.find((a) => a.need.subject === subject) as Asking
    const now = performance.now()
    const longest = dimension === 'concurrent' ? blockedPlacesMs : blockedMs
    const full: Blocked = {
      until: now + Math.min(longest, waitSeconds === null ? longest : waitSeconds * 1000),
      dimension,
      tokens: need.tokens,
      fitsAt: waitSeconds === null ? null : now + waitSeconds * 1000,
    }
    // One call that is too large says nothing about smaller ones.
    if (waitSeconds !== null) allowance.blocked = full
    return refuse(askings, family, { ...full, subject })
  }

  const blockedNow = (askings: readonly Asking[], now: number): (Blocked & { subject: string }) | null => {
    for (const { allowance, need } of askings) {
      const full = allowance.blocked
      if (full === null || now >= full.until) continue
      if (full.dimension !== 'tokens' || need.tokens >= full.tokens) return { ...full, subject: need.subject }
    }
    return null
  }

  const enterAll = (
    wanted: readonly { subject: Subject; limits: RateLimits }[],
    tokens: number,
    family: HeaderFamily,
  ): Entered | Promise<Entered> => {
    const now = performance.now()
    const askings = wanted.map(({ subject, limits }) => ({
      allowance: taking.allowanceOf(subject, limits, now),
      need: { subject: subjectText(subject), limits, tokens: limits.tokensPerMinute === null ? 0 : tokens },
    }))
    if (askings.every(({ allowance, need }) => canTake(allowance, need.limits, need.tokens, now))) {
      const seconds = askings.map(({ allowance, need }) => take(allowance, need.limits, need.tokens, now))
      return passOf(askings, seconds, family)
    }
    const full = blockedNow(askings, now)
    return full === null ? ask(askings, family) : refuse(askings, family, full)
  }

  /** Milliseconds until something fits again, as far as this process knows. */
  const fullUntil = (subject: Subject): number | null => {
    const full = taking.find(subject)?.blocked
    const at = performance.now()
    if (!full || at >= full.until || full.fitsAt === null) return null
    return Math.max(1, full.fitsAt - at)
  }

  return {
    enter(caller, tokens, family = 'other') {
      const { tokenLimits, userLimits, payer, organizationId } = caller
      if (tokenLimits === null && userLimits === null && payer === null) return free
      const wanted: { subject: Subject; limits: RateLimits }[] = []
      if (tokenLimits !== null) wanted.push({ subject: tokenSubject(caller), limits: tokenLimits })
      if (userLimits !== null)
        wanted.push({ subject: { organizationId, kind: 'user', id: caller.userId }, limits: userLimits })
      if (payer !== null)
        wanted.push({ subject: { organizationId, kind: 'user', id: payer.userId }, limits: payer.limits })
      return enterAll(wanted, tokens, family)
    },

    enterKey({ organizationId = platformOrganizationId, serviceKeyId, limits, member = null }, tokens) {
      if (limits === null && member === null) return free
      const wanted: { subject: Subject; limits: RateLimits }[] = []
      if (member !== null)
        wanted.push({ subject: { organizationId, kind: 'key_member', id: member.id }, limits: member.limits })
      if (limits !== null)
        wanted.push({ subject: { organizationId, kind: 'service_key', id: serviceKeyId }, limits })
      return enterAll(wanted, tokens, 'other')
    },

    isFull(serviceKeyId, now, organizationId = platformOrganizationId, member = null) {
      if (taking.isEmpty()) return null
      const ofKey = fullUntil({ organizationId, kind: 'service_key', id: serviceKeyId })
      const ofMember = member && fullUntil({ organizationId, kind: 'key_member', id: member.id })
      const ms = ofKey === null ? ofMember : Math.max(ofKey, ofMember ?? 0)
      return ms === null ? null : new Date(now.getTime() + ms)
    },

    async read(caller) {
      const token = tokenSubject(caller)
      const user: Subject = { organizationId: caller.organizationId, kind: 'user', id: caller.userId }
      const payer = caller.payerUserId === null ? null : { ...user, id: caller.payerUserId }
      const found = await store.findLimits(database.kysely, payer ? [token, user, payer] : [token, user])
      return {
        tokenLimits: found.get(subjectText(token)) ?? null,
        userLimits: found.get(subjectText(user)) ?? null,
        payerLimits: (payer && found.get(subjectText(payer))) ?? null,
      }
    },

    listOwn: (organizationId, userId) => store.listTokenLimits(database.kysely, organizationId, userId),
    list: (organizationId, kind) => store.listLimits(database.kysely, organizationId, kind),
    listAll: (kind) => store.listAllLimits(database.kysely, kind),

    async set(actor, subject, limits) {
      if (!(await store.exists(database.kysely, subject))) return failure('not_found')
      const isNone = limits === null || Object.values(limits).every((limit) => limit === null)
      await epoch.change(subject.organizationId, async (transaction) => {
        const before = (await store.findLimits(transaction, [subject])).get(subjectText(subject)) ?? unlimited
        await store.storeLimits(transaction, subject, isNone ? null : limits)
        await recordAudit(transaction, {
          organizationId: subject.organizationId,
          actor,
          action: 'rate_limit.changed',
          subject: { kind: subject.kind, id: subject.id },
          before,
          after: limits ?? unlimited,
        })
      })
      return success(undefined)
    },

    async find(subject) {
      if (!(await store.exists(database.kysely, subject))) return failure('not_found')
      return success((await store.findLimits(database.kysely, [subject])).get(subjectText(subject)) ?? null)
    },

    sweep: () => store.sweepWindows(database.kysely),

    settled: () => taking.settled(),
    close: () => taking.close(),
  }
}

const tokenSubject = (
  caller: Pick<Caller, 'organizationId' | 'accessTokenId' | 'tokenOrganizationId'>,
): Subject => ({
  organizationId: caller.tokenOrganizationId ?? caller.organizationId,
  kind: 'access_token',
  id: caller.accessTokenId,
})

const whose: Record<SubjectKind, string> = {
  access_token: 'this access token',
  user: 'this user',
  service_key: 'this service key',
  key_member: 'each member on this service key',
}

const refusalOf = ({ allowance, need }: Asking, { dimension }: Blocked, seconds: number | null): Fault => {
  const owner = whose[allowance.subject.kind]
  const { requestsPerMinute, tokensPerMinute, concurrent } = need.limits
  const retry = seconds === null ? {} : { retryAfterSeconds: seconds }
  if (dimension === 'concurrent')
    return fault('rate_limited', {
      message: `The limit of ${concurrent} operations at once for ${owner} is reached.`,
      ...retry,
    })
  if (dimension === 'requests')
    return fault('rate_limited', {
      message: `The limit of ${requestsPerMinute} requests a minute for ${owner} is reached.`,
      ...retry,
    })
  if (seconds !== null)
    return fault('rate_limited', {
      message: `The limit of ${tokensPerMinute} tokens a minute for ${owner} is reached.`,
      ...retry,
    })
  return fault('rate_limited', {
    message: `This call may need ${need.tokens} tokens; the limit for ${owner} is ${tokensPerMinute} a minute.`,
    next: 'Ask for a shorter reply, send less, or ask for a higher limit.',
  })
}
