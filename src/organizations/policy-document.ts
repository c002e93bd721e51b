import { failure, type Outcome, success } from '../kit/fault.ts'
import { everything, limitsNothing, type OrganizationControl } from '../policy/control.ts'
import { findService } from '../services/registry.ts'

/** All that a version says; the words are those of `OrganizationControl`. */
export interface ControlDocument extends Omit<OrganizationControl, 'allowed' | 'exceptedServices'> {
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
  const list = <Name extends string>(names: readonly Name[]) => [...new Set(names)].sort()
  const listOrAll = <Name extends string>(names: readonly Name[] | null) =>
    names === null ? null : list(names)
  // Documents from before a limit existed do not name it.
  const allowed = { ...everything, ...document.allowed }
  const tidied = {
    services: listOrAll(allowed.services),
    models: listOrAll(allowed.models),
    groups: listOrAll(allowed.groups),
    keyHealth: allowed.keyHealth,
    maximumKeyAgeDays: allowed.maximumKeyAgeDays,
    dataRegions: listOrAll(allowed.dataRegions),
    noTraining: allowed.noTraining,
  }
  return {
    controlPolicy: document.controlPolicy,
    criticalServices: list(document.criticalServices),
    systemKeysAllowed: document.systemKeysAllowed,
    lockedFallback: document.lockedFallback,
    allowed: limitsNothing(tidied) ? null : tidied,
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
