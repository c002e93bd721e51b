import { type Fault, fault } from '../kit/fault.ts'
import { creditsFor, type OperationSize, typicalSize } from './estimate.ts'
import { taskOf } from './ability.ts'
import { type Candidate, type PassedOver, type Plan, planFor, refusalOf, type RouteRequest } from './route.ts'
import type { Fallback } from '../policy/control.ts'

/** A candidate and what an operation of the request's size would cost on it. */
export interface ExplainedCandidate {
  readonly candidate: Candidate
  /** 0 on own keys; null: no price is known. */
  readonly creditMicros: bigint | null
  readonly words: string
}

export interface ExplainedPass {
  readonly passed: PassedOver
  readonly words: string
}

export interface RouteExplanation {
  readonly kind: 'service_model' | 'model' | 'any_host' | 'group' | 'unknown'
  readonly fallback: Fallback | null
  readonly candidates: readonly ExplainedCandidate[]
  readonly passedOver: readonly ExplainedPass[]
  readonly refusal: Fault | null
  readonly size: OperationSize
  readonly validUntil: Date | null
}

/** Why a candidate would be passed over when the call was made, beyond what a route is planned from. */
export interface Obstacle {
  readonly why: 'budget' | 'not_translatable' | 'no_price'
  readonly fault: Fault
}

export interface ExplainRequest extends RouteRequest {
  /** Of a candidate and what the operation would cost on it; null: nothing stands in its way. */
  readonly obstacleOn?: (candidate: Candidate, creditMicros: bigint | null) => Obstacle | null
  /** What the caller's account could pay; null: as if there were enough. */
  readonly availableMicros: bigint | null
}

/** All candidates in order and everything passed over, also where `planRoute` refuses. Pure; no call is made. */
export const explainRoute = (request: ExplainRequest): RouteExplanation => {
  const size = request.size ?? typicalSize(taskOf(request.endpoint))
  const planned = planFor(request, true)
  if (!planned.ok)
    return {
      kind: 'unknown',
      fallback: null,
      candidates: [],
      passedOver: [],
      refusal: planned.fault,
      size,
      validUntil: null,
    }
  const plan = planned.value
  const isBroke = request.availableMicros !== null && request.availableMicros <= 0n
  const obstacles = new Map(
    plan.candidates.flatMap((candidate) => {
      const obstacle = request.obstacleOn?.(candidate, creditsOf(request, plan, candidate, size))
      return obstacle ? [[candidate, obstacle] as const] : []
    }),
  )
  const open = plan.candidates.filter((candidate) => !obstacles.has(candidate))
  const usable = open.filter(({ serviceKey }) => !(isBroke && serviceKey.owner === 'system'))
  const unpaid = open.filter(({ serviceKey }) => isBroke && serviceKey.owner === 'system')
  const [first] = obstacles.values()
  return {
    kind: kindOf(plan),
    fallback: plan.fallback,
    candidates: usable.map((candidate, at) => ({
      candidate,
      creditMicros: creditsOf(request, plan, candidate, size),
      words: wordsOf(candidate, usable.slice(0, at).some(isOwn)),
    })),
    passedOver: [
      ...[...plan.passedOver, ...unpaid.map((candidate) => passing(candidate, 'no_credits'))].map(
        (passed) => ({
          passed,
          words: wordsOfPass(passed, plan.fallback, request.entitlements?.tierName ?? ''),
        }),
      ),
      ...[...obstacles].map(([candidate, obstacle]) => ({
        passed: passing(candidate, obstacle.why, obstacle.fault.resetsAt),
        words: obstacle.fault.message,
      })),
    ],
    refusal:
      usable.length > 0
        ? null
        : unpaid.length > 0
          ? fault('insufficient_credits')
          : (first?.fault ?? refusalOf(request)),
    size,
    validUntil: plan.validUntil,
  }
}

const kindOf = ({ scope, group }: Plan): RouteExplanation['kind'] => {
  if (group !== null) return 'group'
  return scope === 'service' ? 'service_model' : scope === 'model' ? 'model' : 'any_host'
}

