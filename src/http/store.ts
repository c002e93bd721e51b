import { sql } from 'kysely'
import type { Database } from '../db/database.ts'

export interface Count {
  readonly bucket: string
  readonly count: number
  readonly expiresAt: Date
}

/** In one statement and in the order of names, so that processes count together and never wait for each other in a ring. */
export const countRequests = async (
  { kysely }: Database,
  buckets: readonly string[],
  now: Date,
  expiresAt: Date,
): Promise<Count[]> => {
  const { rows } = await sql<Count>`
    INSERT INTO api_requests AS r (bucket, count, expires_at)
    SELECT bucket, 1, ${expiresAt} FROM unnest(${[...buckets].sort()}::text[]) AS bucket
    ON CONFLICT (bucket) DO UPDATE SET
      count = CASE WHEN r.expires_at <= ${now} THEN 1 ELSE r.count + 1 END,
      expires_at = CASE WHEN r.expires_at <= ${now} THEN excluded.expires_at ELSE r.expires_at END
    RETURNING bucket, count, expires_at AS "expiresAt"`.execute(kysely)
  return rows
}

export const forgetRequests = async ({ kysely }: Database, now: Date): Promise<void> => {
  await kysely.deleteFrom('api_requests').where('expires_at', '<', now).execute()
}
