import type { Endpoint } from '../services/service.ts'
import { anthropicCodec, countTokensCodec } from './anthropic.ts'
import type { Codec } from './dialect.ts'
import { geminiCodec, geminiCountCodec, geminiEmbeddingCodec } from './gemini.ts'
import { openaiCodec } from './openai.ts'
import { rawCodec } from './raw.ts'
import { responsesCodec } from './responses.ts'

/** Endpoints that this build understands. */
export const codecs: Readonly<Partial<Record<Endpoint, Codec>>> = {
  chat_completions: openaiCodec,
  embeddings: openaiCodec,
  responses: responsesCodec,
  messages: anthropicCodec,
  count_tokens: countTokensCodec,
  generate_content: geminiCodec,
  stream_generate_content: geminiCodec,
  gemini_count_tokens: geminiCountCodec,
  embed_content: geminiEmbeddingCodec,
  batch_embed_contents: geminiEmbeddingCodec,
  raw: rawCodec,
}

export const codecOf = (endpoint: Endpoint): Codec => {
  const codec = codecs[endpoint]
  if (codec === undefined) throw new Error(`${endpoint} has no codec`)
  return codec
}
