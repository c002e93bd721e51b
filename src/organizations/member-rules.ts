import type { Role } from '../contract/permissions.ts'

/** Whom a membership is taken from, or who is left without one to run the organisation. */
export interface Standing {
  readonly userId: string
  readonly role: Role
  readonly suspendedAt: Date | null
  /** A machine owns nothing. */
  readonly isPerson: boolean
  /** By the platform, in every organisation. */
  readonly isUserSuspended: boolean
  /** A service account that was taken away: its membership stays for what it did. */
  readonly isRemoved: boolean
}

/** Whether somebody would still own the organisation if one member were no owner, or not there. */
export const hasOwnerWithout = (members: readonly Standing[], userId: string): boolean =>
  members.some(
    (one) =>
      one.userId !== userId &&
      one.role === 'owner' &&
      one.suspendedAt === null &&
      one.isPerson &&
      !one.isUserSuspended,
  )
