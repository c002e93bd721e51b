import type { Notice } from '../alerts/notice.ts'
import { newId } from '../kit/id.ts'

/** What people are told of that happens to how they sign in; each in the transaction of what it tells of. */
export type SecurityEvent =
  | 'password_changed'
  | 'totp_added'
  | 'totp_removed'
  | 'passkey_added'
  | 'passkey_removed'
  | 'recovery_codes_renewed'
  | 'recovery_code_used'
  | 'factors_reset'
  | 'new_browser'

const words: Record<SecurityEvent, { severity: Notice['severity']; title: string; text: string }> = {
  password_changed: {
    severity: 'warning',
    title: 'Your password was changed',
    text: 'Every other session of yours was signed out.',
  },
  totp_added: {
    severity: 'warning',
    title: 'An authenticator app was added to your account',
    text: 'A code of it is asked for at each sign-in.',
  },
  totp_removed: {
    severity: 'critical',
    title: 'The authenticator app was removed from your account',
    text: 'No code of it is asked for any more.',
  },
  passkey_added: {
    severity: 'warning',
    title: 'A passkey was added to your account',
    text: 'It signs in by itself.',
  },
  passkey_removed: {
    severity: 'critical',
    title: 'A passkey was removed from your account',
    text: 'It signs in no more.',
  },
  recovery_codes_renewed: {
    severity: 'warning',
    title: 'New recovery codes were made for your account',
    text: 'The ones before do not work any more.',
  },
  recovery_code_used: {
    severity: 'critical',
    title: 'A recovery code of your account was used',
    text: 'It works no more. With one, the authenticator app or passkey is not needed.',
  },
  factors_reset: {
    severity: 'critical',
    title: 'An administrator took your second factors away',
    text: 'You were signed out everywhere. Sign in with what is left, and add a second factor anew.',
  },
  new_browser: {
    severity: 'warning',
    title: 'Your account was signed in to from a new browser',
    text: 'It has not been used with your account before, or was forgotten when you changed how you sign in.',
  },
}

const ifNotYou =
  'If this was not you: sign out every other session under Security, change your password, and tell an administrator.'

export const securityNotice = (userId: string, event: SecurityEvent, where = ''): Notice => {
  const { severity, title, text } = words[event]
  return {
    audience: { kind: 'person', userId },
    kind: 'account_security',
    severity,
    key: `security:${newId()}`,
    title,
    text: [text, where, ifNotYou].filter(Boolean).join(' '),
    path: '/security',
  }
}

/** To those who run the organisation, and to those who run the platform: whoever is both is told once in each. */
export const breakGlassNotices = (
  account: { organizationId: string; organizationName: string; email: string; name: string },
  how: string,
): Notice[] => {
  const notice = {
    kind: 'break_glass_used',
    severity: 'critical',
    key: `break_glass:${newId()}`,
    title: `The break-glass account ${account.email} was used`,
    text: `${account.name} got into ${account.organizationName} ${how}. If nobody had to, withdraw it under Session policy and have its password changed.`,
    path: '/session-policy',
  } as const
  const { organizationId } = account
  return [
    { ...notice, audience: { kind: 'organization_administrators', organizationId } },
    { ...notice, audience: { kind: 'platform_administrators' }, path: '/admin/organizations' },
  ]
}
