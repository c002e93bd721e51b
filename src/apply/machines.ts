import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import type { Role } from '../contract/permissions.ts'
import {
  hostApplication,
  machineRole,
  newHostApplication,
  newMachineCredential,
} from '../contract/machines.ts'
import * as wire from '../contract/wire.ts'
import { type Outcome, success } from '../kit/fault.ts'
import type { ApplicationFields } from '../machines/host-applications.ts'
import type { DocumentOrganization } from './document.ts'
import type { Performance } from './perform.ts'
import { findPerson, memberIdOf, organizationIdOf } from './places.ts'
import type { PlanContext } from './plan.ts'
import type { Snapshot } from './snapshot.ts'
import { differences, settings, type Step, step } from './step.ts'
import { clientText, writePrivateFile } from './token-files.ts'

/** Machines of an organisation in a document: service accounts with their credentials, and applications that vouch for users. */

const credential = z.strictObject({
  name: wire.label,
  kind: newMachineCredential.shape.kind.default('token'),
  scopes: newMachineCredential.shape.scopes,
  file: z.string().min(1),
})

/** Beside what every member has. */
export const serviceAccountFields = {
  // People are named by addresses.
  name: wire.label.regex(/^[^@]+$/, 'A service account has a name without @.'),
  description: z.string().trim().max(300).optional(),
  role: machineRole.optional(),
  suspended: z.boolean().optional(),
  paidBy: z.email('This is not an e-mail address.').nullable().optional(),
  credentials: z.array(credential).optional(),
}
type DocumentServiceAccount = z.output<z.ZodObject<typeof serviceAccountFields>>

const { shape } = hostApplication
export const hostApplicationSchema = z
  .strictObject({
    id: wire.id.optional(),
    name: shape.name,
    issuer: shape.issuer,
    jwksUri: shape.jwksUri.optional(),
    jwks: shape.jwks.optional(),
    userClaim: shape.userClaim.optional(),
    matching: shape.matching.optional(),
    scopes: shape.scopes.optional(),
    maximumTokenSeconds: shape.maximumTokenSeconds.optional(),
    frameAncestors: shape.frameAncestors.optional(),
  })
  .refine(
    ({ jwksUri, jwks }) => (jwksUri == null) !== (jwks == null),
    'An application has its public keys at jwksUri, or in jwks.',
  )
type DocumentApplication = z.output<typeof hostApplicationSchema>

export interface StoredServiceAccount {
  readonly organizationId: string
  readonly id: string
  readonly name: string
  readonly description: string
  readonly role: Role
  readonly suspended: boolean
  readonly paysUserId: string | null
}

export interface StoredApplication extends ApplicationFields {
  readonly organizationId: string
  readonly id: string
}

export type MachineAction =
  | {
      readonly kind: 'save_service_account'
      readonly organization: string
      /** Null: a new one. */
      readonly id: string | null
      readonly name: string
      readonly change: { readonly description?: string; readonly role?: Role; readonly suspended?: boolean }
      /** Undefined: whoever does now. */
      readonly paidBy: string | null | undefined
    }
  | {
      readonly kind: 'write_credential'
      readonly organization: string
      readonly account: string
      readonly credential: z.output<typeof credential>
    }
  | {
      readonly kind: 'save_host_application'
      readonly organization: string
      readonly before: StoredApplication | null
      readonly wanted: DocumentApplication
    }

export const findServiceAccount = (organizationId: string | undefined, name: string, stored: Snapshot) =>
  stored.serviceAccounts.find((one) => one.organizationId === organizationId && one.name === name)

export const planServiceAccounts = (
  { name: organization, serviceAccounts }: DocumentOrganization,
  organizationId: string | undefined,
  stored: Snapshot,
  context: PlanContext,
): Step[] =>
  (serviceAccounts ?? []).flatMap((wanted) => {
    const before = findServiceAccount(organizationId, wanted.name, stored)
    const subject = `organisation ${organization}: service account ${wanted.name}`
    return [
      planServiceAccount(subject, organization, wanted, before, stored),
      ...(wanted.credentials ?? []).map((one) => {
        const inFile = context.tokenFiles.get(one.file) ?? null
        const works =
          inFile !== null &&
          before !== undefined &&
          stored.accessTokens.some((token) => token.userId === before.id && token.hash.equals(inFile))
        return step(`${subject}: ${one.kind} “${one.name}” in ${one.file}`, !works, [], {
          kind: 'write_credential',
          organization,
          account: wanted.name,
          credential: one,
        })
      }),
    ]
  })

