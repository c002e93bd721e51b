// npm run bench -- gateway: what an operation costs here, behind nginx and behind Portkey, in the same minutes.
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { startAideon } from './aideon.ts'
import type { Aideon, Owner } from './aideon.ts'
import { cases, readReply } from './cases.ts'
import type { Case } from './cases.ts'
import {
  atExit,
  coreOf,
  describePlacement,
  placeSelf,
  stopEverythingAtExit,
  writeRequest,
} from './children.ts'
import { portkeyHeaders, portkeyPath, startNginx, startPortkey, startReference } from './contenders.ts'
import type { Contender, Surroundings } from './contenders.ts'
import { readSavedBody, startLoadTools } from './load.ts'
import type { LoadResult, LoadTools } from './load.ts'
import { cpuMicros, foreignMeter, memoryBytes } from './process-tree.ts'
import { formatCase, judge } from './report.ts'
import type { Measurement } from './report.ts'

const help = `npm run bench -- gateway [options]

  --quick           one short round: shows that everything runs, its numbers mean nothing
  --rounds N        interleaved rounds (4)
  --seconds S       of load per measurement (2)
  --connections N,M load points of the JSON and burst cases; the last one is judged (32,128)
  --paced           also: chunks 1 ms apart, 64 streams
  --large           also: a 100 KB prompt
  --unasked         also: a stream whose caller did not ask for usage
  --only a,b        of nginx, portkey, reference, aideon
  --cpu-prof DIR    a CPU profile of each of our processes, written when they end
  --json FILE       every single measurement
`

/** What is measured: a contender, or one way to call it. */
interface Lane {
  readonly id: string
  readonly title: string
  readonly contender: Contender | null
  readonly port: number
  /** What each caller sends along. */
  readonly callers: readonly Readonly<Record<string, string>>[]
  /** Whose key has to pay, as the reply's receipt says; null where there is no receipt. */
  readonly owner: Owner | null
}

interface Options {
  readonly quick: boolean
  readonly rounds: number
  readonly seconds: number
  readonly cases: readonly Case[]
  readonly judgedConnections: number
  readonly only: ReadonlySet<string>
  readonly profileDirectory: string | null
  readonly jsonFile: string | null
}

interface Bench {
  readonly options: Options
  readonly directory: string
  readonly tools: LoadTools
  readonly lanes: readonly Lane[]
  readonly aideon: Aideon | null
  /** Replies received, by lane, warm-up and probes included. */
  readonly replies: Map<string, number>
  readonly wrong: string[]
}

const limitMinutes = 30

const readOptions = (parameters: string[]): Options | null => {
  const { values } = parseArgs({
    args: parameters,
    options: {
      help: { type: 'boolean' },
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      connections: { type: 'string' },
      paced: { type: 'boolean' },
      large: { type: 'boolean' },
      unasked: { type: 'boolean' },
      only: { type: 'string', default: 'nginx,portkey,reference,aideon' },
      'cpu-prof': { type: 'string' },
      json: { type: 'string' },
    },
  })
  if (values.help) return null
  const wanted = new Set([
    'json',
    'stream',
    ...(['paced', 'large', 'unasked'] as const).filter((id) => values[id]),
  ])
  const loadPoints = (values.connections ?? '32,128').split(',').map(Number)
  return {
    quick: values.quick,
    rounds: Number(values.rounds ?? (values.quick ? 1 : 4)),
    seconds: Number(values.seconds ?? (values.quick ? 0.4 : 2)),
    cases: cases
      .filter((one) => wanted.has(one.id))
      .flatMap((one) =>
        one.id === 'paced' ? one : loadPoints.map((connections) => ({ ...one, connections })),
      ),
    judgedConnections: loadPoints.at(-1)!,
    only: new Set(values.only.split(',')),
    profileDirectory: values['cpu-prof'] ? path.resolve(values['cpu-prof']) : null,
    jsonFile: values.json ?? null,
  }
}

const requestFiles = (bench: Pick<Bench, 'directory'>, lane: Lane, one: Case): string[] =>
  lane.callers.map((_, index) => path.join(bench.directory, `${lane.id}-${one.id}-${index}.request`))

const makeLane = (
  id: string,
  title: string,
  contender: Contender | null,
  rest: Partial<Lane> = {},
): Lane => ({
  id,
  title: contender ? `${title} ${contender.version}` : title,
  contender,
  port: contender?.port ?? 0,
  callers: [{}],
  owner: null,
  ...rest,
})

const aideonLane = (aideon: Aideon, id: string, title: string, owner: Owner): Lane =>
  makeLane(id, title, aideon, {
    title,
    callers: aideon.tokens[owner].map((token) => ({ authorization: `Bearer ${token}` })),
    owner,
  })

