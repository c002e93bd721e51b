import { unwatchFile, watchFile } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import proxyAddress from '@fastify/proxy-addr'
import { Reader, type Response } from 'mmdb-lib'
import type { Log } from '../kit/log.ts'

export interface Countries {
  /** Of who sends a request: two letters of ISO 3166. Null: not known. */
  of(request: IncomingMessage): string | null
  close(): void
}

/**
 * From the header of the proxy in front, where one is named; else from a database by the caller's address. Null: neither is
 * there. Throws, with what to do, where the database cannot be read.
 */
export const openCountries = async (sources: {
  readonly header: string | null
  /** Path of a MaxMind DB file of countries. */
  readonly database: string | null
  readonly trustedProxies: readonly string[]
  readonly log: Log
}): Promise<Countries | null> => {
  const { header, database, log } = sources
  if (header !== null) return { of: ({ headers }) => countryInHeader(headers, header), close() {} }
  if (database === null) return null
  let reader = await readDatabase(database)
  const isTrusted = proxyAddress.compile([...sources.trustedProxies])
  const reload = (): void => {
    readDatabase(database)
      .then((read) => {
        reader = read
      })
      // The one of before is better than none.
      .catch((error: unknown) => log.warn({ err: error }, 'the database of countries was not read again'))
  }
  // Publishers replace it each week.
  watchFile(database, { interval: 60_000, persistent: false }, reload)
  return {
    of: (request) => countryInRecord(reader.get(proxyAddress(request, isTrusted) ?? '')),
    close: () => unwatchFile(database, reload),
  }
}

const readDatabase = async (path: string): Promise<Reader<Response>> => {
  try {
    return new Reader(await readFile(path))
  } catch (cause) {
    throw new Error(`AIDEON_COUNTRY_DATABASE names ${path}, which is not a readable MaxMind DB file.`, {
      cause,
    })
  }
}

/** GeoLite2 and DB-IP have `country.iso_code`, IPinfo has `country_code`. */
const countryInRecord = (record: object | null): string | null => {
  const { country, country_code: code } = (record ?? {}) as {
    country?: { iso_code?: unknown } | string
    country_code?: unknown
  }
  return countryIn(typeof country === 'object' ? country.iso_code : code)
}

const countryInHeader = (headers: IncomingHttpHeaders, header: string): string | null =>
  countryIn(headers[header])

/** Proxies that do not know say XX (Cloudflare) or ZZ (Google), and T1 for Tor. */
const countryIn = (said: unknown): string | null => {
  const country = typeof said === 'string' ? said.trim().toUpperCase() : ''
  return /^[A-Z]{2}$/.test(country) && country !== 'XX' && country !== 'ZZ' ? country : null
}
