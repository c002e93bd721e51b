import { afterAll, beforeAll, expect, test } from 'vitest'
import { cloneDatabase, type TestDatabase } from '../../tests/database.ts'
import {
  insertOrganization,
  type KeyRoom,
  operator,
  startKeyRoom,
  startService,
} from '../../tests/service-keys.ts'
import { platformOrganizationId } from '../kit/id.ts'
import { makeLog } from '../kit/log.ts'

// No known prefix, and characters that every encoding writes differently.
const canary = `canary+/=&%"'<${'q7'.repeat(20)}>`
const second = `${canary}-second`

let clone: TestDatabase
let service: Awaited<ReturnType<typeof startService>>
let room: KeyRoom
/** Whatever the product said or wrote down, outside the wire to the service. */
const seen: string[] = []
const note = <T>(value: T): T => {
  seen.push(JSON.stringify(value) ?? '')
  return value
}

beforeAll(async () => {
  clone = await cloneDatabase()
  service = await startService()
  // Without the log's own redaction, so that what is not logged in the first place is what is tested.
  const log = makeLog({ level: 'debug', destination: { write: (line) => void seen.push(line) } })
  room = await startKeyRoom({ url: clone.url, serviceUrl: service.url, log })
})
afterAll(async () => {
  await room.close()
  await service.close()
  await clone.drop()
})

const forms = (secret: string): string[] => {
  const bytes = Buffer.from(secret)
  // The middle of the base64 at each of the three offsets at which it can stand in a longer text.
  const base64 = [0, 1, 2].map((offset) =>
    Buffer.concat([Buffer.alloc(offset), bytes])
      .toString('base64')
      .slice(4, -4),
  )
  return [
    secret,
    JSON.stringify(secret).slice(1, -1),
    bytes.toString('hex'),
    encodeURIComponent(secret),
    new URLSearchParams({ s: secret }).toString().slice(2),
    ...base64,
    ...base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
    // Any long part of it.
    secret.slice(8, 40),
  ]
}

/** Every row of every table as text; bytes are shown as hex. */
const dump = async (): Promise<string> => {
  const { rows: tables } = await clone.database.pool.query<{ name: string }>(
    `SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public'`,
  )
  const texts: string[] = []
  for (const { name } of tables) {
    const { rows } = await clone.database.pool.query<{ row: string }>(
      `SELECT t::text AS row FROM ${name} AS t`,
    )
    texts.push(...rows.map(({ row }) => row))
  }
  return texts.join('\n')
}

const expectNowhere = (text: string): void => {
  for (const form of [...forms(canary), ...forms(second)])
    expect(text.toLowerCase()).not.toContain(form.toLowerCase())
}

test('a stored secret appears in no reply, log line, audit entry or table, in no encoding, at any time of its life', async () => {
  const here = await insertOrganization(clone.database)
  const own = { ...here, owner: 'user', serviceId: 'openai', secret: canary } as const
  service.statusOf.set(canary, 200).set(second, 200)

  note(await room.keys.check(own))
  const added = note(await room.keys.add(operator, own))
  if (!added.ok) throw new Error('the canary was not stored')
  const key = added.value.serviceKey
  note(await room.keys.add(operator, own))
  note(await room.keys.add(operator, { ...own, label: canary }))
  note(
    await room.keys.add(operator, { ...own, serviceId: 'midjourney', baseUrl: `http://10.0.0.1/${canary}` }),
  )
  note(await room.keys.add(operator, { ...own, secret: `${canary} ${canary}` }))
  note(await room.keys.add(operator, { ...own, serviceId: canary }))
  const system = { organizationId: platformOrganizationId, userId: null, owner: 'system' } as const
  note(await room.keys.add(operator, { ...own, ...system }))

  // The service refuses from now on, and says the key back in its error.
  service.statusOf.clear()
  note(await room.keys.recheck(operator, key))
  note(await room.keys.add(operator, { ...own, serviceId: 'anthropic' }))
  note(await room.keys.replace(operator, key, { secret: second }))
  service.statusOf.set(second, 200)
  note(await room.keys.replace(operator, key, { secret: second }))
  note(await room.keys.list({ ...here, owners: ['user'] }))
  for (const sealed of note(await room.keys.listForGateway(here.organizationId, here.userId)))
    room.keys.report(sealed, { kind: 'unauthorized' })
  await room.keys.reportsSettled()
  await clone.database.pool.query(`UPDATE service_key_versions SET wrapped_key = '\\x01' WHERE version = 2`)
  note(await room.keys.recheck(operator, key))
  seen.push(await dump())
  note(await room.keys.revoke(operator, key))
  seen.push(await dump())

  expect(seen.join('\n')).toContain('service_key.replace')
  expect(seen.some((line) => line.includes('integrity check'))).toBe(true)
  expectNowhere(seen.join('\n'))
  // The search itself finds what it looks for.
  for (const encoded of [canary, encodeURIComponent(canary), Buffer.from(`x${canary}`).toString('base64')])
    expect(() => expectNowhere(`… ${encoded} …`)).toThrow()
})
