import type { Task } from '../services/service.ts'

/** An ordered list of offers that can do the same task; callers ask for `group/<id>`. */
export interface ModelGroup {
  readonly id: string
  readonly label: string
  readonly description: string
  readonly task: Task
  /**
   * In the administrator's order, as a caller would write them: `service/model` is that offer alone, a bare name is the
   * model wherever it is offered.
   */
  readonly models: readonly string[]
  /** An attempt that has not begun to answer by then is given up for the next one; null: the gateway's own limit. */
  readonly attemptTimeoutSeconds?: number | null
  /**
   * The next candidate is started beside one that has been silent for so long, and the first answer counts. The other's cost
   * at its service is charged to nobody. Null: never.
   */
  readonly hedgeAfterSeconds?: number | null
}

export const groupPrefix = 'group/'

/** What comes with the product. An administrator's change of one replaces it whole; `reset` brings this back. */
export const shippedGroups: readonly ModelGroup[] = [
  {
    id: 'smart',
    label: 'Smart',
    description: 'The most capable chat models, whatever they cost.',
    task: 'chat',
    models: [
      'claude-opus-5-5',
      'gpt-6-sol',
      'gemini-3.1-pro-preview',
      'claude-opus-5',
      'gpt-5.6-sol',
      'kimi-k3',
      'grok-4.6',
      'deepseek-v4-pro',
      'mistral-large-2512',
    ],
  },
  {
    id: 'fast',
    label: 'Fast',
    description: 'Chat models that answer quickly.',
    task: 'chat',
    models: [
      'gpt-oss-120b',
      'gemini-3.8-flash',
      'gpt-6-luna',
      'claude-haiku-4-5',
      'llama-3.3-70b-instruct',
      'deepseek-v4-flash',
      'mistral-small-2603',
      'grok-4-fast-non-reasoning',
    ],
  },
  {
    id: 'cheap',
    label: 'Cheap',
    description: 'Chat models that cost the least.',
    task: 'chat',
    models: [
      'gpt-oss-20b',
      'llama-3.1-8b-instruct',
      'gemini-3.5-flash-lite',
      'gpt-5-nano',
      'deepseek-v4-flash',
      'ministral-3b-2512',
    ],
  },
  {
    id: 'code',
    label: 'Code',
    description: 'Chat models that write and change programs well.',
    task: 'chat',
    models: [
      'claude-opus-5-5',
      'gpt-5.3-codex',
      'claude-sonnet-5',
      'kimi-k2.7-code',
      'qwen3-coder-480b-a35b',
      'devstral-2512',
      'grok-code-fast-1',
      'codestral-2508',
    ],
  },
  {
    id: 'image',
    label: 'Image',
    description: 'Models that make images.',
    task: 'image',
    models: [
      'gpt-image-2',
      'flux-1.1-pro',
      'gemini-2.5-flash-image',
      'stability/stable-image-core',
      'luma/photon-1',
      'midjourney/midjourney',
    ],
  },
  {
    id: 'embedding',
    label: 'Embedding',
    description: 'Models that turn text into vectors. Vectors of different models cannot be compared.',
    task: 'embedding',
    models: [
      'text-embedding-3-small',
      'gemini-embedding-001',
      'mistral-embed',
      'embed-v4.0',
      'voyage-3.5',
      'jina-embeddings-v3',
    ],
  },
  {
    id: 'speech',
    label: 'Speech',
    description: 'Models that read text aloud.',
    task: 'speech',
    models: ['gpt-4o-mini-tts', 'eleven_multilingual_v2', 'deepgram/aura-2-thalia-en', 'tts-1'],
  },
  {
    id: 'transcription',
    label: 'Transcription',
    description: 'Models that write down what is said.',
    task: 'transcription',
    models: [
      'gpt-4o-mini-transcribe',
      'whisper-large-v3',
      'deepgram/nova-3',
      'assemblyai/universal-2',
      'scribe_v1',
      'whisper-1',
    ],
  },
]
