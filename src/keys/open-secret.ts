import { failure, type Outcome } from '../kit/fault.ts'
import { bindingOf, type ServiceKeyParts } from './parts.ts'
import type { StoredKey } from './store.ts'
import * as versions from './store-versions.ts'

/** The secret of a stored key, to prove it again. */
export const openSecret = async (
  { database, vault, log }: Pick<ServiceKeyParts, 'database' | 'vault' | 'log'>,
  key: StoredKey,
): Promise<Outcome<string>> => {
  const sealed = await versions.readSealed(database.kysely, key, key.version)
  if (!sealed) return failure('not_found')
  const secret = await vault.open(bindingOf(key, key.version), sealed)
  if (!secret.ok) log.error({ serviceKeyId: key.id }, 'a stored secret failed its integrity check')
  return secret
}
