import type { FaultCode } from '../kit/fault.ts'

/** The wire format a caller speaks and a service may speak natively. */
export type Dialect = 'openai' | 'anthropic'

/** What is asked (architecture: *task*). */
export type Task = 'chat' | 'embedding' | 'image'

/** The endpoints of ours that a service can serve as pass-through. */
export type Endpoint = 'chat_completions' | 'messages' | 'embeddings'

export type Verdict = 'valid' | 'invalid' | 'valid_but_unusable' | 'unknown'

export interface ServiceRequest {
  readonly method: 'GET' | 'POST'
  /** Joined to the base URL. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
}

/** An AI provider account type as data. One file each; the registry lists them. */
export interface Service {
  readonly id: string
  readonly name: string
  /** Null: every key brings its own (Midjourney proxies). */
  readonly baseUrl: string | null
  readonly docsUrl: string
  /** Where a person makes a key. */
  readonly keysUrl: string | null
  /** Path of each endpoint it speaks natively, joined to the base URL. */
  readonly endpoints: Readonly<Partial<Record<Endpoint, string>>>
  readonly dialectOf: Readonly<Partial<Record<Endpoint, Dialect>>>
  readonly tasks: readonly Task[]
  /** Credential headers, made from nothing for each attempt. */
  readonly authenticate: (secret: string) => Readonly<Record<string, string>>
  /** Anchored, linear-time hints; a mismatch is never a refusal (reference: providers' key formats). */
  readonly keyShapes: readonly { readonly pattern: RegExp; readonly specific: boolean }[]
  readonly keyHint: string
  /** A cheap call that proves a key, and how its reply is read. */
  readonly validation: {
    readonly request: ServiceRequest
    readonly verdict: (status: number, body: string) => { verdict: Verdict; detail: string }
  }
  /** Provider id in the price data. */
  readonly pricesId: string | null
  /** Models it names differently from everybody else, e.g. `vendor/model`; absent: any. */
  readonly modelShape?: RegExp
  /** Its name for a model that another service offers too; undefined or absent: no equivalent offer here. */
  readonly equivalentModel?: (serviceId: string, model: string) => string | undefined
  /** The request field that limits the tokens of a reply. */
  readonly outputLimitField: string
  /** The most output tokens a model takes as a limit, by prefix of its name, most specific first. */
  readonly outputLimits: readonly (readonly [prefix: string, tokens: number])[]
  /** The most input tokens an image may count as, by prefix of the model's name; absent: `imageTokensElsewhere`. */
  readonly imageTokens?: readonly (readonly [prefix: string, tokens: number])[]
  /** Models that charge by more than tokens whatever is asked of them (built-in searches): never on system keys. */
  readonly unpricedModels?: RegExp
  /** Request headers of the caller that mean something to this service and hold no secret. */
  readonly forwardedHeaders: readonly string[]
  /** A failed reply → what it says about the key that was used. */
  readonly readFailure: (status: number, body: string) => KeyFailure
}

/**
 * What an unsuccessful reply means for key choice (architecture §3.5). What a caller can bring about by what they ask
 * must be `caller` or `account`: anything else marks the key, which on a system key is everybody's.
 */
export type KeyFailure =
  | { readonly kind: 'caller'; readonly fault?: FaultCode } // 400, 404, 413, 422, content refusals: never falls back
  | { readonly kind: 'account' } // this account lacks the model or the limits, another may not: next attempt
  | { readonly kind: 'unauthorized' } // 401, 403: the key is suspect
  | { readonly kind: 'exhausted' } // 402, quota errors: until re-checked
  | { readonly kind: 'limited' } // 429: cool down for retry-after
  | { readonly kind: 'service' } // 5xx, overload: next attempt

/** 10,000 patches at 1.2 tokens: the most of models that take an image in its original size. */
export const imageTokensElsewhere = 12_000

export const imageTokensOf = (service: Service, model: string): number =>
  service.imageTokens?.find(([prefix]) => model.startsWith(prefix))?.[1] ?? imageTokensElsewhere
