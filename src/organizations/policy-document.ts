import { failure, type Outcome, success } from '../kit/fault.ts'
import type { OrganizationControl } from '../policy/control.ts'
import { findService } from '../services/registry.ts'

/** All that a version says; the words are those of `OrganizationControl`. */
export interface ControlDocument extends Omit<OrganizationControl, 'allowed'> {
  readonly allowed: NonNullable<OrganizationControl['allowed']> | null
}

export const documentOf = (control: OrganizationControl): ControlDocument => ({
  controlPolicy: control.controlPolicy,
  criticalServices: [...control.criticalServices],
  systemKeysAllowed: control.systemKeysAllowed,
  lockedFallback: control.lockedFallback,
  allowed: control.allowed ?? null,
})

/** Lists are sets, written in one order: the same policy is the same text. */
export const tidy = (document: ControlDocument): ControlDocument => {
  const list = (names: readonly string[]) => [...new Set(names)].sort()
  const listOrAll = (names: readonly string[] | null) => (names === null ? null : list(names))
  const { allowed } = document
  const isLimited =
    allowed !== null &&
    (allowed.services !== null ||
      allowed.models !== null ||
      allowed.groups !== null ||
      allowed.keyHealth === 'valid')
  return {
    controlPolicy: document.controlPolicy,
    criticalServices: list(document.criticalServices),
    systemKeysAllowed: document.systemKeysAllowed,
    lockedFallback: document.lockedFallback,
    allowed: isLimited
      ? {
          services: listOrAll(allowed.services),
          models: listOrAll(allowed.models),
          groups: listOrAll(allowed.groups),
          keyHealth: allowed.keyHealth,
        }
      : null,
  }
}

export const isSamePolicy = (one: ControlDocument, other: ControlDocument): boolean =>
  JSON.stringify(tidy(one)) === JSON.stringify(tidy(other))

/** The first service that nobody knows. */
export const unknownServiceIn = ({ criticalServices, allowed }: ControlDocument): Outcome<void> => {
  const unknown = [...criticalServices, ...(allowed?.services ?? [])].find((id) => !findService(id))
  return unknown === undefined
    ? success(undefined)
    : failure('invalid_request', {
        message: `There is no service ${unknown}.`,
        field: criticalServices.includes(unknown) ? 'criticalServices' : 'allowed',
      })
}
