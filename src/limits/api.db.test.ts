import { afterAll, beforeAll, expect, test } from 'vitest'
import { cloneDatabase, type TestDatabase } from '../../tests/database.ts'
import { insertOrganization, insertUser } from '../../tests/service-keys.ts'
import { makeAccess } from '../access/access.ts'
import { rateLimitEndpoints } from '../contract/limits.ts'
import { type Epoch, makeEpoch } from '../db/epoch.ts'
import type { SessionContext } from '../http/handler.ts'
import { systemClock } from '../kit/clock.ts'
import { newId } from '../kit/id.ts'
import { silentLog } from '../kit/log.ts'
import { rateLimitApi } from './api.ts'
import { type Limits, makeLimits } from './limits.ts'

let clone: TestDatabase
let epoch: Epoch
let limits: Limits
let api: ReturnType<typeof rateLimitApi>
beforeAll(async () => {
  clone = await cloneDatabase({ maximumConnections: 4 })
  epoch = makeEpoch({ database: clone.database, clock: systemClock, log: silentLog })
  await epoch.start()
  limits = makeLimits({ database: clone.database, epoch, clock: systemClock, log: silentLog })
  api = rateLimitApi({ limits })
})
afterAll(async () => {
  await limits.close()
  await epoch.stop()
  await clone.drop()
})

const contextOf = (here: { organizationId: string; userId: string }) =>
  ({
    signedIn: { organization: { id: here.organizationId }, userId: here.userId },
    actor: { kind: 'user', id: here.userId },
  }) as SessionContext
const tokenOf = async (here: { organizationId: string; userId: string }) => {
  const access = makeAccess({ database: clone.database, epoch, clock: systemClock, log: silentLog })
  const wanted = { ...here, kind: 'user', name: 'x', scopes: ['operations'], expiresAt: null } as const
  return (await access.createToken({ kind: 'user', id: here.userId }, wanted)).accessToken.id
}
const some = { requestsPerMinute: 5, tokensPerMinute: null, concurrent: 2 }

test('users limit their own access tokens and nobody else’s', async () => {
  const here = await insertOrganization(clone.database)
  const neighbour = { ...here, userId: newId() }
  await insertUser(clone.database, neighbour.organizationId, neighbour.userId)
  const params = { id: await tokenOf(here) }
  const received = { params, query: undefined, body: some }
  expect(await api.setAccessTokenLimits(received, contextOf(here))).toEqual(some)
  await expect(api.setAccessTokenLimits(received, contextOf(neighbour))).rejects.toMatchObject({
    fault: { code: 'not_found' },
  })
  const list = (who: typeof here) =>
    api.listAccessTokenLimits({ params: undefined, query: undefined, body: undefined }, contextOf(who))
  expect(await list(here)).toEqual({ items: [{ id: params.id, limits: some }] })
  expect(await list(neighbour)).toEqual({ items: [] })
  const read = await limits.read({ ...here, payerUserId: null, accessTokenId: params.id })
  expect(read).toMatchObject({ tokenLimits: some, userLimits: null })
})

test('administrators limit users; what is not limited is null', async () => {
  const here = await insertOrganization(clone.database)
  const params = { organization: here.organizationId, id: here.userId }
  const read = () => api.readUserLimits({ params, query: undefined, body: undefined }, contextOf(here))
  const none = { requestsPerMinute: null, tokensPerMinute: null, concurrent: null }
  expect(await read()).toEqual(none)
  await api.setUserLimits({ params, query: undefined, body: some }, contextOf(here))
  expect(await read()).toEqual(some)
  const listed = (organization?: string) =>
    api.listUserLimits({ params: undefined, query: { organization }, body: undefined }, contextOf(here))
  const item = { organizationId: here.organizationId, id: here.userId, limits: some }
  expect((await listed()).items).toContainEqual(item)
  expect((await listed(here.organizationId)).items).toEqual([item])
  const stranger = { ...params, id: newId() }
  await expect(
    api.setUserLimits({ params: stranger, query: undefined, body: some }, contextOf(here)),
  ).rejects.toMatchObject({ fault: { code: 'not_found' } })
})

test('a limit is a whole number above zero, or left out', () => {
  const { body } = rateLimitEndpoints.setUserLimits
  expect(body.parse({ concurrent: 3 })).toEqual({
    requestsPerMinute: null,
    tokensPerMinute: null,
    concurrent: 3,
  })
  for (const wrong of [0, -1, 1.5, '3', 1e15])
    expect(body.safeParse({ requestsPerMinute: wrong }).success).toBe(false)
})
