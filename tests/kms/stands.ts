import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { must } from '../../src/kit/fault.ts'
import type { MasterKeyProvider } from '../../src/vault/provider.ts'
import { makePassphraseProvider } from '../../src/vault/providers/passphrase.ts'
import { parseProvider } from '../../src/vault/providers/parse-provider.ts'
import { makeAws } from './aws.ts'
import { makeAzure } from './azure.ts'
import { json, type KmsReply, makeWire, type Wire } from './exchange.ts'
import { makeGcp } from './gcp.ts'
import { makeTransit } from './transit.ts'

/** One kind of provider beside its service, as a test needs them. */
export interface Stand {
  readonly provider: MasterKeyProvider
  /** Another of the same kind with another master key. */
  readonly other: MasterKeyProvider
  /** Null: nothing is asked over a network. */
  readonly wire: Wire | null
  /** The request that does the work, apart from those for credentials. */
  isWork(request: { url: URL }): boolean
  /** Null: there is no such state. */
  readonly disable: ((on: boolean) => void) | null
  readonly deny: ((on: boolean) => void) | null
  readonly throttle: KmsReply | null
  /** None of these may ever be seen. */
  readonly secrets: () => readonly string[]
  close(): void
}

export const makeClock = (start = '2026-11-23T12:00:00Z') => {
  let at = new Date(start).getTime()
  return {
    now: () => new Date(at),
    pass(seconds: number) {
      at += seconds * 1000
    },
  }
}

const parts = (wire: Wire | null, environment: Record<string, string>, now: () => Date) => ({
  environment,
  transport: wire?.transport ?? { request: () => Promise.reject(new Error('nothing is asked here')) },
  clock: now,
  pauseMs: 0,
})

export const makeProvider = (
  reference: string,
  wire: Wire | null,
  environment: Record<string, string>,
  now: () => Date,
): MasterKeyProvider => must(parseProvider(reference, parts(wire, environment, now)))

const local = { wire: null, isWork: () => false, disable: null, deny: null, throttle: null }
const { now } = makeClock()

const fileStand = (): Stand => {
  const directory = mkdtempSync(join(tmpdir(), 'aideon-kms-'))
  const keys = [randomBytes(32), randomBytes(32)].map((key) => key.toString('base64'))
  const write = (name: string, text: string) => {
    writeFileSync(join(directory, name), text)
    return `file:${join(directory, name)}`
  }
  return {
    ...local,
    provider: makeProvider(write('a.key', `${keys[0]}\n`), null, {}, now),
    other: makeProvider(write('b.key', `${keys[1]}\n`), null, {}, now),
    secrets: () => keys,
    close: () => rmSync(directory, { recursive: true }),
  }
}

const environmentStand = (): Stand => {
  const keys = { KEY_A: randomBytes(32).toString('hex'), KEY_B: randomBytes(32).toString('base64url') }
  return {
    ...local,
    provider: makeProvider('env:KEY_A', null, keys, now),
    other: makeProvider('env:KEY_B', null, keys, now),
    secrets: () => Object.values(keys),
    close: () => {},
  }
}

const passphraseStand = (): Stand => {
  const environment = { A: 'correct horse battery staple', B: 'another quite long passphrase' }
  // The cost of a guess is not what is tested.
  const cost = { memoryKiB: 64, passes: 1, parallelism: 1 }
  const make = (name: string) => makePassphraseProvider({ source: { kind: 'env', name }, environment, cost })
  return {
    ...local,
    provider: make('A'),
    other: make('B'),
    secrets: () => Object.values(environment),
    close: () => {},
  }
}

export const transitStand = () => {
  const clock = makeClock()
  const transit = makeTransit(clock.now)
  const keys = ['a', 'b'].map((name) => transit.addKey(name))
  const environment = { VAULT_ROLE_ID: 'role-1', VAULT_SECRET_ID: 'secret-id-1234567890' }
  transit.state.approles.set(environment.VAULT_ROLE_ID, environment.VAULT_SECRET_ID)
  const wire = makeWire({ 'vault.example:8200': transit.host })
  const make = (name: string, more: Record<string, string> = environment) =>
    makeProvider(`transit:https://vault.example:8200/v1/transit/keys/${name}`, wire, more, clock.now)
  return {
    provider: make('a'),
    other: make('b'),
    wire,
    isWork: ({ url }) => url.pathname.includes('/transit/'),
    disable: (on) => {
      if (on) transit.state.keys.delete('a')
      else transit.state.keys.set('a', keys[0] as (typeof keys)[number])
    },
    deny: (on) => {
      transit.state.denied = on
    },
    throttle: json(429, { errors: ['request path "transit/encrypt/a": rate limit quota exceeded'] }),
    secrets: () => [environment.VAULT_SECRET_ID, ...transit.state.tokens.keys()],
    close: () => {},
    clock,
    transit,
    make,
  } satisfies Stand & Record<string, unknown>
}

const region = 'eu-central-1'
export const awsArn = (id: string) => `arn:aws:kms:${region}:123456789012:key/${id}`

