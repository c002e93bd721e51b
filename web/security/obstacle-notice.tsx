import type { Me } from '../../src/contract/session.ts'
import { Notice } from '../ui/notice.tsx'

const words: Record<NonNullable<Me['obstacle']>, { title: string; text: string }> = {
  second_factor: {
    title: 'Your organisation asks for a second factor',
    text: 'Until you have added one below, or proved who you are with the one you have, nothing else opens.',
  },
  network: {
    title: 'Your organisation does not let you in from this network',
    text: 'Use a network of your organisation, or ask whoever runs it.',
  },
  single_sign_on: {
    title: 'Your organisation lets you in by its own sign-in only',
    text: 'Sign out, then choose “Sign in with your company”.',
  },
}

/** Why the session opens nothing of the organisation. */
export const ObstacleNotice = ({ obstacle }: { obstacle: NonNullable<Me['obstacle']> }) => (
  <Notice tone="warning" title={words[obstacle].title}>
    {words[obstacle].text}
  </Notice>
)
