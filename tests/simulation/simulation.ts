import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { type Embedded, startEmbedded } from '../../src/db/embedded.ts'
import { silentLog } from '../../src/kit/log.ts'
import { type Bookkeeping, openBookkeeping } from '../processes/bookkeeping.ts'
import { type Call, openClient, startLoad } from '../processes/client.ts'
import { type Fleet, openFleet } from '../processes/fleet.ts'
import type { StagePerson } from '../scene.ts'
import { budgetProblems, makeBudgets, makeBuyers, newcomers } from './cast.ts'
import { type Edge, edgeText } from './edges.ts'
import { dealEdges, type Life, operationSteps, purchaseSteps } from './lives.ts'
import { type Payments, startPayments } from './payments.ts'
import { makeRandom, type Random } from './random.ts'
import { startWorkerProcess, type WorkerProcess } from './worker-process.ts'

/**
 * Real gateways under load and workers that take purchases and refunds, on a PostgreSQL of their own; each is killed at an
 * edge of what it is doing, or kills the database there, and another takes its place. All that is drawn is drawn from the
 * seed; what real processes make of it varies, so a seed that fails once is worth many runs.
 */
export interface Simulated {
  readonly problems: readonly string[]
  readonly kills: readonly string[]
  readonly operations: number
  readonly news: number
}

export interface SimulationOptions {
  readonly seed: number
  readonly seconds: number
  /** Two, each with four callers. */
  readonly gateways?: number
  /** Of the workers; to prove that it would be found out. */
  readonly defect?: 'acknowledges_first'
  readonly log?: (line: string) => void
  /** An edge that nothing reaches, as the recovery of holds where nobody died, must not end the killing. */
  readonly longestLifeMs?: number
  /** Statements at which something is killed before others. */
  readonly owed?: readonly string[]
}

interface World {
  readonly random: Random
  readonly server: Embedded
  readonly fleet: Fleet
  readonly books: () => Promise<Bookkeeping>
  readonly workers: WorkerProcess[]
  readonly payments: Payments
  /** Of whom an edge ended, or the database there, writes an empty file of its name. */
  readonly reached: string
  readonly environment: (edge: Edge | null, life: string) => Readonly<Record<string, string>>
  readonly kills: string[]
  readonly problems: string[]
  readonly log: (line: string) => void
  readonly until: number
  readonly longestLifeMs: number
}

const untilReady = async (server: Embedded): Promise<void> => {
  while (server.state !== 'ready') await wait(50)
}

/** What must hold at any moment, whatever is under way. */
const check = async (world: World, when: string): Promise<void> => {
  await untilReady(world.server)
  try {
    await using books = await world.books()
    const problems = [
      ...(await books.ledgerProblems()),
      ...(await books.paymentProblems()),
      ...(await budgetProblems(books)),
      ...(await world.payments.brokenPromises(books)),
    ]
    world.problems.push(...problems.map((problem) => `${when}: ${problem}`))
  } catch (error) {
    // Somebody killed the database under the check.
    if (world.server.state === 'ready' && !isConnectionLost(error)) throw error
  }
}

const isConnectionLost = (error: unknown): boolean =>
  error instanceof Error &&
  /terminat|connection|ECONN|ENOENT|shutting down|starting up|recovery/i.test(error.message)

interface Started {
  readonly exit: Promise<unknown>
  kill(): void
}

type Start = (edge: Edge | null, life: string) => Promise<Started>
let lives = 0

/** The database may be killed while a process starts, which then ends by itself: another is started. */
const startSurely = async (world: World, edge: Edge | null, life: string, start: Start): Promise<Started> => {
  for (let tries = 1; ; tries++) {
    await untilReady(world.server)
    try {
      return await start(edge, life)
    } catch (error) {
      if (tries === 20) throw error
      await wait(200)
    }
  }
}

/** One place of a process: it is started with an edge, killed there, looked after, and followed by another. */
const haunt = async (world: World, deal: () => Life, start: Start): Promise<void> => {
  while (performance.now() < world.until && world.problems.length === 0) {
    const edge = deal()
    const name = edgeText(edge)
    const place = join(world.reached, String(++lives))
    const started = await startSurely(world, edge, place, start)
    using _ = world.payments.favour(edge.by)
    const life = AbortSignal.timeout(world.longestLifeMs)
    await Promise.race([
      started.exit,
      new Promise<void>((resolve) => life.addEventListener('abort', () => resolve())),
    ])
    const reached = existsSync(place)
    world.kills.push(reached ? name : `${name} (not reached)`)
    world.log(`${reached ? 'killed at' : 'lived past'} ${name}`)
    started.kill()
    await started.exit
    await check(world, `after ${name}`)
  }
  await startSurely(world, null, '', start)
  world.log('a last process, which nobody kills')
}

const calls =
  (random: Random, fleet: Fleet, people: readonly StagePerson[]) =>
  (caller: number): Call => {
    const streamed = random.chance(0.5)
    return {
      url: fleet.gateways[random.whole(fleet.gateways.length)]?.url ?? '',
      token: people[caller % people.length]?.token ?? '',
      dialect: random.chance(0.5) ? 'openai' : 'anthropic',
      streamed,
      prompt: `${streamed ? '[[simulate: slow 2ms]]' : '[[simulate: wait 20ms]]'} [[simulate: tokens ${1 + random.whole(60)}]]`,
      maximumTokens: 100,
    }
  }

