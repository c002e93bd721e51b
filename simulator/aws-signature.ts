import { createHash, createHmac, timingSafeEqual } from 'node:crypto'

/** A request as it arrived, and the service whose credentials it must name. */
export interface SignedRequest {
  readonly method: string
  /** Path and query, as sent. */
  readonly target: string
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly body: Buffer
  readonly nowMs: number
  readonly service: 'bedrock' | 'iam'
}

/** The secret access key that signed, or AWS's reason to refuse. */
export type Signed = { readonly secret: string } | { readonly type: string; readonly message: string }

const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()
const sha256 = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex')

/** AWS's URI encoding: everything but unreserved characters. */
const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)

const skewMs = 5 * 60 * 1000

const mismatch = {
  type: 'InvalidSignatureException',
  message:
    'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.',
} as const

const parts =
  /^AWS4-HMAC-SHA256 Credential=([^/,\s]+)\/(\d{8})\/([a-z0-9-]+)\/([a-z0-9-]+)\/aws4_request,\s*SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]{64})$/

/**
 * Signature version 4 in a header. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 * `secretOf` knows the secret of an access key id.
 */
export const checkSignature = (
  request: SignedRequest,
  secretOf: (accessKeyId: string) => string | null,
): Signed => {
  const found = parts.exec(String(request.headers['authorization'] ?? ''))
  if (!found)
    return {
      type: 'IncompleteSignatureException',
      message: 'Authorization header requires Credential, SignedHeaders and Signature.',
    }
  const [, accessKeyId = '', date = '', region = '', service = '', list = '', signature = ''] = found
  const secret = secretOf(accessKeyId)
  if (secret === null)
    return {
      type: 'UnrecognizedClientException',
      message: 'The security token included in the request is invalid.',
    }
  const stamp = String(request.headers['x-amz-date'] ?? '')
  const scopeProblem = checkScope(stamp, date, service, request)
  if (scopeProblem) return scopeProblem
  const names = list.split(';')
  const mustSign = ['host', ...Object.keys(request.headers).filter((name) => name.startsWith('x-amz-'))]
  const left = mustSign.find((name) => !names.includes(name))
  if (left) return { ...mismatch, message: `'${left}' must be a 'SignedHeader' in the AWS Authorization.` }
  const hash = sha256(request.body)
  const declared = request.headers['x-amz-content-sha256']
  if (declared !== undefined && declared !== hash)
    return {
      ...mismatch,
      message: 'The provided x-amz-content-sha256 header does not match what was computed.',
    }
  const canonical = canonicalRequest(request, names, list, hash)
  const scope = `${date}/${region}/${service}/aws4_request`
  const toSign = ['AWS4-HMAC-SHA256', stamp, scope, sha256(canonical)].join('\n')
  const key = hmac(hmac(hmac(hmac(`AWS4${secret}`, date), region), service), 'aws4_request')
  return timingSafeEqual(hmac(key, toSign), Buffer.from(signature, 'hex')) ? { secret } : mismatch
}

const checkScope = (
  stamp: string,
  date: string,
  service: string,
  { nowMs, service: expected }: SignedRequest,
): Signed | null => {
  const at = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(stamp)
  if (!at || !stamp.startsWith(date))
    return {
      type: 'IncompleteSignatureException',
      message: 'Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.',
    }
  const [, year, month, day, hour, minute, second] = at.map(Number)
  const then = Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second)
  if (Math.abs(nowMs - then) > skewMs)
    return {
      type: 'InvalidSignatureException',
      message: `Signature expired: ${stamp} is now earlier than what is allowed (5 min.)`,
    }
  return service === expected
    ? null
    : {
        type: 'InvalidSignatureException',
        message: `Credential should be scoped to correct service: '${expected}'. `,
      }
}

const canonicalRequest = (
  request: SignedRequest,
  names: readonly string[],
  list: string,
  hash: string,
): string => {
  const [path = '/', query = ''] = request.target.split('?', 2)
  // The path as it was sent is encoded once more, for every service but S3.
  const canonicalPath = path.split('/').map(encode).join('/')
  const canonicalQuery = [...new URLSearchParams(query)]
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join('&')
  const headers = names
    .map(
      (name) =>
        `${name}:${String(request.headers[name] ?? '')
          .trim()
          .replace(/\s+/g, ' ')}\n`,
    )
    .join('')
  return [request.method, canonicalPath, canonicalQuery, headers, list, hash].join('\n')
}
