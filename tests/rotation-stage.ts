import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { demoSecret } from '../simulator/keys.ts'
import type { RotationService } from '../simulator/rotation/stand-ins.ts'
import type { ServiceKeyView } from '../src/keys/keys.ts'
import { must } from '../src/kit/fault.ts'
import { addressesAt } from '../src/rotation/drivers/addresses.ts'
import { rotationDrivers } from '../src/rotation/drivers/registry.ts'
import {
  makeRotation,
  type Rotation,
  type RotationAttempt,
  type RotationParts,
} from '../src/rotation/rotation.ts'
import { makeTools } from '../src/rotation/tools.ts'
import { CrashError, makeWorker } from '../src/rotation/worker.ts'
import { setups } from './rotation-drivers.ts'
import { operator, testMasterKey } from './scene.ts'
import { openStage, type Stage, type StagePerson } from './stage.ts'

/** Models by which each service is asked; services that are not named here are not asked. */
const models: Readonly<Partial<Record<RotationService, string>>> = {
  openai: 'gpt-4o-mini',
  gemini: 'gemini-2.5-flash',
  azure_openai: 'azure_openai/gpt-4.1-mini',
  openrouter: 'openrouter/openai/gpt-4o-mini',
  perplexity: 'perplexity/sonar',
  anthropic: 'claude-sonnet-4-5',
}

/** A person whose operations run on one key of their organisation, which is rotated. */
export interface Tenant {
  readonly person: StagePerson
  readonly key: ServiceKeyView
  readonly service: RotationService
  readonly which: { readonly organizationId: string; readonly id: string }
  /** How many keys its service had made before. */
  readonly issuedBefore: number
}

export interface Traffic {
  /** How many operations went well; fails with the first that did not. */
  stop(): Promise<number>
}

export interface DriveOptions {
  /** Whether the worker ends at this edge. */
  readonly crash?: (edge: string) => boolean
  /** What a person does when it waits for one; nothing: the drive ends. */
  readonly person?: (attempt: RotationAttempt) => Promise<unknown>
  /** Ends the drive when it has come to this state. */
  readonly until?: (attempt: RotationAttempt) => boolean
  readonly workers?: number
}

export interface RotationStage extends AsyncDisposable {
  readonly stage: Stage
  readonly rotation: Rotation
  readonly parts: RotationParts
  readonly edges: Set<string>
  readonly moves: Set<string>
  /** Later by so much, for rotation alone. */
  pass(ms: number): void
  tenant(setup: string, options?: { credential?: boolean }): Promise<Tenant>
  traffic(tenant: Tenant, options?: { everyMs?: number }): Traffic
  ask(tenant: Tenant, more?: object): Promise<Response>
  /** The same with a worker in a process of its own, which is killed at each of these edges, one after the other. */
  driveProcesses(
    id: string,
    edges: readonly string[],
    person?: DriveOptions['person'],
  ): Promise<RotationAttempt>
  /** Works until the attempt is over, jumping over every wait. */
  drive(id: string, options?: DriveOptions): Promise<RotationAttempt>
  /** What a person does who is asked to: deletes at the service whatever is not in use here. */
  deleteByHand(tenant: Tenant): Promise<void>
  /** No key was taken back early, none is left over, and none is without a name. */
  prove(tenant: Tenant, attempt: RotationAttempt, options?: { breach?: boolean }): Promise<void>
}

let made = 0

