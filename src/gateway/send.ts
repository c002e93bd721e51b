import { codecOf } from '../dialects/codecs.ts'
import type { ParsedRequest } from '../dialects/dialect.ts'
import { failure } from '../kit/fault.ts'
import type { Candidate } from '../routing/route.ts'
import { fillPath, wireModelOf } from '../services/address.ts'
import { makeDispatch } from './dispatch.ts'
import type { Cancellation, Started } from './exchange.ts'
import { type Operation, requestOf } from './operation.ts'
import type { GatewayParts } from './parts.ts'
import { makeTranslated } from './translated.ts'

type Headers = Readonly<Record<string, string | string[] | undefined>>

/** Sends an operation to one candidate: as it is where the service speaks the caller's dialect, else translated. */
export const makeSend = (parts: GatewayParts) => {
  const dispatch = makeDispatch(parts)
  const translated = makeTranslated(parts, dispatch)

  return (
    operation: Operation,
    candidate: Candidate,
    incoming: Headers,
    cancellation: Cancellation,
  ): Started | Promise<Started> => {
    const { service, serviceKey } = candidate
    const request = requestOf(operation)
    const base = parts.catalogue.baseUrlOf(service.id, serviceKey.baseUrl, serviceKey.settings)
    if (base === null) return failure('service_unreachable')
    if (candidate.via === 'translation')
      return translated(operation, candidate, base, outputLimitOf(operation, candidate), cancellation)
    const url = URL.parse(base + pathOf(request, candidate))
    if (url === null) return failure('service_unreachable')
    const { method } = operation.target
    const unsigned = {
      method: method ?? 'POST',
      url,
      headers: headersFor(request, candidate, incoming),
      body: bodyOf(operation, candidate),
    }
    return dispatch(service, serviceKey, unsigned, cancellation)
  }
}

const pathOf = ({ endpoint }: ParsedRequest, { service, serviceKey, model }: Candidate): string => {
  const path = service.endpoints[endpoint] ?? ''
  if (!path.includes('{')) return path
  const { settings } = serviceKey
  return fillPath(path, { ...settings, model: wireModelOf(service, model, settings) })
}

/** Nothing of the caller's goes along but what the service's own file names. */
const headersFor = (
  { contentType }: ParsedRequest,
  candidate: Candidate,
  incoming: Headers,
): Record<string, string> => {
  const headers: Record<string, string> = {
    'content-type': contentType,
    accept: '*/*',
    'accept-encoding': 'identity',
    'user-agent': 'aideon-keys',
  }
  for (const name of candidate.service.forwardedHeaders) {
    const value = incoming[name]
    if (typeof value === 'string') headers[name] = value
  }
  return headers
}

const bodyOf = (operation: Operation, candidate: Candidate): Buffer => {
  const request = requestOf(operation)
  const { service, serviceKey, model } = candidate
  return codecOf(request.endpoint).bodyFor(request, {
    model: wireModelOf(service, model, serviceKey.settings),
    maximumOutputTokens: outputLimitOf(operation, candidate),
    outputLimitField: service.outputLimitField,
    noStreamOptions: service.noStreamOptions === true,
  })
}

/** Ours, where the caller left the length open and credits pay for it. */
const outputLimitOf = (operation: Operation, { serviceKey }: Candidate): number | null =>
  operation.outputLimit !== null && serviceKey.owner === 'system'
    ? Math.floor(operation.outputLimit / requestOf(operation).choices)
    : null
