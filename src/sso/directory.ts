import { type Kysely, sql, type Transaction } from 'kysely'
import type { Schema } from '../db/schema.ts'
import { beyondTenantsIn } from '../db/tenant-scope.ts'
import { FaultError, fault } from '../kit/fault.ts'
import { domainOfEmail } from './domain.ts'

/** A way in that the sign-in page offers to people of a domain. */
export interface SsoWay {
  readonly organizationId: string
  readonly connectionId: string
  readonly kind: 'oidc' | 'saml'
  /** As the company calls it. */
  readonly name: string
  /** Of this domain nobody may sign in in another way, but for break-glass accounts. */
  readonly enforced: boolean
}

/**
 * What sign-in has to know of single sign-on. It stands on the database alone, so that identity can ask it and the rest of
 * single sign-on can ask identity.
 */
export interface SsoDirectory {
  /** By the domain alone: the answer does not tell whether there is such a user. */
  waysFor(email: string): Promise<SsoWay[]>
  /**
   * Passwords and links are refused. Read fresh each time. Not for people whose account reaches beyond the organisation:
   * its word does not count there, so they need another way in (docs/decisions/0075-single-sign-on.md). In the organisation
   * itself their sessions of other ways are no use: `isEnforcedIn`. Break-glass accounts are identity's to except.
   */
  isEnforced(email: string): Promise<boolean>
}

export const makeSsoDirectory = ({ kysely }: { readonly kysely: Kysely<Schema> }): SsoDirectory => ({
  async waysFor(email) {
    const domain = domainOfEmail(email)
    if (domain === null) return []
    const { rows } = await sql<SsoWay>`
      SELECT c.organization_id AS "organizationId", c.id AS "connectionId", c.kind, c.name, d.enforced
      FROM sso_domain_holders h
      JOIN sso_domains d ON d.organization_id = h.holder_id AND d.domain = h.domain AND d.verified_at IS NOT NULL
      JOIN sso_connections c ON c.organization_id = h.holder_id AND c.enabled
      WHERE h.domain = ${domain}
      ORDER BY c.name, c.id`.execute(kysely)
    return rows
  },

  async isEnforced(email) {
    const domain = domainOfEmail(email)
    if (domain === null) return false
    const { rows } = await sql`
      SELECT FROM sso_domain_holders h
      JOIN sso_domains d ON d.organization_id = h.holder_id AND d.domain = h.domain AND d.enforced
      WHERE h.domain = ${domain}
        AND EXISTS (SELECT FROM sso_connections c WHERE c.organization_id = h.holder_id AND c.enabled)
        AND NOT EXISTS (
          SELECT FROM users u WHERE lower(u.email) = ${email.toLowerCase()}
            AND (u.is_platform_administrator
              OR NOT EXISTS (SELECT FROM memberships m WHERE m.user_id = u.id)
              OR EXISTS (SELECT FROM memberships m WHERE m.user_id = u.id AND m.organization_id <> h.holder_id)))
      LIMIT 1`.execute(kysely)
    return rows.length > 0
  },
})

/**
 * True where a session that single sign-on did not open is no use: the membership `m` is in an organisation that enforces its
 * own sign-in on the domain of the user `u`.
 */
export const isEnforcedIn = sql<boolean>`
  EXISTS (SELECT FROM sso_domains d
    JOIN sso_domain_holders h ON h.domain = d.domain AND h.holder_id = d.organization_id
    WHERE d.organization_id = m.organization_id AND d.enforced AND d.domain = lower(split_part(u.email, '@', 2))
      AND EXISTS (SELECT FROM sso_connections c WHERE c.organization_id = d.organization_id AND c.enabled))`

/** They tied the membership `m` to a connection that is in use. */
const isTiedByThemselves = (since: 'ever' | 'as it is now') => sql<boolean>`
  EXISTS (SELECT FROM sso_identities i
    JOIN sso_connections c ON c.organization_id = i.organization_id AND c.id = i.connection_id AND c.enabled
    WHERE i.organization_id = m.organization_id AND i.user_id = m.user_id AND i.tied_by_self
      ${since === 'ever' ? sql`` : sql`AND i.last_used_at >= c.configured_at`})`

/**
 * For every change by which an owner may lose their way in, after it or `withoutUserId`: where the company sign-in is required
 * of all owners, one of them has signed in there as it is set up now, or has a break-glass account. One such change at a time.
 */
export const requireOwnersWayIn = async (
  t: Transaction<Schema>,
  organizationId: string,
  withoutUserId: string | null = null,
): Promise<void> => {
  await sql`SELECT pg_advisory_xact_lock(hashtextextended(${`ways in of ${organizationId}`}, 0))`.execute(t)
  const { rows } = await beyondTenantsIn(t, () =>
    sql<{ mayEnter: boolean | null }>`
      SELECT bool_or(m.break_glass_at IS NOT NULL OR NOT ${isEnforcedIn} OR ${isTiedByThemselves('as it is now')}) AS "mayEnter"
      FROM memberships m JOIN users u ON u.id = m.user_id AND u.kind = 'person' AND u.suspended_at IS NULL
      WHERE m.organization_id = ${organizationId} AND m.role = 'owner' AND m.suspended_at IS NULL
        AND m.user_id IS DISTINCT FROM ${withoutUserId}::uuid`.execute(t),
  )
  if (rows[0]?.mayEnter === false) throw new FaultError(ownersLockedOut)
}

/**
 * Of somebody who becomes an owner. Whoever runs a connection decided what it said of them so far, so that only what they
 * tied themselves is kept. Refused where nothing else would let them in.
 */
export const requireOwnWord = async (
  t: Transaction<Schema>,
  { organizationId, userId }: { readonly organizationId: string; readonly userId: string },
): Promise<void> => {
  const forgotten = await t
    .deleteFrom('sso_identities')
    .where('organization_id', '=', organizationId)
    .where('user_id', '=', userId)
    .where('tied_by_self', '=', false)
    .executeTakeFirst()
  const { rows } = await beyondTenantsIn(t, () =>
    sql<{ isBound: boolean; hasWay: boolean }>`
      SELECT ${isEnforcedIn} AS "isBound", m.break_glass_at IS NOT NULL OR ${isTiedByThemselves('ever')}
          OR NOT ${isEnforcedIn} AND (u.password_hash IS NOT NULL
            OR EXISTS (SELECT FROM passkeys k WHERE k.user_id = u.id)) AS "hasWay"
      FROM memberships m JOIN users u ON u.id = m.user_id
      WHERE m.organization_id = ${organizationId} AND m.user_id = ${userId}`.execute(t),
  )
  const [way] = rows
  if (way && !way.hasWay && (way.isBound || forgotten.numDeletedRows > 0n))
    throw new FaultError(noWordOfTheirOwn)
}

const ownersLockedOut = fault('conflict', {
  message:
    'No owner could get in any more: the company sign-in is required of them, and none has signed in there as it is set up now.',
  next: 'Have an owner tie their account to it under Security, or make one a break-glass account, first.',
})
const noWordOfTheirOwn = fault('conflict', {
  message: 'So far they come in by the company sign-in alone, and it does not speak for owners.',
  next: 'Have them sign in by a password or a link and tie their account under Security first; where the company sign-in is required, make them a break-glass account.',
})
