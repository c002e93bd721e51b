import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { RotationState } from '../contract/rotation.ts'
import type { RotationAttempt } from './attempt.ts'
import type { CrashClass } from './driver.ts'
import {
  type Abilities,
  commandsOf,
  edges,
  effectOf,
  isOver,
  machine,
  type RotationEvent,
  step,
} from './machine.ts'

const start = new Date('2026-11-23T00:00:00Z')
const fresh = (crashClass: CrashClass, mode: 'normal' | 'breach'): RotationAttempt => ({
  organizationId: 'o',
  id: '019ab000-0000-7000-8000-000000000000',
  serviceKeyId: 'k',
  serviceId: 'openai',
  driverId: 'd',
  crashClass,
  mode,
  trigger: 'person',
  state: 'scheduled',
  resumeState: null,
  stateSince: start,
  fromVersion: 1,
  toVersion: null,
  tries: 0,
  failures: 0,
  name: null,
  prepared: {},
  intendedAt: null,
  heldBy: null,
  scope: null,
  oldRemote: null,
  newRemote: null,
  oldIsGone: false,
  overlapSeconds: 3600,
  promotedAt: null,
  overlapUntil: null,
  barrierEpoch: null,
  drainSince: null,
  quietAt: null,
  inFlight: null,
  message: null,
  nextStep: null,
  reason: null,
  createdBy: null,
  createdAt: start,
  endedAt: null,
  nextAt: start,
  reminders: 0,
  fence: 1n,
})

const remote = { id: 'remote' }
const message = fc.constantFrom('It is so.', 'It is otherwise.')
/** Every event there is: a new kind is a type error here until it can be drawn. */
const eventOf: { [Kind in RotationEvent['kind']]: fc.Arbitrary<Extract<RotationEvent, { kind: Kind }>> } = {
  prepared: fc.record({
    kind: fc.constant('prepared' as const),
    name: fc.constant('n'),
    scope: fc.constant('s'),
    prepared: fc.constant({}),
    oldRemote: fc.constantFrom(null, remote),
  }),
  cannot_create: fc.record({
    kind: fc.constant('cannot_create' as const),
    message,
    oldRemote: fc.constantFrom(null, remote),
  }),
  wait: fc.record({ kind: fc.constant('wait' as const), seconds: fc.nat(100), message }),
  refused: fc.record({
    kind: fc.constant('refused' as const),
    reason: fc.constantFrom('credential', 'cap', 'limited', 'not_sent', 'invalid'),
    message,
  }),
  unknown: fc.record({ kind: fc.constant('unknown' as const), message }),
  created: fc.constant({ kind: 'created', remote }),
  taken_over: fc.constant({ kind: 'taken_over' }),
  recovered: fc.constant({ kind: 'recovered', remote }),
  orphaned: fc.constant({ kind: 'orphaned', count: 1 }),
  absent: fc.constant({ kind: 'absent' }),
  ambiguous: fc.record({ kind: fc.constant('ambiguous' as const), message }),
  stored: fc.constant({ kind: 'stored', version: 2 }),
  not_stored: fc.record({ kind: fc.constant('not_stored' as const), message }),
  proven: fc.constant({ kind: 'proven' }),
  rejected: fc.record({ kind: fc.constant('rejected' as const), message }),
  promoted: fc.constant({ kind: 'promoted' }),
  acknowledged: fc.constant({ kind: 'acknowledged', barrierEpoch: 5n }),
  in_use: fc.record({
    kind: fc.constant('in_use' as const),
    inFlight: fc.nat(3),
    quiet: fc.boolean(),
    message,
  }),
  drained: fc.constant({ kind: 'drained' }),
  ailing: fc.record({ kind: fc.constant('ailing' as const), message }),
  disabled: fc.constant({ kind: 'disabled' }),
  paused: fc.constant({ kind: 'paused' }),
  revoked: fc.constant({ kind: 'revoked' }),
  cleaned: fc.constant({ kind: 'cleaned' }),
  withdrawn: fc.constant({ kind: 'withdrawn' }),
  restored: fc.constant({ kind: 'restored' }),
  left: fc.constant({ kind: 'left' }),
  superseded: fc.record({ kind: fc.constant('superseded' as const), message }),
  new_secret: fc.constant({ kind: 'new_secret', version: 2 }),
  roll_back: fc.record({ kind: fc.constant('roll_back' as const), reason: message }),
  retry: fc.constant({ kind: 'retry' }),
  abandon: fc.record({ kind: fc.constant('abandon' as const), reason: message }),
  confirm: fc.constant({ kind: 'confirm' }),
  breach: fc.record({ kind: fc.constant('breach' as const), reason: message }),
}

const abilities: fc.Arbitrary<Abilities> = fc.record({
  create: fc.boolean(),
  find: fc.boolean(),
  disable: fc.boolean(),
  revoke: fc.boolean(),
  settleSeconds: fc.constantFrom(0, 60),
  propagationSeconds: fc.constantFrom(0, 60),
})

interface Walked {
  readonly visited: readonly RotationState[]
  readonly attempt: RotationAttempt
}

/** Most of the time what goes well: otherwise hardly a walk came to its end. */
const good = new Set<RotationEvent['kind']>([
  'prepared',
  'created',
  'stored',
  'proven',
  'promoted',
  'acknowledged',
  'drained',
  'disabled',
  'paused',
  'revoked',
  'cleaned',
  'withdrawn',
  'restored',
  'left',
  'new_secret',
  'recovered',
  'retry',
])

