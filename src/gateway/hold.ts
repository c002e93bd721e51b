import type { Claim } from '../budgets/budgets.ts'
import { claimText } from '../budgets/claim.ts'
import type { ParsedRequest } from '../dialects/dialect.ts'
import { boundInputTokens } from '../dialects/estimate.ts'
import { type Fault, fault, type Outcome, success } from '../kit/fault.ts'
import { isTextPriced, unpricedUnit } from '../metering/cost.ts'
import type { ModelPrice } from '../metering/model-price.ts'
import type { PriceBook } from '../metering/price-book.ts'
import type { Candidate } from '../routing/route.ts'
import { imageTokensOf, type Service } from '../services/service.ts'
import { claimsOn, makeFitHeld } from './budgeted.ts'
import type { Decision } from './decide.ts'
import type { Operation } from './operation.ts'
import type { GatewayParts } from './parts.ts'

/** What is set aside for an operation on a system key, in micro-credits. */
export interface HoldBounds {
  readonly minimumMicros: bigint
  readonly maximumMicros: bigint
  readonly inputTokens: number
  /** Output tokens that `maximumMicros` pays for, over all choices. */
  readonly outputTokens: number
  /** The caller left the length open, and the model could produce more than this. */
  readonly limited: boolean
}

/**
 * Where the caller names no limit, this many output tokens a choice at most: an open end would set aside the price of
 * a model's whole context and refuse the caller's next call although hardly anything is spent.
 */
const defaultOutputTokens = 16_384
/** For models whose own limit is not known; every chat model takes it. */
const unknownModelOutputTokens = 4_096
const unknownContextTokens = 200_000
/** A reply shorter than this is no use: refuse instead. */
const leastOutputTokens = 256

export const holdBounds = (
  book: PriceBook,
  price: ModelPrice,
  service: Service,
  model: string,
  request: ParsedRequest,
  at: Date,
  leastOutputLimit = 0,
): HoldBounds => {
  const inputTokens = boundInputTokens(request.input, {
    image: imageTokensOf(service, model),
    document: price.contextTokens ?? unknownContextTokens,
  })
  const micros = (outputTokens: number) =>
    book.creditMicros(
      book.worstCostNanoUsd(price, { inputTokens, outputTokens }, request.mostUnits, at),
      price,
    )
  if (!request.producesOutput) {
    // A transcript is text that no limit of ours shortens.
    const outputTokens = request.maximumOutputTokens ?? 0
    const maximumMicros = micros(outputTokens)
    return { minimumMicros: maximumMicros, maximumMicros, inputTokens, outputTokens, limited: false }
  }
  if (request.maximumOutputTokens !== null) {
    const outputTokens = Math.max(request.maximumOutputTokens, leastOutputLimit)
    const maximumMicros = micros(outputTokens)
    return { minimumMicros: maximumMicros, maximumMicros, inputTokens, outputTokens, limited: false }
  }
  const known = service.outputLimits.find(([prefix]) => model.startsWith(prefix))?.[1]
  const each = Math.min(known ?? unknownModelOutputTokens, defaultOutputTokens)
  return {
    minimumMicros: micros(Math.min(leastOutputTokens, each) * request.choices),
    maximumMicros: micros(each * request.choices),
    inputTokens,
    outputTokens: each * request.choices,
    limited: known === undefined || each < known,
  }
}

/** The most output tokens that `heldMicros` surely pays for; worst cost grows with tokens, so halving finds it. */
export const affordableOutputTokens = (
  book: PriceBook,
  price: ModelPrice,
  { mostUnits }: ParsedRequest,
  { inputTokens, outputTokens: atMost }: HoldBounds,
  heldMicros: bigint,
  at: Date,
): number => {
  let low = 0
  let high = atMost
  while (low < high) {
    const outputTokens = Math.ceil((low + high) / 2)
    const worst = book.worstCostNanoUsd(price, { inputTokens, outputTokens }, mostUnits, at)
    const micros = book.creditMicros(worst, price)
    if (micros <= heldMicros) low = outputTokens
    else high = outputTokens - 1
  }
  return low
}

const unpricedOption = (field: string) =>
  fault('unpriced_option', {
    message: `What ${JSON.stringify(field.slice(0, 80))} asks for has no price here, so it cannot run on system keys.`,
    field,
  })

/** Why a price does not cover what a call may use, or null. */
export const whyUnpriced = (price: ModelPrice, request: ParsedRequest, at: Date): Fault | null => {
  if (request.unpriced !== null) return unpricedOption(request.unpriced)
  // What is charged by the image or the second alone has no price for text.
  const countsText = request.mostUnits === null || request.producesOutput
  if (countsText && !isTextPriced(price, at)) return fault('price_unknown')
  const unit = request.mostUnits === null ? null : unpricedUnit(price, request.mostUnits, at)
  if (unit === null) return null
  return fault('price_unknown', {
    message: `This call is charged by ${JSON.stringify(unit)}, which has no price here for the model, so it cannot run on system keys.`,
  })
}

