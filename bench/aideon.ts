// This gateway as a contender: set up by its own command line, started as an operator starts it, and audited by SQL.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import pg from 'pg'
import { atExit, freePort, run, start, stop } from './children.ts'
import { systemServiceKey, userServiceKey } from './contenders.ts'
import type { Contender, Surroundings } from './contenders.ts'
import { cpuMicros, findPostmaster } from './process-tree.ts'
import type { Postmaster } from './process-tree.ts'

export type Owner = 'user' | 'system'

export interface Aideon extends Contender {
  /** Access tokens of callers with an own key, and of callers without one. */
  readonly tokens: Readonly<Record<Owner, readonly string[]>>
  /** What is wrong with what was recorded, given the replies that were received. */
  audit(replies: Readonly<Record<Owner, number>>): Promise<string[]>
}

/** Several, so that credits are held on several accounts. */
const callersOfEach = 8
const program = path.join(import.meta.dirname, '../bin/aideon-keys.mjs')

const userLines = (owner: Owner, index: number): string => `
      - email: ${owner}${index}@bench.example
        name: ${owner} ${index}
        tier: bench
        accessTokenFile: ${owner}${index}.token
        ${owner === 'user' ? 'keys: [{ service: openai, label: Own, secret: env:BENCH_USER_KEY }]' : 'fallback: system'}`

const setUp = (upstreamPort: number): string => {
  const callers = (['user', 'system'] as const).flatMap((owner) =>
    Array.from({ length: callersOfEach }, (_, index) => userLines(owner, index)),
  )
  return `
outboundAllowances: ['127.0.0.1:${upstreamPort}']
services: { openai: { baseUrl: 'http://127.0.0.1:${upstreamPort}' } }
tiers: [{ id: bench, name: Bench, monthlyCredits: 100000000, monthlyPrice: 0 }]
systemKeys: [{ service: openai, label: Bench, priority: primary, secret: 'env:BENCH_SYSTEM_KEY' }]
organizations:
  - name: Bench
    controlPolicy: user_control
    users:${callers.join('')}
`
}

const environment = {
  BENCH_USER_KEY: userServiceKey,
  BENCH_SYSTEM_KEY: systemServiceKey,
  // What an operator may have set must not reach the instance under test.
  DATABASE_URL: '',
  AIDEON_MASTER_KEY: '',
  AIDEON_MASTER_KEY_FILE: '',
  AIDEON_LOG_LEVEL: 'warn',
  NODE_ENV: 'production',
}

const readyUrl = /is ready: (http:\/\/\S+)/

export const startAideon = async (
  { upstreamPort, directory }: Surroundings,
  profileDirectory: string | null,
): Promise<Aideon> => {
  const home = path.join(directory, 'aideon')
  // PostgreSQL runs as another user when the bench runs as root.
  mkdirSync(home, { mode: 0o755 })
  const data = path.join(home, 'data')
  const file = path.join(home, 'aideon.yaml')
  writeFileSync(file, setUp(upstreamPort))
  const place = { place: 'gateway', environment } as const
  await run([process.execPath, program, 'apply', '-f', file, '--data', data], {
    ...place,
    timeoutMs: 120_000,
  })

  const port = await freePort()
  const profiling: Record<string, string> =
    profileDirectory === null ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${profileDirectory}` }
  const started = start([process.execPath, program, 'start', '--port', String(port), '--data', data], {
    ...place,
    environment: { ...environment, ...profiling },
  })
  const postmaster = await untilReady(started, data)
  atExit(() => process.kill(postmaster.pid, 'SIGQUIT'))
  const roots = [started.child.pid!, postmaster.pid]
  await untilQuiet(roots)
  const readTokens = (owner: Owner): string[] =>
    Array.from({ length: callersOfEach }, (_, index) =>
      readFileSync(path.join(home, `${owner}${index}.token`), 'utf8').trim(),
    )
  return {
    port,
    roots,
    version: JSON.parse(readFileSync(path.join(import.meta.dirname, '../package.json'), 'utf8'))
      .version as string,
    tokens: { user: readTokens('user'), system: readTokens('system') },
    audit: (replies) => audit(postmaster, replies),
    stop: () => stop(started.child, 30_000),
  }
}

const untilReady = async (started: ReturnType<typeof start>, data: string): Promise<Postmaster> => {
  const deadline = Date.now() + 60_000
  while (Date.now() < deadline && started.child.exitCode === null) {
    const postmaster = readyUrl.test(started.output()) ? findPostmaster(data) : null
    if (postmaster) return postmaster
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`Aideon Keys did not start: ${started.output().slice(-3000)}`)
}

/** The first start builds the dashboards beside serving; that is no part of an operation's cost. */
const untilQuiet = async (roots: readonly number[]): Promise<void> => {
  for (let seconds = 0; seconds < 90; seconds++) {
    const before = cpuMicros(roots)
    await new Promise((resolve) => setTimeout(resolve, 1000))
    if (cpuMicros(roots) - before < 50_000) return
  }
  throw new Error('Aideon Keys is busy a minute and a half after its start, without a call.')
}

/** One row, every column null-free; compared by name with what is expected. */
const facts = `
  WITH o AS (SELECT * FROM operations), e AS (SELECT * FROM ledger_entries)
  SELECT
    (SELECT count(*) FROM o WHERE key_owner = 'user' AND status = 'succeeded')   AS "operations on own keys",
    (SELECT count(*) FROM o WHERE key_owner = 'system' AND status = 'succeeded') AS "operations on system keys",
    (SELECT count(*) FROM o WHERE status <> 'succeeded')                         AS "operations that failed",
    (SELECT count(*) FROM o WHERE usage_source <> 'reported' OR input_tokens <> 350
      OR output_tokens <> CASE WHEN streamed THEN 50 ELSE 120 END)               AS "operations with wrong usage",
    (SELECT count(*) FROM o WHERE (key_owner = 'system') <> (credit_micros > 0)) AS "operations charged wrongly",
    (SELECT count(*) FROM holds WHERE state = 'settled')                         AS "holds that were settled",
    (SELECT count(*) FROM holds WHERE state <> 'settled')                        AS "holds that were not settled",
    (SELECT coalesce(sum(credit_micros), 0) FROM o)
      - (SELECT coalesce(sum(amount_micros), 0) FROM e WHERE bucket = 'spent')   AS "credits charged but not spent",
    (SELECT count(*) FROM (SELECT FROM e GROUP BY organization_id, account_id, number
      HAVING sum(amount_micros) <> 0) AS unbalanced)                             AS "ledger transactions not in balance"`

const audit = async (postmaster: Postmaster, replies: Readonly<Record<Owner, number>>): Promise<string[]> => {
  const client = new pg.Client({
    host: postmaster.socketDirectory,
    port: postmaster.port,
    user: 'aideon',
    database: 'aideon',
  })
  await client.connect()
  try {
    const { rows } = await client.query<Record<string, string>>(facts)
    const expected: Record<string, number> = {
      'operations on own keys': replies.user,
      'operations on system keys': replies.system,
      'holds that were settled': replies.system,
    }
    return Object.entries(rows[0] ?? {}).flatMap(([name, found]) =>
      Number(found) === (expected[name] ?? 0)
        ? []
        : `${name}: ${found} where ${expected[name] ?? 0} are right`,
    )
  } finally {
    await client.end()
  }
}
