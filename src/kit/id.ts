import { randomUUIDv7 } from 'node:crypto'

/** A new UUIDv7: sorts by creation time, which partitions and cursors rely on. PostgreSQL 15 to 17 cannot make these. */
export const newId = (): string => randomUUIDv7()

/** Owner of the system keys and of platform tokens: a row in `organizations` like any other. */
export const platformOrganizationId = '00000000-0000-7000-8000-000000000000'

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
export const isId = (text: string): boolean => uuidPattern.test(text)
