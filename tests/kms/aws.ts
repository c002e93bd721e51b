import { createHash, createHmac, randomBytes } from 'node:crypto'
import { SignatureV4 } from '@smithy/signature-v4'
import { seal, unseal } from './cipher.ts'
import { json, type KmsHost, type KmsReply, type KmsRequest, parsed, strictBase64 } from './exchange.ts'

export interface AwsKey {
  readonly material: Buffer
  state: 'Enabled' | 'Disabled' | 'PendingDeletion'
}

export interface AwsIdentity {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string | null
  until: number
}

/**
 * AWS KMS's Encrypt and Decrypt (JSON 1.1), with each request's signature made again by AWS's own signer.
 * https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html
 */
export const makeAws = (now: () => Date, region: string) => {
  const state = {
    keys: new Map<string, AwsKey>(),
    aliases: new Map<string, string>(),
    identities: new Map<string, AwsIdentity>(),
    denied: false,
    throttled: 0,
    /** Of instances, pods and roles. */
    issued: 0,
    webIdentityToken: null as string | null,
    instanceRole: null as string | null,
    sessions: new Set<string>(),
    leaseSeconds: 3600,
  }
  const identity = (temporary: boolean): AwsIdentity => {
    state.issued++
    const made = {
      accessKeyId: `${temporary ? 'ASIA' : 'AKIA'}${randomBytes(10).toString('hex').slice(0, 16).toUpperCase()}`,
      secretAccessKey: randomBytes(30).toString('base64'),
      sessionToken: temporary ? randomBytes(60).toString('base64') : null,
      until: temporary ? now().getTime() + state.leaseSeconds * 1000 : Number.POSITIVE_INFINITY,
    }
    state.identities.set(made.accessKeyId, made)
    return made
  }

  const kms: KmsHost = async (request) => {
    const refusal = await signatureFault(request, region, state.identities, now())
    if (refusal !== null) return refusal
    const [, operation] =
      /^TrentService\.(Encrypt|Decrypt)$/.exec(request.headers['x-amz-target'] ?? '') ?? []
    if (operation === undefined) return fault('UnknownOperationException')
    if (request.headers['content-type'] !== 'application/x-amz-json-1.1')
      return fault('SerializationException')
    const body = parsed(request.body)
    if (body === null) return fault('SerializationException')
    if (state.throttled > 0) {
      state.throttled--
      return fault('ThrottlingException', 'You have exceeded the rate at which you may call KMS.')
    }
    if (state.denied) return fault('AccessDeniedException', 'User is not authorized to perform this.')
    return operation === 'Encrypt' ? encrypt(body) : decrypt(body)
  }

  const usable = (id: unknown): { arn: string; key: AwsKey } | KmsReply => {
    const arn = state.aliases.get(String(id)) ?? String(id)
    const key = state.keys.get(arn)
    if (key === undefined) return fault('NotFoundException', `Key '${arn}' does not exist`)
    if (key.state === 'Disabled') return fault('DisabledException', `${arn} is disabled.`)
    return key.state === 'PendingDeletion'
      ? fault('KMSInvalidStateException', `${arn} is pending deletion.`)
      : { arn, key }
  }

  const encrypt = (body: Record<string, unknown>): KmsReply => {
    const found = usable(body['KeyId'])
    if ('status' in found) return found
    const plain = strictBase64(body['Plaintext'])
    const context = contextBytes(body['EncryptionContext'])
    if (plain === null || plain.length < 1 || plain.length > 4096 || context === null)
      return fault('ValidationException', '1 validation error detected')
    const { iv, body: sealed, tag } = seal(found.key.material, plain, context)
    const head = Buffer.from(found.arn)
    const blob = Buffer.concat([Buffer.of(1, 2, head.length), head, iv, sealed, tag])
    return ok({
      CiphertextBlob: blob.toString('base64'),
      KeyId: found.arn,
      EncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
    })
  }

  const decrypt = (body: Record<string, unknown>): KmsReply => {
    const blob = strictBase64(body['CiphertextBlob'])
    const context = contextBytes(body['EncryptionContext'])
    if (blob === null || blob.length < 1 || blob.length > 6144 || context === null)
      return fault('ValidationException', '1 validation error detected')
    const length = blob[2] ?? 0
    if (blob[0] !== 1 || blob[1] !== 2 || blob.length < 3 + length + 28)
      return fault('InvalidCiphertextException')
    const arn = blob.subarray(3, 3 + length).toString()
    const found = usable(body['KeyId'] ?? arn)
    if ('status' in found) return found
    if (!state.keys.has(arn)) return fault('InvalidCiphertextException')
    if (found.arn !== arn)
      return fault('IncorrectKeyException', 'The key ID in the request does not identify a CMK')
    const rest = blob.subarray(3 + length)
    const parts = { iv: rest.subarray(0, 12), body: rest.subarray(12, -16), tag: rest.subarray(-16) }
    const plain = unseal(found.key.material, parts, context)
    return plain === null
      ? fault('InvalidCiphertextException')
      : ok({ Plaintext: plain.toString('base64'), KeyId: arn, EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' })
  }

  const sts: KmsHost = ({ method, headers, body }) => {
    const form = new URLSearchParams(body)
    if (method !== 'POST' || headers['content-type'] !== 'application/x-www-form-urlencoded')
      return xml(400, '<Code>InvalidAction</Code>')
    if (form.get('Action') !== 'AssumeRoleWithWebIdentity' || form.get('Version') !== '2011-06-15')
      return xml(400, '<Code>InvalidAction</Code>')
    if (!form.get('RoleArn') || !form.get('RoleSessionName')) return xml(400, '<Code>ValidationError</Code>')
    if (form.get('WebIdentityToken') !== state.webIdentityToken)
      return xml(400, '<Code>InvalidIdentityToken</Code>')
    const made = identity(true)
    return xml(
      200,
      `<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>${made.accessKeyId}</AccessKeyId><SecretAccessKey>${made.secretAccessKey}</SecretAccessKey><SessionToken>${made.sessionToken}</SessionToken><Expiration>${new Date(made.until).toISOString()}</Expiration></Credentials></AssumeRoleWithWebIdentityResult>`,
    )
  }

  const credentialsOf = (made: AwsIdentity) => ({
    Code: 'Success',
    AccessKeyId: made.accessKeyId,
    SecretAccessKey: made.secretAccessKey,
    Token: made.sessionToken,
    Expiration: new Date(made.until).toISOString(),
  })

  /** IMDSv2: nothing without a session. */
  const instance: KmsHost = ({ method, url, headers }) => {
    if (url.pathname === '/latest/api/token') {
      const seconds = Number(headers['x-aws-ec2-metadata-token-ttl-seconds'])
      if (method !== 'PUT' || !(seconds >= 1 && seconds <= 21_600)) return { status: 400, body: '' }
      const session = randomBytes(30).toString('base64url')
      state.sessions.add(session)
      return { status: 200, body: session }
    }
    if (!state.sessions.has(headers['x-aws-ec2-metadata-token'] ?? '')) return { status: 401, body: '' }
    const base = '/latest/meta-data/iam/security-credentials/'
    if (state.instanceRole === null) return { status: 404, body: '' }
    if (url.pathname === base) return { status: 200, body: state.instanceRole }
    return url.pathname === `${base}${state.instanceRole}`
      ? json(200, credentialsOf(identity(true)))
      : { status: 404, body: '' }
  }

  const container: KmsHost = ({ headers, url }) =>
    url.pathname === '/v2/credentials/task' || headers['authorization'] === 'pod-token'
      ? json(200, credentialsOf(identity(true)))
      : { status: 401, body: '' }

  return { state, identity, kms, sts, instance, container }
}

/** Canonical order, as AWS authenticates it. */
const contextBytes = (value: unknown): Buffer | null => {
  if (value === undefined) return Buffer.alloc(0)
  if (typeof value !== 'object' || value === null) return null
  const entries = Object.entries(value as Record<string, unknown>)
  if (entries.some(([, text]) => typeof text !== 'string')) return null
  return Buffer.from(JSON.stringify(entries.toSorted(([a], [b]) => (a < b ? -1 : 1))))
}

const ok = (body: unknown): KmsReply => json(200, body, { 'content-type': 'application/x-amz-json-1.1' })
const fault = (type: string, message?: string): KmsReply =>
  json(
    ['KMSInternalException', 'KeyUnavailableException', 'DependencyTimeoutException'].includes(type)
      ? 500
      : 400,
    { __type: type, ...(message === undefined ? {} : { message }) },
    { 'content-type': 'application/x-amz-json-1.1' },
  )
const xml = (status: number, inner: string): KmsReply => ({
  status,
  headers: { 'content-type': 'text/xml' },
  body: `<Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">${inner}</Response>`,
})

const authorizationForm =
  /^AWS4-HMAC-SHA256 Credential=([^/,\s]+)\/(\d{8})\/([a-z0-9-]+)\/kms\/aws4_request, ?SignedHeaders=([^,\s]+), ?Signature=([0-9a-f]{64})$/

const signatureFault = async (
  request: KmsRequest,
  region: string,
  identities: ReadonlyMap<string, AwsIdentity>,
  at: Date,
): Promise<KmsReply | null> => {
  const found = authorizationForm.exec(request.headers['authorization'] ?? '')
  if (!found) return fault('IncompleteSignatureException')
  const [, accessKeyId = '', , scopeRegion, list = ''] = found
  const identity = identities.get(accessKeyId)
  if (identity === undefined || (request.headers['x-amz-security-token'] ?? null) !== identity.sessionToken)
    return fault('UnrecognizedClientException', 'The security token included in the request is invalid.')
  if (identity.until <= at.getTime())
    return fault('ExpiredTokenException', 'The security token included in the request is expired')
  if (scopeRegion !== region)
    return fault('InvalidSignatureException', `Credential should be scoped to a valid region.`)
  const stamp = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(request.headers['x-amz-date'] ?? '')
  if (!stamp) return fault('IncompleteSignatureException')
  const [, year, month, day, hour, minute, second] = stamp.map(Number) as [number, ...number[]]
  const signedAt = new Date(Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second))
  if (Math.abs(signedAt.getTime() - at.getTime()) > 300_000)
    return fault('InvalidSignatureException', 'Signature expired')
  const names = list.split(';')
  // Every header of AWS's must be signed.
  const unsigned = Object.keys(request.headers).find(
    (name) => name.startsWith('x-amz-') && !names.includes(name),
  )
  if (!names.includes('host') || unsigned !== undefined)
    return fault('InvalidSignatureException', 'not signed')
  const expected = await awsSigns(request, names, region, identity, signedAt)
  return expected === request.headers['authorization']?.replaceAll(', ', ',')
    ? null
    : fault('InvalidSignatureException', 'The request signature we calculated does not match.')
}

/** AWS's own signer, of the headers that the caller says it signed. */
const awsSigns = async (
  { url, method, headers, body }: KmsRequest,
  names: readonly string[],
  region: string,
  { accessKeyId, secretAccessKey, sessionToken }: AwsIdentity,
  signedAt: Date,
): Promise<string> => {
  const signer = new SignatureV4({
    service: 'kms',
    region,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken === null ? {} : { sessionToken }) },
    sha256: Sha256,
    applyChecksum: false,
  })
  const sent = Object.fromEntries(
    Object.entries({ ...headers, host: url.host }).filter(
      ([name]) => names.includes(name) && name !== 'x-amz-date' && name !== 'x-amz-security-token',
    ),
  )
  const { headers: signed } = await signer.sign(
    {
      method,
      protocol: url.protocol,
      hostname: url.hostname,
      path: url.pathname,
      query: {},
      headers: sent,
      body,
    },
    { signingDate: signedAt },
  )
  return String(signed['authorization']).replaceAll(', ', ',')
}

class Sha256 {
  private readonly hash
  constructor(secret?: Data) {
    this.hash = secret === undefined ? createHash('sha256') : createHmac('sha256', toBuffer(secret))
  }
  update(data: Data) {
    this.hash.update(toBuffer(data))
  }
  digest() {
    return Promise.resolve(new Uint8Array(this.hash.digest()))
  }
  reset() {}
}
type Data = string | ArrayBuffer | ArrayBufferView
const toBuffer = (data: Data): Buffer => {
  if (typeof data === 'string') return Buffer.from(data)
  return ArrayBuffer.isView(data)
    ? Buffer.from(data.buffer, data.byteOffset, data.byteLength)
    : Buffer.from(data)
}
