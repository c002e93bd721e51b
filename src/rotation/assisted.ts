import { findService } from '../services/registry.ts'
import { done, type RotationDriver } from './driver.ts'

export const assistedId = 'assisted'

/** For keys that only a person can make and delete: of services without an API for it, and every user's own. */
export const assistedDriver = (serviceId: string): RotationDriver => {
  const service = findService(serviceId)
  return {
    id: assistedId,
    name: 'By hand',
    serviceIds: '*',
    crashClass: 'assisted',
    docsUrl: service?.docsUrl ?? '',
    credential: [],
    maximumKeys: null,
    settleSeconds: 0,
    propagationSeconds: 60,
    scopeOf: ({ key }) => `${assistedId} ${key.serviceKeyId}`,
    check: async () =>
      done([
        {
          what: 'Who makes the new key',
          ok: true,
          detail: `A person does, at ${service?.name ?? serviceId}, and pastes it here.`,
        },
      ]),
  }
}
