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

export const makeTokenExchange = (parts: {
  outbound: Pick<Outbound, 'request'>
  clock: Clock
}): TokenExchange => {
  const { outbound, clock } = parts
  const known = new Map<string, { token: string; until: number }>()
  const asking = new Map<string, Promise<Outcome<string>>>()

  const ask = async (cacheKey: string, service: Service, secret: string): Promise<Outcome<string>> => {
    const now = clock()
    const request = service.tokenExchange?.request(secret, now) ?? null
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
    if (token === null)
      return status >= 500 || status === 429 ? failure('service_error') : failure('service_key_refused')
    if (known.size >= mostRemembered) known.clear()
    known.set(cacheKey, {
      token: token.accessToken,
      until: now.getTime() + (token.expiresInSeconds - marginSeconds) * 1000,
    })
    return success(token.accessToken)
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
