import type { PoolClient } from 'pg'
import type { Database } from './database.ts'

/** One transaction on one connection, which is thrown away when the work fails: whatever state it is in. */
export const inTransaction = async <T>(
  { pool }: Pick<Database, 'pool'>,
  work: (client: PoolClient) => Promise<T>,
  isolation: 'READ COMMITTED' | 'REPEATABLE READ READ ONLY' = 'READ COMMITTED',
): Promise<T> => {
  const client = await pool.connect()
  try {
    await client.query(`BEGIN ISOLATION LEVEL ${isolation}`)
    const result = await work(client)
    await client.query('COMMIT')
    client.release()
    return result
  } catch (error) {
    client.release(true)
    throw error
  }
}

/** Reads of one moment, however many they are, while others write. */
export const inSnapshot = <T>(
  database: Pick<Database, 'pool'>,
  work: (client: PoolClient) => Promise<T>,
): Promise<T> => inTransaction(database, work, 'REPEATABLE READ READ ONLY')
