import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { silentLog } from '../kit/log.ts'
import { openDatabase } from './database.ts'
import { type Embedded, runningEmbedded, startEmbedded } from './embedded.ts'
import { isAlive, processIdentity } from './embedded-process.ts'

const childScript = join(import.meta.dirname, '../../tests/embedded-child.ts')
const asRoot = process.getuid?.() === 0

/** One data directory for all: making a cluster takes a second. Each test leaves it stopped. */
let root: string
let dataDirectory: string
const running = new Set<Embedded>()

const start = async (directory = dataDirectory): Promise<Embedded> => {
  const embedded = await startEmbedded({ dataDirectory: directory, log: silentLog })
  running.add(embedded)
  return embedded
}

interface ChildReport {
  readonly url?: string
  readonly pid?: number
  readonly error?: string
}

const startChild = async (directory: string): Promise<{ child: ChildProcess; report: ChildReport }> => {
  const child = fork(childScript, [directory])
  const [report] = (await once(child, 'message')) as [ChildReport]
  return { child, report }
}

const kill = async (child: ChildProcess): Promise<void> => {
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

const query = async (url: string, text: string): Promise<Record<string, unknown>[]> => {
  const database = openDatabase({ url, maximumConnections: 1 })
  try {
    return (await database.pool.query<Record<string, unknown>>(text)).rows
  } finally {
    await database.close()
  }
}

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'aideon-embedded-'))
  if (asRoot) chmodSync(root, 0o755)
  dataDirectory = join(root, 'data')
  const first = await start()
  await query(first.url, 'CREATE TABLE kept (value integer)')
  await first.stop()
})

afterEach(async () => {
  for (const embedded of running) await embedded.stop()
  running.clear()
})

afterAll(() => rmSync(root, { recursive: true, force: true }))

