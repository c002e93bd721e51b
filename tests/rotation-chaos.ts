import { expect } from 'vitest'
import type { Verb } from '../simulator/rotation/stand-in.ts'
import type { Trouble } from '../simulator/rotation/trouble.ts'
import { must } from '../src/kit/fault.ts'
import { findDriver } from '../src/rotation/drivers/registry.ts'
import type { RotationAttempt } from '../src/rotation/rotation.ts'
import { setups } from './rotation-drivers.ts'
import type { RotationStage, Tenant } from './rotation-stage.ts'
import { operator } from './scene.ts'

/** Numbers that a seed decides: the same seed is the same bad day. */
const drawFrom = (seed: number): ((below: number) => number) => {
  let state = (seed * 2_654_435_761) >>> 0 || 1
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return state % below
  }
}

const troubles: readonly Trouble[] = [
  { kind: 'lost_after' },
  { kind: 'lost_before' },
  { kind: 'half' },
  { kind: 'failed_after', status: 502 },
  { kind: 'failed_before', status: 503 },
  { kind: 'failed_before', status: 429, retryAfterSeconds: 20 },
  { kind: 'failed_before', status: 403 },
  { kind: 'garbage_after' },
]
const verbs: readonly Verb[] = ['create', 'list', 'read', 'ready', 'disable', 'revoke', 'token']

/** More than any run of bad luck needs. */
const mostPersons = 40

export interface ChaosReport {
  readonly state: RotationAttempt['state']
  readonly crashes: number
  readonly troubles: number
  readonly persons: number
}

/**
 * One rotation on a bad day: replies are lost and cut, services answer errors before and after the fact, lists and new keys
 * take as long as the driver says they may, and workers die at edges that the seed draws. A person does what they are asked
 * to. Fails where a key in use was taken back, a new one used before it was good, or anything is left over without a name.
 */
export const rotateInChaos = async (
  at: RotationStage,
  tenant: Tenant,
  name: string,
  seed: number,
): Promise<ChaosReport> => {
  const draw = drawFrom(seed)
  const { simulator, gateway } = at.stage
  const { rotation } = simulator
  const { service } = tenant
  const { versions } = gateway.rooms.serviceKeys
  const driver = findDriver(setups[name]?.driver ?? '')
  if (driver === undefined) throw new Error(`there is no driver ${name}`)
  const secretInUse = async (): Promise<string> => {
    const current = (await versions.list(tenant.which)).find(({ state }) => state === 'current')
    return must(await versions.open(tenant.which, current?.version ?? 0))
  }
  const issued = (secret: string) => rotation.secrets.of(service).findLast((one) => one.secret === secret)

  rotation.useClock(() => at.parts.clock().getTime())
  rotation.troubles.clear()
  let aimed = 0
  for (const verb of verbs)
    for (let n = draw(3); n > 0; n -= 1) {
      const trouble = troubles[draw(troubles.length)] as Trouble
      rotation.troubles.aim({ service, verb, trouble, after: draw(3), times: 1 + draw(2) })
      aimed += 1
    }
  const conditions = rotation.conditions[service]
  conditions.propagationMs = draw(2) * draw(driver.propagationSeconds + 1) * 1000
  conditions.listingMs = draw(2) * draw(driver.settleSeconds + 1) * 1000
  // What was there before is listed by now.
  at.pass(conditions.listingMs)

  const before = await secretInUse()
  const known = new Set(rotation.secrets.of(service).map(({ id }) => id))
  const made = () => rotation.secrets.of(service).filter(({ id }) => !known.has(id))
  let crashes = 0
  let persons = 0
  const crash = () => {
    if (crashes >= 6 || draw(8) > 0) return false
    crashes += 1
    return true
  }

  /** Whoever is asked looks at the service, deletes there what nobody uses, and says that it is done. */
  const person = async (attempt: RotationAttempt): Promise<void> => {
    persons += 1
    if (persons > mostPersons) throw new Error(`asked again and again: ${attempt.message}`)
    const inUse = await secretInUse()
    if (attempt.state === 'asked') {
      const { secret } = rotation.apis[service].adopt(
        `${before.slice(0, -8)}${String(seed * 100 + persons).padStart(8, '0')}`,
      )
      at.pass(conditions.propagationMs)
      must(await at.rotation.giveSecret(operator, attempt.id, { secret, settings: {} }))
      return
    }
    if (attempt.state === 'confirming') {
      const old = issued(before)
      if (old && inUse !== before) rotation.secrets.revoke(service, old.id)
      must(await at.rotation.command(operator, attempt.id, { kind: 'confirm' }))
      return
    }
    // Only what they are told of: what nobody has named stays, and is found below.
    const told = (await at.rotation.remotes(attempt)).filter(
      ({ state }) =>
        state === 'left_to_person' || (state === 'exists' && attempt.resumeState === 'scheduled'),
    )
    for (const one of made())
      if (
        one.secret !== inUse &&
        told.some(({ name: its, remote }) => its === one.name || remote?.id === one.id)
      )
        rotation.secrets.revoke(service, one.id)
    must(await at.rotation.command(operator, attempt.id, { kind: 'retry' }))
  }

  const begun = must(
    await at.rotation.begin(operator, tenant.which, { mode: 'normal', trigger: 'person', reason: null }),
  )
  const ended = await at.drive(begun.id, { crash, person })
  rotation.troubles.clear()
  Object.assign(conditions, { propagationMs: 0, listingMs: 0 })
  const steps = JSON.stringify(await at.rotation.steps(ended))
  expect(['done', 'failed_safe'], steps).toContain(ended.state)

  const after = await secretInUse()
  expect(rotation.secrets.look(service, after), `the key in use. ${steps}`).toBe('valid')
  const ends = rotation.secrets
    .events()
    .filter(({ kind, id }) => (kind === 'revoked' || kind === 'disabled') && id === issued(before)?.id)
  const promotedAt = ended.promotedAt?.getTime() ?? Number.POSITIVE_INFINITY
  if (ended.state === 'done') {
    expect(after, steps).not.toBe(before)
    expect(issued(after)?.usableFrom, steps).toBeLessThanOrEqual(promotedAt)
    expect(rotation.secrets.look(service, before), steps).toBe('revoked')
  } else expect(after, steps).toBe(before)
  // Not taken back before the new one was in use everywhere.
  for (const end of ends) expect(end.at, steps).toBeGreaterThanOrEqual(promotedAt)
  // Azure's slots always hold something; anywhere else nothing is alive that is not in use.
  if (service !== 'azure_openai')
    expect(
      made().filter((one) => one.revokedAt === null && one.secret !== after),
      steps,
    ).toEqual([])
  return { state: ended.state, crashes, troubles: aimed, persons }
}
