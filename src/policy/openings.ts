import { failure, type Outcome, success } from '../kit/fault.ts'
import {
  everything,
  isModelAllowed,
  isServiceAllowed,
  type OrganizationControl,
  usersManageKeys,
} from './control.ts'

/** What somebody would like to use. */
export interface Want {
  readonly kind: 'service' | 'model' | 'own_key' | 'organization_key'
  readonly serviceId: string
  /** As the service writes it, of the kind `model` only. */
  readonly model: string | null
}

/** Whether asking makes sense: nobody is asked for what is there already, or for what no answer could grant. */
export const mayAskFor = (control: OrganizationControl, { kind, serviceId, model }: Want): Outcome<void> => {
  if ((kind === 'model') !== (model !== null))
    return failure('invalid_request', { message: 'A model is asked for by its name.', field: 'model' })
  if (isAllowedBy(control, { kind, serviceId, model })) return there(thereIs[kind])
  return kind === 'own_key' && control.controlPolicy === 'it_control'
    ? mayBeExcepted(control, serviceId)
    : success(undefined)
}

const thereIs = {
  service: 'The policy of your organisation allows this service.',
  model: 'The policy of your organisation allows this model.',
  own_key: 'You may add a key of your own.',
  organization_key: '',
} as const

/** Whether a policy gives by itself what is wanted; a key of the organisation no policy gives. */
export const isAllowedBy = (control: OrganizationControl, { kind, serviceId, model }: Want): boolean => {
  switch (kind) {
    case 'service':
      return isServiceAllowed(control, serviceId)
    case 'model':
      return isServiceAllowed(control, serviceId) && isModelAllowed(control, model ?? '')
    case 'own_key':
      return usersManageKeys(control, serviceId)
    case 'organization_key':
      return false
  }
}

/** Whether an exception for one member would let them have own keys of a service. */
export const mayBeExcepted = (control: OrganizationControl, serviceId: string): Outcome<void> => {
  if (!isServiceAllowed(control, serviceId))
    return failure('conflict', {
      message: 'The control policy does not allow this service, whosever key it is.',
      next: 'Ask for access to the service first.',
    })
  return usersManageKeys(control, serviceId)
    ? failure('conflict', { message: 'The control policy lets every member have keys of their own there.' })
    : success(undefined)
}

const there = (message: string): Outcome<void> =>
  failure('invalid_request', { message, next: 'There is nothing to ask for.' })

const including = (names: readonly string[] | null, name: string): readonly string[] | null =>
  names === null || names.includes(name) ? names : [...names, name]

/**
 * The policy with the least change that lets everybody have what one of them wants; null: the policy is not what stands in
 * its way. Under IT control one wish for an own key does not end that for everybody: an exception does it for one.
 */
export const openingFor = <Control extends OrganizationControl>(
  control: Control,
  { kind, serviceId, model }: Want,
): Control | null => {
  if (kind === 'own_key' && control.controlPolicy === 'it_control') return null
  const { allowed } = control
  const opened = {
    ...control,
    criticalServices:
      kind === 'own_key' && control.controlPolicy === 'hybrid'
        ? control.criticalServices.filter((id) => id !== serviceId)
        : control.criticalServices,
    allowed: allowed && {
      ...everything,
      ...allowed,
      services: including(allowed.services, serviceId),
      models:
        model === null || isModelAllowed(control, model) ? allowed.models : including(allowed.models, model),
    },
  }
  const isOpened =
    opened.criticalServices.length !== control.criticalServices.length ||
    opened.allowed?.services?.length !== allowed?.services?.length ||
    opened.allowed?.models?.length !== allowed?.models?.length
  return isOpened ? opened : null
}
