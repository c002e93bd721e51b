import type { Transaction } from 'kysely'
import type { Schema } from '../db/schema.ts'
import { beyondTenantsIn } from '../db/tenant-scope.ts'
import { platformOrganizationId } from '../kit/id.ts'
import { secretFingerprint } from './fingerprint.ts'
import type { ServiceKeyParts } from './parts.ts'
import { sharedSecretNotice } from './quarantine.ts'
import type { ServiceKeyView } from './service-key.ts'
import { isSystemSecret, markSecret } from './store-hygiene.ts'

/**
 * What an opened secret tells besides whether it works, kept with its key: its fingerprint, and whether it is a system
 * key's, which the platform's administrators are told once. `scopeNotes`: null where nothing new is known.
 */
export const keepMarks = async (
  { vault, alerts }: Pick<ServiceKeyParts, 'vault' | 'alerts'>,
  transaction: Transaction<Schema>,
  key: Parameters<typeof sharedSecretNotice>[0] & Pick<ServiceKeyView, 'owner'>,
  secret: string,
  scopeNotes: readonly string[] | null,
): Promise<void> => {
  const platforms = secretFingerprint(vault, platformOrganizationId, secret)
  const isNews = await markSecret(transaction, key, {
    secretFingerprint: secretFingerprint(vault, key.organizationId, secret),
    installationFingerprint: platforms,
    isSystemSecret:
      key.owner !== 'system' &&
      (await beyondTenantsIn(transaction, () => isSystemSecret(transaction, platforms))),
    scopeNotes,
  })
  if (isNews) await alerts?.notifyIn(transaction, sharedSecretNotice(key))
}
