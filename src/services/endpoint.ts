/** The family of clients a caller belongs to: the shape of errors, and how a caller presents an access token. */
export type Dialect = 'openai' | 'anthropic' | 'gemini' | 'cohere' | 'midjourney'

/** What is asked (architecture: *task*). */
export type Task =
  | 'chat'
  | 'embedding'
  | 'image'
  | 'speech'
  | 'transcription'
  | 'moderation'
  | 'rerank'
  | 'video'
  | 'batch'
  | 'other'

/** What an endpoint of ours is, whichever service answers it. */
export interface EndpointKind {
  readonly dialect: Dialect
  readonly task: Task
}

/**
 * The endpoints of the data plane. A service that speaks one natively names its path (`Service.endpoints`) and is
 * passed through to; another may serve it by translation.
 */
export const endpoints = {
  chat_completions: { dialect: 'openai', task: 'chat' },
  responses: { dialect: 'openai', task: 'chat' },
  messages: { dialect: 'anthropic', task: 'chat' },
  count_tokens: { dialect: 'anthropic', task: 'other' },
  generate_content: { dialect: 'gemini', task: 'chat' },
  stream_generate_content: { dialect: 'gemini', task: 'chat' },
  gemini_count_tokens: { dialect: 'gemini', task: 'other' },
  embeddings: { dialect: 'openai', task: 'embedding' },
  embed_content: { dialect: 'gemini', task: 'embedding' },
  batch_embed_contents: { dialect: 'gemini', task: 'embedding' },
  image_generations: { dialect: 'openai', task: 'image' },
  image_edits: { dialect: 'openai', task: 'image' },
  speech: { dialect: 'openai', task: 'speech' },
  transcriptions: { dialect: 'openai', task: 'transcription' },
  translations: { dialect: 'openai', task: 'transcription' },
  moderations: { dialect: 'openai', task: 'moderation' },
  rerank: { dialect: 'cohere', task: 'rerank' },
  // Made after the reply.
  videos: { dialect: 'openai', task: 'video' },
  // All of /mj/*: tasks that go on after the reply.
  midjourney: { dialect: 'midjourney', task: 'image' },
  // A WebSocket; the session is one operation.
  realtime: { dialect: 'openai', task: 'chat' },
  // Any other path of a service, at /services/<service>/…
  raw: { dialect: 'openai', task: 'other' },
} as const satisfies Record<string, EndpointKind>

export type Endpoint = keyof typeof endpoints

export const isEndpoint = (name: string): name is Endpoint => Object.hasOwn(endpoints, name)

export const endpointKind = (endpoint: Endpoint): EndpointKind => endpoints[endpoint]
