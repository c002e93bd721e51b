import type { Candidate } from './route.ts'
import type { Offer } from './offers.ts'

/** The usable keys of one offer, all for the same reason. */
export interface Lot {
  readonly offer: Offer
  /** 0: own keys of what was asked for. 1: own keys of alternatives. 2: system keys. */
  readonly stage: 0 | 1 | 2
  /** Of an operation on credits; null on own keys, and where there is nothing to compare it with. */
  readonly creditMicros: bigint | null
  /** No key of it but such whose recovery is not proven yet. */
  readonly isHalfOpen: boolean
  /** In their owners' order. */
  readonly candidates: readonly Candidate[]
}

/**
 * The order of architecture §3.4: own keys, fewest credits, the administrator's order, health. What is still equal keeps one
 * order for one conversation where the service caches prompts, so that a prompt that was read is not paid for again.
 *
 * System keys of one priority are equal: Primary, Secondary and Tertiary are the administrator's order, `position` only how
 * screens list them. Without a conversation it decides all the same, so that a route can be told in advance. With one, keys
 * are drawn by hash (rendezvous: highest score first), without state and so alike in every process; conversations spread
 * over the keys' rate limits, and one key's failure moves only its own. Own keys keep their owner's order.
 */
export const arrange = (lots: readonly Lot[], conversation: string | null): readonly Candidate[] => {
  if (lots.length === 1) return arrangeKeys(lots[0] as Lot, conversation)
  return lots
    .toSorted((a, b) => compareLots(a, b, conversation))
    .flatMap((lot) => arrangeKeys(lot, conversation))
}

const compareLots = (a: Lot, b: Lot, conversation: string | null): number => {
  const byRank =
    a.stage - b.stage ||
    compareCredits(a.creditMicros, b.creditMicros) ||
    a.offer.place - b.offer.place ||
    Number(a.isHalfOpen) - Number(b.isHalfOpen)
  if (byRank !== 0 || conversation === null) return byRank || a.offer.order - b.offer.order
  // Those that cache come first: a conversation is cheaper there.
  return scoreOfLot(b, conversation) - scoreOfLot(a, conversation) || a.offer.order - b.offer.order
}

const compareCredits = (a: bigint | null, b: bigint | null): number => {
  if (a === null || b === null || a === b) return 0
  return a < b ? -1 : 1
}

const scoreOfLot = ({ offer }: Lot, conversation: string): number =>
  offer.service.cachesPrompts === true ? 1 + score(conversation, offer.service.id) : 0

const arrangeKeys = ({ offer, candidates }: Lot, conversation: string | null): readonly Candidate[] => {
  if (candidates.length < 2) return candidates
  const isDrawn = conversation !== null && offer.service.cachesPrompts === true
  const isPlain = !isDrawn && !candidates.some(({ health }) => health === 'half_open')
  return isPlain
    ? candidates
    : candidates.toSorted((a, b) => compareKeys(a, b, isDrawn ? conversation : null))
}

const compareKeys = (a: Candidate, b: Candidate, conversation: string | null): number => {
  const byHealth = Number(a.health === 'half_open') - Number(b.health === 'half_open')
  if (a.serviceKey.owner !== 'system' || b.serviceKey.owner !== 'system')
    return ownerRank(a) - ownerRank(b) || a.serviceKey.position - b.serviceKey.position || byHealth
  const byPriority = (a.serviceKey.priority ?? 9) - (b.serviceKey.priority ?? 9) || byHealth
  if (byPriority !== 0 || conversation === null) return byPriority
  return score(conversation, b.serviceKey.id) - score(conversation, a.serviceKey.id)
}

const ownerRank = ({ serviceKey }: Candidate): number => (serviceKey.owner === 'user' ? 0 : 1)

/** FNV-1a over both texts, mixed: even over few, similar names. Nothing secret or adversarial hangs on it. */
const score = (conversation: string, name: string): number => {
  let hash = 0x811c9dc5
  for (let index = 0; index < conversation.length; index++)
    hash = Math.imul(hash ^ conversation.charCodeAt(index), 0x01000193)
  hash = Math.imul(hash ^ 0xff, 0x01000193)
  for (let index = 0; index < name.length; index++)
    hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