/** A walk over events that the states know, drawn by number so that every walk is long. */
const walks = fc
  .record({
    crashClass: fc.constantFrom('recoverable', 'orphan_detectable', 'blind', 'assisted'),
    mode: fc.constantFrom('normal', 'breach'),
    abilities,
    draws: fc.array(fc.record({ pick: fc.nat(1000), seconds: fc.nat(4000), seed: fc.nat() }), {
      minLength: 1,
      maxLength: 60,
    }),
  })
  .map(({ crashClass, mode, abilities: able, draws }) => {
    let attempt = fresh(crashClass, mode)
    let now = start
    const visited: Walked[] = [{ visited: [attempt.state], attempt }]
    for (const { pick, seconds, seed } of draws) {
      now = new Date(now.getTime() + seconds * 1000)
      const known = Object.keys(machine[attempt.state].on) as RotationEvent['kind'][]
      const well = known.filter((kind) => good.has(kind))
      const kinds = well.length > 0 && seed % 5 > 0 ? well : known
      const kind = kinds[pick % Math.max(1, kinds.length)]
      if (kind === undefined) break
      const [event] = fc.sample<RotationEvent>(eventOf[kind], { numRuns: 1, seed })
      const taken = step(attempt, event as RotationEvent, { abilities: able, now, fence: 1n })
      if (!taken.ok) continue
      attempt = { ...attempt, ...taken.value.patch }
      visited.push({ visited: [...(visited.at(-1)?.visited ?? []), attempt.state], attempt })
    }
    return visited
  })

const early = new Set<RotationState>(['disabling', 'disabled', 'revoking', 'done', 'confirming'])

test('the walks below come to every state', () => {
  const seen = new Set<RotationState>()
  fc.assert(
    fc.property(walks, (steps) => {
      for (const { attempt } of steps) seen.add(attempt.state)
    }),
    { numRuns: 1500 },
  )
  expect(Object.keys(machine).filter((state) => !seen.has(state as RotationState))).toEqual([])
})

test('the old key is touched only after the switch, its acknowledgement and its drain; or it is a breach', () => {
  fc.assert(
    fc.property(walks, (steps) => {
      for (const { visited, attempt } of steps) {
        if (attempt.mode === 'breach' || !early.has(attempt.state)) continue
        expect(visited.indexOf('promoted')).toBeGreaterThan(-1)
        expect(visited.indexOf('draining')).toBeGreaterThan(visited.indexOf('promoted'))
        expect(attempt.barrierEpoch).not.toBeNull()
      }
    }),
    { numRuns: 500 },
  )
})

test('no way leads back once the old key is revoked, and none ends twice', () => {
  fc.assert(
    fc.property(walks, (steps) => {
      let revoking = false
      for (const [index, { attempt }] of steps.entries()) {
        if (revoking && attempt.toVersion !== null && attempt.promotedAt !== null)
          expect(['rolling_back', 'leaving', 'rolled_back']).not.toContain(attempt.state)
        revoking ||= attempt.state === 'revoking' && attempt.promotedAt !== null
        expect(attempt.endedAt === null).toBe(!isOver(attempt.state))
        if (isOver(attempt.state)) expect(index).toBe(steps.length - 1)
        if (attempt.state === 'done') expect(attempt.promotedAt).not.toBeNull()
      }
    }),
    { numRuns: 500 },
  )
})

test('whatever was intended before a failed end has been cleaned up before it', () => {
  fc.assert(
    fc.property(walks, (steps) => {
      for (const { visited, attempt } of steps)
        if (['failed_safe', 'abandoned', 'rolled_back'].includes(attempt.state))
          expect(visited.at(-2)).toBe('cleaning')
    }),
    { numRuns: 500 },
  )
})

test('whoever waits for a person says what to do, and somebody can do it; nobody else is stuck', () => {
  fc.assert(
    fc.property(walks, (steps) => {
      for (const { attempt } of steps) {
        const isWaiting = ['asked', 'confirming', 'needs_human'].includes(attempt.state)
        if (isWaiting) {
          expect(attempt.nextStep).not.toBeNull()
          // Otherwise workers took it up again and again.
          expect(attempt.nextAt, attempt.state).toBeNull()
          expect(commandsOf(attempt)).not.toEqual([])
        } else if (!isOver(attempt.state)) expect(attempt.nextAt, attempt.state).not.toBeNull()
      }
    }),
    { numRuns: 500 },
  )
})

test('only who recorded an intent, or holds a secret, goes on from there', () => {
  const held = { ...fresh('blind', 'normal'), state: 'intended' as const, heldBy: 7n }
  expect(effectOf(held, 7n)).toBe('create')
  expect(effectOf(held, 8n)).toBe('taken_over')
  expect(effectOf({ ...held, state: 'created' }, 8n)).toBe('taken_over')
})

test('docs/rotation.md draws every way from one state to another', () => {
  const drawn = readFileSync(new URL('../../docs/rotation.md', import.meta.url), 'utf8')
  const ways = new Set(edges().flatMap(({ from, to }) => (from === to ? [] : [`  ${from} --> ${to}: `])))
  expect([...ways].filter((way) => !drawn.includes(way))).toEqual([])
  const told = drawn.match(/^ {2}[a-z_]+ --> [a-z_]+: /gm) ?? []
  expect(told.filter((way) => !ways.has(way))).toEqual([])
})

test('every state can be reached, and leads to an end', () => {
  const all = Object.keys(machine) as RotationState[]
  const leads = (from: RotationState): ReadonlySet<RotationState> => {
    const seen = new Set<RotationState>([from])
    for (const state of seen) for (const edge of edges()) if (edge.from === state) seen.add(edge.to)
    return seen
  }
  expect([...leads('scheduled')].toSorted()).toEqual(all.toSorted())
  for (const state of all) expect([...leads(state)].some(isOver), state).toBe(true)
})
