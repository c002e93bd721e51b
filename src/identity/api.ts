import type { Me } from '../contract/session.ts'
import { defineHandlers } from '../http/handler.ts'
import { must } from '../kit/fault.ts'
import type { Vault } from '../vault/vault.ts'
import { type Identity, type Origin, proofKindsOf, type SignedIn } from './identity.ts'

export interface IdentityApiParts {
  readonly identity: Identity
  readonly version: string
  readonly demo: boolean
  readonly dashboards: () => string | null
  readonly vault: Pick<Vault, 'problem'>
}

export const identityApi = ({ identity, version, demo, dashboards, vault }: IdentityApiParts) =>
  defineHandlers<
    | 'readMeta'
    | 'signIn'
    | 'signInWithLink'
    | 'signOut'
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

    async signIn({ body }, { origin, setSession }) {
      const opened = must(await identity.signIn(body, origin))
      setSession(opened)
      return meOfSession(identity, opened.token, demo)
    },

    async signInWithLink({ body }, { origin, setSession }) {
      const opened = must(await identity.signInWithLink(body.token, origin))
      setSession(opened)
      return meOfSession(identity, opened.token, demo)
    },

    async signOut(_, { signedIn, clearSession }) {
      must(await identity.revokeSession(signedIn.userId, signedIn.sessionId))
      clearSession()
      return { done: true }
    },

    readMe: async (_, { signedIn }) => meOf(signedIn, demo),

    async stepUp({ body }, { signedIn, origin, setSession }) {
      const token = tokenOf(origin)
      const renewed = must(await identity.stepUp(signedIn, token, body.proof))
      setSession(renewed)
      return meOfSession(identity, renewed.token, demo)
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

const tokenOf = ({ previousToken }: Origin): string => {
  if (previousToken === null) throw new Error('a session without its token')
  return previousToken
}

/** Who has just signed in; their session was opened a moment ago. */
export const meOfSession = async (identity: Identity, token: string, demo: boolean): Promise<Me> => {
  const signedIn = await identity.session(token)
  if (!signedIn) throw new Error('a session that was just opened is not found')
  return meOf(signedIn, demo)
}

const meOf = (signedIn: SignedIn, demo: boolean): Me => {
  const { id, name, kind, control } = signedIn.organization
  return {
    user: {
      id: signedIn.userId,
      email: signedIn.email,
      name: signedIn.name,
      hasPassword: signedIn.hasPassword,
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
    demo,
  }
}
