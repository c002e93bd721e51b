import { stringify } from 'yaml'
import { platformOrganizationId } from '../kit/id.ts'
import { documentOf, isSamePolicy } from '../organizations/policy-document.ts'
import { billingInDocument, packInDocument, tierInDocument } from './billing.ts'
import { memberParts, organizationParts, sessionPolicyIn } from './export-organization.ts'
import { byText, type Exporting, list, uniquely } from './exporting.ts'
import { budgetsIn, keysIn, scheduleIn } from './export-keys.ts'
import { modelGroupsIn } from './installation.ts'
import { scheduledPoliciesIn } from './policies.ts'
import type { Snapshot, StoredMembership, StoredOrganization, StoredUser } from './snapshot.ts'

export interface Exported {
  readonly text: string
  /** Variables that the secrets are read from when the document is applied: no secret leaves the vault. */
  readonly variables: readonly { readonly name: string; readonly lastFour: string; readonly of: string }[]
  /** What a document cannot say, or may not: for a person. */
  readonly leftOut: readonly string[]
}

/**
 * What is stored, as a document that makes the same of an empty installation. `organization`: one company with its people, and
 * nothing of the platform.
 */
export const exportDocument = (stored: Snapshot, organization: string | null = null): Exported => {
  const variables = makeVariables()
  const exporting: Exporting = { stored, variables, leftOut: [] }
  const companies = stored.organizations.filter(
    ({ kind, name }) => kind === 'company' && (organization === null || name === organization),
  )
  const organizations = uniquely(companies, ({ name }) => `organisation ${name}`, exporting).map((one) => ({
    name: one.name,
    ...(one.selfService && { selfService: true }),
    controlPolicy: one.controlPolicy,
    criticalServices: one.criticalServices,
    systemKeysAllowed: one.systemKeysAllowed,
    lockedFallback: one.lockedFallback,
    allowed: one.allowed,
    ...scheduledPoliciesIn(one, exporting),
    ...list(
      'keys',
      keysIn({ owner: 'organization', organizationId: one.id, userId: null }, one.name, exporting),
    ),
    ...list('budgets', budgetsIn({ organizationId: one.id }, `organisation ${one.name}`, exporting)),
    ...list('users', peopleOf(one, organization === null, exporting)),
    ...organizationParts(one, exporting),
  }))
  const inCompanies = new Set(organizations.flatMap((one) => one.users?.map(({ email }) => email) ?? []))
  const alone = stored.organizations
    .filter(({ kind }) => kind === 'personal' && organization === null)
    .flatMap((home) => peopleOf(home, true, exporting))
    .filter(({ email }) => !inCompanies.has(email))
    .toSorted((a, b) => byText(a.email, b.email))

  const document = {
    ...(organization === null && platformParts(exporting)),
    ...list('organizations', organizations),
    ...list('users', alone),
  }
  const { leftOut } = exporting
  return {
    text:
      heading(variables.all, leftOut) + stringify(document, { lineWidth: 0, aliasDuplicateObjects: false }),
    variables: variables.all,
    leftOut,
  }
}

const peopleOf = (home: StoredOrganization, isWhole: boolean, exporting: Exporting) =>
  exporting.stored.memberships
    .filter(({ organizationId }) => organizationId === home.id)
    .flatMap((membership) => {
      const user = exporting.stored.users.find(({ id, isPerson }) => isPerson && id === membership.userId)
      return user ? [personIn(user, membership, home, isWhole, exporting)] : []
    })
    .toSorted((a, b) => byText(a.email, b.email))

