import type { AccessToken } from '../access/access.ts'
import type {
  HostApplication as WireApplication,
  MachineCredential,
  ServiceAccount,
  embedEndpoints,
  machineEndpoints,
} from '../contract/machines.ts'
import { defineHandlers, type SessionContext } from '../http/handler.ts'
import { meOfSession } from '../identity/api.ts'
import type { Identity } from '../identity/identity.ts'
import type { Clock } from '../kit/clock.ts'
import { FaultError, fault, must } from '../kit/fault.ts'
import { defined } from '../organizations/outcome.ts'
import type { ApplicationFields, HostApplication } from './host-applications.ts'
import { audienceOf } from './host-token.ts'
import type { Machines } from './machines.ts'
import type { By } from './service-accounts.ts'
import type { ServiceAccountRow } from './store.ts'

const dayMs = 24 * 3600 * 1000

export const machineApi = (parts: {
  machines: Machines
  identity: Identity
  demo: boolean
  clock: Clock
}) => {
  const { machines, identity, demo, clock } = parts
  const { accounts, applications, embedding } = machines

  return defineHandlers<keyof typeof machineEndpoints | keyof typeof embedEndpoints>({
    async createEmbedLink({ body }, { baseUrl }) {
      const { path, expiresAt } = must(await embedding.createLink(body.token))
      return { url: baseUrl + path, expiresAt: expiresAt.toISOString() }
    },

    async openEmbedded({ body }, { origin, setEmbedded }) {
      const opened = must(await embedding.open(body.token, origin))
      setEmbedded(opened)
      return meOfSession(identity, opened.token, demo)
    },

    listServiceAccounts: async (_, { signedIn }) => ({
      items: (await accounts.list(signedIn.organization.id)).map(accountOnWire),
    }),

    async createServiceAccount({ body }, context) {
      if (context.signedIn.organization.kind !== 'company') throw new FaultError(forCompanies)
      return accountOnWire(
        must(await accounts.create(byOf(context), { organizationId: placeOf(context), ...body })),
      )
    },

    changeServiceAccount: async ({ params, body }, context) =>
      accountOnWire(
        must(
          await accounts.change(
            byOf(context),
            { organizationId: placeOf(context), id: params.id },
            defined(body),
          ),
        ),
      ),

    async removeServiceAccount({ params }, context) {
      must(await accounts.remove(byOf(context), { organizationId: placeOf(context), id: params.id }))
      return { done: true }
    },

    listMachineCredentials: async ({ params }, { signedIn }) => ({
      items: must(
        await accounts.listCredentials({ organizationId: signedIn.organization.id, id: params.id }),
      ).map(credentialOnWire),
    }),

    async createMachineCredential({ params, body }, context) {
      const { kind, name, scopes, expiresInDays } = body
      const expiresAt = expiresInDays === null ? null : new Date(clock().getTime() + expiresInDays * dayMs)
      const { secret, credential } = must(
        await accounts.createCredential(
          byOf(context),
          { organizationId: placeOf(context), id: params.id },
          { kind, name, scopes, expiresAt },
        ),
      )
      return { secret, credential: credentialOnWire(credential) }
    },

    async revokeMachineCredential({ params }, context) {
      const place = { organizationId: placeOf(context), id: params.id }
      must(await accounts.revokeCredential(byOf(context), place, params.credential))
      return { done: true }
    },

    listHostApplications: async (_, { signedIn }) => ({
      items: (await applications.list(signedIn.organization.id)).map(applicationOnWire),
    }),

    createHostApplication: async ({ body }, { signedIn, actor }) =>
      applicationOnWire(
        must(await applications.create(actor, signedIn.organization.id, body as ApplicationFields)),
      ),

    changeHostApplication: async ({ params, body }, { signedIn, actor }) => {
      const place = { organizationId: signedIn.organization.id, id: params.id }
      return applicationOnWire(
        must(await applications.change(actor, place, body as Partial<ApplicationFields>)),
      )
    },

    async removeHostApplication({ params }, { signedIn, actor }) {
      must(await applications.remove(actor, { organizationId: signedIn.organization.id, id: params.id }))
      return { done: true }
    },

    async checkHostApplication({ params, body }, { signedIn }) {
      const place = { organizationId: signedIn.organization.id, id: params.id }
      const { keys, caller } = must(await applications.check(place, body.token))
      return {
        keyCount: keys.ok ? keys.value.length : 0,
        keysProblem: keys.ok ? null : keys.fault.message,
        tokenProblem: caller === null || caller.ok ? null : caller.fault.message,
        user: caller?.ok ? { id: caller.value.person.userId, email: caller.value.person.email } : null,
      }
    },
  })
}

const placeOf = ({ signedIn }: SessionContext): string => signedIn.organization.id
const byOf = ({ signedIn, actor }: SessionContext): By => ({
  actor,
  userId: signedIn.userId,
  role: signedIn.role,
})

const accountOnWire = ({ suspendedAt, ...account }: ServiceAccountRow): ServiceAccount => ({
  ...account,
  suspended: suspendedAt !== null,
  lastUsedAt: account.lastUsedAt?.toISOString() ?? null,
  createdAt: account.createdAt.toISOString(),
})

const credentialOnWire = (token: AccessToken): MachineCredential => ({
  id: token.id,
  kind: token.purpose === 'client' ? 'client' : 'token',
  name: token.name,
  lastFour: token.lastFour,
  scopes: [...token.scopes],
  expiresAt: token.expiresAt?.toISOString() ?? null,
  lastUsedAt: token.lastUsedAt?.toISOString() ?? null,
  createdAt: token.createdAt.toISOString(),
})

const applicationOnWire = ({ token, ...application }: HostApplication): WireApplication => ({
  id: application.id,
  name: token.name,
  issuer: application.issuer,
  jwksUri: application.jwksUri,
  jwks: application.jwks,
  userClaim: application.userClaim,
  matching: application.matching,
  scopes: token.scopes.filter((scope) => scope === 'operations' || scope === 'read'),
  maximumTokenSeconds: application.maximumTokenSeconds,
  frameAncestors: [...application.frameAncestors],
  audience: audienceOf(application.id),
  lastUsedAt: token.lastUsedAt?.toISOString() ?? null,
  createdAt: token.createdAt.toISOString(),
})

/** Alone, somebody's own access tokens do the same, and count towards their own limits and budgets. */
const forCompanies = fault('conflict', {
  message: 'Service accounts are for companies.',
  next: 'Make an access token of your own.',
})
