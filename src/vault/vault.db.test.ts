import { randomBytes } from 'node:crypto'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cloneDatabase, type TestDatabase } from '../../tests/database.ts'
import { insertOrganization } from '../../tests/service-keys.ts'
import { openTestVault } from '../../tests/vault.ts'
import { type Database, openDatabase } from '../db/database.ts'
import { type Epoch, makeEpoch } from '../db/epoch.ts'
import { systemClock } from '../kit/clock.ts'
import { FaultError, must } from '../kit/fault.ts'
import { newId, platformOrganizationId } from '../kit/id.ts'
import { silentLog } from '../kit/log.ts'
import type { Cause } from './envelope.ts'
import type { OpenedVault } from './open-vault.ts'
import type { SealedSecret, SecretBinding } from './vault.ts'

const operator = { kind: 'operator', id: null } as const

let clone: TestDatabase
let one: OpenedVault & { epoch: Epoch }
let two: OpenedVault & { epoch: Epoch }

const join = async () => {
  const { database } = clone
  const epoch = makeEpoch({ database, clock: systemClock, log: silentLog })
  const opened = await openTestVault(database, { epoch })
  await epoch.start()
  return { ...opened, epoch }
}

beforeAll(async () => {
  clone = await cloneDatabase()
  ;[one, two] = [await join(), await join()]
})
afterAll(async () => {
  for (const { close, epoch } of [one, two]) {
    await close()
    await epoch.stop()
  }
  await clone.drop()
})

interface Stored {
  readonly binding: SecretBinding
  readonly sealed: SealedSecret
}

const store = async (secret = randomBytes(12).toString('hex'), version = 1): Promise<Stored> => {
  const { organizationId, userId } = await insertOrganization(clone.database)
  return sealFor({ ...somewhere, organizationId, userId, serviceKeyId: newId(), version }, secret)
}
const sealFor = async (binding: SecretBinding, secret = 'a secret'): Promise<Stored> => ({
  binding,
  sealed: must(await one.vault.seal(binding, secret)),
})
const somewhere = { owner: 'user', serviceId: 'openai', version: 1 } as const

const auditOf = async (subjectId: string) => {
  await one.masterKeys.verify()
  const { rows } = await clone.database.pool.query<{
    organization: string
    action: string
    after: { cause: Cause }
  }>(
    `SELECT organization_id AS organization, action, after FROM audit_entries WHERE subject_id = $1 ORDER BY id`,
    [subjectId],
  )
  return rows.map(({ organization, action, after }) => ({ organization, action, cause: after.cause }))
}

const refused = { ok: false, fault: { code: 'secret_unreadable' } }
const flipped = (blob: Buffer, at: number): Buffer => {
  const copy = Buffer.from(blob)
  copy[at % copy.length] = (copy[at % copy.length] as number) ^ 1
  return copy
}

