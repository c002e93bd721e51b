import type { AlertKind, AlertSeverity } from '../contract/alerts.ts'

/**
 * Who is told: one member of an organisation, a person wherever they work (sent once), those who administer an organisation,
 * or those who run the platform.
 */
export type Audience =
  | { readonly kind: 'person'; readonly userId: string }
  | { readonly kind: 'user'; readonly organizationId: string; readonly userId: string }
  | { readonly kind: 'organization_administrators'; readonly organizationId: string }
  | { readonly kind: 'platform_administrators' }

export interface Notice {
  readonly audience: Audience
  readonly kind: AlertKind
  readonly severity: AlertSeverity
  /** The same key is the same alert: whoever is told twice sees it once. At most 200 characters. */
  readonly key: string
  /** One line, also the e-mail's subject. */
  readonly title: string
  /** Plain text; no secrets: it leaves this installation by e-mail and webhook. */
  readonly text: string
  /** Where the dashboard shows what it is about, such as `/credits`. */
  readonly path: string | null
  /** false: shown in the dashboard only. */
  readonly sends?: boolean
}

export interface Channels {
  readonly email: { readonly enabled: boolean; readonly minimumSeverity: AlertSeverity }
  readonly webhook: {
    readonly enabled: boolean
    readonly url: string | null
    readonly minimumSeverity: AlertSeverity
  }
}

/** Of whoever has set nothing: an e-mail from warnings on. */
export const usualChannels: Channels = {
  email: { enabled: true, minimumSeverity: 'warning' },
  webhook: { enabled: false, url: null, minimumSeverity: 'warning' },
}

const ranks: Record<AlertSeverity, number> = { info: 0, warning: 1, critical: 2 }

export const isSevereEnough = (severity: AlertSeverity, minimum: AlertSeverity): boolean =>
  ranks[severity] >= ranks[minimum]

/** Where an alert goes besides the dashboard. */
export const targetsOf = (
  { kind, severity, sends = true }: Pick<Notice, 'kind' | 'severity' | 'sends'>,
  channels: Channels,
  email: { readonly address: string; readonly isAvailable: boolean },
): { channel: 'email' | 'webhook'; target: string }[] => {
  if (!sends) return []
  const { webhook } = channels
  const isWanted = channels.email.enabled && isSevereEnough(severity, channels.email.minimumSeverity)
  const mails = email.isAvailable && (isWanted || cannotBeSilenced(kind))
  const url = webhook.enabled && isSevereEnough(severity, webhook.minimumSeverity) ? webhook.url : null
  return [
    ...(mails ? [{ channel: 'email' as const, target: email.address }] : []),
    ...(url === null ? [] : [{ channel: 'webhook' as const, target: url }]),
  ]
}

/** Whoever has got into an account must not be able to keep its owner from hearing of it. */
export const cannotBeSilenced = (kind: AlertKind): boolean =>
  kind === 'account_security' || kind === 'break_glass_used'

/** One line, whatever names people have given things: a subject must not become two headers. */
export const oneLine = (text: string): string => text.replace(/\p{Cc}+/gu, ' ').slice(0, 300)
