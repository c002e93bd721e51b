import type { Endpoint } from '../services/service.ts'
import { anthropicCodec } from './anthropic.ts'
import type { Codec } from './dialect.ts'
import { openaiCodec } from './openai.ts'
import { rawCodec } from './raw.ts'

/** Endpoints that this build understands. */
export const codecs: Readonly<Partial<Record<Endpoint, Codec>>> = {
  chat_completions: openaiCodec,
  embeddings: openaiCodec,
  messages: anthropicCodec,
  raw: rawCodec,
}

export const codecOf = (endpoint: Endpoint): Codec => {
  const codec = codecs[endpoint]
  if (codec === undefined) throw new Error(`${endpoint} has no codec`)
  return codec
}
