import { formatMicros } from '../kit/money.ts'
import { platformOrganizationId } from '../kit/id.ts'
import { budgetName, type BudgetScope, isOn, type StoredBudget } from './budgets.ts'
import { byText, dollarText, type Exporting, list, some, uniquely } from './exporting.ts'
import type { StoredLimits } from './rate-limits.ts'
import type { StoredServiceKey } from './snapshot.ts'

/** Keys with what hangs on them, as a document writes them. */

const priorities = { 1: 'primary', 2: 'secondary', 3: 'tertiary' } as const

export const keysIn = (
  place: Pick<StoredServiceKey, 'owner' | 'organizationId' | 'userId'>,
  of: string,
  exporting: Exporting,
  isWanted: (key: StoredServiceKey) => boolean = () => true,
) =>
  exporting.stored.serviceKeys
    .filter(
      (key) =>
        key.owner === place.owner &&
        key.organizationId === place.organizationId &&
        key.userId === place.userId &&
        isWanted(key) &&
        servesSomebody(key, of, exporting),
    )
    // Of several keys of a service the first is used: they are made in this order.
    .toSorted(
      (a, b) => byText(a.serviceId, b.serviceId) || a.position - b.position || byText(a.label, b.label),
    )
    .map((key) => keyIn(key, of, exporting))

/** What is kept for archived teams alone is left out of a document, which would open it to every member. */
const servesSomebody = (key: StoredServiceKey, of: string, exporting: Exporting): boolean => {
  const live = teamsOf(key, exporting).length
  const all = key.teamIds?.length ?? 0
  const words = `${of}: the key ${key.serviceId} “${key.label}”`
  if (live < all)
    exporting.leftOut.push(
      live === 0 ? `${words}: its teams are archived.` : `${words}: that it is kept for archived teams, too.`,
    )
  return live > 0 || all === 0
}

const teamsOf = ({ organizationId, teamIds }: StoredServiceKey, { stored }: Exporting): string[] =>
  stored.teams
    .filter((team) => team.organizationId === organizationId && teamIds?.includes(team.id))
    .map(({ name }) => name)
    .toSorted(byText)

const keyIn = (key: StoredServiceKey, of: string, exporting: Exporting) => {
  const { organizationId, id, serviceId, label } = key
  const words = `${of} ${serviceId} ${label}`
  return {
    service: serviceId,
    label,
    ...(key.priority !== null && { priority: priorities[key.priority as 1 | 2 | 3] }),
    secret: `env:${exporting.variables.add(words, key.lastFour, of)}`,
    ...some('baseUrl', key.baseUrl ?? undefined),
    ...(Object.keys(key.settings).length > 0 && { settings: key.settings }),
    ...list('teams', teamsOf(key, exporting)),
    ...rateLimitsIn('rateLimits', { organizationId, kind: 'service_key', id }, exporting),
    ...rateLimitsIn('eachMemberRateLimits', { organizationId, kind: 'key_member', id }, exporting),
    ...scheduleIn(serviceId, id, exporting),
    ...list('budgets', budgetsIn({ organizationId, serviceKeyId: id }, `key ${words}`, exporting)),
  }
}

export const rateLimitsIn = (
  name: 'rateLimits' | 'eachMemberRateLimits',
  of: Pick<StoredLimits, 'organizationId' | 'kind' | 'id'>,
  { stored }: Exporting,
) => {
  const found = stored.rateLimits.find(
    (one) => one.organizationId === of.organizationId && one.kind === of.kind && one.id === of.id,
  )
  if (!found) return {}
  const { requestsPerMinute, tokensPerMinute, concurrent } = found
  return some(name, { requestsPerMinute, tokensPerMinute, concurrent })
}

/** Of a key, or of all system keys of a service. */
export const scheduleIn = (serviceId: string, serviceKeyId: string | null, { stored }: Exporting) => {
  const found = stored.schedules.find(
    (one) =>
      one.serviceId === serviceId &&
      one.serviceKeyId === serviceKeyId &&
      (serviceKeyId !== null || one.organizationId === platformOrganizationId),
  )
  if (!found || (found.everyDays === null && found.overlapSeconds === null)) return {}
  return { rotation: { everyDays: found.everyDays, overlapSeconds: found.overlapSeconds } }
}

export const budgetsIn = (
  {
    organizationId,
    userId = null,
    teamId = null,
    serviceKeyId = null,
  }: Partial<BudgetScope> & {
    organizationId: string
  },
  of: string,
  exporting: Exporting,
) => {
  const on = exporting.stored.budgets
    .filter((one) => isOn(one, { organizationId, userId, teamId, serviceKeyId }))
    .toSorted((a, b) => byText(budgetName(a), budgetName(b)))
  return uniquely(on, (one) => `${of}: budget ${budgetName(one)}`, exporting).map((one: StoredBudget) => ({
    name: one.name,
    ...(one.measure === 'credits'
      ? { credits: formatMicros(one.limit) }
      : { ownKeyCost: dollarText(one.limit) }),
    ...some('service', one.serviceId ?? undefined),
    ...(one.setBy !== 'administrator' && { setBy: one.setBy }),
    ...(one.eachMember && { eachMember: true }),
    enforcement: one.enforcement,
    ...(userId !== null && { period: one.period }),
    timeZone: one.timeZone,
  }))
}
