import { type Endpoint, isForBrowsers } from './endpoint.ts'

/** On every POST that a caller with an identity makes, and that does not answer with a file or with cookies. */
export const takesIdempotencyKey = (endpoint: Endpoint): boolean =>
  endpoint.method === 'POST' && endpoint.auth !== 'public' && !endpoint.file && !isForBrowsers(endpoint)

/** As clients write it, such as a UUID; the quotes of the IETF draft may be there. */
export const idempotencyKeyPattern = /^"?([\x21\x23-\x7e]{8,255})"?$/
