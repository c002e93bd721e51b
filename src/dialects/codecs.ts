import type { Endpoint } from '../services/service.ts'
import { audioCodec } from './audio.ts'
import { anthropicCodec, countTokensCodec } from './anthropic.ts'
import type { Codec } from './dialect.ts'
import { geminiCodec, geminiCountCodec, geminiEmbeddingCodec } from './gemini.ts'
import { imagesCodec } from './images.ts'
import { moderationsCodec } from './moderations.ts'
import { openaiCodec } from './openai.ts'
import { rawCodec } from './raw.ts'
import { rerankCodec } from './rerank.ts'
import { responsesCodec } from './responses.ts'
import { speechCodec } from './speech.ts'
import { videosCodec } from './videos.ts'

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
  image_generations: imagesCodec,
  image_edits: imagesCodec,
  speech: speechCodec,
  transcriptions: audioCodec,
  translations: audioCodec,
  moderations: moderationsCodec,
  rerank: rerankCodec,
  videos: videosCodec,
  raw: rawCodec,
}

export const codecOf = (endpoint: Endpoint): Codec => {
  const codec = codecs[endpoint]
  if (codec === undefined) throw new Error(`${endpoint} has no codec`)
  return codec
}
