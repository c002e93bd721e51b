import type { IncomingHttpHeaders } from 'node:http'
import { codecs } from '../dialects/codecs.ts'
import { type Dialect, type Endpoint, endpointKind } from '../services/endpoint.ts'
import type { Service } from '../services/service.ts'
import { decoded, pathOf, resourceTarget, serviceTarget } from './service-paths.ts'

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
  /** `pathModel`: one of them; null: the list. */
  | {
      readonly kind: 'models'
      readonly dialect: Dialect
      readonly method: 'GET'
      readonly pathModel: string | null
    }
  | { readonly kind: 'unknown'; readonly dialect: Dialect; readonly method: null }

const operation = (endpoint: Endpoint, pathModel: string | null = null): Target => ({
  kind: 'operation',
  endpoint,
  dialect: endpointKind(endpoint).dialect,
  method: 'POST',
  pathModel,
  service: null,
})

const midjourneyTarget = (path: string, method: string): Target | undefined =>
  path.startsWith('/mj/')
    ? {
        kind: 'operation',
        endpoint: 'midjourney',
        dialect: 'midjourney',
        method,
        pathModel: null,
        service: null,
      }
    : undefined

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
  '/v1/videos': operation('videos'),
  '/v1/messages': operation('messages'),
  '/v1/messages/count_tokens': operation('count_tokens'),
  // Cohere's clients know both versions; the shapes are the same.
  '/v1/rerank': operation('rerank'),
  '/v2/rerank': operation('rerank'),
}

/** `/v1beta/models/<model>:<method>`; the newest clients of Gemini say `/v1`. */
const geminiPath = /^\/(?:v1|v1beta)\/models\/(.+):(\w+)$/
const geminiMethods: Readonly<Record<string, Endpoint>> = {
  generateContent: 'generate_content',
  streamGenerateContent: 'stream_generate_content',
  countTokens: 'gemini_count_tokens',
  embedContent: 'embed_content',
  batchEmbedContents: 'batch_embed_contents',
}

const modelsPath = /^\/(?:v1|v1beta)\/models(?:\/(.+))?$/

/** Errors speak the caller's dialect: told by the path, or by the header that only one dialect's clients send. */
const spokenDialect = (path: string, headers: IncomingHttpHeaders): Dialect => {
  if (path.startsWith('/v1/messages') || headers['anthropic-version'] !== undefined) return 'anthropic'
  if (path.startsWith('/v1beta') || headers['x-goog-api-key'] !== undefined) return 'gemini'
  return path.endsWith('/rerank') ? 'cohere' : 'openai'
}

const dataPlanePath = /^\/(?:v1|v1beta|v2|mj|services|upload)\//

/** Paths of the data plane; everything else is the dashboards' and their API's. */
export const isDataPlane = (url: string): boolean => dataPlanePath.test(url) || url === '/v1'

export const targetOf = (url: string, method: string, headers: IncomingHttpHeaders): Target => {
  const path = pathOf(url)
  const target =
    namedTarget(path, method) ??
    geminiTarget(path) ??
    serviceTarget(url, method) ??
    resourceTarget(url, method, headers)
  if (target?.kind === 'operation' && codecs[target.endpoint] !== undefined) return target
  const task = midjourneyTarget(path, method)
  if (task !== undefined) return task
  const dialect = spokenDialect(path, headers)
  const [, model] = modelsPath.exec(path) ?? [undefined, null]
  // A method of Gemini's that we do not have looks like a model's name; asking for one is all there is below the list.
  if (model === null || (model !== undefined && method !== 'GET'))
    return { kind: 'unknown', dialect, method: null }
  return {
    kind: 'models',
    dialect,
    method: 'GET',
    pathModel: model === undefined ? null : decoded(model),
  }
}

/** What has been made at a path is asked for there, too; the service that made it knows. */
const namedTarget = (path: string, method: string): Target | undefined =>
  path === '/v1/videos' && method !== 'POST' ? undefined : targets[path]

const geminiTarget = (path: string): Target | undefined => {
  const [, model, method] = geminiPath.exec(path) ?? []
  if (model === undefined || method === undefined || !Object.hasOwn(geminiMethods, method)) return undefined
  return operation(geminiMethods[method] as Endpoint, decoded(model))
}
