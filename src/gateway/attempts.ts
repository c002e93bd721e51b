import type { IncomingMessage } from 'node:http'
import { failure, fault, type Outcome, success } from '../kit/fault.ts'
import type { Pass } from '../limits/limits.ts'
import type { Candidate } from '../routing/route.ts'
import { passOver } from '../routing/decision.ts'
import { sharedService } from '../routing/shared-service.ts'
import { type AttemptResult, makeAttempt } from './attempt.ts'
import { type Branch, branchesOf } from './branches.ts'
import { budgetsFor } from './budgeted.ts'
import type { Decision } from './decide.ts'
import { makeEnterKey } from './enter.ts'
import type { Cancellation } from './exchange.ts'
import { makeHold } from './hold.ts'
import { makeFitOwn } from './fit.ts'
import type { Operation } from './operation.ts'
import type { GatewayParts } from './parts.ts'

/** An attempt under way, with what the operation says of it when it is the one that answers. */
interface Run {
  readonly candidate: Candidate
  readonly reason: string
  readonly outputLimit: number | null
  readonly pass: Pass
  readonly branch: Branch
  readonly result: Promise<AttemptResult>
}

/**
 * The route's candidates one after the other until one answers or refuses for good. Credits are held before the first
 * system key is used, and only then: an operation that ends on an own key never touches the ledger. A group may ask that
 * the next candidate is started when the one before has been silent for a while; then the first answer counts.
 */
export const makeAttempts = (parts: GatewayParts) => {
  const attempt = makeAttempt(parts)
  const hold = makeHold(parts)
  const fitOwn = makeFitOwn(parts)
  const enterKey = makeEnterKey(parts)
  /** Of what is half-open, one operation at a time finds out whether it is back. */
  const mayTry = ({ serviceKey, health }: Candidate): boolean | Promise<boolean> =>
    health === 'ok' || parts.health.claimProbe(sharedService(serviceKey), serviceKey.id)

  return async (
    operation: Operation,
    decision: Decision,
    incoming: IncomingMessage,
    cancellation: Cancellation,
  ): Promise<Outcome<AttemptResult>> => {
    const { candidates, group } = decision.route
    const hedgeAfterMs = inMs(group?.hedgeAfterSeconds)
    const timeoutMs = inMs(group?.attemptTimeoutSeconds)
    const branch = branchesOf(cancellation)
    const budgets = budgetsFor(parts, decision.caller)
    operation.budgets = budgets instanceof Promise ? await budgets : budgets
    let next = 0
    let last: AttemptResult | null = null
    let refusal: Outcome<never> | null = null
    let refused: Candidate | null = null
    let full: Outcome<never> | null = null
    let ownKeyFailed = false
    const untranslatable: Candidate[] = []

    /** The next candidate that may be tried, or null. */
    const begin = async (): Promise<Run | null> => {
      while (next < candidates.length && !cancellation.cancelled) {
        const candidate = candidates[next++] as Candidate
        const isSystem = candidate.serviceKey.owner === 'system'
        if (untranslatable.some((before) => isNoBetter(candidate, before))) continue
        // Another key at the same price would be refused for the same reason.
        if (isSystem && refused !== null && isSameOffer(refused, candidate)) {
          notePassedOver(operation, candidate, refusal)
          continue
        }
        const { reason, outputLimit } = operation
        operation.reason = isSystem && ownKeyFailed ? 'system-key-own-key-failed' : candidate.reason
        const fitting = isSystem
          ? hold(operation, decision, candidate)
          : fitOwn(operation, decision, candidate)
        const held = fitting instanceof Promise ? await fitting : fitting
        const found = held.ok ? enterKey(decision, candidate) : null
        const place = found instanceof Promise ? await found : found
        const probing = place?.ok === true && mayTry(candidate)
        const isFree = probing instanceof Promise ? await probing : probing
        if (place?.ok !== true || !isFree) {
          operation.reason = reason
          operation.outputLimit = outputLimit
          if (!held.ok) {
            if (isSystem) refused = candidate
            else ownKeyFailed = true
            notePassedOver(operation, candidate, held)
            refusal ??= held
          } else if (place?.ok === false) full ??= place
          else place?.value.end(0)
          continue
        }
        const own = branch(timeoutMs)
        operation.candidate = candidate
        return {
          candidate,
          reason: operation.reason,
          outputLimit: operation.outputLimit,
          pass: place.value,
          branch: own,
          result: attempt(operation, candidate, incoming.headers, own.cancellation),
        }
      }
      return null
    }

    const running: Run[] = []
    for (;;) {
      if (running.length === 0) {
        const run = await begin()
        // What a service said matters more than that there are no credits either.
        if (run === null)
          return last === null && cancellation.cancelled
            ? success(goneBefore)
            : (successOf(last) ?? refusal ?? full ?? busy)
        running.push(run)
      }
      const mayHedge = hedgeAfterMs !== null && running.length === 1 && next < candidates.length
      const ended = mayHedge ? await firstOf(running, hedgeAfterMs) : await firstOf(running, null)
      if (ended === null) {
        const run = await begin()
        if (run === null) next = candidates.length
        else running.push(run)
        continue
      }
      const { run, result } = ended
      running.splice(running.indexOf(run), 1)
      run.branch.end()
      operation.candidate = run.candidate
      operation.reason = run.reason
      operation.outputLimit = run.outputLimit
      if (result.kind === 'reply' || (result.final && !run.branch.timedOut())) {
        for (const other of running) {
          other.branch.abort()
          other.pass.end(0)
        }
        if (result.kind === 'reply') operation.passes.push(run.pass)
        else run.pass.end(0)
        return success(result)
      }
      run.pass.end(0)
      if (result.fault.code === 'not_translatable') untranslatable.push(run.candidate)
      ownKeyFailed ||= run.candidate.serviceKey.owner !== 'system'
      last = result
    }
  }
}

