import { failure, type Outcome, success } from '../kit/fault.ts'
import { recognizeService } from '../services/registry.ts'
import type { Service } from '../services/service.ts'

const maximumBytes = 8 * 1024
/** Of a JSON document; a service account's has 2.4 kilobytes. */
const maximumDocumentBytes = 16 * 1024
/** Below this a secret can be guessed, and redaction cannot tell it from ordinary words. */
const minimumBytes = 8

/**
 * What a person pasted, without what came along with it. Prefixes are never a reason to refuse: services change
 * them (Google's did), and self-hosted ones have none.
 */
export const readSecret = (pasted: string, kind?: Service['secretKind']): Outcome<string> =>
  kind === 'json' ? readDocument(pasted) : readWord(pasted)

const readWord = (pasted: string): Outcome<string> => {
  if (pasted.length > 2 * maximumBytes) return malformed('It is longer than any service key.')
  const secret = withoutQuotes(pasted.trim())
  if (secret === '') return malformed('It is empty.')
  if (secret.length > maximumBytes) return malformed('It is longer than any service key.')
  if (secret.length < minimumBytes) return malformed(`It is shorter than ${minimumBytes} characters.`)
  if (/[*•…]{3}/.test(secret)) return malformed('It is the shortened form that the service shows later.')
  // It becomes a header's value: anything but visible ASCII would be refused, or would end the header.
  if (!/^[\x21-\x7e]+$/.test(secret))
    return malformed('It holds a space, a line break or another character no key has.')
  return success(secret)
}

/** Stored without the white space that it was pasted with, so that the same document is the same secret. */
const readDocument = (pasted: string): Outcome<string> => {
  if (pasted.length > 2 * maximumDocumentBytes) return malformed('It is longer than any service key.')
  const document = parsed(pasted.trim())
  if (typeof document !== 'object' || document === null || Array.isArray(document))
    return malformed('It is no JSON document: paste the whole file, from { to }.')
  const secret = JSON.stringify(document)
  return Buffer.byteLength(secret) > maximumDocumentBytes
    ? malformed('It is longer than any service key.')
    : success(secret)
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

const malformed = (message: string) =>
  failure('key_malformed', { message: `This cannot be a service key. ${message}`, field: 'secret' })

const withoutQuotes = (text: string): string => {
  const quoted = /^(["'`])(.*)\1$/s.exec(text)
  return quoted ? (quoted[2] ?? '').trim() : text
}

/** Never more than a quarter of the secret. Of a JSON document, of the id of its key, which is not secret. */
export const lastFourOf = (secret: string, kind?: Service['secretKind']): string => {
  if (kind !== 'json') return secret.slice(secret.length - Math.min(4, Math.floor(secret.length / 4)))
  const id = (parsed(secret) as { private_key_id?: unknown } | null)?.private_key_id
  return typeof id === 'string' && /^[\w-]{16,}$/.test(id) ? id.slice(-4) : ''
}

/** A word to a person who may have chosen the wrong service; they may be right all the same. */
export const resemblanceWarning = (service: Service, secret: string): string | null => {
  const alike = recognizeService(secret)
  if (alike.length === 0 || alike.some((other) => other.id === service.id)) return null
  const names = alike.map((other) => other.name).join(' or ')
  return `This looks like a key of ${names}, not of ${service.name}.`
}
