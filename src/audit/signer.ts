import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto'
import { type Outcome, success } from '../kit/fault.ts'
import { platformOrganizationId } from '../kit/id.ts'
import type { SealedSecret, SecretBinding, Vault } from '../vault/vault.ts'
import { type Checkpoint, checkpointText } from './chain.ts'

/** A key pair as it is stored: the private half sealed by the vault. */
export interface SealedSigningKey extends SealedSecret {
  readonly id: string
  /** SPKI, DER. */
  readonly publicKey: Buffer
}

export interface Signer {
  readonly id: string
  readonly publicKey: Buffer
  sign(checkpoint: Omit<Checkpoint, 'signature' | 'signingKeyId'>): Checkpoint
}

/** Ed25519. The id is of the public key, so that whoever has written it down knows the key again. */
export const newSigningKey = async (vault: Vault): Promise<Outcome<SealedSigningKey>> => {
  const pair = generateKeyPairSync('ed25519')
  const publicKey = pair.publicKey.export({ type: 'spki', format: 'der' })
  const id = `ask_${createHash('sha256').update(publicKey).digest('hex').slice(0, 16)}`
  const secret = pair.privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64')
  const sealed = await vault.seal(bindingOf(id), secret)
  return sealed.ok ? success({ id, publicKey, ...sealed.value }) : sealed
}

/** Null: not sealed by this vault, or not the pair that it says it is. */
export const openSigner = async (vault: Vault, sealed: SealedSigningKey): Promise<Signer | null> => {
  const opened = await vault.open(bindingOf(sealed.id), sealed)
  if (!opened.ok) return null
  const privateKey = createPrivateKey({
    key: Buffer.from(opened.value, 'base64'),
    type: 'pkcs8',
    format: 'der',
  })
  const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'der' })
  if (!publicKey.equals(sealed.publicKey)) return null
  return {
    id: sealed.id,
    publicKey,
    sign: (checkpoint) => {
      const unsigned = { ...checkpoint, signingKeyId: sealed.id }
      return { ...unsigned, signature: sign(null, Buffer.from(checkpointText(unsigned)), privateKey) }
    },
  }
}

export const isSignedBy = (publicKey: Buffer | KeyObject, checkpoint: Checkpoint): boolean =>
  verify(
    null,
    Buffer.from(checkpointText(checkpoint)),
    publicKey instanceof Buffer
      ? createPublicKey({ key: publicKey, type: 'spki', format: 'der' })
      : publicKey,
    checkpoint.signature,
  )

const bindingOf = (id: string): SecretBinding => ({
  organizationId: platformOrganizationId,
  owner: 'system',
  userId: null,
  serviceId: 'audit signing key',
  serviceKeyId: id,
  version: 1,
})
