import type { IncomingHttpHeaders } from 'node:http'
import type { Dialect, Endpoint } from '../services/service.ts'

/** What a request to the data plane asks for, by its path alone. */
export type Target =
  | {
      readonly kind: 'operation'
      readonly endpoint: Endpoint
      readonly dialect: Dialect
      readonly method: 'POST'
    }
  | { readonly kind: 'models'; readonly dialect: Dialect; readonly method: 'GET' }
  | { readonly kind: 'unknown'; readonly dialect: Dialect; readonly method: null }

const targets: Readonly<Record<string, Target>> = {
  '/v1/chat/completions': {
    kind: 'operation',
    endpoint: 'chat_completions',
    dialect: 'openai',
    method: 'POST',
  },
  '/v1/embeddings': { kind: 'operation', endpoint: 'embeddings', dialect: 'openai', method: 'POST' },
  '/v1/messages': { kind: 'operation', endpoint: 'messages', dialect: 'anthropic', method: 'POST' },
}

/** Errors speak the caller's dialect: told by the path, or by the version header that only Anthropic's clients send. */
const spokenDialect = (headers: IncomingHttpHeaders): Dialect =>
  headers['anthropic-version'] === undefined ? 'openai' : 'anthropic'

/** Paths of the data plane; everything else is the dashboards' and their API's. */
export const isDataPlane = (url: string): boolean => url.startsWith('/v1/') || url === '/v1'

export const pathOf = (url: string): string => {
  const query = url.indexOf('?')
  return query === -1 ? url : url.slice(0, query)
}

export const targetOf = (url: string, headers: IncomingHttpHeaders): Target => {
  const path = pathOf(url)
  const target = targets[path]
  if (target !== undefined) return target
  const dialect = path.startsWith('/v1/messages') ? 'anthropic' : spokenDialect(headers)
  return path === '/v1/models'
    ? { kind: 'models', dialect, method: 'GET' }
    : { kind: 'unknown', dialect, method: null }
}
