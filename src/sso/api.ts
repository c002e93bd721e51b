import type { z } from 'zod'
import type { ssoConnection, ssoDomain } from '../contract/sso.ts'
import { defineHandlers } from '../http/handler.ts'
import { meOfSession } from '../identity/api.ts'
import type { Identity } from '../identity/identity.ts'
import { fault, FaultError, must } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import { requireMayGive } from '../organizations/may-give.ts'
import { addressesOf, type Connection } from './connection.ts'
import { recordNameOf, recordValueOf } from './domain.ts'
import type { Domain } from './domains.ts'
import type { Sso } from './sso.ts'

export const ssoApi = ({ sso, identity, demo }: { sso: Sso; identity: Identity; demo: boolean }) =>
  defineHandlers<
    | 'findSsoWays'
    | 'startSso'
    | 'finishSso'
    | 'previewSsoTicket'
    | 'linkSso'
    | 'readSso'
    | 'addSsoDomain'
    | 'verifySsoDomain'
    | 'changeSsoDomain'
    | 'removeSsoDomain'
    | 'addSsoConnection'
    | 'changeSsoConnection'
    | 'removeSsoConnection'
    | 'checkSsoMetadata'
  >({
    async findSsoWays({ body }) {
      const ways = await sso.waysFor(body.email)
      return { ways, enforced: ways.some(({ enforced }) => enforced) }
    },

    async startSso({ body }, { baseUrl, isAddressConfigured, setSsoSecret }) {
      const begun = must(await sso.signIns.begin({ ...body, baseUrl, isAddressConfigured }))
      setSsoSecret({ token: begun.secret, expiresAt: begun.expiresAt })
      return { url: begun.url }
    },

    async linkSso({ body }, { baseUrl, isAddressConfigured, setSsoSecret, signedIn }) {
      const tieUserId = signedIn.userId
      const begun = must(await sso.signIns.begin({ ...body, baseUrl, isAddressConfigured, tieUserId }))
      setSsoSecret({ token: begun.secret, expiresAt: begun.expiresAt })
      return { url: begun.url }
    },

    async finishSso({ body }, context) {
      const { origin, baseUrl, ssoSecret, setSsoSecret, enter } = context
      const current = origin.previousToken === null ? null : await identity.session(origin.previousToken)
      const admitted = must(
        await sso.signIns.finish({
          ...body,
          baseUrl,
          secret: ssoSecret,
          signedInAs: current?.userId ?? null,
        }),
      )
      setSsoSecret(null)
      if (admitted.tied) return meOfSession(identity, origin.previousToken as string, demo)
      const { token } = enter(must(await identity.signInAs(admitted.userId, origin, admitted)))
      return meOfSession(identity, token, demo)
    },

    previewSsoTicket: ({ body }) => sso.signIns.preview(body.connectionId, body.ticket),

    async readSso(_, { signedIn, baseUrl }) {
      const { id } = signedIn.organization
      const [domains, connections] = await Promise.all([sso.domains.list(id), sso.connections.list(id)])
      return {
        domains: domains.map(domainOnWire),
        connections: connections.map((connection) => connectionOnWire(connection, baseUrl)),
        next: nextOf(baseUrl),
      }
    },

    addSsoDomain: async ({ body }, { signedIn, actor }) =>
      domainOnWire(must(await sso.domains.add(actor, signedIn.organization.id, body.domain))),

    verifySsoDomain: async ({ params }, { signedIn, actor }) =>
      domainOnWire(must(await sso.domains.verify(actor, signedIn.organization.id, params.domain))),

    changeSsoDomain: async ({ params, body }, { signedIn, actor }) =>
      domainOnWire(
        must(await sso.domains.enforce(actor, signedIn.organization.id, params.domain, body.enforced)),
      ),

    async removeSsoDomain({ params }, { signedIn, actor }) {
      must(await sso.domains.remove(actor, signedIn.organization.id, params.domain))
      return { done: true }
    },

    async addSsoConnection({ body }, { signedIn, actor, baseUrl }) {
      requireMayGive(signedIn.role, rolesOf(body))
      return connectionOnWire(must(await sso.connections.add(actor, signedIn.organization.id, body)), baseUrl)
    },

    async changeSsoConnection({ params, body }, { signedIn, actor, baseUrl }) {
      requireMayGive(signedIn.role, rolesOf(body))
      const place = { organizationId: signedIn.organization.id, id: params.id }
      return connectionOnWire(must(await sso.connections.change(actor, place, body)), baseUrl)
    },

    async removeSsoConnection({ params }, { signedIn, actor }) {
      const place = { organizationId: signedIn.organization.id, id: params.id }
      must(await sso.connections.remove(actor, place))
      return { done: true }
    },

    async checkSsoMetadata({ body }) {
      const { url, xml } = body
      if ((url === undefined) === (xml === undefined))
        throw new FaultError(fault('invalid_request', { message: 'Give the address or the text.' }))
      return must(await sso.readMetadata(url === undefined ? { xml: xml as string } : { url }))
    },
  })

const rolesOf = (connection: Pick<Connection, 'defaultRole' | 'roleRules'>) => [
  connection.defaultRole,
  ...connection.roleRules.map(({ role }) => role),
]

const nextOf = (baseUrl: string) => {
  const id = newId()
  return { id, addresses: addressesOf(baseUrl, id) }
}

const domainOnWire = (row: Domain): z.input<typeof ssoDomain> => ({
  domain: row.domain,
  recordName: recordNameOf(row.domain),
  recordValue: recordValueOf(row.token),
  verifiedAt: row.verifiedAt?.toISOString() ?? null,
  checkedAt: row.checkedAt?.toISOString() ?? null,
  problem: row.problem,
  enforced: row.enforced,
})

const connectionOnWire = (row: Connection, baseUrl: string): z.input<typeof ssoConnection> => ({
  id: row.id,
  name: row.name,
  enabled: row.enabled,
  joinsMembers: row.joinsMembers,
  defaultRole: row.defaultRole,
  roleRules: row.roleRules.map((rule) => ({ ...rule })),
  hasClientSecret: row.sealed !== null,
  provider: row.provider,
  addresses: addressesOf(baseUrl, row.id),
  lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
  problem: row.problem,
  problemAt: row.problemAt?.toISOString() ?? null,
})
