import { mayChangeRole, type Role } from '../contract/permissions.ts'
import { FaultError, fault } from '../kit/fault.ts'

/** Whoever saves a rule by which roles are given later has to be one who may give them by hand. */
export const requireMayGive = (by: Role, roles: readonly (Role | null)[]): void => {
  const above = roles.find((role) => role !== null && !mayChangeRole(by, role))
  if (above === undefined) return
  throw new FaultError(
    fault('forbidden', {
      message: `Your role does not allow you to make anybody ${above}, by a rule neither.`,
      next: 'Ask an owner of your organisation.',
    }),
  )
}
