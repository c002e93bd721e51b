import { may, type Role } from '../contract/permissions.ts'

const rank: Readonly<Record<Role, number>> = {
  owner: 3,
  administrator: 2,
  billing: 1,
  auditor: 1,
  member: 1,
}

/** Owners change everybody; others who manage members only those below themselves, and only to what is below themselves. */
export const mayChange = (by: Role, ...roles: readonly Role[]): boolean =>
  may(by, 'members.manage') && (by === 'owner' || roles.every((role) => rank[role] < rank[by]))

/** Whom a membership is taken from, or who is left without one to run the organisation. */
export interface Standing {
  readonly userId: string
  readonly role: Role
  readonly suspendedAt: Date | null
}

/** Whether somebody would still own the organisation if one member were no owner, or not there. */
export const hasOwnerWithout = (members: readonly Standing[], userId: string): boolean =>
  members.some((one) => one.userId !== userId && one.role === 'owner' && one.suspendedAt === null)
