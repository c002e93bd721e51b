// The upstream and the load generator: two small C programs, or the same in JavaScript where there is no compiler.
import { mkdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { compile, run, start } from './children.ts'

/** What bench/c/load.c prints. Times in microseconds. */
export interface LoadResult {
  readonly completed: number
  readonly errors: number
  readonly badStatus: number
  readonly reconnects: number
  readonly seconds: number
  readonly p50: number
  readonly p99: number
  /** Least and most over all replies. */
  readonly payloadBytes: readonly [number, number]
  readonly events: readonly [number, number]
  /** From x-aideon-key-owner. */
  readonly owners: { readonly user: number; readonly organization: number; readonly system: number }
}

export interface LoadOptions {
  readonly port: number
  readonly connections: number
  readonly milliseconds: number
  /** Connections take them in turn. */
  readonly requestFiles: readonly string[]
  readonly saveFile?: string
}

export interface LoadTools {
  readonly upstreamPort: number
  readonly note: string | null
  load(options: LoadOptions): Promise<LoadResult>
  upstreamCounts(): Promise<{ user: number; system: number; other: number }>
}

const here = import.meta.dirname

export const startLoadTools = async (directory: string): Promise<LoadTools> => {
  const home = path.join(directory, 'tools')
  mkdirSync(home)
  const upstreamProgram = compile(path.join(here, 'c/upstream.c'), path.join(home, 'upstream'))
  const loadProgram = compile(path.join(here, 'c/load.c'), path.join(home, 'load'))
  const upstreamCommand = upstreamProgram
    ? [upstreamProgram]
    : [process.execPath, path.join(here, 'fallback/upstream.ts')]
  const loadCommand = loadProgram ? [loadProgram] : [process.execPath, path.join(here, 'fallback/load.ts')]

  const upstream = start([...upstreamCommand, '0'], { place: 'load' })
  const upstreamPort = await new Promise<number>((resolve, reject) => {
    const fail = (): void => reject(new Error(`the upstream did not start: ${upstream.output()}`))
    upstream.child.once('error', reject).once('exit', fail)
    upstream.child.stdout!.on('data', () => {
      const port = /^port (\d+)$/m.exec(upstream.output())?.[1]
      if (port) resolve(Number(port))
    })
  })

  return {
    upstreamPort,
    note: loadProgram
      ? null
      : 'no C compiler (cc): load and upstream run in JavaScript and limit what the fast ones reach',
    async load({ port, connections, milliseconds, requestFiles, saveFile }) {
      const parameters = [
        port,
        connections,
        milliseconds,
        requestFiles.join(),
        ...(saveFile ? [saveFile] : []),
      ].map(String)
      const out = await run([...loadCommand, ...parameters], {
        place: 'load',
        timeoutMs: milliseconds + 20_000,
      })
      return JSON.parse(out) as LoadResult
    },
    async upstreamCounts() {
      const reply = await fetch(`http://127.0.0.1:${upstreamPort}/counts`)
      return (await reply.json()) as { user: number; system: number; other: number }
    },
  }
}

/** The body of a saved reply, without chunk framing. */
export const readSavedBody = (file: string): string => {
  const whole = readFileSync(file, 'latin1')
  const blank = whole.indexOf('\r\n\r\n')
  const [head, framed] = [whole.slice(0, blank).toLowerCase(), whole.slice(blank + 4)]
  if (!head.includes('\r\ntransfer-encoding: chunked')) return framed
  let body = ''
  for (let at = 0; ; ) {
    const lineEnd = framed.indexOf('\r\n', at)
    const size = Number.parseInt(framed.slice(at, lineEnd), 16)
    if (lineEnd < 0 || !(size > 0)) return body
    body += framed.slice(lineEnd + 2, lineEnd + 2 + size)
    at = lineEnd + 2 + size + 2
  }
}
