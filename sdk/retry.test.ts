import { expect, test } from 'vitest'
import { waitBefore } from './retry.ts'

const error = (status: number, code = 'x', retryAfterSeconds: number | null = null) => ({
  status,
  code,
  retryAfterSeconds,
})

test('only what was not done, or does no harm when it is done twice, is tried again', () => {
  const again = (status: number, method: string, hasKey: boolean) =>
    waitBefore(error(status), method, hasKey, 0, 0) !== null
  for (const status of [0, 502, 503, 504]) {
    expect(again(status, 'GET', false), `GET ${status}`).toBe(true)
    expect(again(status, 'POST', true), `POST with a key ${status}`).toBe(true)
    expect(again(status, 'POST', false), `POST ${status}`).toBe(false)
    expect(again(status, 'PATCH', false), `PATCH ${status}`).toBe(false)
  }
  expect(again(429, 'PATCH', false)).toBe(true)
  for (const status of [400, 401, 403, 404, 409, 422, 500]) expect(again(status, 'GET', false)).toBe(false)
  expect(waitBefore(error(409, 'idempotency_under_way', 1), 'POST', true, 0, 0)).toBe(1000)
})

test('waits grow, are spread, have an end, and are what the server asks for', () => {
  const at = (tried: number, random: number) => waitBefore(error(503), 'GET', false, tried, random) ?? 0
  expect([at(0, 0), at(0, 1), at(3, 1)]).toEqual([150, 300, 2400])
  expect(at(30, 1)).toBe(20_000)
  expect(waitBefore(error(503, 'x', 7), 'GET', false, 0, 0)).toBe(7000)
  expect(waitBefore(error(429, 'x', 3600), 'GET', false, 0, 0)).toBeNull()
})