const startLanes = async (
  options: Options,
  surroundings: Surroundings,
): Promise<{ lanes: Lane[]; aideon: Aideon | null }> => {
  const { upstreamPort } = surroundings
  const lanes: Lane[] = [makeLane('direct', 'upstream', null, { port: upstreamPort })]
  if (options.only.has('nginx')) lanes.push(makeLane('nginx', 'nginx', await startNginx(surroundings)))
  if (options.only.has('portkey')) {
    if (!existsSync(portkeyPath)) throw new Error('Portkey is not installed: npm ci --prefix bench')
    lanes.push(
      makeLane('portkey', 'Portkey', await startPortkey(), { callers: [portkeyHeaders(upstreamPort)] }),
    )
  }
  if (options.only.has('reference'))
    lanes.push(
      makeLane('reference', 'node+undici', await startReference(surroundings, 'undici')),
      makeLane('floor', 'node+lean', await startReference(surroundings, 'lean')),
    )
  const aideon = options.only.has('aideon') ? await startAideon(surroundings, options.profileDirectory) : null
  if (aideon)
    lanes.push(
      aideonLane(aideon, 'own', 'Aideon, own key', 'user'),
      aideonLane(aideon, 'system', 'Aideon, system key', 'system'),
    )
  return { lanes, aideon }
}

const runLoad = async (
  bench: Bench,
  lane: Lane,
  one: Case,
  load: { connections: number; seconds: number },
): Promise<LoadResult> => {
  const result = await bench.tools.load({
    port: lane.port,
    connections: load.connections,
    milliseconds: load.seconds * 1000,
    requestFiles: requestFiles(bench, lane, one),
  })
  bench.replies.set(lane.id, (bench.replies.get(lane.id) ?? 0) + result.completed)
  const paid = lane.owner === null ? result.completed : result.owners[lane.owner]
  if (paid !== result.completed)
    bench.wrong.push(
      `${lane.id}, ${one.id}: ${result.completed - paid} receipts name another key owner than ${lane.owner}`,
    )
  if (result.errors > 0 || result.completed === 0)
    bench.wrong.push(
      `${lane.id}, ${one.id}: ${result.errors} of ${result.completed + result.errors} replies were wrong (status ${result.badStatus})`,
    )
  return result
}

/** Warms up, and compares the first reply with what the upstream itself answers. */
const check = async (bench: Bench, lane: Lane, one: Case, expected: Map<string, string>): Promise<void> => {
  for (const [index, file] of requestFiles(bench, lane, one).entries())
    writeRequest(file, { 'content-type': 'application/json', ...lane.callers[index] }, one.body)
  const saveFile = path.join(bench.directory, `${lane.id}-${one.id}.reply`)
  const result = await bench.tools.load({
    port: lane.port,
    connections: 1,
    milliseconds: 0.001,
    requestFiles: requestFiles(bench, lane, one),
    saveFile,
  })
  bench.replies.set(lane.id, (bench.replies.get(lane.id) ?? 0) + result.completed)
  const found =
    result.completed === 1
      ? JSON.stringify(readReply(readSavedBody(saveFile)))
      : readFileSync(saveFile, 'utf8')
  if (lane.id === 'direct') expected.set(one.id, found)
  if (found !== expected.get(one.id))
    bench.wrong.push(`${lane.id}, ${one.id}: the reply differs from the upstream's: ${found.slice(0, 300)}`)
}

const measure = async (bench: Bench, lane: Lane, one: Case, round: number): Promise<Measurement> => {
  const { seconds } = bench.options
  const alone = await runLoad(bench, lane, one, { connections: 1, seconds: seconds / 4 })
  const roots = lane.contender?.roots ?? []
  let peak = memoryBytes(roots)
  const sampler = setInterval(() => (peak = Math.max(peak, memoryBytes(roots))), 500)
  const foreign = foreignMeter(roots, coreOf.gateway)
  const before = cpuMicros(roots)
  const result = await runLoad(bench, lane, one, { connections: one.connections, seconds })
  // What is still being cleaned up belongs to these operations too.
  await new Promise((resolve) => setTimeout(resolve, 100))
  const used = cpuMicros(roots) - before
  clearInterval(sampler)
  return {
    lane: lane.id,
    case: one.id,
    round,
    connections: one.connections,
    cpuMicros: lane.contender ? used / result.completed : null,
    perSecond: result.completed / result.seconds,
    p50: result.p50,
    p99: result.p99,
    aloneP50: alone.p50,
    aloneP99: alone.p99,
    memoryBytes: Math.max(peak, memoryBytes(roots)),
    foreignShare: lane.contender ? foreign() : 0,
  }
}

/**
 * Until the optimising compiler has settled: the first tens of thousands of calls cost several times more. By calls and not by
 * time, which on a busy machine is too short.
 */
