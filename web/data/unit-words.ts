/** What is counted and charged, in words. */
const named: Readonly<Record<string, string>> = {
  input: 'Input, not cached',
  cacheRead: 'Input read from cache',
  cacheWrite: 'Input written to cache',
  cacheWrite1h: 'Input written to cache for 1 hour',
  output: 'Output',
  reasoning: 'Output, reasoning',
  image: 'Image',
  characters: 'Characters',
  audio_seconds: 'Seconds of audio',
  video_seconds: 'Seconds of video',
  request: 'Request',
  search: 'Web search',
  search_units: 'Search unit',
  input_audio_tokens: 'Audio input tokens',
  input_image_tokens: 'Image input tokens',
  input_video_tokens: 'Video input tokens',
  cache_read_audio_tokens: 'Audio input read from cache',
  cache_read_image_tokens: 'Image input read from cache',
  output_audio_tokens: 'Audio output tokens',
  output_image_tokens: 'Image output tokens',
  output_video_tokens: 'Video output tokens',
}

const capital = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1)

/** `image:1024x1024:hd` → Image, 1024x1024, hd; `task:imagine` → Imagine. */
export const unitName = (unit: string): string => {
  const [family = '', ...variants] = unit.split(':')
  const [first = '', ...rest] = family === 'task' ? variants : [family, ...variants]
  return [named[first] ?? capital(first.replaceAll('_', ' ')), ...rest].join(', ')
}

/** What a price is for: `per 1M`, `each`, `per 1,000`. */
export const perWords = (per: string): string =>
  per === '1' ? 'each' : `per ${per === '1000000' ? '1M' : per.replace(/\B(?=(\d{3})+(?!\d))/g, ',')}`
