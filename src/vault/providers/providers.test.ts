import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { listen } from '../../../tests/kms/exchange.ts'
import {
  awsArn,
  awsStand,
  azureStand,
  gcpName,
  gcpStand,
  makeClock,
  makeProvider,
  transitStand,
} from '../../../tests/kms/stands.ts'
import { makeTransit } from '../../../tests/kms/transit.ts'
import { must, type Outcome } from '../../kit/fault.ts'
import { makeOutbound } from '../../net/outbound.ts'
import { parseProvider, providerAllowances } from './parse-provider.ts'

const key = randomBytes(32)
const context = 'context'
const codeOf = (outcome: Outcome<unknown>) => (outcome.ok ? 'ok' : outcome.fault.code)
const nextOf = (outcome: Outcome<unknown>) => (outcome.ok ? '' : outcome.fault.next)
const messageOf = (outcome: Outcome<unknown>) => (outcome.ok ? '' : outcome.fault.message)

describe('transit', () => {
  test('one login serves many calls, is renewed before it ends, and made anew when it cannot be', async () => {
    const { provider, transit, clock, wire } = transitStand()
    const asked = (path: string) => wire.requests.filter(({ url }) => url.pathname.endsWith(path)).length
    const wrapped = must(await provider.wrap(key, context))
    await provider.unwrap(wrapped, context)
    expect([transit.state.logins, asked('/renew-self')]).toEqual([1, 0])
    for (let hour = 1; hour <= transit.state.maximumRenewals; hour++) {
      clock.pass(2500)
      expect(must(await provider.unwrap(wrapped, context))).toEqual(key)
    }
    expect([transit.state.logins, asked('/renew-self')]).toEqual([1, transit.state.maximumRenewals])
    clock.pass(2500)
    expect(must(await provider.unwrap(wrapped, context))).toEqual(key)
    expect(transit.state.logins).toBe(2)
  })

  test('a token that was revoked meanwhile is replaced once; one that is refused when new is not', async () => {
    const { provider, transit } = transitStand()
    const wrapped = must(await provider.wrap(key, context))
    transit.state.tokens.clear()
    expect(must(await provider.unwrap(wrapped, context))).toEqual(key)
    expect(transit.state.logins).toBe(2)
    transit.state.denied = true
    expect(codeOf(await provider.unwrap(wrapped, context))).toBe('master_key_refused')
    expect(transit.state.logins).toBe(3)
  })

  test('its own token is ended when it closes, one that was given is not', async () => {
    const { provider, transit, make } = transitStand()
    await provider.wrap(key, context)
    await provider.close?.()
    expect(transit.state.tokens.size).toBe(0)
    const given = make('a', { VAULT_TOKEN: transit.issue() })
    await given.wrap(key, context)
    await given.close?.()
    expect(transit.state.tokens.size).toBe(1)
  })

  test('versions of the key open what they wrapped until the key forbids it', async () => {
    const { provider, transit } = transitStand()
    const first = must(await provider.wrap(key, context))
    const state = transit.state.keys.get('a') as NonNullable<ReturnType<typeof transit.state.keys.get>>
    state.versions.push(randomBytes(32))
    const second = must(await provider.wrap(key, context))
    expect([first, second].map((blob) => blob.subarray(0, 9).toString())).toEqual(['vault:v1:', 'vault:v2:'])
    expect(must(await provider.unwrap(first, context))).toEqual(key)
    state.minimumDecryptionVersion = 2
    const tooOld = await provider.unwrap(first, context)
    expect([codeOf(tooOld), nextOf(tooOld)]).toEqual([
      'master_key_disabled',
      expect.stringContaining('min_decryption_version'),
    ])
    state.versions.pop()
    expect(codeOf(await provider.unwrap(second, context))).toBe('master_key_disabled')
  })

  test('sealed, standby, without a leader, another namespace and another mount are told apart', async () => {
    const { provider, transit, wire, make } = transitStand()
    transit.state.sealed = true
    const sealed = await provider.wrap(key, context)
    transit.state.sealed = false
    transit.state.standby = 'https://active.example:8200'
    const standby = await make('a', { VAULT_TOKEN: transit.issue() }).wrap(key, context)
    transit.state.standby = null
    wire.interfere = () => ({
      status: 500,
      body: '{"errors":["local node not active but active cluster node not found"]}',
    })
    const leaderless = await make('a', { VAULT_TOKEN: transit.issue() }).wrap(key, context)
    wire.interfere = null
    transit.state.namespace = 'team'
    const namespaced = await make('a', { VAULT_TOKEN: transit.issue() }).wrap(key, context)
    expect([sealed, standby, leaderless, namespaced].map(codeOf)).toEqual([
      'master_key_unreachable',
      'master_key_unreachable',
      'master_key_unreachable',
      'master_key_misconfigured',
    ])
    expect([sealed, standby, leaderless].map(nextOf)).toEqual([
      expect.stringContaining('Unseal'),
      expect.stringContaining('active node'),
      expect.stringContaining('quorum'),
    ])
    // A token that followed a redirect would go to whoever answers there.
    expect(wire.requests.some(({ url }) => url.host.startsWith('active'))).toBe(false)
    const reference = 'transit:https://vault.example:8200/v1/transit/keys/a?namespace=team'
    const environment = { VAULT_TOKEN: transit.issue() }
    expect(codeOf(await makeProvider(reference, wire, environment, makeClock().now).wrap(key, context))).toBe(
      'ok',
    )
  })

  test('derived keys work, keys without a context are refused, and a server that ignores it gains nothing', async () => {
    const { transit, make } = transitStand()
    transit.addKey('derived', { derived: true })
    transit.addKey('rsa', { type: 'rsa-2048' })
    const derived = make('derived')
    const wrapped = must(await derived.wrap(key, context))
    expect(must(await derived.unwrap(wrapped, context))).toEqual(key)
    expect(codeOf(await derived.unwrap(wrapped, 'other'))).toBe('master_key_mismatch')
    const rsa = await make('rsa').wrap(key, context)
    expect([codeOf(rsa), nextOf(rsa)]).toEqual([
      'master_key_misconfigured',
      expect.stringContaining('aes256-gcm96'),
    ])
    transit.state.ignoresAssociatedData = true
    const old = must(await make('a').wrap(key, context))
    expect(codeOf(await make('a').unwrap(old, 'other'))).toBe('master_key_mismatch')
  })

  test('wrong AppRole credentials and none at all say what to set', async () => {
    const { make } = transitStand()
    const wrong = await make('a', { VAULT_ROLE_ID: 'role-1', VAULT_SECRET_ID: 'wrong-secret-id' }).wrap(
      key,
      context,
    )
    expect([codeOf(wrong), nextOf(wrong)]).toEqual([
      'master_key_refused',
      expect.stringContaining('VAULT_SECRET_ID'),
    ])
    expect(JSON.stringify(wrong)).not.toContain('wrong-secret-id')
    const none = await make('a', {}).wrap(key, context)
    expect([codeOf(none), nextOf(none)]).toEqual([
      'master_key_misconfigured',
      expect.stringContaining('VAULT_TOKEN'),
    ])
  })

  test('over a real socket: a private address only where the operator lists it, and a dead one is told', async () => {
    const { now } = makeClock()
    const transit = makeTransit(now)
    transit.addKey('a')
    const { origin, close } = await listen(transit.host)
    const outbound = makeOutbound()
    const provider = must(
      parseProvider(`transit:${origin}/v1/transit/keys/a`, {
        environment: { VAULT_TOKEN: transit.issue() },
        transport: outbound,
        clock: now,
      }),
    )
    outbound.allow(providerAllowances([]))
    const unlisted = await provider.wrap(key, context)
    expect([codeOf(unlisted), nextOf(unlisted)]).toEqual([
      'master_key_misconfigured',
      expect.stringContaining('AIDEON_MASTER_KEY_ADDRESSES'),
    ])
    outbound.allow(providerAllowances([origin.slice('http://'.length)]))
    const wrapped = must(await provider.wrap(key, context))
    expect(must(await provider.unwrap(wrapped, context))).toEqual(key)
    await close()
    expect(codeOf(await provider.unwrap(wrapped, context))).toBe('master_key_unreachable')
    await outbound.close()
  })
})

