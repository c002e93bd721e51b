// What a whole tree of processes used, from /proc. Linux only.
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

interface ProcessRow {
  readonly pid: number
  readonly parent: number
  readonly ticks: number
}

let ticksPerSecond = 0

const readRow = (pid: number): ProcessRow | null => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name may hold spaces and parentheses, so fields are counted from the last ')': state is field 3.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // utime, stime: all threads. cutime, cstime: children that ended and were waited for, such as PostgreSQL's
    // autovacuum workers, which a look at the living alone would miss.
    const ticks = [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0)
    return { pid, parent: Number(fields[1]), ticks }
  } catch {
    return null // ended meanwhile
  }
}

const readAll = (): ProcessRow[] =>
  readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? (readRow(Number(name)) ?? []) : []))

/** The processes that descend from any root, the roots included. A root that lies below another counts once. */
const descendants = (roots: readonly number[]): ProcessRow[] => {
  const children = Map.groupBy(readAll(), (row) => row.parent)
  const found = new Map<number, ProcessRow>()
  const visit = (row: ProcessRow | null): void => {
    if (row === null || found.has(row.pid)) return
    found.set(row.pid, row)
    for (const child of children.get(row.pid) ?? []) visit(child)
  }
  for (const root of roots) visit(readRow(root))
  return [...found.values()]
}

/** User and system time that the trees used so far, in microseconds; the kernel counts in ticks of 10 ms. */
export const cpuMicros = (roots: readonly number[]): number => {
  ticksPerSecond ||= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))
  const ticks = descendants(roots).reduce((sum, row) => sum + row.ticks, 0)
  return (ticks * 1_000_000) / ticksPerSecond
}

/** Proportional set size: shared pages, such as PostgreSQL's buffers, count once over all processes. */
export const memoryBytes = (roots: readonly number[]): number =>
  descendants(roots).reduce((sum, { pid }) => {
    try {
      const pss = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'))
      return sum + Number(pss?.[1] ?? 0) * 1024
    } catch {
      return sum
    }
  }, 0)

export interface Postmaster {
  readonly pid: number
  readonly socketDirectory: string
  readonly port: number
}

/** The PostgreSQL that serves a data directory: it need not be a child of the process that started it. */
export const findPostmaster = (directory: string): Postmaster | null => {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' })
  const home = names.find((name) => path.basename(name) === 'postmaster.pid')
  if (!home) return null
  // Lines: pid, data directory, start time, port, socket directory, …
  const lines = readFileSync(path.join(directory, home), 'utf8').split('\n')
  return { pid: Number(lines[0]), port: Number(lines[3]), socketDirectory: lines[4] ?? '' }
}

/** Time of a core so far, in ticks. */
const coreTicks = (core: number): { busy: number; all: number } => {
  const row = new RegExp(`^cpu${core} (.*)$`, 'm').exec(readFileSync('/proc/stat', 'latin1'))
  const fields = (row?.[1] ?? '').trim().split(/\s+/).map(Number)
  // user nice system idle iowait irq softirq steal
  const all = fields.slice(0, 8).reduce((sum, ticks) => sum + ticks, 0)
  return { all, busy: all - fields[3]! - fields[4]! }
}

/** Starts counting; the result tells which share of the core was used by others than these trees. */
export const foreignMeter = (roots: readonly number[], core: number): (() => number) => {
  const before = { ...coreTicks(core), own: cpuMicros(roots) }
  return () => {
    const after = coreTicks(core)
    const own = ((cpuMicros(roots) - before.own) * ticksPerSecond) / 1_000_000
    return Math.max(0, after.busy - before.busy - own) / Math.max(1, after.all - before.all)
  }
}
