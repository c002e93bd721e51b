import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { cuttableUrl } from '../../tests/cuttable.ts'
import { cloneDatabase, type TestDatabase } from '../../tests/database.ts'
import { systemClock } from '../kit/clock.ts'
import { newId } from '../kit/id.ts'
import { silentLog } from '../kit/log.ts'
import { type Database, openDatabase } from './database.ts'
import { type Epoch, makeEpoch } from './epoch.ts'
import { makeEpochCache } from './epoch-cache.ts'

let clone: TestDatabase
const epochs: Epoch[] = []
const databases: Database[] = []
const organization = newId()

beforeEach(async () => {
  clone = await cloneDatabase()
})
afterEach(async () => {
  await Promise.all(epochs.splice(0).map((epoch) => epoch.stop()))
  await Promise.all(databases.splice(0).map((database) => database.close()))
  await clone.drop()
})

interface Node {
  readonly epoch: Epoch
  readonly heard: (string | null)[]
}

/** A process of its own as far as the database can tell. */
const makeNode = (options: { url?: string; leaseSeconds?: number } = {}): Node => {
  const database = openDatabase({ url: options.url ?? clone.url, maximumConnections: 4 })
  databases.push(database)
  const { leaseSeconds } = options
  const epoch = makeEpoch({ database, clock: systemClock, log: silentLog, leaseSeconds })
  epochs.push(epoch)
  const heard: (string | null)[] = []
  epoch.onChange((organizationId) => void heard.push(organizationId))
  return { epoch, heard }
}

const startNode = async (options: Parameters<typeof makeNode>[0] = {}): Promise<Node> => {
  const node = makeNode(options)
  await node.epoch.start()
  node.heard.length = 0
  return node
}

const nothing = async () => {}
const counter = async () => {
  const { rows } = await clone.database.pool.query<{ epoch: bigint }>('SELECT epoch FROM configuration_epoch')
  return rows[0]?.epoch ?? 0n
}
const leaseEnded = async ({ epoch }: Node) => {
  const { rows } = await clone.database.pool.query<{ ended: boolean }>(
    'SELECT lease_until <= clock_timestamp() AS ended FROM processes WHERE id = $1',
    [epoch.processId],
  )
  return rows[0]?.ended ?? true
}
const gate = () => Promise.withResolvers<void>()
const settledWithin = (promise: Promise<unknown>, ms: number) =>
  Promise.race([promise.then(() => true), new Promise((resolve) => setTimeout(resolve, ms, false))])

