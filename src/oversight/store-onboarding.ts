import { type Kysely, sql } from 'kysely'
import { beyondTenants } from '../db/tenant-scope.ts'
import type { Schema } from '../db/schema.ts'
import type { OperationStatus } from '../metering/operation.ts'
import type { OnboardingFacts } from './onboarding.ts'

export interface FirstOperation {
  readonly id: string
  readonly at: Date
  readonly status: OperationStatus
  readonly serviceId: string | null
  readonly model: string | null
  readonly faultCode: string | null
}

export const makeOnboardingStore = (kysely: Kysely<Schema>) => ({
  facts: async (who: { organizationId: string; userId: string }, at: Date): Promise<OnboardingFacts> => {
    const { organizationId, userId } = who
    const { rows } = await sql<OnboardingFacts>`
      SELECT EXISTS (SELECT FROM service_keys k WHERE k.organization_id = ${organizationId} AND k.status = 'active'
          AND (k.owner = 'organization' OR k.owner = 'user' AND k.user_id = ${userId})) AS "ownKeys",
        EXISTS (SELECT FROM grants g JOIN credit_accounts a ON a.organization_id = g.organization_id AND a.id = g.account_id
          JOIN organizations o ON o.id = a.organization_id
          WHERE g.organization_id = ${organizationId} AND g.live AND g.effective_at <= ${at}
            AND (g.expires_at IS NULL OR g.expires_at > ${at})
            AND a.user_id = CASE WHEN o.central_billing_at IS NULL THEN ${userId}::uuid ELSE o.id END) AS credits,
        EXISTS (SELECT FROM access_tokens t WHERE t.organization_id = ${organizationId} AND t.user_id = ${userId}
          AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > ${at})) AS tokens,
        EXISTS (SELECT FROM operations o WHERE o.organization_id = ${organizationId} AND o.user_id = ${userId}
          AND o.status = 'succeeded') AS operations,
        (SELECT count(*) > 1 FROM memberships m WHERE m.organization_id = ${organizationId}) AS "otherMembers",
        (SELECT count(*) > 1 FROM control_policies p WHERE p.organization_id = ${organizationId}) AS "policySaved"`.execute(
      kysely,
    )
    return { ...(rows[0] as OnboardingFacts), systemKeys: await hasSystemKeys(kysely) }
  },

  /** The first that succeeded, else the newest. */
  operation: async (who: { organizationId: string; userId: string }): Promise<FirstOperation | undefined> => {
    // Each along the index of a user's operations, however many there are.
    const { rows } = await sql<FirstOperation>`
      SELECT f.id, f.started_at AS at, f.status, f.service_id AS "serviceId", f.model, f.fault_code AS "faultCode" FROM (
        (SELECT 1 AS place, o.* FROM operations o WHERE o.organization_id = ${who.organizationId}
          AND o.user_id = ${who.userId} AND o.status = 'succeeded' ORDER BY o.id LIMIT 1)
        UNION ALL
        (SELECT 2, o.* FROM operations o WHERE o.organization_id = ${who.organizationId}
          AND o.user_id = ${who.userId} ORDER BY o.id DESC LIMIT 1)
      ) f ORDER BY f.place LIMIT 1`.execute(kysely)
    return rows[0]
  },
})

/** Whether the platform has any is no secret: what they serve is on everybody's list of models. */
const hasSystemKeys = (kysely: Kysely<Schema>): Promise<boolean> =>
  beyondTenants(async () => {
    const row = await kysely
      .selectFrom('service_keys')
      .select('id')
      .where('owner', '=', 'system')
      .where('status', '=', 'active')
      .limit(1)
      .executeTakeFirst()
    return row !== undefined
  })
