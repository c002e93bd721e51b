import { domainToASCII } from 'node:url'

/** `Bücher.example.` and `xn--bcher-kva.example` are one domain; null: none, or one of a single label. */
export const domainOf = (text: string): string | null => {
  const ascii = domainToASCII(text.trim().replace(/\.$/, '')).toLowerCase()
  return ascii.length <= 253 &&
    /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]$/.test(ascii)
    ? ascii
    : null
}

/** What follows the last `@`: a quoted local part may hold others. Subdomains are domains of their own. */
export const domainOfEmail = (email: string): string | null => {
  const at = email.lastIndexOf('@')
  return at < 1 ? null : domainOf(email.slice(at + 1))
}

/** Where the record is looked for: no name that mail or web servers use. */
export const recordNameOf = (domain: string): string => `_aideon-keys.${domain}`
export const recordValueOf = (token: string): string => `aideon-keys-verification=${token}`

/** A record may come in pieces of 255 bytes. */
export const holdsRecord = (records: readonly (readonly string[])[], token: string): boolean =>
  records.some((pieces) => pieces.join('').trim() === recordValueOf(token))
