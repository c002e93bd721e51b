import { may, type Role } from '../contract/permissions.ts'
import type { OnboardingStep } from '../contract/onboarding.ts'

/** What there is already, as one look at the database tells it. */
export interface OnboardingFacts {
  readonly systemKeys: boolean
  readonly ownKeys: boolean
  readonly credits: boolean
  readonly tokens: boolean
  readonly operations: boolean
  readonly otherMembers: boolean
  /** A second version: the first was made with the organisation. */
  readonly policySaved: boolean
}

interface Newcomer {
  readonly role: Role
  readonly isCompany: boolean
  readonly isPlatformAdministrator: boolean
}

/** Only what this person may do, and in the order in which it makes sense. */
export const stepsFor = (
  who: Newcomer,
  facts: OnboardingFacts,
): readonly { readonly id: OnboardingStep; readonly done: boolean }[] => {
  const uses = may(who.role, 'own.use')
  const step = (id: OnboardingStep, isTheirs: boolean, done: boolean) => (isTheirs ? [{ id, done }] : [])
  return [
    ...step('system_key', who.isPlatformAdministrator, facts.systemKeys),
    ...step('cover', uses, facts.ownKeys || (facts.systemKeys && facts.credits)),
    ...step('token', uses, facts.tokens),
    ...step('request', uses, facts.operations),
    ...step('members', who.isCompany && may(who.role, 'members.manage'), facts.otherMembers),
    ...step('policy', who.isCompany && may(who.role, 'policy.change'), facts.policySaved),
  ]
}
