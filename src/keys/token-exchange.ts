import type { Clock } from '../kit/clock.ts'
import { failure, type Outcome, success } from '../kit/fault.ts'
import type { Outbound } from '../net/outbound.ts'
import type { Service } from '../services/service.ts'

/** Short-lived access tokens of services whose stored secret is exchanged for one (Vertex AI's service accounts). */
export interface TokenExchange {
  /** `cacheKey` names one version of one secret; the token is kept in memory until it is about to expire. */
  tokenFor(cacheKey: string, service: Service, secret: string): Promise<Outcome<string>>
}

/** A token is not used when an operation that starts now could outlive it. */
const marginSeconds = 300
const timeoutMs = 10_000
const maximumReplyBytes = 64 * 1024
const mostRemembered = 1_000

interface ExchangeParts {
  readonly outbound: Pick<Outbound, 'request'>
  readonly clock: Clock
}

export const makeTokenExchange = (parts: ExchangeParts): TokenExchange => {
  const { clock } = parts
  const known = new Map<string, { token: string; until: number }>()
  const asking = new Map<string, Promise<Outcome<string>>>()

  const ask = async (cacheKey: string, service: Service, secret: string): Promise<Outcome<string>> => {
    const now = clock()
    const exchanged = await exchangeSecret(parts, service, secret)
    if (!exchanged.ok) return exchanged
    const { accessToken, expiresInSeconds } = exchanged.value
    if (known.size >= mostRemembered) known.clear()
    known.set(cacheKey, {
      token: accessToken,
      until: now.getTime() + (expiresInSeconds - marginSeconds) * 1000,
    })
    return success(accessToken)
  }

  return {
    async tokenFor(cacheKey, service, secret) {
      const cached = known.get(cacheKey)
      if (cached !== undefined && cached.until > clock().getTime()) return success(cached.token)
      const underWay = asking.get(cacheKey)
      if (underWay !== undefined) return underWay
      const asked = ask(cacheKey, service, secret).finally(() => asking.delete(cacheKey))
      asking.set(cacheKey, asked)
      return asked
    },
  }
}

/** Asks now, whatever is remembered: `service_key_refused` is the service's own word on the secret. */
export const exchangeSecret = async (
  { outbound, clock }: ExchangeParts,
  service: Service,
  secret: string,
): Promise<Outcome<{ accessToken: string; expiresInSeconds: number }>> => {
  const request = service.tokenExchange?.request(secret, clock()) ?? null
  if (request === null)
    return failure('service_key_refused', { message: 'The stored secret cannot be exchanged for a token.' })
  const reply = await outbound.request({
    method: 'POST',
    ...request,
    timeoutMs,
    maximumBytes: maximumReplyBytes,
  })
  if (!reply.ok) return reply
  const { status, body } = reply.value
  const token = service.tokenExchange?.read(status, body) ?? null
  if (token !== null) return success(token)
  return failure(isRefusal(status, body) ? 'service_key_refused' : 'service_error')
}

/**
 * RFC 6749, section 5.2: about the credentials. An assertion out of its time frame is about our clock, and anything
 * else (a proxy's page, a limit) about neither.
 */
const isRefusal = (status: number, body: string): boolean =>
  status === 401 ||
  (status === 400 &&
    /"error" ?: ?"(?:invalid_grant|invalid_client|unauthorized_client)"/.test(body) &&
    !body.includes('reasonable timeframe'))
