import { CompiledQuery, type Kysely, sql } from 'kysely'
import type { Schema } from '../db/schema.ts'
import type { Owner } from './long-operation.ts'
import type { Binding, NamedResource } from './resources.ts'

const findText = `
  SELECT service_id AS "serviceId", resource_id AS "resourceId", service_key_id AS "serviceKeyId", kind,
    user_id = $2 AS "isMine"
  FROM service_resources WHERE organization_id = $1 AND service_id = ANY ($3) AND resource_id = ANY ($4)`

export const find = async (
  run: Kysely<Schema>,
  owner: Owner,
  serviceIds: readonly string[],
  ids: readonly string[],
): Promise<Binding[]> => {
  const values = [owner.organizationId, owner.userId, [...serviceIds], [...ids]]
  return (await run.executeQuery<Binding>(CompiledQuery.raw(findText, values))).rows
}

export interface Row {
  readonly owner: Owner
  readonly serviceId: string
  readonly serviceKeyId: string
  readonly at: Date
}

/** The service has just made them: whoever had one of that name on that key has lost it. */
const madeText = `
  WITH made AS (SELECT * FROM unnest($5::text[], $6::text[]) AS made (resource_id, kind)),
  lost AS (
    DELETE FROM service_resources USING made
    WHERE organization_id = $1 AND user_id <> $2 AND service_id = $3 AND service_key_id = $4
      AND service_resources.resource_id = made.resource_id
  )
  INSERT INTO service_resources (organization_id, user_id, service_id, service_key_id, resource_id, kind, created_at)
  SELECT $1, $2, $3, $4, resource_id, kind, $7 FROM made
  ON CONFLICT (organization_id, service_id, resource_id, user_id)
  DO UPDATE SET service_key_id = excluded.service_key_id, kind = excluded.kind, created_at = excluded.created_at`

/** Named along with what is the caller's: theirs too, unless somebody else has it on that key. */
const namedText = `
  INSERT INTO service_resources (organization_id, user_id, service_id, service_key_id, resource_id, kind, created_at)
  SELECT $1, $2, $3, $4, named.resource_id, named.kind, $7
  FROM unnest($5::text[], $6::text[]) AS named (resource_id, kind)
  WHERE NOT EXISTS (
    SELECT FROM service_resources other WHERE other.organization_id = $1 AND other.service_id = $3
      AND other.resource_id = named.resource_id AND other.service_key_id = $4 AND other.user_id <> $2
  )
  ON CONFLICT (organization_id, service_id, resource_id, user_id) DO NOTHING`

export const insert = async (
  run: Kysely<Schema>,
  { owner, serviceId, serviceKeyId, at }: Row,
  resources: readonly NamedResource[],
  how: 'made' | 'named',
): Promise<void> => {
  const ids = resources.map(({ id }) => id)
  const kinds = resources.map(({ kind }) => kind)
  const values = [owner.organizationId, owner.userId, serviceId, serviceKeyId, ids, kinds, at]
  await run.executeQuery(CompiledQuery.raw(how === 'made' ? madeText : namedText, values))
}

export const remove = async (
  run: Kysely<Schema>,
  owner: Owner,
  serviceId: string,
  id: string,
): Promise<void> => {
  await sql`DELETE FROM service_resources WHERE organization_id = ${owner.organizationId}
    AND user_id = ${owner.userId} AND service_id = ${serviceId} AND resource_id = ${id}`.execute(run)
}

export const forgetPassing = async (run: Kysely<Schema>, before: Date): Promise<void> => {
  await sql`DELETE FROM service_resources
    WHERE kind IN ('response', 'item') AND created_at < ${before}`.execute(run)
}
