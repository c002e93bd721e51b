import { failure, type Outcome, success } from '../kit/fault.ts'

export type ControlPolicy = 'it_control' | 'hybrid' | 'user_control'
export type Fallback = 'system' | 'alternative' | 'alternative_then_system' | 'none'
export type KeyOwner = 'user' | 'organization' | 'system'

/** What an organisation decides about whose service keys may be used. */
export interface OrganizationControl {
  readonly controlPolicy: ControlPolicy
  /** Under hybrid control these behave as under IT control. */
  readonly criticalServices: readonly string[]
  readonly systemKeysAllowed: boolean
  readonly lockedFallback: Fallback | null
}

export const usersManageKeys = (control: OrganizationControl, serviceId: string): boolean => {
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
  return failure('policy_denied', {
    message:
      control.controlPolicy === 'hybrid'
        ? 'Your organisation manages the keys of this critical service.'
        : 'Your organisation manages all service keys.',
    next: 'Ask an administrator of your organisation for access to the service.',
  })
}

/** Owners whose keys of this service may run an operation. */
export const allowedOwners = (control: OrganizationControl, serviceId: string): ReadonlySet<KeyOwner> => {
  const owners = new Set<KeyOwner>(['organization'])
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
