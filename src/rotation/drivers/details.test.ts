import { SignatureV4 } from '@smithy/signature-v4'
import { afterEach, describe, expect, test } from 'vitest'
import { Sha256 } from '../../../tests/aws-sha256.ts'
import { type Rig, rigFor } from '../../../tests/rotation-drivers.ts'
import { failure, success } from '../../kit/fault.ts'
import { services } from '../../services/registry.ts'
import type { DriverReply, RemoteKey } from '../driver.ts'
import { matchesHint } from './names.ts'
import { driversFor, rotationDrivers } from './registry.ts'

/** What is one API's own, and not told by the table that holds for all. */
let rig: Rig | null = null
afterEach(async () => {
  await rig?.close()
  rig = null
})
const open = async (name: string): Promise<Rig> => {
  rig = await rigFor(name)
  return rig
}
const value = <T>(reply: DriverReply<T>): T => {
  if (reply.kind !== 'done') throw new Error(JSON.stringify(reply))
  return reply.value
}
const notStored = async () => failure('not_found')

describe('OpenAI', () => {
  test.each(['deletes', 'refuses'] as const)(
    'where the deletion of one key of a service account %s, key and account end, and no other',
    async (keyDeletion) => {
      const { driver, context, standIns, attempt, current } = await open('openai')
      standIns.apis.openai.settings.keyDeletion = keyDeletion
      const first = value(await driver.create!(context, attempt()))
      const second = value(await driver.create!(context, attempt()))
      value(await driver.revoke!(context, first.remote, notStored))
      expect(standIns.secrets.look('openai', first.secret)).toBe('revoked')
      expect(standIns.secrets.look('openai', second.secret)).toBe('valid')
      expect(standIns.secrets.look('openai', current)).toBe('valid')
      expect(standIns.apis.openai.accounts()).toHaveLength(1)
    },
  )

  test('a service account that a rotation did not make is never deleted, also when a record says so', async () => {
    const { driver, context, standIns } = await open('openai')
    standIns.apis.openai.settings.keyDeletion = 'refuses'
    const made = value(await driver.create!(context, { ...rig!.attempt(), name: 'production-backend' }))
    const reply = await driver.revoke!(context, made.remote, notStored)
    expect(reply).toMatchObject({ kind: 'refused', reason: 'invalid' })
    expect(standIns.secrets.look('openai', made.secret)).toBe('valid')
    expect(standIns.apis.openai.accounts()).toHaveLength(1)
  })

  test('a key that a rotation made is known again with its account; two that look alike are nobody’s', async () => {
    const { driver, context, standIns, attempt } = await open('openai')
    const made = value(await driver.create!(context, attempt()))
    const asCurrent = { ...context, currentSecret: async () => success(made.secret) }
    expect(value(await driver.identify!(asCurrent))).toEqual(made.remote)
    standIns.apis.openai.adopt(`${made.secret.slice(0, 20)}${'x'.repeat(30)}${made.secret.slice(-4)}`)
    expect(value(await driver.identify!(asCurrent))).toBeNull()
  })

  test('days until expiry are sent as seconds, and only where they are entered', async () => {
    const { driver, context, standIns, attempt } = await open('openai')
    const limited = { ...context, credential: { ...context.credential, expiryDays: '30' } }
    value(await driver.create!(limited, attempt()))
    value(await driver.create!(context, attempt()))
    const bodies = standIns
      .calls()
      .filter(({ verb }) => verb === 'create')
      .map(({ body }) => JSON.parse(body))
    expect(bodies.map((body) => body.expires_in_seconds)).toEqual([2_592_000, undefined])
  })
})