const warmUp = async (bench: Bench, lane: Lane, one: Case): Promise<void> => {
  const { quick } = bench.options
  const [enough, roundsAtMost, seconds] = quick ? [0, 1, 0.2] : [20_000, 10, 2]
  let completed = 0
  for (let round = 0; round < roundsAtMost && (round === 0 || completed < enough); round++)
    completed += (await runLoad(bench, lane, one, { connections: one.connections, seconds })).completed
}

const measureAll = async (bench: Bench): Promise<Measurement[]> => {
  const expected = new Map<string, string>()
  for (const lane of bench.lanes)
    for (const one of bench.options.cases) {
      await check(bench, lane, one, expected)
      if (bench.wrong.length === 0) await warmUp(bench, lane, one)
    }
  const all: Measurement[] = []
  for (let round = 1; round <= bench.options.rounds && bench.wrong.length === 0; round++) {
    console.error(`round ${round} of ${bench.options.rounds}`)
    for (const one of bench.options.cases)
      for (const lane of bench.lanes) all.push(await measure(bench, lane, one, round))
  }
  return all
}

/** Whether what was received is what was recorded, and each service key was used for its owner's calls only. */
const auditAll = async ({ aideon, lanes, replies, tools, wrong }: Bench): Promise<void> => {
  const received = (id: string): number => replies.get(id) ?? 0
  if (aideon) wrong.push(...(await aideon.audit({ user: received('own'), system: received('system') })))
  const counts = await tools.upstreamCounts()
  const others = lanes.filter(({ id }) => id !== 'direct' && id !== 'system').map(({ id }) => received(id))
  const expected = {
    user: others.reduce((sum, one) => sum + one, 0),
    system: received('system'),
    other: received('direct'),
  }
  for (const owner of ['user', 'system', 'other'] as const)
    if (counts[owner] !== expected[owner])
      wrong.push(
        `the upstream saw ${counts[owner]} calls on the key "${owner}" where ${expected[owner]} are right`,
      )
}

const print = (bench: Bench, all: readonly Measurement[]): number => {
  for (const one of bench.options.cases) {
    const text = formatCase(all, one, bench.lanes)
    if (text) console.log(text)
  }
  console.log()
  if (bench.wrong.length > 0) {
    for (const text of new Set(bench.wrong)) console.log(`VOID  ${text}`)
    return 1
  }
  const { judgedConnections } = bench.options
  const verdicts = judge(all, judgedConnections)
  console.log(`at ${judgedConnections} connections:`)
  for (const verdict of verdicts) console.log(verdict.text)
  const foreign = Math.max(...all.map((one) => one.foreignShare))
  if (foreign > 0.05)
    console.log(
      `note: others used up to ${Math.round(foreign * 100)} % of the gateways' core; trust only large differences`,
    )
  return verdicts.every((verdict) => verdict.pass) || bench.options.quick ? 0 : 1
}

const compare = async (options: Options, directory: string): Promise<number> => {
  const tools = await startLoadTools(directory)
  const { lanes, aideon } = await startLanes(options, { upstreamPort: tools.upstreamPort, directory })
  const bench: Bench = { options, directory, tools, lanes, aideon, replies: new Map(), wrong: [] }
  console.log(
    `${os.cpus()[0]?.model}, Linux ${os.release()}, Node ${process.version}; ${describePlacement()}`,
  )
  console.log(`${options.rounds} interleaved rounds of ${options.seconds} s; medians`)
  if (tools.note) console.log(`note: ${tools.note}`)
  const all = await measureAll(bench)
  await auditAll(bench)
  if (options.jsonFile) writeFileSync(options.jsonFile, JSON.stringify(all, null, 1))
  const code = print(bench, all)
  for (const contender of new Set(lanes.map((lane) => lane.contender))) await contender?.stop()
  return code
}

/** /tmp may be memory, where a commit costs nothing. PostgreSQL, as another user, must be able to pass through. */
const makeDirectory = (): string => {
  const parent = existsSync('/var/tmp') ? '/var/tmp' : os.tmpdir()
  const directory = mkdtempSync(path.join(parent, 'aideon-bench-'))
  chmodSync(directory, 0o755)
  return directory
}

export const runGatewayBench = async (parameters: string[]): Promise<number> => {
  const options = readOptions(parameters)
  if (!options) {
    console.log(help)
    return 0
  }
  if (process.platform !== 'linux') throw new Error('This bench reads /proc and therefore needs Linux.')
  stopEverythingAtExit()
  setTimeout(() => {
    console.error(`stopped: not finished within ${limitMinutes} minutes`)
    process.exit(1)
  }, limitMinutes * 60_000).unref()
  const directory = makeDirectory()
  atExit(() => rmSync(directory, { recursive: true, force: true }))
  placeSelf()
  try {
    return await compare(options, directory)
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    return 1
  } finally {
    // Children are ended by the exit handler.
    setImmediate(() => process.exit())
  }
}
