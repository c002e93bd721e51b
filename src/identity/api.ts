import type { AuthenticationResponseJSON, RegistrationResponseJSON } from '@simplewebauthn/server'
import type { Me } from '../contract/session.ts'
import { defineHandlers, type SessionContext } from '../http/handler.ts'
import { FaultError, fault, must } from '../kit/fault.ts'
import { platformOrganizationId } from '../kit/id.ts'
import type { Vault } from '../vault/vault.ts'
import { hasSecondFactor, type Identity, type Origin, proofKindsOf, type SignedIn } from './identity.ts'
import { relyingPartyOf } from './passkey.ts'
import type { FactorChange, FactorsView } from './second-factors.ts'

export interface IdentityApiParts {
  readonly identity: Identity
  readonly version: string
  readonly demo: boolean
  readonly dashboards: () => string | null
  readonly vault: Pick<Vault, 'problem'>
}

export const identityApi = ({ identity, version, demo, dashboards, vault }: IdentityApiParts) => {
  /** The session goes on under another token. */
  const changed = async ({ setSession }: SessionContext, { session, recoveryCodes }: FactorChange) => {
    setSession(session)
    return {
      me: await meOfSession(identity, session.token, demo),
      recoveryCodes: recoveryCodes === null ? null : [...recoveryCodes],
    }
  }

  return defineHandlers<
    | 'readMeta'
    | 'signIn'
    | 'signInWithLink'
    | 'readPendingSignIn'
    | 'finishSignIn'
    | 'createPasskeyChallenge'
    | 'signInWithPasskey'
    | 'createProofChallenge'
    | 'readFactors'
    | 'beginTotp'
    | 'confirmTotp'
    | 'removeTotp'
    | 'beginPasskey'
    | 'addPasskey'
    | 'renamePasskey'
    | 'removePasskey'
    | 'renewRecoveryCodes'
    | 'resetUserFactors'
    | 'resetMemberFactors'
    | 'readSessionPolicy'
    | 'saveSessionPolicy'
    | 'setBreakGlass'
    | 'readPlatformSessionPolicy'
    | 'savePlatformSessionPolicy'
    | 'readMe'
    | 'stepUp'
    | 'changePassword'
    | 'listSessions'
    | 'revokeSession'
    | 'revokeOtherSessions'
    | 'createSignInLink'
    | 'endUserSessions'
  >({
    readMeta: async () => ({
      version,
      demo,
      needsSetup: await identity.needsSetUp(),
      dashboardsReady: dashboards() !== null,
      vaultSealed: vault.problem() !== null,
    }),

    async signIn({ body }, { origin, enter }) {
      const { token } = enter(must(await identity.signIn(body, origin)))
      return meOfSession(identity, token, demo)
    },

    async signInWithLink({ body }, { origin, enter }) {
      const { token } = enter(must(await identity.signInWithLink(body.token, origin)))
      return meOfSession(identity, token, demo)
    },

    readPendingSignIn: async (_, { origin }) => ({ pending: await identity.pendingSignIn(origin) }),

    async finishSignIn({ body }, { origin, enter }) {
      const { token } = enter(must(await identity.finishSignIn(body.proof, origin)))
      return meOfSession(identity, token, demo)
    },

    async createPasskeyChallenge(_, { origin, baseUrl, setPending }) {
      const { options, pending } = must(await identity.passkeyChallenge(origin, relyingPartyOf(baseUrl)))
      setPending(pending)
      return { options: { ...options } }
    },

    async signInWithPasskey({ body }, { origin, baseUrl, enter }) {
      const response = body.response as AuthenticationResponseJSON
      const given = { response, party: relyingPartyOf(baseUrl) }
      const { token } = enter(must(await identity.signInWithPasskey(given, origin)))
      return meOfSession(identity, token, demo)
    },

    readMe: async (_, { signedIn }) => meOf(signedIn, demo),

    async stepUp({ body }, { signedIn, origin, baseUrl, setSession }) {
      const { proof } = body
      const given =
        proof.kind === 'passkey'
          ? {
              kind: proof.kind,
              response: proof.response as AuthenticationResponseJSON,
              party: relyingPartyOf(baseUrl),
            }
          : proof
      const renewed = must(await identity.stepUp(signedIn, tokenOf(origin), given))
      setSession(renewed)
      return meOfSession(identity, renewed.token, demo)
    },

    async createProofChallenge(_, { signedIn, baseUrl }) {
      const options = must(await identity.proofChallenge(signedIn, relyingPartyOf(baseUrl)))
      return { options: { ...options } }
    },

    readFactors: async (_, { signedIn }) => factorsOnWire(await identity.readFactors(signedIn.userId)),

    beginTotp: async (_, { signedIn }) => must(await identity.beginTotp(signedIn)),

    confirmTotp: async ({ body }, context) =>
      changed(
        context,
        must(await identity.confirmTotp(context.signedIn, tokenOf(context.origin), body.code)),
      ),

    removeTotp: async (_, context) =>
      changed(context, must(await identity.removeTotp(context.signedIn, tokenOf(context.origin)))),

    async beginPasskey(_, { signedIn, baseUrl }) {
      const options = must(await identity.beginPasskey(signedIn, relyingPartyOf(baseUrl)))
      return { options: { ...options } }
    },

    async addPasskey({ body }, context) {
      const given = {
        name: body.name,
        response: body.response as RegistrationResponseJSON,
        party: relyingPartyOf(context.baseUrl),
      }
      const added = await identity.addPasskey(context.signedIn, tokenOf(context.origin), given)
      return changed(context, must(added))
    },

    async renamePasskey({ params, body }, { signedIn }) {
      must(await identity.renamePasskey(signedIn, params.id, body.name))
      return { done: true }
    },

    removePasskey: async ({ params }, context) =>
      changed(
        context,
        must(await identity.removePasskey(context.signedIn, tokenOf(context.origin), params.id)),
      ),

    renewRecoveryCodes: async (_, context) =>
      changed(context, must(await identity.renewRecoveryCodes(context.signedIn, tokenOf(context.origin)))),

    readSessionPolicy: async (_, { signedIn, origin }) =>
      policyOnWire(identity, signedIn.organization.id, origin),

    async saveSessionPolicy({ body }, { signedIn, actor, origin }) {
      const { id } = signedIn.organization
      const by = { who: signedIn, address: origin.address }
      must(await identity.saveSessionPolicy(actor, id, body, by))
      return policyOnWire(identity, id, origin)
    },

    async setBreakGlass({ params, body }, { signedIn, actor, origin }) {
      const organizationId = signedIn.organization.id
      must(await identity.setBreakGlass(actor, { organizationId, userId: params.id }, body.enabled))
      return policyOnWire(identity, organizationId, origin)
    },

    readPlatformSessionPolicy: async (_, { origin }) =>
      policyOnWire(identity, platformOrganizationId, origin),

    async savePlatformSessionPolicy({ body }, { signedIn, actor, origin }) {
      const by = { who: signedIn, address: origin.address }
      must(await identity.saveSessionPolicy(actor, platformOrganizationId, body, by))
      return policyOnWire(identity, platformOrganizationId, origin)
    },

    async resetUserFactors({ params, body }, { actor }) {
      must(await identity.resetFactors(actor, params.id, body.reason))
      return { done: true }
    },

    async resetMemberFactors({ params, body }, { actor, signedIn }) {
      const member = { organizationId: signedIn.organization.id, userId: params.id }
      must(await identity.resetFactorsOfMember(actor, member, body.reason))
      return { done: true }
    },

    async changePassword({ body }, { signedIn, origin, setSession }) {
      const renewed = must(await identity.changePassword(signedIn, tokenOf(origin), body))
      setSession(renewed)
      return meOfSession(identity, renewed.token, demo)
    },

    async listSessions(_, { signedIn }) {
      const sessions = await identity.listSessions(signedIn.userId)
      return {
        items: sessions.map((session) => ({
          ...session,
          createdAt: session.createdAt.toISOString(),
          lastSeenAt: session.lastSeenAt.toISOString(),
          expiresAt: session.expiresAt.toISOString(),
          current: session.id === signedIn.sessionId,
        })),
      }
    },

    async revokeSession({ params }, { signedIn }) {
      must(await identity.revokeSession(signedIn.userId, params.id))
      return { done: true }
    },

    revokeOtherSessions: async (_, { signedIn }) => ({
      ended: await identity.revokeOtherSessions(signedIn),
    }),

    endUserSessions: async ({ params }, { actor }) => ({
      ended: must(await identity.endSessions(actor, params.id)),
    }),

    async createSignInLink({ params }, { actor }) {
      const { path, expiresAt } = must(await identity.createSignInLink(actor, params.id))
      return { path, expiresAt: expiresAt.toISOString() }
    },
  })
}