const creditsOf = (
  request: ExplainRequest,
  plan: Plan,
  candidate: Candidate,
  size: OperationSize,
): bigint | null => {
  if (candidate.serviceKey.owner !== 'system') return 0n
  const lot = plan.lots.find(({ candidates }) => candidates.includes(candidate))
  return lot === undefined ? null : creditsFor(request.priceBook, lot.offer, size)
}

const passing = (
  { service, model, serviceKey }: Candidate,
  why: PassedOver['why'],
  until?: Date,
): PassedOver => ({
  serviceId: service.id,
  model,
  owner: serviceKey.owner,
  serviceKeyId: serviceKey.id,
  why,
  ...(until ? { until } : {}),
})

const taken: Readonly<Record<Candidate['reason'], string>> = {
  'own-key': 'Your own key, so no credits.',
  'organization-key': 'Your organisation’s key, so no credits.',
  'alternative-own-key': 'The same model at a service where you have a key, so no credits.',
  'alternative-organization-key':
    'The same model at a service where your organisation has a key, so no credits.',
  'system-key-no-own-key': 'A system key on credits: there is no own key that may be used.',
  'system-key-own-key-unusable': 'A system key on credits: your own key cannot be used now.',
  'system-key-own-key-failed': 'A system key on credits: your own key failed.',
  'alternative-system-key': 'The same model at another service, on a system key and credits.',
}

const priorities = ['', 'Primary', 'Secondary', 'Tertiary'] as const

const isOwn = ({ serviceKey }: Candidate): boolean => serviceKey.owner !== 'system'

const wordsOf = ({ reason, serviceKey, via, health }: Candidate, isBehindOwn: boolean): string =>
  [
    isBehindOwn && serviceKey.owner === 'system'
      ? 'A system key on credits, should what is before it fail.'
      : taken[reason],
    serviceKey.priority === null ? '' : `${priorities[serviceKey.priority]} key.`,
    via === 'translation' ? 'The call is translated into the service’s own terms.' : '',
    health === 'half_open' ? 'It failed lately; one call at a time tries whether it is back.' : '',
  ]
    .filter((part) => part !== '')
    .join(' ')

const wordsOfPass = ({ why, owner }: PassedOver, fallback: Fallback, tierName: string): string => {
  switch (why) {
    case 'not_allowed':
      return 'The organisation does not allow this service or model.'
    case 'unproven':
      return 'The organisation wants keys that their service said are valid; this one is not proven.'
    case 'too_old':
      return 'The key is older than the organisation allows; a new secret brings it back.'
    case 'region':
      return 'The organisation allows only some regions, and the service does not say that it processes this there.'
    case 'training':
      return 'The organisation allows only services that say they do not train models with what they are sent.'
    case 'team':
      return 'Your organisation keeps this key for teams that this is not called for.'
    case 'policy':
      return owner === 'system'
        ? 'The organisation does not allow system keys.'
        : 'The organisation manages the keys of this service.'
    case 'preference':
      return `The fallback preference (“${fallback}”) does not go here.`
    case 'tier':
      return `Your tier, ${tierName}, does not include this on system keys.`
    case 'invalid':
      return 'The service refuses this key.'
    case 'exhausted':
      return 'The key has no quota left at the service.'
    case 'suspended':
      return 'The key is suspended by the organisation’s control policy.'
    case 'revoked':
      return 'The key was revoked.'
    case 'cooling':
      return 'The service limits this key for now.'
    case 'breaker_open':
      return 'The service or this key has been failing and is left alone for a while.'
    case 'not_listed':
      return 'The key’s owner does not list this model for it.'
    case 'no_price':
      return 'The model has no price here, so it cannot run on credits.'
    case 'no_key':
      return owner === 'system' ? 'There is no system key here.' : 'There is no own key here.'
    case 'no_credits':
      return 'There are no credits left.'
    case 'budget':
      return 'A budget leaves too little for this.'
    case 'not_translatable':
      return 'The call cannot be carried over to this service.'
  }
}