describe('a change', () => {
  test('returns only after every process has dropped what it cached', async () => {
    const a = await startNode()
    const b = await startNode()
    const blocked = gate()
    b.epoch.onChange(() => blocked.promise)
    const change = a.epoch.change(organization, nothing)
    await expect.poll(() => b.heard).toEqual([organization])
    expect(await settledWithin(change, 200)).toBe(false)
    blocked.resolve()
    await change
    expect(a.heard).toEqual([organization])
  })

  test('made by a command that never joined waits as well', async () => {
    const b = await startNode()
    const command = makeNode()
    await command.epoch.change(organization, nothing)
    expect(b.heard).toEqual([organization])
  })

  test('that fails changes nothing and is not announced', async () => {
    const a = await startNode()
    const before = await counter()
    const failing = a.epoch.change(organization, async (transaction) => {
      await transaction.insertInto('service_settings').values({ service_id: 'x' }).execute()
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
    await a.epoch.change(organization, nothing)
    expect(await counter()).toBe(before + 1n)
    expect(a.heard).toEqual([organization])
    expect(await clone.database.kysely.selectFrom('service_settings').selectAll().execute()).toEqual([])
  })

  test('does not wait for a process that has left', async () => {
    const a = await startNode()
    const b = await startNode({ leaseSeconds: 600 })
    await b.epoch.stop()
    await a.epoch.change(organization, nothing)
    expect(b.heard).toEqual([])
    expect(b.epoch.isFresh()).toBe(false)
  })

  test('is heard by everybody when many change at once', async () => {
    const nodes = [await startNode(), await startNode(), await startNode()]
    const before = await counter()
    const organizations = Array.from({ length: 60 }, () => newId())
    await Promise.all(organizations.map(async (id, i) => nodes[i % 3]?.epoch.change(id, nothing)))
    expect(await counter()).toBe(before + 60n)
    for (const { heard, epoch } of nodes) {
      expect(epoch.current()).toBe(before + 60n)
      if (!heard.includes(null)) expect(new Set(heard)).toEqual(new Set(organizations))
    }
  })

  test('announced without waiting still reaches the others', async () => {
    const a = await startNode()
    const b = await startNode()
    const blocked = gate()
    a.epoch.onChange(() => blocked.promise)
    await a.epoch.announce(organization, nothing)
    await expect.poll(() => b.heard).toEqual([organization])
    blocked.resolve()
  })
})

describe('a process that misses something', () => {
  test('drops everything once its connection is back', async () => {
    const a = await startNode()
    const b = await startNode()
    await terminateFeed()
    await expect.poll(() => b.epoch.isFresh(), { interval: 1 }).toBe(false)
    await a.epoch.change(organization, nothing)
    await expect.poll(() => b.epoch.isFresh()).toBe(true)
    expect([organization, null]).toContain(b.heard[0])
    expect(b.heard).toHaveLength(1)
    expect(b.epoch.current()).toBe(await counter())
  })

  test('drops everything when a number is missing', async () => {
    const a = await startNode()
    await clone.database.pool.query('UPDATE configuration_epoch SET epoch = epoch + 1')
    await a.epoch.change(organization, nothing)
    expect(a.heard).toContain(null)
  })

  test('notices by its heartbeat a number that nobody announced', async () => {
    const a = await startNode({ leaseSeconds: 1 })
    await clone.database.pool.query('UPDATE configuration_epoch SET epoch = epoch + 1')
    await expect.poll(() => a.heard).toEqual([null])
  })

  test('drops everything when the database was set back', async () => {
    const a = await startNode({ leaseSeconds: 1 })
    await clone.database.pool.query('UPDATE configuration_epoch SET epoch = 0')
    await expect.poll(() => a.heard).toEqual([null])
    await a.epoch.change(organization, nothing)
    expect(a.epoch.current()).toBe(1n)
  })

  test('is in the table again after somebody removed it', async () => {
    const a = await startNode({ leaseSeconds: 1 })
    await clone.database.pool.query('DELETE FROM processes')
    await expect.poll(() => leaseEnded(a)).toBe(false)
    await makeNode().epoch.change(organization, nothing)
    expect(a.heard).toContain(organization)
  })
})

describe('a process that is cut off', () => {
  test('trusts no cache before its lease ends in the database, and nobody waits for it longer', async () => {
    const a = await startNode({ leaseSeconds: 1 })
    const cut = await cuttableUrl(clone.url)
    const b = await startNode({ url: cut.url, leaseSeconds: 1 })
    await expect.poll(() => b.epoch.isFresh()).toBe(true)
    cut.silence()
    const change = a.epoch.change(organization, nothing)
    for (let ended = false; !ended; ) {
      ended = await leaseEnded(b)
      // Asked after the database: a process that is late to notice fails here.
      if (ended) expect(b.epoch.isFresh()).toBe(false)
    }
    await change
    expect(b.heard).toEqual([])
    cut.restore()
    await expect.poll(() => b.epoch.isFresh()).toBe(true)
    expect(b.heard).toEqual([null])
    await cut.close()
  })

  test('loses its lease when it cannot drop its caches in time', async () => {
    const a = await startNode({ leaseSeconds: 1 })
    const b = await startNode({ leaseSeconds: 1 })
    const blocked = gate()
    b.epoch.onChange(() => blocked.promise)
    await a.epoch.change(organization, nothing)
    expect(b.epoch.isFresh()).toBe(false)
    blocked.resolve()
    await expect.poll(() => b.epoch.isFresh()).toBe(true)
  })

  test('loses its lease when dropping fails, and drops everything before it trusts again', async () => {
    const a = await startNode({ leaseSeconds: 1 })
    const b = await startNode({ leaseSeconds: 1 })
    let failures = 1
    b.epoch.onChange(() => {
      if (failures-- > 0) throw new Error('cannot drop')
    })
    await a.epoch.change(organization, nothing)
    await expect.poll(() => b.epoch.isFresh()).toBe(true)
    expect(b.heard).toEqual([organization, null])
  })

  test('trusts no cache after its clock says that it slept, until it has asked', async () => {
    let asleepMs = 0
    const database = openDatabase({ url: clone.url, maximumConnections: 2 })
    databases.push(database)
    const clock = () => new Date(Date.now() + asleepMs)
    const epoch = makeEpoch({ database, clock, log: silentLog, leaseSeconds: 1 })
    epochs.push(epoch)
    await epoch.start()
    asleepMs = 3_600_000
    expect(epoch.isFresh()).toBe(false)
    await expect.poll(() => epoch.isFresh()).toBe(true)
  })
})

describe('a cache', () => {
  test('reads once, and again after a change of the same organization only', async () => {
    const { epoch } = await startNode()
    let reads = 0
    const load = async () => ({ value: ++reads, organizationIds: [organization] })
    const cache = makeEpochCache({ epoch, load })
    expect(cache.peek('k')).toBeUndefined()
    expect(await Promise.all([cache.get('k'), cache.get('k')])).toEqual([1, 1])
    expect(cache.peek('k')).toBe(1)
    await epoch.change(newId(), nothing)
    expect(await cache.get('k')).toBe(1)
    await epoch.change(organization, nothing)
    expect(cache.peek('k')).toBeUndefined()
    expect(await cache.get('k')).toBe(2)
  })

  test('neither stores nor shares a read that began before a change', async () => {
    const { epoch } = await startNode()
    const slow = gate()
    let reads = 0
    const load = async () => {
      const value = ++reads
      if (value === 1) await slow.promise
      return { value, organizationIds: [organization] }
    }
    const cache = makeEpochCache({ epoch, load })
    const before = cache.get('k')
    await epoch.change(organization, nothing)
    expect(await cache.get('k')).toBe(2)
    slow.resolve()
    expect(await before).toBe(1)
    expect(cache.peek('k')).toBe(2)
  })

  test('does not store such a read behind its own drop while other caches are still being dropped', async () => {
    const a = await startNode()
    const { epoch } = await startNode()
    const slow = gate()
    const load = async () => {
      await slow.promise
      return { value: 'before', organizationIds: [organization] }
    }
    const cache = makeEpochCache({ epoch, load })
    const droppedHere = gate()
    const others = gate()
    epoch.onChange(() => {
      droppedHere.resolve()
      return others.promise
    })
    const before = cache.get('k')
    const change = a.epoch.change(organization, nothing)
    await droppedHere.promise
    slow.resolve()
    await before
    expect(cache.peek('k')).toBeUndefined()
    others.resolve()
    await change
    expect(cache.peek('k')).toBeUndefined()
  })

  test('keeps no more than its limit, and nothing of a read that failed', async () => {
    const { epoch } = await startNode()
    const cache = makeEpochCache({ epoch, load: loadKey, maximumEntries: 2 })
    await expect(cache.get('bad')).rejects.toThrow('bad')
    for (const key of ['a', 'b', 'c']) await cache.get(key)
    expect(['a', 'b', 'c'].map((key) => cache.peek(key))).toEqual([undefined, 'b', 'c'])
  })

  test('never answers on another process with what a returned change replaced, under load', async () => {
    const a = await startNode()
    const b = await startNode()
    const database = databases.at(-1) as Database
    const cache = makeEpochCache({
      epoch: b.epoch,
      load: async (key) => ({ value: await read(database, key), organizationIds: [organization] }),
    })
    const progress = { returned: 0 }
    let checked = 0
    const readers = Array.from({ length: 4 }, async () => {
      while (progress.returned < 100) {
        const atLeast = progress.returned
        expect(Number(await cache.get('openai'))).toBeGreaterThanOrEqual(atLeast)
        checked++
        await new Promise(setImmediate)
      }
    })
    for (let value = 1; value <= 100; value++) {
      await setBaseUrl(a.epoch, 'openai', String(value))
      progress.returned = value
    }
    await Promise.all(readers)
    expect(checked).toBeGreaterThan(100)
  })
})

const setBaseUrl = (epoch: Epoch, id: string, url: string) =>
  epoch.change(organization, (transaction) =>
    transaction
      .insertInto('service_settings')
      .values({ service_id: id, base_url: url })
      .onConflict((conflict) => conflict.column('service_id').doUpdateSet({ base_url: url }))
      .execute(),
  )
const read = async (database: Database, id: string) => {
  const row = await database.kysely
    .selectFrom('service_settings')
    .select('base_url')
    .where('service_id', '=', id)
    .executeTakeFirst()
  return row?.base_url ?? '0'
}

const loadKey = async (key: string) => {
  if (key === 'bad') throw new Error('bad')
  return { value: key, organizationIds: [] }
}

/** Ends the connections that listen, as an administrator or a failover would. */
const terminateFeed = () =>
  clone.database.pool.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = 'aideon-keys epoch'`,
  )
