import type {
  KeyRotation,
  KeyVersion,
  Rotation as WireRotation,
  RotationCredential,
  RotationDetail,
  RotationDriverOnWire,
} from '../contract/rotation.ts'
import type { VersionRow } from '../keys/versions.ts'
import type { RotationAttempt } from './attempt.ts'
import type { RotationDriver } from './driver.ts'
import { abilitiesOf } from './tools.ts'
import { commandsOf, isOver } from './machine.ts'
import { dueAt, effectiveSchedule, isTooOld, type Schedule, usualOverlapSeconds } from './schedule.ts'
import type { CredentialRow } from './store-credentials.ts'
import type { RemoteRow } from './store-remotes.ts'
import type { RotatableKey, ScheduleRow } from './store-schedules.ts'

const timeOf = (date: Date | null): string | null => date?.toISOString() ?? null

export type KeyOfRotation = Omit<RotatableKey, 'maximumAgeDays' | 'status' | 'version' | 'versionSince'>

export const keyOnWire = (key: KeyOfRotation): WireRotation['key'] => ({
  id: key.id,
  organizationId: key.organizationId,
  organizationName: key.organizationName,
  owner: key.owner,
  serviceId: key.serviceId,
  label: key.label,
  lastFour: key.lastFour,
  priority: key.priority,
})

export const rotationOnWire = (attempt: RotationAttempt, key: KeyOfRotation): WireRotation => ({
  id: attempt.id,
  key: keyOnWire(key),
  driverId: attempt.driverId,
  crashClass: attempt.crashClass,
  mode: attempt.mode,
  trigger: attempt.trigger,
  state: attempt.state,
  isOver: isOver(attempt.state),
  reason: attempt.reason,
  message: attempt.message,
  next: attempt.nextStep,
  commands: commandsOf(attempt),
  fromVersion: attempt.fromVersion,
  toVersion: attempt.toVersion,
  tries: attempt.tries,
  startedAt: attempt.createdAt.toISOString(),
  promotedAt: timeOf(attempt.promotedAt),
  overlapUntil: timeOf(attempt.overlapUntil),
  inFlight: attempt.inFlight,
  nextActionAt: timeOf(attempt.nextAt),
  endedAt: timeOf(attempt.endedAt),
})

export const versionsOnWire = (
  rows: readonly VersionRow[],
  attempt: RotationAttempt | null,
  key: Pick<KeyOfRotation, 'lastFour'>,
): KeyVersion[] =>
  rows.map((row) => ({
    version: row.version,
    state: row.state,
    lastFour: row.lastFour ?? (row.state === 'current' ? key.lastFour : ''),
    createdAt: row.createdAt.toISOString(),
    promotedAt: timeOf(row.promotedAt),
    retiredAt: timeOf(row.retiredAt),
    destroyedAt: timeOf(row.destroyedAt),
    remoteId:
      row.remote?.id ?? (attempt?.fromVersion === row.version ? (attempt.oldRemote?.id ?? null) : null),
    rotationId: row.rotationId,
    inFlight: row.state === 'retiring' ? (attempt?.inFlight ?? null) : null,
  }))

export const detailOnWire = (
  attempt: RotationAttempt,
  key: KeyOfRotation,
  more: {
    readonly steps: readonly {
      at: Date
      state: RotationAttempt['state']
      text: string
      actor: string | null
    }[]
    readonly remotes: readonly RemoteRow[]
    readonly versions: readonly VersionRow[]
  },
): RotationDetail => ({
  ...rotationOnWire(attempt, key),
  steps: more.steps.map((one) => ({ ...one, at: one.at.toISOString() })),
  remotes: more.remotes.map(({ name, remote, state, at }) => ({
    name,
    remoteId: remote?.id ?? null,
    state,
    at: at.toISOString(),
  })),
  versions: versionsOnWire(more.versions, attempt, key),
})

export interface Surroundings {
  readonly schedules: readonly ScheduleRow[]
  readonly active: RotationAttempt | undefined
  readonly last: { readonly state: RotationAttempt['state']; readonly endedAt: Date } | undefined
  readonly driver: RotationDriver
  readonly hasCredential: boolean
  readonly now: Date
}

export const keyRotationOnWire = (key: RotatableKey, around: Surroundings): KeyRotation => {
  const { schedules, active, last, driver, now } = around
  const of = (serviceKeyId: string | null): Schedule | null =>
    schedules.find(
      (row) =>
        row.organizationId === key.organizationId &&
        row.serviceId === key.serviceId &&
        row.serviceKeyId === serviceKeyId,
    ) ?? null
  const own = of(key.id)
  const effective = effectiveSchedule(own, key.owner === 'user' ? null : of(null), key.maximumAgeDays)
  const lastFailure = last !== undefined && last.state !== 'done' ? last.endedAt : null
  const why = notAutomatic(key, around)
  return {
    key: keyOnWire(key),
    version: key.version,
    versionSince: key.versionSince.toISOString(),
    driverId: driver.id,
    crashClass: driver.crashClass,
    automatic: why === null,
    notAutomaticBecause: why,
    schedule: { everyDays: own?.everyDays ?? null, overlapSeconds: own?.overlapSeconds ?? null },
    effective: {
      everyDays: effective.everyDays,
      overlapSeconds: effective.overlapSeconds ?? usualOverlapSeconds,
    },
    maximumAgeDays: key.maximumAgeDays,
    dueAt: timeOf(active === undefined ? dueAt(key, effective, lastFailure) : null),
    isOverdue: isTooOld(key.versionSince, key.maximumAgeDays, now),
    rotationId: active?.id ?? null,
    rotationState: active?.state ?? null,
    lastRotatedAt: last?.state === 'done' ? last.endedAt.toISOString() : null,
  }
}

const notAutomatic = (
  { owner }: Pick<RotatableKey, 'owner'>,
  { driver, hasCredential }: Surroundings,
): string | null => {
  if (owner === 'user') return 'A person’s own key is made by that person.'
  if (driver.create === undefined) return 'The service lets only a person make keys, or no credential is set.'
  const needsOne = driver.credential.some((field) => field.required)
  return needsOne && !hasCredential ? 'No credential is set.' : null
}

export const driverOnWire = (driver: RotationDriver): RotationDriverOnWire => {
  const { create, disable, revoke } = abilitiesOf(driver, true)
  return {
    id: driver.id,
    name: driver.name,
    serviceIds: driver.serviceIds === '*' ? null : [...driver.serviceIds],
    crashClass: driver.crashClass,
    docsUrl: driver.docsUrl,
    fields: driver.credential.map((field) => ({
      id: field.id,
      label: field.label,
      hint: field.hint,
      required: field.required,
      secret: field.secret,
      kind: field.kind ?? 'word',
      pattern: field.pattern.source,
      flags: field.pattern.flags,
      expected: field.expected,
    })),
    maximumKeys: driver.maximumKeys,
    canCreate: create,
    canDisable: disable,
    canRevoke: revoke,
  }
}

export const credentialOnWire = (row: CredentialRow): RotationCredential => ({
  id: row.id,
  organizationId: row.organizationId,
  driverId: row.driverId,
  serviceId: row.serviceId,
  serviceKeyId: row.serviceKeyId,
  fields: row.fields,
  secrets: row.lastFours,
  status: row.status,
  findings: row.findings.map((finding) => ({ ...finding })),
  checkedAt: timeOf(row.checkedAt),
  updatedAt: row.updatedAt.toISOString(),
})