/** What a budget leaves no room for was passed over like what a limit or a policy does. */
const notePassedOver = (operation: Operation, candidate: Candidate, refusal: Outcome<void> | null): void => {
  if (refusal === null || refusal.ok || refusal.fault.code !== 'budget_exceeded') return
  operation.decision = passOver(operation.decision, candidate, refusal.fault.code, refusal.fault.resetsAt)
}

/**
 * After a call that could not be carried over: the same service would refuse it again, and what the caller wrote is no
 * failure of an own key, for which credits are spent. Other own keys may serve it.
 */
const isNoBetter = (candidate: Candidate, before: Candidate): boolean =>
  (candidate.via === 'translation' && isSameOffer(before, candidate)) ||
  (candidate.serviceKey.owner === 'system' && before.serviceKey.owner !== 'system')

const inMs = (seconds: number | null | undefined): number | null => (seconds == null ? null : seconds * 1000)
const successOf = (result: AttemptResult | null) => (result === null ? null : success(result))

/** The first of the attempts that ends; null when none has within the time. */
const firstOf = async (
  running: readonly Run[],
  withinMs: number | null,
): Promise<{ run: Run; result: AttemptResult } | null> => {
  const [only] = running
  if (running.length === 1 && withinMs === null && only !== undefined)
    return { run: only, result: await only.result }
  const late = Promise.withResolvers<null>()
  const timer = withinMs === null ? undefined : setTimeout(late.resolve, withinMs, null)
  const ends = running.map((run) => run.result.then((result) => ({ run, result })))
  return Promise.race([...ends, late.promise]).finally(() => clearTimeout(timer))
}

/** Every candidate is being tried by somebody else. */
const busy = failure('service_overloaded', { retryAfterSeconds: 1 })

const isSameOffer = (a: Candidate, b: Candidate): boolean => a.service === b.service && a.model === b.model

/** The caller hung up before anything went out. */
const goneBefore: AttemptResult = {
  kind: 'failed',
  final: true,
  fault: fault('service_timeout'),
  reply: null,
}
