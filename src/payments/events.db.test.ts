import { expect, test } from 'vitest'
import { cloneDatabase } from '../../tests/database.ts'
import { insertEvents } from './store.ts'

test('a list of notices after an outage is taken whole, however long it is', async () => {
  await using clone = await cloneDatabase()
  const at = new Date()
  const events = Array.from({ length: 9_000 }, (_, index) => ({
    id: `evt_${index}`,
    type: 'payment_intent.succeeded',
    objectId: `pi_${index}`,
    at,
  }))
  expect(await insertEvents(clone.database.kysely, events, 'list', at)).toHaveLength(9_000)
  expect(await insertEvents(clone.database.kysely, events, 'list', at)).toEqual([])
})