describe('Azure', () => {
  test('the key in use is never made anew, whatever was prepared', async () => {
    const { driver, context, standIns, current } = await open('azure')
    const prepared = value(await driver.prepare!(context, null))
    expect(prepared['slot']).toBe('Key2')
    // Somebody has put the key in use into the other slot meanwhile.
    const other = standIns.apis.azure_openai.slot('Key2')
    standIns.apis.azure_openai.place('Key1', `${'9'.repeat(31)}a`)
    standIns.apis.azure_openai.place('Key2', current)
    const reply = await driver.create!(context, rig!.attempt(prepared))
    expect(reply).toMatchObject({ kind: 'refused', reason: 'invalid' })
    expect(standIns.apis.azure_openai.slot('Key2')).toBe(current)
    expect(other).not.toBe(current)
  })

  test('a key that is neither Key 1 nor Key 2 is not rotated', async () => {
    const { driver, context } = await open('azure')
    const stranger = { ...context, currentSecret: async () => success('0123456789abcdef0123456789abcdef') }
    expect(await driver.prepare!(stranger, null)).toMatchObject({ kind: 'refused', reason: 'invalid' })
    expect(value(await driver.identify!(stranger))).toBeNull()
    const findings = value(await driver.check(stranger))
    expect(findings.find(({ what }) => what === 'Key in use')).toMatchObject({ ok: false })
  })

  test('a slot that somebody made anew since is left alone, and counts as ended', async () => {
    const { driver, context, standIns, current } = await open('azure')
    standIns.apis.azure_openai.place('Key1', `${'8'.repeat(31)}b`)
    value(await driver.revoke!(context, { id: 'Key1' }, async () => success(current)))
    expect(standIns.apis.azure_openai.slot('Key1')).toBe(`${'8'.repeat(31)}b`)
    expect(await driver.revoke!(context, { id: 'Key1' }, notStored)).toMatchObject({ kind: 'refused' })
  })

  test('two attempts at one account have the same scope, whatever the case of its name', async () => {
    const { driver, context } = await open('azure')
    const shouted = { ...context, credential: { ...context.credential, account: 'DEMO-RESOURCE' } }
    expect(driver.scopeOf(shouted)).toBe(driver.scopeOf(context))
  })
})

