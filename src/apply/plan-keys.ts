import { type DocumentServiceKey, labelOf } from './document.ts'
import type { KeyPlace } from './places.ts'
import type { PlanContext } from './plan.ts'
import { planRateLimits } from './rate-limits.ts'
import { planRotation } from './rotation.ts'
import { findService } from '../services/registry.ts'
import type { KeySettings } from '../services/service.ts'
import { shownSecret } from './references.ts'
import type { Snapshot, StoredServiceKey } from './snapshot.ts'
import type { Step } from './step.ts'
import { isSameName } from './teams.ts'

/** Whose keys are planned. Ids are null for whom the plan itself creates. */
export interface KeyHome {
  readonly owner: StoredServiceKey['owner']
  readonly title: string
  readonly organizationId: string | null
  readonly organization: string | null
  readonly userId: string | null
  readonly email: string | null
}

export type Priority = 1 | 2 | 3

export type PlannedKey =
  | {
      readonly kind: 'add_key'
      readonly home: KeyHome
      readonly serviceId: string
      readonly label: string
      readonly priority: Priority | null
      readonly baseUrl: string | null
      readonly settings: KeySettings
      /** By name; null: it serves every member. */
      readonly teams: readonly string[] | null
      readonly secretReference: string
    }
  | {
      readonly kind: 'change_key'
      readonly key: StoredServiceKey
      readonly label?: string
      readonly teams?: readonly string[] | null
      readonly priority?: Priority
      readonly settings?: KeySettings
      readonly secretReference?: string
    }

const priorities = { primary: 1, secondary: 2, tertiary: 3 } as const
const priorityNames = ['', 'primary', 'secondary', 'tertiary']

export const planKeys = (
  wanted: readonly DocumentServiceKey[],
  home: KeyHome,
  stored: Snapshot,
  context: PlanContext,
): Step[] =>
  wanted.flatMap((key) => {
    const before = findKey(key, home, stored, context)
    const of = placeOf(key, home)
    const subject = `${home.title} ${of.serviceId} “${of.label}”`
    const limits = stored.rateLimits
    return [
      planKey(key, home, before, stored, context),
      ...planRateLimits(`${subject}: rate limits`, key.rateLimits, of, before, 'service_key', limits),
      ...planRateLimits(
        `${subject}: rate limits of each member`,
        key.eachMemberRateLimits,
        of,
        before,
        'key_member',
        limits,
      ),
      ...planRotation(subject, key.rotation, of, before?.id, stored.schedules),
    ]
  })

export const placeOf = (key: DocumentServiceKey, home: KeyHome): KeyPlace => ({
  home,
  serviceId: key.service,
  label: labelOf(key),
  baseUrl: addressOf(key),
})
const addressOf = ({ baseUrl }: DocumentServiceKey) =>
  baseUrl === undefined ? null : new URL(baseUrl).href.replace(/\/+$/, '')

/** A document keeps the secret that a key began with; rotations since then are not undone by applying it again. */
const isSame = (key: StoredServiceKey, secret: string, context: PlanContext, settings = key.settings) => {
  const given = context.fingerprint({ ...key, settings }, secret)
  return [key.fingerprint, ...key.rotatedFrom].some((known) => known.equals(given))
}

/**
 * A key is known by its label. One whose secret is stored under another label is the same key renamed, so that
 * correcting a label does not try to store a secret twice.
 */
export const findKey = (
  wanted: DocumentServiceKey,
  home: KeyHome,
  { serviceKeys }: Snapshot,
  context: PlanContext,
): StoredServiceKey | undefined => {
  const baseUrl = addressOf(wanted)
  // A key is for one server: at another address it is another key.
  const ofService = serviceKeys.filter(
    (key) =>
      key.owner === home.owner &&
      key.organizationId === home.organizationId &&
      key.userId === home.userId &&
      key.serviceId === wanted.service &&
      key.baseUrl === baseUrl,
  )
  const secret = context.secrets.get(wanted.secret) ?? ''
  // In another region, the same secret is another key.
  const isRenamed = (key: StoredServiceKey) =>
    isSame(key, secret, context, { ...key.settings, ...wanted.settings })
  return ofService.find((key) => key.label === labelOf(wanted)) ?? ofService.find(isRenamed)
}

