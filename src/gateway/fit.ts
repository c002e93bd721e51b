import type { Claim } from '../budgets/budgets.ts'
import { type Fault, failure, fault, type Outcome, success } from '../kit/fault.ts'
import { unpricedUnit } from '../metering/cost.ts'
import type { PriceBook } from '../metering/price-book.ts'
import type { Usage } from '../metering/usage.ts'
import type { Candidate } from '../routing/route.ts'
import { claimsOn } from './budgeted.ts'
import type { Caller } from './callers.ts'
import type { Decision } from './decide.ts'
import { affordableOutputTokens, type HoldBounds, holdBounds, whyUnpriced } from './hold.ts'
import type { Operation } from './operation.ts'
import type { GatewayParts } from './parts.ts'

/** A book whose “credits” are the nano-dollars themselves: what an own key costs is bounded like what is charged. */
const inNanoUsd = (book: PriceBook): PriceBook => ({ ...book, creditMicros: (costNanoUsd) => costNanoUsd })

/** Free at every service. */
const isCounting = (endpoint: string): boolean =>
  endpoint === 'count_tokens' || endpoint === 'gemini_count_tokens'

/** What an attempt on an own key may cost, in nano-dollars; a refusal: nobody knows, or it costs nothing. */
export const ownBounds = (
  { request, priceBook }: Pick<Decision, 'request' | 'priceBook'>,
  { price, service, model, via }: Pick<Candidate, 'price' | 'service' | 'model' | 'via'>,
  at: Date,
): Outcome<HoldBounds> => {
  if (isCounting(request.endpoint) || price === null || whyUnpriced(price, request, at) !== null)
    return failure('price_unknown')
  const least = via === 'translation' ? service.leastTranslatedTokens : 0
  return success(holdBounds(inNanoUsd(priceBook), price, service, model, request, at, least))
}

/**
 * Sets the worst cost of an attempt on an own key aside where a hard budget is on that. What has no price has no bound
 * either: a call that could pass the budget by is refused.
 */
export const makeFitOwn = ({ budgets }: GatewayParts) => {
  const reserve = async (
    operation: Operation,
    { caller, request, priceBook }: Decision,
    candidate: Candidate,
    claims: readonly Claim[],
  ): Promise<Outcome<void>> => {
    if (isCounting(request.endpoint)) return success(undefined)
    const { price } = candidate
    const name = claims[0]?.budget.name ?? ''
    if (price === null || whyUnpriced(price, request, operation.startedAt) !== null) return uncounted(name)
    const book = inNanoUsd(priceBook)
    const found = ownBounds({ request, priceBook }, candidate, operation.startedAt)
    if (!found.ok) return found
    const bounds = found.value
    if (bounds.maximumMicros === 0n) return success(undefined)
    const reserved = await budgets.reserve({
      organizationId: caller.person.organizationId,
      operationId: operation.id,
      claims,
      minimum: bounds.minimumMicros,
      maximum: bounds.maximumMicros,
    })
    if (!reserved.ok) return reserved
    operation.outputLimit = null
    if (reserved.value < bounds.maximumMicros)
      operation.outputLimit = affordableOutputTokens(
        book,
        price,
        request,
        bounds,
        reserved.value,
        operation.startedAt,
      )
    else if (bounds.limited) operation.outputLimit = bounds.outputTokens
    return success(undefined)
  }

  return (
    operation: Operation,
    decision: Decision,
    candidate: Candidate,
  ): Outcome<void> | Promise<Outcome<void>> => {
    const claims = claimsOn(operation, decision.caller, candidate)
    return claims.length === 0 ? fits : reserve(operation, decision, candidate, claims)
  }
}

const fits: Outcome<void> = success(undefined)

const uncounted = (name: string): Outcome<never> => ({ ok: false, fault: uncountedFault(name) })

const uncountedFault = (name: string): Fault =>
  fault('price_unknown', {
    message: `What this call costs is not known here, and the budget “${name}” is a hard one on the cost of own keys.`,
    next: 'Ask the operator to add a price, or make the budget a soft one.',
  })

/**
 * What a session will cost is not known when it begins: it begins unless nothing is left, and goes on as long as what it has
 * come to fits. What has no price could go on for ever: under a hard budget it does not begin.
 */
export const makeFitSession = ({ budgets }: GatewayParts) => {
  const reserve = (operation: Operation, caller: Caller, claims: readonly Claim[], nanoUsd: bigint) =>
    budgets.reserve({
      organizationId: caller.person.organizationId,
      operationId: operation.id,
      claims,
      // And something for what comes next.
      minimum: nanoUsd + 1n,
      maximum: nanoUsd + 1n,
    })

  return {
    async begin(operation: Operation, caller: Caller, candidate: Candidate): Promise<Outcome<void>> {
      const claims = claimsOn(operation, caller, candidate)
      const [claim] = claims
      if (claim === undefined) return fits
      if (candidate.price === null) return uncounted(claim.budget.name)
      const reserved = await reserve(operation, caller, claims, 0n)
      return reserved.ok ? fits : reserved
    },

    /** null: it may go on. */
    async refusal(
      operation: Operation,
      caller: Caller,
      candidate: Candidate,
      usage: Usage,
    ): Promise<Fault | null> {
      const claims = claimsOn(operation, caller, candidate)
      const { priceBook, startedAt } = operation
      const { price } = candidate
      const [claim] = claims
      if (claim === undefined || price === null || priceBook === null) return null
      const unpriced = usage.units === undefined ? null : unpricedUnit(price, usage.units, startedAt)
      if (unpriced !== null) return uncountedFault(claim.budget.name)
      const cost = priceBook.costNanoUsd(price, usage, startedAt)
      const reserved = await reserve(operation, caller, claims, cost)
      return reserved.ok ? null : reserved.fault
    },
  }
}
