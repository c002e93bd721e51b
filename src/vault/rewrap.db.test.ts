import { randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { cloneDatabase, type TestDatabase } from '../../tests/database.ts'
import { insertOrganization } from '../../tests/service-keys.ts'
import { keySources, openTestVault, vaultTestKey } from '../../tests/vault.ts'
import { formerVault } from '../../tests/vault-format-1.ts'
import { type Epoch, makeEpoch } from '../db/epoch.ts'
import { systemClock } from '../kit/clock.ts'
import { must } from '../kit/fault.ts'
import { newId, platformOrganizationId } from '../kit/id.ts'
import { makeLog, silentLog } from '../kit/log.ts'
import type { OpenedVault } from './open-vault.ts'
import { offerOrganizationKey } from './store-organization-keys.ts'
import { readSecrets, readWrapped, replaceSecrets, replaceWrapped } from './store-sealed.ts'
import type { SealedSecret, SecretBinding } from './vault.ts'

const operator = { kind: 'operator', id: null } as const

interface Process extends OpenedVault {
  readonly epoch: Epoch
  end(): Promise<void>
}

let clone: TestDatabase
let fleet: Process[] = []

const join = async (environment: Record<string, string> = {}, named: string[] = []): Promise<Process> => {
  const { database } = clone
  const epoch = makeEpoch({ database, clock: systemClock, log: silentLog })
  const sources = keySources()
  const opened = await openTestVault(database, {
    epoch,
    batchSize: 3,
    firstRetryMs: 20,
    sources: { ...sources, environment: { ...sources.environment, ...environment }, named },
  })
  await epoch.start()
  const end = async () => {
    await opened.close()
    await epoch.stop()
  }
  const process = { ...opened, epoch, end }
  fleet.push(process)
  return process
}

/** However busy the machine is. */
const eventually = <T>(check: () => T | Promise<T>): Promise<T> => vi.waitFor(check, 60_000)

beforeEach(async () => {
  clone = await cloneDatabase()
})
afterEach(async () => {
  for (const one of fleet.splice(0)) await one.end()
  await clone.drop()
})

interface Stored {
  readonly binding: SecretBinding
  readonly secret: string
}

/** A key of a new organization, as rooms store one. */
const store = async ({ vault }: OpenedVault, secret: string): Promise<Stored> => {
  const { organizationId, userId } = await insertOrganization(clone.database)
  const binding = bindingOf(organizationId, userId)
  await insertKey(binding, must(await vault.seal(binding, secret)))
  return { binding, secret }
}

const bindingOf = (organizationId: string, userId: string): SecretBinding => ({
  organizationId,
  owner: 'user',
  userId,
  serviceId: 'openai',
  serviceKeyId: newId(),
  version: 1,
})

const insertKey = async (binding: SecretBinding, sealed: SealedSecret): Promise<void> => {
  const { organizationId, serviceKeyId, userId, version } = binding
  await clone.database.pool.query(
    `INSERT INTO service_keys (organization_id, id, owner, user_id, service_id, label, last_four, fingerprint)
     VALUES ($1, $2, 'user', $3, 'openai', 'one', 'abcd', $4) ON CONFLICT DO NOTHING`,
    [organizationId, serviceKeyId, userId, randomBytes(8)],
  )
  await clone.database.pool.query(
    `INSERT INTO service_key_versions (organization_id, service_key_id, version, master_key_id, wrapped_key, sealed_secret)
     VALUES ($1, $2, $3, $4, $5, $6)`,
    [organizationId, serviceKeyId, version, sealed.masterKeyId, sealed.wrappedKey, sealed.sealedSecret],
  )
}

const sealedOf = async ({ organizationId, serviceKeyId, version }: SecretBinding): Promise<SealedSecret> => {
  const { rows } = await clone.database.pool.query(
    `SELECT master_key_id AS "masterKeyId", wrapped_key AS "wrappedKey", sealed_secret AS "sealedSecret"
     FROM service_key_versions WHERE organization_id = $1 AND service_key_id = $2 AND version = $3`,
    [organizationId, serviceKeyId, version],
  )
  return rows[0]
}

const opensEverywhere = async (stored: readonly Stored[]): Promise<void> => {
  for (const { vault } of fleet)
    for (const { binding, secret } of stored)
      expect(await vault.open(binding, await sealedOf(binding))).toEqual({ ok: true, value: secret })
}

const states = async ({ masterKeys }: OpenedVault) =>
  (await masterKeys.status()).versions.map(
    ({ version, state, references }) => `${version} ${state} ${references}`,
  )

const done = async ({ masterKeys }: OpenedVault) => {
  const change = await masterKeys.work()
  expect(change).toMatchObject({ state: 'done', remaining: 0n, unreadable: 0n })
  return change
}

const actions = async (): Promise<string[]> =>
  (
    await clone.database.pool.query(
      `SELECT action FROM audit_entries WHERE subject_kind = 'master_key' ORDER BY id`,
    )
  ).rows.map(({ action }) => action)

describe('a rotation', () => {
  test('goes from staged over promoted to retained and destroyed, and every process opens everything all along', async () => {
    const [one, two] = [await join(), await join()]
    const stored = await Promise.all(
      [1, 2, 3, 4, 5, 6, 7].map((n) => store(n % 2 ? one : two, `secret ${n}`)),
    )
    expect(await states(one)).toEqual(['1 promoted 8'])

    must(await one.masterKeys.rotate(operator, 'a reason'))
    expect(await states(one)).toEqual(['1 promoted 8', '2 staged 0'])
    await opensEverywhere(stored)
    await eventually(async () => expect(await states(two)).toEqual(await states(one)))

    await eventually(async () =>
      expect(await done(two)).toMatchObject({ kind: 'rotate', total: 8n, done: 8n }),
    )
    expect(await states(one)).toEqual(['1 retained 0', '2 promoted 8'])
    await opensEverywhere(stored)
    const late = await store(one, 'sealed afterwards')
    expect(await states(two)).toEqual(['1 retained 0', '2 promoted 9'])

    must(await two.masterKeys.destroy(operator, 1))
    expect(await states(one)).toEqual(['1 destroyed 0', '2 promoted 9'])
    const third = await join()
    await opensEverywhere([...stored, late])
    expect(must(await third.masterKeys.verify())).toMatchObject({ ok: true, secrets: 8, organizationKeys: 8 })
    const { rows } = await clone.database.pool.query(
      'SELECT wrapped_key, canary FROM master_keys WHERE version = 1',
    )
    expect(rows).toEqual([{ wrapped_key: null, canary: null }])
    expect(await actions()).toEqual([
      'master_key.staged',
      'master_key.promoted',
      'master_key.rewrapped',
      'master_key.destroyed',
    ])
  })

  test('destroys no version that is in use or needed', async () => {
    const one = await join()
    await store(one, 'a secret')
    expect(await one.masterKeys.destroy(operator, 1)).toMatchObject({ fault: { code: 'conflict' } })
    expect(await one.masterKeys.destroy(operator, 7)).toMatchObject({ fault: { code: 'not_found' } })
    must(await one.masterKeys.rotate(operator))
    await one.masterKeys.work(() => false)
    expect(await states(one)).toEqual(['1 retained 1', '2 promoted 1'])
    const refusal = await one.masterKeys.destroy(operator, 1)
    expect(refusal).toMatchObject({
      fault: { code: 'conflict', message: '1 keys and secrets still need this version.' },
    })
    await done(one)
    must(await one.masterKeys.destroy(operator, 1))
    expect(await one.masterKeys.destroy(operator, 1)).toMatchObject({ fault: { code: 'not_found' } })
  })

  test('that is interrupted is gone on with by whoever comes, and counts each row once', async () => {
    const one = await join()
    const stored = await Promise.all(Array.from({ length: 10 }, (_, n) => store(one, `secret ${n}`)))
    must(await one.masterKeys.rotate(operator))
    expect(await one.masterKeys.work(({ done: n }) => n < 4n)).toMatchObject({
      state: 'rewrapping',
      total: 11n,
      done: 4n,
    })
    await opensEverywhere(stored)
    await one.end()
    fleet = []
    const two = await join()
    await opensEverywhere(stored)
    must(await two.masterKeys.rewrap(operator))
    expect(await done(two)).toMatchObject({ kind: 'rotate', total: 11n, done: 11n })
    await opensEverywhere(stored)
  })

  test('by several processes at once wraps each row once, and none of them needs the others', async () => {
    const processes = [await join(), await join(), await join()] as const
    const stored = await Promise.all(Array.from({ length: 12 }, (_, n) => store(processes[0], `secret ${n}`)))
    const begun = await Promise.all(processes.map(({ masterKeys }) => masterKeys.rotate(operator)))
    expect(begun.filter(({ ok }) => ok).length).toBeGreaterThan(0)
    await eventually(async () => {
      await Promise.all(processes.map(({ masterKeys }) => masterKeys.work()))
      const { change } = await processes[1].masterKeys.status()
      expect(change).toMatchObject({ state: 'done', total: 13n, done: 13n })
    })
    expect(await states(processes[2])).toEqual(['1 retained 0', '2 promoted 13'])
    await opensEverywhere(stored)
  })
})

describe('a new organization key', () => {
  test('is wrapped by the promoted version or not at all, and promotion waits for one that is on its way', async () => {
    const one = await join()
    const { kysely } = clone.database
    const { organizationId } = await insertOrganization(clone.database)
    const offer = { organizationId, id: 'ok_test', masterKey: 1, wrappedKey: randomBytes(61) }
    must(await one.masterKeys.rotate(operator))
    const order: string[] = []
    const working = await kysely.transaction().execute(async (t) => {
      expect(await offerOrganizationKey(t, offer, new Date())).toBe(true)
      const promoting = one.masterKeys.work(() => false).then(() => order.push('promoted'))
      await waitingForLock()
      order.push('sealed')
      return { promoting }
    })
    await working.promoting
    expect(order).toEqual(['sealed', 'promoted'])
    expect(await states(one)).toEqual(['1 retained 1', '2 promoted 1'])
    await clone.database.pool.query('DELETE FROM organization_vault_keys')
    expect(await offerOrganizationKey(kysely, offer, new Date())).toBe(false)
    expect(await states(one)).toEqual(['1 retained 0', '2 promoted 1'])
    expect(await offerOrganizationKey(kysely, { ...offer, masterKey: 2 }, new Date())).toBe(true)
  })
})

const waitingForLock = () =>
  eventually(async () => {
    const { rows } = await clone.database.pool.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    )
    expect(rows.length).toBeGreaterThan(0)
  })

