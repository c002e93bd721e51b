import type { AlertKind, AlertSeverity } from '../contract/alerts.ts'

/** Who is told: one member of an organisation, those who administer it, or those who run the platform. */
export type Audience =
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

/** The face for other rooms. */
export interface Alerts {
  /** Durable when it returns. Gives the number of people who had not been told yet. */
  notify(notice: Notice): Promise<number>
}
