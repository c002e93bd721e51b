import { TOTP as Oracle, NobleCryptoPlugin, ScureBase32Plugin } from 'otplib'
import { describe, expect, test } from 'vitest'
import { generateTotpSecret, stepOfCode, totpUri } from './totp.ts'

/** RFC 6238, appendix B: `12345678901234567890` with SHA-1; of the 8 digits there the last 6. */
const secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'
const vectors = [
  [59, '287082'],
  [1_111_111_109, '081804'],
  [1_111_111_111, '050471'],
  [1_234_567_890, '005924'],
  [2_000_000_000, '279037'],
  [20_000_000_000, '353130'],
] as const

const at = (seconds: number) => new Date(seconds * 1000)

describe('codes', () => {
  test.each(vectors)('at %i s the code of RFC 6238 is taken', (seconds, code) => {
    expect(stepOfCode(secret, code, at(seconds), 0n)).toBe(BigInt(Math.floor(seconds / 30)))
  })

  test('another implementation makes the codes that are taken, of one step either side and no more', async () => {
    const ours = generateTotpSecret()
    expect(ours).toMatch(/^[A-Z2-7]{32}$/)
    const oracle = new Oracle({
      secret: ours,
      crypto: new NobleCryptoPlugin(),
      base32: new ScureBase32Plugin(),
    })
    const now = 1_900_000_000
    const step = BigInt(Math.floor(now / 30))
    for (const off of [-2, -1, 0, 1, 2]) {
      const code = await oracle.generate({ epoch: now + off * 30 })
      const expected = Math.abs(off) <= 1 ? step + BigInt(off) : null
      expect(stepOfCode(ours, code, at(now), 0n), `${off}`).toBe(expected)
    }
  })

  test('no code of a step that was used is taken again, nor one of an earlier step', () => {
    const [seconds, code] = vectors[0]
    const step = BigInt(Math.floor(seconds / 30))
    expect(stepOfCode(secret, code, at(seconds), step - 1n)).toBe(step)
    expect(stepOfCode(secret, code, at(seconds), step)).toBeNull()
    expect(stepOfCode(secret, code, at(seconds), step + 1n)).toBeNull()
  })

  test.each(['', '28708', '2870820', '28708a', '287082\n287082'])('%j is no code', (code) => {
    expect(stepOfCode(secret, code, at(59), 0n)).toBeNull()
  })

  test('an app is told issuer, name, and nothing that it would take otherwise than we do', () => {
    const uri = new URL(totpUri(secret, 'ada@example.com'))
    expect(uri.protocol + uri.host).toBe('otpauth:totp')
    expect(decodeURIComponent(uri.pathname)).toBe('/Aideon Keys:ada@example.com')
    expect(Object.fromEntries(uri.searchParams)).toEqual({
      issuer: 'Aideon Keys',
      secret,
      algorithm: 'SHA1',
      digits: '6',
      period: '30',
    })
  })
})
