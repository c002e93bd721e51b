import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

export interface GatewayProcess {
  readonly url: string
  readonly pid: number
  /** Everything that it wrote so far, to either stream. */
  output(): string
  signal(name: NodeJS.Signals): void
  /** How it ended. */
  readonly exit: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>
}

const commandLine = join(import.meta.dirname, '../../src/cli/cli.ts')

/** What processes of the product are given beside their settings. */
export const surroundings = (): NodeJS.ProcessEnv => ({
  PATH: process.env['PATH'],
  HOME: process.env['HOME'],
  ...(process.env['NODE_COMPILE_CACHE'] && { NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] }),
})

/** A gateway as an operator starts it, less the launcher in front. Resolves when it says that it is ready. */
export const startGatewayProcess = async (
  environment: Readonly<Record<string, string>>,
  script: string = commandLine,
): Promise<GatewayProcess> => {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script, 'start'], {
    env: { ...surroundings(), AIDEON_PORT: '0', ...environment },
    // The channel ends it, should whoever runs the tests be killed.
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  const exit = once(child, 'close').then(([code, signal]) => {
    process.off('exit', kill)
    return { code: code as number | null, signal: signal as NodeJS.Signals | null }
  })
  const output: string[] = []
  child.stderr?.setEncoding('utf8').on('data', (text: string) => output.push(text))
  const url = await readyUrl(child, output, exit)
  return {
    url,
    pid: child.pid as number,
    output: () => output.join(''),
    signal: (name) => void child.kill(name),
    exit,
  }
}

const readyUrl = (child: ChildProcess, output: string[], exit: GatewayProcess['exit']): Promise<string> =>
  new Promise((resolve, reject) => {
    if (child.stdout === null) throw new Error('the output of a gateway is read')
    createInterface({ input: child.stdout }).on('line', (line) => {
      output.push(`${line}\n`)
      const match = /^Aideon Keys is ready: (\S+)$/.exec(line)
      if (match) resolve(match[1] as string)
    })
    void exit.then(({ code, signal }) =>
      reject(new Error(`A gateway ended with ${code ?? signal} before it was ready:\n${output.join('')}`)),
    )
  })
