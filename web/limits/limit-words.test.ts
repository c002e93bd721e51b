import { expect, test } from 'vitest'
import { limitsText, parseLimit, unlimited } from './limit-words.ts'

test('limits are told in one line, and nothing is told of what is not limited', () => {
  expect(limitsText({ requestsPerMinute: 60, tokensPerMinute: 100_000, concurrent: 4 })).toBe(
    '60 requests a minute, 100,000 tokens a minute, 4 at once',
  )
  expect(limitsText({ ...unlimited, requestsPerMinute: 1, concurrent: 1 })).toBe(
    '1 request a minute, 1 at once',
  )
  expect(limitsText(unlimited)).toBeNull()
  expect(limitsText(undefined)).toBeNull()
})

test('a field takes whole numbers above zero, with or without separators; empty is no limit', () => {
  expect(parseLimit(' 100,000 ')).toEqual({ limit: 100_000 })
  expect(parseLimit('')).toEqual({ limit: null })
  for (const wrong of ['0', '-1', '1.5', 'many', '1e3', '9999999999']) expect(parseLimit(wrong)).toBeNull()
})
