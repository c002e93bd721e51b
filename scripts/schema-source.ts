import type pg from 'pg'

export interface Column {
  readonly table: string
  readonly name: string
  /** As PostgreSQL names it: int8, _text, … */
  readonly type: string
  readonly nullable: boolean
  readonly hasDefault: boolean
  /** The literals that a CHECK constraint allows; empty when it allows any. */
  readonly literals: readonly string[]
}

/** Columns of our tables in table and position order; partitions repeat their parent and are left out. */
export const readSchema = async (pool: pg.Pool): Promise<Column[]> => {
  const { rows } = await pool.query<Column & { checks: string[] }>(`
    SELECT c.relname AS table, a.attname AS name, t.typname AS type, NOT a.attnotnull AS nullable,
      (a.atthasdef OR a.attidentity <> '') AS "hasDefault",
      coalesce((SELECT array_agg(pg_get_constraintdef(k.oid) ORDER BY k.conname) FROM pg_constraint k
        WHERE k.conrelid = c.oid AND k.contype = 'c' AND k.conkey = ARRAY[a.attnum]), '{}') AS checks
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type t ON t.oid = a.atttypid
    WHERE c.relkind IN ('r', 'p', 'v', 'm') AND NOT c.relispartition AND c.relname <> 'schema_migrations'
    ORDER BY c.relname, a.attnum`)
  return rows.map(({ checks, ...column }) => ({ ...column, literals: checks.flatMap(allowedLiterals) }))
}

/** `CHECK ((owner = ANY (ARRAY['user'::text, 'system'::text])))` → user, system. */
export const allowedLiterals = (definition: string): string[] => {
  const list = /^CHECK \(\(\w+ = ANY \(ARRAY\[([^\]]*)\]\)\)\)$/.exec(definition)?.[1] ?? ''
  return [...list.matchAll(/'((?:[^']|'')*)'::text/g)].map((match) => (match[1] ?? '').replaceAll("''", "'"))
}

const typesByName: Record<string, string> = {
  text: 'string',
  uuid: 'string',
  bool: 'boolean',
  int2: 'number',
  int4: 'number',
  int8: 'bigint',
  float8: 'number',
  numeric: 'string',
  bytea: 'Buffer',
  timestamptz: 'Date',
  date: 'string',
  json: 'Json',
  jsonb: 'Json',
}

export const columnType = (column: Column): string => {
  const isArray = column.type.startsWith('_')
  const plain = typesByName[isArray ? column.type.slice(1) : column.type]
  if (plain === undefined)
    throw new Error(
      `${column.table}.${column.name} has type ${column.type}: teach it to scripts/schema-source.ts`,
    )
  // ColumnTypes do not nest.
  if (plain === 'Json' && column.hasDefault && !column.nullable && !isArray) return 'GeneratedJson'
  const type =
    column.literals.length > 0 ? column.literals.map((literal) => `'${literal}'`).join(' | ') : plain
  const full = `${type}${isArray ? '[]' : ''}${column.nullable ? ' | null' : ''}`
  return column.hasDefault ? `Generated<${full}>` : full
}

const heading = `// Written by npm run db:types from the migrations. Do not edit.
import type { ColumnType, Generated } from 'kysely'

export type JsonValue = string | number | boolean | null | JsonValue[] | { [name: string]: JsonValue }

/** Written as JSON text: pg would send a bare array as a PostgreSQL array. */
export type Json = ColumnType<JsonValue, string, string>
export type GeneratedJson = ColumnType<JsonValue, string | undefined, string>
`

const interfaceName = (table: string): string =>
  table
    .split('_')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('')

export const schemaSource = (columns: readonly Column[]): string => {
  const tables = [...Map.groupBy(columns, (column) => column.table)]
  const interfaces = tables.map(
    ([table, own]) =>
      `\nexport interface ${interfaceName(table)} {\n${own.map((column) => `  ${column.name}: ${columnType(column)}\n`).join('')}}\n`,
  )
  const schema = tables.map(([table]) => `  ${table}: ${interfaceName(table)}\n`).join('')
  return `${heading}${interfaces.join('')}\nexport interface Schema {\n${schema}}\n`
}
