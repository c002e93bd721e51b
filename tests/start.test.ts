import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Account, closedDirectory, parsePasswd } from '../src/db/embedded-account.ts'
import { lockHolder } from '../src/db/embedded-lock.ts'
import { becomesTrue, isAlive } from '../src/db/embedded-process.ts'

const top = join(import.meta.dirname, '..')
const asRoot = process.getuid?.() === 0

/** The Node.js that a bare machine has, however old: the launcher is for it. */
const systemNode =
  (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((directory) => !directory.includes('node_modules'))
    .map((directory) => join(directory, 'node'))
    .find((path) => existsSync(path)) ?? process.execPath

interface Run {
  readonly process: ChildProcess
  readonly output: () => string
  /** The gateway's address, or null where it ended without one. */
  readonly url: Promise<string | null>
  readonly exit: Promise<number | null>
}

let home: string
const runs: Run[] = []

/** A login of its own: nothing of this run's environment, so that the defaults are what is tested. */
const start = (parameters: string[], account?: Account): Run => {
  const child = spawn(systemNode, [join(top, 'bin/aideon-keys.mjs'), 'start', '--port', '0', ...parameters], {
    cwd: '/',
    env: { PATH: process.env['PATH'], HOME: home },
    ...(account ? { uid: account.uid, gid: account.gid } : {}),
  })
  let output = ''
  const lines = createInterface({ input: child.stdout })
  const exit = once(child, 'close').then(([code]) => code as number | null)
  const url = new Promise<string | null>((resolve) => {
    lines.on('line', (line) => {
      output += `${line}\n`
      const match = /^Aideon Keys is ready: (\S+)$/.exec(line)
      if (match) resolve(match[1] ?? null)
    })
    void exit.then(() => resolve(null))
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  const run = { process: child, output: () => output, url, exit }
  runs.push(run)
  return run
}

const serverPid = (dataDirectory: string): number =>
  Number.parseInt(readFileSync(join(dataDirectory, 'postgres/18/postmaster.pid'), 'utf8'), 10)

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'aideon-home-'))
  // mkdtemp's 0700 would keep out the account that the database runs as when root starts it.
  if (asRoot) chmodSync(home, 0o755)
})

afterEach(async () => {
  for (const run of runs.splice(0)) {
    run.process.kill('SIGTERM')
    await run.exit
  }
  rmSync(home, { recursive: true, force: true })
})

// Each start also builds the dashboards, and two cores are shared with the other tests.
describe('a first start on a bare machine', () => {
  test('serves, refuses a second start on its data, and on SIGINT drains and stops its database', async () => {
    const dataDirectory = join(home, 'data')
    const first = start(['--data', dataDirectory])
    const url = await first.url
    expect(url, first.output()).not.toBeNull()
    expect((await fetch(`${url}/healthz`)).status).toBe(200)

    const second = start(['--data', dataDirectory])
    expect(await second.exit).toBe(1)
    expect(second.output()).toMatch(
      /^Aideon Keys is already running on .* \(process \d+, since .*\)\. Stop it first/,
    )

    const postgres = serverPid(dataDirectory)
    first.process.kill('SIGINT')
    expect(await first.exit).toBe(0)
    expect(isAlive(postgres)).toBe(false)
  })

  test('stops, database included, when the launcher that was started is killed', async () => {
    const dataDirectory = join(home, 'data')
    const run = start(['--data', dataDirectory])
    expect(await run.url, run.output()).not.toBeNull()
    const postgres = serverPid(dataDirectory)
    run.process.kill('SIGKILL')
    await run.exit
    expect(await becomesTrue(() => lockHolder(dataDirectory) === null, 20_000)).toBe(true)
    expect(isAlive(postgres)).toBe(false)
  })

  const nobody = asRoot
    ? parsePasswd(readFileSync('/etc/passwd', 'utf8')).find((account) => account.name === 'nobody')
    : undefined
  const reachable = nobody !== undefined && closedDirectory(top, nobody) === null

  test.runIf(reachable)(
    'works as an ordinary user who may not write the checkout, in the user’s own data directory',
    async () => {
      if (!nobody) return
      chownSync(home, nobody.uid, nobody.gid)
      const run = start([], nobody)
      const url = await run.url
      expect(url, run.output()).not.toBeNull()
      expect((await fetch(`${url}/healthz`)).status).toBe(200)
      const dataDirectory = join(home, '.local/share/aideon-keys')
      expect(statSync(dataDirectory).uid).toBe(nobody.uid)
      expect(statSync(dataDirectory).mode & 0o077).toBe(0)
      run.process.kill('SIGTERM')
      expect(await run.exit).toBe(0)
    },
  )
})
