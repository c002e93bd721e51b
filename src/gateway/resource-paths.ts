import type { Service } from '../services/service.ts'
import { versionOf } from '../services/version.ts'

/** What a path says about something that a service keeps for one account. */
export interface ResourceCall {
  readonly kind: string
  /** Null: of the collection as a whole. */
  readonly id: string | null
  readonly action: 'create' | 'list' | 'delete' | 'use'
}

/** Collections by path below the version, and what one of them is called here. */
const openai: Readonly<Record<string, string>> = {
  files: 'file',
  uploads: 'upload',
  batches: 'batch',
  videos: 'video',
  'videos/characters': 'character',
  vector_stores: 'vector_store',
  'fine_tuning/jobs': 'fine_tuning_job',
  'fine_tuning/checkpoints': 'checkpoint',
  conversations: 'conversation',
  containers: 'container',
  evals: 'eval',
  responses: 'response',
  'chat/completions': 'completion',
  skills: 'skill',
  assistants: 'assistant',
  threads: 'thread',
}
const anthropic: Readonly<Record<string, string>> = {
  'messages/batches': 'batch',
  files: 'file',
  skills: 'skill',
}
const gemini: Readonly<Record<string, string>> = {
  files: 'file',
  cachedContents: 'cached_content',
  batches: 'batch',
  operations: 'operation',
  fileSearchStores: 'file_search_store',
}

/** What stands where an id would, and is none. */
const words: Readonly<Record<string, ReadonlySet<string>>> = {
  responses: new Set(['compact', 'input_tokens']),
  videos: new Set(['edits', 'extensions']),
  threads: new Set(['runs']),
}

/** Null: a path that nothing is known of. */
export const resourceCallOf = (service: Service, path: string, method: string): ResourceCall | null => {
  const isGemini = service.endpoints.generate_content !== undefined
  const below = isGemini ? belowGemini(path) : belowVersion(service, path)
  if (below === null) return null
  const table = isGemini
    ? gemini
    : service.endpoints.messages !== undefined && service.endpoints.chat_completions === undefined
      ? anthropic
      : openai
  const segments = below.split('/').map(decoded)
  if (segments.at(-1) === '') segments.pop()
  for (const length of [2, 1]) {
    const collection = segments.slice(0, length).join('/')
    const kind = Object.hasOwn(table, collection) ? table[collection] : undefined
    if (kind === undefined) continue
    const [first, ...more] = segments.slice(length)
    const isWord = first !== undefined && words[collection]?.has(first) === true
    if (first === undefined || isWord) return { kind, id: null, action: method === 'GET' ? 'list' : 'create' }
    // Gemini’s methods follow a colon, and its names have the collection in them.
    const id = isGemini ? `${collection}/${first.split(':')[0]}` : first
    return { kind, id, action: method === 'DELETE' && more.length === 0 ? 'delete' : 'use' }
  }
  return null
}

const belowGemini = (path: string): string | null =>
  /^(?:\/(?:upload|download))?\/v1(?:beta)?\/(.*)$/s.exec(path)?.[1] ?? null

const belowVersion = (service: Service, path: string): string | null => {
  const prefix = `${versionOf(service)}/`
  return path.startsWith(prefix) ? path.slice(prefix.length) : null
}

/**
 * A path that a service may read as another one than we do: with dots that lead elsewhere, empty segments, or slashes in
 * disguise.
 */
export const isAmbiguous = (path: string): boolean =>
  /\/\/|\\|%2f|%5c|(?:^|\/)(?:\.|%2e){1,2}(?:\/|$)/i.test(path)

/** Everything in a path or query that could be an id. */
export const segmentsOf = (url: string): string[] =>
  url
    .split(/[/?&=:]/)
    .map(decoded)
    .filter((segment) => segment.length >= shortestId)
    .slice(0, mostSegments)
/** Shorter ones are words. */
const shortestId = 8
const mostSegments = 50

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