describe('a move to another provider', () => {
  const next = randomBytes(32).toString('base64')

  test('waits for every process that cannot unwrap the new version, and names it', async () => {
    const one = await join({ NEXT_KEY: next })
    const stored = [await store(one, 'a secret')]
    const behind = await join()
    must(await one.masterKeys.move(operator, 'env:NEXT_KEY'))
    await eventually(async () =>
      expect(await one.masterKeys.work()).toMatchObject({
        state: 'staging',
        waitingFor: [behind.epoch.processId],
      }),
    )
    const { processes } = await one.masterKeys.status()
    expect(processes.find(({ processId }) => processId === behind.epoch.processId)?.problem).toContain(
      'NEXT_KEY',
    )
    expect(await one.masterKeys.rotate(operator)).toMatchObject({ fault: { code: 'conflict' } })
    await opensEverywhere(stored)
    await behind.end()
    fleet = [one]
    await join({ NEXT_KEY: next })
    await eventually(() => done(one))
    await opensEverywhere(stored)
    expect(await states(one)).toEqual(['1 retained 0', '2 promoted 2'])
  })

  test('leaves the former provider needed by nothing, once every process was told of the new one', async () => {
    const one = await join({ NEXT_KEY: next })
    const stored = [await store(one, 'a secret')]
    must(await one.masterKeys.move(operator, 'env:NEXT_KEY'))
    await done(one)
    // It may use the new one by the word of version 1 alone: without it, a start would not be possible.
    expect(await one.masterKeys.destroy(operator, 1)).toMatchObject({
      fault: { code: 'conflict', next: expect.stringContaining('AIDEON_MASTER_KEY_PROVIDER') },
    })
    const informed = await join({ NEXT_KEY: next }, ['env:NEXT_KEY'])
    await one.end()
    fleet = [informed]
    must(await informed.masterKeys.destroy(operator, 1))
    const without = await join({ AIDEON_MASTER_KEY: '', NEXT_KEY: next }, ['env:NEXT_KEY'])
    await opensEverywhere(stored)
    expect(without.vault.problem()).toBeNull()
  })

  test('can be taken back while nothing uses it', async () => {
    const one = await join()
    expect(await one.masterKeys.move(operator, 'env:NEXT_KEY')).toMatchObject({
      fault: { code: 'master_key_misconfigured' },
    })
    await one.end()
    fleet = []
    const two = await join({ NEXT_KEY: next })
    await join()
    must(await two.masterKeys.move(operator, 'env:NEXT_KEY'))
    must(await two.masterKeys.destroy(operator, 2))
    expect(await states(two)).toEqual(['1 promoted 1', '2 destroyed 0'])
    expect(await two.masterKeys.work()).toMatchObject({ state: 'abandoned' })
    must(await two.masterKeys.rotate(operator))
    await eventually(() => done(two))
    expect(await states(two)).toEqual(['1 retained 0', '2 destroyed 0', '3 promoted 1'])
  })

  test('is not believed of a row that no version vouches for', async () => {
    const one = await join({ NEXT_KEY: next })
    must(await one.masterKeys.move(operator, 'env:NEXT_KEY'))
    await done(one)
    await clone.database.pool.query(
      `UPDATE master_keys SET voucher = set_byte(voucher, 3, get_byte(voucher, 3) # 1) WHERE version = 2`,
    )
    const two = await join({ NEXT_KEY: next })
    expect(two.vault.problem()).toMatchObject({ code: 'vault_sealed' })
  })
})

