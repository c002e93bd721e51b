import type { ServiceKey } from '../keys/keys.ts'
import { findService } from '../services/registry.ts'

/**
 * The service whose health one key's failures tell of: null where the key has an address of its own (a server of one's
 * own, a resource, a region), so that one broken server takes no other out of use.
 */
export const sharedService = ({
  serviceId,
  baseUrl,
}: Pick<ServiceKey, 'serviceId' | 'baseUrl'>): string | null => {
  if (baseUrl !== null) return null
  const service = findService(serviceId)
  return service?.baseUrl == null || service.baseUrlFor !== undefined ? null : serviceId
}
