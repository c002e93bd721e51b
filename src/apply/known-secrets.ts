import type { Document } from './document.ts'
import type { ApplyRooms } from './perform.ts'
import { findConnection } from './sign-on.ts'
import { findOrganization, type Snapshot } from './snapshot.ts'

/**
 * Secrets without a fingerprint that a document names one for, by the id of whose they are: opened to be compared with it, and
 * for nothing else. One that cannot be read is one to be replaced.
 */
export const readKnownSecrets = async (
  document: Document,
  stored: Snapshot,
  { sso, webhookEndpoints }: Pick<ApplyRooms, 'sso' | 'webhookEndpoints'>,
): Promise<ReadonlyMap<string, string>> => {
  const known = new Map<string, string>()
  for (const { name, singleSignOn, webhooks } of document.organizations ?? []) {
    const organizationId = findOrganization(name, stored)?.id
    if (organizationId === undefined) continue
    const own = stored.connections.filter((one) => one.organizationId === organizationId)
    const wanted = (singleSignOn?.connections ?? [])
      .filter(({ clientSecret }) => clientSecret !== undefined)
      .flatMap((one) => findConnection(one, own)?.id ?? [])
    for (const connection of wanted.length > 0 ? await sso.connections.list(organizationId) : []) {
      const secret = wanted.includes(connection.id) ? await sso.connections.clientSecret(connection) : null
      if (secret?.ok && secret.value !== null) known.set(connection.id, secret.value)
    }
    for (const { url, secret, secretFile } of webhooks ?? []) {
      const endpoint = stored.webhooks.find((one) => one.organizationId === organizationId && one.url === url)
      if (!endpoint || (secret === undefined && secretFile === undefined)) continue
      const found = await webhookEndpoints.signingSecret(organizationId, endpoint.id)
      if (found.ok) known.set(endpoint.id, found.value)
    }
  }
  return known
}
