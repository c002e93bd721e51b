import type { Database } from '../src/db/database.ts'
import { newId } from '../src/kit/id.ts'

interface OperationColumns {
  id: string
  access_token_id: string
  model: string | null
  requested_model: string | null
  service_id: string | null
  key_owner: 'user' | 'organization' | 'system' | null
  status: 'succeeded' | 'failed' | 'refused' | 'cancelled' | 'interrupted'
  started_at: Date
  cost_nano_usd: bigint | null
  credit_micros: bigint
  input_tokens: bigint
  cache_read_tokens: bigint
  output_tokens: bigint
  reasoning_tokens: bigint
}

let previousMs = 0

/** A record as the gateway leaves it, for tests of what reads records. */
export const insertOperation = async (
  database: Database,
  of: { organizationId: string; userId: string },
  columns: Partial<OperationColumns> = {},
): Promise<string> => {
  // Ids made within one millisecond sort in any order; these sort as they were made.
  previousMs = Math.max(Date.now(), previousMs + 1)
  const id = columns.id ?? newId(previousMs)
  await database.kysely
    .insertInto('operations')
    .values({
      organization_id: of.organizationId,
      id,
      user_id: of.userId,
      access_token_id: newId(),
      started_at: new Date(previousMs),
      duration_ms: 120,
      first_byte_ms: 40,
      endpoint: 'chat_completions',
      streamed: false,
      status: 'succeeded',
      http_status: 200,
      requested_model: 'gpt-5-mini',
      service_id: 'openai',
      model: 'gpt-5-mini',
      key_owner: 'user',
      reason: 'own-key',
      attempts: JSON.stringify([{ serviceId: 'openai', keyOwner: 'user', outcome: 'ok', httpStatus: 200 }]),
      input_tokens: 10n,
      output_tokens: 5n,
      usage_source: 'reported',
      price_book_version: 1,
      cost_nano_usd: 1_000n,
      ...columns,
    })
    .execute()
  return id
}
