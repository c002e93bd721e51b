import { may } from '../contract/permissions.ts'
import type { Insights, PastUse } from '../insights/insights.ts'
import type { ServiceKey, ServiceKeys, ServiceKeyView } from '../keys/keys.ts'
import { type Fault, fault } from '../kit/fault.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { PriceBook } from '../metering/price-book.ts'
import { type KeyOwner, type OrganizationControl, usersManageKeys } from '../policy/control.ts'
import { type Endpoint, isEndpoint } from '../services/endpoint.ts'
import { creditsFor } from './estimate.ts'
import { type AnyRouteRequest, type RequestParts, routeRequest } from './person-request.ts'
import { type Candidate, planRoute } from './route.ts'

const lookedBackMs = 30 * 86_400_000
/** Kinds of use that are planned anew; beyond that the rarest are left out, and the preview says so. */
const mostUses = 5_000

export interface PolicyPreview {
  readonly since: Date
  readonly operations: bigint
  readonly planned: bigint
  readonly keysSuspended: readonly ServiceKeyView[]
  readonly keysRestored: readonly ServiceKeyView[]
  readonly refused: readonly Refused[]
  /** Ids of users of whose operations some are served now, and none would be. */
  readonly uncovered: readonly string[]
  readonly servedAgain: bigint
  readonly moves: readonly Move[]
  /** Ids of users of whose operations some would move to system keys, and who have no credits now: these are refused. */
  readonly withoutCredits: readonly string[]
  readonly creditMicros: { readonly before: bigint; readonly after: bigint }
}

interface Refused {
  readonly userId: string
  readonly model: string
  readonly operations: bigint
  readonly fault: Fault
}

interface Move {
  readonly from: KeyOwner
  readonly to: KeyOwner
  readonly operations: bigint
}

export type PreviewParts = RequestParts & {
  readonly insights: Pick<Insights, 'pastUses'>
  readonly serviceKeys: Pick<ServiceKeys, 'listForGateway' | 'listSystemKeys' | 'list'>
  readonly ledger: Pick<Ledger, 'balance'>
}

/**
 * What another control policy would change: the operations of the last 30 days planned twice, by the policy in force and by
 * the other one, with the keys, preferences and prices of now. Cooling keys and open breakers are left out of account: they
 * pass. Changes nothing.
 */
export const previewPolicy = async (
  parts: PreviewParts,
  organizationId: string,
  change: {
    readonly from: OrganizationControl
    readonly to: OrganizationControl
    /** Services of which each user may have own keys whatever the policy says of them. */
    readonly exceptions: ReadonlyMap<string, readonly string[]>
  },
): Promise<PolicyPreview> => {
  const since = new Date(parts.clock().getTime() - lookedBackMs)
  const [{ uses, total }, keys] = await Promise.all([
    parts.insights.pastUses(organizationId, since, mostUses),
    parts.serviceKeys.list({ organizationId, owners: ['user'] }),
  ])
  const callers = new Map<string, Caller | null>()
  for (const use of uses)
    if (!callers.has(callerOf(use))) callers.set(callerOf(use), await readCaller(parts, organizationId, use))

  const controlOf = (policy: 'from' | 'to', userId: string | null): OrganizationControl => ({
    ...change[policy],
    exceptedServices: change.exceptions.get(userId ?? '') ?? null,
  })
  const tally = makeTally(parts.prices.current())
  const accounts = new Map<string, string | null>()
  for (const use of uses) {
    const caller = callers.get(callerOf(use))
    if (!caller) continue
    const [was, will] = (['from', 'to'] as const).map((policy) =>
      outcomeOf(caller.request, use, controlOf(policy, use.userId)),
    ) as [Served, Served]
    tally.add(use, was, will)
    if (tally.isNewlyPaid(use, was, will)) accounts.set(use.userId, caller.accountId)
  }
  const live = keys.filter(({ status }) => status !== 'revoked')
  const mayHave = (policy: 'from' | 'to', { userId, serviceId }: ServiceKeyView) =>
    usersManageKeys(controlOf(policy, userId), serviceId)
  const loses = (key: ServiceKeyView) => mayHave('from', key) && !mayHave('to', key)
  const gains = (key: ServiceKeyView) => !mayHave('from', key) && mayHave('to', key)
  return {
    since,
    operations: total,
    ...tally.result(),
    withoutCredits: await withoutCredits(parts, organizationId, accounts),
    keysSuspended: live.filter((key) => key.status !== 'suspended' && loses(key)),
    keysRestored: live.filter((key) => key.status === 'suspended' && gains(key)),
  }
}

const callerOf = ({ userId, teamId }: PastUse): string => `${userId} ${teamId ?? ''}`

interface Caller {
  readonly request: AnyRouteRequest
  readonly accountId: string | null
}

/** Of users with their accounts: those who have nothing available. */
const withoutCredits = async (
  { ledger }: PreviewParts,
  organizationId: string,
  accounts: ReadonlyMap<string, string | null>,
): Promise<string[]> => {
  const found: string[] = []
  for (const [userId, accountId] of accounts) {
    const balance = accountId === null ? null : await ledger.balance(organizationId, accountId)
    if (balance === null || balance.availableMicros <= 0n) found.push(userId)
  }
  return found
}

