import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'

/**
 * An edge of a life: the moment before a statement is sent, just after it was sent, or when its answer is there. What is
 * killed there is the process itself or the database. Written `phase:statement:count:victim`.
 */
export interface Edge {
  readonly phase: 'before' | 'sent' | 'after'
  readonly statement: string
  /** How many times it passes before. */
  readonly count: number
  readonly victim: 'process' | 'database'
}

export const edgeText = (edge: Edge): string => `${edge.phase}:${edge.statement}:${edge.count}:${edge.victim}`

const parseEdge = (text: string): Edge => {
  const [phase, statement, count, victim] = text.split(':')
  return { phase, statement, count: Number(count), victim } as Edge
}

/** `kill -9`, of this very process or of the postmaster whose data directory is named. */
const kill = (edge: Edge): void => {
  // Whoever kills the database lives on, and nobody would know that it came this far.
  writeFileSync(process.env['AIDEON_SIMULATION_REACHED'] ?? '', '')
  if (edge.victim === 'process') process.kill(process.pid, 'SIGKILL')
  const file = join(process.env['AIDEON_SIMULATION_DATA'] ?? '', 'postmaster.pid')
  try {
    process.kill(Number(readFileSync(file, 'utf8').split('\n')[0]), 'SIGKILL')
  } catch {
    // Somebody else killed it at this moment.
  }
}

let passed = 0
let armed: Edge | null = null

/** Passes the edge of its own name, for steps that are no statements. */
export const pass = (phase: Edge['phase'], statement: string): void => {
  if (!armed || armed.phase !== phase || armed.statement !== statement || passed++ < armed.count) return
  const edge = armed
  armed = null
  kill(edge)
}

/**
 * A prepared statement's name, or the one in the comment before its text; `copy` for rows that are copied in; of others what
 * they do and to which table, as `insert payments`.
 */
const statementOf = (query: unknown): string | null => {
  const { name, text = query } = (query ?? {}) as { name?: unknown; text?: unknown }
  if (typeof name === 'string') return name
  if (typeof text !== 'string') return null
  if (text.startsWith('COPY ')) return 'copy'
  const [, named] = /^\/\* (\w+) \*\//.exec(text) ?? []
  if (named) return named
  if (/^(begin|commit)\b/i.test(text)) return /^begin/i.test(text) ? 'begin' : 'commit'
  const [, verb, table] = /^\s*(insert into|update|select from)\s+"?([a-z_]+)/i.exec(text) ?? []
  if (!verb || !table) return null
  // What a worker asks many times a second takes nothing from those that change a payment.
  return text.includes('SKIP LOCKED') ? `claim ${table}` : `${verbs[verb.toLowerCase()]} ${table}`
}
const verbs: Readonly<Record<string, string>> = {
  'insert into': 'insert',
  update: 'update',
  // As all of these are: SELECT FROM … FOR UPDATE.
  'select from': 'lock',
}

/** What a transaction is about, by the last of these that it passed in this order: commits are told apart by it. */
const subjects = new Map([
  ['insert payments', 'order'],
  ['insert billing_commands', 'change'],
  ['insert payment_refunds', 'money back'],
  ['insert invoices', 'paid'],
  ['insert subscription_periods', 'period'],
  ['ledger_insert_correction', 'credits back'],
  ['ledger_insert_holds', 'hold'],
  ['ledger_end_holds', 'record'],
  ['ledger_insert_interrupted', 'interrupted'],
])
const ranked = [...subjects.keys()]

/** How far in the order the transaction of a connection came. */
const furthest = new WeakMap<object, number>()

const stepOf = (client: object, statement: string | null): string | null => {
  if (statement === 'begin') furthest.delete(client)
  const rank = statement === null ? -1 : ranked.indexOf(statement)
  if (rank >= 0) furthest.set(client, Math.max(rank, furthest.get(client) ?? -1))
  if (statement !== 'commit') return statement
  const subject = subjects.get(ranked[furthest.get(client) ?? -1] ?? '')
  return subject === undefined ? 'commit' : `commit ${subject}`
}

/** Arms the edge that the environment names; without one this process lives until somebody else kills it. */
export const armEdge = (): void => {
  const text = process.env['AIDEON_SIMULATION_EDGE']
  if (text) armed = parseEdge(text)
  const query = pg.Client.prototype.query as (...parameters: unknown[]) => unknown
  pg.Client.prototype.query = function (this: pg.Client, ...parameters: unknown[]) {
    const name = stepOf(this, statementOf(parameters[0]))
    if (name === null) return query.apply(this, parameters)
    pass('before', name)
    const answer = query.apply(this, parameters)
    setImmediate(() => pass('sent', name))
    if (answer instanceof Promise)
      answer.then(
        () => pass('after', name),
        () => {},
      )
    return answer
  } as typeof pg.Client.prototype.query
}
