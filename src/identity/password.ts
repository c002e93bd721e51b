import { argon2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

const derive = promisify(argon2)

/** OWASP's first choice for argon2id: 19 MiB, 2 passes, 1 lane; about 45 ms on one core of 2026. */
const current = { memoryKib: 19_456, passes: 2, lanes: 1 } as const
const saltBytes = 16
const hashBytes = 32

const pattern = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/

/** The PHC string format: parameters travel with the hash, so they can be raised later. */
export const hashPassword = async (password: string): Promise<string> => {
  const salt = randomBytes(saltBytes)
  const hash = await deriveFrom(password, salt, current, hashBytes)
  const { memoryKib, passes, lanes } = current
  return `$argon2id$v=19$m=${memoryKib},t=${passes},p=${lanes}$${plain(salt)}$${plain(hash)}`
}

/**
 * Does the same work for a user without a password, or without an account, as for one with a password: the time of
 * the answer must not tell which addresses exist.
 */
export const verifyPassword = async (
  password: string,
  stored: string | null,
): Promise<{ matches: boolean; outdated: boolean }> => {
  const parts = stored === null ? null : pattern.exec(stored)
  if (!parts) {
    await deriveFrom(password, randomBytes(saltBytes), current, hashBytes)
    return { matches: false, outdated: false }
  }
  const parameters = { memoryKib: Number(parts[1]), passes: Number(parts[2]), lanes: Number(parts[3]) }
  const expected = Buffer.from(parts[5] as string, 'base64')
  const actual = await deriveFrom(
    password,
    Buffer.from(parts[4] as string, 'base64'),
    parameters,
    expected.length,
  )
  const outdated =
    parameters.memoryKib !== current.memoryKib ||
    parameters.passes !== current.passes ||
    parameters.lanes !== current.lanes ||
    expected.length !== hashBytes
  return { matches: timingSafeEqual(actual, expected), outdated }
}

const deriveFrom = (
  password: string,
  salt: Buffer,
  parameters: { memoryKib: number; passes: number; lanes: number },
  length: number,
): Promise<Buffer> =>
  derive('argon2id', {
    // The same password typed on two keyboards may arrive composed differently.
    message: password.normalize('NFKC'),
    nonce: salt,
    memory: parameters.memoryKib,
    passes: parameters.passes,
    parallelism: parameters.lanes,
    tagLength: length,
  })

const plain = (bytes: Buffer): string => bytes.toString('base64').replaceAll('=', '')