/** Null: no member any more, suspended, or of a role that looks on. Who has left the team since would call for none. */
const readCaller = async (
  parts: PreviewParts,
  organizationId: string,
  { userId, teamId }: PastUse,
): Promise<Caller | null> => {
  const person = await parts.access.person(organizationId, userId)
  if (!person.ok || !may(person.value.role, 'own.use')) return null
  const isInTeam = teamId !== null && person.value.teamIds.includes(teamId)
  const teamIds = isInTeam ? [teamId] : person.value.teamIds
  const { breaker: _, ...request } = await routeRequest(parts, person.value, teamIds)
  return { request, accountId: person.value.accountId }
}

/** A use as it would be served, or why not. */
type Served = { readonly candidate: Candidate } | { readonly fault: Fault }

const outcomeOf = (request: AnyRouteRequest, use: PastUse, control: OrganizationControl): Served => {
  const { endpoint, requestedModel, serviceId } = use
  if (!isEndpoint(endpoint)) return { fault: fault('unknown_route') }
  const planned = planRoute({
    ...request,
    control,
    ownKeys: request.ownKeys.map((key) => underPolicy(key, control)),
    systemKeys: request.systemKeys.map(rested),
    endpoint,
    // Paths of one service name no service in their model.
    model: isOfOneService(endpoint) && serviceId !== null ? `${serviceId}/${requestedModel}` : requestedModel,
  })
  if (!planned.ok) return { fault: planned.fault }
  return { candidate: planned.value.candidates[0] as Candidate }
}

const isOfOneService = (endpoint: Endpoint): boolean => endpoint === 'raw' || endpoint === 'midjourney'

const rested = (key: ServiceKey): ServiceKey => ({ ...key, coolingUntil: null, coolingModels: {} })

/** Suspended and restored as a change of policy does it; what restored keys were before is not known here: usable. */
const underPolicy = (key: ServiceKey, control: OrganizationControl): ServiceKey => {
  if (key.owner !== 'user') return rested(key)
  if (!usersManageKeys(control, key.serviceId)) return { ...rested(key), status: 'suspended' }
  return { ...rested(key), status: key.status === 'suspended' ? 'active' : key.status }
}

const makeTally = (book: PriceBook) => {
  let planned = 0n
  let servedAgain = 0n
  let before = 0n
  let after = 0n
  const refused = new Map<string, Refused>()
  const served = { before: new Set<string>(), after: new Set<string>() }
  const moves = new Map<string, Move>()

  return {
    add(use: PastUse, was: Served, will: Served): void {
      planned += use.operations
      if ('candidate' in was) before += creditsOf(book, use, was.candidate)
      if ('candidate' in will) after += creditsOf(book, use, will.candidate)
      if ('candidate' in was) served.before.add(use.userId)
      if ('candidate' in will) served.after.add(use.userId)
      if ('fault' in was) {
        if ('candidate' in will) servedAgain += use.operations
        return
      }
      if ('fault' in will) {
        const key = `${use.userId} ${use.requestedModel}`
        const known = refused.get(key)
        refused.set(key, {
          userId: use.userId,
          model: use.requestedModel,
          operations: use.operations + (known?.operations ?? 0n),
          fault: will.fault,
        })
        return
      }
      const from = was.candidate.serviceKey.owner
      const to = will.candidate.serviceKey.owner
      if (from === to) return
      const known = moves.get(`${from} ${to}`)
      moves.set(`${from} ${to}`, { from, to, operations: use.operations + (known?.operations ?? 0n) })
    },

    /** Moves to system keys, and takes credits there. */
    isNewlyPaid: (use: PastUse, was: Served, will: Served): boolean =>
      'candidate' in was &&
      'candidate' in will &&
      was.candidate.serviceKey.owner !== 'system' &&
      creditsOf(book, use, will.candidate) > 0n,

    result: () => ({
      planned,
      servedAgain,
      uncovered: [...served.before].filter((userId) => !served.after.has(userId)),
      refused: [...refused.values()].sort((a, b) => Number(b.operations - a.operations)),
      moves: [...moves.values()].sort((a, b) => Number(b.operations - a.operations)),
      creditMicros: { before, after },
    }),
  }
}

/** In credits, were all of them served like this: by their known cost where the model is the same, else by their mean size. */
const creditsOf = (
  book: PriceBook,
  use: PastUse,
  { serviceKey, service, model, price }: Candidate,
): bigint => {
  if (serviceKey.owner !== 'system' || price === null) return 0n
  if (use.costNanoUsd !== null && use.serviceId === service.id && use.model === model)
    return book.creditMicros(use.costNanoUsd, price)
  const mean = (tokens: bigint) => Number(tokens / use.operations)
  const size = { inputTokens: mean(use.inputTokens), outputTokens: mean(use.outputTokens) }
  return (creditsFor(book, { price }, size) ?? 0n) * use.operations
}
