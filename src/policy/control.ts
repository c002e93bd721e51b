import type { DataRegion } from '../contract/data-regions.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'
import type { DataTerms } from '../services/data-terms.ts'

export type ControlPolicy = 'it_control' | 'hybrid' | 'user_control'
export type Fallback = 'system' | 'alternative' | 'alternative_then_system' | 'none'
export type KeyOwner = 'user' | 'organization' | 'system'

/** What may be used at all, whosever key it runs on. */
export interface AllowedUses {
  /** Service ids; null: all. */
  readonly services: readonly string[] | null
  /** Names of models as services write them, of any service; `*` at the end stands for any rest. Null: all. */
  readonly models: readonly string[] | null
  /** Ids of model groups that may be asked for by name; null: all. */
  readonly groups: readonly string[] | null
  /** `valid`: a key of a user or of the organisation is used only while its service's last word is that it is valid. */
  readonly keyHealth: 'any' | 'valid'
  /** A key of a user or of the organisation whose secret is older is not used; null: any age. */
  readonly maximumKeyAgeDays: number | null
  /** Only where the service says that it processes what it is sent there; what is not known is not allowed. Null: anywhere. */
  readonly dataRegions: readonly DataRegion[] | null
  /** Only where the service says that it does not train models with what it is sent. */
  readonly noTraining: boolean
}

/** A policy that names none of it allows everything. */
export const everything: AllowedUses = {
  services: null,
  models: null,
  groups: null,
  keyHealth: 'any',
  maximumKeyAgeDays: null,
  dataRegions: null,
  noTraining: false,
}

export const limitsNothing = (allowed: AllowedUses): boolean =>
  Object.entries(everything).every(([name, value]) => allowed[name as keyof AllowedUses] === value)

/** What an organisation decides about whose service keys may be used, and what for. */
export interface OrganizationControl {
  readonly controlPolicy: ControlPolicy
  /** Under hybrid control these behave as under IT control. */
  readonly criticalServices: readonly string[]
  readonly systemKeysAllowed: boolean
  readonly lockedFallback: Fallback | null
  /** Absent or null: everything. */
  readonly allowed?: AllowedUses | null
  /** Of one member: services of which they may have own keys although the policy gives them to the organisation alone. */
  readonly exceptedServices?: readonly string[] | null
}

type Allowing = Pick<OrganizationControl, 'allowed'>

export const isServiceAllowed = ({ allowed }: Allowing, serviceId: string): boolean =>
  !allowed?.services || allowed.services.includes(serviceId)

export const isGroupAllowed = ({ allowed }: Allowing, groupId: string): boolean =>
  !allowed?.groups || allowed.groups.includes(groupId)

/** Of an allowed service. */
export const isModelAllowed = ({ allowed }: Allowing, model: string): boolean =>
  !allowed?.models ||
  allowed.models.some((name) => (name.endsWith('*') ? model.startsWith(name.slice(0, -1)) : model === name))

export const needsValidKeys = ({ allowed }: Allowing): boolean => allowed?.keyHealth === 'valid'

const dayMs = 86_400_000

/** From when on a secret that is in use since then is too old; null: never. */
export const tooOldFrom = ({ allowed }: Allowing, since: Date): Date | null =>
  allowed?.maximumKeyAgeDays ? new Date(since.getTime() + allowed.maximumKeyAgeDays * dayMs) : null

/** Whether what is sent to a destination needs to be known at all. */
export const limitsData = ({ allowed }: Allowing): boolean =>
  allowed?.noTraining === true || Array.isArray(allowed?.dataRegions)

/** What stands against sending anything to where these terms hold; null: nothing. */
export const dataObstacle = ({ allowed }: Allowing, terms: DataTerms): 'region' | 'training' | null => {
  if (allowed?.dataRegions && (terms.region === null || !allowed.dataRegions.includes(terms.region)))
    return 'region'
  return allowed?.noTraining === true && terms.training !== 'no' ? 'training' : null
}

/** What decides whether users have keys of their own. */
export type KeyControl = Pick<
  OrganizationControl,
  'controlPolicy' | 'criticalServices' | 'allowed' | 'exceptedServices'
>

export const usersManageKeys = (control: KeyControl, serviceId: string): boolean => {
  if (!isServiceAllowed(control, serviceId)) return false
  if (control.exceptedServices?.includes(serviceId)) return true
  switch (control.controlPolicy) {
    case 'user_control':
      return true
    case 'hybrid':
      return !control.criticalServices.includes(serviceId)
    case 'it_control':
      return false
  }
}

export const mayUserManageKey = (control: OrganizationControl, serviceId: string): Outcome<void> => {
  if (usersManageKeys(control, serviceId)) return success(undefined)
  if (!isServiceAllowed(control, serviceId))
    return failure('policy_denied', {
      message: 'Your organisation does not allow this service.',
      next: 'Ask an administrator of your organisation for access to the service.',
    })
  return failure('policy_denied', {
    message:
      control.controlPolicy === 'hybrid'
        ? 'Your organisation manages the keys of this critical service.'
        : 'Your organisation manages all service keys.',
    next: 'Ask an administrator of your organisation for a key that it shares, or to let you use your own.',
  })
}

/** Owners whose keys of this service may run an operation. */
export const allowedOwners = (control: OrganizationControl, serviceId: string): ReadonlySet<KeyOwner> => {
  const owners = new Set<KeyOwner>()
  if (!isServiceAllowed(control, serviceId)) return owners
  owners.add('organization')
  if (usersManageKeys(control, serviceId)) owners.add('user')
  if (control.systemKeysAllowed) owners.add('system')
  return owners
}

const steps: Record<Fallback, ReadonlySet<'system' | 'alternative'>> = {
  none: new Set(),
  system: new Set(['system']),
  alternative: new Set(['alternative']),
  alternative_then_system: new Set(['system', 'alternative']),
}

/** The preference that holds for a service: the administrator's lock, the user's override, the user's default. */
export const fallbackFor = (
  control: OrganizationControl,
  preferences: ReadonlyMap<string, Fallback>,
  serviceId: string,
): Fallback => control.lockedFallback ?? preferences.get(serviceId) ?? preferences.get('*') ?? 'system'

/** A call may take steps away from the preference, never add one. */
export const narrowFallback = (preference: Fallback, asked: string | undefined): Outcome<Fallback> => {
  if (asked === undefined) return success(preference)
  if (!Object.hasOwn(steps, asked))
    return failure('invalid_request', {
      message: `x-aideon-fallback must be one of ${Object.keys(steps).join(', ')}.`,
      field: 'x-aideon-fallback',
    })
  const narrowed = asked as Fallback
  return steps[narrowed].isSubsetOf(steps[preference]) ? success(narrowed) : failure('preference_widened')
}
