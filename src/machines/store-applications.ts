import { type Kysely, sql, type Transaction } from 'kysely'
import type { Schema } from '../db/schema.ts'
import type { HostTokenRules } from './host-token.ts'

type Executor = Kysely<Schema> | Transaction<Schema>

export interface StoredApplication extends HostTokenRules {
  readonly organizationId: string
  readonly jwksUri: string | null
  readonly jwks: { keys: Record<string, unknown>[] } | null
  readonly frameAncestors: readonly string[]
}

const columns = [
  'organization_id as organizationId',
  'id',
  'issuer',
  'jwks_uri as jwksUri',
  sql<StoredApplication['jwks']>`jwks`.as('jwks'),
  'user_claim as userClaim',
  'matching',
  'maximum_token_seconds as maximumTokenSeconds',
  'frame_ancestors as frameAncestors',
] as const

const valuesOf = (application: Partial<StoredApplication>) => ({
  issuer: application.issuer,
  jwks_uri: application.jwksUri,
  jwks:
    application.jwks === undefined
      ? undefined
      : application.jwks === null
        ? null
        : JSON.stringify(application.jwks),
  user_claim: application.userClaim,
  matching: application.matching,
  maximum_token_seconds: application.maximumTokenSeconds,
  frame_ancestors: application.frameAncestors && [...application.frameAncestors],
})

export const makeApplicationStore = (kysely: Kysely<Schema>) => ({
  list: (organizationId: string): Promise<StoredApplication[]> =>
    kysely
      .selectFrom('host_applications')
      .select(columns)
      .where('organization_id', '=', organizationId)
      .execute(),

  /** By its id alone: a token names no organisation. */
  find: (id: string, executor: Executor = kysely): Promise<StoredApplication | undefined> =>
    executor.selectFrom('host_applications').select(columns).where('id', '=', id).executeTakeFirst(),

  insert: async (transaction: Transaction<Schema>, application: StoredApplication): Promise<void> => {
    await transaction
      .insertInto('host_applications')
      .values({
        ...(valuesOf(application) as Required<ReturnType<typeof valuesOf>> & { issuer: string }),
        organization_id: application.organizationId,
        id: application.id,
        matching: application.matching,
        maximum_token_seconds: application.maximumTokenSeconds,
      })
      .execute()
  },

  change: async (
    transaction: Transaction<Schema>,
    where: { organizationId: string; id: string },
    change: Partial<StoredApplication>,
  ): Promise<void> => {
    await transaction
      .updateTable('host_applications')
      .set(valuesOf(change))
      .where('organization_id', '=', where.organizationId)
      .where('id', '=', where.id)
      .execute()
  },

  changeToken: async (
    transaction: Transaction<Schema>,
    where: { organizationId: string; id: string },
    change: { name?: string; scopes?: string[] },
  ): Promise<void> => {
    await transaction
      .updateTable('access_tokens')
      .set(change)
      .where('organization_id', '=', where.organizationId)
      .where('id', '=', where.id)
      .where('purpose', '=', 'application')
      .execute()
  },

  /** A member who is a person, of this organisation and no other, whatever the token says. */
  findUser: async (
    organizationId: string,
    matching: HostTokenRules['matching'],
    reference: string,
  ): Promise<string | undefined> => {
    const which = {
      user_id: sql`m.user_id::text = ${reference}`,
      email: sql`lower(u.email) = lower(${reference})`,
      external_id: sql`EXISTS (SELECT FROM provisioned_users p WHERE p.organization_id = m.organization_id
        AND p.user_id = m.user_id AND p.external_id = ${reference})`,
    }[matching]
    const { rows } = await sql<{ id: string }>`
      SELECT u.id FROM memberships m JOIN users u ON u.id = m.user_id
      WHERE m.organization_id = ${organizationId} AND u.kind = 'person' AND ${which} LIMIT 2`.execute(kysely)
    // Two of them would share what is one person's.
    return rows.length === 1 ? rows[0]?.id : undefined
  },

  insertLink: async (link: {
    organizationId: string
    tokenHash: Buffer
    applicationId: string
    userId: string
    expiresAt: Date
  }): Promise<void> => {
    await kysely
      .insertInto('embed_links')
      .values({
        organization_id: link.organizationId,
        token_hash: link.tokenHash,
        application_id: link.applicationId,
        user_id: link.userId,
        expires_at: link.expiresAt,
      })
      .execute()
  },

  /** Gone with its first use. */
  takeLink: async (transaction: Transaction<Schema>, tokenHash: Buffer, now: Date) =>
    transaction
      .deleteFrom('embed_links')
      .where('token_hash', '=', tokenHash)
      .where('expires_at', '>', now)
      .returning([
        'organization_id as organizationId',
        'application_id as applicationId',
        'user_id as userId',
      ])
      .executeTakeFirst(),

  endEmbeddedSessions: async (transaction: Transaction<Schema>, applicationId: string, at: Date) => {
    await transaction
      .updateTable('sessions')
      .set({ revoked_at: at })
      .where('embedded_by', '=', applicationId)
      .where('revoked_at', 'is', null)
      .execute()
  },

  sweepLinks: async (now: Date): Promise<void> => {
    await kysely.deleteFrom('embed_links').where('expires_at', '<', now).execute()
  },
})
export type ApplicationStore = ReturnType<typeof makeApplicationStore>
