import type {
  EmbeddingModelV4,
  ImageModelV4,
  LanguageModelV4,
  RerankingModelV4,
  SpeechModelV4,
  TranscriptionModelV4,
} from '@ai-sdk/provider'
import type { FaultCode } from '../kit/fault.ts'
import type { Endpoint, Task } from './endpoint.ts'

export type { Dialect, Endpoint, Task } from './endpoint.ts'

export type Verdict = 'valid' | 'invalid' | 'valid_but_unusable' | 'unknown'

/** What is stored beside a secret and is none: region, resource, deployment names. Field id → text. */
export type KeySettings = Readonly<Record<string, string>>

/** A field of the form in which people enter a service key, beside the secret. Never a secret itself. */
export interface SettingField {
  readonly id: string
  readonly label: string
  readonly hint: string
  readonly required: boolean
  /** Anchored and linear in time. */
  readonly pattern: RegExp
  /** Said when the pattern does not match. */
  readonly expected: string
  /** Where a JSON secret says it too; then it need not be entered. */
  readonly inSecret?: string
}

/** What a request to a service is authenticated with. */
export interface Credentials {
  readonly secret: string
  readonly settings: KeySettings
  /** Of services whose secret is exchanged for a short-lived token first (`Service.tokenExchange`). */
  readonly accessToken: string | null
}

/** A request about to be sent: what a signature covers. */
export interface Outgoing {
  readonly method: string
  readonly url: URL
  /** As they will be sent, without credentials. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
  readonly at: Date
}

export interface ServiceRequest {
  readonly method: 'GET' | 'POST'
  /** Joined to the base URL; a whole URL where the service proves keys elsewhere. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

/** What a translation is made with. The model sees no secret: its `fetch` adds the credentials. */
export interface ModelParts {
  /** The service's own name of the model. */
  readonly model: string
  /** Of the service key, without a trailing slash. */
  readonly baseUrl: string
  readonly settings: KeySettings
  readonly fetch: typeof globalThis.fetch
}
type ModelFactory<Model> = (parts: ModelParts) => Promise<Model>

/** AI SDK models of a service; loaded when first used, so that a start costs nothing for them. */
export interface Translation {
  readonly language?: ModelFactory<LanguageModelV4>
  readonly embedding?: ModelFactory<EmbeddingModelV4>
  readonly image?: ModelFactory<ImageModelV4>
  readonly speech?: ModelFactory<SpeechModelV4>
  readonly transcription?: ModelFactory<TranscriptionModelV4>
  readonly reranking?: ModelFactory<RerankingModelV4>
}

/** An AI provider account type as data. One file each; the registry lists them. */
export interface Service {
  readonly id: string
  readonly name: string
  /** Null: every key brings its own (Midjourney proxies), or its settings make it (`baseUrlFor`). */
  readonly baseUrl: string | null
  /** The address of a key's own region or resource; no trailing slash. */
  readonly baseUrlFor?: (settings: KeySettings) => string
  /** What a key's own address looks like, where every key brings one. */
  readonly baseUrlHint?: string
  readonly docsUrl: string
  /** Where a person makes a key. */
  readonly keysUrl: string | null
  /**
   * Path of each endpoint it speaks natively, joined to the base URL. `{model}` and `{<setting>}` are filled in,
   * percent-encoded.
   */
  readonly endpoints: Readonly<Partial<Record<Endpoint, string>>>
  /** Where an endpoint is spoken natively for some models only; the others need a translation. */
  readonly nativeModels?: Readonly<Partial<Record<Endpoint, RegExp>>>
  /** Serves what it does not speak. */
  readonly translation?: Translation
  /** Where a call is translated, a smaller limit of the caller's is raised to this: the service takes none below. */
  readonly leastTranslatedTokens?: number
  /**
   * Other hosts that its translation calls and that get its credentials, beside the host of the base URL. Every
   * other address (a finished image's) is fetched without any.
   */
  readonly credentialHosts?: RegExp
  readonly tasks: readonly Task[]
  /** Beside the secret; absent: none. */
  readonly settingFields?: readonly SettingField[]
  /** `json`: the secret is a JSON document (a service account's), stored compactly. */
  readonly secretKind?: 'json'
  /** Credential headers, made from nothing for each attempt. `outgoing` is for signatures. */
  readonly authenticate: (
    credentials: Credentials,
    outgoing: Outgoing,
  ) => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>
  /** Where the secret is exchanged for a short-lived access token, by whom it is used (Vertex AI). */
  readonly tokenExchange?: {
    readonly request: (
      secret: string,
      at: Date,
    ) => {
      readonly url: string
      readonly headers: Readonly<Record<string, string>>
      readonly body: string
    } | null
    readonly read: (status: number, body: string) => { accessToken: string; expiresInSeconds: number } | null
  }
  /** Anchored, linear-time hints; a mismatch is never a refusal (reference: providers' key formats). */
  readonly keyShapes: readonly { readonly pattern: RegExp; readonly specific: boolean }[]
  readonly keyHint: string
  /** A cheap call that proves a key, and how its reply is read. Null: proven by first use only. */
  readonly validation: {
    readonly request: (settings: KeySettings) => ServiceRequest
    readonly verdict: (status: number, body: string) => { verdict: Verdict; detail: string }
  } | null
  /** The driver that rotates its keys (src/rotation/drivers/); null: a person makes the new key and deletes the old one. */
  readonly rotation: string | null
  /** Provider id in the price data. */
  readonly pricesId: string | null
  /** Models it names differently from everybody else, e.g. `vendor/model`; absent: any. */
  readonly modelShape?: RegExp
  /** The name on the wire of a model, where the key's settings rename it (Azure deployments). */
  readonly wireModel?: (model: string, settings: KeySettings) => string
  /** The request field that limits the tokens of a reply. */
  readonly outputLimitField: string
  /** The most output tokens a model takes as a limit, by prefix of its name, most specific first. */
  readonly outputLimits: readonly (readonly [prefix: string, tokens: number])[]
  /** The most input tokens an image may count as, by prefix of the model's name; absent: `imageTokensElsewhere`. */
  readonly imageTokens?: readonly (readonly [prefix: string, tokens: number])[]
  /** Models that charge by more than tokens whatever is asked of them (built-in searches): never on system keys. */
  readonly unpricedModels?: RegExp
  /** Reports usage on streams always or never, and may refuse to be asked for it; so nothing is asked. */
  readonly noStreamOptions?: true
  /** Prompts it has read before cost less, so a conversation stays with it. */
  readonly cachesPrompts?: true
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
