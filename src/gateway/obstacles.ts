import { refusalAmong } from '../budgets/claim.ts'
import type { ParsedRequest } from '../dialects/dialect.ts'
import type { Fault } from '../kit/fault.ts'
import type { PriceBook } from '../metering/price-book.ts'
import type { Obstacle } from '../routing/explain.ts'
import type { Candidate } from '../routing/route.ts'
import { wireModelOf } from '../services/address.ts'
import { whyNotTranslated } from '../translation/translation.ts'
import type { Caller } from './callers.ts'
import { ownBounds } from './fit.ts'
import { boundsFor } from './hold.ts'
import type { GatewayParts } from './parts.ts'

interface Asked {
  readonly caller: Caller
  readonly request: ParsedRequest
  readonly priceBook: PriceBook
  readonly at: Date
  readonly operationId: string
}

const nameOf = ({ service, model, serviceKey, via }: Candidate): string =>
  [service.id, model, serviceKey.id, via].join('\n')

/**
 * What would stand in the way of this very call on each candidate, without making it: a dialect that cannot express it,
 * options without a price, a hard budget. In the order of the route, for what one candidate refuses may end it.
 */
export const makeObstacles =
  ({ budgets, catalogue }: Pick<GatewayParts, 'budgets' | 'catalogue'>) =>
  async (
    asked: Asked,
    candidates: readonly Candidate[],
  ): Promise<(candidate: Candidate) => Obstacle | null> => {
    const { caller, at } = asked
    const { organizationId, userId, payerUserId } = caller.person
    const rooms = await budgets.rooms({
      organizationId,
      userId,
      payerUserId,
      accessTokenId: caller.token.id,
      teamId: caller.token.teamId,
    })
    const found = new Map<string, Obstacle>()
    let untranslated: Fault | null = null
    for (const candidate of candidates) {
      const { service, serviceKey } = candidate
      const isSystem = serviceKey.owner === 'system'
      const refusal = await translationRefusal(asked, candidate, catalogue)
      // What the caller wrote is no failure of an own key, for which credits are spent.
      if (refusal !== null && !isSystem) untranslated = refusal
      const why = refusal ?? (isSystem ? untranslated : null)
      if (why !== null) {
        found.set(nameOf(candidate), { why: 'not_translatable', fault: why })
        continue
      }
      const bounds = isSystem ? boundsFor(asked, candidate, at) : ownBounds(asked, candidate, at)
      if (!bounds.ok && isSystem) found.set(nameOf(candidate), { why: 'no_price', fault: bounds.fault })
      if (!bounds.ok || bounds.value.maximumMicros === 0n) continue
      const subject = {
        organizationId,
        userId,
        payerUserId,
        accessTokenId: caller.token.id,
        teamId: caller.token.teamId,
        serviceId: service.id,
        serviceKeyId: serviceKey.id,
        keyOwner: serviceKey.owner,
      }
      const exceeded = refusalAmong(rooms, subject, bounds.value.minimumMicros)
      if (exceeded !== null) found.set(nameOf(candidate), { why: 'budget', fault: exceeded })
    }
    return (candidate) => found.get(nameOf(candidate)) ?? null
  }

const translationRefusal = async (
  { request, operationId }: Asked,
  { service, model, serviceKey, via }: Candidate,
  catalogue: GatewayParts['catalogue'],
): Promise<Fault | null> => {
  const baseUrl = catalogue.baseUrlOf(service.id, serviceKey.baseUrl, serviceKey.settings)
  if (via !== 'translation' || baseUrl === null) return null
  return whyNotTranslated({
    endpoint: request.endpoint,
    body: request.body,
    contentType: request.contentType,
    streamed: request.streamed,
    wantsUsageEvent: request.wantsUsageEvent,
    service,
    model: wireModelOf(service, model, serviceKey.settings),
    requestedModel: request.model,
    baseUrl,
    settings: serviceKey.settings,
    maximumOutputTokens: null,
    operationId,
    maximumBytes: 1_048_576,
  })
}
