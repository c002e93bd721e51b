import { mayUserManageKey } from '../policy/control.ts'
import { anomaliesIn } from './anomalies.ts'
import { budgetsIn, keysIn, rateLimitsIn } from './export-keys.ts'
import { byText, type Exporting, list, some, uniquely } from './exporting.ts'
import type { StoredOrganization } from './snapshot.ts'

/** What an organisation has beside members and keys, as a document writes it. */

export const organizationParts = (home: StoredOrganization, exporting: Exporting) => {
  if (home.isToBeDeleted) exporting.leftOut.push(`organisation ${home.name}: that it is to be deleted.`)
  return partsOf(home, exporting)
}

const partsOf = (home: StoredOrganization, exporting: Exporting) => ({
  ...machinesIn(home, exporting),
  ...teamsIn(home, exporting),
  ...sessionPolicyIn(home.id, exporting),
  ...singleSignOnIn(home, exporting),
  ...provisioningIn(home, exporting),
  ...list('webhooks', webhooksIn(home, exporting)),
  ...(home.billingEmail !== null && {
    centralBilling: { enabled: home.centralBilling, billingEmail: home.billingEmail },
  }),
  ...anomaliesIn(home.id, exporting.stored),
  ...(home.maximumKeyAgeDays !== null && { rotation: { maximumAgeDays: home.maximumKeyAgeDays } }),
})

const within = <Item extends { readonly organizationId: string }>(
  items: readonly Item[],
  { id }: { id: string },
) => items.filter(({ organizationId }) => organizationId === id)

const machinesIn = (home: StoredOrganization, exporting: Exporting) => {
  const { stored } = exporting
  const of = `organisation ${home.name}: `
  const accounts = uniquely(
    within(stored.serviceAccounts, home),
    ({ name }) => `${of}service account ${name}`,
    exporting,
  )
  const applications = uniquely(
    within(stored.hostApplications, home),
    ({ name }) => `${of}host application ${name}`,
    exporting,
  )
  return {
    ...list(
      'serviceAccounts',
      accounts.map(({ id, name, description, role, suspended, paysUserId }) => ({
        name,
        description,
        role,
        ...(suspended && { suspended }),
        ...some('paidBy', stored.users.find((user) => user.id === paysUserId)?.email),
        ...memberParts(id, name, home, exporting),
      })),
    ),
    ...list(
      'hostApplications',
      applications.map((one) => ({
        id: one.id,
        name: one.name,
        issuer: one.issuer,
        ...(one.jwks === null ? { jwksUri: one.jwksUri } : { jwks: one.jwks }),
        userClaim: one.userClaim,
        matching: one.matching,
        scopes: one.scopes,
        maximumTokenSeconds: one.maximumTokenSeconds,
        frameAncestors: one.frameAncestors,
      })),
    ),
  }
}

const teamsIn = (home: StoredOrganization, exporting: Exporting) => {
  const { stored } = exporting
  const nameOf = (userId: string) =>
    stored.serviceAccounts.find(({ id }) => id === userId)?.name ??
    stored.users.find(({ id, isPerson }) => isPerson && id === userId)?.email ??
    []
  return {
    ...list(
      'costCentres',
      within(stored.costCentres, home)
        .toSorted((a, b) => byText(a.code, b.code))
        .map(({ code, name, archived }) => ({ code, name, ...(archived && { archived }) })),
    ),
    ...list(
      'teams',
      within(stored.teams, home)
        .toSorted((a, b) => byText(a.name, b.name))
        .map(({ organizationId, id, name, description, members }) => {
          const inRole = (role: 'lead' | 'member') =>
            members
              .filter((member) => member.role === role)
              .flatMap(({ userId }) => nameOf(userId))
              .toSorted(byText)
          return {
            name,
            description,
            ...list('leads', inRole('lead')),
            ...list('members', inRole('member')),
            ...costCentreIn(home.id, id, exporting),
            ...list('budgets', budgetsIn({ organizationId, teamId: id }, `team ${name}`, exporting)),
          }
        }),
    ),
  }
}

