import { generateKeyPair, sign } from 'node:crypto'
import { promisify } from 'node:util'

/** Ours at one SAML provider: it encrypts for the public half, and knows our requests by it. */
export interface OwnKey {
  /** PEM. */
  readonly privateKey: string
  readonly certificate: string
}

const bits = 2048
/** Providers trust it since they were given it; few look at its dates. */
const years = 20

/** A certificate that signs itself: nobody but the provider that it is given to has to believe it. */
export const makeOwnKey = async (name: string, now: Date): Promise<OwnKey> => {
  const pair = await promisify(generateKeyPair)('rsa', { modulusLength: bits })
  const spki = pair.publicKey.export({ type: 'spki', format: 'der' })
  const algorithm = sequence(sha256WithRsa, nothing)
  const subject = sequence(tagged(0x31, sequence(commonName, tagged(0x0c, Buffer.from(name)))))
  const until = new Date(now)
  until.setUTCFullYear(now.getUTCFullYear() + years)
  const serial = tagged(0x02, Buffer.from([1]))
  const content = sequence(serial, algorithm, subject, sequence(timeOf(now), timeOf(until)), subject, spki)
  const signature = tagged(0x03, Buffer.from([0]), sign('sha256', content, pair.privateKey))
  const certificate = sequence(content, algorithm, signature).toString('base64')
  return {
    privateKey: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }),
    certificate: `-----BEGIN CERTIFICATE-----\n${(certificate.match(/.{1,64}/g) ?? []).join('\n')}\n-----END CERTIFICATE-----\n`,
  }
}

/** DER (ITU-T X.690): tag, length, content. */
const tagged = (tag: number, ...parts: readonly Buffer[]): Buffer => {
  const content = Buffer.concat(parts)
  const { length } = content
  const lengthBytes =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...lengthBytes]), content])
}
const sequence = (...parts: readonly Buffer[]): Buffer => tagged(0x30, ...parts)
const nothing = Buffer.from([0x05, 0x00])
/** 1.2.840.113549.1.1.11 */
const sha256WithRsa = Buffer.from('06092a864886f70d01010b', 'hex')
/** 2.5.4.3 */
const commonName = Buffer.from('0603550403', 'hex')

/** Two digits of the year up to 2049, four from 2050 (RFC 5280, 4.1.2.5). */
const timeOf = (at: Date): Buffer => {
  const text = `${at.toISOString().slice(0, 19).replace(/[-:T]/g, '')}Z`
  return at.getUTCFullYear() < 2050
    ? tagged(0x17, Buffer.from(text.slice(2)))
    : tagged(0x18, Buffer.from(text))
}
