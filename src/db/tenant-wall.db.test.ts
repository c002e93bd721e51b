import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { cloneDatabase, type TestDatabase } from '../../tests/database.ts'
import { withDatabase } from '../../tests/database-url.ts'
import { silentLog } from '../kit/log.ts'
import { openDatabase } from './database.ts'
import { migrate } from './migrate.ts'
import { beyondTenants, beyondTenantsIn, piecesWithin, withinTenant } from './tenant-scope.ts'
import { platformTables, tablesByOtherColumns } from './tenant-wall.ts'

/** Row-level security, table by table, from the schema as it is: a table that a migration adds is tested with it. */

const own = {
  organizationId: '01a00000-0000-7000-8000-00000000000a',
  userId: '01a00000-0000-7000-8000-0000000000aa',
}
const foreign = {
  organizationId: '01a00000-0000-7000-8000-00000000000b',
  userId: '01a00000-0000-7000-8000-0000000000bb',
}

interface Table {
  name: string
  columns: string[]
}
let clone: TestDatabase
let tables: Table[]

const allTables = `SELECT c.relname AS name, array_agg(a.attname::text ORDER BY a.attnum) AS columns
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  GROUP BY c.relname ORDER BY c.relname`

/** By which column a row of the table is somebody's. */
const ownerColumn = ({ name, columns }: Table): string | null => {
  const other = tablesByOtherColumns[name]
  if (other) return other.written.split(' ')[0] as string
  return columns.includes('organization_id') ? 'organization_id' : null
}
const isTenants = (table: Table) => ownerColumn(table) !== null
const valueOf = (table: Table, who: typeof own): string =>
  ownerColumn(table) === 'user_id' || table.name === 'users' ? who.userId : who.organizationId

const asOwn = <T>(work: () => Promise<T>): Promise<T> => withinTenant(own, work)
const query = (text: string, values: unknown[] = []) => clone.database.pool.query(text, values)
const refused = (text: string, values: unknown[] = []) =>
  asOwn(() => query(text, values)).then(
    () => 'taken',
    (error: { code: string; message: string }) => `${error.code} ${error.message}`,
  )

/** Takes every rule away that a row would have to keep, so that one can be put into any table. */
const strip = async (name: string) => {
  await query(`DO $$ DECLARE r record; BEGIN
    FOR r IN SELECT conname FROM pg_constraint WHERE conrelid = '${name}'::regclass AND contype IN ('f', 'c', 'p', 'u') AND conislocal LOOP
      EXECUTE format('ALTER TABLE ${name} DROP CONSTRAINT IF EXISTS %I CASCADE', r.conname); END LOOP;
    FOR r IN SELECT indexrelid::regclass::text AS index FROM pg_index WHERE indrelid = '${name}'::regclass LOOP
      EXECUTE 'DROP INDEX IF EXISTS ' || r.index || ' CASCADE'; END LOOP;
    FOR r IN SELECT attname FROM pg_attribute WHERE attrelid = '${name}'::regclass AND attnum > 0 AND NOT attisdropped AND attnotnull
      AND NOT EXISTS (SELECT FROM pg_partitioned_table p WHERE p.partrelid = attrelid AND attnum = ANY (p.partattrs)) LOOP
      EXECUTE format('ALTER TABLE ${name} ALTER COLUMN %I DROP NOT NULL', r.attname); END LOOP;
  END $$; ALTER TABLE ${name} DISABLE TRIGGER USER`)
}

beforeAll(async () => {
  clone = await cloneDatabase()
  tables = (await query(allTables)).rows as Table[]
  for (const table of tables.filter(isTenants)) {
    await strip(table.name)
    // The partition key of operations takes no NULL.
    const more = table.name === 'operations' ? ', id' : ''
    for (const who of [own, foreign])
      await query(
        `INSERT INTO ${table.name} (${ownerColumn(table)}${more}) VALUES ($1${more ? ', gen_random_uuid()' : ''})`,
        [valueOf(table, who)],
      )
  }
  await query(
    `UPDATE memberships SET user_id = CASE organization_id WHEN $1 THEN $2::uuid ELSE $3::uuid END`,
    [own.organizationId, own.userId, foreign.userId],
  )
})
afterAll(() => clone.drop())