/** Of a person or a service account. */
export const memberParts = (userId: string, name: string, home: StoredOrganization, exporting: Exporting) => {
  const { stored, leftOut } = exporting
  const isTheirs = (one: { readonly organizationId: string; readonly userId: string | null }) =>
    one.organizationId === home.id && one.userId === userId
  const exceptions = stored.exceptions.filter(isTheirs).toSorted((a, b) => byText(a.serviceId, b.serviceId))
  const control = { ...home, exceptedServices: exceptions.map(({ serviceId }) => serviceId) }
  const mayHold = ({ serviceId }: { serviceId: string }) => mayUserManageKey(control, serviceId).ok
  if (stored.serviceKeys.some((key) => key.owner === 'user' && isTheirs(key) && !mayHold(key)))
    leftOut.push(`user ${name}: keys that the control policy of ${home.name} suspends.`)
  const preferences = stored.preferences.filter(isTheirs)
  const others = preferences.filter(({ serviceId }) => serviceId !== '*')
  const place = { owner: 'user', organizationId: home.id, userId } as const
  return {
    ...some('fallback', preferences.find(({ serviceId }) => serviceId === '*')?.fallback),
    ...(others.length > 0 && {
      fallbackByService: Object.fromEntries(others.map((one) => [one.serviceId, one.fallback])),
    }),
    ...(home.kind === 'company' && costCentreIn(home.id, userId, exporting)),
    ...rateLimitsIn('rateLimits', { organizationId: home.id, kind: 'user', id: userId }, exporting),
    ...(home.kind === 'company' &&
      list(
        'ownKeyExceptions',
        exceptions.map(({ serviceId, reason, until }) => ({
          service: serviceId,
          reason,
          ...some('until', until?.toISOString()),
        })),
      )),
    ...list('keys', keysIn(place, name, exporting, mayHold)),
    ...list('budgets', budgetsIn({ organizationId: home.id, userId }, `user ${name}`, exporting)),
  }
}

/** Of a member or a team. */
const costCentreIn = (organizationId: string, id: string, { stored }: Exporting) => {
  const found = stored.assignments.find((one) => one.organizationId === organizationId && one.id === id)
  return some('costCentre', found?.code ?? undefined)
}

export const sessionPolicyIn = (organizationId: string, { stored }: Exporting) => {
  const found = stored.sessionPolicies.find((one) => one.organizationId === organizationId)
  if (!found) return {}
  const { organizationId: _, ...policy } = found
  return { sessionPolicy: policy }
}

const singleSignOnIn = (home: StoredOrganization, exporting: Exporting) => {
  const { stored, variables, leftOut } = exporting
  const of = `organisation ${home.name}: `
  const connections = uniquely(
    within(stored.connections, home),
    ({ name }) => `${of}identity provider ${name}`,
    exporting,
  ).map(({ id, name, enabled, joinsMembers, defaultRole, roleRules, provider, hasSecret }) => ({
    id,
    name,
    enabled,
    joinsMembers,
    defaultRole,
    roleRules,
    [provider.kind]: provider.settings,
    ...(provider.kind === 'oidc' &&
      hasSecret && { clientSecret: `env:${variables.add(`${home.name} ${name}`, '', home.name)}` }),
  }))
  for (const { name, provider, hasSecret } of within(stored.connections, home))
    if (provider.kind === 'saml' && hasSecret)
      leftOut.push(`${of}the key pair of ${name}: another one is made, and its provider has to be told.`)
  const domains = within(stored.domains, home).toSorted((a, b) => byText(a.domain, b.domain))
  for (const { domain, isVerified } of domains)
    if (isVerified) leftOut.push(`${of}that ${domain} is verified: it needs a record of its own elsewhere.`)
  const parts = {
    ...list('connections', connections),
    ...list(
      'domains',
      domains.map(({ domain, enforced }) => ({ domain, ...(enforced && { enforced }) })),
    ),
  }
  return Object.keys(parts).length > 0 ? { singleSignOn: parts } : {}
}

const provisioningIn = (home: StoredOrganization, { stored }: Exporting) => {
  const groups = within(stored.groupRoles, home)
    .toSorted((a, b) => byText(a.name, b.name))
    .map(({ name, role }) => ({ name, role }))
  return groups.length > 0 ? { provisioning: { groups } } : {}
}

const webhooksIn = (home: StoredOrganization, exporting: Exporting) =>
  uniquely(
    within(exporting.stored.webhooks, home),
    ({ url }) => `organisation ${home.name}: webhook ${url}`,
    exporting,
  ).map(({ url, description, types, enabled, lastFour }) => ({
    url,
    description,
    types,
    enabled,
    secret: `env:${exporting.variables.add(`${home.name} webhook ${new URL(url).host}`, lastFour, home.name)}`,
  }))
