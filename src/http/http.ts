import cookie from '@fastify/cookie'
import Fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerFactory,
} from 'fastify'
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod'
import { type FaultCode, FaultError, faults, statusOf } from '../kit/fault.ts'
import { newId } from '../kit/id.ts'
import type { Log } from '../kit/log.ts'
import { makeHandlers, type Rooms } from './api.ts'
import { registerDashboards } from './dashboards.ts'
import { answerClientError } from './client-error.ts'
import { errorBody, faultOf } from './faults.ts'
import { registerOAuthToken } from './oauth-token.ts'
import type { Idempotency } from './idempotency.ts'
import { registerOpenApi } from './openapi.ts'
import { registerProviderWebhooks, type ReceiveWebhook } from './provider-webhooks.ts'
import { noSuchEndpoint, registerEndpoints, userOf } from './routes.ts'
import { registerScim } from './scim.ts'
import type { RequestLimits } from './request-limits.ts'
import { registerSaml } from './sso-saml.ts'
import { isSecure, securityHeaders, strictTransport } from './security.ts'
import { requireStorableText } from './storable.ts'

export interface HttpOptions extends Rooms {
  readonly log: Log
  readonly version: string
  readonly demo: boolean
  /** Where the built dashboards are; null while they are not ready. Asked for each page. */
  readonly dashboards: () => string | null
  /** `https://keys.example.com` when a proxy in front ends TLS; null: whatever Host the browser names. */
  readonly publicUrl?: string | null
  /** Addresses of proxies whose x-forwarded-for is believed. None by default. */
  readonly trustedProxies?: readonly string[]
  /** Null: requests are not counted. */
  readonly requestLimits?: RequestLimits | null
  /** Null: idempotency keys are not looked at. */
  readonly idempotency?: Idempotency | null
  /** Lets the gateway answer /v1/* on the same port before Fastify sees the request. */
  readonly serverFactory?: FastifyServerFactory
  readonly bodyLimitBytes?: number
  /** Whoever takes what payment providers tell; left out: there is none. */
  readonly webhooks?: { readonly stripe: ReceiveWebhook }
}

/** The management API under /api, its reference at /docs, and the dashboards. */
export const makeHttp = async (options: HttpOptions): Promise<FastifyInstance> => {
  const app = Fastify({
    // Requests are not logged one by one: their URLs and headers are nobody's business. Failures are, below.
    logger: false,
    bodyLimit: options.bodyLimitBytes ?? 64 * 1024,
    requestTimeout: 30_000,
    trustProxy: options.trustedProxies?.length ? [...options.trustedProxies] : false,
    genReqId: () => newId(),
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) => {
      void answer(options.log, error, request, reply)
    },
    clientErrorHandler: answerClientError,
    ...(options.serverFactory ? { serverFactory: options.serverFactory } : {}),
  })
  // Of the types that a page elsewhere could send without being asked for leave, none is taken.
  app.removeContentTypeParser('text/plain')
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(securityHeaders)
    if (isSecure(request, options.publicUrl ?? null))
      reply.header('strict-transport-security', strictTransport)
    if (request.url.startsWith('/api')) reply.header('cache-control', 'no-store')
  })
  app.addHook('preValidation', requireStorableText)
  app.setErrorHandler((error, request, reply) => answer(options.log, error, request, reply))
  await app.register(cookie)
  await registerOpenApi(app, options.version)
  await app.register(
    async (api) => {
      registerEndpoints(api, makeHandlers(options), options)
      api.setNotFoundHandler((request) => Promise.reject(new FaultError(noSuchEndpoint(request.url))))
    },
    { prefix: '/api' },
  )
  await registerOAuthToken(app, options.machines.exchange, options.requestLimits ?? null)
  await registerSaml(app, {
    saml: options.sso.signIns,
    signOuts: options.sso.signOuts,
    publicUrl: options.publicUrl ?? null,
    requestLimits: options.requestLimits ?? null,
  })
  await registerScim(app, {
    provisioning: options.provisioning,
    publicUrl: options.publicUrl ?? null,
    limits: options.requestLimits ?? null,
  })
  if (options.webhooks) await registerProviderWebhooks(app, options.webhooks)
  await registerDashboards(app, options.dashboards, options.machines.embedding.framesOf)
  await app.ready()
  return app
}

/** What somebody tried who may not: without what they sent, which may be a secret. */
const tellsOfAttempts: ReadonlySet<FaultCode> = new Set([
  'invalid_credentials',
  'invalid_link',
  'user_suspended',
  'invalid_token',
  'expired_token',
  'revoked_token',
  'insufficient_scope',
  'unknown_user',
  'forbidden',
  'csrf_mismatch',
  'step_up_required',
  'second_factor_missing',
  'network_not_allowed',
  'sso_required',
])

const answer = (log: Log, error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
  const f = faultOf(error)
  const { blame } = faults[f.code]
  // The id ties what the caller saw to the line here; the line has the stack, the reply never.
  if (f.code === 'internal')
    log.error(
      { err: error, operationId: request.id, method: request.method, route: request.routeOptions?.url },
      'unexpected error',
    )
  else if (tellsOfAttempts.has(f.code))
    log.info(
      {
        event: f.code,
        method: request.method,
        route: request.routeOptions?.url,
        address: request.ip,
        userId: userOf(request),
      },
      'refused',
    )
  if (f.retryAfterSeconds !== undefined) reply.header('retry-after', String(f.retryAfterSeconds))
  return reply
    .headers(securityHeaders)
    .header('cache-control', 'no-store')
    .code(statusOf(f))
    .type('application/json; charset=utf-8')
    .serializer(JSON.stringify)
    .send(errorBody(f, blame === 'caller' ? undefined : request.id))
}
