import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'
import { type Outcome, success } from '../../kit/fault.ts'
import { isTrivial, parseMasterKey, parseMasterKeyFile } from '../master-key.ts'
import type { MasterKeyProvider } from '../provider.ts'
import { decrypt, encrypt } from './authenticated.ts'
import { vaultKeyBytes } from './binding.ts'
import { misconfigured, mismatch } from './faults.ts'
import { contentOf, type Environment, readSecret } from './secret-source.ts'

const format = 1

/**
 * A master key of 32 bytes from a file or the environment, read anew for each call: it is needed at the start and when
 * vault keys change, and need not lie in memory between.
 */
export const makeFileProvider = (path: string): MasterKeyProvider =>
  makeLocal('file', `file:${path}`, async () => {
    const content = await contentOf(path)
    return content.ok ? accepted(parseMasterKeyFile(content.value), path) : content
  })

export const makeEnvironmentProvider = (name: string, environment: Environment): MasterKeyProvider =>
  makeLocal('env', `env:${name}`, async () => {
    const text = await readSecret({ kind: 'env', name }, environment)
    return text.ok ? accepted(parseMasterKey(text.value), name) : text
  })

const howToMakeOne = 'Make one with: openssl rand -base64 32'

const accepted = (bytes: Buffer | null, source: string): Outcome<Buffer> => {
  if (bytes === null)
    return misconfigured(
      `${source} does not hold a master key.`,
      `It must be 32 bytes in base64 (44 characters) or hex (64 characters). ${howToMakeOne}`,
    )
  return isTrivial(bytes)
    ? misconfigured(`The master key in ${source} is one byte repeated, which protects nothing.`, howToMakeOne)
    : success(bytes)
}

const makeLocal = (
  kind: string,
  reference: string,
  read: () => Promise<Outcome<Buffer>>,
): MasterKeyProvider => ({
  kind,
  reference,
  async wrap(key, context) {
    const bytes = await read()
    if (!bytes.ok) return bytes
    const blob = encrypt(wrappingKey(bytes.value), key, authenticated(context))
    return success(Buffer.concat([Buffer.of(format), blob]))
  },
  async unwrap(wrapped, context) {
    const bytes = await read()
    if (!bytes.ok) return bytes
    const key =
      wrapped[0] === format
        ? decrypt(wrappingKey(bytes.value), wrapped.subarray(1), authenticated(context))
        : null
    return key?.length === vaultKeyBytes ? success(key) : mismatch(reference)
  },
})

/** Wipes the bytes. Not the key that `makeMasterKey` derives for data keys: one key, one use. */
const wrappingKey = (bytes: Buffer): KeyObject => {
  const derived = Buffer.from(hkdfSync('sha256', bytes, 'aideon-keys master key 1', 'vault key', 32))
  bytes.fill(0)
  const key = createSecretKey(derived)
  derived.fill(0)
  return key
}

const authenticated = (context: string): Buffer => Buffer.from(`aideon-keys local provider 1\n${context}`)
