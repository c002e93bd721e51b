import { hash } from 'node:crypto'
import { isIP } from 'node:net'
import {
  type AuthenticationResponseJSON,
  generateAuthenticationOptions,
  generateRegistrationOptions,
  type RegistrationResponseJSON,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server'

/** For whom browsers keep passkeys: a host name, and the origin that its pages have. */
export interface RelyingParty {
  readonly id: string
  readonly origin: string
}

/** Null: browsers keep none for an IP address, nor over plain http except on this machine. */
export const relyingPartyOf = (baseUrl: string): RelyingParty | null => {
  const url = URL.parse(baseUrl)
  if (url === null) return null
  const { hostname, protocol, origin } = url
  if (isIP(hostname.replaceAll(/[[\]]/g, '')) !== 0) return null
  const isLocal = hostname === 'localhost' || hostname.endsWith('.localhost')
  return protocol === 'https:' || isLocal ? { id: hostname, origin } : null
}

/** Long enough to find the key in the drawer. */
export const challengeSeconds = 300

/** Ed25519, P-256 and RSA by their COSE numbers: what authenticators have. The library's own list asks Node for experiments. */
const algorithms = [-8, -7, -257]

/** What an authenticator stores with the passkey, and gives back: the user's id, which says nothing about them. */
const handleOf = (userId: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(userId)

export const hashOfChallenge = (challenge: string): Buffer => hash('sha256', challenge, 'buffer')

/** The challenge that a reply says it answers; null where it says nothing that can be read. */
export const challengeIn = (clientDataJson: string): string | null => {
  try {
    const data = JSON.parse(Buffer.from(clientDataJson, 'base64url').toString('utf8')) as unknown
    const challenge = (data as { challenge?: unknown } | null)?.challenge
    return typeof challenge === 'string' ? challenge : null
  } catch {
    return null
  }
}

export const registrationOptions = (
  party: RelyingParty,
  user: { id: string; email: string; name: string },
  known: readonly { credentialId: string; transports: string[] }[],
) =>
  generateRegistrationOptions({
    rpName: 'Aideon Keys',
    rpID: party.id,
    userID: handleOf(user.id),
    userName: user.email,
    userDisplayName: user.name,
    timeout: challengeSeconds * 1000,
    // Which make it is decides nothing here, and the answer would tell devices apart.
    attestationType: 'none',
    supportedAlgorithmIDs: algorithms,
    excludeCredentials: known.map(({ credentialId, transports }) => ({ id: credentialId, transports })),
    // Found by the authenticator without an e-mail address, and unlocked by a finger, face or PIN: two factors by itself.
    authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
  })

/** Names no passkeys: which there are would tell who has an account. */
export const authenticationOptions = (party: RelyingParty) =>
  generateAuthenticationOptions({
    rpID: party.id,
    timeout: challengeSeconds * 1000,
    userVerification: 'required',
  })

export interface NewPasskey {
  readonly credentialId: string
  readonly publicKey: Buffer
  readonly counter: bigint
  readonly transports: string[]
  readonly isBackedUp: boolean
}

/** Null: whatever is wrong with it. */
export const verifyRegistration = async (
  party: RelyingParty,
  response: RegistrationResponseJSON,
  challenge: string,
): Promise<NewPasskey | null> => {
  const verified = await verifyRegistrationResponse({
    response,
    expectedChallenge: challenge,
    expectedOrigin: party.origin,
    expectedRPID: party.id,
    requireUserVerification: true,
    supportedAlgorithmIDs: algorithms,
  }).catch(() => null)
  if (!verified?.verified) return null
  const { credential, credentialBackedUp } = verified.registrationInfo
  return {
    credentialId: credential.id,
    publicKey: Buffer.from(credential.publicKey),
    counter: BigInt(credential.counter),
    transports: [...(credential.transports ?? [])],
    isBackedUp: credentialBackedUp,
  }
}

/** Null: whatever is wrong with it, a counter that did not rise included. */
export const verifyAuthentication = async (
  party: RelyingParty,
  passkey: { credentialId: string; publicKey: Buffer; counter: bigint; userId: string; rpId: string },
  response: AuthenticationResponseJSON,
  challenge: string,
): Promise<{ counter: bigint; isBackedUp: boolean } | null> => {
  if (passkey.rpId !== party.id) return null
  const { userHandle } = response.response
  if (userHandle !== undefined && userHandle !== Buffer.from(handleOf(passkey.userId)).toString('base64url'))
    return null
  const verified = await verifyAuthenticationResponse({
    response,
    expectedChallenge: challenge,
    expectedOrigin: party.origin,
    expectedRPID: party.id,
    credential: {
      id: passkey.credentialId,
      publicKey: new Uint8Array(passkey.publicKey),
      counter: Number(passkey.counter),
    },
    requireUserVerification: true,
  }).catch(() => null)
  if (!verified?.verified) return null
  const { newCounter, credentialBackedUp } = verified.authenticationInfo
  return { counter: BigInt(newCounter), isBackedUp: credentialBackedUp }
}
