import type { z } from 'zod'
import type { ssoConnection, ssoDomain } from '../contract/sso.ts'
import { defineHandlers } from '../http/handler.ts'
import { meOfSession } from '../identity/api.ts'
import type { Identity, SignedIn } from '../identity/identity.ts'
import { fault, FaultError, must } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import { requireMayGive } from '../organizations/may-give.ts'
import { addressesOf, type Connection } from './connection.ts'
import { recordNameOf, recordValueOf } from './domain.ts'
import type { Domain } from './domains.ts'
import { lastDayOf } from './saml-certificate.ts'
import type { Sso } from './sso.ts'

export const ssoApi = ({ sso, identity, demo }: { sso: Sso; identity: Identity; demo: boolean }) =>
  defineHandlers<
    | 'findSsoWays'
    | 'startSso'
    | 'finishSso'
    | 'previewSsoTicket'
    | 'linkSso'
    | 'proveSso'
    | 'readOwnSso'
    | 'signOut'
    | 'readSso'
    | 'addSsoDomain'
    | 'verifySsoDomain'
    | 'changeSsoDomain'
    | 'removeSsoDomain'
    | 'addSsoConnection'
    | 'changeSsoConnection'
    | 'removeSsoConnection'
    | 'renewSsoCertificate'
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
      const errand = { purpose: 'link', ...whoOf(signedIn) } as const
      const begun = must(await sso.signIns.begin({ ...body, baseUrl, isAddressConfigured, errand }))
      setSsoSecret({ token: begun.secret, expiresAt: begun.expiresAt })
      return { url: begun.url }
    },

    async proveSso(_, { baseUrl, isAddressConfigured, setSsoSecret, signedIn }) {
      if (signedIn.ssoConnectionId === null) throw new FaultError(fault('conflict', notByCompany))
      const begun = must(
        await sso.signIns.begin({
          connectionId: signedIn.ssoConnectionId,
          baseUrl,
          isAddressConfigured,
          errand: { purpose: 'prove', ...whoOf(signedIn) },
        }),
      )
      setSsoSecret({ token: begun.secret, expiresAt: begun.expiresAt })
      return { url: begun.url }
    },

    async readOwnSso(_, { signedIn }) {
      const items = await sso.ownConnections(signedIn.organization.id, signedIn.userId)
      return { items: items.map((item) => ({ ...item, lastUsedAt: item.lastUsedAt?.toISOString() ?? null })) }
    },

    async signOut(_, { signedIn, baseUrl, clearSession }) {
      must(await identity.revokeSession(signedIn.userId, signedIn.sessionId))
      clearSession()
      return { done: true, continueAt: await sso.signOuts.continueAt(signedIn.ssoConnectionId, baseUrl) }
    },

    async finishSso({ body }, context) {
      const { origin, baseUrl, ssoSecret, setSsoSecret, setSession, enter } = context
      const current = origin.previousToken === null ? null : await identity.session(origin.previousToken)
      const admitted = must(
        await sso.signIns.finish({
          ...body,
          baseUrl,
          secret: ssoSecret,
          signedInAs: current && whoOf(current),
        }),
      )
      setSsoSecret(null)
      const { did, signOn } = admitted
      let token = origin.previousToken as string
      if (did === 'signed_in')
        token = enter(must(await identity.signInAs(admitted.userId, origin, admitted))).token
      if (did === 'proved') {
        const proof = { kind: 'single_sign_on', connectionId: signOn.connectionId } as const
        const renewed = must(await identity.stepUp(current as SignedIn, token, proof))
        setSession(renewed)
        token = renewed.token
        await sso.signOuts.renamed((current as SignedIn).sessionId, signOn)
      }
      return { ...(await meOfSession(identity, token, demo)), did }
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
      const place = { organizationId: signedIn.organization.id, id: params.id }
      const before = (await sso.connections.list(place.organizationId)).find(({ id }) => id === params.id)
      requireMayGive(signedIn.role, [...rolesOf(body), ...(before ? rolesOf(before) : [])])
      return connectionOnWire(must(await sso.connections.change(actor, place, body)), baseUrl)
    },

    async removeSsoConnection({ params }, { signedIn, actor }) {
      const place = { organizationId: signedIn.organization.id, id: params.id }
      must(await sso.connections.remove(actor, place))
      return { done: true }
    },

    async renewSsoCertificate({ params }, { signedIn, actor, baseUrl }) {
      const place = { organizationId: signedIn.organization.id, id: params.id }
      return connectionOnWire(must(await sso.connections.renewKey(actor, place)), baseUrl)
    },

    async checkSsoMetadata({ body }) {
      const { url, xml } = body
      if ((url === undefined) === (xml === undefined))
        throw new FaultError(fault('invalid_request', { message: 'Give the address or the text.' }))
      return must(await sso.readMetadata(url === undefined ? { xml: xml as string } : { url }))
    },
  })

const whoOf = ({ userId, sessionId }: SignedIn) => ({ userId, sessionId })

const notByCompany = {
  message: 'This session was not opened by a company sign-in.',
  next: 'Prove it in another way.',
}

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
  ownCertificate: row.ownCertificate,
  ownCertificateUntil: row.ownCertificate === null ? null : lastDayOf([row.ownCertificate]).toISOString(),
  certificatesUntil:
    row.provider.kind === 'saml' ? lastDayOf(row.provider.settings.certificates).toISOString() : null,
  lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
  problem: row.problem,
  problemAt: row.problemAt?.toISOString() ?? null,
})
