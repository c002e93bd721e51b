import type { IncomingHttpHeaders } from 'node:http'
import { type Dialect, type Endpoint, endpointKind } from '../services/endpoint.ts'
import { findService } from '../services/registry.ts'
import type { Service } from '../services/service.ts'
import { versionOf } from '../services/version.ts'
import type { Target } from './endpoints.ts'

/** A malformed escape is no model's name; it will be told as an unknown one. */
export const decoded = (text: string): string => {
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
export const serviceTarget = (url: string, method: string): Target | undefined => {
  const [, id, rest] = servicePath.exec(url) ?? []
  const service = id === undefined ? undefined : findService(id)
  if (service === undefined || rest === undefined || climbs(pathOf(rest))) return undefined
  const known = method === 'POST' ? nativeEndpoint(service, pathOf(rest)) : null
  if (known === null) return rawTarget(service, rest, method)
  const { dialect } = endpointKind(known.endpoint)
  return { kind: 'operation', endpoint: known.endpoint, dialect, method, pathModel: known.model, service }
}

/** URLs have such segments taken out, which would leave the service's address where that has a path itself. */
const climbs = (path: string): boolean => /(?:^|[/\\])(?:\.|%2e){1,2}(?:$|[/\\])/i.test(path)

const rawTarget = (service: Service, pathAndQuery: string, method: string): Target => {
  // What is in braces would be filled in.
  const path = pathAndQuery.replaceAll('{', '%7B').replaceAll('}', '%7D')
  const only = { ...service, endpoints: { raw: path } }
  return {
    kind: 'operation',
    endpoint: 'raw',
    dialect: dialectOf(service),
    method,
    pathModel: null,
    service: only,
  }
}

const dialectOf = ({ endpoints }: Service): Dialect => {
  if (endpoints.messages !== undefined && endpoints.chat_completions === undefined) return 'anthropic'
  return endpoints.generate_content === undefined ? endpointKind('raw').dialect : 'gemini'
}

/** What a service keeps for one account: only the key that made it can see it (resources.ts). */
const openaiResources =
  /^\/v1\/(?:(?:files|uploads|batches|videos|vector_stores|fine_tuning|conversations|containers|evals)(?:\/|$)|responses\/.|chat\/completions\/.)/
const anthropicResources = /^\/v1\/(?:messages\/batches|files|skills)(?:\/|$)/
const geminiResources =
  /^(?:\/upload)?\/v1beta\/(?:files|cachedContents|batches|operations|fileSearchStores)(?:\/|$)/

/**
 * Files, batches, stored responses and their like, at the service whose client calls; `x-aideon-service` names another
 * one that copied the path.
 */
export const resourceTarget = (
  url: string,
  method: string,
  headers: IncomingHttpHeaders,
): Target | undefined => {
  const path = pathOf(url)
  const home = homeOf(path, headers)
  if (home === null || climbs(path)) return undefined
  const service = findService((headers['x-aideon-service'] as string | undefined) ?? home)
  return service === undefined ? undefined : rawTarget(service, pathAt(service, url), method)
}

/** OpenAI's and Anthropic's paths, where a service has them. */
const pathAt = (service: Service, url: string): string =>
  url.startsWith('/v1/') ? versionOf(service) + url.slice('/v1'.length) : url

const homeOf = (path: string, headers: IncomingHttpHeaders): string | null => {
  if (geminiResources.test(path)) return 'gemini'
  const isAnthropic = headers['anthropic-version'] !== undefined || path.startsWith('/v1/messages/')
  if (isAnthropic) return anthropicResources.test(path) ? 'anthropic' : null
  return openaiResources.test(path) ? 'openai' : null
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

export const pathOf = (url: string): string => {
  const query = url.indexOf('?')
  return query === -1 ? url : url.slice(0, query)
}
