import { expect, test } from 'vitest'
import { makeGate } from './gate.ts'
import { secondsToWait, signInBuckets } from './throttle.ts'

const names = (address: string, email = 'a@b.c') => signInBuckets(address, email).map((bucket) => bucket.name)

test('addresses within one IPv6 /64 are one address, outside they are not', () => {
  expect(names('2001:db8:1:2::5')).toEqual(names('2001:db8:1:2:ffff::1'))
  expect(names('2001:db8:1:2::5')).not.toEqual(names('2001:db8:1:3::5'))
})

test('bucket names hold no e-mail address', () => {
  expect(names('192.0.2.1', 'ada@example.com').join()).not.toContain('ada')
})

const count = (bucket: string, n: number, seconds: number) => ({
  bucket,
  count: n,
  expiresAt: new Date(seconds * 1000),
})

test('the wait is until the last of the overfull buckets empties', () => {
  const now = new Date(0)
  const buckets = [
    { name: 'a', limit: 1 },
    { name: 'b', limit: 5 },
  ]
  expect(secondsToWait(buckets, [count('a', 1, 10), count('b', 5, 20)], now)).toBeNull()
  expect(secondsToWait(buckets, [count('a', 2, 10), count('b', 5, 20)], now)).toBe(10)
  expect(secondsToWait(buckets, [count('a', 2, 10), count('b', 6, 20)], now)).toBe(20)
})

test('a gate runs as many jobs at once as it is wide and refuses what does not fit its queue', async () => {
  const gate = makeGate(2, 1)
  let running = 0
  let most = 0
  const releases: (() => void)[] = []
  const job = async () => {
    most = Math.max(most, ++running)
    await new Promise<void>((resolve) => releases.push(resolve))
    running--
    return 'done'
  }
  const answers = [gate(job), gate(job), gate(job), gate(job)]
  expect(await answers[3]).toBeNull()
  while (releases.length > 0) {
    releases.shift()?.()
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(await Promise.all(answers)).toEqual(['done', 'done', 'done', null])
  expect(most).toBe(2)
})
