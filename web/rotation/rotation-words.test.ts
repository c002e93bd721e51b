import { expect, test } from 'vitest'
import { rotationState } from '../../src/contract/rotation.ts'
import { phaseOf, phases, scheduleWords, spanWords, standOf, stateWords } from './rotation-words.ts'

test('every state has words and a phase', () => {
  for (const state of rotationState.options) {
    expect(stateWords[state].text).not.toBe('')
    const phase = phaseOf({ state, promotedAt: null, toVersion: null })
    expect(phase).toBeGreaterThanOrEqual(0)
    expect(phase).toBeLessThanOrEqual(phases.length)
  }
})

test('a side state stands where the rotation had come to', () => {
  expect(phaseOf({ state: 'needs_human', promotedAt: null, toVersion: null })).toBe(0)
  expect(phaseOf({ state: 'cleaning', promotedAt: null, toVersion: 2 })).toBe(1)
  expect(phaseOf({ state: 'needs_human', promotedAt: '2026-11-23T00:00:00.000Z', toVersion: 2 })).toBe(3)
})

test('what waits for a person is told apart from what goes on and what is over', () => {
  expect(standOf({ state: 'draining', isOver: false })).toBe('runs')
  expect(standOf({ state: 'asked', isOver: false })).toBe('waits')
  expect(standOf({ state: 'needs_human', isOver: false })).toBe('waits')
  expect(standOf({ state: 'rolled_back', isOver: true })).toBe('stopped')
  expect(standOf({ state: 'done', isOver: true })).toBe('done')
})

test.each([
  [0, 'none'],
  [86_400, '1 day'],
  [129_600, '36 hours'],
  [900, '15 minutes'],
  [61, '61 seconds'],
])('%i seconds are %s', (seconds, words) => {
  expect(spanWords(seconds)).toBe(words)
})

test('a key that does not rotate by itself has a reminder, not a schedule', () => {
  const effective = { everyDays: 90, overlapSeconds: 3600 }
  expect(scheduleWords({ effective, automatic: true })).toBe('Every 90 days, overlap 1 hour')
  expect(scheduleWords({ effective, automatic: false })).toBe('Reminder every 90 days, overlap 1 hour')
  expect(scheduleWords({ effective: { everyDays: null, overlapSeconds: null }, automatic: true })).toBe(
    'No schedule',
  )
})
