import { alibaba } from './alibaba.ts'
import { anthropic } from './anthropic.ts'
import { assemblyai } from './assemblyai.ts'
import { azureOpenai } from './azure-openai.ts'
import { bedrock } from './bedrock.ts'
import { blackForestLabs } from './black-forest-labs.ts'
import { cerebras } from './cerebras.ts'
import { cohere } from './cohere.ts'
import { custom } from './custom.ts'
import { customAnthropic } from './custom-anthropic.ts'
import { deepgram } from './deepgram.ts'
import { deepseek } from './deepseek.ts'
import { elevenlabs } from './elevenlabs.ts'
import { fal } from './fal.ts'
import { fireworks } from './fireworks.ts'
import { gemini } from './gemini.ts'
import { groq } from './groq.ts'
import { huggingface } from './huggingface.ts'
import { jina } from './jina.ts'
import { luma } from './luma.ts'
import { midjourney } from './midjourney.ts'
import { mistral } from './mistral.ts'
import { moonshot } from './moonshot.ts'
import { nvidia } from './nvidia.ts'
import { openai } from './openai.ts'
import { openrouter } from './openrouter.ts'
import { perplexity } from './perplexity.ts'
import { replicate } from './replicate.ts'
import type { Service } from './service.ts'
import { stability } from './stability.ts'
import { together } from './together.ts'
import { vertex } from './vertex.ts'
import { voyage } from './voyage.ts'
import { xai } from './xai.ts'

/** Those who make models and sell them themselves: a bare name of a model is asked for at its maker. */
const homes = [
  openai,
  anthropic,
  gemini,
  midjourney,
  mistral,
  xai,
  deepseek,
  cohere,
  perplexity,
  moonshot,
  alibaba,
  blackForestLabs,
  stability,
  luma,
  elevenlabs,
  deepgram,
  assemblyai,
  voyage,
  jina,
]

/** Those who run models of others, or their own customers' copies of them. */
const hosts = [
  openrouter,
  groq,
  cerebras,
  together,
  fireworks,
  huggingface,
  nvidia,
  replicate,
  fal,
  azureOpenai,
  bedrock,
  vertex,
  custom,
  customAnthropic,
]

/** Every integrated service, in the order screens show them. */
export const services: readonly Service[] = [...homes, ...hosts]

const byId = new Map(services.map((service) => [service.id, service]))
export const findService = (id: string): Service | undefined => byId.get(id)

/** Services that a secret looks like, most specific first. A hint for people, never a refusal. */
export const recognizeService = (secret: string): Service[] => {
  const looksLike = (specific: boolean) =>
    services.filter((s) =>
      s.keyShapes.some((shape) => shape.specific === specific && shape.pattern.test(secret)),
    )
  const specific = looksLike(true)
  return specific.length > 0 ? specific : looksLike(false)
}