test('every table is a tenant’s by its columns, or one of the platform that says what tenants may do with it', () => {
  expect(tables.length).toBeGreaterThan(70)
  const both = tables.filter((table) => isTenants(table) && platformTables[table.name])
  expect(both.map(({ name }) => name)).toEqual([])
  const gone = Object.keys({ ...platformTables, ...tablesByOtherColumns }).filter(
    (name) => !tables.some((table) => table.name === name),
  )
  expect(gone, 'no longer there').toEqual([])
})

test('of every tenant table a request sees its own rows and no others, and can write no others', async () => {
  const wrong: string[] = []
  for (const table of tables.filter(isTenants)) {
    const { name } = table
    const column = ownerColumn(table) as string
    const theirs = valueOf(table, foreign)
    const note = (what: string) => wrong.push(`${name}: ${what}`)
    const seen = await asOwn(() => query(`SELECT DISTINCT ${column}::text AS owner FROM ${name}`))
    const owners = seen.rows.map(({ owner }) => owner as string).filter((owner) => owner !== null)
    if (owners.join() !== valueOf(table, own)) note(`sees ${owners.join(', ') || 'nothing'}`)
    for (const statement of [`UPDATE ${name} SET ${column} = ${column}`, `DELETE FROM ${name}`]) {
      const { rowCount } = await asOwn(() => query(`${statement} WHERE ${column} = $1`, [theirs]))
      if (rowCount !== 0) note(`${statement} touched ${rowCount}`)
    }
    const into =
      name === 'operations'
        ? '(organization_id, id) VALUES ($1, gen_random_uuid())'
        : `(${column}) VALUES ($1)`
    const inserted = await refused(`INSERT INTO ${name} ${into}`, [theirs])
    if (!inserted.startsWith('42501')) note(`INSERT: ${inserted}`)
    const given = await refused(`UPDATE ${name} SET ${column} = $1`, [theirs])
    if (!given.startsWith('42501')) note(`given away: ${given}`)
  }
  expect(wrong).toEqual([])
})

test('tables of the platform are read or written as the list says, all others are closed', async () => {
  const wrong: string[] = []
  for (const table of tables.filter((one) => !isTenants(one))) {
    const access = platformTables[table.name]
    const read = await refused(`SELECT FROM ${table.name} LIMIT 0`)
    const write = await refused(`DELETE FROM ${table.name} WHERE false`)
    const expected = { read: access ? 'taken' : '42501', write: access === 'write' ? 'taken' : '42501' }
    if (!read.startsWith(expected.read)) wrong.push(`${table.name} read: ${read}`)
    if (!write.startsWith(expected.write)) wrong.push(`${table.name} written: ${write}`)
  }
  expect(wrong).toEqual([])
  expect(await refused('SELECT FROM operations_rest'), 'a partition by itself').toMatch(/^42501/)
})

test('a table without a policy is closed to tenants, and gets its policy at the next start', async () => {
  await query('CREATE TABLE planted (organization_id uuid, secret text)')
  await query(`INSERT INTO planted VALUES ($1, 'ours'), ($2, 'theirs')`, [
    own.organizationId,
    foreign.organizationId,
  ])
  expect(await refused('SELECT * FROM planted')).toMatch(/^42501/)
  await migrate(clone.database, { log: silentLog })
  const { rows } = await asOwn(() => query('SELECT secret FROM planted'))
  expect(rows).toEqual([{ secret: 'ours' }])
})

test('the gateway, as the owner, plans its statements without any of it, and may copy rows in', async () => {
  const plan = async (as: <T>(work: () => Promise<T>) => Promise<T>) =>
    (await as(() => query('EXPLAIN SELECT * FROM ledger_entries WHERE account_id = gen_random_uuid()'))).rows
      .map((row) => row['QUERY PLAN'] as string)
      .join()
  expect(await plan((work) => work())).not.toMatch(/InitPlan|organization_id/)
  expect(await plan(asOwn)).toMatch(/organization_id = /)
  const { rows } = await query(`SELECT relname FROM pg_class WHERE relforcerowsecurity`)
  expect(rows).toEqual([])
})

