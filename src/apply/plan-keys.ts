import { type DocumentServiceKey, labelOf } from './document.ts'
import type { PlanContext, Step } from './plan.ts'
import { findService } from '../services/registry.ts'
import type { KeySettings } from '../services/service.ts'
import { shownSecret } from './references.ts'
import type { Snapshot, StoredServiceKey } from './snapshot.ts'

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
      readonly secretReference: string
    }
  | {
      readonly kind: 'change_key'
      readonly key: StoredServiceKey
      readonly label?: string
      readonly priority?: Priority
      readonly settings?: KeySettings
      readonly secretReference?: string
    }

const priorities = { primary: 1, secondary: 2, tertiary: 3 } as const
const priorityNames = ['', 'primary', 'secondary', 'tertiary']

/**
 * A key is known by its label. One whose secret is stored under another label is the same key renamed, so that
 * correcting a label does not try to store a secret twice.
 */
export const planKeys = (
  wanted: readonly DocumentServiceKey[],
  home: KeyHome,
  stored: Snapshot,
  context: PlanContext,
): Step[] => {
  const own = stored.serviceKeys.filter(
    (key) =>
      key.owner === home.owner && key.organizationId === home.organizationId && key.userId === home.userId,
  )
  return wanted.map((key) => planKey(key, home, own, context))
}

const planKey = (
  wanted: DocumentServiceKey,
  home: KeyHome,
  own: readonly StoredServiceKey[],
  context: PlanContext,
): Step => {
  const label = labelOf(wanted)
  const secret = context.secrets.get(wanted.secret) ?? ''
  const priority = wanted.priority ? priorities[wanted.priority] : null
  const baseUrl = wanted.baseUrl === undefined ? null : new URL(wanted.baseUrl).href.replace(/\/+$/, '')
  // A key is for one server: at another address it is another key.
  const ofService = own.filter((key) => key.serviceId === wanted.service && key.baseUrl === baseUrl)
  // A document keeps the secret that a key began with; rotations since then are not undone by applying it again.
  const isSame = (key: StoredServiceKey, settings = key.settings) => {
    const given = context.fingerprint({ ...key, settings }, secret)
    return [key.fingerprint, ...key.rotatedFrom].some((known) => known.equals(given))
  }
  // In another region, the same secret is another key.
  const isRenamed = (key: StoredServiceKey) => isSame(key, { ...key.settings, ...wanted.settings })
  const before = ofService.find((key) => key.label === label) ?? ofService.find(isRenamed)
  const settings = wanted.settings ?? {}
  const subject = `${home.title} ${wanted.service} “${label}”`
  const source = shownSecret(wanted.secret, secret, findService(wanted.service)?.secretKind)
  if (!before) {
    const details = [
      source,
      ...(wanted.priority ? [`priority: ${wanted.priority}`] : []),
      ...(baseUrl ? [`baseUrl: ${baseUrl}`] : []),
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
      secretReference: wanted.secret,
    } as const
    return { sign: '+', subject, details, action }
  }
  const renamed = before.label === label ? [] : [`label: ${before.label} → ${label}`]
  const moved =
    priority === null || priority === before.priority
      ? []
      : [`priority: ${priorityNames[before.priority ?? 0]} → ${wanted.priority}`]
  const replaced = isSame(before) ? [] : [`secret: …${before.lastFour} → ${source}`]
  const reset = Object.entries(settings)
    .filter(([id, text]) => text !== (before.settings[id] ?? ''))
    .map(([id, text]) => `${id}: ${before.settings[id] ?? '(none)'} → ${text || '(none)'}`)
  const details = [...renamed, ...moved, ...reset, ...replaced]
  if (details.length === 0) return { sign: '=', subject, details: [source], action: null }
  const action = {
    kind: 'change_key',
    key: before,
    ...(renamed.length > 0 && { label }),
    ...(moved.length > 0 && priority !== null && { priority }),
    ...(reset.length > 0 && { settings }),
    ...(replaced.length > 0 && { secretReference: wanted.secret }),
  } as const
  return { sign: '~', subject, details, action }
}
