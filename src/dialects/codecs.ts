import type { Dialect } from '../services/service.ts'
import { anthropicCodec } from './anthropic.ts'
import type { Codec } from './dialect.ts'
import { openaiCodec } from './openai.ts'

export const codecs: Readonly<Record<Dialect, Codec>> = { openai: openaiCodec, anthropic: anthropicCodec }
