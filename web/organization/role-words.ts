import { mayChangeRole, type Permission, type Role, roles } from '../../src/contract/permissions.ts'

export const roleName: Readonly<Record<Role, string>> = {
  owner: 'Owner',
  administrator: 'Administrator',
  billing: 'Billing',
  auditor: 'Auditor',
  member: 'Member',
}

/** To end a sentence about what somebody has. */
export const roleAs: Readonly<Record<Role, string>> = {
  owner: 'the role of an owner',
  administrator: 'the role of an administrator',
  billing: 'the role for billing',
  auditor: 'the role of an auditor',
  member: 'the role of a member',
}

export const roleSays: Readonly<Record<Role, string>> = {
  owner: 'Everything, including handing the organisation over and deleting it.',
  administrator: 'Runs it: members, teams, keys and the control policy. Not its owners and administrators.',
  billing: 'Budgets, credits, subscriptions and invoices, and what was used by whom.',
  auditor: 'Reads everything and changes nothing, not even with keys of their own.',
  member: 'Own keys and access tokens, as far as the control policy allows them.',
}

/** In the order of the table; what only repeats another line is left out of it. */
export const permissionWords: readonly (readonly [Permission, string])[] = [
  ['own.use', 'Use AI services with own keys and access tokens'],
  ['members.read', 'See members and invitations'],
  ['members.manage', 'Invite, suspend and remove members, change their roles'],
  ['administrators.manage', 'The same of administrators'],
  ['teams.manage', 'Make teams and change who is in them'],
  ['policy.read', 'See the control policy'],
  ['policy.change', 'Change the control policy'],
  ['organization_keys.manage', 'Manage the keys that members share'],
  ['requests.decide', 'Answer requests for access and keys'],
  ['usage.read', 'See usage and cost of everybody'],
  ['budgets.manage', 'Set budgets'],
  ['billing.read', 'See credits, statements and invoices'],
  ['billing.manage', 'Buy credits and change subscriptions'],
  ['audit.read', 'Read and verify the audit trail'],
  ['identity.manage', 'Single sign-on, provisioning, session policy'],
  ['webhooks.manage', 'Webhooks'],
  ['organization.change', 'Rename the organisation'],
  ['organization.own', 'Hand it over, delete it, make owners'],
]

/** The choices of whoever may give them. */
export const rolesBelow = (own: Role): readonly Role[] => roles.filter((role) => mayChangeRole(own, role))
