import type { AccessRequest, RequestKind } from '../../src/contract/requests.ts'
import type { Organization } from '../../src/contract/session.ts'

/** In a sentence: “… asks for …”. */
export const whatOf = (
  { kind, model }: Pick<AccessRequest, 'kind' | 'model'>,
  serviceName: string,
): string => {
  switch (kind) {
    case 'service':
      return `access to ${serviceName}`
    case 'model':
      return `${model ?? 'a model'} of ${serviceName}`
    case 'own_key':
      return `own keys of ${serviceName}`
    case 'organization_key':
      return `a shared key of ${serviceName}`
  }
}

export interface Wish {
  readonly kind: RequestKind
  readonly label: string
  readonly consequence: string
}

const wishes: Record<Exclude<RequestKind, 'model'>, Omit<Wish, 'kind'>> = {
  service: {
    label: 'Access to the service',
    consequence: 'The policy allows it, for everybody in the organisation.',
  },
  organization_key: {
    label: 'A key that the organisation shares',
    consequence: 'Your calls run on a key of the organisation and cost you no credits.',
  },
  own_key: {
    label: 'To use keys of my own',
    consequence: 'The service is no longer under IT control; members manage their own keys for it.',
  },
}

type Control = Pick<Organization, 'controlPolicy' | 'criticalServices' | 'allowed'>

/** What may be asked for where a service is locked; the first is what most need. */
export const wishesFor = (control: Control, serviceId: string): readonly Wish[] => {
  const wish = (kind: keyof typeof wishes): Wish => ({ kind, ...wishes[kind] })
  if (control.allowed?.services && !control.allowed.services.includes(serviceId)) return [wish('service')]
  return control.controlPolicy === 'hybrid'
    ? [wish('organization_key'), wish('own_key')]
    : [wish('organization_key')]
}
