import type { FastifyInstance, FastifyRequest } from 'fastify'
import { FaultError, fault, type Outcome } from '../kit/fault.ts'
import { isId } from '../kit/id.ts'
import { networkOf } from '../kit/network.ts'
import { problemOfAddress } from '../sso/connection.ts'
import type { RequestLimits } from './request-limits.ts'

/** What the room of single sign-on does with a SAML provider's post. */
export interface SamlReceiver {
  receive(o: {
    connectionId: string
    baseUrl: string
    response: string
  }): Promise<Outcome<{ ticket: string }>>
  metadata(connectionId: string, baseUrl: string): Promise<string | null>
}

/** And with what providers say of people who have signed out there. */
export interface SignOutReceiver {
  receiveToken(o: { connectionId: string; token: string }): Promise<Outcome<void>>
  receiveRequest(o: { connectionId: string; baseUrl: string; query: string }): Promise<Outcome<string>>
}

/** Responses are some kilobytes, with many groups some dozens. */
const largestBytes = 384 * 1024

/**
 * What identity providers send, themselves or by a browser: the one place where a browser may bring a request that another site had it make. It reads no cookie and sets none, and
 * changes nothing but a row that waits: the ticket for it goes to a page of ours behind the `#`, and only a request of that
 * page, with the cookie of the browser that began, opens a session (docs/decisions/0075-single-sign-on.md).
 */
export const registerSaml = async (
  app: FastifyInstance,
  o: {
    saml: SamlReceiver
    signOuts: SignOutReceiver
    publicUrl: string | null
    requestLimits: RequestLimits | null
  },
): Promise<void> => {
  const count = async (request: FastifyRequest) => {
    const standing = await o.requestLimits?.count({ address: networkOf(request.ip) })
    const retryAfterSeconds = standing?.retryAfterSeconds ?? null
    if (retryAfterSeconds !== null) throw new FaultError(fault('rate_limited', { retryAfterSeconds }))
  }
  const baseUrlOf = (request: FastifyRequest) => {
    const baseUrl = o.publicUrl ?? `${request.protocol}://${request.host}`
    const unsure = problemOfAddress(baseUrl, o.publicUrl !== null)
    if (unsure) throw new FaultError(unsure.fault)
    return baseUrl
  }
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser(
      'application/x-www-form-urlencoded',
      { parseAs: 'string', bodyLimit: largestBytes },
      (_, body, done) => done(null, new URLSearchParams(body as string)),
    )
    scope.post<{ Params: { id: string } }>(
      '/sso/saml/:id',
      { schema: { hide: true } },
      async (request, reply) => {
        await count(request)
        const { id } = request.params
        const response = request.body instanceof URLSearchParams ? request.body.get('SAMLResponse') : null
        const received =
          isId(id) && response !== null
            ? await o.saml.receive({ connectionId: id, baseUrl: baseUrlOf(request), response })
            : null
        const page = isId(id) ? `/sign-in/company/${id}` : '/sign-in'
        // The reason is for those who set it up; words that came from elsewhere are not repeated to whoever brings them.
        const fragment = received?.ok ? `ticket=${received.value.ticket}` : 'refused'
        return reply.header('cache-control', 'no-store').redirect(`${page}#${fragment}`, 303)
      },
    )
    scope.get<{ Params: { id: string } }>(
      '/sso/saml/:id/metadata',
      { schema: { hide: true } },
      async (request, reply) => {
        await count(request)
        const { id } = request.params
        const metadata = isId(id) ? await o.saml.metadata(id, baseUrlOf(request)) : null
        if (metadata === null) return reply.callNotFound()
        return reply.type('application/samlmetadata+xml; charset=utf-8').send(metadata)
      },
    )
    // Whose word it is stands in the signature of the query, not in who brings it.
    scope.get<{ Params: { id: string } }>(
      '/sso/saml/:id/logout',
      { schema: { hide: true } },
      async (request, reply) => {
        await count(request)
        const { id } = request.params
        const query = request.raw.url?.split('?', 2)[1] ?? ''
        const answered = isId(id)
          ? await o.signOuts.receiveRequest({ connectionId: id, baseUrl: baseUrlOf(request), query })
          : null
        return reply
          .header('cache-control', 'no-store')
          .redirect(answered?.ok ? answered.value : '/sign-in', 303)
      },
    )
    scope.post<{ Params: { id: string } }>(
      '/sso/oidc/:id/logout',
      { schema: { hide: true } },
      async (request, reply) => {
        await count(request)
        const { id } = request.params
        const token = request.body instanceof URLSearchParams ? request.body.get('logout_token') : null
        const taken =
          isId(id) && token !== null ? await o.signOuts.receiveToken({ connectionId: id, token }) : null
        // As OpenID Connect Back-Channel Logout 1.0, section 2.8, has it; the reason is kept at the connection.
        reply.header('cache-control', 'no-store')
        return taken?.ok ? reply.code(200).send() : reply.code(400).send({ error: 'invalid_request' })
      },
    )
  })
}