const planServiceAccount = (
  subject: string,
  organization: string,
  { name, description, role, suspended, paidBy }: DocumentServiceAccount,
  before: StoredServiceAccount | undefined,
  stored: Snapshot,
): Step => {
  const payer = stored.users.find(({ id }) => id === before?.paysUserId)?.email ?? null
  const change = { description, role, suspended }
  const isSamePayer = paidBy === undefined || paidBy?.toLowerCase() === payer?.toLowerCase()
  const said = { ...change, paidBy: isSamePayer ? undefined : paidBy }
  return step(
    subject,
    !before,
    before ? differences<object>({ ...before, paidBy: payer }, said) : settings({ ...change, paidBy }),
    { kind: 'save_service_account', organization, id: before?.id ?? null, name, change, paidBy: said.paidBy },
  )
}

export const planHostApplications = (
  { name: organization, hostApplications }: DocumentOrganization,
  organizationId: string | undefined,
  stored: Snapshot,
): Step[] =>
  (hostApplications ?? []).map((wanted) => {
    const own = stored.hostApplications.filter((one) => one.organizationId === organizationId)
    const before = own.find(({ id }) => id === wanted.id) ?? own.find(({ name }) => name === wanted.name)
    const { id: _, jwks, ...plain } = wanted
    const keys = isDeepStrictEqual(before?.jwks ?? null, jwks ?? null) ? [] : ['jwks: other keys']
    return step(
      `organisation ${organization}: host application ${wanted.name}`,
      !before,
      before ? [...differences<object>(before, plain), ...keys] : settings(plain),
      { kind: 'save_host_application', organization, before: before ?? null, wanted },
    )
  })

export const performMachine = async (action: MachineAction, p: Performance): Promise<Outcome<unknown>> => {
  const home = await organizationIdOf(action.organization, p)
  if (!home.ok) return home
  switch (action.kind) {
    case 'save_service_account':
      return saveServiceAccount(action, home.value, p)
    case 'write_credential':
      return writeCredential(action, home.value, p)
    case 'save_host_application': {
      const { id, ...wanted } = action.wanted
      const { applications } = p.rooms.machines
      if (action.before === null)
        return applications.create(p.actor, home.value, { ...newHostApplication.parse(wanted), id })
      const keys = { jwksUri: wanted.jwksUri ?? null, jwks: wanted.jwks ?? null }
      return applications.change(p.actor, action.before, { ...wanted, ...keys })
    }
  }
}

/** Whoever applies a document has an owner’s rights, and pays for nothing. */
const by = ({ actor }: Performance, userId: string | null) => ({ actor, userId, role: 'owner' }) as const

const saveServiceAccount = async (
  action: Extract<MachineAction, { kind: 'save_service_account' }>,
  organizationId: string,
  p: Performance,
): Promise<Outcome<unknown>> => {
  const { accounts } = p.rooms.machines
  const { name, paidBy, change } = action
  const payer = paidBy == null ? success(null) : await findPerson(paidBy, p)
  if (!payer.ok) return payer
  const owner = by(p, payer.value?.userId ?? null)
  if (action.id !== null) {
    const takeOver = paidBy === undefined ? {} : ({ takeOver: true } as const)
    return accounts.change(owner, { organizationId, id: action.id }, { ...change, ...takeOver })
  }
  const { description = '', role = 'member', suspended = false } = change
  const created = await accounts.create(owner, { organizationId, name, description, role })
  return created.ok && suspended
    ? accounts.change(owner, { organizationId, id: created.value.id }, { suspended })
    : created
}

const writeCredential = async (
  { account, credential: { file, ...wanted } }: Extract<MachineAction, { kind: 'write_credential' }>,
  organizationId: string,
  p: Performance,
): Promise<Outcome<unknown>> => {
  const id = await memberIdOf(account, organizationId, p)
  if (!id.ok) return id
  const place = { organizationId, id: id.value }
  const created = await p.rooms.machines.accounts.createCredential(by(p, null), place, {
    ...wanted,
    expiresAt: null,
  })
  if (!created.ok) return created
  const { secret, credential: made } = created.value
  const text = wanted.kind === 'client' ? clientText(made.id, secret) : secret
  await writePrivateFile(p.pathOf(file), `${text}\n`)
  return created
}
