import { argon2, type Argon2Parameters, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { type Outcome, success } from '../../kit/fault.ts'
import type { MasterKeyProvider } from '../provider.ts'
import { decrypt, encrypt } from './authenticated.ts'
import { vaultKeyBytes } from './binding.ts'
import { misconfigured, mismatch } from './faults.ts'
import { type Environment, readSecret, type SecretSource } from './secret-source.ts'

const derive = promisify(argon2) as (algorithm: 'argon2id', parameters: Argon2Parameters) => Promise<Buffer>

/** What a guess costs. Stored with each blob, so that it can be raised without losing what was wrapped before. */
export interface Cost {
  readonly memoryKiB: number
  readonly passes: number
  readonly parallelism: number
}

/** RFC 9106's second recommendation: 64 MiB and three passes, about a third of a second of a core. */
const defaultCost: Cost = { memoryKiB: 65_536, passes: 3, parallelism: 4 }
/** A blob that somebody changed must not take the machine with it. */
const largestCost: Cost = { memoryKiB: 262_144, passes: 8, parallelism: 8 }

const format = 1
const saltBytes = 16
const headBytes = 1 + 4 + 4 + 1 + saltBytes

/**
 * The wrapping key is argon2id of a passphrase and a salt that is drawn for each blob:
 * format (1) ‖ memory KiB (4) ‖ passes (4) ‖ parallelism (1) ‖ salt (16) ‖ AES-256-GCM, which authenticates all of it.
 */
export const makePassphraseProvider = (options: {
  readonly source: SecretSource
  readonly environment: Environment
  readonly cost?: Cost
}): MasterKeyProvider => {
  const { source, environment, cost = defaultCost } = options
  const reference = `passphrase:${source.kind}:${source.kind === 'env' ? source.name : source.path}`

  const passphrase = async (): Promise<Outcome<string>> => {
    const text = await readSecret(source, environment)
    if (!text.ok) return text
    // The same passphrase typed on another system may be other bytes.
    const plain = text.value.normalize('NFKC')
    const weakness = weaknessOf(plain)
    return weakness === null
      ? success(plain)
      : misconfigured(
          `The passphrase of ${reference} ${weakness}.`,
          'Take six or more words drawn at random, or: openssl rand -base64 24',
        )
  }

  return {
    kind: 'passphrase',
    reference,
    async wrap(key, context) {
      const text = await passphrase()
      if (!text.ok) return text
      const head = headOf(cost, randomBytes(saltBytes))
      const wrapping = await keyOf(text.value, head)
      return success(Buffer.concat([head, encrypt(wrapping, key, authenticated(head, context))]))
    },
    async unwrap(wrapped, context) {
      const text = await passphrase()
      if (!text.ok) return text
      const head = wrapped.subarray(0, headBytes)
      if (!isHead(head)) return mismatch(reference)
      const wrapping = await keyOf(text.value, head)
      const key = decrypt(wrapping, wrapped.subarray(headBytes), authenticated(head, context))
      return key?.length === vaultKeyBytes ? success(key) : mismatch(reference)
    },
  }
}

const headOf = ({ memoryKiB, passes, parallelism }: Cost, salt: Buffer): Buffer => {
  const head = Buffer.alloc(headBytes)
  head.writeUInt8(format, 0)
  head.writeUInt32BE(memoryKiB, 1)
  head.writeUInt32BE(passes, 5)
  head.writeUInt8(parallelism, 9)
  salt.copy(head, 10)
  return head
}

const costIn = (head: Buffer): Cost => ({
  memoryKiB: head.readUInt32BE(1),
  passes: head.readUInt32BE(5),
  parallelism: head.readUInt8(9),
})

const isHead = (head: Buffer): boolean => {
  if (head.length !== headBytes || head[0] !== format) return false
  const { memoryKiB, passes, parallelism } = costIn(head)
  return (
    passes >= 1 &&
    passes <= largestCost.passes &&
    parallelism >= 1 &&
    parallelism <= largestCost.parallelism &&
    memoryKiB >= 8 * parallelism &&
    memoryKiB <= largestCost.memoryKiB
  )
}

const keyOf = async (passphrase: string, head: Buffer): Promise<KeyObject> => {
  const { memoryKiB, passes, parallelism } = costIn(head)
  const message = Buffer.from(passphrase)
  const derived = await derive('argon2id', {
    message,
    nonce: head.subarray(10),
    memory: memoryKiB,
    passes,
    parallelism,
    tagLength: 32,
  })
  message.fill(0)
  const key = createSecretKey(derived)
  derived.fill(0)
  return key
}

const authenticated = (head: Buffer, context: string): Buffer =>
  Buffer.concat([Buffer.from('aideon-keys passphrase provider 1\n'), head, Buffer.from(context)])

const leastLength = 16
const leastDifferent = 8

/**
 * Null: it may do. Whoever has the database guesses as long as they like, at the cost above for each guess; this
 * catches what needs no guessing, and cannot tell a drawn passphrase from a quoted one.
 */
export const weaknessOf = (passphrase: string): string | null => {
  const characters = Array.from(passphrase)
  if (characters.length < leastLength) return `has fewer than ${leastLength} characters`
  if (new Set(characters).size < leastDifferent)
    return `has fewer than ${leastDifferent} different characters`
  if (isRepetition(characters)) return 'is one part repeated'
  if (isSequence(characters)) return 'is a run of neighbouring characters'
  return null
}

const isRepetition = (characters: readonly string[]): boolean => {
  for (let period = 1; period <= characters.length / 2; period++)
    if (characters.every((character, index) => character === characters[index % period])) return true
  return false
}

/** `abcdefgh…`, `98765…`: nearly every step is by one. */
const isSequence = (characters: readonly string[]): boolean => {
  const codes = characters.map((character) => character.codePointAt(0) as number)
  const steps = codes.slice(1).map((code, index) => Math.abs(code - (codes[index] as number)))
  return steps.filter((step) => step === 1).length > steps.length * 0.7
}
