import formBody from '@fastify/formbody'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { statusOf } from '../kit/fault.ts'
import { networkOf } from '../kit/network.ts'
import type { AdmitClient, TokenReply } from '../machines/client-exchange.ts'
import { faultOf } from './faults.ts'
import type { RequestLimits } from './request-limits.ts'

export type ExchangeForToken = (
  parameters: URLSearchParams,
  authorization: string | undefined,
  admit: AdmitClient,
) => Promise<TokenReply>

/**
 * Where machines get short-lived tokens: apart from the API, since OAuth 2.0 (RFC 6749) takes a form and answers in its own
 * shape. No browser is meant, so there is neither cookie nor CORS.
 */
export const registerOAuthToken = async (
  app: FastifyInstance,
  exchange: ExchangeForToken,
  limits: RequestLimits | null,
): Promise<void> => {
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    scope.setErrorHandler((error, _, reply) => {
      const f = faultOf(error)
      // The shell writes it down, and answers.
      if (statusOf(f) >= 500) return Promise.reject(error)
      const description = f.code === 'unsupported_media_type' ? formNeeded : f.message
      return send(reply, { ok: false, error: 'invalid_request', description }, false)
    })
    await scope.register(formBody, {
      bodyLimit: 16 * 1024,
      // As it was sent: what is given twice has to be seen.
      parser: (text) => ({ parameters: new URLSearchParams(text) }),
    })
    scope.post('/oauth/token', { schema: { hide: true } }, async (request, reply) => {
      const { authorization } = request.headers
      const parameters = (request.body as { parameters?: URLSearchParams } | undefined)?.parameters
      const answer = await exchange(parameters ?? new URLSearchParams(), authorization, admitBy(limits))
      if (!answer.ok && answer.retryAfterSeconds === undefined && limits !== null) {
        const { retryAfterSeconds } = await limits.count({ address: networkOf(request.ip) })
        if (retryAfterSeconds !== null)
          return send(reply, { ...answer, ...slowDown, retryAfterSeconds }, false)
      }
      return send(reply, answer, authorization !== undefined)
    })
  })
}

const formNeeded = 'Send the parameters as a form: content-type application/x-www-form-urlencoded.'

/** Who is let in is counted by who they are, others by where they are. */
const admitBy =
  (limits: RequestLimits | null): AdmitClient =>
  async ({ id, userId }) =>
    limits === null ? null : (await limits.count({ session: id, user: userId as string })).retryAfterSeconds

const slowDown = { error: 'temporarily_unavailable', description: 'Too many requests.' } as const

const json = (reply: FastifyReply, status: number, body: object): FastifyReply =>
  reply
    .code(status)
    .header('cache-control', 'no-store')
    .header('pragma', 'no-cache')
    .type('application/json; charset=utf-8')
    .send(JSON.stringify(body))

const send = (reply: FastifyReply, answer: TokenReply, isBasic: boolean): FastifyReply => {
  if (answer.ok)
    return json(reply, 200, {
      access_token: answer.token,
      token_type: 'Bearer',
      expires_in: answer.expiresInSeconds,
      scope: answer.scope,
    })
  const body = { error: answer.error, error_description: answer.description }
  if (answer.retryAfterSeconds !== undefined)
    return json(reply.header('retry-after', String(answer.retryAfterSeconds)), 429, body)
  const isClient = answer.error === 'invalid_client'
  if (isClient && isBasic) void reply.header('www-authenticate', 'Basic realm="aideon-keys"')
  return json(reply, isClient ? 401 : 400, body)
}
