import { sql, type Transaction } from 'kysely'
import type { Pool, PoolClient } from 'pg'
import type { Database } from '../db/database.ts'
import type { Schema } from '../db/schema.ts'
import type { CheckedLink, Checkpoint, Head } from './chain.ts'
import type { SealedSigningKey } from './signer.ts'
import type { TrailFilter, TrailRow } from './trail.ts'

/** Links asked for at a time: an entry is a few hundred bytes. */
const batchSize = 500

/** Newest first. */
export const readTrail = async (
  { kysely }: Database,
  filter: TrailFilter,
  page: { before: string | null; limit: number },
): Promise<TrailRow[]> => {
  const conditions = [sql`true`]
  const { organizationId, action, subjectKind, subjectId, actorId, since, until } = filter
  if (organizationId !== undefined) conditions.push(sql`e.organization_id = ${organizationId}`)
  if (action !== undefined)
    conditions.push(sql`(e.action = ${action} OR starts_with(e.action, ${`${action}.`}))`)
  if (subjectKind !== undefined) conditions.push(sql`e.subject_kind = ${subjectKind}`)
  if (subjectId !== undefined) conditions.push(sql`e.subject_id = ${subjectId}`)
  if (actorId !== undefined) conditions.push(sql`e.actor_id = ${actorId}`)
  if (since !== undefined) conditions.push(sql`e.at >= ${since}`)
  if (until !== undefined) conditions.push(sql`e.at < ${until}`)
  if (page.before !== null) conditions.push(sql`e.id < ${page.before}`)
  const { rows } = await sql<TrailRow>`
    SELECT e.id, e.organization_id AS "organizationId", o.name AS "organizationName", e.at,
      e.actor_kind AS "actorKind", e.actor_id AS "actorId", CASE e.actor_kind WHEN 'user' THEN user_email(e.actor_id) END AS "actorEmail", e.action,
      e.subject_kind AS "subjectKind", e.subject_id AS "subjectId", CASE e.subject_kind WHEN 'user' THEN user_email(e.subject_id) END AS "subjectEmail", e.before, e.after, e.reason, e.access_token_id AS "accessTokenId",
      l.sequence, encode(l.hash, 'hex') AS hash
    FROM audit_entries e
    JOIN organizations o ON o.id = e.organization_id
    JOIN audit_links l ON l.organization_id = e.organization_id AND l.entry_id = e.id
    WHERE ${sql.join(conditions, sql` AND `)}
    ORDER BY e.id DESC LIMIT ${page.limit}`.execute(kysely)
  return rows
}

/** Every organization that has entries or links. */
export const chainOwners = async (client: Pool | PoolClient): Promise<string[]> => {
  const { rows } = await client.query<{ id: string }>(
    `SELECT id FROM organizations o WHERE EXISTS (SELECT FROM audit_entries e WHERE e.organization_id = o.id)
       OR EXISTS (SELECT FROM audit_heads h WHERE h.organization_id = o.id) ORDER BY id`,
  )
  return rows.map(({ id }) => id)
}

interface LinkRow extends Omit<CheckedLink, 'checkpoint'> {
  readonly signedHash: Buffer | null
  readonly signedAt: Date
  readonly signingKeyId: string
  readonly signature: Buffer
}

/** In their order. */
export async function* readLinks(
  client: Pool | PoolClient,
  organizationId: string,
): AsyncGenerator<CheckedLink> {
  for (let after = 0n; ; ) {
    const { rows } = await client.query<LinkRow>(
      `SELECT l.organization_id AS "organizationId", l.sequence, l.text, l.previous_hash AS "previousHash", l.hash,
         CASE WHEN e.id IS NULL THEN NULL ELSE l.text::jsonb = audit_json(e) END AS agrees,
         c.hash AS "signedHash", c.at AS "signedAt", c.signing_key_id AS "signingKeyId", c.signature
       FROM audit_links l
       LEFT JOIN audit_entries e ON e.organization_id = l.organization_id AND e.id = l.entry_id
       LEFT JOIN audit_checkpoints c ON c.organization_id = l.organization_id AND c.sequence = l.sequence
       WHERE l.organization_id = $1 AND l.sequence > $2 ORDER BY l.sequence LIMIT ${batchSize}`,
      [organizationId, after],
    )
    for (const { signedHash, signedAt: at, signingKeyId, signature, ...link } of rows) {
      const { sequence } = link
      yield {
        ...link,
        checkpoint:
          signedHash === null
            ? null
            : { organizationId, sequence, hash: signedHash, at, signingKeyId, signature },
      }
    }
    const last = rows.at(-1)
    if (last === undefined || rows.length < batchSize) return
    after = last.sequence
  }
}