const planKey = (
  wanted: DocumentServiceKey,
  home: KeyHome,
  before: StoredServiceKey | undefined,
  stored: Snapshot,
  context: PlanContext,
): Step => {
  const label = labelOf(wanted)
  const secret = context.secrets.get(wanted.secret) ?? ''
  const priority = wanted.priority ? priorities[wanted.priority] : null
  const baseUrl = addressOf(wanted)
  const settings = wanted.settings ?? {}
  const subject = `${home.title} ${wanted.service} “${label}”`
  const source = shownSecret(wanted.secret, secret, findService(wanted.service)?.secretKind)
  if (!before) {
    const details = [
      source,
      ...(wanted.priority ? [`priority: ${wanted.priority}`] : []),
      ...(baseUrl ? [`baseUrl: ${baseUrl}`] : []),
      ...(wanted.teams ? [`teams: ${teamsShown(wanted.teams)}`] : []),
      ...Object.entries(settings).map(([id, text]) => `${id}: ${text}`),
    ]
    const action = {
      kind: 'add_key',
      home,
      serviceId: wanted.service,
      label,
      priority,
      baseUrl,
      settings,
      teams: wanted.teams ?? null,
      secretReference: wanted.secret,
    } as const
    return { sign: '+', subject, details, action }
  }
  const renamed = before.label === label ? [] : [`label: ${before.label} → ${label}`]
  const moved =
    priority === null || priority === before.priority
      ? []
      : [`priority: ${priorityNames[before.priority ?? 0]} → ${wanted.priority}`]
  const replaced = isSame(before, secret, context) ? [] : [`secret: …${before.lastFour} → ${source}`]
  const reset = Object.entries(settings)
    .filter(([id, text]) => text !== (before.settings[id] ?? ''))
    .map(([id, text]) => `${id}: ${before.settings[id] ?? '(none)'} → ${text || '(none)'}`)
  const kept = keptDetails(wanted.teams, before, stored)
  const details = [...renamed, ...kept, ...moved, ...reset, ...replaced]
  if (details.length === 0) return { sign: '=', subject, details: [source], action: null }
  const action = {
    kind: 'change_key',
    key: before,
    ...(renamed.length > 0 && { label }),
    ...(kept.length > 0 && { teams: wanted.teams ?? null }),
    ...(moved.length > 0 && priority !== null && { priority }),
    ...(reset.length > 0 && { settings }),
    ...(replaced.length > 0 && { secretReference: wanted.secret }),
  } as const
  return { sign: '~', subject, details, action }
}

const teamsShown = (names: readonly string[] | null): string =>
  names === null ? 'every member' : names.toSorted((a, b) => a.localeCompare(b)).join(', ')

/** Archived teams have no names in a document: a key that is kept for them, too, stays so until others are named. */
const keptDetails = (
  wanted: readonly string[] | null | undefined,
  { organizationId, teamIds }: StoredServiceKey,
  { teams }: Snapshot,
): string[] => {
  if (wanted === undefined) return []
  const now = teams.filter((team) => team.organizationId === organizationId && teamIds?.includes(team.id))
  const isSame =
    wanted === null || teamIds === null
      ? wanted === teamIds
      : wanted.length === now.length && now.every(({ name }) => wanted.some((one) => isSameName(one, name)))
  if (isSame) return []
  const before = teamIds === null ? null : now.map(({ name }) => name)
  return [`teams: ${teamsShown(before) || 'archived ones'} → ${teamsShown(wanted)}`]
}