describe('AWS', () => {
  test('signs as AWS’s own signer does', async () => {
    const { driver, context, standIns } = await open('aws access keys')
    value(await driver.prepare!(context, null))
    const [call] = standIns.calls()
    const { headers = {}, body = '', target = '' } = call ?? {}
    const { accessKeyId = '', secretAccessKey = '' } = context.credential
    const signer = new SignatureV4({
      credentials: { accessKeyId, secretAccessKey },
      region: 'us-east-1',
      service: 'iam',
      sha256: Sha256,
      applyChecksum: false,
    })
    const stamp = headers['x-amz-date'] ?? ''
    const at = new Date(stamp.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'))
    const { host = '', 'x-amz-content-sha256': hash } = headers
    const signed = await signer.sign(
      {
        method: 'POST',
        protocol: 'http:',
        hostname: host.split(':')[0] ?? '',
        path: target,
        headers: {
          host,
          'x-amz-date': stamp,
          ...(hash === undefined ? {} : { 'x-amz-content-sha256': hash }),
        },
        body,
      },
      { signingDate: at },
    )
    expect(headers['authorization']).toBe(signed.headers['authorization'])
  })

  test('two keys are one too many, and none is given up', async () => {
    const { driver, context, standIns } = await open('aws access keys')
    standIns.apis.bedrock.adopt('demo-not-a-real-secret-of-somebody-else0')
    const reply = await driver.prepare!(context, null)
    expect(reply).toMatchObject({ kind: 'refused', reason: 'cap' })
    expect(standIns.secrets.alive('bedrock')).toHaveLength(2)
  })

  test('a new key that somebody has used, or one of two, is not surely ours', async () => {
    const { driver, context, standIns } = await open('aws access keys')
    const attempt = rig!.attempt(value(await driver.prepare!(context, null)))
    const { secret } = standIns.apis.bedrock.adopt('demo-not-a-real-secret-made-by-a-person0')
    expect(value(await driver.find!(context, attempt))).toMatchObject([{ certain: true }])
    standIns.secrets.use('bedrock', secret)
    expect(value(await driver.find!(context, attempt))).toMatchObject([{ certain: false }])
  })

  test('what is older than the intent was made by nobody here', async () => {
    const { driver, context, standIns } = await open('aws access keys')
    standIns.apis.bedrock.adopt('demo-not-a-real-secret-made-by-a-person0')
    rig!.pass(10 * 60_000)
    // A list that lagged behind when the attempt was prepared.
    expect(value(await driver.find!(context, rig!.attempt({ existing: '' })))).toEqual([])
  })

  test('a key does not manage itself, and a key of another user is not rotated', async () => {
    const { driver, context } = await open('aws access keys')
    const own = { ...context.key, settings: { accessKeyId: context.credential['accessKeyId'] ?? '' } }
    expect(await driver.prepare!({ ...context, key: own }, null)).toMatchObject({ reason: 'invalid' })
    const others = { ...context.key, settings: { accessKeyId: 'AKIAAAAAAAAAAAAAAAAA' } }
    expect(await driver.prepare!({ ...context, key: others }, null)).toMatchObject({ reason: 'invalid' })
  })

  test('the new access key’s id goes into the settings of the service key', async () => {
    const { driver, context } = await open('aws access keys')
    const made = value(await driver.create!(context, rig!.attempt()))
    expect(made.settings).toEqual({ accessKeyId: made.remote.id })
  })
})

describe('Google', () => {
  test('an operation that takes its time is waited for; one that takes too long is unknown and found', async () => {
    const { driver, context, standIns, attempt } = await open('google')
    standIns.apis.gemini.settings.pollsUntilDone = 2
    expect(value(await driver.create!(context, attempt())).secret).toMatch(/^AIza/)
    standIns.apis.gemini.settings.pollsUntilDone = Number.POSITIVE_INFINITY
    const late = attempt()
    expect((await driver.create!(context, late)).kind).toBe('unknown')
    expect(value(await driver.find!(context, late))).toMatchObject([{ remote: { id: late.name } }])
  })

  test('asked again under the same name, it makes no second key', async () => {
    const { driver, context, standIns } = await open('google')
    const attempt = rig!.attempt()
    const [first, again] = [await driver.create!(context, attempt), await driver.create!(context, attempt)]
    expect(value(again)).toEqual(value(first))
    expect(standIns.secrets.of('gemini')).toHaveLength(2)
  })
})

describe('a new key may what the old one may', () => {
  const successor = async (name: string) => {
    const { driver, context } = await open(name)
    const current: RemoteKey = { id: rig!.currentId }
    const attempt = rig!.attempt(value(await driver.prepare!(context, current)), current)
    return value(await driver.create!(context, attempt)).remote.id
  }

  test('ElevenLabs: permissions', async () => {
    const id = await successor('elevenlabs')
    expect(rig?.standIns.apis.elevenlabs.factsOf(id)?.permissions).toEqual(['text_to_speech', 'user_read'])
  })
  test('Deepgram: scopes and tags', async () => {
    const id = await successor('deepgram')
    expect(rig?.standIns.apis.deepgram.factsOf(id)).toMatchObject({
      scopes: ['usage:write'],
      tags: ['production'],
    })
  })
  test('xAI: access lists', async () => {
    const id = await successor('xai')
    expect(rig?.standIns.apis.xai.factsOf(id)?.acls).toEqual(['api-key:model:*', 'api-key:endpoint:*'])
  })
  test('OpenRouter: limit and its reset', async () => {
    const { context, standIns } = await open('openrouter')
    const limits = standIns.apis.openrouter.limitsOf(rig!.currentId)
    Object.assign(limits ?? {}, { limit: 25, limit_reset: 'monthly' })
    const { driver, currentId, attempt } = rig!
    const prepared = value(await driver.prepare!(context, { id: currentId }))
    const made = value(await driver.create!(context, attempt(prepared)))
    expect(standIns.apis.openrouter.limitsOf(made.remote.id)).toMatchObject({
      limit: 25,
      limit_reset: 'monthly',
    })
  })
})

test('xAI: a key has not arrived before xAI says so', async () => {
  const { driver, context, standIns, attempt, pass } = await open('xai')
  standIns.conditions.xai.propagationMs = 60_000
  const made = value(await driver.create!(context, attempt()))
  expect(value(await driver.ready!(context, made.remote))).toBe(false)
  expect(standIns.secrets.look('xai', made.secret)).toBe('too_new')
  expect(value(await driver.ready!(context, { id: 'not-known-anywhere-yet' }))).toBe(false)
  pass(61_000)
  expect(value(await driver.ready!(context, made.remote))).toBe(true)
  expect(standIns.secrets.look('xai', made.secret)).toBe('valid')
})

test('Anthropic: the old key is known by its shortened form, switched off and on, and archived for good', async () => {
  const { driver, context, standIns, currentId, current } = await open('anthropic')
  expect(driver.create).toBeUndefined()
  for (let n = 0; n < 3; n += 1)
    standIns.apis.anthropic.adopt(`sk-ant-api03-other${n}${'0'.repeat(80)}${n}xAA`)
  expect(value(await driver.identify!(context))).toEqual({ id: currentId })
  value(await driver.disable!(context, { id: currentId }))
  expect(standIns.secrets.look('anthropic', current)).toBe('disabled')
  value(await driver.enable!(context, { id: currentId }))
  expect(standIns.secrets.look('anthropic', current)).toBe('valid')
  for (let time = 0; time < 2; time += 1) value(await driver.revoke!(context, { id: currentId }, notStored))
  expect(standIns.apis.anthropic.statusOf(currentId)).toBe('archived')
  expect(await driver.enable!(context, { id: currentId })).toMatchObject({ kind: 'refused' })
  const wrong = { ...context, credential: { adminKey: 'sk-ant-admin01-somebody-elses-key-0000000000' } }
  expect(await driver.check(wrong)).toMatchObject({ kind: 'refused', reason: 'credential' })
})

test('Perplexity: a key that ended itself has ended when it is refused', async () => {
  const { driver, context, standIns, current } = await open('perplexity')
  const secret = async () => success(current)
  for (let time = 0; time < 2; time += 1) value(await driver.revoke!(context, { id: 'in-use' }, secret))
  expect(standIns.secrets.look('perplexity', current)).toBe('revoked')
  // Another key that is refused says nothing about this one.
  const other = { ...context, currentSecret: async () => success('pplx-somebody-elses') }
  expect(await driver.revoke!(other, { id: 'in-use' }, secret)).toMatchObject({ reason: 'credential' })
  expect(await driver.revoke!(context, { id: 'in-use' }, notStored)).toMatchObject({ reason: 'invalid' })
})

test('webhook: a request that is replayed later, or changed on its way, is refused', async () => {
  const { context, standIns, pass, attempt, driver } = await open('webhook')
  value(await driver.create!(context, attempt()))
  const call = standIns.calls().at(-1)
  const send = (body: string) => {
    const { 'content-length': _, host: __, ...headers } = call?.headers ?? {}
    return fetch(`${standIns.url}/webhook/rotate`, { method: 'POST', headers, body })
  }
  expect((await send(call?.body ?? '')).status).toBe(409)
  expect((await send((call?.body ?? '').replace('aideon-0', 'aideon-1'))).status).toBe(401)
  pass(6 * 60_000)
  expect((await send(call?.body ?? '')).status).toBe(401)
  expect(standIns.secrets.of('webhook')).toHaveLength(2)
})

test('no driver is reached at an address that the administrator does not allow, and says that nothing was sent', async () => {
  const { driver, context, attempt } = await open('webhook')
  const inside = { ...context, credential: { ...context.credential, url: 'http://10.0.0.1/rotate' } }
  expect(await driver.create!(inside, attempt())).toMatchObject({ kind: 'refused', reason: 'not_sent' })
})

test('a shortened secret tells by its beginning and four characters or more of its end', () => {
  const secret = 'sk-proj-0123456789abcdefWXYZ'
  for (const hint of ['sk-...WXYZ', 'sk-proj-****WXYZ', '...WXYZ', 'sk-…fWXYZ', '*****WXYZ'])
    expect(matchesHint(secret, hint), hint).toBe(true)
  for (const hint of [
    'sk-...XYZ',
    'sk-or-...WXYZ',
    'sk-...WXYA',
    'sk-proj-',
    '',
    null,
    secret,
    '...',
    'sk-.WXYZ',
  ])
    expect(matchesHint(secret, hint), String(hint)).toBe(false)
})

test('services name their drivers, and every field of a form can be told from the others', () => {
  for (const service of services) {
    const own = driversFor(service.id).filter(({ serviceIds }) => serviceIds !== '*')
    expect(
      own.map(({ id }) => id),
      service.id,
    ).toEqual(service.rotation === null ? [] : [service.rotation])
  }
  expect(new Set(rotationDrivers.map(({ id }) => id)).size).toBe(rotationDrivers.length)
  for (const { credential, crashClass, create, find } of rotationDrivers) {
    expect(new Set(credential.map(({ id }) => id)).size).toBe(credential.length)
    for (const { pattern } of credential) expect(pattern.source).toMatch(/^\^.*\$$/)
    expect(create === undefined).toBe(crashClass === 'assisted')
    expect(find === undefined).toBe(crashClass === 'blind' || crashClass === 'assisted')
  }
})
