import type { ParsedRequest } from '../dialects/dialect.ts'
import { failure } from '../kit/fault.ts'
import type { Route } from '../routing/route.ts'
import { findService } from '../services/registry.ts'
import type { Operation } from './operation.ts'
import { type ResourceCall, resourceCallOf } from './resource-paths.ts'
import { pathOf } from './service-paths.ts'

/** A request and where it may go. */
export interface Bound {
  readonly request: ParsedRequest
  readonly route: Route
}

/** The path as it goes to the service. */
export const rawPathOf = ({ target }: Operation): string =>
  (target.kind === 'operation' && target.service?.endpoints.raw) || ''

export const resourceCallIn = (operation: Operation): ResourceCall | null => {
  const { target } = operation
  if (target.kind !== 'operation' || target.service === null || target.endpoint !== 'raw') return null
  // The target's own names nothing but that path.
  const service = findService(target.service.id) ?? target.service
  return resourceCallOf(service, pathOf(rawPathOf(operation)), target.method)
}

export const keyGone = ({ passedOver }: Pick<Route, 'passedOver'>, keyId: string) => {
  const passed = passedOver.find(({ serviceKeyId }) => serviceKeyId === keyId)
  return passed?.why === 'cooling' || passed?.why === 'breaker_open'
    ? failure('service_overloaded', { message: 'The key that made it has to rest for a while.' })
    : failure('no_route', {
        message: 'The key that made it cannot be used any more, and no other key can see it.',
        next: 'Make it anew.',
      })
}
