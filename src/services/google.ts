import { failureReader } from './failure.ts'
import type { Service } from './service.ts'

/** https://ai.google.dev/gemini-api/docs/models */
export const geminiOutputLimits: Service['outputLimits'] = [
  ['gemini-1.5', 8_192],
  ['gemini-2.0', 8_192],
  ['gemini-2.5-flash-image', 32_768],
  ['gemini-2.5', 65_536],
  ['gemini-3-pro-image', 32_768],
  ['gemini-3.1-flash-image', 32_768],
  ['gemini-3', 65_536],
  ['gemma-3', 8_192],
]

/** Reasons of google.rpc.ErrorInfo that are about the key or its project, whatever was asked. */
const aboutTheKey = new Set([
  'API_KEY_INVALID',
  'API_KEY_EXPIRED',
  'API_KEY_SERVICE_BLOCKED',
  'API_KEY_HTTP_REFERRER_BLOCKED',
  'API_KEY_IP_ADDRESS_BLOCKED',
  'ACCESS_TOKEN_EXPIRED',
  'ACCESS_TOKEN_TYPE_UNSUPPORTED',
  'ACCOUNT_STATE_INVALID',
  'CREDENTIALS_MISSING',
  'CONSUMER_SUSPENDED',
  'CONSUMER_INVALID',
  'SERVICE_DISABLED',
])

/**
 * `{"error": {"code", "message", "status", "details"}}`. A 403 without such a reason is about what was asked for: a
 * tuned model or a file of somebody else's.
 */
export const readGoogleFailure = failureReader((status, { code, message, reasons }) => {
  if (reasons.includes('BILLING_DISABLED')) return 'exhausted'
  if (reasons.some((reason) => aboutTheKey.has(reason))) return 'unauthorized'
  if (status === 403 && message.startsWith('Your API key was reported as leaked')) return 'unauthorized'
  if (status === 429 && message.startsWith('Your prepayment credits are depleted')) return 'exhausted'
  // “User location is not supported for the API use.”
  return status === 400 && code === 'FAILED_PRECONDITION' ? 'account' : null
})
