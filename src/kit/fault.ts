import { callerFaults } from './caller-faults.ts'
import { type FaultRow, row } from './fault-row.ts'

/**
 * Every fault this product can report, in one table. `docs/faults.md` is checked against it by a test.
 *
 * `blame` says who can mend it: the caller (fix the request), the operator (fix the installation), the
 * service (the AI provider failed) or the gateway (a defect or limit of ours).
 */
export const faults = {
  // Requests
  malformed_json: row(400, 'caller', false, 'The request body is not valid JSON.', 'Send one JSON object.'),
  invalid_request: row(
    400,
    'caller',
    false,
    'The request is not valid.',
    'Correct the named field and send it again.',
  ),
  duplicate_field: row(
    400,
    'caller',
    false,
    'A top-level field occurs twice in the JSON body.',
    'Send each field once.',
  ),
  malformed_multipart: row(
    400,
    'caller',
    false,
    'The request body is not valid multipart/form-data.',
    'Let your HTTP client build the form, with its boundary in content-type.',
  ),
  unsupported_media_type: row(
    415,
    'caller',
    false,
    'The request body must be application/json.',
    'Set content-type: application/json.',
  ),
  unknown_route: row(404, 'caller', false, 'There is no such endpoint.', 'See /docs for the endpoints.'),
  method_not_allowed: row(
    405,
    'caller',
    false,
    'This endpoint does not take that method.',
    'See /docs for the method.',
  ),
  body_too_large: row(
    413,
    'caller',
    false,
    'The request body is larger than this gateway accepts.',
    'Send a smaller request or ask the operator to raise the limit.',
  ),
  request_timeout: row(
    408,
    'caller',
    true,
    'The request was not received in time.',
    'Send the whole request without pauses.',
  ),
  not_found: row(404, 'caller', false, 'There is no such object, or it is not yours.', 'Check the id.'),
  conflict: row(
    409,
    'caller',
    false,
    'This conflicts with what is already stored.',
    'Reload, then change what you need.',
  ),
  idempotency_key_reused: row(
    409,
    'caller',
    false,
    'This idempotency key was used for another request.',
    'Use a new key for each request, and the same key only to repeat one.',
  ),
  idempotency_under_way: row(
    409,
    'caller',
    true,
    'The request with this idempotency key is still under way.',
    'Wait for the seconds in retry-after, then repeat it with the same key.',
  ),
  outcome_unknown: row(
    409,
    'caller',
    false,
    'The request with this idempotency key did not end in a way that tells whether it took effect.',
    'Look whether it did; if not, send it with a new key.',
  ),
  rate_limited: row(429, 'caller', true, 'Too many requests.', 'Wait for the seconds in retry-after.'),

  ...callerFaults,

  // Key choice
  unknown_model: row(404, 'caller', false, 'No service here offers this model.', 'See GET /v1/models.'),
  model_not_for_endpoint: row(
    400,
    'caller',
    false,
    'This model cannot do what this endpoint asks.',
    'Use another model or endpoint.',
  ),
  not_translatable: row(
    400,
    'caller',
    false,
    'This cannot be carried over to a service that speaks another dialect.',
    'Leave the named field out, or use a model of a service that speaks this dialect itself.',
  ),
  preference_widened: row(
    400,
    'caller',
    false,
    'A call may narrow the fallback preference, never widen it.',
    'Leave the header out, or change the preference in the dashboard.',
  ),
  not_in_tier: row(
    403,
    'caller',
    false,
    'Your tier does not include this on system keys.',
    'Change to a tier that includes it, or add a key of your own.',
  ),
  no_route: row(
    424,
    'caller',
    false,
    'Your fallback preference and the organisation’s policy leave no key for this call.',
    'Add a key for the service, or allow a fallback.',
  ),
  policy_denied: row(
    403,
    'caller',
    false,
    'The organisation’s control policy does not allow this.',
    'Ask an administrator of your organisation.',
  ),
  insufficient_credits: row(
    402,
    'caller',
    false,
    'There are not enough credits for this call.',
    'Add your own key for the service, buy credits, or wait for the next monthly allocation.',
  ),
  // Not 429, which clients try again by themselves: a budget starts anew with its month.
  budget_exceeded: row(
    402,
    'caller',
    false,
    'A budget leaves too little for this call.',
    'Wait until the budget starts anew, or have it raised.',
  ),
  price_unknown: row(
    422,
    'operator',
    false,
    'This model has no price here, so it cannot run on system keys.',
    'Use your own key, or ask the operator to add a price.',
  ),
  unpriced_option: row(
    422,
    'caller',
    false,
    'This request asks for something that has no price here, so it cannot run on system keys.',
    'Leave the named field out, or use your own key for the service.',
  ),

  // Service keys
  key_rejected: row(
    422,
    'caller',
    false,
    'The service did not accept this key.',
    'Check that the key was copied whole and is active at the service.',
  ),
  key_malformed: row(
    400,
    'caller',
    false,
    'This cannot be a service key.',
    'Paste the key exactly as the service shows it.',
  ),
  key_duplicate: row(
    409,
    'caller',
    false,
    'This key is stored already.',
    'Use the stored key, or revoke it first.',
  ),
  unsafe_address: row(
    400,
    'caller',
    false,
    'This address is not allowed.',
    'Use a public https address, or ask the administrator to list the private one.',
  ),

  // Services
  service_timeout: row(504, 'service', true, 'The service did not answer in time.', 'Try again.'),
  service_unreachable: row(502, 'service', true, 'The service could not be reached.', 'Try again.'),
  service_error: row(
    502,
    'service',
    true,
    'The service answered with an error.',
    'Try again, or see the service’s status page.',
  ),
  service_overloaded: row(
    503,
    'service',
    true,
    'The service is overloaded or limits this key.',
    'Wait for the seconds in retry-after.',
  ),
  service_key_refused: row(
    502,
    'service',
    false,
    'The service refused every key that this call may use.',
    'Check the keys’ status in the dashboard.',
  ),
  service_key_exhausted: row(
    402,
    'caller',
    false,
    'The service key has no quota left.',
    'Add quota at the service, or allow a fallback.',
  ),
  service_refused: row(
    400,
    'caller',
    false,
    'The service refused this request.',
    'See the service’s own message; another key would be told the same.',
  ),
  service_reply_invalid: row(
    502,
    'service',
    true,
    'The service’s reply could not be understood.',
    'Try again.',
  ),
  service_reply_too_large: row(
    502,
    'service',
    false,
    'The service’s reply is larger than this gateway accepts.',
    'Ask for less, or stream the reply.',
  ),
  stream_interrupted: row(
    502,
    'service',
    true,
    'The service cut its reply off before the end.',
    'Try again.',
  ),

  // Us
  draining: row(
    503,
    'gateway',
    true,
    'This gateway is shutting down.',
    'Try again; another process will answer.',
  ),
  overloaded: row(
    503,
    'gateway',
    true,
    'This gateway has too many operations under way.',
    'Try again shortly.',
  ),
  database_unavailable: row(
    503,
    'operator',
    true,
    'The database cannot be reached.',
    'Try again; the operator should look at the database.',
  ),
  payments_unavailable: row(
    503,
    'operator',
    true,
    'The payment provider cannot be reached.',
    'Try again in a minute; nothing was charged that will not be found again.',
  ),
  payments_refused: row(
    502,
    'operator',
    false,
    'The payment provider refused the request.',
    'Ask the operator to look at the payment settings.',
  ),
  webhook_refused: row(
    400,
    'caller',
    false,
    'The webhook is not signed as its provider signs, or it is too old.',
    'Send it again with a new signature; the operator should compare the signing secrets.',
  ),
  vault_sealed: row(
    503,
    'operator',
    true,
    'The vault is sealed: the master key is not at hand, so nothing that needs a stored key works.',
    'Try again later; the operator should look at aideon-keys vault status.',
  ),
  master_key_misconfigured: row(
    503,
    'operator',
    false,
    'The setting that says where the master key is cannot be used.',
    'The operator should correct the reference or the credentials (docs/master-keys.md).',
  ),
  master_key_unreachable: row(
    503,
    'operator',
    true,
    'What keeps the master key cannot be reached.',
    'Try again; the operator should look at the service and at the way to it.',
  ),
  master_key_refused: row(
    503,
    'operator',
    false,
    'What keeps the master key does not let this gateway use it.',
    'The operator should check the credentials and their permissions.',
  ),
  master_key_disabled: row(
    503,
    'operator',
    false,
    'The master key is disabled, deleted or not there.',
    'The operator should enable or restore it where it is kept.',
  ),
  master_key_mismatch: row(
    503,
    'operator',
    false,
    'What is stored was not wrapped by this master key for this place, or was changed.',
    'The operator should use the master key that belongs to this database, or restore the database.',
  ),
  audit_stream_unreachable: row(
    503,
    'operator',
    true,
    'A place that the audit trail is streamed to does not take it.',
    'Look at the place; what it has missed is delivered when it is back.',
  ),
  secret_unreadable: row(
    500,
    'operator',
    false,
    'A stored secret failed its integrity check and was not used.',
    'Replace the key; the operator should look at the audit trail.',
  ),
  internal: row(
    500,
    'gateway',
    true,
    'Something failed here that should not.',
    'Try again; report the operation id if it stays.',
  ),
} as const satisfies Record<string, FaultRow>

