import { estimateInputTokens } from '../dialects/estimate.ts'
import type { ParsedRequest } from '../dialects/dialect.ts'
import { type Outcome, success } from '../kit/fault.ts'
import type { Entered, HeaderFamily } from '../limits/limits.ts'
import type { Candidate } from '../routing/route.ts'
import type { Caller } from './callers.ts'
import type { Decision } from './decide.ts'
import type { Operation } from './operation.ts'
import type { GatewayParts } from './parts.ts'

/** What is taken from a limit on tokens until it is known what an operation used. */
const aboutTokens = (request: ParsedRequest): number =>
  estimateInputTokens(request.input) +
  (request.maximumOutputTokens ?? (request.producesOutput ? usualOutputTokens : 0))
const usualOutputTokens = 500
const usualSessionTokens = 2_000

/** `request` is null for a session, whose messages are still to come. */
interface Entering {
  readonly caller: Caller
  readonly request: ParsedRequest | null
}

const familyOf = ({ target }: Operation): HeaderFamily =>
  target.dialect === 'openai' || target.dialect === 'anthropic' ? target.dialect : 'other'

const noted = (operation: Operation, { hasTierLimits, person }: Caller, entered: Entered): Outcome<void> => {
  if (!entered.ok) {
    operation.limitHeaders = entered.headers
    if (!hasTierLimits || entered.fault.code !== 'rate_limited') return entered
    const next = `${entered.fault.next} Limits of the tier ${person.entitlements.tierName} hold; another tier may have higher ones.`
    return { ok: false, fault: { ...entered.fault, next } }
  }
  operation.limitHeaders = entered.value.headers
  operation.passes.push(entered.value)
  return success(undefined)
}

/** A place within the limits of the access token and of the user; at once where there are none. */
export const makeEnter =
  ({ rateLimits }: GatewayParts) =>
  (operation: Operation, { caller, request }: Entering): Outcome<void> | Promise<Outcome<void>> => {
    const { tokenLimits, userLimits, payerLimits, person, token } = caller
    if (tokenLimits === null && userLimits === null && payerLimits === null) return free
    const { organizationId, userId, payerUserId } = person
    const subject = {
      organizationId,
      userId,
      accessTokenId: token.id,
      tokenOrganizationId: token.organizationId,
      tokenLimits,
      userLimits,
      payer: payerLimits && payerUserId !== null ? { userId: payerUserId, limits: payerLimits } : null,
    }
    const tokens = request === null ? usualSessionTokens : aboutTokens(request)
    const entered = rateLimits.enter(subject, tokens, familyOf(operation))
    return entered instanceof Promise
      ? entered.then((late) => noted(operation, caller, late))
      : noted(operation, caller, entered)
  }

const free: Outcome<void> = success(undefined)

const unlimited: Entered = { ok: true, value: { headers: [], end: () => {} } }

/** A place within the limits of a service key, to be ended with the attempt or with the operation. */
export const makeEnterKey =
  ({ callers, rateLimits }: GatewayParts) =>
  ({ caller, request }: Decision, { serviceKey }: Candidate): Entered | Promise<Entered> => {
    const { id, owner, organizationId } = serviceKey
    const isSystem = owner === 'system'
    const limits = (isSystem ? callers.systemKeyLimits() : caller.keyLimits).get(id) ?? null
    const member = isSystem ? null : (caller.keyShares.get(id) ?? null)
    return limits === null && member === null
      ? unlimited
      : rateLimits.enterKey({ organizationId, serviceKeyId: id, limits, member }, aboutTokens(request))
  }
