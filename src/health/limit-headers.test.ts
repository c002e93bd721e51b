import { expect, test } from 'vitest'
import { secondsUntilRefilled } from './limit-headers.ts'

const now = new Date('2026-11-22T12:00:00Z')
const openai = (kind: string, limit: string, remaining: string, reset: string) => ({
  [`x-ratelimit-limit-${kind}`]: limit,
  [`x-ratelimit-remaining-${kind}`]: remaining,
  [`x-ratelimit-reset-${kind}`]: reset,
})
const anthropic = (kind: string, limit: string, remaining: string, reset: string) => ({
  [`anthropic-ratelimit-${kind}-limit`]: limit,
  [`anthropic-ratelimit-${kind}-remaining`]: remaining,
  [`anthropic-ratelimit-${kind}-reset`]: reset,
})

test.each([
  ['something remains', openai('requests', '60', '1', '59s'), null],
  ['nothing is said', {}, null],
  [
    '3 requests a minute are used up: one is there after 20 seconds',
    openai('requests', '3', '0', '1m0s'),
    20,
  ],
  ['many requests a minute', openai('requests', '5000', '0', '60s'), 1],
  [
    'no tokens remain: a tenth is there after a tenth of the time',
    openai('tokens', '30000', '0', '59.9s'),
    6,
  ],
  ['milliseconds', openai('tokens', '30000', '0', '20ms'), 1],
  ['a day’s requests', openai('requests', '200', '0', '24h0m0s'), 432],
  ['a time', anthropic('input-tokens', '20000', '0', '2026-11-22T12:01:00Z'), 6],
  ['a time that is over', anthropic('requests', '50', '0', '2026-11-22T11:59:00Z'), 1],
  ['the longer of two', { ...openai('tokens', '9', '0', '50s'), ...openai('requests', '3', '0', '30s') }, 10],
  ['a time that cannot be read', openai('requests', '3', '0', 'soon'), null],
  ['no time', { 'x-ratelimit-remaining-requests': '0' }, null],
])('%s', (_, headers, seconds) => {
  expect(secondsUntilRefilled(headers, now)).toBe(seconds)
})
