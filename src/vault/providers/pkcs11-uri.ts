import { parseSecretSource, type SecretSource } from './secret-source.ts'

/** A key in a token, as RFC 7512 names it. */
export interface Pkcs11Key {
  /** The shared library of the token's maker. */
  readonly modulePath: string
  readonly token: string | null
  readonly serial: string | null
  readonly slotId: number | null
  readonly label: string | null
  readonly id: Buffer | null
  /** Null: `AIDEON_PKCS11_PIN`. */
  readonly pin: SecretSource | null
}

/**
 * `pkcs11:token=aideon;object=master?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/run/secrets/pin`
 * Text: what is wrong with it.
 */
export const parsePkcs11Uri = (text: string): Pkcs11Key | string => {
  const found = /^pkcs11:([^?]*)(?:\?(.*))?$/.exec(text)
  if (!found) return 'it does not begin with pkcs11:'
  const path = attributesOf(found[1] as string, ';')
  const query = attributesOf(found[2] ?? '', '&')
  if (typeof path === 'string') return path
  if (typeof query === 'string') return query
  const unknown =
    [...path.keys()].find((name) => !pathNames.has(name)) ??
    [...query.keys()].find((name) => !queryNames.has(name))
  if (unknown === 'pin-value')
    return 'a PIN must not stand in it; use pin-source=file:/… or AIDEON_PKCS11_PIN'
  if (unknown !== undefined) return 'it has an attribute that is not used here'
  return keyOf(path, query)
}

const keyOf = (path: ReadonlyMap<string, Buffer>, query: ReadonlyMap<string, Buffer>): Pkcs11Key | string => {
  const text = (from: ReadonlyMap<string, Buffer>, name: string) => from.get(name)?.toString('utf8') ?? null
  const modulePath = text(query, 'module-path')
  if (!modulePath?.startsWith('/')) return 'module-path must name the token’s library by its whole path'
  const pinSource = text(query, 'pin-source')
  const pin = pinSource === null ? null : parseSecretSource(pinSource)
  if (pinSource !== null && pin === null) return 'pin-source must be file:/path or env:NAME'
  const slot = text(path, 'slot-id')
  if (slot !== null && !/^\d{1,10}$/.test(slot)) return 'slot-id must be a number'
  if (text(path, 'type') !== null && text(path, 'type') !== 'secret-key') return 'type must be secret-key'
  if (!path.has('object') && !path.has('id')) return 'object or id must name the key'
  return {
    modulePath,
    token: text(path, 'token'),
    serial: text(path, 'serial'),
    slotId: slot === null ? null : Number(slot),
    label: text(path, 'object'),
    id: path.get('id') ?? null,
    pin,
  }
}

const pathNames = new Set(['token', 'serial', 'slot-id', 'object', 'id', 'type'])
const queryNames = new Set(['module-path', 'pin-source'])

const attributesOf = (text: string, separator: string): Map<string, Buffer> | string => {
  const attributes = new Map<string, Buffer>()
  for (const part of text === '' ? [] : text.split(separator)) {
    const at = part.indexOf('=')
    const name = part.slice(0, at)
    if (at < 1) return 'each of its attributes must be name=value'
    if (attributes.has(name)) return 'it has an attribute twice'
    const value = decoded(part.slice(at + 1))
    if (value === null) return 'it has a % that encodes nothing'
    attributes.set(name, value)
  }
  return attributes
}

/** Ids are bytes, not text: `%01%ff`. */
const decoded = (text: string): Buffer | null =>
  /%(?![0-9a-fA-F]{2})/.test(text)
    ? null
    : Buffer.concat(
        text
          .split(/(%[0-9a-fA-F]{2})/)
          .map((part) => (part.startsWith('%') ? Buffer.from(part.slice(1), 'hex') : Buffer.from(part))),
      )
