import type { Database } from '../db/database.ts'
import type { Clock } from '../kit/clock.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'
import type { Outbound } from '../net/outbound.ts'
import type { FindTextRecords } from '../net/records.ts'
import type { Members } from '../organizations/members.ts'
import type { Vault } from '../vault/vault.ts'
import { addressesOf, type SamlConnection } from './connection.ts'
import { type Connections, makeConnections } from './connections.ts'
import { makeSsoDirectory, type SsoDirectory } from './directory.ts'
import { type Domains, makeDomains } from './domains.ts'
import { makeEntrance } from './entrance.ts'
import { makeOidc } from './oidc.ts'
import type { SamlParty } from './saml.ts'
import { type ProviderFacts, readIdentityProviderMetadata } from './saml-metadata.ts'
import { makeSsoSignIns, type SsoSignIns } from './sign-in.ts'
import { makeSsoSignOuts, type SsoSignOuts } from './sign-out.ts'
import { listOwnConnections, type OwnConnection } from './store.ts'

/** Sign-in at the identity providers of organisations. */
export interface Sso extends SsoDirectory {
  readonly domains: Domains
  readonly connections: Connections
  readonly signIns: SsoSignIns
  readonly signOuts: SsoSignOuts
  /** Those in use, and who a member is there. */
  ownConnections(organizationId: string, userId: string): Promise<OwnConnection[]>
  /** From its address, or as it was pasted. */
  readMetadata(from: { url: string } | { xml: string }): Promise<Outcome<ProviderFacts>>
}

export const makeSso = (parts: {
  database: Database
  vault: Vault
  /** With private addresses of its own: an identity provider may stand where no webhook may go. */
  outbound: Pick<Outbound, 'request' | 'check'>
  findTextRecords: FindTextRecords
  members: Pick<Members, 'join' | 'changeRole'>
  clock: Clock
}): Sso => {
  const { database, vault, outbound, findTextRecords, members, clock } = parts
  const domains = makeDomains({ database, findTextRecords, clock })
  const connections = makeConnections({ database, vault, outbound, clock })
  const entrance = makeEntrance({ database, domains, members, clock })
  const oidc = makeOidc({
    outbound,
    clientSecret: connections.clientSecret,
    now: () => clock().getTime(),
  })
  const partyOf = async (connection: SamlConnection, baseUrl: string): Promise<Outcome<SamlParty>> => {
    const key = await connections.ownKey(connection)
    if (!key.ok) return key
    const { settings } = connection.provider
    return success({ settings, addresses: addressesOf(baseUrl, connection.id), ownKey: key.value })
  }
  return {
    ...makeSsoDirectory(database),
    domains,
    connections,
    signIns: makeSsoSignIns({ database, oidc, entrance, partyOf, clock }),
    signOuts: makeSsoSignOuts({ database, oidc, partyOf, clock }),

    ownConnections: (organizationId, userId) => listOwnConnections(database.kysely, organizationId, userId),

    async readMetadata(from) {
      if ('xml' in from) return readIdentityProviderMetadata(from.xml)
      const reply = await outbound.request({
        method: 'GET',
        url: from.url,
        headers: { accept: 'application/samlmetadata+xml, application/xml, text/xml' },
        timeoutMs: 8_000,
        maximumBytes: 512 * 1024,
      })
      if (!reply.ok) return reply
      return reply.value.status === 200
        ? readIdentityProviderMetadata(reply.value.body)
        : failure('service_reply_invalid', { message: `The address answered ${reply.value.status}.` })
    },
  }
}