export const readEnd = async (
  client: PoolClient,
  organizationId: string,
): Promise<{ head: Head | null; unlinked: number }> => {
  const { rows } = await client.query<{ sequence: bigint | null; hash: Buffer; unlinked: number }>(
    `SELECT h.sequence, h.hash, (SELECT count(*)::int FROM audit_entries e WHERE e.organization_id = $1
       AND NOT EXISTS (SELECT FROM audit_links l WHERE l.organization_id = $1 AND l.entry_id = e.id)) AS unlinked
     FROM (SELECT) AS nothing LEFT JOIN audit_heads h ON h.organization_id = $1`,
    [organizationId],
  )
  const { sequence, hash, unlinked } = rows[0] as (typeof rows)[number]
  return { head: sequence === null ? null : { organizationId, sequence, hash }, unlinked }
}

/** At these places of a chain; those that there are not are missing. */
export const readHashes = async (
  { pool }: Database,
  organizationId: string,
  sequences: readonly bigint[],
): Promise<ReadonlyMap<bigint, Buffer>> => {
  const found = new Map<bigint, Buffer>()
  for (let at = 0; at < sequences.length; at += batchSize) {
    const { rows } = await pool.query<{ sequence: bigint; hash: Buffer }>(
      'SELECT sequence, hash FROM audit_links WHERE organization_id = $1 AND sequence = ANY($2::bigint[])',
      [organizationId, sequences.slice(at, at + batchSize).map(String)],
    )
    for (const { sequence, hash } of rows) found.set(sequence, hash)
  }
  return found
}

export const readNewestCheckpoints = async ({ pool }: Database): Promise<Checkpoint[]> => {
  const { rows } = await pool.query<Checkpoint>(
    `SELECT DISTINCT ON (organization_id) organization_id AS "organizationId", sequence, hash, at,
       signing_key_id AS "signingKeyId", signature
     FROM audit_checkpoints ORDER BY organization_id, sequence DESC`,
  )
  return rows
}

/** Chains that have grown since they were signed. */
export const unsignedHeads = async (transaction: Transaction<Schema>): Promise<Head[]> => {
  const { rows } = await sql<Head>`
    SELECT h.organization_id AS "organizationId", h.sequence, h.hash FROM audit_heads h
    WHERE h.sequence > 0 AND NOT EXISTS (SELECT FROM audit_checkpoints c
      WHERE c.organization_id = h.organization_id AND c.sequence = h.sequence)
    ORDER BY h.organization_id`.execute(transaction)
  return rows
}

export const insertCheckpoints = async (
  transaction: Transaction<Schema>,
  checkpoints: readonly Checkpoint[],
): Promise<void> => {
  if (checkpoints.length === 0) return
  await transaction
    .insertInto('audit_checkpoints')
    .values(
      checkpoints.map(({ organizationId, sequence, hash, at, signingKeyId, signature }) => ({
        organization_id: organizationId,
        sequence,
        hash,
        at,
        signing_key_id: signingKeyId,
        signature,
      })),
    )
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

export const readSigningKeys = async ({ kysely }: Database): Promise<SealedSigningKey[]> => {
  const rows = await kysely.selectFrom('audit_signing_keys').selectAll().orderBy('created_at').execute()
  return rows.map((row) => ({
    id: row.id,
    publicKey: row.public_key,
    masterKeyId: row.master_key_id,
    wrappedKey: row.wrapped_key,
    sealedSecret: row.sealed_secret,
  }))
}

export const insertSigningKey = async (
  { kysely }: Database,
  key: SealedSigningKey,
  at: Date,
): Promise<void> => {
  await kysely
    .insertInto('audit_signing_keys')
    .values({
      id: key.id,
      public_key: key.publicKey,
      master_key_id: key.masterKeyId,
      wrapped_key: key.wrappedKey,
      sealed_secret: key.sealedSecret,
      created_at: at,
    })
    .execute()
}
