import { createHash, createSign, generateKeyPairSync, randomBytes } from 'node:crypto'

/**
 * A passkey in software, written from the specification (https://www.w3.org/TR/webauthn-3/#sctn-authenticator-data) and not from
 * the library that is under test, so that it can also do what no browser would.
 */
export interface Quirks {
  readonly origin?: string
  readonly rpId?: string
  readonly challenge?: string
  readonly userVerified?: boolean
  readonly counter?: number
  readonly userHandle?: string
  readonly type?: string
  /** Of another passkey. */
  readonly signedBy?: Authenticator
}

export type Authenticator = ReturnType<typeof makeAuthenticator>

interface Options {
  readonly challenge: string
  readonly rpId?: string
  readonly rp?: { readonly id?: string }
  readonly user?: { readonly id: string }
}

const flags = { userPresent: 0x01, userVerified: 0x04, attested: 0x40 }
const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest()
const base64url = (data: Buffer | string) => Buffer.from(data).toString('base64url')

export const makeAuthenticator = (origin: string) => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const credentialId = randomBytes(32)
  const id = base64url(credentialId)
  let counter = 0
  let userHandle: string | undefined

  const clientData = (type: string, challenge: string, quirks: Quirks) =>
    Buffer.from(
      JSON.stringify({
        type: quirks.type ?? type,
        challenge,
        origin: quirks.origin ?? origin,
        crossOrigin: false,
      }),
    )

  const authenticatorData = (rpId: string, extra: number, quirks: Quirks, attested = Buffer.alloc(0)) => {
    const bits = flags.userPresent | (quirks.userVerified === false ? 0 : flags.userVerified) | extra
    const count = Buffer.alloc(4)
    count.writeUInt32BE(quirks.counter ?? counter)
    return Buffer.concat([sha256(quirks.rpId ?? rpId), Buffer.from([bits]), count, attested])
  }

  const sign = (data: Buffer) => createSign('SHA256').update(data).sign(privateKey)

  return {
    id,
    sign,
    create(options: object, quirks: Quirks = {}) {
      const { challenge, rp, user } = options as Options
      userHandle = user?.id
      const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
      // A COSE key: kty 2 (EC2), alg -7 (ES256), crv 1 (P-256), x, y.
      const cose = Buffer.concat([
        Buffer.from([0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20]),
        Buffer.from(x, 'base64url'),
        Buffer.from([0x22, 0x58, 0x20]),
        Buffer.from(y, 'base64url'),
      ])
      const attested = Buffer.concat([
        Buffer.alloc(16),
        Buffer.from([0, credentialId.length]),
        credentialId,
        cose,
      ])
      const data = authenticatorData(rp?.id ?? '', flags.attested, quirks, attested)
      const length = Buffer.alloc(2)
      length.writeUInt16BE(data.length)
      // { fmt: 'none', attStmt: {}, authData: bytes }
      const attestationObject = Buffer.concat([
        Buffer.from([0xa3, 0x63]),
        Buffer.from('fmt'),
        Buffer.from([0x64]),
        Buffer.from('none'),
        Buffer.from([0x67]),
        Buffer.from('attStmt'),
        Buffer.from([0xa0, 0x68]),
        Buffer.from('authData'),
        Buffer.from([0x59]),
        length,
        data,
      ])
      return {
        id,
        rawId: id,
        type: 'public-key' as const,
        clientExtensionResults: {},
        response: {
          clientDataJSON: base64url(clientData('webauthn.create', quirks.challenge ?? challenge, quirks)),
          attestationObject: base64url(attestationObject),
          transports: ['internal'],
        },
      }
    },
    get(options: object, quirks: Quirks = {}) {
      const { challenge, rpId } = options as Options
      counter++
      const client = clientData('webauthn.get', quirks.challenge ?? challenge, quirks)
      const data = authenticatorData(rpId ?? '', 0, quirks)
      const signature = (quirks.signedBy?.sign ?? sign)(Buffer.concat([data, sha256(client)]))
      const handle = quirks.userHandle ?? userHandle
      return {
        id,
        rawId: id,
        type: 'public-key' as const,
        clientExtensionResults: {},
        response: {
          clientDataJSON: base64url(client),
          authenticatorData: base64url(data),
          signature: base64url(signature),
          ...(handle === undefined ? {} : { userHandle: handle }),
        },
      }
    },
  }
}
