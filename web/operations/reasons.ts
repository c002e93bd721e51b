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

const readable = (code: string): string => {
  const words = /\s/.test(code) ? code : code.replaceAll(/[_-]+/g, ' ').trim()
  return words.slice(0, 1).toUpperCase() + words.slice(1)
}

export const describeReason = (reason: string): string => reasons[reason] ?? readable(reason)
export const describeOutcome = (outcome: string): string => outcomes[outcome] ?? readable(outcome)
