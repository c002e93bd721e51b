/**
 * What a member of an organisation may do, by role. The HTTP shell checks it before a handler runs, the dashboards hide what
 * it denies, docs/organizations.md prints it and the tests walk it: no handler compares roles itself.
 */

export const roles = ['owner', 'administrator', 'billing', 'auditor', 'member'] as const
export type Role = (typeof roles)[number]

const everybody = roles
const running = ['owner', 'administrator'] as const
const reading = ['owner', 'administrator', 'auditor'] as const
const paying = ['owner', 'administrator', 'billing'] as const
const counting = ['owner', 'administrator', 'billing', 'auditor'] as const

export const permissions = {
  /** One's own keys, tokens, preferences, budgets and operations. Auditors look on. */
  'own.use': ['owner', 'administrator', 'billing', 'member'],
  /** One's own pages, and what everybody in the organisation may know of it. */
  'own.read': everybody,
  /** One's own sign-in, sessions, notifications, and where one works. */
  'own.account': everybody,
  /** Name, and other things that only describe the organisation. */
  'organization.change': running,
  /** To hand it over, to delete it, to make and unmake owners. */
  'organization.own': ['owner'],
  'members.read': counting,
  /** Invitations, roles, suspension, removal: of members, auditors and billing. */
  'members.manage': running,
  /** The same of administrators: none of them makes another, or gets rid of one. */
  'administrators.manage': ['owner'],
  'teams.read': counting,
  'teams.manage': running,
  'policy.read': reading,
  'policy.change': running,
  /** Keys that the organisation shares with its members: never the secrets. */
  'organization_keys.read': reading,
  'organization_keys.manage': running,
  /** Answers to requests for access and for keys. */
  'requests.decide': running,
  /** Usage and cost of everybody in the organisation. */
  'usage.read': counting,
  'budgets.manage': paying,
  'billing.read': counting,
  'billing.manage': paying,
  'audit.read': reading,
  /** Single sign-on, provisioning, domains, session policy, service accounts, host applications. */
  'identity.read': reading,
  'identity.manage': running,
  'webhooks.read': reading,
  'webhooks.manage': running,
} as const satisfies Record<string, readonly Role[]>
export type Permission = keyof typeof permissions

export const may = (role: Role, permission: Permission): boolean =>
  (permissions[permission] as readonly Role[]).includes(role)

const toChange: Readonly<Record<Role, Permission>> = {
  owner: 'organization.own',
  administrator: 'administrators.manage',
  billing: 'members.manage',
  auditor: 'members.manage',
  member: 'members.manage',
}

/** Whose membership somebody may change, and to what. */
export const mayChangeRole = (by: Role, role: Role): boolean => may(by, toChange[role])
