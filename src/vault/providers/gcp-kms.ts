import { type Outcome, success } from '../../kit/fault.ts'
import type { MasterKeyProvider } from '../provider.ts'
import { type Answer, ask, bytesOf, recordOf, type Surroundings, textOf } from './ask.ts'
import { bound, unbound } from './binding.ts'
import { crc32c } from './crc32c.ts'
import { disabled, misconfigured, mismatch, refused, strange, unreachable } from './faults.ts'
import { makeGcpToken } from './gcp-token.ts'

const origin = 'https://cloudkms.googleapis.com'
const largestBlobBytes = 4_096

/**
 * https://cloud.google.com/kms/docs/reference/rest/v1/projects.locations.keyRings.cryptoKeys/encrypt
 * Checksums go both ways (https://cloud.google.com/kms/docs/data-integrity-guidelines): a bit that flips between us
 * and the key would otherwise make a vault key that nothing opens.
 */
export const makeGcpKmsProvider = (
  reference: string,
  /** `projects/…/locations/…/keyRings/…/cryptoKeys/…` */
  name: string,
  surroundings: Surroundings,
): MasterKeyProvider => {
  const token = makeGcpToken(surroundings)

  const call = async (operation: 'encrypt' | 'decrypt', fields: object): Promise<Outcome<Answer>> => {
    const bearer = await token.get()
    if (!bearer.ok) return bearer
    const answer = await ask(surroundings, name, {
      method: 'POST',
      url: `${origin}/v1/${name}:${operation}`,
      headers: { authorization: `Bearer ${bearer.value}`, 'content-type': 'application/json' },
      body: JSON.stringify(fields),
    })
    if (!answer.ok || answer.value.status !== 401) return answer
    return token.forget(bearer.value) ? call(operation, fields) : answer
  }

  return {
    kind: 'gcp-kms',
    reference,
    async wrap(vaultKey, context) {
      const payload = bound(vaultKey, context)
      const answer = await call('encrypt', {
        ...checked('plaintext', payload),
        ...checked('additionalAuthenticatedData', Buffer.from(context)),
      })
      payload.fill(0)
      if (!answer.ok) return answer
      if (answer.value.status !== 200) return failureOf(name, answer.value)
      const { json } = answer.value
      const blob = bytesOf(json['ciphertext'])
      const isWhole =
        blob !== null &&
        agrees(json['ciphertextCrc32c'], blob) &&
        json['verifiedPlaintextCrc32c'] === true &&
        json['verifiedAdditionalAuthenticatedDataCrc32c'] === true
      return isWhole ? success(blob) : changed(name)
    },
    async unwrap(wrapped, context) {
      if (wrapped.length === 0 || wrapped.length > largestBlobBytes) return mismatch(name)
      const answer = await call('decrypt', {
        ...checked('ciphertext', wrapped),
        ...checked('additionalAuthenticatedData', Buffer.from(context)),
      })
      if (!answer.ok) return answer
      if (answer.value.status !== 200) return failureOf(name, answer.value)
      const payload = bytesOf(answer.value.json['plaintext'])
      if (payload === null || !agrees(answer.value.json['plaintextCrc32c'], payload)) return changed(name)
      const vaultKey = unbound(payload, context)
      return vaultKey === null ? mismatch(name) : success(vaultKey)
    },
  }
}

/** int64 is a string in Google's JSON. */
const checked = (field: string, bytes: Buffer) => ({
  [field]: bytes.toString('base64'),
  [`${field}Crc32c`]: String(crc32c(bytes)),
})

const agrees = (given: unknown, bytes: Buffer): boolean => String(given) === String(crc32c(bytes))

const changed = (name: string) =>
  unreachable(name, 'what was sent or received was changed on the way (its CRC32C is another).')

/** https://cloud.google.com/apis/design/errors#http_mapping */
const failureOf = (where: string, { status, json }: Answer) => {
  const error = recordOf(json['error'])
  switch (error['status']) {
    case 'INVALID_ARGUMENT':
      return invalidFault(where, textOf(error['message']) ?? '')
    case 'FAILED_PRECONDITION':
      return disabled(
        where,
        'the version of the key is disabled, destroyed, or not for encryption.',
        'Enable or restore the version in Cloud KMS; its purpose must be ENCRYPT_DECRYPT.',
      )
    case 'NOT_FOUND':
      return disabled(where, 'there is no such key.', 'Correct the reference.')
    case 'PERMISSION_DENIED':
      return refused(
        where,
        'the service account has no permission, or the Cloud KMS API is not enabled in its project.',
        'Grant it roles/cloudkms.cryptoKeyEncrypterDecrypter on the key.',
      )
    case 'UNAUTHENTICATED':
      return refused(where, 'the access token is not accepted.', 'Give this process other credentials.')
    case 'RESOURCE_EXHAUSTED':
      return unreachable(where, 'Cloud KMS limits how often it may be asked.')
    case 'UNAVAILABLE':
    case 'INTERNAL':
    case 'DEADLINE_EXCEEDED':
      return unreachable(where, 'Cloud KMS has an internal error.')
    default:
      return strange(where, status)
  }
}

const invalidFault = (where: string, said: string) => {
  if (/checksum/i.test(said)) return changed(where)
  if (/decryption failed/i.test(said)) return mismatch(where)
  return misconfigured(
    `Cloud KMS does not take a request for ${where}.`,
    'Check that the reference names a symmetric key (cryptoKeys/…), without a version.',
  )
}
