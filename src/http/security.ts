import { timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { fault, FaultError } from '../kit/fault.ts'

/**
 * No inline script anywhere. Style elements that React components make at run time carry the page's nonce; style
 * attributes set by script need no permission. Nothing is loaded from, or sent to, another origin.
 */
export const contentSecurityPolicy = (nonce: string, frames: readonly string[] = []): string =>
  policyWithStyles(`'nonce-${nonce}'`, frames)

/** Scalar writes style attributes and elements that carry no nonce; its page shows no data of ours. */
export const referencePagePolicy = (): string => policyWithStyles("'unsafe-inline'")

const policyWithStyles = (styles: string, frames: readonly string[] = []): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' ${styles}`,
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    `frame-ancestors ${frames.length === 0 ? "'none'" : frames.join(' ')}`,
  ].join('; ')

export const securityHeaders: Readonly<Record<string, string>> = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
}

/**
 * `__Host-` makes browsers refuse the cookie unless it is Secure, for this host only and for all paths. They keep no
 * such cookie over plain http, which is how a first start on loopback is used: there the name is plain.
 */
export const cookiesOf = (secure: boolean) => {
  const prefix = secure ? '__Host-' : ''
  return {
    session: `${prefix}aideon_session`,
    /** By which a browser is known that signed a user in before; it opens nothing. */
    browser: `${prefix}aideon_browser`,
    /** Of a sign-in that waits for its second factor, or for a passkey; it opens nothing by itself. */
    pending: `${prefix}aideon_sign_in`,
    /** Ties a company sign-in to the browser that began it; Strict like the others, since a page of ours ends it. */
    company: `${prefix}aideon_company`,
    /**
     * Of a dashboard inside a host application’s page, which may be another site’s: such a cookie is kept for our frames in
     * that site’s pages alone (CHIPS), and pages ask for it by a header that no other site’s script can set.
     */
    embedded: `${prefix}aideon_embedded`,
    embeddedOptions: {
      path: '/',
      httpOnly: true,
      secure,
      sameSite: secure ? 'none' : 'strict',
      partitioned: secure,
    },
    options: { path: '/', httpOnly: true, secure, sameSite: 'strict' },
  } as const
}

export const isSecure = (request: FastifyRequest, publicUrl: string | null): boolean =>
  publicUrl?.startsWith('https:') ?? request.protocol === 'https'

/** Refuses what a page of another origin makes a browser send. Clients that are no browsers send neither header. */
export const requireSameOrigin = (request: FastifyRequest, publicUrl: string | null): void => {
  const { origin, 'sec-fetch-site': site } = request.headers
  // No script can set this header, so where a browser sends it (https and loopback) it decides.
  if (site === 'same-origin') return
  if (site !== undefined) throw new FaultError(fault('csrf_mismatch'))
  if (origin === undefined) return
  const expected = publicUrl === null ? request.host : new URL(publicUrl).host
  if (URL.parse(origin)?.host !== expected) throw new FaultError(fault('csrf_mismatch'))
}

/**
 * A page elsewhere may link to us; it may not load from us, however little it could read of it. A sibling's origin is
 * foreign, too, and SameSite does not keep the cookie from it.
 */
export const requireNoForeignRead = ({ headers }: FastifyRequest): void => {
  const { 'sec-fetch-site': site, 'sec-fetch-mode': mode } = headers
  if ((site === 'cross-site' || site === 'same-site') && mode !== 'navigate')
    throw new FaultError(fault('csrf_mismatch'))
}

/** A year, so that nobody who was here once can be shown another site under our name over plain http. */
export const strictTransport = 'max-age=31536000; includeSubDomains'

export const requireCsrfToken = (request: FastifyRequest, expected: string): void => {
  const given = request.headers['x-csrf-token']
  const matches =
    typeof given === 'string' &&
    given.length === expected.length &&
    timingSafeEqual(Buffer.from(given), Buffer.from(expected))
  if (!matches) throw new FaultError(fault('csrf_mismatch'))
}