/** What a candidate on a system key may cost, or why it cannot run there. */
export const boundsFor = (
  { request, priceBook }: Pick<Decision, 'request' | 'priceBook'>,
  { price, service, model, via }: Candidate,
  at: Date,
): Outcome<HoldBounds> => {
  if (price === null) return { ok: false, fault: fault('price_unknown') }
  const unpriced = whyUnpriced(price, request, at)
  return unpriced === null
    ? success(
        holdBounds(
          priceBook,
          price,
          service,
          model,
          request,
          at,
          via === 'translation' ? service.leastTranslatedTokens : 0,
        ),
      )
    : { ok: false, fault: unpriced }
}

/** The dearest of the system keys that may still be tried: whichever answers, the hold covers it. */
const worstMicros = (decision: Decision, from: Candidate, at: Date): bigint => {
  const { candidates } = decision.route
  let worst = 0n
  let before: Candidate | null = null
  for (const candidate of candidates.slice(candidates.indexOf(from))) {
    const isSameOffer = before?.service === candidate.service && before.model === candidate.model
    if (candidate.serviceKey.owner !== 'system' || isSameOffer) continue
    before = candidate
    const bounds = boundsFor(decision, candidate, at)
    if (bounds.ok && bounds.value.maximumMicros > worst) worst = bounds.value.maximumMicros
  }
  return worst
}

/**
 * Sets credits aside before the first system key is used: durable before anything goes out, once for the route. Each further
 * system key is limited to what is held, and passed over where that does not pay for a useful reply.
 */
export const makeHold = (parts: GatewayParts) => {
  const { ledger } = parts
  const fitHeld = makeFitHeld(parts)

  const hold = async (
    operation: Operation,
    { caller, request, priceBook }: Decision,
    { service, serviceKey, model }: Candidate,
    micros: { minimumMicros: bigint; maximumMicros: bigint },
    budgets: readonly Claim[],
  ): Promise<Outcome<void>> => {
    const { organizationId, accountId, userId } = caller.person
    if (accountId === null) return { ok: false, fault: fault('insufficient_credits') }
    const held = await ledger.hold({
      organizationId,
      accountId,
      operationId: operation.id,
      ...micros,
      budgets,
      operation: {
        userId,
        accessTokenId: caller.token.id,
        teamId: caller.token.teamId,
        startedAt: operation.startedAt,
        endpoint: request.endpoint,
        streamed: request.streamed,
        requestedModel: request.model,
        serviceId: service.id,
        model,
        serviceKeyId: serviceKey.id,
        keyPriority: serviceKey.priority,
        reason: operation.reason,
        priceBookVersion: priceBook.version,
      },
    })
    if (!held.ok) return held
    operation.heldMicros = held.value.heldMicros
    if (budgets.length > 0) operation.claimed = new Set(budgets.map(claimText))
    return success(undefined)
  }

  /** Our limit on a reply whose length the caller left open, by what is held and what this model costs. */
  const limit = (
    operation: Operation,
    decision: Decision,
    { price }: Candidate,
    bounds: HoldBounds,
    availableMicros: bigint,
  ) => {
    const { startedAt } = operation
    operation.outputLimit = null
    if (price !== null && availableMicros < bounds.maximumMicros)
      operation.outputLimit = affordableOutputTokens(
        decision.priceBook,
        price,
        decision.request,
        bounds,
        availableMicros,
        startedAt,
      )
    else if (bounds.limited) operation.outputLimit = bounds.outputTokens
  }

  return async (operation: Operation, decision: Decision, candidate: Candidate): Promise<Outcome<void>> => {
    const { startedAt } = operation
    const bounds = boundsFor(decision, candidate, startedAt)
    if (!bounds.ok) return bounds
    const { minimumMicros, maximumMicros } = bounds.value
    // Moderation is free of charge: nobody needs credits for it.
    if (maximumMicros === 0n) return success(undefined)
    const claims = claimsOn(operation, decision.caller, candidate)
    if (operation.heldMicros === 0n) {
      const worst = worstMicros(decision, candidate, startedAt)
      const held = await hold(operation, decision, candidate, { minimumMicros, maximumMicros: worst }, claims)
      if (!held.ok) return held
    } else if (operation.heldMicros < minimumMicros)
      return { ok: false, fault: fault('insufficient_credits') }
    const fitted =
      claims.length === 0
        ? success(operation.heldMicros)
        : await fitHeld(operation, decision.caller, claims, minimumMicros)
    if (!fitted.ok) return fitted
    limit(operation, decision, candidate, bounds.value, fitted.value)
    return success(undefined)
  }
}
