import { stringify } from 'yaml'
import { mayUserManageKey } from '../policy/control.ts'
import { platformOrganizationId } from '../kit/id.ts'
import { formatMicros } from '../kit/money.ts'
import { packInDocument, tierInDocument } from './billing.ts'
import type { StoredBudget } from './budgets.ts'
import type {
  Snapshot,
  StoredMembership,
  StoredOrganization,
  StoredServiceKey,
  StoredUser,
} from './snapshot.ts'

export interface Exported {
  readonly text: string
  /** Variables that the secrets are read from when the document is applied: no secret leaves the vault. */
  readonly variables: readonly { readonly name: string; readonly lastFour: string; readonly of: string }[]
  /** What a document cannot say, or may not: for a person. */
  readonly leftOut: readonly string[]
}

const priorities = { 1: 'primary', 2: 'secondary', 3: 'tertiary' } as const

/**
 * What is stored, as a document that makes the same of an empty installation. `organization`: one company with its people, and
 * nothing of the platform.
 */
export const exportDocument = (stored: Snapshot, organization: string | null = null): Exported => {
  const variables = makeVariables()
  const leftOut: string[] = []
  const companies = stored.organizations.filter(
    ({ kind, name }) => kind === 'company' && (organization === null || name === organization),
  )
  for (const [index, { name }] of companies.entries())
    if (companies.findIndex((other) => other.name === name) < index)
      leftOut.push(`organisation ${name}: a document knows organisations by their names, and there are two.`)
  const named = companies.filter(
    (one, index) => companies.findIndex(({ name }) => name === one.name) === index,
  )

  const keysOf = (
    place: { owner: StoredServiceKey['owner']; organizationId: string; userId: string | null },
    of: string,
  ) =>
    stored.serviceKeys
      .filter(
        (key) =>
          key.owner === place.owner &&
          key.organizationId === place.organizationId &&
          key.userId === place.userId,
      )
      .toSorted((a, b) => byText(`${a.serviceId} ${a.label}`, `${b.serviceId} ${b.label}`))
      .map((key) => keyInDocument(key, variables, of))

  const personIn = (user: StoredUser, membership: StoredMembership, home: StoredOrganization) => {
    const place = { owner: 'user', organizationId: home.id, userId: user.id } as const
    const forbidden = stored.serviceKeys.filter(
      (key) =>
        key.owner === 'user' &&
        key.organizationId === home.id &&
        key.userId === user.id &&
        !mayUserManageKey(home, key.serviceId).ok,
    )
    if (forbidden.length > 0)
      leftOut.push(`user ${user.email}: keys that the control policy of ${home.name} suspends.`)
    const keys = keysOf(place, user.email).filter(({ service }) => mayUserManageKey(home, service).ok)
    const preferences = stored.preferences.filter(
      (one) => one.userId === user.id && one.organizationId === home.id,
    )
    const others = preferences.filter(({ serviceId }) => serviceId !== '*')
    return {
      email: user.email,
      name: user.name,
      ...(home.kind === 'company' && { role: membership.role }),
      ...(membership.suspended && home.kind === 'company' && { suspended: true }),
      ...(membership.tierId !== null && { tier: membership.tierId }),
      ...(user.isPlatformAdministrator && organization === null && { platformAdministrator: true }),
      ...some('fallback', preferences.find(({ serviceId }) => serviceId === '*')?.fallback),
      ...(others.length > 0 && {
        fallbackByService: Object.fromEntries(others.map((one) => [one.serviceId, one.fallback])),
      }),
      ...list('keys', keys),
      ...list('budgets', budgetsOf(stored, home.id, user.id)),
    }
  }

  const peopleOf = (home: StoredOrganization) =>
    stored.memberships
      .filter(({ organizationId }) => organizationId === home.id)
      .flatMap((membership) => {
        const user = stored.users.find(({ id, isPerson }) => isPerson && id === membership.userId)
        return user ? [personIn(user, membership, home)] : []
      })
      .toSorted((a, b) => byText(a.email, b.email))

  const organizations = named.map((one) => ({
    name: one.name,
    controlPolicy: one.controlPolicy,
    criticalServices: one.criticalServices,
    systemKeysAllowed: one.systemKeysAllowed,
    lockedFallback: one.lockedFallback,
    allowed: one.allowed,
    ...list('keys', keysOf({ owner: 'organization', organizationId: one.id, userId: null }, one.name)),
    ...list('budgets', budgetsOf(stored, one.id, null)),
    ...list('users', peopleOf(one)),
  }))
  const inCompanies = new Set(organizations.flatMap((one) => one.users?.map(({ email }) => email) ?? []))
  const alone = stored.organizations
    .filter(({ kind }) => kind === 'personal' && organization === null)
    .flatMap((home) => peopleOf(home))
    .filter(({ email }) => !inCompanies.has(email))
    .toSorted((a, b) => byText(a.email, b.email))

  const document = {
    ...(organization === null && platformParts(stored, keysOf)),
    ...list('organizations', organizations),
    ...list('users', alone),
  }
  return {
    text:
      heading(variables.all, leftOut) + stringify(document, { lineWidth: 0, aliasDuplicateObjects: false }),
    variables: variables.all,
    leftOut,
  }
}

