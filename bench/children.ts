// Child processes on the core they belong to; none outlives the bench.
import { execFileSync, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import net from 'node:net'

const living = new Set<ChildProcess>()
const finalActions: (() => void)[] = []

// BENCH_WITHOUT=cc,taskset,setpriv shows what happens on a machine that lacks them.
const has = (command: string): boolean => {
  if (process.env['BENCH_WITHOUT']?.split(',').includes(command)) return false
  try {
    execFileSync('sh', ['-c', `command -v ${command}`], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** "0-1,4" → [0, 1, 4] */
const allowedCores = (): number[] => {
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? '0'
  return list.split(',').flatMap((part) => {
    const [first, last = first] = part.split('-').map(Number)
    return Array.from({ length: last! - first! + 1 }, (_, index) => first! + index)
  })
}

const cores = allowedCores()
const canPin = cores.length > 1 && has('taskset')
// The kernel ends children also when the bench itself is killed with -9.
const leash = has('setpriv') ? ['setpriv', '--pdeathsig', 'TERM'] : []

export type Place = 'load' | 'gateway'
export const coreOf: Readonly<Record<Place, number>> = { load: cores[0]!, gateway: cores.at(-1)! }

export const describePlacement = (): string =>
  canPin
    ? `gateways on core ${coreOf.gateway}, upstream and load generator on core ${coreOf.load}`
    : 'NOT PINNED (one core, or no taskset): gateways compete with the load generator'

/** The bench itself belongs to the load generator's core. */
export const placeSelf = (): void => {
  if (canPin) execFileSync('taskset', ['-acp', String(coreOf.load), String(process.pid)], { stdio: 'ignore' })
}

const prefixed = (place: Place, command: readonly string[]): string[] => [
  ...leash,
  ...(canPin ? ['taskset', '-c', String(coreOf[place])] : []),
  ...command,
]

export interface StartOptions {
  readonly place: Place
  readonly environment?: Readonly<Record<string, string>>
  readonly directory?: string
}

/** Starts a command that runs until it is stopped; what it prints is kept for the message should it fail. */
export const start = (
  command: readonly string[],
  options: StartOptions,
): { child: ChildProcess; output: () => string } => {
  const [program, ...parameters] = prefixed(options.place, command)
  const child = spawn(program!, parameters, {
    cwd: options.directory,
    detached: true, // a process group of its own, so that stop() reaches all of it
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.environment },
  })
  living.add(child)
  child.once('exit', () => living.delete(child))
  let text = ''
  const keep = (part: Buffer): void => {
    text = (text + part.toString()).slice(-65_536)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  return { child, output: () => text }
}

/** Runs a command to its end and returns what it printed on standard output. */
export const run = (
  command: readonly string[],
  options: StartOptions & { timeoutMs: number },
): Promise<string> => {
  const { child } = start(command, options)
  return new Promise((resolve, reject) => {
    let out = ''
    let errors = ''
    const timer = setTimeout(() => signalGroup(child, 'SIGKILL'), options.timeoutMs)
    child.stdout!.on('data', (part: Buffer) => (out += part.toString()))
    child.stderr!.on('data', (part: Buffer) => (errors += part.toString()))
    child.once('error', reject)
    child.once('close', (code, signal) => {
      clearTimeout(timer)
      if (code === 0) resolve(out)
      else
        reject(
          new Error(
            `${command.join(' ')} ended with ${code ?? signal}: ${errors.slice(-2000) || out.slice(-2000)}`,
          ),
        )
    })
  })
}

const signalGroup = (child: ChildProcess, signal: NodeJS.Signals): void => {
  try {
    process.kill(-child.pid!, signal)
  } catch {
    // gone already
  }
}

/** Asks the process group to stop, and makes it stop after a while. */
export const stop = (child: ChildProcess, graceMs = 3000): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  return new Promise((resolve) => {
    const timer = setTimeout(() => signalGroup(child, 'SIGKILL'), graceMs)
    child.once('exit', () => {
      clearTimeout(timer)
      resolve()
    })
    signalGroup(child, 'SIGTERM')
  })
}

/** Runs last, however the bench ends; must be synchronous. */
export const atExit = (action: () => void): void => {
  finalActions.unshift(action)
}

export const stopEverythingAtExit = (): void => {
  process.once('exit', () => {
    for (const child of living) signalGroup(child, 'SIGKILL')
    for (const action of finalActions) {
      try {
        action()
      } catch {
        // the others still run
      }
    }
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130))
}

export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = net.createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as net.AddressInfo
      server.close(() => resolve(port))
    })
  })

/** Resolves when something accepts connections at the port; fails when the child ends first. */
export const listening = async (
  started: { child: ChildProcess; output: () => string },
  port: number,
  timeoutMs = 20_000,
): Promise<void> => {
  const deadline = Date.now() + timeoutMs
  while (Date.now() < deadline) {
    if (started.child.exitCode !== null) break
    const open = await new Promise<boolean>((resolve) => {
      const socket = net.connect(port, '127.0.0.1', () => resolve(true)).once('error', () => resolve(false))
      socket.once('connect', () => socket.destroy())
    })
    if (open) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(
    `${started.child.spawnargs.join(' ')} does not listen on ${port}: ${started.output().slice(-2000)}`,
  )
}

/** A small program in C, compiled once per run of the bench; null without a C compiler. */
export const compile = (source: string, target: string): string | null => {
  if (!has('cc')) return null
  execFileSync('cc', ['-O2', '-w', '-o', target, source])
  return target
}

export const writeRequest = (
  file: string,
  headers: Readonly<Record<string, string>>,
  body: unknown,
): void => {
  const bytes = Buffer.from(JSON.stringify(body))
  const lines = Object.entries({ ...headers, 'content-length': String(bytes.length) }).map(
    ([name, value]) => `${name}: ${value}`,
  )
  const head = `POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\n${lines.join('\r\n')}\r\n\r\n`
  writeFileSync(file, Buffer.concat([Buffer.from(head), bytes]))
}