describe('aws-kms', () => {
  test('the request is signed as AWS’s own signer signs it, for the key’s region, with its context', async () => {
    const { provider, wire } = awsStand()
    must(await provider.wrap(key, context))
    const [request] = wire.requests
    expect(request?.headers['authorization']).toContain('/eu-central-1/kms/aws4_request')
    expect(JSON.parse(request?.body ?? '')).toMatchObject({
      KeyId: awsArn('a'),
      EncryptionContext: { 'aideon-keys': context },
    })
  })

  test('a wrong secret and a wrong clock are told; neither is shown', async () => {
    const { aws, make, clock } = awsStand()
    const { accessKeyId, secretAccessKey } = aws.identity(false)
    const wrong = await make('a', {
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: 'x'.repeat(40),
    }).wrap(key, context)
    expect([codeOf(wrong), nextOf(wrong)]).toEqual(['master_key_refused', expect.stringContaining('clock')])
    const early = awsStand()
    early.aws.state.identities.set(accessKeyId, aws.state.identities.get(accessKeyId) as never)
    clock.pass(600)
    const behind = makeProvider(
      `aws-kms:${awsArn('a')}`,
      early.wire,
      { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey },
      clock.now,
    )
    expect(codeOf(await behind.wrap(key, context))).toBe('master_key_refused')
  })

  test('an alias, and a key that is pending deletion', async () => {
    const { aws, make, wire, clock } = awsStand()
    const alias = 'arn:aws:kms:eu-central-1:123456789012:alias/aideon'
    aws.state.aliases.set(alias, awsArn('a'))
    const { accessKeyId, secretAccessKey } = aws.identity(false)
    const environment = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey }
    const byAlias = makeProvider(`aws-kms:${alias}`, wire, environment, clock.now)
    const wrapped = must(await byAlias.wrap(key, context))
    expect(must(await make('a').unwrap(wrapped, context))).toEqual(key)
    const state = aws.state.keys.get(awsArn('a'))
    if (state) state.state = 'PendingDeletion'
    const pending = await byAlias.unwrap(wrapped, context)
    expect([codeOf(pending), nextOf(pending)]).toEqual([
      'master_key_disabled',
      expect.stringContaining('deletion'),
    ])
  })

  test.each([
    ['the instance (IMDSv2)', {}],
    ['a task of ECS', { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/v2/credentials/task' }],
    [
      'a pod of EKS',
      {
        AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://169.254.170.23/v1/credentials',
        AWS_CONTAINER_AUTHORIZATION_TOKEN: 'pod-token',
      },
    ],
    ['a web identity', { AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/aideon', web: 'yes' }],
  ])('credentials of %s are used until shortly before they expire', async (_, given) => {
    const { aws, make, clock } = awsStand()
    const { directory, close } = gcpStand()
    afterAll(close)
    aws.state.instanceRole = 'aideon-role'
    aws.state.webIdentityToken = 'eyJweb.identity.token'
    const path = join(directory, 'token')
    writeFileSync(path, `${aws.state.webIdentityToken}\n`)
    const environment: Record<string, string> = { ...given }
    if ('web' in given) environment['AWS_WEB_IDENTITY_TOKEN_FILE'] = path
    const provider = make('a', environment)
    const before = aws.state.issued
    const wrapped = must(await provider.wrap(key, context))
    clock.pass(1200)
    must(await provider.unwrap(wrapped, context))
    expect(aws.state.issued - before).toBe(1)
    clock.pass(2000)
    must(await provider.unwrap(wrapped, context))
    expect(aws.state.issued - before).toBe(2)
    // Revoked before their time.
    aws.state.identities.clear()
    must(await provider.unwrap(wrapped, context))
    expect(aws.state.issued - before).toBe(3)
  })

  test('the token for a container’s credentials goes over plain http to AWS’s own addresses only', async () => {
    const { make, wire } = awsStand()
    const outcome = await make('a', {
      AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://elsewhere.example/credentials',
      AWS_CONTAINER_AUTHORIZATION_TOKEN: 'pod-token',
    }).wrap(key, context)
    expect(codeOf(outcome)).toBe('master_key_misconfigured')
    expect(wire.requests).toEqual([])
  })
})

describe('gcp-kms', () => {
  test.each([
    ['request', 'wrap'],
    ['ciphertext', 'wrap'],
    ['request', 'unwrap'],
    ['plaintext', 'unwrap'],
  ] as const)('a bit that flips in the %s of %s is noticed', async (damages, operation) => {
    const { provider, gcp } = gcpStand()
    const wrapped = must(await provider.wrap(key, context))
    gcp.state.damages = damages
    const outcome =
      operation === 'wrap' ? await provider.wrap(key, context) : await provider.unwrap(wrapped, context)
    expect([codeOf(outcome), messageOf(outcome)]).toEqual([
      'master_key_unreachable',
      expect.stringContaining('CRC32C'),
    ])
  })

  test('an answer that does not say that the checksum was looked at is not believed', async () => {
    const { provider, wire, gcp } = gcpStand()
    must(await provider.wrap(key, context))
    wire.interfere = (request) => {
      if (!request.url.pathname.endsWith(':encrypt')) return null
      const { plaintextCrc32c: _, ...rest } = JSON.parse(request.body) as Record<string, unknown>
      return gcp.kms({ ...request, body: JSON.stringify(rest) }) as never
    }
    expect(codeOf(await provider.wrap(key, context))).toBe('master_key_unreachable')
  })

  test('older versions of the key open what they wrapped until they are destroyed', async () => {
    const { provider, key: state } = gcpStand()
    const first = must(await provider.wrap(key, context))
    state?.versions.push({ material: randomBytes(32), state: 'ENABLED' })
    expect(must(await provider.unwrap(must(await provider.wrap(key, context)), context))).toEqual(key)
    expect(must(await provider.unwrap(first, context))).toEqual(key)
    if (state?.versions[0]) state.versions[0].state = 'DESTROYED'
    expect(codeOf(await provider.unwrap(first, context))).toBe('master_key_disabled')
  })

  test('the token is fetched once an hour, again when it was revoked, and from the metadata server on Google Cloud', async () => {
    const { provider, gcp, clock, make, wire } = gcpStand()
    const wrapped = must(await provider.wrap(key, context))
    clock.pass(1800)
    must(await provider.unwrap(wrapped, context))
    expect(gcp.state.issued).toBe(1)
    gcp.state.tokens.clear()
    must(await provider.unwrap(wrapped, context))
    expect(gcp.state.issued).toBe(2)
    clock.pass(3000)
    must(await provider.unwrap(wrapped, context))
    expect(gcp.state.issued).toBe(3)
    const onGoogle = make('a', {})
    expect(must(await onGoogle.unwrap(wrapped, context))).toEqual(key)
    wire.interfere = ({ url }) =>
      url.host === 'metadata.google.internal' ? { status: 200, body: '{}' } : null
    const elsewhere = await make('a', {}).unwrap(wrapped, context)
    expect([codeOf(elsewhere), nextOf(elsewhere)]).toEqual([
      'master_key_misconfigured',
      expect.stringContaining('GOOGLE_APPLICATION_CREDENTIALS'),
    ])
  })

  test('a disabled service account and a file that is none are told', async () => {
    const { gcp, make, directory } = gcpStand()
    gcp.state.accountDisabled = true
    expect(codeOf(await make('a').wrap(key, context))).toBe('master_key_refused')
    const path = join(directory, 'other.json')
    writeFileSync(path, '{"type":"authorized_user"}')
    const other = await make('a', { GOOGLE_APPLICATION_CREDENTIALS: path }).wrap(key, context)
    expect(codeOf(other)).toBe('master_key_misconfigured')
    expect(codeOf(await make('missing').wrap(key, context))).toBe('master_key_refused')
    expect(gcpName('missing')).toContain('missing')
  })
})

describe('azure-key-vault', () => {
  test.each(['rsa', 'aes'] as const)(
    'a newer version (%s) wraps, and older ones open what is theirs',
    async (kind) => {
      const { provider, azure } = azureStand(kind)
      const first = must(await provider.wrap(key, context))
      const { id } = azure.addKey('a', kind)
      const second = must(await provider.wrap(key, context))
      expect(second.toString()).toContain(id)
      expect(must(await provider.unwrap(first, context))).toEqual(key)
      expect(must(await provider.unwrap(second, context))).toEqual(key)
    },
  )

  test('a version in the reference is the one that wraps', async () => {
    const { azure, wire, clock, host } = azureStand('rsa')
    const [version] = azure.state.keys.get('a') ?? []
    azure.addKey('a', 'rsa')
    const environment = {
      AZURE_TENANT_ID: azure.state.tenant,
      AZURE_CLIENT_ID: azure.state.clientId,
      AZURE_CLIENT_SECRET: azure.state.clientSecret,
    }
    const reference = `azure-key-vault:https://${host}/keys/a/${version?.id}`
    const wrapped = must(await makeProvider(reference, wire, environment, clock.now).wrap(key, context))
    expect(wrapped.toString()).toContain(version?.id)
  })

  test('a client secret, a federated token and a managed identity each give a token, fetched once', async () => {
    const { azure, make } = azureStand('rsa')
    const { directory, close } = gcpStand()
    afterAll(close)
    azure.state.federatedToken = 'eyJfederated.token.value'
    const path = join(directory, 'federated')
    writeFileSync(path, azure.state.federatedToken)
    const application = { AZURE_TENANT_ID: azure.state.tenant, AZURE_CLIENT_ID: azure.state.clientId }
    for (const environment of [
      { ...application, AZURE_CLIENT_SECRET: azure.state.clientSecret },
      { ...application, AZURE_FEDERATED_TOKEN_FILE: path },
      {},
    ]) {
      const before = azure.state.issued
      const provider = make('a', environment)
      expect(must(await provider.unwrap(must(await provider.wrap(key, context)), context))).toEqual(key)
      expect(azure.state.issued - before).toBe(1)
      azure.state.tokens.clear()
      must(await provider.wrap(key, context))
      expect(azure.state.issued - before).toBe(2)
    }
    const wrong = await make('a', { ...application, AZURE_CLIENT_SECRET: 'old8Q~secret-that-ran-out' }).wrap(
      key,
      context,
    )
    expect(codeOf(wrong)).toBe('master_key_refused')
    expect(JSON.stringify(wrong)).not.toContain('ran-out')
  })
})