type KeysOf = (
  place: { owner: StoredServiceKey['owner']; organizationId: string; userId: string | null },
  of: string,
) => readonly object[]

const platformParts = (stored: Snapshot, keysOf: KeysOf) => ({
  ...list('outboundAllowances', stored.allowances.toSorted(byText)),
  ...(stored.services.length > 0 && {
    services: Object.fromEntries(
      stored.services
        .toSorted((a, b) => byText(a.serviceId, b.serviceId))
        .map(({ serviceId, ...settings }) => [serviceId, settings]),
    ),
  }),
  ...list('tiers', stored.billing.tiers.filter(({ archivedAt }) => archivedAt === null).map(tierInDocument)),
  ...list('packs', stored.billing.packs.filter(({ archivedAt }) => archivedAt === null).map(packInDocument)),
  ...list(
    'systemKeys',
    keysOf({ owner: 'system', organizationId: platformOrganizationId, userId: null }, 'system'),
  ),
  ...list('budgets', budgetsOf(stored, platformOrganizationId, null)),
})

const keyInDocument = (key: StoredServiceKey, variables: Variables, of: string) => ({
  service: key.serviceId,
  label: key.label,
  ...(key.priority !== null && { priority: priorities[key.priority as 1 | 2 | 3] }),
  secret: `env:${variables.add(`${of} ${key.serviceId} ${key.label}`, key.lastFour, of)}`,
  ...some('baseUrl', key.baseUrl ?? undefined),
  ...(Object.keys(key.settings).length > 0 && { settings: key.settings }),
})

const budgetsOf = ({ budgets }: Snapshot, organizationId: string, userId: string | null) =>
  budgets
    .filter((one) => one.organizationId === organizationId && one.userId === userId)
    .toSorted((a, b) => byText(a.name, b.name))
    .map((one: StoredBudget) => ({
      name: one.name,
      ...(one.measure === 'credits'
        ? { credits: formatMicros(one.limit) }
        : { ownKeyCost: nanoText(one.limit) }),
      ...some('service', one.serviceId ?? undefined),
      enforcement: one.enforcement,
      ...(userId !== null && { period: one.period }),
      timeZone: one.timeZone,
    }))

const nanoText = (nano: bigint): string => {
  const digits = String(nano).padStart(10, '0')
  const fraction = digits.slice(-9).replace(/0+$/, '')
  return digits.slice(0, -9) + (fraction && `.${fraction}`)
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

const some = <Name extends string, Value>(name: Name, value: Value | undefined) =>
  (value === undefined ? {} : { [name]: value }) as { readonly [N in Name]?: Value }
const list = <Name extends string, Item>(name: Name, items: readonly Item[]) =>
  (items.length === 0 ? {} : { [name]: items }) as { readonly [N in Name]?: readonly Item[] }
const byText = (a: string, b: string): number => (a < b ? -1 : Number(a > b))