describe('the built-in PostgreSQL', () => {
  test('takes no network connections, checks its pages and serves a role that is no superuser', async () => {
    const { url } = await start()
    const rows = await query(
      url,
      `SELECT current_setting('listen_addresses') AS listen, current_setting('data_checksums') AS checksums,
        (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser,
        (SELECT datlocprovider::text || datlocale FROM pg_database WHERE datname = current_database()) AS locale`,
    )
    expect(rows).toEqual([{ listen: '', checksums: 'on', superuser: false, locale: 'bC.UTF-8' }])
  })

  test('is stopped, and its lock gone, when stop returns', async () => {
    const embedded = await start()
    const { pid } = embedded
    await embedded.stop()
    expect(pid !== null && isAlive(pid)).toBe(false)
    expect(existsSync(join(dataDirectory, 'aideon.lock'))).toBe(false)
  })

  test('refuses a second start on the same data directory, and says who has it', async () => {
    await start()
    const { report } = await startChild(dataDirectory)
    expect(report.error).toMatch(
      new RegExp(`^Aideon Keys is already running on ${dataDirectory} \\(process ${process.pid}, since `),
    )
  })

  test('a command finds the server of a running gateway, and none after it stopped', async () => {
    const embedded = await start()
    expect(runningEmbedded(dataDirectory)).toBe(embedded.url)
    await embedded.stop()
    expect(runningEmbedded(dataDirectory)).toBeNull()
  })

  test('starts after kill -9 of its gateway: the server left behind is stopped, committed rows are there', async () => {
    const { child, report } = await startChild(dataDirectory)
    await query(report.url ?? '', 'INSERT INTO kept VALUES (42)')
    await kill(child)
    expect(isAlive(report.pid ?? 0)).toBe(true)
    const { url, pid } = await start()
    expect(pid).not.toBe(report.pid)
    expect(isAlive(report.pid ?? 0)).toBe(false)
    expect(await query(url, 'SELECT value FROM kept')).toEqual([{ value: 42 }])
  })

  test('starts after kill -9 of gateway and server both', async () => {
    const { child, report } = await startChild(dataDirectory)
    await kill(child)
    process.kill(report.pid ?? 0, 'SIGKILL')
    const { url } = await start()
    expect(await query(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
  })

  test('starts where the number in a stale postmaster.pid or lock belongs to another program now', async () => {
    const stranger = String(process.pid)
    writeFileSync(
      join(dataDirectory, 'postgres/18/postmaster.pid'),
      `${stranger}\n/elsewhere\n0\n5432\n\n\n\nready\n`,
    )
    const lock = { pid: process.pid, identity: 'before the boot', since: '2026-01-01T00:00:00.000Z' }
    writeFileSync(join(dataDirectory, 'aideon.lock'), JSON.stringify(lock))
    const { url } = await start()
    expect(await query(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
  })

  test('is started again when it is killed, at the same address', async () => {
    const embedded = await start()
    const { pid, url } = embedded
    const states: string[] = []
    const back = new Promise<void>((resolve) => {
      embedded.onStateChange((state) => {
        states.push(state)
        if (state === 'ready') resolve()
      })
    })
    process.kill(pid ?? 0, 'SIGKILL')
    await back
    expect(states).toEqual(['down', 'ready'])
    expect(embedded.pid).not.toBe(pid)
    expect(await query(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
  })

  test('is started again also when a process of the killed one hangs', async () => {
    const embedded = await start()
    const client = new Client({ connectionString: embedded.url })
    client.on('error', () => {})
    await client.connect()
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    const hanging = rows[0]?.pid ?? 0
    process.kill(hanging, 'SIGSTOP')
    const back = new Promise<void>((resolve) => {
      embedded.onStateChange((state) => state === 'ready' && resolve())
    })
    process.kill(embedded.pid ?? 0, 'SIGKILL')
    await back
    expect(isAlive(hanging)).toBe(false)
    expect(await query(embedded.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
  })

  test('tells the end of the server’s log when it does not start', async () => {
    const broken = startEmbedded({ dataDirectory, log: silentLog, settings: { shared_buffers: '1kB' } })
    await expect(broken).rejects.toThrow(/did not start[^]*valid range for parameter "shared_buffers"/)
    expect(existsSync(join(dataDirectory, 'aideon.lock'))).toBe(false)
  })

  test('works in a directory whose path is too long for a socket', async () => {
    const long = join(root, 'long-'.padEnd(110, 'x'))
    const { url } = await start(long)
    expect(await query(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
    expect(runningEmbedded(long)).toBe(url)
  })

  test.runIf(asRoot)(
    'as root, refuses a directory that the database’s account cannot reach, and names it',
    async () => {
      const closed = join(root, 'closed')
      mkdirSync(closed, { mode: 0o700 })
      await expect(start(join(closed, 'data'))).rejects.toThrow(
        new RegExp(
          `does not run as root but as \\w+, who may not enter ${closed}, .*--data /var/lib/aideon-keys`,
        ),
      )
      expect(existsSync(join(closed, 'data'))).toBe(false)
    },
  )

  test('refuses at once a directory that cannot be made and one that a shell would read otherwise', async () => {
    await expect(start('/proc/aideon')).rejects.toThrow(/cannot be made/)
    await expect(start(join(root, 'a "$b"'))).rejects.toThrow(/quotation mark/)
  })

  test.runIf(asRoot)('as root, runs as another user without any privilege', async () => {
    const { pid } = await start()
    const status = readFileSync(`/proc/${String(pid)}/status`, 'utf8')
    expect(status).not.toMatch(/^Uid:\s+0\s/m)
    expect(status).toMatch(/^CapEff:\s+0+$/m)
  })
})

test('a process has its identity while it lives, and shares it with no other one', async () => {
  const child = spawn('sleep', ['60'])
  const identity = processIdentity(child.pid ?? 0)
  expect(identity).not.toBeNull()
  expect(identity).not.toBe(processIdentity(process.pid))
  await kill(child)
  expect(processIdentity(child.pid ?? 0)).toBeNull()
})
