import { randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { type Fault, type Outcome, success } from '../../kit/fault.ts'
import type { MasterKeyProvider } from '../provider.ts'
import type { Surroundings } from './ask.ts'
import { bound, unbound } from './binding.ts'
import { disabled, misconfigured, mismatch, refused, unreachable } from './faults.ts'
import type { Pkcs11Key } from './pkcs11-uri.ts'
import { readSecret, secretSourceOf } from './secret-source.ts'

const format = 1
const nonceBytes = 12
const tagBytes = 16

/** As much of pkcs11js as is used. Its calls block the process: some 60 µs with SoftHSM, milliseconds over a network. */
interface Library {
  load(path: string): void
  C_Initialize(): void
  C_GetSlotList(withToken: boolean): Handle[]
  C_GetTokenInfo(slot: Handle): { label: string; serialNumber: string; flags: number }
  C_OpenSession(slot: Handle, flags: number): Handle
  C_CloseSession(session: Handle): void
  C_Login(session: Handle, userType: number, pin: string): void
  C_FindObjectsInit(session: Handle, template: readonly Attribute[]): void
  C_FindObjects(session: Handle, most: number): Handle[]
  C_FindObjectsFinal(session: Handle): void
  C_GetAttributeValue(session: Handle, key: Handle, template: readonly { type: number }[]): Attribute[]
  C_EncryptInit(session: Handle, mechanism: Mechanism, key: Handle): void
  C_Encrypt(session: Handle, input: Buffer, output: Buffer): Buffer
  C_DecryptInit(session: Handle, mechanism: Mechanism, key: Handle): void
  C_Decrypt(session: Handle, input: Buffer, output: Buffer): Buffer
}
type Handle = Buffer
interface Attribute {
  readonly type: number
  readonly value: Buffer | number | string | boolean
}
interface Mechanism {
  readonly mechanism: number
  readonly parameter: object
}

/** PKCS #11 2.40, and pkcs11js's number for the kind of a parameter. */
const c = {
  session: 4,
  initialized: 0x400,
  user: 1,
  class: 0x0,
  label: 0x3,
  keyType: 0x100,
  id: 0x102,
  extractable: 0x162,
  secretKey: 4,
  aes: 0x1f,
  aesGcm: 0x1087,
  gcmParameters: 7,
} as const

/**
 * An AES key that cannot leave its token encrypts with AES-GCM: format (1) ‖ nonce (12) ‖ ciphertext ‖ tag (16).
 * The wrapper of the C interface, pkcs11js, has to be compiled and is no dependency of this program: it is loaded
 * where somebody installed it.
 */
export const makePkcs11Provider = (
  reference: string,
  key: Pkcs11Key,
  surroundings: Surroundings,
): MasterKeyProvider => {
  let opened: Promise<Outcome<OpenKey>> | null = null

  const open = async (): Promise<Outcome<OpenKey>> => {
    const library = loadLibrary(key.modulePath, surroundings)
    if (!library.ok) return library
    const source = key.pin ?? secretSourceOf('AIDEON_PKCS11_PIN', surroundings.environment)
    if (source === null)
      return misconfigured(
        `There is no PIN for ${reference}.`,
        'Set AIDEON_PKCS11_PIN or AIDEON_PKCS11_PIN_FILE, or add &pin-source=file:/path to the reference.',
      )
    const pin = await readSecret(source, surroundings.environment)
    if (!pin.ok) return pin
    return attempt(reference, () => openKey(reference, library.value, key, pin.value))
  }

  /** A session that the token does not know any more is opened again, once. */
  const use = async (work: (key: OpenKey) => Outcome<Buffer>, mayRepeat = true): Promise<Outcome<Buffer>> => {
    opened ??= open()
    const session = await opened
    if (!session.ok) {
      opened = null
      return session
    }
    const done = attempt(reference, () => work(session.value))
    if (done.ok || done.fault.code !== 'master_key_unreachable') return done
    opened = null
    close(session.value)
    return mayRepeat ? use(work, false) : done
  }

  return {
    kind: 'pkcs11',
    reference,
    wrap: (vaultKey, context) =>
      use((open) => {
        const payload = bound(vaultKey, context)
        const nonce = randomBytes(nonceBytes)
        const body = encrypted(open, nonce, payload, context)
        payload.fill(0)
        return success(Buffer.concat([Buffer.of(format), nonce, body]))
      }),
    async unwrap(wrapped, context) {
      if (wrapped.length <= 1 + nonceBytes + tagBytes || wrapped[0] !== format) return mismatch(reference)
      return use((open) => {
        const payload = decrypted(open, wrapped, context)
        const vaultKey = payload === null ? null : unbound(payload, context)
        return vaultKey === null ? mismatch(reference) : success(vaultKey)
      })
    },
    async close() {
      const session = await opened
      opened = null
      if (session?.ok) close(session.value)
    },
  }
}

interface OpenKey {
  readonly library: Library
  readonly session: Handle
  readonly handle: Handle
}

const encrypted = (open: OpenKey, nonce: Buffer, payload: Buffer, context: string): Buffer => {
  open.library.C_EncryptInit(open.session, gcm(nonce, context), open.handle)
  return open.library.C_Encrypt(open.session, payload, Buffer.alloc(payload.length + tagBytes))
}

/** Null: the tag does not fit. */
const decrypted = (open: OpenKey, wrapped: Buffer, context: string): Buffer | null => {
  const nonce = wrapped.subarray(1, 1 + nonceBytes)
  const body = wrapped.subarray(1 + nonceBytes)
  open.library.C_DecryptInit(open.session, gcm(nonce, context), open.handle)
  try {
    return open.library.C_Decrypt(open.session, body, Buffer.alloc(body.length))
  } catch (error) {
    // SoftHSM has no other word for it; a token that still encrypts is well.
    if (codeOf(error) !== 'CKR_GENERAL_ERROR') throw error
    encrypted(open, randomBytes(nonceBytes), Buffer.alloc(1), '')
    return null
  }
}

const gcm = (nonce: Buffer, context: string): Mechanism => ({
  mechanism: c.aesGcm,
  parameter: {
    type: c.gcmParameters,
    iv: nonce,
    ivBits: nonce.length * 8,
    aad: Buffer.from(`aideon-keys pkcs11 provider 1\n${context}`),
    tagBits: tagBytes * 8,
  },
})

/** A library is initialized once in a process. */
const libraries = new Map<string, Library>()

const loadLibrary = (path: string, { environment }: Surroundings): Outcome<Library> => {
  const known = libraries.get(path)
  if (known) return success(known)
  const wrapper = requireWrapper(environment['AIDEON_PKCS11JS'])
  if (wrapper === null)
    return misconfigured(
      'Keys in PKCS #11 tokens need the package pkcs11js, which is not installed.',
      'Install it with "npm install --no-save pkcs11js@2.1.7" beside this program, or elsewhere and set AIDEON_PKCS11JS to that directory.',
    )
  try {
    const library = new wrapper.PKCS11()
    library.load(path)
    initialize(library)
    libraries.set(path, library)
    return success(library)
  } catch {
    return misconfigured(
      `The PKCS #11 library ${path} cannot be loaded.`,
      'Correct module-path; the library must be of this machine’s architecture, with its own settings in place.',
    )
  }
}

const requireWrapper = (directory: string | undefined): { PKCS11: new () => Library } | null => {
  try {
    const from = createRequire(directory ? join(directory, 'node_modules', 'nothing.js') : import.meta.url)
    return from('pkcs11js') as { PKCS11: new () => Library }
  } catch {
    return null
  }
}

const initialize = (library: Library): void => {
  try {
    library.C_Initialize()
  } catch (error) {
    if (codeOf(error) !== 'CKR_CRYPTOKI_ALREADY_INITIALIZED') throw error
  }
}

const openKey = (reference: string, library: Library, key: Pkcs11Key, pin: string): Outcome<OpenKey> => {
  const slots = library.C_GetSlotList(true).filter((slot) => isSlotOf(library, slot, key))
  const [slot, ...others] = slots
  if (slot === undefined)
    return disabled(reference, 'there is no such token.', 'Connect the token, or correct the reference.')
  if (others.length > 0)
    return misconfigured(`More than one token is ${reference}.`, 'Add serial= or slot-id= to the reference.')
  const session = library.C_OpenSession(slot, c.session)
  try {
    login(library, session, pin)
    const handle = findKey(reference, library, session, key)
    if (handle.ok) return success({ library, session, handle: handle.value })
    library.C_CloseSession(session)
    return handle
  } catch (error) {
    library.C_CloseSession(session)
    throw error
  }
}

/** Labels are padded with blanks to their length; a slot's number is a handle of native order. */
const isSlotOf = (library: Library, slot: Handle, { token, serial, slotId }: Pkcs11Key): boolean => {
  const info = library.C_GetTokenInfo(slot)
  return (
    (info.flags & c.initialized) !== 0 &&
    (token === null || info.label.trimEnd() === token) &&
    (serial === null || info.serialNumber.trimEnd() === serial) &&
    (slotId === null || slot.readUInt32LE(0) === slotId)
  )
}

/** All sessions of a process share one login. */
const login = (library: Library, session: Handle, pin: string): void => {
  try {
    library.C_Login(session, c.user, pin)
  } catch (error) {
    if (codeOf(error) !== 'CKR_USER_ALREADY_LOGGED_IN') throw error
  }
}

const findKey = (
  reference: string,
  library: Library,
  session: Handle,
  { label, id }: Pkcs11Key,
): Outcome<Handle> => {
  library.C_FindObjectsInit(session, [
    { type: c.class, value: c.secretKey },
    { type: c.keyType, value: c.aes },
    ...(label === null ? [] : [{ type: c.label, value: label }]),
    ...(id === null ? [] : [{ type: c.id, value: id }]),
  ])
  const found = library.C_FindObjects(session, 2)
  library.C_FindObjectsFinal(session)
  const [handle, ...others] = found
  if (handle === undefined)
    return disabled(reference, 'the token has no such AES key.', 'Create it, or correct the reference.')
  if (others.length > 0)
    return misconfigured(`More than one key is ${reference}.`, 'Add id= to the reference, or remove one.')
  const [extractable] = library.C_GetAttributeValue(session, handle, [{ type: c.extractable }])
  return isTrue(extractable?.value)
    ? misconfigured(
        `The key ${reference} can be read out of its token.`,
        'Create one with CKA_SENSITIVE and without CKA_EXTRACTABLE: in there it protects no more than a file.',
      )
    : success(handle)
}

const isTrue = (value: Attribute['value'] | undefined): boolean =>
  Buffer.isBuffer(value) ? value.some((byte) => byte !== 0) : Boolean(value)

const close = ({ library, session }: OpenKey): void => {
  try {
    library.C_CloseSession(session)
  } catch {
    // Gone already.
  }
}

const attempt = <T>(reference: string, work: () => Outcome<T>): Outcome<T> => {
  try {
    return work()
  } catch (error) {
    return { ok: false, fault: faultOf(reference, codeOf(error)) }
  }
}

/** pkcs11js says `CKR_PIN_INCORRECT:160`, or has it as the error's name. */
const codeOf = (error: unknown): string =>
  /CKR_[A-Z0-9_]{1,60}/.exec(error instanceof Error ? `${error.name} ${error.message}` : '')?.[0] ?? ''

const faultOf = (reference: string, code: string): Fault => {
  switch (code) {
    case 'CKR_PIN_INCORRECT':
    case 'CKR_PIN_INVALID':
    case 'CKR_PIN_LEN_RANGE':
      return refused(
        reference,
        'the PIN is wrong.',
        'Correct it before trying again: most tokens lock themselves after a few wrong ones.',
      ).fault
    case 'CKR_PIN_LOCKED':
    case 'CKR_PIN_EXPIRED':
      return refused(reference, 'the PIN is locked or has expired.', 'Set it anew as the security officer.')
        .fault
    case 'CKR_ENCRYPTED_DATA_INVALID':
    case 'CKR_ENCRYPTED_DATA_LEN_RANGE':
    case 'CKR_DATA_INVALID':
    case 'CKR_AEAD_DECRYPT_FAILED':
      return mismatch(reference).fault
    case 'CKR_MECHANISM_INVALID':
    case 'CKR_MECHANISM_PARAM_INVALID':
    case 'CKR_KEY_TYPE_INCONSISTENT':
    case 'CKR_KEY_FUNCTION_NOT_PERMITTED':
      return misconfigured(
        `The token cannot use ${reference} for AES-GCM.`,
        'The key must be AES with CKA_ENCRYPT and CKA_DECRYPT, and the token must take a nonce from its caller.',
      ).fault
    default:
      return unreachable(reference, `the token answered ${code === '' ? 'with an error' : code}.`).fault
  }
}
