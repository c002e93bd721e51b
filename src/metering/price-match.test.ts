import { expect, test } from 'vitest'
import { compileMatch, isCheapPattern, withDashedDates } from './price-match.ts'

test('rules match as the price data means them', () => {
  expect(compileMatch({ equals: 'GPT-5' })('gpt-5')).toBe(true)
  expect(compileMatch({ starts_with: 'claude-' })('claude-opus')).toBe(true)
  expect(compileMatch({ ends_with: ':free' })('x/y:free')).toBe(true)
  expect(compileMatch({ contains: 'sonnet' })('claude-sonnet-5')).toBe(true)
  expect(compileMatch({ regex: '^o[134]' })('o3-mini')).toBe(true)
  expect(compileMatch({ or: [{ equals: 'a' }, { equals: 'b' }] })('b')).toBe(true)
  expect(compileMatch({ and: [{ starts_with: 'a' }, { ends_with: 'c' }] })('ab')).toBe(false)
})

test('a pattern that could be made slow, or is none, matches nothing', () => {
  for (const regex of ['(a+)+$', '(a|a)*b', '^(.*)\\1$', '(?<=a)b', 'a*b*c*d', '(', 'x'.repeat(201)]) {
    expect(isCheapPattern(regex)).toBe(false)
    expect(compileMatch({ regex })('aaaa')).toBe(false)
  }
})

test('dates are dashed only where they are dates', () => {
  expect(withDashedDates('gpt-5-20260131')).toBe('gpt-5-2026-01-31')
  expect(withDashedDates('gpt-5-20260231')).toBe('gpt-5-20260231')
  expect(withDashedDates('gpt-5-20260131x')).toBe('gpt-5-20260131x')
})

test('a pattern that only excludes is taken, if what it excludes is cheap to look for', () => {
  const noSpeech = compileMatch({ regex: '^(?!.*-tts(?:$|-))' })
  expect([noSpeech('gemini-2.5-pro'), noSpeech('gemini-2.5-pro-tts')]).toEqual([true, false])
  for (const regex of ['^(?!(a+)+$)', '^(?!a)(?!b)', '^(?!a*b*c*d)'])
    expect(isCheapPattern(regex)).toBe(false)
})
