import { demoSecret } from '../simulator/keys.ts'
import {
  type RotationService,
  type RunningStandIns,
  startRotationStandIns,
} from '../simulator/rotation/stand-ins.ts'
import { success } from '../src/kit/fault.ts'
import { makeOutbound, type Outbound } from '../src/net/outbound.ts'
import type { Attempt, DriverContext, RemoteKey, RotationDriver } from '../src/rotation/driver.ts'
import { addressesAt } from '../src/rotation/drivers/addresses.ts'
import { findDriver } from '../src/rotation/drivers/registry.ts'
import type { KeySettings } from '../src/services/service.ts'

/** One driver before the stand-in of its API, with a key in use that a person made. */
export interface Rig {
  readonly driver: RotationDriver
  readonly service: RotationService
  readonly standIns: RunningStandIns
  readonly context: DriverContext
  /** The secret in use. */
  readonly current: string
  readonly currentId: string
  /** Later by so much, for the stand-in and the driver. */
  pass(ms: number): void
  attempt(prepared?: Readonly<Record<string, string>>, current?: RemoteKey | null): Attempt
  close(): Promise<void>
}

interface Setup {
  readonly driver: string
  readonly service: RotationService
  readonly settings?: KeySettings
  readonly credential: (standIns: RunningStandIns) => Readonly<Record<string, string>>
  /** Puts the key in use there; its secret and id. */
  readonly seed: (standIns: RunningStandIns) => { secret: string; id: string; settings?: KeySettings }
}

const adopted =
  (service: RotationService) =>
  (standIns: RunningStandIns): { secret: string; id: string } =>
    standIns.apis[service].adopt(
      service === 'webhook' ? `house_${'0'.repeat(30)}` : demoSecret(service, 'current'),
    )

export const setups: Readonly<Record<string, Setup>> = {
  openai: {
    driver: 'openai',
    service: 'openai',
    credential: ({ apis }) => ({ ...apis.openai.settings }),
    seed: adopted('openai'),
  },
  google: {
    driver: 'google',
    service: 'gemini',
    credential: ({ apis }) => ({
      serviceAccount: apis.gemini.settings.serviceAccount,
      projectId: apis.gemini.settings.project,
    }),
    seed: adopted('gemini'),
  },
  azure: {
    driver: 'azure',
    service: 'azure_openai',
    settings: { resource: 'demo-resource' },
    credential: ({ apis }) => ({ ...apis.azure_openai.settings, account: '' }),
    seed: ({ apis }) => {
      const { secret } = apis.azure_openai.adopt(demoSecret('azure_openai', 'current'))
      apis.azure_openai.slot('Key2')
      return { secret, id: 'Key1' }
    },
  },
  'aws access keys': {
    driver: 'aws',
    service: 'bedrock',
    settings: { region: 'us-east-1' },
    credential: ({ apis }) => ({ ...apis.bedrock.settings }),
    seed: ({ apis }) => {
      const { secret, id } = apis.bedrock.adopt(demoSecret('bedrock', 'current').slice(0, 40))
      return { secret, id, settings: { accessKeyId: id } }
    },
  },
  'aws bedrock keys': {
    driver: 'aws',
    service: 'bedrock',
    settings: { region: 'eu-central-1' },
    credential: ({ apis }) => ({ ...apis.bedrock.settings }),
    seed: ({ apis }) => apis.bedrock.adoptCredential(),
  },
  openrouter: {
    driver: 'openrouter',
    service: 'openrouter',
    credential: ({ apis }) => ({ ...apis.openrouter.settings }),
    seed: adopted('openrouter'),
  },
  xai: {
    driver: 'xai',
    service: 'xai',
    credential: ({ apis }) => ({ ...apis.xai.settings }),
    seed: adopted('xai'),
  },
  elevenlabs: {
    driver: 'elevenlabs',
    service: 'elevenlabs',
    credential: ({ apis }) => ({ ...apis.elevenlabs.settings }),
    seed: adopted('elevenlabs'),
  },
  deepgram: {
    driver: 'deepgram',
    service: 'deepgram',
    credential: ({ apis }) => ({ ...apis.deepgram.settings }),
    seed: adopted('deepgram'),
  },
  fireworks: {
    driver: 'fireworks',
    service: 'fireworks',
    credential: ({ apis }) => ({ ...apis.fireworks.settings }),
    seed: adopted('fireworks'),
  },
  perplexity: {
    driver: 'perplexity',
    service: 'perplexity',
    credential: () => ({}),
    seed: adopted('perplexity'),
  },
  webhook: {
    driver: 'webhook',
    service: 'webhook',
    credential: ({ apis, url }) => ({ url: `${url}/webhook/rotate`, ...apis.webhook.settings }),
    seed: adopted('webhook'),
  },
  anthropic: {
    driver: 'anthropic',
    service: 'anthropic',
    credential: ({ apis }) => ({ ...apis.anthropic.settings }),
    seed: adopted('anthropic'),
  },
}

let attempts = 0

/** `timeoutMs`: of one call, so that a service that never answers costs a test little. */
export const rigFor = async (name: string, timeoutMs = 400): Promise<Rig> => {
  const setup = setups[name] as Setup
  let shift = 0
  const now = () => Date.now() + shift
  const standIns = await startRotationStandIns({ now })
  const outbound: Outbound = makeOutbound()
  // Any port: some tests call one where nobody listens any more.
  outbound.allow(['127.0.0.1'])
  const seeded = setup.seed(standIns)
  const context: DriverContext = {
    key: {
      serviceKeyId: '00000000-0000-7000-8000-000000000001',
      serviceId: setup.service === 'webhook' ? 'custom' : setup.service,
      baseUrl: null,
      settings: { ...setup.settings, ...seeded.settings },
    },
    credential: setup.credential(standIns),
    currentSecret: async () => success(seeded.secret),
    request: (request) => outbound.request({ ...request, timeoutMs, maximumBytes: 2 * 1024 * 1024 }),
    addressOf: addressesAt(standIns.url),
    now: () => new Date(now()),
  }
  return {
    driver: findDriver(setup.driver) as RotationDriver,
    service: setup.service,
    standIns,
    context,
    current: seeded.secret,
    currentId: seeded.id,
    pass: (ms) => {
      shift += ms
    },
    attempt: (prepared = {}, current = null) => {
      attempts += 1
      return {
        name: `aideon-${String(attempts).padStart(32, '0')}-1`,
        prepared,
        current,
        intendedAt: new Date(now()),
      }
    },
    close: async () => {
      await outbound.close()
      await standIns.close()
    },
  }
}
