/** What a subject may use; null: not limited. */
export interface RateLimits {
  readonly requestsPerMinute: number | null
  readonly tokensPerMinute: number | null
  /** Operations under way at once. */
  readonly concurrent: number | null
}

export type SubjectKind = 'access_token' | 'user' | 'service_key'

/** Whom a limit is set for. */
export interface Subject {
  readonly organizationId: string
  readonly kind: SubjectKind
  readonly id: string
}

/** What ran out. */
export type Dimension = 'requests' | 'tokens' | 'concurrent'

export const subjectText = ({ organizationId, kind, id }: Subject): string =>
  `${organizationId}/${kind}/${id}`
