import { readable } from '../data/words.ts'

/** The gateway's codes in words; what it does not know here is shown as it came, made readable. */
const reasons: Readonly<Record<string, string>> = {
  'own-key': 'Ran on your own key, so it cost no credits.',
  'organization-key': 'Ran on your organisation’s key, so it cost no credits.',
  'alternative-own-key':
    'Ran on your own key at another service that offers the model, so it cost no credits.',
  'alternative-organization-key':
    'Ran on your organisation’s key at another service that offers the model, so it cost no credits.',
  'system-key-no-own-key': 'There is no own key for this service, so it ran on a system key, for credits.',
  'system-key-own-key-unusable':
    'The own key could not be used then, so it ran on a system key, for credits.',
  'system-key-own-key-failed': 'The own key was tried and failed, so it ran on a system key, for credits.',
  'alternative-system-key': 'Ran on a system key at another service that offers the model, for credits.',
  refused: 'Refused before any key was used.',
}

const outcomes: Readonly<Record<string, string>> = {
  ok: 'Answered.',
  refused: 'The service refused the request itself; no other key would change that.',
  unauthorized: 'The service did not accept the key.',
  exhausted: 'The key has no quota left at the service.',
  limited: 'The service limits the key; it cools down.',
  service: 'The service failed.',
  timeout: 'The service did not answer in time.',
  unreachable: 'The service could not be reached.',
  unreadable: 'The stored secret failed its integrity check and was not used.',
  cancelled: 'The caller hung up.',
}

export const describeReason = (reason: string): string => reasons[reason] ?? readable(reason)
export const describeOutcome = (outcome: string): string => outcomes[outcome] ?? readable(outcome)

/** Why a key or service was not tried. */
export const describePass = (why: string, owner: string): string => {
  if (why === 'no_key')
    return owner === 'system' ? 'There was no system key here.' : 'There was no own key here.'
  if (why === 'policy')
    return owner === 'system'
      ? 'The organisation did not allow system keys.'
      : 'The organisation managed the keys of this service.'
  return passes[why] ?? readable(why)
}

const passes: Readonly<Record<string, string>> = {
  preference: 'The fallback preference did not go here.',
  invalid: 'The service had refused this key.',
  exhausted: 'The key had no quota left at the service.',
  suspended: 'The key was suspended by the organisation’s control policy.',
  revoked: 'The key had been revoked.',
  cooling: 'The service limited this key then.',
  breaker_open: 'The service or this key had been failing and was left alone for a while.',
  not_listed: 'The key’s owner had not listed this model for it.',
  no_price: 'The model had no price here, so it could not run on credits.',
  no_credits: 'There were no credits left.',
  budget_exceeded: 'A hard budget left too little for it.',
}

const taken: Readonly<Record<string, string>> = {
  'own-key': 'Your own key, so no credits.',
  'organization-key': 'Your organisation’s key, so no credits.',
  'alternative-own-key': 'The same model at a service where you had a key, so no credits.',
  'alternative-organization-key':
    'The same model at a service where your organisation had a key, so no credits.',
  'system-key-no-own-key': 'A system key on credits: there was no own key that could be used.',
  'system-key-own-key-unusable': 'A system key on credits: your own key could not be used then.',
  'system-key-own-key-failed': 'A system key on credits: your own key had failed.',
  'alternative-system-key': 'The same model at another service, on a system key and credits.',
}

/** Why a candidate was on the route. */
export const describeCandidate = (candidate: {
  reason: string
  via: 'pass_through' | 'translation'
  health: 'ok' | 'half_open'
}): string =>
  [
    taken[candidate.reason] ?? readable(candidate.reason),
    candidate.via === 'translation' ? 'The call was translated into the service’s own terms.' : '',
    candidate.health === 'half_open'
      ? 'It had failed lately; this call would have tried whether it was back.'
      : '',
  ]
    .filter((part) => part !== '')
    .join(' ')