const personIn = (
  user: StoredUser,
  membership: StoredMembership,
  home: StoredOrganization,
  isWhole: boolean,
  exporting: Exporting,
) => {
  const isMember = home.kind === 'company'
  const { leftOut } = exporting
  if (user.isToBeDeleted) leftOut.push(`user ${user.email}: that they are to be deleted.`)
  if (!isMember && !isSamePolicy(documentOf(home), documentOf(personalControl)))
    leftOut.push(`user ${user.email}: the control policy of their personal organisation.`)
  return {
    email: user.email,
    name: user.name,
    ...(isMember && { role: membership.role }),
    ...(isMember && membership.suspended && { suspended: true }),
    ...(user.isSuspended && { suspendedEverywhere: true }),
    ...(isMember && membership.breakGlass && { breakGlass: true }),
    ...(membership.tierId !== null && { tier: membership.tierId }),
    ...(user.isPlatformAdministrator && isWhole && { platformAdministrator: true }),
    ...memberParts(user.id, user.email, home, exporting),
  }
}

/** As personal organisations are made. */
const personalControl = {
  controlPolicy: 'user_control',
  criticalServices: [],
  systemKeysAllowed: true,
  lockedFallback: null,
} as const

const platformParts = (exporting: Exporting) => {
  const { stored, leftOut } = exporting
  for (const { id, next } of stored.billing.tiers)
    if (next !== null) leftOut.push(`tier ${id}: a version that begins later.`)
  const services = [
    ...new Set([
      ...stored.services.map(({ serviceId }) => serviceId),
      ...stored.schedules
        .filter((one) => one.organizationId === platformOrganizationId && one.serviceKeyId === null)
        .map(({ serviceId }) => serviceId),
    ]),
  ].toSorted(byText)
  return {
    ...list('outboundAllowances', stored.allowances.toSorted(byText)),
    ...(services.length > 0 && {
      services: Object.fromEntries(
        services.map((id) => {
          const { serviceId: _, ...settings } =
            stored.services.find(({ serviceId }) => serviceId === id) ?? {}
          return [id, { ...settings, ...scheduleIn(id, null, exporting) }]
        }),
      ),
    }),
    // Archived ones, too: somebody may have one.
    ...list('tiers', stored.billing.tiers.map(tierInDocument)),
    ...modelGroupsIn(stored.modelGroups),
    keyHygiene: stored.keyHygiene,
    billing: billingInDocument(stored.billing.settings),
    ...list(
      'packs',
      stored.billing.packs.filter(({ archivedAt }) => archivedAt === null).map(packInDocument),
    ),
    ...list(
      'systemKeys',
      keysIn({ owner: 'system', organizationId: platformOrganizationId, userId: null }, 'system', exporting),
    ),
    ...list('budgets', budgetsIn({ organizationId: platformOrganizationId }, 'installation', exporting)),
    ...sessionPolicyIn(platformOrganizationId, exporting),
  }
}

interface Variables {
  readonly all: { name: string; lastFour: string; of: string }[]
  add(words: string, lastFour: string, of: string): string
}

/** Names that say whose secret it is; two that would be the same get a number. */
const makeVariables = (): Variables => {
  const all: Variables['all'] = []
  return {
    all,
    add(words, lastFour, of) {
      const slug = words
        .normalize('NFKD')
        .replace(/[^A-Za-z0-9]+/g, '_')
        .replace(/^_+|_+$/g, '')
        .toUpperCase()
        .slice(0, 80)
      const base = `KEY_${slug}`
      let name = base
      for (let number = 2; all.some((one) => one.name === name); number += 1) name = `${base}_${number}`
      all.push({ name, lastFour, of })
      return name
    },
  }
}

const heading = (variables: Exported['variables'], leftOut: readonly string[]): string =>
  [
    'Written by aideon-keys export. aideon-keys apply makes the same of an empty installation.',
    'Passwords, access tokens, credits and history are no part of it.',
    ...(variables.length === 0 ? [] : ['', 'Secrets stay where they are. Set these before applying:']),
    ...variables.map(({ name, lastFour }) => `  ${name}${lastFour && `  (ends in ${lastFour})`}`),
    ...(leftOut.length === 0 ? [] : ['', 'Left out:']),
    ...leftOut.map((line) => `  ${line}`),
  ]
    .map((line) => `# ${line}`.trimEnd())
    .join('\n')
    .concat('\n')
