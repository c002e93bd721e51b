import { SignatureV4 } from '@smithy/signature-v4'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { Sha256 } from '../../tests/aws-sha256.ts'
import { bedrock } from './bedrock.ts'
import { signedHeaders } from './signature.ts'

/** AWS's signer, of what its SDK would send for the same request. */
const awsSigns = async (url: URL, body: Buffer, at: Date, region: string, secretAccessKey: string) => {
  const signer = new SignatureV4({
    service: 'bedrock',
    region,
    credentials: { accessKeyId, secretAccessKey },
    sha256: Sha256,
    applyChecksum: false,
  })
  const { headers } = await signer.sign(
    {
      method: 'POST',
      protocol: 'https:',
      hostname: url.hostname,
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      headers: { host: url.host },
      body,
    },
    { signingDate: at },
  )
  return headers.authorization
}

const accessKeyId = 'AKIAABCDEFGHIJKLMNOP'
const modelName = fc.stringMatching(/^(?:us\.)?[a-z]{2,9}\.[a-z0-9-]{1,40}(?:-v\d)?(?::\d)?$/)
const region = fc.constantFrom('us-east-1', 'eu-central-1', 'ap-southeast-2')

test('a request to Bedrock is signed as AWS’s own signer signs it, colons of model names included', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(modelName, fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme-ascii' })),
      region,
      fc.uint8Array({ maxLength: 300 }),
      fc.stringMatching(/^[A-Za-z0-9+/]{40}$/),
      fc.date({ min: new Date('2020-01-01'), max: new Date('2039-12-31'), noInvalidDate: true }),
      async (model, where, bytes, secretAccessKey, at) => {
        const name = encodeURIComponent(model)
        const url = new URL(`https://bedrock-runtime.${where}.amazonaws.com/model/${name}/converse`)
        // `.` and `..` are resolved away before anything is signed.
        fc.pre(url.pathname.includes('/model/'))
        const body = Buffer.from(bytes)
        const ours = await signedHeaders({
          accessKeyId,
          secretAccessKey,
          region: where,
          service: 'bedrock',
          outgoing: { method: 'POST', url, headers: { accept: '*/*' }, body, at },
        })
        expect(ours.authorization).toBe(await awsSigns(url, body, at, where, secretAccessKey))
        expect(Object.keys(ours).sort()).toEqual(['authorization', 'x-amz-date'])
      },
    ),
    { numRuns: 200 },
  )
})

test('a change of the body, the path, the region or the secret changes the signature', async () => {
  const sign = async (change: { body?: string; path?: string; region?: string; secret?: string }) => {
    const url = new URL(
      `https://bedrock-runtime.us-east-1.amazonaws.com${change.path ?? '/model/a/converse'}`,
    )
    const outgoing = {
      method: 'POST',
      url,
      headers: {},
      body: Buffer.from(change.body ?? '{}'),
      at: new Date(0),
    }
    const settings = { region: change.region ?? 'us-east-1', accessKeyId }
    const credentials = { secret: change.secret ?? 'a'.repeat(40), settings, accessToken: null }
    return (await bedrock.authenticate(credentials, outgoing)).authorization
  }
  const changed = await Promise.all([
    sign({}),
    sign({ body: '{} ' }),
    sign({ path: '/model/b/converse' }),
    sign({ region: 'us-east-2' }),
    sign({ secret: 'b'.repeat(40) }),
  ])
  expect(new Set(changed).size).toBe(changed.length)
  expect(await sign({})).toBe(changed[0])
})

test('without an access key ID the secret is a Bedrock API key', async () => {
  const url = new URL('https://bedrock-runtime.us-east-1.amazonaws.com/model/a/converse')
  const outgoing = { method: 'POST', url, headers: {}, body: Buffer.alloc(0), at: new Date() }
  expect(
    await bedrock.authenticate(
      { secret: 'ABSKabc', settings: { region: 'us-east-1' }, accessToken: null },
      outgoing,
    ),
  ).toEqual({ authorization: 'Bearer ABSKabc' })
})
