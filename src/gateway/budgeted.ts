import type { Budget, Claim } from '../budgets/budgets.ts'
import { claimText, hardClaims } from '../budgets/claim.ts'
import { type Outcome, success } from '../kit/fault.ts'
import type { Candidate } from '../routing/route.ts'
import type { Caller } from './callers.ts'
import type { Operation } from './operation.ts'
import type { GatewayParts } from './parts.ts'

/** The hard budgets that an attempt on this candidate has to fit into; without a budget, nothing is looked at. */
export const claimsOn = (
  { budgets, startedAt }: Operation,
  { person, token }: Caller,
  { service, serviceKey }: Candidate,
): readonly Claim[] =>
  budgets === null
    ? none
    : hardClaims(
        budgets,
        {
          organizationId: person.organizationId,
          userId: person.userId,
          payerUserId: person.payerUserId,
          accessTokenId: token.id,
          teamId: token.teamId,
          serviceId: service.id,
          serviceKeyId: serviceKey.id,
          keyOwner: serviceKey.owner,
        },
        startedAt,
      )
const none: readonly Claim[] = []

/** Known before the first attempt, and the same for the whole operation. */
export const budgetsFor = (
  { callers }: GatewayParts,
  caller: Caller,
): readonly Budget[] | null | Promise<readonly Budget[] | null> => callers.budgetsOf(caller)

/** For a further system key after credits were held: of budgets that the ones before did not claim. */
export const makeFitHeld =
  ({ budgets }: GatewayParts) =>
  async (
    operation: Operation,
    caller: Caller,
    claims: readonly Claim[],
    minimumMicros: bigint,
  ): Promise<Outcome<bigint>> => {
    const further = claims.filter((claim) => !operation.claimed.has(claimText(claim)))
    if (further.length === 0) return success(operation.heldMicros)
    const reserved = await budgets.reserve({
      organizationId: caller.person.organizationId,
      operationId: operation.id,
      claims: further,
      minimum: minimumMicros,
      maximum: operation.heldMicros,
    })
    return reserved
  }