export type FaultCode = keyof typeof faults

/** One occurrence of a row of the table. `message` and `next` default to the row's; none may hold a secret. */
export interface Fault {
  readonly code: FaultCode
  readonly message: string
  readonly next: string
  /** The request field that was wrong. */
  readonly field?: string
  readonly retryAfterSeconds?: number
  /** When what is used up starts anew, where it is not worth waiting for. */
  readonly resetsAt?: Date
  /** Of calls that went out: the connection was never made, so whatever was asked for has not happened. */
  readonly notSent?: true
}

export const fault = (code: FaultCode, more: Partial<Omit<Fault, 'code'>> = {}): Fault => ({
  code,
  message: faults[code].message,
  next: faults[code].next,
  ...more,
})

export const statusOf = (f: Fault): number => faults[f.code].status

/** Expected outcomes are values. `FaultError` exists only for the HTTP shell, which turns it into a reply. */
export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly fault: Fault }

export const success = <T>(value: T): Outcome<T> => ({ ok: true, value })
export const failure = (
  code: FaultCode,
  more?: Partial<Omit<Fault, 'code'>>,
): { ok: false; fault: Fault } => ({
  ok: false,
  fault: fault(code, more),
})

export class FaultError extends Error {
  readonly fault: Fault
  constructor(f: Fault, options?: ErrorOptions) {
    super(f.message, options)
    this.name = 'FaultError'
    this.fault = f
  }
}

/** Opens an outcome where failure ends the request: the HTTP shell answers with the fault. */
export const must = <T>(outcome: Outcome<T>): T => {
  if (!outcome.ok) throw new FaultError(outcome.fault)
  return outcome.value
}