describe('a sealed secret that is not what it was, or not where it was', () => {
  const kinds: readonly (readonly [string, Cause, () => Promise<Stored>])[] = [
    [
      'exchanged with another row of the same owner',
      'wrapped_key',
      async () => {
        const { binding } = await store()
        const other = await sealFor({ ...binding, serviceKeyId: newId() })
        return { binding, sealed: other.sealed }
      },
    ],
    [
      'handed to another user',
      'wrapped_key',
      async () => {
        const { binding, sealed } = await store()
        return { binding: { ...binding, userId: newId() }, sealed }
      },
    ],
    [
      'made the organization’s',
      'wrapped_key',
      async () => {
        const { binding, sealed } = await store()
        return { binding: { ...binding, owner: 'organization', userId: null }, sealed }
      },
    ],
    [
      'moved to another organization',
      'foreign_key',
      async () => {
        const { sealed } = await store()
        return { binding: (await store()).binding, sealed }
      },
    ],
    [
      'moved to another organization and marked as its own',
      'wrapped_key',
      async () => {
        const [from, to] = [await store(), await store()]
        return { binding: to.binding, sealed: { ...from.sealed, masterKeyId: to.sealed.masterKeyId } }
      },
    ],
    [
      'set back to an older version',
      'wrapped_key',
      async () => {
        const { binding, sealed } = await store()
        return { binding: { ...binding, version: 2 }, sealed }
      },
    ],
    [
      'with a bit of its data key changed',
      'wrapped_key',
      async () => {
        const { binding, sealed } = await store()
        return { binding, sealed: { ...sealed, wrappedKey: flipped(sealed.wrappedKey, 20) } }
      },
    ],
    [
      'with a bit of itself changed',
      'sealed_secret',
      async () => {
        const { binding, sealed } = await store()
        return { binding, sealed: { ...sealed, sealedSecret: flipped(sealed.sealedSecret, 15) } }
      },
    ],
    [
      'cut off',
      'unknown_format',
      async () => {
        const { binding, sealed } = await store()
        return { binding, sealed: { ...sealed, sealedSecret: sealed.sealedSecret.subarray(0, 20) } }
      },
    ],
    [
      'passed off as one of another master key',
      'unknown_master_key',
      async () => {
        const { binding, sealed } = await store()
        return { binding, sealed: { ...sealed, masterKeyId: 'mk_0123456789abcdef' } }
      },
    ],
  ]

  test.each(kinds)('%s is refused, and in the audit trail once', async (_, cause, make) => {
    const { binding, sealed } = await make()
    for (const { vault } of [one, two, one]) expect(await vault.open(binding, sealed)).toMatchObject(refused)
    const entry = { organization: binding.organizationId, action: 'service_key.unreadable', cause }
    for (const { masterKeys } of [one, two]) await masterKeys.verify()
    expect(await auditOf(binding.serviceKeyId)).toEqual([entry])
    const { findings } = await one.masterKeys.status()
    expect(findings).toContainEqual(expect.objectContaining({ subjectId: binding.serviceKeyId, cause }))
  })

  test('or with any bytes at all in its place never opens, and never throws', async () => {
    const { binding, sealed } = await store()
    const blobs = fc.uint8Array({ maxLength: 120 }).map((bytes) => Buffer.from(bytes))
    await fc.assert(
      fc.asyncProperty(
        blobs,
        blobs,
        fc.constantFrom('ok_', 'mk_', sealed.masterKeyId, ''),
        async (a, b, id) => {
          const planted = { masterKeyId: id, wrappedKey: a, sealedSecret: b }
          expect(await two.vault.open(binding, planted)).toMatchObject(refused)
        },
      ),
      { numRuns: 60 },
    )
  })

  test.each([
    ['the row of another organization’s key', 'organization_key'],
    ['no row', 'organization_key_missing'],
  ] as const)('with %s where its organization’s key was is refused and audited', async (kind, cause) => {
    const [mine, other] = [await store(), await store()]
    await clone.database.pool.query('DELETE FROM organization_vault_keys WHERE organization_id = $1', [
      mine.binding.organizationId,
    ])
    if (kind !== 'no row')
      await clone.database.pool.query(
        `INSERT INTO organization_vault_keys (organization_id, id, master_key, wrapped_key, created_at)
         SELECT $1, id, master_key, wrapped_key, now() FROM organization_vault_keys WHERE organization_id = $2`,
        [mine.binding.organizationId, other.binding.organizationId],
      )
    const late = await join()
    expect(await late.vault.open(mine.binding, mine.sealed)).toMatchObject(refused)
    await late.close()
    await late.epoch.stop()
    expect(await auditOf(mine.binding.serviceKeyId)).toMatchObject([{ cause }])
    expect(await two.vault.open(other.binding, other.sealed)).toMatchObject({ ok: true })
  })
})

