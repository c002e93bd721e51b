import { expect, test } from 'vitest'
import { spansOf } from './attempt-spans.ts'

test('attempts lie one after the other within the operation’s time', () => {
  expect(spansOf([100, 300], 1000)).toEqual([
    { left: 0, width: 0.1 },
    { left: 0.1, width: 0.3 },
  ])
})

test('none sticks out, and none is too short to be seen', () => {
  for (const durations of [[0, 0], [null, 5000], [1, 1, 9_999], []])
    for (const { left, width } of spansOf(durations, 1000)) {
      expect(width).toBeGreaterThan(0)
      expect(left + width).toBeLessThanOrEqual(1.000_001)
    }
})
