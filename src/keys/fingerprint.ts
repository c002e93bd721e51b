import type { Vault } from '../vault/vault.ts'

/** What tells one stored secret from another within an organization; two servers may have been given the same one. */
export const keyFingerprint = (
  vault: Pick<Vault, 'fingerprint'>,
  key: { readonly organizationId: string; readonly serviceId: string; readonly baseUrl: string | null },
  secret: string,
): Buffer => vault.fingerprint(key.organizationId, `${key.serviceId} ${key.baseUrl ?? ''}`, secret)
