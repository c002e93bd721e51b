import { z } from 'zod'
import { machineRole } from '../contract/machines.ts'
import * as wire from '../contract/wire.ts'
import { type Outcome, success } from '../kit/fault.ts'
import type { DocumentOrganization } from './document.ts'
import type { Performance } from './perform.ts'
import { organizationIdOf } from './places.ts'
import type { PlanContext } from './plan.ts'
import type { Snapshot } from './snapshot.ts'
import { differences, type Step, step } from './step.ts'
import { isSameName } from './teams.ts'
import { writePrivateFile } from './token-files.ts'

/** What an identity provider may tell by SCIM, in a document. Users and groups themselves are told by it. */

export const provisioningSchema = z.strictObject({
  tokens: z.array(z.strictObject({ name: wire.label, file: z.string().min(1) })).optional(),
  groups: z
    .array(z.strictObject({ name: z.string().trim().min(1).max(254), role: machineRole.nullable() }))
    .optional(),
})

type GroupRole = z.output<typeof machineRole> | null

/** Of a group, or of one that the identity provider has still to tell. */
export interface StoredGroupRole {
  readonly organizationId: string
  readonly name: string
  readonly role: GroupRole
}

export type ProvisioningAction =
  | {
      readonly kind: 'write_provisioning_token'
      readonly organization: string
      readonly name: string
      readonly path: string
    }
  | {
      readonly kind: 'set_group_role'
      readonly organization: string
      readonly group: string
      readonly role: GroupRole
    }

export const planProvisioning = (
  { name: organization, provisioning }: DocumentOrganization,
  organizationId: string | undefined,
  stored: Snapshot,
  context: PlanContext,
): Step[] => [
  ...(provisioning?.tokens ?? []).map(({ name, file }) => {
    const inFile = context.tokenFiles.get(file) ?? null
    const works =
      inFile !== null &&
      stored.accessTokens.some(
        (token) => token.organizationId === organizationId && token.hash.equals(inFile),
      )
    return step(`organisation ${organization}: provisioning token “${name}” in ${file}`, !works, [], {
      kind: 'write_provisioning_token',
      organization,
      name,
      path: file,
    })
  }),
  ...(provisioning?.groups ?? []).map(({ name: group, role }) => {
    const before = stored.groupRoles.find(
      (one) => one.organizationId === organizationId && isSameName(one.name, group),
    )
    const details = differences<{ role: GroupRole }>({ role: before?.role ?? null }, { role })
    return step(`organisation ${organization}: role of the group ${group}`, false, details, {
      kind: 'set_group_role',
      organization,
      group,
      role,
    })
  }),
]

export const performProvisioning = async (
  action: ProvisioningAction,
  p: Performance,
): Promise<Outcome<unknown>> => {
  const home = await organizationIdOf(action.organization, p)
  if (!home.ok) return home
  const organizationId = home.value
  if (action.kind === 'set_group_role')
    return p.rooms.provisioning.groups.setRoleByName(
      { actor: p.actor, by: 'owner' },
      {
        organizationId,
        name: action.group,
        role: action.role,
      },
    )
  const { token } = await p.rooms.access.createToken(p.actor, {
    organizationId,
    kind: 'platform',
    purpose: 'provisioning',
    userId: null,
    name: action.name,
    scopes: [],
    expiresAt: null,
  })
  await writePrivateFile(p.pathOf(action.path), `${token}\n`)
  return success(null)
}
