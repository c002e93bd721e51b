import { afterEach, describe, expect, test } from 'vitest'
import type { Trouble } from '../../../simulator/rotation/trouble.ts'
import { type Rig, rigFor, setups } from '../../../tests/rotation-drivers.ts'
import { failure, success } from '../../kit/fault.ts'
import type { DriverReply, FoundKey, RemoteKey } from '../driver.ts'

/** The same guarantees for every driver, against the stand-in of its API. */
const making = Object.keys(setups).filter((name) => name !== 'anthropic')

let rig: Rig
const messages: string[] = []
afterEach(async () => {
  const { standIns, context, driver } = rig
  await rig.close()
  const secrets = [
    ...standIns.secrets.of(rig.service).map(({ secret }) => secret),
    ...driver.credential.filter(({ secret }) => secret).map(({ id }) => context.credential[id] ?? ''),
  ].filter((secret) => secret !== '')
  const shown = [...messages.splice(0), ...standIns.calls().map(({ target }) => target)].join('\n')
  for (const secret of secrets)
    expect(shown.includes(secret), 'a secret in a message or an address').toBe(false)
})

const said = <T>(reply: DriverReply<T>): DriverReply<T> => {
  if (reply.kind !== 'done') messages.push(reply.message)
  return reply
}
const value = <T>(reply: DriverReply<T>): T => {
  if (said(reply).kind !== 'done') throw new Error(JSON.stringify(reply))
  return (reply as { value: T }).value
}
const alive = () => rig.standIns.secrets.alive(rig.service)
const state = (secret: string) => rig.standIns.secrets.look(rig.service, secret)
/** Azure has two at all times, so it is counted what was issued. */
const issued = () => rig.standIns.secrets.of(rig.service).length

const begin = async () => {
  const { driver, context } = rig
  const current = driver.identify ? value(await driver.identify(context)) : null
  const prepared = driver.prepare ? value(await driver.prepare(context, current)) : {}
  return { current, attempt: rig.attempt(prepared, current) }
}
const create = async () => {
  const begun = await begin()
  return { ...begun, reply: said(await rig.driver.create!(rig.context, begun.attempt)) }
}
const aim = (trouble: Trouble, verb: 'create' | 'revoke' | 'disable' | 'list' = 'create', times = 1) =>
  rig.standIns.troubles.aim({ service: rig.service, verb, trouble, times })

const isAzure = () => rig.service === 'azure_openai'
const notStored = async () => failure('not_found')
const stored = (secret: string) => async () => success(secret)

