import { randomBytes } from 'node:crypto'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import type { KmsRequest, Wire } from '../../../tests/kms/exchange.ts'
import { type Stand, stands } from '../../../tests/kms/stands.ts'
import type { FaultCode, Outcome } from '../../kit/fault.ts'

/** What every provider guarantees, whatever it stands on. */
const context = 'vault key mk_0123456789abcdef of organization 7'

const codeOf = (outcome: Outcome<unknown>): FaultCode | 'ok' => (outcome.ok ? 'ok' : outcome.fault.code)
const valueOf = (outcome: Outcome<Buffer>): Buffer => {
  if (!outcome.ok) throw new Error(`${outcome.fault.code}: ${outcome.fault.message}`)
  return outcome.value
}

describe.each(stands)('%s', (_, makeStand) => {
  const stand: Stand = makeStand()
  const { provider, other, wire } = stand
  const key = randomBytes(32)
  beforeEach(() => {
    if (wire !== null) wire.interfere = null
  })
  afterAll(() => stand.close())

  const isSilent = (...outcomes: Outcome<unknown>[]) => {
    const text = JSON.stringify(outcomes.map((outcome) => (outcome.ok ? null : outcome.fault)))
    const secrets = [
      key.toString('base64'),
      key.toString('base64url'),
      key.toString('hex'),
      ...stand.secrets(),
    ]
    for (const secret of secrets) expect(text).not.toContain(secret)
  }

  test('what was wrapped is unwrapped, and is never stored as it is', async () => {
    const wrapped = valueOf(await provider.wrap(key, context))
    expect(valueOf(await provider.unwrap(wrapped, context))).toEqual(key)
    expect(wrapped.includes(key)).toBe(false)
    expect(valueOf(await provider.wrap(key, context)).equals(wrapped)).toBe(false)
  })

  test('another context, another master key, a changed bit and a cut are refused alike', async () => {
    const wrapped = valueOf(await provider.wrap(key, context))
    const refusals = [
      await provider.unwrap(wrapped, `${context} `),
      await provider.unwrap(wrapped, ''),
      await provider.unwrap(Buffer.concat([wrapped, Buffer.of(0)]), context),
      await provider.unwrap(Buffer.alloc(0), context),
      await provider.unwrap(randomBytes(100), context),
    ]
    for (const length of [1, 12, 30, wrapped.length >> 1, wrapped.length - 1])
      refusals.push(await provider.unwrap(wrapped.subarray(0, length), context))
    expect(new Set(refusals.map(codeOf))).toEqual(new Set(['master_key_mismatch']))
    // Which key or version it was wrapped by is written in front: that one may not be there.
    const changed: Outcome<Buffer>[] = [await other.unwrap(wrapped, context)]
    for (let at = 0; at < wrapped.length; at += Math.ceil(wrapped.length / 40)) {
      const copy = Buffer.from(wrapped)
      copy[at] = (copy[at] as number) ^ (1 << (at % 8))
      changed.push(await provider.unwrap(copy, context))
    }
    expect(
      changed.map(codeOf).filter((code) => !['master_key_mismatch', 'master_key_disabled'].includes(code)),
    ).toEqual([])
    isSilent(...refusals, ...changed)
  })

  const { disable, deny } = stand
  if (disable !== null)
    test('a key that is disabled says so, and works when it is enabled', async () => {
      const wrapped = valueOf(await provider.wrap(key, context))
      disable(true)
      const refusals = [await provider.wrap(key, context), await provider.unwrap(wrapped, context)]
      disable(false)
      expect(refusals.map(codeOf)).toEqual(['master_key_disabled', 'master_key_disabled'])
      expect(valueOf(await provider.unwrap(wrapped, context))).toEqual(key)
      isSilent(...refusals)
    })

  if (deny !== null)
    test('missing permissions say so', async () => {
      const wrapped = valueOf(await provider.wrap(key, context))
      deny(true)
      const refusals = [await provider.wrap(key, context), await provider.unwrap(wrapped, context)]
      deny(false)
      expect(refusals.map(codeOf)).toEqual(['master_key_refused', 'master_key_refused'])
      expect(refusals.every((refusal) => !refusal.ok && refusal.fault.next.length > 20)).toBe(true)
      isSilent(...refusals)
    })

  if (wire === null) return
  describe('over its network', () => {
    const isWork = (request: KmsRequest) => stand.isWork(request)
    const failTimes = (times: number, answer: ReturnType<NonNullable<Wire['interfere']>>) => {
      let left = times
      wire.interfere = (request) => (isWork(request) && left-- > 0 ? answer : null)
    }

    test.each([
      ['no connection', 'unreachable'],
      ['no answer in time', 'timeout'],
      ['an internal error', { status: 500, body: '' }],
      ['throttling', stand.throttle],
    ] as const)('%s is tried once more, and then told', async (_name, answer) => {
      const wrapped = valueOf(await provider.wrap(key, context))
      failTimes(1, answer)
      expect(valueOf(await provider.unwrap(wrapped, context))).toEqual(key)
      failTimes(2, answer)
      const before = wire.requests.filter(isWork).length
      const refusal = await provider.unwrap(wrapped, context)
      expect(codeOf(refusal)).toBe('master_key_unreachable')
      expect(wire.requests.filter(isWork).length).toBe(before + 2)
      isSilent(refusal)
    })

    test('an address that is not allowed is the operator’s mistake', async () => {
      const transport = wire.transport as { request: unknown }
      const { request } = transport
      transport.request = () =>
        Promise.resolve({ ok: false, fault: { code: 'unsafe_address', message: 'private', next: '' } })
      const refusal = await makeStand().provider.wrap(key, context)
      const own = await provider.wrap(key, context)
      transport.request = request
      expect([codeOf(refusal), codeOf(own)]).toEqual(['ok', 'master_key_misconfigured'])
    })

    /** What stands in the way may answer with anything, also with what it was sent. */
    const odd: readonly ((request: KmsRequest) => {
      status: number
      body: string
      headers?: Record<string, string>
    })[] = [
      () => ({ status: 200, body: '' }),
      () => ({ status: 200, body: '{}' }),
      () => ({ status: 200, body: '[]' }),
      () => ({ status: 200, body: 'null' }),
      () => ({ status: 200, body: '<html>sign in</html>' }),
      () => ({
        status: 200,
        body: '{"data":{"plaintext":1,"ciphertext":[]},"Plaintext":{},"CiphertextBlob":"?","value":"*"}',
      }),
      () => ({
        status: 200,
        body: '{"data":null,"Plaintext":"AAAA","plaintext":"AAAA","value":"AAAA","__proto__":1}',
      }),
      () => ({ status: 204, body: '' }),
      () => ({ status: 302, body: '', headers: { location: 'https://elsewhere.example/' } }),
      () => ({ status: 418, body: '{"error":{"status":7,"code":{}},"errors":[{}],"__type":{}}' }),
      ...[200, 400, 401, 403, 404, 500].map((status) => (request: KmsRequest) => ({
        status,
        body: JSON.stringify({
          errors: [request.body, JSON.stringify(request.headers)],
          __type: JSON.stringify(request.headers),
          message: request.body,
          error: {
            code: request.body,
            status: JSON.stringify(request.headers),
            message: request.body,
            innererror: { code: JSON.stringify(request.headers) },
          },
        }),
      })),
    ]
    test('no answer is thrown at the caller, taken for a key, or repeated in a fault', async () => {
      const wrapped = valueOf(await provider.wrap(key, context))
      for (const answer of odd) {
        wire.interfere = (request) => (isWork(request) ? answer(request) : null)
        const refusals = [await provider.wrap(key, context), await provider.unwrap(wrapped, context)]
        for (const refusal of refusals) expect(codeOf(refusal)).toMatch(/^master_key_/)
        isSilent(...refusals)
        // Also from whoever hands out credentials.
        wire.interfere = (request) => (isWork(request) ? null : answer(request))
        const fresh = makeStand()
        if (fresh.wire !== null) fresh.wire.interfere = wire.interfere
        const outcome = await fresh.provider.wrap(key, context)
        expect(codeOf(outcome)).toMatch(/^(?:ok|master_key_[a-z]+)$/)
        const text = JSON.stringify(outcome.ok ? null : outcome.fault)
        for (const secret of fresh.secrets()) expect(text).not.toContain(secret)
        fresh.close()
      }
    })
  })
})