describe('a row that changes while it is wrapped anew', () => {
  test('is left as it is: a revoked secret stays destroyed, and what came later stays', async () => {
    const one = await join()
    const { organizationId, userId } = await insertOrganization(clone.database)
    const former = formerVault(Buffer.from(vaultTestKey, 'base64'))
    // The vault’s own version 1 is another key; this one only has to look like a row of its own.
    const binding = bindingOf(organizationId, userId)
    await insertKey(binding, former.seal(binding, 'a secret'))
    must(await one.masterKeys.rewrap(operator))
    const change = (await one.masterKeys.status()).change?.id ?? ''
    const [was] = await readSecrets(clone.database.kysely, 'service_key_versions', '', 10, 'former')
    const is = must(await one.vault.seal(binding, 'a secret'))
    await clone.database.pool.query(
      `UPDATE service_key_versions SET wrapped_key = '', sealed_secret = '', destroyed_at = now() WHERE service_key_id = $1`,
      [binding.serviceKeyId],
    )
    if (was === undefined) throw new Error('there is a row')
    expect(await replaceSecrets(clone.database, change, 'service_key_versions', [{ was, is }])).toBe(0)
    expect((await sealedOf(binding)).sealedSecret).toHaveLength(0)

    const [key] = await readWrapped(clone.database.kysely, 'organization', '', 10, null)
    if (key === undefined) throw new Error('there is a key')
    await clone.database.pool.query(
      `UPDATE organization_vault_keys SET wrapped_key = '', shredded_at = now()`,
    )
    const late = [{ was: key, masterKey: 1, wrappedKey: randomBytes(61) }]
    expect(await replaceWrapped(clone.database, change, late, new Date())).toBe(0)
    const { rows } = await clone.database.pool.query(
      'SELECT octet_length(wrapped_key) AS n FROM organization_vault_keys',
    )
    expect(rows).toEqual([{ n: 0 }])
  })

  test('while keys are added and replaced all the time, nothing is lost', async () => {
    const [one, two] = [await join(), await join()]
    const stored = await Promise.all(Array.from({ length: 6 }, (_, n) => store(one, `secret ${n}`)))
    const latest = new Map(stored.map((each) => [each.binding.serviceKeyId, each]))
    const stop = new AbortController()
    const replacing = async (): Promise<void> => {
      for (let n = 0; !stop.signal.aborted; n++) {
        const each = stored[n % stored.length] as Stored
        const current = latest.get(each.binding.serviceKeyId) as Stored
        const binding = { ...current.binding, version: current.binding.version + 1 }
        const secret = `replaced ${n}`
        await two.epoch.change(binding.organizationId, async (t) =>
          insertKey(binding, must(await two.vault.seal(binding, secret, t))),
        )
        latest.set(binding.serviceKeyId, { binding, secret })
        if (n % 3 === 0) {
          const added = await store(two, `added ${n}`)
          latest.set(added.binding.serviceKeyId, added)
        }
      }
    }
    const writer = replacing()
    for (let n = 0; n < 3; n++) {
      must(await one.masterKeys.rotate(operator))
      await eventually(() => done(one))
    }
    stop.abort()
    await writer
    expect(latest.size).toBeGreaterThan(6)
    await opensEverywhere([...latest.values(), ...stored])
    expect((await states(one)).slice(0, 3)).toEqual(['1 retained 0', '2 retained 0', '3 retained 0'])
  })
})

