import { Secret, TOTP } from 'otpauth'

/**
 * Codes of an authenticator app (RFC 6238): SHA-1, 6 digits, 30 seconds, which is what every app takes. 160 random bits, as
 * RFC 4226 asks for.
 */
const periodSeconds = 30
const digits = 6
/** Clocks of phones are off; one step either side, as RFC 6238 §5.2 advises. */
const stepsEitherSide = 1
const issuer = 'Aideon Keys'

export const generateTotpSecret = (): string => new Secret({ size: 20 }).base32

/** What a QR code for an app says. */
export const totpUri = (secret: string, email: string): string => totpOf(secret, email).toString()

/**
 * The time step of a right code, or null. No step up to `lastStep` is given: a code that was seen once, or an older one
 * that was seen over a shoulder, is worth nothing.
 */
export const stepOfCode = (secret: string, code: string, now: Date, lastStep: bigint): bigint | null => {
  const token = code.replaceAll(/\s/g, '')
  if (!/^\d{6}$/.test(token)) return null
  const totp = totpOf(secret)
  const current = BigInt(Math.floor(now.getTime() / 1000 / periodSeconds))
  for (let off = -stepsEitherSide; off <= stepsEitherSide; off++) {
    const step = current + BigInt(off)
    if (step <= lastStep) continue
    // Of this step alone, so that the step is known by which it matched; compared in constant time.
    const timestamp = Number(step) * periodSeconds * 1000
    if (totp.validate({ token, timestamp, window: 0 }) !== null) return step
  }
  return null
}

const totpOf = (secret: string, label = ''): TOTP =>
  new TOTP({
    issuer,
    label,
    algorithm: 'SHA1',
    digits,
    period: periodSeconds,
    secret: Secret.fromBase32(secret),
  })