/** Now and then an administrator chooses the other provider. */
const toggling = (world: World): AsyncDisposable => {
  const stopped = new AbortController()
  const run = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      try {
        await using books = await world.books()
        await books.query(
          `INSERT INTO installation (name, value) VALUES ('billing', jsonb_build_object('provider', $1::text))
           ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
          [world.random.chance(0.7) ? 'stripe' : 'manual'],
        )
      } catch {
        // The database is away.
      }
      await wait(700, undefined, { signal: stopped.signal }).catch(() => {})
    }
  }
  const running = run()
  return {
    async [Symbol.asyncDispose]() {
      stopped.abort()
      await running
    },
  }
}

export const simulate = async (options: SimulationOptions): Promise<Simulated> => {
  const random = makeRandom(options.seed)
  const log = options.log ?? (() => {})
  await using opened = new AsyncDisposableStack()
  const directory = mkdtempSync(join(tmpdir(), 'aideon-simulation-'))
  // mkdtemp's 0700 would keep out the account that the database runs as when root starts it.
  if (process.getuid?.() === 0) chmodSync(directory, 0o755)
  opened.defer(() => rmSync(directory, { recursive: true, force: true }))
  const data = join(directory, 'data')
  const server = await startEmbedded({ dataDirectory: data, log: silentLog })
  opened.defer(() => server.stop())
  server.onStateChange((state) => {
    if (state === 'down') log('the database was killed')
  })
  const versions = join(data, 'postgres')
  const serverDirectory = join(versions, readdirSync(versions).find((name) => /^\d+$/.test(name)) ?? '')
  const script = join(import.meta.dirname, 'gateway-child.ts')
  const fleet = opened.use(await openFleet({ databaseUrl: server.url, processes: 0, script }))
  for (const service of ['openai', 'anthropic'] as const) await fleet.systemKey(service, 1)
  const people: StagePerson[] = []
  for (let i = 0; i < 4; i++) people.push(await fleet.person({ creditMicros: 100_000n }))
  const startMs = Date.now()
  await using settings = await openBookkeeping(server.url)
  const organizationId = people[0]?.organizationId ?? ''
  const buyers = [
    ...people.map(({ organizationId: of, userId }) => ({ organizationId: of, userId })),
    ...(await makeBuyers(settings, organizationId, startMs)),
  ]
  await makeBudgets(fleet.rooms, people.slice(0, 2))

  const workers: WorkerProcess[] = []
  opened.defer(async () => {
    for (const worker of workers) worker.kill()
    await Promise.all(workers.map((worker) => worker.exit))
  })
  const payments = opened.use(
    await startPayments(random, buyers, workers, {
      startMs,
      newcomer: newcomers(() => openBookkeeping(server.url), random, organizationId, startMs),
    }),
  )
  const world: World = {
    random,
    server,
    fleet,
    books: () => openBookkeeping(server.url),
    workers,
    payments,
    reached: directory,
    environment: (edge, life) => ({
      AIDEON_SIMULATION_REACHED: life,
      DATABASE_URL: server.url,
      AIDEON_SIMULATION_DATA: serverDirectory,
      AIDEON_SIMULATION_START: String(startMs),
      AIDEON_SIMULATION_STRIPE: payments.stripe.url,
      ...(options.defect ? { AIDEON_SIMULATION_DEFECT: options.defect } : {}),
      ...(edge ? { AIDEON_SIMULATION_EDGE: edgeText(edge) } : {}),
    }),
    kills: [],
    problems: [],
    log,
    until: performance.now() + options.seconds * 1_000,
    longestLifeMs: options.longestLifeMs ?? 8_000,
  }

  const gateway = (index: number) => async (edge: Edge | null, life: string) => {
    const started = await fleet.start(world.environment(edge, life))
    fleet.gateways.splice(fleet.gateways.indexOf(started), 1)
    fleet.gateways[Math.min(index, fleet.gateways.length)] = started
    return { exit: started.exit, kill: () => started.signal('SIGKILL') }
  }
  const worker = (index: number) => async (edge: Edge | null, life: string) => {
    const started = await startWorkerProcess(world.environment(edge, life), world.payments.answered)
    workers[Math.min(index, workers.length)] = started
    return started
  }

  await using client = openClient()
  const gateways = Array.from({ length: options.gateways ?? 2 }, (_, index) => gateway(index))
  const load = startLoad(client, gateways.length * 4, calls(random, fleet, people))
  opened.defer(() => void load.stop())
  opened.defer(() => world.payments.abandon())
  opened.use(toggling(world))
  const dealing = { random, seed: options.seed, owed: new Set(options.owed) }
  const ofOperations = dealEdges({ ...dealing, steps: operationSteps })
  const ofPurchases = dealEdges({ ...dealing, steps: purchaseSteps })
  await Promise.all([
    ...gateways.map((start) => haunt(world, ofOperations, start)),
    ...[0, 1].map((index) => haunt(world, ofPurchases, worker(index))),
  ])
  const replies = await load.stop()
  // Whatever was found already is enough.
  if (world.problems.length === 0) await world.payments.stop()

  if (world.problems.length > 0) return told()

  await using books = await world.books()
  for (let tries = 0; (await books.unfinishedHolds()) > 0 && tries < 200; tries++) await wait(100)
  if ((await books.unfinishedHolds()) > 0) world.problems.push('at the end: holds are left')
  const ending = [
    ...(await books.ledgerProblems()),
    ...(await books.paymentProblems()),
    ...(await budgetProblems(books)),
    ...(await books.recordProblems(replies)),
    ...(await world.payments.problems(books)),
  ]
  world.problems.push(...ending.map((problem) => `at the end: ${problem}`))
  return told()

  function told(): Simulated {
    const whole = replies.filter((reply) => reply.whole).length
    return { problems: world.problems, kills: world.kills, operations: whole, news: world.payments.made }
  }
}