const policyOnWire = async (identity: Identity, organizationId: string, { address }: Origin) => {
  const policy = await identity.readSessionPolicy(organizationId)
  const breakGlass = await identity.listBreakGlass(organizationId)
  return {
    policy: { ...policy, networks: [...policy.networks] },
    breakGlass: breakGlass.map((account) => ({ ...account, since: account.since.toISOString() })),
    yourAddress: address,
  }
}

const factorsOnWire = ({ totp, passkeys, recoveryCodesLeft }: FactorsView) => ({
  totp: totp && { since: totp.since.toISOString() },
  passkeys: passkeys.map(({ id, name, rpId, isBackedUp, createdAt, lastUsedAt }) => ({
    id,
    name,
    host: rpId,
    isSynced: isBackedUp,
    createdAt: createdAt.toISOString(),
    lastUsedAt: lastUsedAt?.toISOString() ?? null,
  })),
  recoveryCodesLeft,
})

const tokenOf = ({ previousToken }: Origin): string => {
  if (previousToken === null) throw new Error('a session without its token')
  return previousToken
}

/** Who has just signed in; their session was opened a moment ago. */
export const meOfSession = async (identity: Identity, token: string, demo: boolean): Promise<Me> => {
  const signedIn = await identity.session(token)
  if (!signedIn) throw new FaultError(worksNowhere)
  return meOf(signedIn, demo)
}

/** Or only where they must come by the company's own sign-in. */
const worksNowhere = fault('user_suspended', {
  message: 'You are not an active member of any organisation that this sign-in opens.',
  next: 'Ask an administrator of your organisation, or use your company’s sign-in.',
})

const meOf = (signedIn: SignedIn, demo: boolean): Me => {
  const { id, name, kind, control } = signedIn.organization
  return {
    user: {
      id: signedIn.userId,
      email: signedIn.email,
      name: signedIn.name,
      hasPassword: signedIn.hasPassword,
      hasSecondFactor: hasSecondFactor(signedIn),
      deleteAt: signedIn.deleteAt?.toISOString() ?? null,
    },
    organization: {
      id,
      name,
      kind,
      controlPolicy: control.controlPolicy,
      criticalServices: [...control.criticalServices],
      systemKeysAllowed: control.systemKeysAllowed,
      lockedFallback: control.lockedFallback,
      allowed: control.allowed ?? null,
    },
    role: signedIn.role,
    isPlatformAdministrator: signedIn.isPlatformAdministrator,
    csrfToken: signedIn.csrfToken,
    stepUp: {
      validUntil: signedIn.provedUntil?.toISOString() ?? null,
      methods: proofKindsOf(signedIn),
    },
    obstacle: signedIn.obstacle,
    demo,
  }
}
