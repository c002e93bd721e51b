import { useLocalStorage } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import type { Onboarding, OnboardingStep } from '../../src/contract/onboarding.ts'
import { read } from '../data/queries.ts'
import { useMe } from '../data/session.ts'

const waitMs = 3_000
const areLeft = (data: Onboarding | undefined) => data?.steps.some(({ done }) => !done) ?? false

/**
 * What is to be done until calls work, and what of it is next; null once it is all done, or hidden. It is asked for anew after
 * every command, and `isWatching` asks all the time: calls are made elsewhere.
 */
export const useOnboarding = (isWatching = false) => {
  const { user, organization, obstacle } = useMe()
  const [isHidden, setIsHidden] = useLocalStorage({
    key: `onboarding-hidden:${user.id}:${organization.id}`,
    defaultValue: false,
    getInitialValueInEffect: false,
  })
  const { data } = useQuery({
    ...read('readOnboarding', {}),
    enabled: ({ state }) =>
      !isHidden && obstacle === null && (state.data === undefined || areLeft(state.data)),
    refetchInterval: isWatching && waitMs,
  })
  if (isHidden || !data || data.steps.length === 0) return null
  return {
    ...data,
    next: data.steps.find(({ done }) => !done)?.id ?? null,
    hide: () => setIsHidden(true),
  }
}

export const stepTitles: Record<OnboardingStep, string> = {
  system_key: 'Add a system key',
  cover: 'Have a key or credits',
  token: 'Create an access token',
  request: 'Make the first call',
  members: 'Invite somebody',
  policy: 'Say whose keys may be used',
}
