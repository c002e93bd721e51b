import { hash } from 'node:crypto'

/** What a subject may use; null: not limited. */
export interface RateLimits {
  readonly requestsPerMinute: number | null
  readonly tokensPerMinute: number | null
  /** Operations under way at once. */
  readonly concurrent: number | null
}

/** key_member: each member on a service key of their organization; set by the key's id, counted by `memberOnKey`. */
export type SubjectKind = 'access_token' | 'user' | 'service_key' | 'key_member'

/** Whom a limit is set for. */
export interface Subject {
  readonly organizationId: string
  readonly kind: SubjectKind
  readonly id: string
}

/** What ran out. */
export type Dimension = 'requests' | 'tokens' | 'concurrent'

/** The window of one member on one service key needs an id of its own. */
export const memberOnKey = (serviceKeyId: string, userId: string): string =>
  hash('sha256', `${serviceKeyId}/${userId}`, 'hex').replace(
    /^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/,
    '$1-$2-$3-$4-$5',
  )

export const subjectText = ({ organizationId, kind, id }: Subject): string =>
  `${organizationId}/${kind}/${id}`