describe('what did not open', () => {
  test('does not hold a re-wrap up: it is left as it is, told, and keeps its version from being destroyed', async () => {
    const one = await join()
    const good = await store(one, 'good')
    const bad = await store(one, 'bad')
    await clone.database.pool.query(
      `UPDATE organization_vault_keys SET wrapped_key = set_byte(wrapped_key, 20, get_byte(wrapped_key, 20) # 1)
       WHERE organization_id = $1`,
      [bad.binding.organizationId],
    )
    must(await one.masterKeys.rotate(operator))
    expect(await one.masterKeys.work()).toMatchObject({ state: 'done', unreadable: 1n, remaining: 1n })
    await opensEverywhere([good])
    expect(must(await one.masterKeys.verify())).toMatchObject({
      ok: false,
      unreadableCount: 2,
      unreadable: [
        { organizationId: bad.binding.organizationId },
        { organizationId: bad.binding.organizationId },
      ],
    })
    expect(await one.masterKeys.destroy(operator, 1)).toMatchObject({ fault: { code: 'conflict' } })
  })
})

describe('no key and no secret', () => {
  const lines: string[] = []
  let dump = ''
  const secret = `sk-proj-${randomBytes(24).toString('hex')}`
  const next = randomBytes(32)

  beforeAll(() => {
    lines.length = 0
  })
  afterAll(() => {
    expect(lines.length).toBeGreaterThan(0)
  })

  test('is in a log line or in any row of any table, before, while and after a move', async () => {
    const log = makeLog({ level: 'debug', destination: { write: (line: string) => void lines.push(line) } })
    const sources = keySources()
    const environment = { ...sources.environment, NEXT_KEY: next.toString('base64') }
    const opened = await openTestVault(clone.database, {
      log,
      batchSize: 1,
      sources: { ...sources, environment },
    })
    const stored = await store(opened, secret)
    const canaries = [secret, vaultTestKey, next.toString('base64')]
    const forms = canaries.flatMap((text) => [
      text,
      Buffer.from(text).toString('hex'),
      Buffer.from(text, 'base64').toString('hex'),
      Buffer.from(text).toString('base64').slice(0, 24),
    ])
    const look = async () => {
      const { rows } = await clone.database.pool.query(
        `SELECT format('SELECT t::text AS row FROM %I.%I t', schemaname, tablename) AS text FROM pg_tables WHERE schemaname = 'public'`,
      )
      for (const { text } of rows)
        dump += (await clone.database.pool.query(text)).rows.map(({ row }: { row: string }) => row).join('\n')
    }
    await look()
    must(await opened.masterKeys.move(operator, 'env:NEXT_KEY', 'because'))
    await opened.masterKeys.work(() => false)
    await look()
    await done(opened)
    await opened.vault.open({ ...stored.binding, version: 2 }, await sealedOf(stored.binding))
    log.error({ status: await opened.masterKeys.status() }, 'the status')
    await opened.close()
    await look()
    for (const form of forms) {
      expect(dump.includes(form), form).toBe(false)
      expect(lines.join('').includes(form), form).toBe(false)
    }
    expect(dump).toContain(platformOrganizationId)
  })
})
