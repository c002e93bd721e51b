import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { withinTenant } from '../db/tenant-scope.ts'
import { FaultError, statusOf } from '../kit/fault.ts'
import { networkOf } from '../kit/network.ts'
import { type Found, type Problem, problemOf } from '../provisioning/problem.ts'
import { actorOf, type Page, type Provisioning } from '../provisioning/provisioning.ts'
import { selected } from '../provisioning/resource.ts'
import { discovery } from '../provisioning/schemas.ts'
import type { Caller } from '../provisioning/users.ts'
import type { RequestLimits } from './request-limits.ts'

/** Groups of a large company name their members one by one. */
const largestBytes = 4 * 1024 * 1024
const mostResults = 200
const usualResults = 100
const contentType = 'application/scim+json; charset=utf-8'

interface ScimOptions {
  readonly provisioning: Provisioning
  readonly publicUrl: string | null
  readonly limits: RequestLimits | null
}

type Handler = (caller: Caller, request: FastifyRequest) => Promise<Answer>
interface Answer {
  readonly status: number
  readonly body?: object
  readonly etag?: string
}

/**
 * SCIM 2.0 (RFC 7643, 7644), by which an identity provider keeps users and groups in step. Apart from the API: its format,
 * errors and tokens are its own. Each request sees the rows of the token’s organisation only.
 */
