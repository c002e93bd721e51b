// npm run bench -- ledger: credits held and settled, in groups as the ledger does it and one UPDATE at a time.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { type Embedded, startEmbedded } from '../src/db/embedded.ts'
import { type Database, openDatabase } from '../src/db/database.ts'
import { migrate } from '../src/db/migrate.ts'
import { silentLog } from '../src/kit/log.ts'
import { checkLedger } from '../tests/ledger.ts'
import { openOurs, openPlain, type Contender, type Work } from './ledger-contenders.ts'
import { cpuMicros } from './process-tree.ts'
import { spread } from './report.ts'

const help = `npm run bench -- ledger [options]

  --quick          one short round: shows that everything runs, its numbers mean nothing
  --rounds N       interleaved rounds (8)
  --seconds S      of load per measurement (1.5)
  --concurrency N  operations at a time (64)
  --no-sync        PostgreSQL with fsync off
  --json FILE      every single measurement
`

interface Options {
  readonly rounds: number
  readonly seconds: number
  readonly concurrency: number
  readonly sync: boolean
  readonly jsonFile: string | null
}

const readOptions = (parameters: string[]): Options | null => {
  const { values } = parseArgs({
    args: parameters,
    options: {
      help: { type: 'boolean' },
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      concurrency: { type: 'string', default: '64' },
      'no-sync': { type: 'boolean', default: false },
      json: { type: 'string' },
    },
  })
  if (values.help) return null
  return {
    rounds: Number(values.rounds ?? (values.quick ? 1 : 8)),
    seconds: Number(values.seconds ?? (values.quick ? 0.4 : 1.5)),
    concurrency: Number(values.concurrency),
    sync: !values['no-sync'],
    jsonFile: values.json ?? null,
  }
}

const cases = [
  { id: 'hot hold', title: 'hold, one account', accounts: 1, work: 'hold' },
  { id: 'hot pair', title: 'hold + settle, one account', accounts: 1, work: 'pair' },
  { id: 'many hold', title: 'hold, a thousand accounts', accounts: 1_000, work: 'hold' },
  { id: 'many pair', title: 'hold + settle, a thousand accounts', accounts: 1_000, work: 'pair' },
] as const satisfies readonly { id: string; title: string; accounts: number; work: Work }[]
type Case = (typeof cases)[number]

interface Measured {
  readonly contender: 'plain' | 'ours'
  readonly case: Case['id']
  readonly round: number
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  readonly cpuMicros: number
}

/** So many callers, each with its next operation when the last one is answered. */
const measure = async (
  contender: Contender,
  one: Case,
  options: Options,
  postmaster: number,
): Promise<Omit<Measured, 'contender' | 'case' | 'round'>> => {
  const latencies: number[] = []
  let next = 0
  const seconds = options.seconds
  const until = performance.now() + seconds * 1_000
  const before = cpuMicros([process.pid, postmaster])
  const began = performance.now()
  const caller = async (): Promise<void> => {
    while (performance.now() < until) {
      const started = performance.now()
      await contender.operate(one.work, next++ % one.accounts)
      latencies.push(performance.now() - started)
    }
  }
  await Promise.all(Array.from({ length: options.concurrency }, caller))
  const elapsed = performance.now() - began
  const used = cpuMicros([process.pid, postmaster]) - before
  latencies.sort((a, b) => a - b)
  return {
    perSecond: (latencies.length * 1_000) / elapsed,
    p50: latencies[Math.floor(latencies.length * 0.5)] ?? 0,
    p99: latencies[Math.floor(latencies.length * 0.99)] ?? 0,
    cpuMicros: used / latencies.length,
  }
}

const format = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString('en-US') : value.toPrecision(3)

const medians = (all: readonly Measured[], pick: (one: Measured) => number): string =>
  format(spread(all.map(pick)).median)

/** Ratios are taken within a round, where both had the same company on the machine. */
const ratio = (all: readonly Measured[], id: string, pick: (one: Measured) => number) => {
  const of = (contender: string) => all.filter((one) => one.case === id && one.contender === contender)
  const plain = new Map(of('plain').map((one) => [one.round, one]))
  return spread(of('ours').map((one) => pick(one) / pick(plain.get(one.round) as Measured)))
}

