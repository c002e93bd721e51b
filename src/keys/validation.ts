import { type Fault, failure, type Outcome, success } from '../kit/fault.ts'
import type { OutboundReply, OutboundRequest } from '../net/outbound.ts'
import type { Credentials, KeySettings, Service, Verdict } from '../services/service.ts'

/** What a validation call says about a secret. The texts are ours: nothing of the service's reply is in them. */
export interface Judgement {
  readonly verdict: Verdict
  readonly detail: string
  /** Known to the service, without quota. */
  readonly exhausted: boolean
}

const timeoutMs = 10_000
/** Lists of models are some hundred kilobytes at the largest services. */
const maximumReplyBytes = 4 * 1024 * 1024

/** One request, made from nothing, to the service that the person chose: a secret is never tried on another. */
export const validationRequest = async (
  service: Service,
  baseUrl: string,
  credentials: Credentials,
): Promise<OutboundRequest> => {
  if (service.validation === null) throw new Error(`${service.id} has no validation call`)
  const { method, path, headers, body } = service.validation.request(credentials.settings)
  const url = addressOf(service, baseUrl, credentials.settings, path)
  const outgoing = { method, url: new URL(url), headers, body: Buffer.from(body ?? ''), at: new Date() }
  return {
    method,
    url,
    headers: { ...headers, ...(await service.authenticate(credentials, outgoing)) },
    ...(body === undefined ? {} : { body }),
    timeoutMs,
    maximumBytes: maximumReplyBytes,
  }
}

/** Some services prove keys at another host. A replaced address stands for all of them: the secret goes nowhere else. */
const addressOf = (service: Service, baseUrl: string, settings: KeySettings, path: string): string => {
  const base = baseUrl.replace(/\/+$/, '')
  if (!/^https?:/.test(path)) return base + path
  const isOwn = base === (service.baseUrlFor?.(settings) ?? service.baseUrl)
  if (isOwn) return path
  const { pathname, search } = new URL(path)
  return base + pathname + search
}

/** The service offers no call that proves a key and costs nothing. */
export const provenByUse = (service: Service): Judgement => ({
  verdict: 'unknown',
  detail: `${service.name} has no call that only proves a key; the first operation will.`,
  exhausted: false,
})

/** A service that cannot be asked says nothing about the key; an address we may not call is the caller's mistake. */
export const judge = (service: Service, reply: Outcome<OutboundReply>): Outcome<Judgement> => {
  if (reply.ok) {
    const { status, body } = reply.value
    const exhausted = service.readFailure(status, body).kind === 'exhausted'
    const said = service.validation?.verdict(status, body) ?? provenByUse(service)
    return success({ ...said, exhausted: exhausted && said.verdict === 'valid_but_unusable' })
  }
  if (reply.fault.code === 'unsafe_address') return { ok: false, fault: { ...reply.fault, field: 'baseUrl' } }
  const detail = `${reply.fault.message} The key could not be proven now.`
  return success({ verdict: 'unknown', detail, exhausted: false })
}

/** A secret that its service would not exchange for an access token; or nobody could be asked. */
export const judgeExchange = (service: Service, { code, message }: Fault): Judgement =>
  code === 'service_key_refused'
    ? { verdict: 'invalid', detail: `${service.name} issued no access token for it.`, exhausted: false }
    : { verdict: 'unknown', detail: `${message} The key could not be proven now.`, exhausted: false }

/** The address of one key's own server, for the services that have no fixed one. */
export const readBaseUrl = (service: Service, given: string | null): Outcome<string | null> => {
  if (given === null || given.trim() === '') return success(null)
  if (service.baseUrl !== null)
    return refused(`The address of ${service.name} is set for everybody, by the administrator.`)
  const url = URL.parse(given.trim())
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    return refused('The address must begin with https://.')
  if (url.username || url.password || url.search || url.hash)
    return refused('The address must not hold credentials, a query or a fragment.')
  return success(url.href.replace(/\/+$/, ''))
}

const refused = (message: string) => failure('invalid_request', { message, field: 'baseUrl' })