export const awsStand = () => {
  const clock = makeClock()
  const aws = makeAws(clock.now, region)
  for (const id of ['a', 'b']) aws.state.keys.set(awsArn(id), { material: randomBytes(32), state: 'Enabled' })
  const identity = aws.identity(false)
  const environment = {
    AWS_ACCESS_KEY_ID: identity.accessKeyId,
    AWS_SECRET_ACCESS_KEY: identity.secretAccessKey,
  }
  const wire = makeWire({
    [`kms.${region}.amazonaws.com`]: aws.kms,
    [`sts.${region}.amazonaws.com`]: aws.sts,
    '169.254.169.254': aws.instance,
    '169.254.170.2': aws.container,
    '169.254.170.23': aws.container,
  })
  const make = (id: string, more: Record<string, string> = environment) =>
    makeProvider(`aws-kms:${awsArn(id)}`, wire, more, clock.now)
  return {
    provider: make('a'),
    other: make('b'),
    wire,
    isWork: ({ url }) => url.host.startsWith('kms.'),
    disable: (on) => {
      const key = aws.state.keys.get(awsArn('a'))
      if (key) key.state = on ? 'Disabled' : 'Enabled'
    },
    deny: (on) => {
      aws.state.denied = on
    },
    throttle: json(400, { __type: 'ThrottlingException', message: 'Rate exceeded' }),
    secrets: () =>
      [...aws.state.identities.values()].flatMap(({ secretAccessKey, sessionToken }) =>
        sessionToken === null ? [secretAccessKey] : [secretAccessKey, sessionToken],
      ),
    close: () => {},
    clock,
    aws,
    make,
  } satisfies Stand & Record<string, unknown>
}

export const gcpName = (id: string) => `projects/project-1/locations/global/keyRings/ring/cryptoKeys/${id}`

export const gcpStand = () => {
  const clock = makeClock()
  const gcp = makeGcp(clock.now)
  const [key] = ['a', 'b'].map((id) => gcp.addKey(gcpName(id)))
  const directory = mkdtempSync(join(tmpdir(), 'aideon-kms-'))
  const environment = { GOOGLE_APPLICATION_CREDENTIALS: join(directory, 'account.json') }
  writeFileSync(environment.GOOGLE_APPLICATION_CREDENTIALS, gcp.serviceAccount)
  const wire = makeWire({
    'cloudkms.googleapis.com': gcp.kms,
    'oauth2.googleapis.com': gcp.oauth,
    'metadata.google.internal': gcp.metadata,
  })
  const make = (id: string, more: Record<string, string> = environment) =>
    makeProvider(`gcp-kms:${gcpName(id)}`, wire, more, clock.now)
  return {
    provider: make('a'),
    other: make('b'),
    wire,
    isWork: ({ url }) => url.host.startsWith('cloudkms.'),
    disable: (on) => {
      for (const version of key?.versions ?? []) version.state = on ? 'DISABLED' : 'ENABLED'
    },
    deny: (on) => {
      gcp.state.denied = on
    },
    throttle: json(429, { error: { code: 429, message: 'Quota exceeded', status: 'RESOURCE_EXHAUSTED' } }),
    secrets: () => [...gcp.state.tokens.keys(), gcp.serviceAccount.slice(200, 260)],
    close: () => rmSync(directory, { recursive: true }),
    clock,
    gcp,
    key,
    make,
    directory,
  } satisfies Stand & Record<string, unknown>
}

export const azureStand = (kind: 'rsa' | 'aes') => {
  const clock = makeClock()
  const domain = kind === 'rsa' ? 'vault.azure.net' : 'managedhsm.azure.net'
  const host = `example.${domain}`
  const azure = makeAzure(clock.now, host, `https://${domain}`)
  const [key] = ['a', 'b'].map((name) => azure.addKey(name, kind))
  const environment = {
    AZURE_TENANT_ID: azure.state.tenant,
    AZURE_CLIENT_ID: azure.state.clientId,
    AZURE_CLIENT_SECRET: azure.state.clientSecret,
  }
  const wire = makeWire({
    [host]: azure.vault,
    'login.microsoftonline.com': azure.entra,
    '169.254.169.254': azure.metadata,
  })
  const make = (name: string, more: Record<string, string> = environment) =>
    makeProvider(`azure-key-vault:https://${host}/keys/${name}`, wire, more, clock.now)
  return {
    provider: make('a'),
    other: make('b'),
    wire,
    isWork: ({ url }) => url.host === host && /(?:key|crypt)$/.test(url.pathname),
    disable: (on) => {
      if (key) key.enabled = !on
    },
    deny: (on) => {
      azure.state.denied = on
    },
    throttle: json(429, { error: { code: 'Throttled', message: 'Request was not processed' } }),
    secrets: () => [azure.state.clientSecret, ...azure.state.tokens.keys()],
    close: () => {},
    clock,
    azure,
    make,
    host,
  } satisfies Stand & Record<string, unknown>
}

export const stands: readonly (readonly [string, () => Stand])[] = [
  ['file', fileStand],
  ['env', environmentStand],
  ['passphrase', passphraseStand],
  ['transit', transitStand],
  ['aws-kms', awsStand],
  ['gcp-kms', gcpStand],
  ['azure-key-vault with RSA', () => azureStand('rsa')],
  ['azure-key-vault with AES', () => azureStand('aes')],
]