describe.each(making)('%s', (name) => {
  test('finds its credential good, and a wrong one refused', async () => {
    rig = await rigFor(name)
    const { driver, context } = rig
    const findings = value(await driver.check(context))
    expect(findings.length).toBeGreaterThan(0)
    expect(findings.filter(({ ok }) => !ok)).toEqual([])
    const secret = driver.credential.find((field) => field.secret)
    if (secret === undefined) return
    for (const { id, pattern } of driver.credential)
      expect(pattern.test(context.credential[id] ?? '') || (context.credential[id] ?? '') === '', id).toBe(
        true,
      )
    const given = context.credential[secret.id] ?? ''
    const wrong =
      secret.kind === 'json'
        ? given.replace('demo-keyadmin@', 'other@')
        : given.replace('demo-not', 'demo-fot').replace('DEMONOT', 'DEMOFOT').replace(/0$/, '1')
    expect(wrong).not.toBe(given)
    const reply = said(
      await driver.check({ ...context, credential: { ...context.credential, [secret.id]: wrong } }),
    )
    expect(reply).toMatchObject({ kind: 'refused', reason: 'credential' })
  })

  test('makes one key under the attempt’s name, that works, and touches no other', async () => {
    rig = await rigFor(name)
    const before = issued()
    const { reply, attempt, current } = await create()
    const made = value(reply)
    expect(issued()).toBe(before + 1)
    const entry = rig.standIns.secrets.of(rig.service).at(-1)
    expect(entry?.secret).toBe(made.secret)
    expect(state(made.secret)).toBe('valid')
    expect(state(rig.current)).toBe('valid')
    if (name === 'openai')
      expect(rig.standIns.apis.openai.accounts().map((a) => a.name)).toEqual([attempt.name])
    else if (!isAzure() && rig.service !== 'bedrock') expect(entry?.name).toBe(attempt.name)
    if (name !== 'deepgram') expect(current).not.toBeNull()
    if (name !== 'perplexity' && name !== 'deepgram') expect(current?.id).toBe(rig.currentId)
    expect(JSON.stringify(made.remote)).not.toContain(made.secret)
  })

  const unheard: readonly Trouble[] = [
    { kind: 'lost_after' },
    { kind: 'half' },
    { kind: 'failed_after', status: 502 },
    { kind: 'garbage_after' },
    // Costs its whole time limit, and nothing in it is a driver's own.
    ...(name === 'openai' || name === 'azure' ? [{ kind: 'silent_after' } as const] : []),
  ]
  test.each(unheard)(
    'a key whose reply is lost ($kind) is unknown, and found again as its class says',
    async (trouble) => {
      rig = await rigFor(name)
      const { driver, context } = rig
      const begun = await begin()
      const before = issued()
      aim(trouble)
      expect(said(await driver.create!(context, begun.attempt)).kind).toBe('unknown')
      expect(issued()).toBe(before + 1)
      expect(state(rig.current)).toBe('valid')
      const orphan = rig.standIns.secrets.of(rig.service).at(-1)
      if (driver.crashClass === 'blind') return expect(driver.find).toBeUndefined()
      const found = value(await driver.find!(context, begun.attempt))
      expect(found).toHaveLength(1)
      const [only] = found as [FoundKey]
      expect(only.certain).toBe(true)
      expect(only.secret).toBe(driver.crashClass === 'recoverable' ? orphan?.secret : null)
      expect(value(await driver.revoke!(context, only.remote, notStored))).toBeUndefined()
      expect(state(orphan?.secret ?? '')).toBe('revoked')
      expect(state(rig.current)).toBe('valid')
      if (isAzure()) return
      expect(value(await driver.find!(context, begun.attempt))).toEqual([])
      expect(alive()).toHaveLength(1)
    },
  )

  test('a call that never arrived is unknown, too, and finds nothing', async () => {
    rig = await rigFor(name)
    const { driver, context } = rig
    const begun = await begin()
    const before = issued()
    aim({ kind: 'lost_before' })
    expect(said(await driver.create!(context, begun.attempt)).kind).toBe('unknown')
    expect(issued()).toBe(before)
    if (driver.find) expect(value(await driver.find(context, begun.attempt))).toEqual([])
  })

  test('a service that cannot be reached at all was asked for nothing', async () => {
    rig = await rigFor(name)
    const { driver, context, standIns } = rig
    const begun = await begin()
    // A port where nobody listens any more.
    const gone = await rigFor(name)
    await gone.close()
    const there = { ...context, addressOf: gone.context.addressOf }
    const elsewhere =
      name === 'webhook'
        ? { ...there, credential: { ...there.credential, url: gone.context.credential['url'] ?? '' } }
        : there
    expect(said(await driver.create!(elsewhere, begun.attempt))).toMatchObject({
      kind: 'refused',
      reason: 'not_sent',
    })
    expect(standIns.secrets.alive(rig.service).length).toBeGreaterThan(0)
  })

  test('what the service refuses has changed nothing and says why', async () => {
    rig = await rigFor(name)
    const { driver, context } = rig
    const begun = await begin()
    const before = issued()
    const refuse = async (trouble: Trouble) => {
      aim(trouble)
      return said(await driver.create!(context, begun.attempt))
    }
    expect(await refuse({ kind: 'failed_before', status: 429, retryAfterSeconds: 7 })).toMatchObject({
      kind: 'refused',
      reason: 'limited',
      ...(rig.service === 'bedrock' ? {} : { retryAfterSeconds: 7 }),
    })
    expect(await refuse({ kind: 'failed_before', status: 403 })).toMatchObject({ reason: 'credential' })
    expect(await refuse({ kind: 'failed_before', status: 400 })).toMatchObject({ reason: 'invalid' })
    expect(await refuse({ kind: 'failed_before', status: 503 })).toMatchObject({ kind: 'unknown' })
    expect(issued()).toBe(before)
    expect(value(await driver.create!(context, begun.attempt)).secret).not.toBe('')
  })

  test('at the cap nothing is made, and no key in use is given up for it', async () => {
    rig = await rigFor(name)
    if (isAzure()) return
    const begun = await begin()
    rig.standIns.conditions[rig.service].limit = 1
    const before = issued()
    const reply = said(await rig.driver.create!(rig.context, begun.attempt))
    expect(reply.kind).toBe('refused')
    if (rig.driver.maximumKeys !== null || name === 'webhook') expect(reply).toMatchObject({ reason: 'cap' })
    expect(issued()).toBe(before)
    expect(state(rig.current)).toBe('valid')
  })

  test('the old key ends when it is told to, once and for all, and the new one goes on', async () => {
    rig = await rigFor(name)
    const { driver, context } = rig
    const { reply, current } = await create()
    const made = value(reply)
    const old: RemoteKey = current ?? { id: rig.currentId }
    aim({ kind: 'failed_before', status: 503 }, isAzure() ? 'create' : 'revoke')
    expect(said(await driver.revoke!(context, old, stored(rig.current))).kind).toBe('unknown')
    expect(state(rig.current)).toBe('valid')
    aim({ kind: 'lost_after' }, isAzure() ? 'create' : 'revoke')
    expect(said(await driver.revoke!(context, old, stored(rig.current))).kind).toBe('unknown')
    expect(state(rig.current)).toBe('revoked')
    const after = issued()
    expect(value(await driver.revoke!(context, old, stored(rig.current)))).toBeUndefined()
    expect(issued()).toBe(after)
    expect(state(made.secret)).toBe('valid')
  })

  test('a new key ends by the id that its creation told', async () => {
    rig = await rigFor(name)
    const made = value((await create()).reply)
    expect(value(await rig.driver.revoke!(rig.context, made.remote, stored(made.secret)))).toBeUndefined()
    expect(state(made.secret)).toBe('revoked')
    expect(state(rig.current)).toBe('valid')
  })

  test('switching off and on again changes nothing else, and may be repeated', async () => {
    rig = await rigFor(name)
    const { driver, context } = rig
    if (!driver.disable) return expect(driver.enable).toBeUndefined()
    const { current, reply } = await create()
    const made = value(reply)
    const old = current as RemoteKey
    for (let time = 0; time < 2; time += 1) value(await driver.disable(context, old))
    expect(state(rig.current)).toBe('disabled')
    for (let time = 0; time < 2; time += 1) value(await driver.enable!(context, old))
    expect(state(rig.current)).toBe('valid')
    expect(state(made.secret)).toBe('valid')
    aim({ kind: 'lost_before' }, 'disable')
    expect(said(await driver.disable(context, old)).kind).toBe('unknown')
  })

  test('is found among more keys than one page of a list', async () => {
    rig = await rigFor(name)
    const { driver, context, standIns } = rig
    if (!driver.find || driver.maximumKeys !== null) return
    const begun = await begin()
    for (let n = 0; n < 320; n += 1)
      standIns.apis[rig.service].adopt(`demo-not-a-real-secret-${n}-of-somebody`, `other-${n}`)
    value(await driver.create!(context, begun.attempt))
    const found = value(await driver.find(context, begun.attempt))
    expect(found).toHaveLength(1)
    if (!driver.identify || name === 'fireworks' || name === 'google') return
    expect(value(await driver.identify(context))?.id).toBe(rig.currentId)
  })

  test('a list that lags behind says nothing until the time is up that the driver names', async () => {
    rig = await rigFor(name)
    const { driver, context, standIns } = rig
    if (!driver.find) return
    standIns.conditions[rig.service].listingMs = driver.settleSeconds * 1000
    rig.pass(driver.settleSeconds * 1000)
    const begun = await begin()
    aim({ kind: 'lost_after' })
    said(await driver.create!(context, begun.attempt))
    rig.pass(driver.settleSeconds * 1000)
    expect(value(await driver.find(context, begun.attempt))).toHaveLength(1)
  })
})
