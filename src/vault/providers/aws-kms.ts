import { AwsV4Signer } from 'aws4fetch'
import { type Outcome, success } from '../../kit/fault.ts'
import type { MasterKeyProvider } from '../provider.ts'
import { type Answer, ask, bytesOf, type Surroundings, textOf } from './ask.ts'
import { type AwsCredentials, makeAwsCredentials } from './aws-credentials.ts'
import { bound, unbound } from './binding.ts'
import { disabled, misconfigured, mismatch, refused, strange, unreachable } from './faults.ts'

export interface AwsKey {
  /** Of a key or an alias. */
  readonly arn: string
  readonly region: string
  /** Of host names: `amazonaws.com`, `amazonaws.com.cn`. */
  readonly suffix: string
}

/** What Decrypt takes. */
const largestBlobBytes = 6_144

/**
 * Encrypt and Decrypt of AWS KMS: https://docs.aws.amazon.com/kms/latest/APIReference/API_Encrypt.html
 * The context goes as EncryptionContext, which AWS authenticates and writes into CloudTrail.
 */
export const makeAwsKmsProvider = (
  reference: string,
  key: AwsKey,
  surroundings: Surroundings,
): MasterKeyProvider => {
  const { environment, clock } = surroundings
  const credentials = makeAwsCredentials(key.region, key.suffix, surroundings)
  const url = `${(environment['AWS_ENDPOINT_URL_KMS'] || `https://kms.${key.region}.${key.suffix}`).replace(/\/+$/, '')}/`

  const call = async (operation: 'Encrypt' | 'Decrypt', fields: object): Promise<Outcome<Answer>> => {
    const signer = await credentials.get()
    if (!signer.ok) return signer
    const body = JSON.stringify({ KeyId: key.arn, EncryptionAlgorithm: 'SYMMETRIC_DEFAULT', ...fields })
    const headers = await signed({ url, operation, body, region: key.region, at: clock() }, signer.value)
    const answer = await ask(surroundings, key.arn, { method: 'POST', url, headers, body }, isTransient)
    if (!answer.ok || !isStale(answer.value)) return answer
    return credentials.forget(signer.value) ? call(operation, fields) : answer
  }

  return {
    kind: 'aws-kms',
    reference,
    async wrap(vaultKey, context) {
      const payload = bound(vaultKey, context)
      const answer = await call('Encrypt', {
        Plaintext: payload.toString('base64'),
        EncryptionContext: contextOf(context),
      })
      payload.fill(0)
      if (!answer.ok) return answer
      const blob = answer.value.status === 200 ? bytesOf(answer.value.json['CiphertextBlob']) : null
      return blob === null ? failureOf(key.arn, answer.value) : success(blob)
    },
    async unwrap(wrapped, context) {
      if (wrapped.length === 0 || wrapped.length > largestBlobBytes) return mismatch(key.arn)
      const answer = await call('Decrypt', {
        CiphertextBlob: wrapped.toString('base64'),
        EncryptionContext: contextOf(context),
      })
      if (!answer.ok) return answer
      if (answer.value.status !== 200) return failureOf(key.arn, answer.value)
      const payload = bytesOf(answer.value.json['Plaintext'])
      const vaultKey = payload === null ? null : unbound(payload, context)
      return vaultKey === null ? mismatch(key.arn) : success(vaultKey)
    },
  }
}

const contextOf = (context: string) => ({ 'aideon-keys': context })

const signed = async (
  parts: { url: string; operation: string; body: string; region: string; at: Date },
  { accessKeyId, secretAccessKey, sessionToken }: AwsCredentials,
): Promise<Readonly<Record<string, string>>> => {
  const { headers } = await new AwsV4Signer({
    method: 'POST',
    url: parts.url,
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': `TrentService.${parts.operation}`,
    },
    body: parts.body,
    datetime: parts.at.toISOString().replace(/[:-]|\.\d{3}/g, ''),
    accessKeyId,
    secretAccessKey,
    ...(sessionToken === null ? {} : { sessionToken }),
    region: parts.region,
    service: 'kms',
  }).sign()
  return Object.fromEntries(headers)
}

/** `com.amazonaws.kms#DisabledException` or its end alone. */
const typeOf = ({ json }: Answer): string => textOf(json['__type'])?.split('#').at(-1) ?? ''

/** AWS answers 400 where others answer 429. */
const isTransient = (answer: Answer): boolean =>
  answer.status >= 500 || ['ThrottlingException', 'LimitExceededException'].includes(typeOf(answer))

const isStale = (answer: Answer): boolean =>
  ['ExpiredTokenException', 'UnrecognizedClientException', 'InvalidClientTokenId'].includes(typeOf(answer))

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html#API_Decrypt_Errors and CommonErrors. */
const failureOf = (where: string, answer: Answer) => {
  switch (typeOf(answer)) {
    case 'DisabledException':
      return disabled(where, 'the key is disabled.', 'Enable it in AWS KMS.')
    case 'KMSInvalidStateException':
      return disabled(
        where,
        'the key is pending deletion or import, or its key store is not connected.',
        'Cancel the deletion in AWS KMS, or connect its key store.',
      )
    case 'NotFoundException':
      return disabled(where, 'there is no such key in this region.', 'Correct the reference.')
    case 'InvalidKeyUsageException':
      return misconfigured(
        `The key at ${where} is not for encryption.`,
        'Use a symmetric key for ENCRYPT_DECRYPT.',
      )
    case 'InvalidCiphertextException':
    case 'IncorrectKeyException':
      return mismatch(where)
    case 'AccessDeniedException':
    case 'AccessDenied':
      return refused(
        where,
        'these credentials have no permission.',
        'Allow kms:Encrypt and kms:Decrypt on the key, in its key policy or by IAM.',
      )
    case 'ExpiredTokenException':
    case 'UnrecognizedClientException':
    case 'InvalidClientTokenId':
    case 'MissingAuthenticationTokenException':
    case 'IncompleteSignatureException':
      return refused(where, 'the credentials are not valid any more.', 'Give this process new ones.')
    case 'InvalidSignatureException':
      return refused(
        where,
        'the request’s signature is not right.',
        'Check AWS_SECRET_ACCESS_KEY, and the clock of this machine.',
      )
    case 'ThrottlingException':
    case 'LimitExceededException':
      return unreachable(where, 'AWS KMS limits how often it may be asked.')
    case 'KeyUnavailableException':
    case 'DependencyTimeoutException':
    case 'KMSInternalException':
      return unreachable(where, 'AWS KMS has an internal error.')
    default:
      return strange(where, answer.status)
  }
}
