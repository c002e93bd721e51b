import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'

/** What PostgreSQL writes into `postmaster.pid`, one value a line. */
export interface PostmasterFile {
  readonly pid: number
  readonly socketDirectory: string
  readonly status: string
}

export const parsePostmasterFile = (text: string): PostmasterFile | null => {
  const lines = text.split('\n')
  const pid = Number(lines[0])
  if (!Number.isInteger(pid) || pid <= 0) return null
  return { pid, socketDirectory: lines[4]?.trim() ?? '', status: lines[7]?.trim() ?? '' }
}

/** Start time of a process in clock ticks since boot: field 22; the name in field 2 may hold spaces and brackets. */
export const parseStartTicks = (stat: string): string | null =>
  stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null

/**
 * Tells this process from a later one with the same number: start time, and the boot that it counts from. Null when
 * there is no such process. Numbers are reused soon in containers, where a restart counts from 1 again.
 */
export const processIdentity = (pid: number): string | null => {
  if (!isAlive(pid)) return null
  try {
    if (process.platform !== 'linux')
      return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || null
    const ticks = parseStartTicks(readFileSync(`/proc/${pid}/stat`, 'utf8'))
    return ticks && `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}:${ticks}`
  } catch {
    return null
  }
}

/** Whether the number is taken, be it by a zombie: what PostgreSQL goes by. */
export const isTaken = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

export const isAlive = (pid: number): boolean =>
  isTaken(pid) && !(process.platform === 'linux' && isZombie(pid))

/**
 * Processes of a PostgreSQL that works in `directory` (the postmaster and each of its children have it as their working
 * directory). `clusterName` is in every process title, which is what there is to see outside Linux.
 */
export const processesIn = (directory: string, clusterName: string): number[] => {
  if (process.platform === 'linux')
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => workingDirectory(pid) === directory && !isZombie(pid))
  const listing = execFileSync('ps', ['-A', '-o', 'pid=,command='], { encoding: 'utf8' })
  return listing
    .split('\n')
    .filter((line) => line.includes(clusterName))
    .map((line) => Number.parseInt(line, 10))
    .filter((pid) => pid > 0 && pid !== process.pid)
}

const workingDirectory = (pid: number): string | null => {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    return null
  }
}

/** A dead child whose parent has not asked for its exit code yet: in a container without an init that can be for ever. */
const isZombie = (pid: number): boolean => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.charAt(stat.lastIndexOf(')') + 2) === 'Z'
  } catch {
    return true
  }
}

export const signalProcess = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal)
  } catch {
    // It ended in the meantime.
  }
}

/** Whether `condition` came true in time. For what another process does, which has no event to await. */
export const becomesTrue = async (condition: () => boolean, timeoutMs: number): Promise<boolean> => {
  const end = performance.now() + timeoutMs
  while (!condition()) {
    if (performance.now() >= end) return false
    await wait(10)
  }
  return true
}
