import { describe, expect, test } from 'vitest'
import { makeSignalCounter, sameSignalMs } from './signals.ts'

const deliver = (times: number[]): string[] => {
  const calls: string[] = []
  let now = 0
  const count = makeSignalCounter(
    () => calls.push(`drain at ${now}`),
    () => calls.push(`end at ${now}`),
    () => now,
  )
  for (const at of times) {
    now = at
    count()
  }
  return calls
}

describe('stop signals', () => {
  test('one Ctrl-C that terminal, npm and launcher each deliver drains and does not end', () => {
    expect(deliver([0, 3, sameSignalMs])).toEqual(['drain at 0'])
  })

  test('a second Ctrl-C ends at once', () => {
    expect(deliver([0, 2000])).toEqual(['drain at 0', 'end at 2000'])
  })
})
