import { expect, test } from 'vitest'
import { makeCommandKeys } from './command-key.ts'

const made = () => {
  let count = 0
  return makeCommandKeys(() => `key-${(count += 1)}`)
}

test('a command keeps its key over retries, whatever was asked for in between', () => {
  const keys = made()
  const first = keys.keyOf({ kind: 'pack', packId: 'small' })
  expect(keys.keyOf({ kind: 'pack', packId: 'large' })).not.toBe(first)
  expect(keys.keyOf({ kind: 'pack', packId: 'small' })).toBe(first)
})

test('once done, the same content is a new command', () => {
  const keys = made()
  const first = keys.keyOf({ kind: 'pause' })
  keys.done({ kind: 'pause' })
  expect(keys.keyOf({ kind: 'pause' })).not.toBe(first)
})
