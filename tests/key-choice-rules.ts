/**
 * Key choice once more, from architecture §3 alone and in the plainest words: no product code, no caches, no speed. What is
 * said here is what tests/key-choice.test.ts holds the planner to.
 */
export type Policy = 'it_control' | 'hybrid' | 'user_control'
export type Preference = 'none' | 'system' | 'alternative' | 'alternative_then_system'
export type KeyState =
  | 'usable'
  | 'half_open'
  | 'open'
  | 'cooling'
  | 'invalid'
  | 'exhausted'
  | 'suspended'
  | 'revoked'

export interface Key {
  readonly id: string
  readonly owner: 'user' | 'organization' | 'system'
  readonly service: string
  readonly priority: 1 | 2 | 3 | null
  readonly position: number
  readonly state: KeyState
  /** Of an organisation's key: teams that it is kept for; null: all members. */
  readonly teams: readonly string[] | null
}

/** One model at one service, as the catalogue says. */
export interface OfferFact {
  readonly service: string
  readonly model: string
  /** What an operation costs there; null: no price. */
  readonly credits: number | null
  /** The administrator's order; offers of one place are equal. */
  readonly place: number
}

/** What a caller asks for. */
export interface Wish {
  readonly name: string
  /** `service`: named by the caller. `model`: the vendor's own is meant. `any`: a group, or an open model. */
  readonly scope: 'service' | 'model' | 'any'
  /** The group that it was asked for by. */
  readonly group: string | null
  readonly asked: readonly OfferFact[]
  readonly alternatives: readonly OfferFact[]
}

export interface Situation {
  readonly policy: Policy
  readonly critical: readonly string[]
  readonly systemKeysAllowed: boolean
  readonly lock: Preference | null
  readonly preference: Preference
  readonly override: { readonly service: string; readonly preference: Preference } | null
  readonly header: Preference | null
  readonly keys: readonly Key[]
  /** Services of which the caller has an exception. */
  readonly excepted: readonly string[]
  /** Teams that the caller is in, and the one whose token they call with. */
  readonly inTeams: readonly string[]
  readonly tokenOf: string | null
  /** What the caller's tier includes on system keys; null: everything. */
  readonly tier: { readonly services: readonly string[] | null; readonly groups: readonly string[] | null }
}

export type Expected = { readonly route: readonly string[] } | { readonly refused: string }

/** `key@service/model` in the order of trying, or the code of the refusal. */
export const expectedRoute = (wish: Wish, situation: Situation): Expected => {
  // §3.3: the administrator's lock, else the override for the service, else the default.
  const preferenceAt = (service: string): Preference => {
    if (situation.lock !== null) return situation.lock
    if (situation.override !== null && situation.override.service === service)
      return situation.override.preference
    return situation.preference
  }
  const own = wish.scope === 'any' ? '*' : (wish.asked[0]?.service ?? '')
  const stated = preferenceAt(own)
  // A call may narrow its preference, never widen it.
  if (situation.header !== null && stepsOf(situation.header).some((step) => !stepsOf(stated).includes(step)))
    return { refused: 'preference_widened' }
  const steps = stepsOf(situation.header ?? stated)
  const mayGoElsewhere = steps.includes('alternative')
  const mayUseCredits = steps.includes('system')

  const tries: Try[] = []
  const keysFor = (offer: OfferFact, owners: readonly Key['owner'][]) =>
    situation.keys.filter(
      (key) => key.service === offer.service && owners.includes(key.owner) && isAllowed(situation, key),
    )
  const add = (stage: number, offer: OfferFact, order: number, keys: readonly Key[]) => {
    for (const key of keys) tries.push({ stage, offer, order, key })
  }

  // §3.2: own keys first, of what was asked for; §3.3: then, where allowed, of alternatives.
  wish.asked.forEach((offer, order) => add(1, offer, order, keysFor(offer, ['user', 'organization'])))
  if (mayGoElsewhere)
    wish.alternatives.forEach((offer, order) =>
      add(2, offer, order, keysFor(offer, ['user', 'organization'])),
    )

  // §3.3: then system keys of what was asked for. A group stands for many services, each with its own preference.
  if (mayUseCredits) {
    wish.asked.forEach((offer, order) => {
      const isWanted = wish.scope !== 'any' || stepsOf(preferenceAt(offer.service)).includes('system')
      if (isWanted && offer.credits !== null) add(3, offer, order, keysFor(offer, ['system']))
    })
    // §3.4: with alternatives allowed, wherever the model is offered. A bare name whose home has no system key at all
    // means whoever has one.
    const isHomeless =
      wish.scope === 'model' &&
      !situation.keys.some((key) => key.owner === 'system' && key.service === own && key.state !== 'revoked')
    if (mayGoElsewhere || isHomeless)
      wish.alternatives.forEach((offer, order) => {
        if (offer.credits !== null) add(3, offer, order, keysFor(offer, ['system']))
      })
  }

  // A tier limits what runs on credits, and nothing else.
  const isOutside = ({ stage, offer }: Try) => stage === 3 && !isInTier(situation, offer.service, wish.group)
  const outside = tries.filter(isOutside)
  for (const barred of outside) tries.splice(tries.indexOf(barred), 1)

  const usable = tries.filter(({ key }) => key.state === 'usable' || key.state === 'half_open')
  if (usable.length > 0)
    return {
      route: usable
        .toSorted((a, b) => inOrder(a, b, usable))
        .map(({ key, offer }) => `${key.id}@${offer.service}/${offer.model}`),
    }
  // §3.5: a key that only cools down, or whose breaker is open, comes back.
  const waits = tries.some(({ key }) => key.state === 'cooling' || key.state === 'open')
  if (waits) return { refused: 'service_overloaded' }
  // Another tier would help where a key is there that works, or soon will.
  const wouldHelp = outside.some(({ key }) => ['usable', 'half_open', 'cooling', 'open'].includes(key.state))
  return { refused: wouldHelp ? 'not_in_tier' : 'no_route' }
}

