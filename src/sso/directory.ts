import { type Kysely, sql } from 'kysely'
import type { Schema } from '../db/schema.ts'
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
