import type { IncomingHttpHeaders } from 'node:http'

/**
 * The country that the proxy in front says a call comes from: two letters of ISO 3166. Proxies that do not know say XX (
 * Cloudflare) or ZZ (Google), and T1 for Tor.
 */
export const countryOf = (headers: IncomingHttpHeaders, header: string): string | null => {
  const said = headers[header]
  const country = typeof said === 'string' ? said.trim().toUpperCase() : ''
  return /^[A-Z]{2}$/.test(country) && country !== 'XX' && country !== 'ZZ' ? country : null
}
