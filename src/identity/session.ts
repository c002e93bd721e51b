import type { Role } from '../contract/permissions.ts'
import { fault } from '../kit/fault.ts'
import type { OrganizationControl } from '../policy/control.ts'
import type { Obstacle } from './session-policy.ts'
import type { SessionRow } from './store-sessions.ts'

export interface SessionLimits {
  /** A session ends after this long without a request. */
  readonly idleSeconds: number
  /** And in any case after this long. */
  readonly absoluteSeconds: number
  /** How long a proof of who is there counts as fresh. */
  readonly proofSeconds: number
}
export const defaultSessionLimits: SessionLimits = {
  idleSeconds: 24 * 3600,
  absoluteSeconds: 14 * 24 * 3600,
  proofSeconds: 15 * 60,
}

export const notByCompany = fault('forbidden', {
  message: 'This is about your whole account, and your company’s sign-in counts in the company alone.',
  next: 'Sign in in another way, with a link from an administrator for instance.',
})

/** A signed-in user and where they stand, read for every request: suspension and policies hold at once. */
export interface SignedIn {
  readonly sessionId: string
  readonly csrfToken: string
  readonly userId: string
  readonly email: string
  readonly name: string
  readonly hasPassword: boolean
  /** Second factors that are set up. */
  readonly hasTotp: boolean
  readonly hasPasskey: boolean
  /** Not null: the account is deleted then, unless it is kept. */
  readonly deleteAt: Date | null
  /** Not null: the session policy lets this session do nothing but see and mend that. */
  readonly obstacle: Obstacle | null
  /** Null: the last proof of who is there is too old. */
  readonly provedUntil: Date | null
  /** Never in a session that the single sign-on of one organisation opened. */
  readonly isPlatformAdministrator: boolean
  /** Not null: opened by the single sign-on of this organisation, and works nowhere else. */
  readonly onlyOrganizationId: string | null
  /** Not null: the connection to an identity provider that opened it. */
  readonly ssoConnectionId: string | null
  readonly role: Role
  /** That of their membership, also inside a host application. */
  readonly ownRole: Role
  /** Inside a host application: a member whatever their role, who proves nothing and changes nothing about signing in. */
  readonly isEmbedded: boolean
  readonly organization: {
    readonly id: string
    readonly name: string
    readonly kind: 'platform' | 'personal' | 'company'
    readonly isDemo: boolean
    readonly control: OrganizationControl
  }
  readonly accountId: string | null
}

export interface OpenedSession {
  /** For the cookie; only its hash is stored. */
  readonly token: string
  readonly expiresAt: Date
  /** For the cookie by which this browser is known at its next sign-in; null: leave what is there. */
  readonly browser: { readonly token: string; readonly expiresAt: Date } | null
}

/** The first factor was shown, a second one is set up: for a cookie that opens nothing without it. */
export interface PendingSignIn {
  readonly token: string
  readonly expiresAt: Date
}

/** What signing in comes to. */
export type Entry =
  | { readonly kind: 'open'; readonly session: OpenedSession }
  | { readonly kind: 'second_factor'; readonly pending: PendingSignIn }

/** Where a sign-in comes from. `previousToken`: the session the browser had, ended by the new one. */
export interface Origin {
  readonly address: string
  readonly userAgent: string | null
  readonly previousToken: string | null
  /** What an earlier sign-in left in this browser. */
  readonly browserToken?: string | null
  /** Of a sign-in that waits for its second factor, or of a passkey that was asked for. */
  readonly pendingToken?: string | null
}

export type SignInMethod =
  | 'password'
  | 'sign_in_link'
  | 'set_up'
  | 'passkey'
  | 'oidc'
  | 'saml'
  | 'embedding'
  | 'invitation'

/** How a session came to be. */
export interface Opening {
  readonly method: SignInMethod
  /** A second factor was shown, or one that is two by itself. */
  readonly secondFactor: boolean
  /** The organisation whose word this is, for single sign-on. */
  readonly onlyOrganizationId: string | null
  readonly signOn?: SignOn | null
  /** By a link that works again and again, as demos have them: another browser is no news. */
  readonly isShared?: boolean
}

/** The connection to an identity provider that opened a session, and what the provider calls it. */
export interface SignOn {
  readonly connectionId: string
  readonly session: string | null
}

export interface SessionSummary {
  readonly id: string
  readonly userAgent: string | null
  readonly address: string | null
  readonly method: string | null
  readonly createdAt: Date
  readonly lastSeenAt: Date
  readonly expiresAt: Date
}

/** Any second factor that is set up is asked for at each sign-in. */
export const hasSecondFactor = (who: Pick<SignedIn, 'hasTotp' | 'hasPasskey'>): boolean =>
  who.hasTotp || who.hasPasskey

export const signedInOf = (
  row: SessionRow,
  csrfToken: string,
  provedUntil: Date | null,
  obstacle: Obstacle | null,
): SignedIn => ({
  sessionId: row.sessionId,
  csrfToken,
  userId: row.userId,
  email: row.email,
  name: row.name,
  hasPassword: row.hasPassword,
  hasTotp: row.hasTotp,
  hasPasskey: row.hasPasskey,
  deleteAt: row.deleteAt,
  obstacle,
  provedUntil,
  isPlatformAdministrator: row.isPlatformAdministrator,
  onlyOrganizationId: row.onlyOrganizationId,
  ssoConnectionId: row.ssoConnectionId,
  role: row.isEmbedded ? 'member' : row.role,
  ownRole: row.role,
  isEmbedded: row.isEmbedded,
  organization: {
    id: row.organizationId,
    name: row.organizationName,
    kind: row.organizationKind,
    isDemo: row.isDemo,
    control: {
      controlPolicy: row.controlPolicy,
      criticalServices: row.criticalServices,
      systemKeysAllowed: row.systemKeysAllowed,
      lockedFallback: row.lockedFallback,
      allowed: row.allowedUses,
      exceptedServices: row.exceptedServices,
    },
  },
  accountId: row.accountId,
})