const isInTier = ({ tier }: Situation, service: string, group: string | null): boolean =>
  (tier.services === null || tier.services.includes(service)) &&
  (group === null || tier.groups === null || tier.groups.includes(group))

interface Try {
  readonly stage: number
  readonly offer: OfferFact
  readonly order: number
  readonly key: Key
}

const stepsOf = (preference: Preference): readonly string[] => {
  if (preference === 'none') return []
  return preference === 'alternative_then_system' ? ['alternative', 'system'] : [preference]
}

/** §3.1. */
const isAllowed = (situation: Situation, key: Key): boolean => {
  const { policy, critical, systemKeysAllowed, excepted, inTeams, tokenOf } = situation
  if (key.owner === 'organization') {
    if (key.teams === null) return true
    return tokenOf === null ? inTeams.some((team) => key.teams?.includes(team)) : key.teams.includes(tokenOf)
  }
  if (key.owner === 'system') return systemKeysAllowed
  if (excepted.includes(key.service)) return true
  if (policy === 'it_control') return false
  return policy === 'user_control' || !critical.includes(key.service)
}

/** §3.4: own first, fewest credits, the administrator's order, health. Then the keys of one offer. */
const inOrder = (a: Try, b: Try, all: readonly Try[]): number => {
  const isTried = (t: Try) =>
    all
      .filter((other) => other.stage === t.stage && other.offer === t.offer)
      .every(({ key }) => key.state === 'half_open')
  const half = (t: Try) => (t.key.state === 'half_open' ? 1 : 0)
  const owner = (t: Try) => (t.key.owner === 'user' ? 0 : 1)
  const credits = a.stage === 3 && b.stage === 3 ? (a.offer.credits ?? 0) - (b.offer.credits ?? 0) : 0
  const byOffer =
    a.stage - b.stage ||
    credits ||
    a.offer.place - b.offer.place ||
    Number(isTried(a)) - Number(isTried(b)) ||
    a.order - b.order
  if (byOffer !== 0) return byOffer
  if (a.stage === 3)
    return (
      (a.key.priority ?? 0) - (b.key.priority ?? 0) ||
      half(a) - half(b) ||
      a.key.position - b.key.position ||
      (a.key.id < b.key.id ? -1 : 1)
    )
  return (
    owner(a) - owner(b) ||
    a.key.position - b.key.position ||
    half(a) - half(b) ||
    (a.key.id < b.key.id ? -1 : 1)
  )
}
