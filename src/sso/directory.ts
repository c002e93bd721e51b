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
   * Passwords and links are refused. Read fresh each time. Not before somebody's account is tied to the identity provider
   * where a sign-in there cannot do that by itself: they would have no way in (docs/decisions/0075-single-sign-on.md).
   * Break-glass accounts are identity's to except.
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
    // Whose account reaches beyond the organisation, or who runs the platform, has to tie it themselves first.
    const { rows } = await sql<{ enforced: boolean }>`
      SELECT true AS enforced
      FROM sso_domain_holders h
      JOIN sso_domains d ON d.organization_id = h.holder_id AND d.domain = h.domain AND d.enforced
      WHERE h.domain = ${domain}
        AND EXISTS (SELECT FROM sso_connections c WHERE c.organization_id = h.holder_id AND c.enabled)
        AND NOT EXISTS (
          SELECT FROM users u WHERE lower(u.email) = ${email.toLowerCase()}
            AND (u.is_platform_administrator
              OR EXISTS (SELECT FROM memberships m WHERE m.user_id = u.id AND m.organization_id <> h.holder_id)
              OR NOT EXISTS (SELECT FROM memberships m WHERE m.user_id = u.id AND m.organization_id = h.holder_id))
            AND NOT EXISTS (
              SELECT FROM sso_identities i
              JOIN sso_connections c ON c.organization_id = i.organization_id AND c.id = i.connection_id AND c.enabled
              WHERE i.user_id = u.id AND i.organization_id = h.holder_id))
      LIMIT 1`.execute(kysely)
    return rows.length > 0
  },
})