describe('the scope', () => {
  const count = async () => Number((await query('SELECT count(*) FROM access_tokens')).rows[0].count)

  test('ends with the work that it was entered for, on every connection, and where it is left on purpose', async () => {
    const all = await count()
    const seen = await asOwn(async () => ({
      inside: await Promise.all([count(), count(), count()]),
      beyond: await beyondTenants(count),
      again: await count(),
    }))
    expect(seen).toEqual({ inside: [1, 1, 1], beyond: all, again: 1 })
    expect(await Promise.all(Array.from({ length: 12 }, count))).toEqual(
      Array.from({ length: 12 }, () => all),
    )
    const { rows } = await query(
      `SELECT current_user = session_user AS "isOurs", coalesce(current_setting('aideon.organization_id', true), '') AS organization`,
    )
    expect(rows).toEqual([{ isOurs: true, organization: '' }])
  })

  test('holds in a transaction, is left for a part of it, and ends with it, committed or failed', async () => {
    const { kysely } = clone.database
    const countIn = (run: typeof kysely) =>
      run
        .selectFrom('access_tokens')
        .select('organization_id')
        .execute()
        .then((rows) => rows.length)
    const all = await countIn(kysely)
    const seen = await asOwn(() =>
      kysely
        .transaction()
        .execute(async (transaction) => [
          await countIn(transaction),
          await beyondTenantsIn(transaction, () => countIn(transaction)),
          await countIn(transaction),
        ]),
    )
    expect(seen).toEqual([1, all, 1])
    const failing = asOwn(() =>
      kysely.transaction().execute((transaction) =>
        beyondTenantsIn(transaction, async () => {
          throw new Error('on purpose')
        }),
      ),
    )
    await expect(failing).rejects.toThrow('on purpose')
    expect(await countIn(kysely)).toBe(all)
    expect(await asOwn(() => countIn(kysely))).toBe(1)
  })

  test('holds for what is asked for after the handler has returned', async () => {
    async function* pages() {
      yield await count()
      yield await count()
    }
    const seen: number[] = []
    for await (const piece of piecesWithin(own, pages())) seen.push(piece)
    expect(seen).toEqual([1, 1])
  })
})

test('where the role may not be made, the operator is told what to do, and doing it puts the wall up', async () => {
  const empty = await cloneDatabase({ template: 'template0' })
  const database = (await empty.database.pool.query('SELECT current_database() AS name')).rows[0]
    .name as string
  const role = `plain_${database}`
  const administrator = openDatabase({
    url: withDatabase(inject('administratorUrl'), database),
    maximumConnections: 1,
  })
  const address = withDatabase(inject('administratorUrl'), database)
  const options = `options=${encodeURIComponent(`-c role=${role}`)}`
  const plain = openDatabase({
    url: `${address}${address.includes('?') ? '&' : '?'}${options}`,
    maximumConnections: 1,
  })
  const said: string[] = []
  const log = { ...silentLog, info: () => {}, warn: (message: string) => said.push(message) } as never
  const policies = async () => (await plain.pool.query('SELECT FROM pg_policy')).rowCount
  try {
    await administrator.pool.query(`CREATE ROLE ${role}; ALTER DATABASE ${database} OWNER TO ${role}`)
    await migrate(plain, { log })
    expect(said).toHaveLength(1)
    expect(await policies()).toBe(0)
    expect(
      await withinTenant(own, async () => (await plain.pool.query('SELECT FROM tiers')).rowCount),
    ).toBeGreaterThan(0)

    const statements = /: (CREATE ROLE .*; GRANT .*); then start again\.$/.exec(
      said[0] as string,
    )?.[1] as string
    await administrator.pool.query(statements)
    await migrate(plain, { log })
    expect(said).toHaveLength(1)
    expect(await policies()).toBeGreaterThan(40)
  } finally {
    await plain.close()
    await administrator.pool.query(
      `REASSIGN OWNED BY ${role} TO CURRENT_USER; DROP OWNED BY ${role}, "aideon_tenant_${database}"; DROP ROLE ${role}, "aideon_tenant_${database}"`,
    )
    await administrator.close()
    await empty.drop()
  }
})
