import type { IncomingHttpHeaders } from 'node:http'
import { codecs } from '../dialects/codecs.ts'
import { type Dialect, type Endpoint, endpointKind } from '../services/endpoint.ts'
import { findService } from '../services/registry.ts'
import type { Service } from '../services/service.ts'

/** What a request to the data plane asks for, by its path alone. */
export type Target =
  | {
      readonly kind: 'operation'
      readonly endpoint: Endpoint
      readonly dialect: Dialect
      readonly method: string
      /** Of dialects that name the model in the path. */
      readonly pathModel: string | null
      /** Of /services/<service>/…: no other service may serve it. */
      readonly service: Service | null
    }
  | { readonly kind: 'models'; readonly dialect: Dialect; readonly method: 'GET' }
  | { readonly kind: 'unknown'; readonly dialect: Dialect; readonly method: null }

const operation = (endpoint: Endpoint, pathModel: string | null = null): Target => ({
  kind: 'operation',
  endpoint,
  dialect: endpointKind(endpoint).dialect,
  method: 'POST',
  pathModel,
  service: null,
})

const targets: Readonly<Record<string, Target>> = {
  '/v1/chat/completions': operation('chat_completions'),
  '/v1/responses': operation('responses'),
  '/v1/embeddings': operation('embeddings'),
  '/v1/images/generations': operation('image_generations'),
  '/v1/images/edits': operation('image_edits'),
  '/v1/audio/speech': operation('speech'),
  '/v1/audio/transcriptions': operation('transcriptions'),
  '/v1/audio/translations': operation('translations'),
  '/v1/moderations': operation('moderations'),
  '/v1/messages': operation('messages'),
  '/v1/messages/count_tokens': operation('count_tokens'),
  // Cohere's clients know both versions; the shapes are the same.
  '/v1/rerank': operation('rerank'),
  '/v2/rerank': operation('rerank'),
}

/** `/v1beta/models/<model>:<method>`; the newest clients of Gemini say `/v1`. */
const geminiPath = /^\/(?:v1|v1beta)\/models\/([^:]+):(\w+)$/
const geminiMethods: Readonly<Record<string, Endpoint>> = {
  generateContent: 'generate_content',
  streamGenerateContent: 'stream_generate_content',
  countTokens: 'gemini_count_tokens',
  embedContent: 'embed_content',
  batchEmbedContents: 'batch_embed_contents',
}

/** Errors speak the caller's dialect: told by the path, or by the header that only one dialect's clients send. */
const spokenDialect = (path: string, headers: IncomingHttpHeaders): Dialect => {
  if (path.startsWith('/v1/messages') || headers['anthropic-version'] !== undefined) return 'anthropic'
  if (path.startsWith('/v1beta') || headers['x-goog-api-key'] !== undefined) return 'gemini'
  return path.endsWith('/rerank') ? 'cohere' : 'openai'
}

const dataPlanePath = /^\/(?:v1|v1beta|v2|mj|services)\//

/** Paths of the data plane; everything else is the dashboards' and their API's. */
export const isDataPlane = (url: string): boolean => dataPlanePath.test(url) || url === '/v1'

export const pathOf = (url: string): string => {
  const query = url.indexOf('?')
  return query === -1 ? url : url.slice(0, query)
}

export const targetOf = (url: string, method: string, headers: IncomingHttpHeaders): Target => {
  const path = pathOf(url)
  const target = targets[path] ?? geminiTarget(path) ?? serviceTarget(url, method)
  if (target?.kind === 'operation' && codecs[target.endpoint] !== undefined) return target
  const dialect = spokenDialect(path, headers)
  return path === '/v1/models' || path === '/v1beta/models'
    ? { kind: 'models', dialect, method: 'GET' }
    : { kind: 'unknown', dialect, method: null }
}

const geminiTarget = (path: string): Target | undefined => {
  const [, model, method] = geminiPath.exec(path) ?? []
  if (model === undefined || method === undefined || !Object.hasOwn(geminiMethods, method)) return undefined
  return operation(geminiMethods[method] as Endpoint, decoded(model))
}

/** A malformed escape is no model's name; it will be told as an unknown one. */
const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const servicePath = /^\/services\/([a-z0-9_]+)(\/.*)$/s

/**
 * `/services/<service>/<path>`: a path that the service's own file names is that endpoint, metered like any other; of all
 * others nobody can tell what they cost.
 */
const serviceTarget = (url: string, method: string): Target | undefined => {
  const [, id, rest] = servicePath.exec(url) ?? []
  const service = id === undefined ? undefined : findService(id)
  if (service === undefined || rest === undefined) return undefined
  const known = method === 'POST' ? nativeEndpoint(service, pathOf(rest)) : null
  if (known !== null) return { ...operation(known.endpoint, known.model), service } as Target
  const dialect = service.endpoints.messages !== undefined ? 'anthropic' : endpointKind('raw').dialect
  // What is in braces would be filled in.
  const path = rest.replaceAll('{', '%7B').replaceAll('}', '%7D')
  const only = { ...service, endpoints: { raw: path } }
  return { kind: 'operation', endpoint: 'raw', dialect, method, pathModel: null, service: only }
}

const nativeEndpoint = (
  service: Service,
  path: string,
): { endpoint: Endpoint; model: string | null } | null => {
  for (const [endpoint, template] of Object.entries(service.endpoints)) {
    const [before = '', after] = pathOf(template).split('{model}')
    if (after === undefined ? path === before : path.startsWith(before) && path.endsWith(after))
      return {
        endpoint: endpoint as Endpoint,
        model: after === undefined ? null : decoded(path.slice(before.length, path.length - after.length)),
      }
  }
  return null
}
