import type { ChatUsage } from './chat-reply.ts'
import type { Refusal } from './exchange.ts'
import type { ServiceName } from './keys.ts'
import type { EmbeddingModel, SimulatedModel } from './models.ts'
import type { Medium } from './openai-host.ts'

/** A service that speaks OpenAI's chat completions, and what is different at it: data for `openai-compatible.ts`. */
export interface CompatibleService {
  readonly name: CompatibleName
  /** Before `/v1`, at the service's own host; an address of the simulator may leave it out. */
  readonly prefix: string
  /** `/v1`, or nothing. */
  readonly version: string
  readonly models: readonly SimulatedModel[]
  readonly embeddingModels?: readonly EmbeddingModel[]
  readonly mediaModels?: Readonly<Partial<Record<Medium, readonly string[]>>>
  /** Speaks the Responses API as well. */
  readonly responses?: true
  /** The whole path of Anthropic's messages, of those that speak them. */
  readonly messagesPath?: string
  /** A GET that proves a key, and its reply; absent: the list of models. */
  readonly proof?: { readonly path: string; readonly reply: object }
  /** The list of models needs no key, and proves none. */
  readonly publicModels?: true
  /** Parameters beyond OpenAI's (whatever they hold), and those it does not take; `refuses` answers 422. */
  readonly accepts?: readonly string[]
  readonly refuses?: readonly string[]
  /** Takes the address of an image as text, too. */
  readonly imagesAsText?: true
  /** Unknown parameters are ignored. */
  readonly lenient: boolean
  /** Where streams report usage: when asked, in the last chunk always, or in each. */
  readonly streamUsage: 'asked' | 'last' | 'each'
  readonly usage?: (usage: ChatUsage) => object
  readonly errorBody: (refusal: Refusal) => unknown
  readonly errors?: Readonly<Record<number, string | Partial<Refusal>>>
  /** Fields of replies beyond OpenAI's. */
  readonly extra?: object
}

export type CompatibleName = Extract<
  ServiceName,
  | 'mistral'
  | 'groq'
  | 'xai'
  | 'deepseek'
  | 'together'
  | 'fireworks'
  | 'perplexity'
  | 'cerebras'
  | 'huggingface'
  | 'nvidia'
  | 'alibaba'
  | 'moonshot'
>

export const model = (id: string, more: Partial<SimulatedModel> = {}): SimulatedModel => ({
  id,
  contextTokens: 131_072,
  outputTokens: 32_768,
  created: 1_750_000_000,
  ...more,
})
export const reasoning = { reasoning: true }
export const embedding = (id: string, dimensions: number): EmbeddingModel => ({
  id,
  dimensions,
  shortens: true,
  created: 1_750_000_000,
})

/** `{"error": {message, type, …}}` with fields of its own. */
export const nested =
  (fields: (refusal: Refusal) => object) =>
  (refusal: Refusal): unknown => ({ error: { message: refusal.message, ...fields(refusal) } })

export const plain = ({ prompt_tokens, completion_tokens, total_tokens }: ChatUsage) => ({
  prompt_tokens,
  completion_tokens,
  total_tokens,
})
