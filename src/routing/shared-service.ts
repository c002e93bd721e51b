import { findService } from '../services/registry.ts'

/**
 * The service whose health one key's failures tell of: null where each key has an address of its own (a server of one's
 * own, a resource, a region), so that one broken server takes no other out of use.
 */
export const sharedService = (serviceId: string): string | null => {
  const service = findService(serviceId)
  return service?.baseUrl == null || service.baseUrlFor !== undefined ? null : serviceId
}
