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

const wishes: Record<RequestKind, Omit<Wish, 'kind'>> = {
  model: {
    label: 'Access to the model',
    consequence: 'The policy allows it, for everybody in the organisation.',
  },
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
    consequence: 'You may add your own keys of this service; the policy stays as it is for others.',
  },
}

const wish = (kind: RequestKind): Wish => ({ kind, ...wishes[kind] })

const isNamed = (names: readonly string[], model: string): boolean =>
  names.some((name) => (name.endsWith('*') ? model.startsWith(name.slice(0, -1)) : model === name))

/** The same of a model, as its service writes it; none where it is not the list of services or models that locks it. */
export const wishesForModel = (
  { allowed }: Pick<Organization, 'allowed'>,
  serviceId: string,
  model: string,
): readonly Wish[] => {
  if (allowed?.models && !isNamed(allowed.models, model)) return [wish('model')]
  return allowed?.services && !allowed.services.includes(serviceId) ? [wish('service')] : []
}

/** What may be asked for where a service is locked; the first is what most need. */
export const wishesFor = ({ allowed }: Pick<Organization, 'allowed'>, serviceId: string): readonly Wish[] => {
  if (allowed?.services && !allowed.services.includes(serviceId)) return [wish('service')]
  return [wish('organization_key'), wish('own_key')]
}