export const registerScim = async (app: FastifyInstance, options: ScimOptions): Promise<void> => {
  const { provisioning } = options
  const { users, groups } = provisioning

  await app.register(
    async (scope) => {
      scope.removeAllContentTypeParsers()
      const readJson = scope.getDefaultJsonParser('error', 'error')
      scope.addContentTypeParser(
        ['application/scim+json', 'application/json'],
        { parseAs: 'string', bodyLimit: largestBytes },
        // A DELETE says of its empty body, too, what it is.
        (request, body, done) => (body === '' ? done(null) : readJson(request, body as string, done)),
      )
      scope.setErrorHandler((error: { statusCode?: number; message: string }, request, reply) => {
        if (error instanceof FaultError) return fail(reply, problemOf(error.fault).problem)
        const status = error.statusCode ?? 500
        // The shell writes it down, and answers.
        if (status >= 500) return Promise.reject(error)
        return fail(reply, { status, detail: 'The request cannot be read.', scimType: 'invalidSyntax' })
      })
      const noSuchEndpoint = (_: FastifyRequest, reply: FastifyReply) =>
        fail(reply, { status: 404, detail: 'There is no such endpoint.' })
      scope.setNotFoundHandler(noSuchEndpoint)
      // Or else the dashboards would answer.
      for (const url of ['/', '/*']) scope.get(url, { schema: { hide: true } }, noSuchEndpoint)

      const on = (method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', url: string, handle: Handler) =>
        scope.route({
          method,
          url,
          schema: { hide: true },
          handler: async (request, reply) => {
            const caller = await callerOf(request, options)
            if ('status' in caller) return fail(reply, caller)
            // Whose token it is stands for who is there: no user is.
            const tenant = { organizationId: caller.organizationId, userId: caller.actor.id as string }
            const answer = await withinTenant(tenant, () => handle(caller, request))
            return send(reply, answer)
          },
        })
      const idOf = (request: FastifyRequest) => (request.params as { id: string }).id
      const ifMatch = (request: FastifyRequest) => request.headers['if-match']

      on('GET', '/Users', async (caller, request) =>
        pageOf(await users.list(caller, wantedOf(request)), request),
      )
      on('GET', '/Users/:id', async (caller, request) =>
        one(await users.read(caller, idOf(request)), request),
      )
      on('POST', '/Users', async (caller, request) =>
        one(await users.create(caller, request.body), request, 201),
      )
      on('PUT', '/Users/:id', async (caller, request) =>
        one(await users.replace(caller, idOf(request), request.body, ifMatch(request)), request),
      )
      on('PATCH', '/Users/:id', async (caller, request) =>
        one(await users.patch(caller, idOf(request), request.body, ifMatch(request)), request),
      )
      on('DELETE', '/Users/:id', async (caller, request) => gone(await users.remove(caller, idOf(request))))

      on('GET', '/Groups', async (caller, request) =>
        pageOf(await groups.list(caller, wantedOf(request), wantsMembers(request)), request),
      )
      on('GET', '/Groups/:id', async (caller, request) =>
        one(await groups.read(caller, idOf(request), wantsMembers(request)), request),
      )
      on('POST', '/Groups', async (caller, request) =>
        one(await groups.create(caller, request.body), request, 201),
      )
      on('PUT', '/Groups/:id', async (caller, request) =>
        one(await groups.replace(caller, idOf(request), request.body), request),
      )
      // Of a large group nobody wants all members back for each that comes or goes.
      on('PATCH', '/Groups/:id', async (caller, request) =>
        gone(await groups.patch(caller, idOf(request), request.body)),
      )
      on('DELETE', '/Groups/:id', async (caller, request) => gone(await groups.remove(caller, idOf(request))))

      for (const path of [
        '/ServiceProviderConfig',
        '/ResourceTypes',
        '/ResourceTypes/:id',
        '/Schemas',
        '/Schemas/:id',
      ])
        on('GET', path, async (caller, request) => {
          const name = path.split('/')[1] as string
          const body = discovery(caller.base, name, (request.params as { id?: string }).id ?? null)
          return body === null
            ? failed({ status: 404, detail: 'There is no such resource.' })
            : { status: 200, body }
        })
    },
    { prefix: '/scim/v2' },
  )
}

const callerOf = async (
  request: FastifyRequest,
  { provisioning, publicUrl, limits }: ScimOptions,
): Promise<Caller | (Problem & { retryAfterSeconds?: number })> => {
  const bearer = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? ''
  const token = await provisioning.authenticate(bearer)
  const counted = token.ok ? { session: token.value.id } : { address: networkOf(request.ip) }
  const retryAfterSeconds = (await limits?.count(counted))?.retryAfterSeconds ?? null
  if (retryAfterSeconds !== null) return { status: 429, detail: 'Too many requests.', retryAfterSeconds }
  if (!token.ok)
    return { status: statusOf(token.fault), detail: `${token.fault.message} ${token.fault.next}` }
  return {
    organizationId: token.value.organizationId,
    actor: actorOf(token.value),
    by: token.value.by,
    base: `${publicUrl ?? `${request.protocol}://${request.host}`}/scim/v2`,
  }
}

type Query = Readonly<Record<string, string | string[] | undefined>>
const textOf = (request: FastifyRequest, name: string): string | undefined => {
  const value = (request.query as Query)[name]
  return Array.isArray(value) ? value[0] : value
}
const wholeOf = (request: FastifyRequest, name: string, usual: number): number => {
  const value = Number(textOf(request, name) ?? usual)
  return Number.isSafeInteger(value) ? value : usual
}
/** A start before the first is the first, and a negative count is none (RFC 7644 § 3.4.2.4). */
const wantedOf = (request: FastifyRequest) => {
  const filter = textOf(request, 'filter')
  return {
    ...(filter !== undefined && { filter }),
    startIndex: Math.max(1, wholeOf(request, 'startIndex', 1)),
    count: Math.min(mostResults, Math.max(0, wholeOf(request, 'count', usualResults))),
  }
}
const partsOf = (request: FastifyRequest) => {
  const [attributes, excludedAttributes] = [
    textOf(request, 'attributes'),
    textOf(request, 'excludedAttributes'),
  ]
  return { ...(attributes && { attributes }), ...(excludedAttributes && { excludedAttributes }) }
}
const wantsMembers = (request: FastifyRequest): boolean => {
  const { attributes, excludedAttributes } = partsOf(request)
  return attributes ? /members/i.test(attributes) : !/members/i.test(excludedAttributes ?? '')
}

const failed = ({ status, detail, scimType }: Problem): Answer => ({
  status,
  body: {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
    status: String(status),
    ...(scimType && { scimType }),
    detail,
  },
})

const one = (answer: Found<Record<string, unknown>>, request: FastifyRequest, status = 200): Answer => {
  if (!answer.ok) return failed(answer.problem)
  const { version } = answer.value['meta'] as { version: string }
  return { status, body: selected(answer.value, partsOf(request)), etag: version }
}

const gone = (answer: Found<unknown>): Answer => (answer.ok ? { status: 204 } : failed(answer.problem))

const pageOf = (answer: Found<Page>, request: FastifyRequest): Answer =>
  answer.ok
    ? {
        status: 200,
        body: {
          schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
          totalResults: answer.value.totalResults,
          startIndex: answer.value.startIndex,
          itemsPerPage: answer.value.resources.length,
          Resources: answer.value.resources.map((resource) => selected(resource, partsOf(request))),
        },
      }
    : failed(answer.problem)

const send = (reply: FastifyReply, { status, body, etag }: Answer): FastifyReply => {
  void reply.code(status).header('cache-control', 'no-store')
  if (etag !== undefined) void reply.header('etag', etag)
  const { meta } = (body ?? {}) as { meta?: { location?: string } }
  if (status === 201 && meta?.location !== undefined) void reply.header('location', meta.location)
  return body === undefined ? reply.send() : reply.type(contentType).send(JSON.stringify(body))
}

const fail = (reply: FastifyReply, problem: Problem & { retryAfterSeconds?: number }): FastifyReply => {
  if (problem.status === 401) void reply.header('www-authenticate', 'Bearer realm="scim"')
  if (problem.retryAfterSeconds !== undefined)
    void reply.header('retry-after', String(problem.retryAfterSeconds))
  return send(reply, failed(problem))
}
