/** Tasks and endpoints in words; what is not known here is shown as it came, made readable. */
const tasks: Readonly<Record<string, string>> = {
  chat: 'Chat',
  embedding: 'Embeddings',
  image: 'Images',
  speech: 'Speech',
  transcription: 'Transcription',
  moderation: 'Moderation',
  rerank: 'Reranking',
  video: 'Video',
  batch: 'Batches',
  other: 'Other',
}

export const taskName = (task: string): string => tasks[task] ?? readable(task)

const endpoints: Readonly<Record<string, string>> = {
  chat_completions: 'Chat completions',
  responses: 'Responses',
  messages: 'Messages (Anthropic)',
  count_tokens: 'Count tokens (Anthropic)',
  generate_content: 'Generate content (Gemini)',
  stream_generate_content: 'Stream content (Gemini)',
  gemini_count_tokens: 'Count tokens (Gemini)',
  embeddings: 'Embeddings',
  embed_content: 'Embed content (Gemini)',
  batch_embed_contents: 'Embed many contents (Gemini)',
  image_generations: 'Image generations',
  image_edits: 'Image edits',
  speech: 'Speech',
  transcriptions: 'Transcriptions',
  translations: 'Translations',
  moderations: 'Moderations',
  rerank: 'Rerank',
  midjourney: 'Midjourney tasks',
  realtime: 'Realtime',
  raw: 'Raw pass-through',
  models: 'Models',
}

export const endpointName = (endpoint: string): string => endpoints[endpoint] ?? readable(endpoint)
export const endpointChoices = Object.entries(endpoints).map(([value, label]) => ({ value, label }))

/** `snake_case` and `kebab-case` → Snake case, in the spelling of our texts. */
export const readable = (code: string): string => {
  const words = /\s/.test(code)
    ? code
    : code.replaceAll(/[_-]+/g, ' ').replaceAll('organization', 'organisation').trim()
  return words.slice(0, 1).toUpperCase() + words.slice(1)
}
