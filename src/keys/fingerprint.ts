import type { KeySettings } from '../services/service.ts'
import type { Vault } from '../vault/vault.ts'
import { placeOf } from './settings.ts'

/** Of the secret alone: tells that the same one is stored for another service or by another owner. */
export const secretFingerprint = (
  vault: Pick<Vault, 'fingerprint'>,
  organizationId: string,
  secret: string,
): Buffer => vault.fingerprint(organizationId, 'any service', secret)

/** What tells one stored secret from another within an organization; two servers may have been given the same one. */
export const keyFingerprint = (
  vault: Pick<Vault, 'fingerprint'>,
  key: {
    readonly organizationId: string
    readonly serviceId: string
    readonly baseUrl: string | null
    readonly settings: KeySettings
  },
  secret: string,
): Buffer => {
  const place = placeOf(key.serviceId, key.settings)
  const where = `${key.serviceId} ${key.baseUrl ?? ''}${place.length === 0 ? '' : ` ${JSON.stringify(place)}`}`
  return vault.fingerprint(key.organizationId, where, secret)
}
