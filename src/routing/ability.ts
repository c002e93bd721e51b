import type { ModelPrice } from '../metering/price-book.ts'
import { familyOf } from '../metering/units.ts'
import type { Endpoint, Service, Task } from '../services/service.ts'
import { endpointKind } from '../services/endpoint.ts'

/** Models for sessions can nothing else, and no others can sessions. */
export type Ability = Task | 'realtime'

/** Counting the tokens of a chat is asked of the models that would answer it. */
export const taskOf = (endpoint: Endpoint): Task =>
  endpoint === 'count_tokens' || endpoint === 'gemini_count_tokens' ? 'chat' : endpointKind(endpoint).task

/**
 * What a known model can do. Null: nobody here knows, and its service decides. Known are models that the price data or the
 * table of same models has; what they are for is told, in this order, by
 *
 * 1. the service, where it does one thing only (Perplexity: chat);
 * 2. the vendors' own words in the name: `text-embedding-3-small`, `gpt-4o-transcribe`;
 * 3. what it is charged by: the image, the character, the second; text in and out.
 */
export const abilitiesOf = (
  { tasks }: Service,
  model: string,
  price: ModelPrice | null,
): readonly Ability[] | null => {
  const [only] = tasks
  if (tasks.length === 1 && only !== undefined) return [only]
  return byName(model) ?? (price === null ? null : byPrice(price))
}

/** Whether a known model is not for an endpoint. What has no model (`other`) is never judged. */
export const isUnable = (endpoint: Endpoint, abilities: readonly Ability[] | null): boolean => {
  if (abilities === null) return false
  if (endpoint === 'realtime') return !abilities.includes('realtime')
  const task = taskOf(endpoint)
  return task !== 'other' && !abilities.includes(task)
}

export const byName = (model: string): readonly Ability[] | null => {
  const name = model.toLowerCase()
  return names.find(([pattern]) => pattern.test(name))?.[1] ?? null
}

/** The first that fits counts. Linear in time: callers choose the names. */
const names: readonly (readonly [RegExp, readonly Ability[]])[] = [
  [/moderation/, ['moderation']],
  [/rerank|llama-rank/, ['rerank']],
  [/embed|^voyage-|^jina-clip|m2-bert|(?:^|\/)(?:bge|gte|e5)-/, ['embedding']],
  [/realtime|-voice-|nova(?:-2)?-sonic|-live(?:-|$)/, ['realtime']],
  [/whisper|transcri|^scribe_|^nova-[23](?:-|$)|^universal/, ['transcription']],
  // Hears, and answers or writes down.
  [/voxtral/, ['transcription', 'chat']],
  // Google's speak at the endpoint where the others answer.
  [/gemini.*-tts/, ['speech', 'chat']],
  [/-tts|^tts-|^eleven_|^aura-|kokoro|orpheus/, ['speech']],
  [/-ocr(?:-|$)/, ['other']],
  [/^sora|^veo-|-video(?:-|$)|nova-reel|luma\.ray/, ['video']],
  // Draw within a chat, too.
  [/gemini.*image|gpt-5[\d.]*-image/, ['image', 'chat']],
  [
    /gpt-image|dall-e|flux|stable-(?:image|diffusion)|^sd3|sdxl|^photon-|imagen|midjourney|nova-canvas|titan-image|qwen-image|grok.*image/,
    ['image'],
  ],
]

const abilityOfUnit: Readonly<Record<string, Ability>> = {
  image: 'image',
  task: 'image',
  characters: 'speech',
  audio_seconds: 'transcription',
  search_units: 'rerank',
  video_seconds: 'video',
}

const byPrice = ({ rates, unitRates = [] }: ModelPrice): readonly Ability[] | null => {
  // Text that only goes in is an embedding's, a reranker's, or a price of which the rest is yet to be set.
  if (rates.input !== undefined) return rates.output === undefined ? null : ['chat']
  const found = unitRates.flatMap(({ unit }) => abilityOfUnit[familyOf(unit)] ?? [])
  return found.length > 0 ? [...new Set(found)] : null
}