const report = (all: readonly Measured[]): string => {
  const rows = cases.flatMap((one) =>
    (['plain', 'ours'] as const).map((contender) => {
      const of = all.filter((m) => m.case === one.id && m.contender === contender)
      const times = ratio(all, one.id, (m) => m.perSecond)
      const shown =
        contender === 'ours'
          ? `${times.median.toFixed(1)} (${times.least.toFixed(1)}–${times.most.toFixed(1)})`
          : ''
      return `| ${one.title} | ${contender} | ${medians(of, (m) => m.perSecond)} | ${shown} | ${medians(of, (m) => m.p50)} | ${medians(of, (m) => m.p99)} | ${medians(of, (m) => m.cpuMicros)} |`
    }),
  )
  return [
    '| case | way | operations/s | × plain (least–most) | p50 ms | p99 ms | CPU µs each |',
    '|---|---|---|---|---|---|---|',
    ...rows,
  ].join('\n')
}

const leastTimes = 5

/** What is promised of the hot account. */
const verdicts = (all: readonly Measured[]) =>
  (['hot hold', 'hot pair'] as const).flatMap((id) => {
    const times = ratio(all, id, (m) => m.perSecond).median
    const slower = ratio(all, id, (m) => m.p99).median
    return [
      { ok: times >= leastTimes, text: `${id}: ${times.toFixed(1)} × plain, wanted at least ${leastTimes}` },
      { ok: slower <= 1, text: `${id}: p99 is ${slower.toFixed(2)} × plain's, wanted at most 1` },
    ]
  })

const run = async (options: Options, database: Database, server: Embedded): Promise<number> => {
  const largest = Math.max(...cases.map((one) => one.accounts))
  const contenders = {
    plain: await openPlain(database, server.url, { accounts: largest, connections: options.concurrency }),
    ours: await openOurs(database, { accounts: largest }),
  }
  const all: Measured[] = []
  // Round 0 warms up: plans, caches, compiled code.
  for (let round = 0; round <= options.rounds; round++)
    for (const one of cases) {
      const order = round % 2 === 0 ? (['plain', 'ours'] as const) : (['ours', 'plain'] as const)
      for (const contender of order) {
        const measured = await measure(contenders[contender], one, options, server.pid ?? 0)
        if (round > 0) all.push({ contender, case: one.id, round, ...measured })
        await database.pool.query('CHECKPOINT')
      }
    }
  const wrong = [
    ...(await contenders.plain.problems()),
    ...(await contenders.ours.problems()),
    ...(await checkLedger(database)).slice(0, 20),
  ]
  await contenders.plain.close()
  await contenders.ours.close()
  if (options.jsonFile) writeFileSync(options.jsonFile, JSON.stringify(all, null, 1))
  const { rows } = await database.pool.query<{ version: string }>(
    "SELECT current_setting('server_version') AS version",
  )
  console.log(
    `${options.concurrency} operations at a time, ${options.rounds} rounds of ${options.seconds} s, PostgreSQL ${rows[0]?.version}, fsync ${options.sync ? 'on' : 'off'}, Node ${process.version}\n`,
  )
  console.log(report(all))
  console.log()
  const judged = verdicts(all)
  for (const { ok, text } of judged) console.log(`${ok ? 'ok    ' : 'MISSED'} ${text}`)
  for (const problem of wrong) console.log(`WRONG  ${problem}`)
  if (wrong.length === 0) console.log('ok     every micro-credit of both ways is accounted for')
  return wrong.length === 0 && judged.every(({ ok }) => ok) ? 0 : 1
}

export const runLedgerBench = async (parameters: string[]): Promise<number> => {
  const options = readOptions(parameters)
  if (!options) {
    console.log(help)
    return 0
  }
  const directory = mkdtempSync(path.join(tmpdir(), 'aideon-ledger-bench-'))
  // mkdtemp's 0700 would keep out the account that the database runs as when root starts it.
  if (process.getuid?.() === 0) chmodSync(directory, 0o755)
  const server = await startEmbedded({
    dataDirectory: path.join(directory, 'data'),
    log: silentLog,
    settings: { max_connections: '150', ...(options.sync ? {} : { fsync: 'off' }) },
  })
  const database = openDatabase({
    url: server.administratorUrl.replace(/\/postgres(\?|$)/, '/aideon$1'),
    maximumConnections: 4,
  })
  try {
    await migrate(database, { log: silentLog })
    return await run(options, database, server)
  } finally {
    await database.close()
    await server.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}
