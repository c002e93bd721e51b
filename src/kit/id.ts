import { randomFillSync } from 'node:crypto'

const pool = Buffer.allocUnsafe(10 * 256)
let used = pool.length
/** Of the millisecond that ids were last made in: busy processes make several in one. */
let lastNow = Number.NaN
let timeText = ''

/**
 * A new UUIDv7 (RFC 9562): sorts by creation time, which partitions and cursors rely on. PostgreSQL 15 to 17
 * cannot make these, nor can every Node that we support. Random bits are drawn in blocks: a fifth of the CPU.
 */
export const newId = (now: number = Date.now()): string => {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  pool[used] = ((pool[used] as number) & 0x0f) | 0x70
  pool[used + 2] = ((pool[used + 2] as number) & 0x3f) | 0x80
  if (now !== lastNow) {
    const time = now.toString(16).padStart(12, '0')
    timeText = `${time.slice(0, 8)}-${time.slice(8)}`
    lastNow = now
  }
  const random = pool.toString('hex', used, used + 10)
  used += 10
  return `${timeText}-${random.slice(0, 4)}-${random.slice(4, 8)}-${random.slice(8)}`
}

/** Owner of the system keys and of platform tokens: a row in `organizations` like any other. */
export const platformOrganizationId = '00000000-0000-7000-8000-000000000000'

const idPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
export const isId = (text: string): boolean => idPattern.test(text)