export const openRotationStage = async (): Promise<RotationStage> => {
  let offset = 0
  const stage = await openStage({}, { rotationNow: () => Date.now() + offset })
  const { rooms } = stage.gateway
  const { simulator } = stage
  await rooms.rotation.close()
  let crash: (edge: string) => boolean = () => false
  const edges = new Set<string>()
  const moves = new Set<string>()
  const parts: RotationParts = {
    ...rooms,
    drivers: rotationDrivers,
    clock: () => new Date(Date.now() + offset),
    addressOf: addressesAt(simulator.url),
    reportEveryMs: 25,
    onEdge: (edge) => {
      edges.add(edge)
      const moved = /^committed (.+) (\w+)$/.exec(edge)
      if (moved) moves.add(`${moved[1]} ${moved[2]}`)
      if (crash(edge)) throw new CrashError(edge)
    },
  }
  const rotation = makeRotation(parts)
  const tools = makeTools(parts)
  const pointed = new Set(['openai', 'anthropic', 'openrouter', 'webhook'])

  const reload = async (id: string): Promise<RotationAttempt> => {
    const attempt = await rotation.find(id)
    if (attempt === null) throw new Error('the attempt is gone')
    return attempt
  }

  const ask = ({ person, service }: Tenant, more: object = {}) =>
    fetch(`${stage.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${person.token}` },
      body: JSON.stringify({
        model: models[service],
        max_tokens: 20,
        messages: [{ role: 'user', content: 'hello' }],
        ...more,
      }),
    })

  return {
    stage,
    rotation,
    parts,
    edges,
    moves,
    ask,
    pass: (ms) => {
      offset += ms
    },

    async tenant(name, { credential = true } = {}) {
      const setup = setups[name]
      if (setup === undefined) throw new Error(`there is no driver ${name}`)
      const { service } = setup
      const serviceId = service === 'webhook' ? 'custom' : service
      if (!pointed.has(service)) {
        must(await rooms.catalogue.change(operator, service, { baseUrl: `${simulator.url}/${service}` }))
        pointed.add(service)
      }
      const person = await stage.person({ fallback: 'none', creditMicros: 0n })
      const { organizationId } = person
      const running = { ...simulator.rotation, url: simulator.url } as unknown as Parameters<
        typeof setup.credential
      >[0]
      const issuedBefore = simulator.rotation.secrets.of(service).length
      const { adopt } = simulator.rotation.apis[service]
      // As if made by hand: the stand-ins know it, and no two tenants share one.
      const current =
        name === 'azure' || name.startsWith('aws')
          ? setup.seed(running)
          : adopt(secretFor(service, `tenant${++made}`))
      const key = must(
        await rooms.serviceKeys.add(operator, {
          organizationId,
          owner: 'organization',
          userId: null,
          serviceId,
          secret: current.secret,
          settings: { ...setup.settings, ...('settings' in current ? current.settings : {}) },
        }),
      ).serviceKey
      if (credential && Object.keys(setup.credential(running)).length > 0)
        must(
          await rotation.credentials.set(operator, {
            organizationId,
            driverId: setup.driver,
            serviceId,
            serviceKeyId: null,
            fields: known(setup.driver, setup.credential(running)),
          }),
        )
      // Short: the worker looks once a minute while it lasts.
      const schedule = { everyDays: null, overlapSeconds: 120 }
      await rotation.setSchedule(operator, { organizationId, serviceId, serviceKeyId: key.id, ...schedule })
      return { person, key, service, which: { organizationId, id: key.id }, issuedBefore }
    },

    traffic(tenant, { everyMs = 5 } = {}) {
      const stopping = new AbortController()
      let served = 0
      const run = async () => {
        while (!stopping.signal.aborted) {
          const reply = await ask(tenant)
          const text = await reply.text()
          if (reply.status !== 200) throw new Error(`an operation failed: ${reply.status} ${text}`)
          served++
          await new Promise((resolve) => void setTimeout(resolve, everyMs))
        }
      }
      const running = run()
      running.catch(() => {})
      return {
        async stop() {
          stopping.abort()
          await running
          return served
        },
      }
    },

    async drive(id, { crash: crashes = () => false, person, until = () => false } = {}) {
      crash = crashes
      let worker = makeWorker(parts, tools)
      try {
        for (let turns = 0; turns < 500; turns++) {
          try {
            await worker.workOne()
          } catch (error) {
            if (!(error instanceof CrashError)) throw error
            // Killed: its memory is gone, its lease runs out, another one comes.
            await stage.clone.database.pool.query(
              `UPDATE rotation_attempts SET lease_until = clock_timestamp() - interval '1 second' WHERE id = $1`,
              [id],
            )
            worker = makeWorker(parts, tools)
          }
          await rotation.reportUses()
          const attempt = await reload(id)
          if (attempt.endedAt !== null || until(attempt)) return attempt
          if (attempt.nextAt === null) {
            if (person === undefined) return attempt
            await person(attempt)
          } else offset += Math.max(0, attempt.nextAt.getTime() - parts.clock().getTime())
        }
        throw new Error(`a rotation does not end: ${JSON.stringify((await reload(id)).message)}`)
      } finally {
        crash = () => false
      }
    },

    async driveProcesses(id, dieAt, person) {
      const waiting = [...dieAt]
      let child: ChildProcess | null = null
      const start = async (): Promise<ChildProcess> => {
        const file = fileURLToPath(new URL('./rotation-worker-child.ts', import.meta.url))
        const started = fork(file, [stage.clone.url, testMasterKey, simulator.url], {
          execArgv: ['--no-warnings'],
        })
        await once(started, 'message')
        return started
      }
      const ended = (one: ChildProcess) => one.exitCode !== null || one.signalCode !== null
      try {
        for (let turns = 0; turns < 400; turns++) {
          child ??= await start()
          const order = { offsetMs: offset, dieAt: waiting[0] ?? null }
          const answer = Promise.race([once(child, 'message'), once(child, 'exit')])
          child.send(order)
          await answer
          if (ended(child)) {
            waiting.shift()
            child = null
            await stage.clone.database.pool.query(
              `UPDATE rotation_attempts SET lease_until = clock_timestamp() - interval '1 second' WHERE id = $1`,
              [id],
            )
            continue
          }
          await rotation.reportUses()
          const attempt = await reload(id)
          if (attempt.endedAt !== null) return attempt
          if (attempt.nextAt !== null)
            offset += Math.max(0, attempt.nextAt.getTime() - parts.clock().getTime())
          else if (person === undefined) return attempt
          else await person(attempt)
        }
        throw new Error('a rotation does not end')
      } finally {
        child?.disconnect()
      }
    },

    async deleteByHand({ which, service, issuedBefore }) {
      const { secrets } = simulator.rotation
      const versions = await rooms.serviceKeys.versions.list(which)
      const current = versions.find(({ state }) => state === 'current')
      const opened = must(await rooms.serviceKeys.versions.open(which, current?.version ?? 0))
      for (const one of secrets.of(service).slice(issuedBefore))
        if (one.secret !== opened) secrets.revoke(service, one.id)
    },

    async prove({ which, service, issuedBefore }, attempt, { breach = false } = {}) {
      const { secrets } = simulator.rotation
      const versions = await rooms.serviceKeys.versions.list(which)
      const current = versions.find(({ state }) => state === 'current')
      expect(versions.filter(({ state }) => state === 'current')).toHaveLength(1)
      const opened = await rooms.serviceKeys.versions.open(which, current?.version ?? 0)
      expect(opened.ok && secrets.look(service, opened.value)).toBe('valid')
      // Azure has two keys at all times.
      const left = secrets
        .of(service)
        .slice(issuedBefore)
        .filter((one) => opened.ok && one.secret !== opened.value && one.revokedAt === null && !one.disabled)
      if (service !== 'azure_openai') expect(left.map(({ id }) => id)).toEqual([])
      // Whatever name was ever sent to the service was written down before.
      const named = (await rotation.remotes(attempt)).map(({ name }) => name)
      const sent = simulator.rotation
        .calls()
        .flatMap(({ target, body }) => (target + body).match(/aideon-[0-9a-f]{32}-\d+/g) ?? [])
        .filter((name) => name.includes(attempt.id.replaceAll('-', '')))
      expect(named).toEqual(expect.arrayContaining([...new Set(sent)]))
      // Perplexity’s keys revoke themselves, so a revocation that is repeated is a refusal.
      // A new key may be refused while its service still tells its machines of it, and no other ever.
      const early = secrets
        .events()
        .filter(({ kind, service: of }) => kind === 'refused' && of === service)
        .filter(({ at, id }) => at >= (secrets.find(service, id)?.usableFrom ?? 0))
      if (!breach && service !== 'perplexity') expect(early).toEqual([])
    },

    async [Symbol.asyncDispose]() {
      await rotation.close()
      await stage[Symbol.asyncDispose]()
    },
  }
}

/** Settings of a stand-in that are no credentials are left out. */
const known = (driverId: string, fields: Readonly<Record<string, unknown>>): Record<string, string> =>
  Object.fromEntries(
    (rotationDrivers.find(({ id }) => id === driverId)?.credential ?? []).flatMap(({ id }) =>
      typeof fields[id] === 'string' ? [[id, fields[id]]] : [],
    ),
  )

/** Every tenant's own. */
const secretFor = (service: RotationService, name: string): string =>
  service === 'webhook' ? `house_${name.padStart(30, '0')}` : demoSecret(service, name)
