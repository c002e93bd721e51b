import { AwsV4Signer } from 'aws4fetch'
import type { Outgoing } from './service.ts'

/**
 * AWS's Signature Version 4. Only the host, the date and the body are signed: what a connection adds to the other
 * headers must not break it. A path is encoded once on the wire (`:` of model names is `%3A`) and a second time in what
 * is signed; the signer does that for every service but S3.
 */
export const signedHeaders = async (parts: {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly region: string
  readonly service: string
  readonly outgoing: Outgoing
}): Promise<Readonly<Record<string, string>>> => {
  const { accessKeyId, secretAccessKey, region, service, outgoing } = parts
  const { headers } = await new AwsV4Signer({
    method: outgoing.method,
    url: outgoing.url.href,
    body: Uint8Array.from(outgoing.body),
    datetime: outgoing.at.toISOString().replace(/[:-]|\.\d{3}/g, ''),
    accessKeyId,
    secretAccessKey,
    region,
    service,
  }).sign()
  return Object.fromEntries(headers)
}