describe('a shredded organization', () => {
  const shred = (organizationId: string) =>
    one.epoch.change(organizationId, (t) => one.vault.shred(t, organizationId, operator))

  test('has no secret that opens on any process, when the change has returned, and none can be sealed', async () => {
    const [gone, kept] = [await store(), await store()]
    for (const { vault } of [one, two])
      expect(await vault.open(gone.binding, gone.sealed)).toMatchObject({ ok: true })
    await shred(gone.binding.organizationId)
    for (const { vault } of [one, two]) {
      expect(await vault.open(gone.binding, gone.sealed)).toMatchObject(refused)
      expect(await vault.seal(gone.binding, 'another')).toMatchObject({ fault: { code: 'conflict' } })
      expect(await vault.open(kept.binding, kept.sealed)).toMatchObject({ ok: true })
    }
    const { rows } = await clone.database.pool.query(
      'SELECT octet_length(wrapped_key) AS bytes FROM organization_vault_keys WHERE organization_id = $1',
      [gone.binding.organizationId],
    )
    expect(rows).toEqual([{ bytes: 0 }])
    expect((await one.masterKeys.status()).shreddedOrganizations).toBe(1)
    const { rows: audit } = await clone.database.pool.query(
      `SELECT action FROM audit_entries WHERE organization_id = $1 ORDER BY id`,
      [gone.binding.organizationId],
    )
    expect(audit.map(({ action }) => action)).toEqual(['vault.shredded', 'service_key.unreadable'])
  })

  test('that never sealed anything can seal nothing either', async () => {
    const { organizationId, userId } = await insertOrganization(clone.database)
    await shred(organizationId)
    const binding = { ...somewhere, organizationId, userId, serviceKeyId: newId() }
    expect(await two.vault.seal(binding, 'a secret')).toMatchObject({ fault: { code: 'conflict' } })
  })

  test('is never the platform’s', async () => {
    await expect(shred(platformOrganizationId)).rejects.toThrow(FaultError)
  })
})

describe('the key of an organization', () => {
  test('is made once, however many seal its first secret at once', async () => {
    const { organizationId, userId } = await insertOrganization(clone.database)
    const bindings = Array.from({ length: 8 }, () => ({
      ...somewhere,
      organizationId,
      userId,
      serviceKeyId: newId(),
    }))
    const sealed = await Promise.all(
      bindings.map((binding, n) => (n % 2 ? one : two).vault.seal(binding, `${n}`)),
    )
    expect(new Set(sealed.map((each) => must(each).masterKeyId)).size).toBe(1)
    for (const [n, binding] of bindings.entries())
      expect(await one.vault.open(binding, must(sealed[n] as (typeof sealed)[0]))).toEqual({
        ok: true,
        value: `${n}`,
      })
  })

  test('that was made in a transaction that is taken back is not there, and the next makes its own', async () => {
    const { organizationId, userId } = await insertOrganization(clone.database)
    const binding = { ...somewhere, organizationId, userId, serviceKeyId: newId() }
    const back = clone.database.kysely.transaction().execute(async (t) => {
      must(await one.vault.seal(binding, 'a secret', t))
      throw new Error('taken back')
    })
    await expect(back).rejects.toThrow('taken back')
    const { sealed } = await sealFor(binding)
    expect(await two.vault.open(binding, sealed)).toMatchObject({ ok: true })
  })

  test('is read once for many secrets, and again after a change of its organization', async () => {
    const { binding, sealed } = await store()
    // Counts of a connection are its own until it tells them.
    const database = openDatabase({ url: clone.url, maximumConnections: 1 })
    const epoch = makeEpoch({ database, clock: systemClock, log: silentLog })
    const { vault, close } = await openTestVault(database, { epoch })
    await epoch.start()
    const readsOf = async (times: number): Promise<number> => {
      const before = await scansOf(database)
      for (let n = 0; n < times; n++) expect(await vault.open(binding, sealed)).toMatchObject({ ok: true })
      return (await scansOf(database)) - before
    }
    expect(await readsOf(5)).toBe(1)
    expect(await readsOf(5)).toBe(0)
    await epoch.change(binding.organizationId, async () => {})
    expect(await readsOf(5)).toBe(1)
    await close()
    await epoch.stop()
    await database.close()
  })
})

const scansOf = async ({ pool }: Database): Promise<number> => {
  await pool.query('SELECT pg_stat_force_next_flush()')
  await pool.query('SELECT 1')
  const { rows } = await pool.query(
    `SELECT seq_scan + coalesce(idx_scan, 0) AS scans FROM pg_stat_user_tables WHERE relname = 'organization_vault_keys'`,
  )
  return Number(rows[0]?.scans)
}
