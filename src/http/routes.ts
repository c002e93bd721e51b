import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Access, AccessToken } from '../access/access.ts'
import { hashOfToken, isWellFormed } from '../access/token.ts'
import type { ActingToken } from '../audit/audit.ts'
import { type Endpoint, isForBrowsers } from '../contract/endpoint.ts'
import { apiVersion, apiVersionHeader, apiVersions } from '../contract/api-version.ts'
import { endpoints } from '../contract/endpoints.ts'
import { idempotencyKeyPattern, takesIdempotencyKey } from '../contract/idempotency.ts'
import { may, type Permission, permissions } from '../contract/permissions.ts'
import * as wire from '../contract/wire.ts'
import { piecesWithin, type TenantScope, withinTenant } from '../db/tenant-scope.ts'
import { type Identity, judgeToken, notByCompany, type SignedIn } from '../identity/identity.ts'

import { type Fault, FaultError, fault, must } from '../kit/fault.ts'
import type { Clock } from '../kit/clock.ts'
import type { HostApplications } from '../machines/host-applications.ts'
import { looksLikeHostToken } from '../machines/host-token.ts'
import { networkOf } from '../kit/network.ts'
import type { AnyHandler, Handlers, PublicContext, ReaderContext, SessionContext } from './handler.ts'
import type { Idempotency } from './idempotency.ts'
import type { Counted, RequestLimits } from './request-limits.ts'
import { cookiesOf, isSecure, requireCsrfToken, requireNoForeignRead, requireSameOrigin } from './security.ts'
import { requireKnownFields } from './unknown-fields.ts'

interface Shell {
  readonly identity: Identity
  readonly access: Access
  readonly clock: Clock
  /** Whose signed tokens stand for users, too. */
  readonly machines: { readonly applications: Pick<HostApplications, 'authenticate'> }
  readonly publicUrl?: string | null
  /** Null: requests are not counted. */
  readonly requestLimits?: RequestLimits | null
  /** Null: idempotency keys are not looked at. */
  readonly idempotency?: Idempotency | null
}

/** Registers the contract's table: schema, authentication and handler of each endpoint. */
export const registerEndpoints = (api: FastifyInstance, handlers: Handlers, shell: Shell): void => {
  for (const [name, endpoint] of Object.entries(endpoints) as [keyof Handlers, Endpoint][]) {
    const handle = handlers[name] as unknown as AnyHandler
    const status = endpoint.status ?? 200
    api.route({
      method: endpoint.method,
      url: endpoint.path,
      ...(endpoint.bodyLimitBytes === undefined ? {} : { bodyLimit: endpoint.bodyLimitBytes }),
      schema: {
        operationId: name,
        summary: endpoint.summary,
        ...(endpoint.stepUp ? { description: freshProof } : {}),
        ...(takesIdempotencyKey(endpoint) ? { headers: idempotencyHeader } : {}),
        tags: [endpoint.group],
        security: securityOf(endpoint),
        ...(endpoint.params ? { params: endpoint.params } : {}),
        ...(endpoint.query ? { querystring: endpoint.query } : {}),
        ...(endpoint.body ? { body: endpoint.body } : {}),
        response: { ...(endpoint.file ? {} : { [status]: endpoint.reply }), default: wire.errorReply },
        ...(endpoint.file ? { produces: [...endpoint.file] } : {}),
      },
      // Before the body is parsed or checked: a stranger learns nothing about what is valid.
      onRequest: async (request, reply) => {
        reply.header(apiVersionHeader, apiVersion)
        contexts.set(request, await contextOf(endpoint, request, reply, shell))
        requireVersion(request)
      },
      preValidation: requireKnownFields(endpoint),
      handler: async (request, reply) => {
        const { params, query, body } = request
        const context = contexts.get(request) as SessionContext & ReaderContext
        const scope = scopeOf(endpoint, context)
        const work = () =>
          scope === null
            ? handle({ params, query, body }, context)
            : withinTenant(scope, () => handle({ params, query, body }, context))
        if (endpoint.file) return sendFile(reply, (await work()) as wire.FileReply, scope)
        const key = idempotencyKeyOf(endpoint, request)
        if (key === null || !shell.idempotency) return reply.code(status).send(await work())
        const content = JSON.stringify([request.method, request.url, body ?? null])
        const { organizationId, userId } = context.reader
        const replied = await shell.idempotency.run({ organizationId, userId, key, content }, async () => ({
          status,
          body: reply.code(status).serialize(await work()) as string,
        }))
        if (replied.isReplayed) reply.header('idempotency-replayed', 'true')
        return reply
          .code(replied.status)
          .type('application/json; charset=utf-8')
          .serializer((text) => text as string)
          .send(replied.body)
      },
    })
  }
}

/** Told in the document; looked at by `idempotencyKeyOf`. */
const idempotencyHeader = z.object({
  'idempotency-key': z
    .string()
    .optional()
    .describe('8 to 255 characters, such as a UUID: sent twice, the request takes effect once'),
})

const idempotencyKeyOf = (endpoint: Endpoint, { headers }: FastifyRequest): string | null => {
  const given = headers['idempotency-key']
  if (given === undefined || endpoint.method !== 'POST') return null
  const key = idempotencyKeyPattern.exec(String(given))?.[1]
  if (key !== undefined && takesIdempotencyKey(endpoint)) return key
  const message = takesIdempotencyKey(endpoint)
    ? 'An idempotency key has 8 to 255 characters without spaces.'
    : 'This endpoint takes no idempotency key.'
  throw new FaultError(fault('invalid_request', { field: 'idempotency-key', message }))
}

/** After who calls is known: a stranger learns nothing, not even this. */
const requireVersion = ({ headers }: FastifyRequest): void => {
  const asked = headers[apiVersionHeader]
  if (asked === undefined || apiVersions.includes(String(asked))) return
  throw new FaultError(
    fault('invalid_request', {
      field: apiVersionHeader,
      message: `This server speaks version ${apiVersions.join(', ')} of the API.`,
      next: 'Ask for one of these, or leave the header out.',
    }),
  )
}

const freshProof =
  'Needs a fresh proof that it is you; without one it answers `step_up_required`: see POST /api/session/step-up.'

/** Pieces are asked for as the caller takes them; a caller who goes away ends the asking. */
const sendFile = (
  reply: FastifyReply,
  { contentType, fileName, body }: wire.FileReply,
  scope: TenantScope | null,
): FastifyReply => {
  reply.type(contentType).header('content-disposition', `attachment; filename="${fileName}"`)
  if (body instanceof Uint8Array) return reply.send(body)
  return reply.send(Readable.from(scope ? piecesWithin(scope, body) : body, { objectMode: false }))
}

/** What is about the caller's own organisation sees no other, an administrator's own pages included. */
const scopeOf = ({ auth }: Endpoint, { reader }: ReaderContext): TenantScope | null =>
  auth === 'public' || auth === 'administrator' ? null : reader

const contexts = new WeakMap<FastifyRequest, PublicContext>()
const users = new WeakMap<FastifyRequest, string>()
/** For the log: whose session it was, also where the request went no further. */
export const userOf = (request: FastifyRequest): string | undefined => users.get(request)

const securityOf = (endpoint: Endpoint): Record<string, string[]>[] => {
  if (endpoint.auth === 'public') return []
  const scope = endpoint.auth === 'session_or_token' ? 'read' : scopeNeeded[endpoint.auth]
  return [{ session: [] }, ...(isForBrowsers(endpoint) ? [] : [{ accessToken: [scope] }])]
}

const contextOf = async (
  endpoint: Endpoint,
  request: FastifyRequest,
  reply: FastifyReply,
  shell: Shell,
): Promise<PublicContext | SessionContext | ReaderContext> => {
  const publicUrl = shell.publicUrl ?? null
  if (endpoint.method !== 'GET') requireSameOrigin(request, publicUrl)
  else requireNoForeignRead(request)
  const base = publicContext(request, reply, publicUrl)
  const count = (counted: Counted) => countRequest(counted, reply, shell.requestLimits)
  const stranger = { address: networkOf(request.ip) }
  if (endpoint.auth === 'public') {
    await count(stranger)
    return base
  }
  const { authorization } = request.headers
  if (endpoint.auth === 'session_or_token' && authorization !== undefined) {
    const { reader, tokenId } = await orCount(readerOf(authorization, request, shell), () => count(stranger))
    await count({ session: tokenId, user: reader.userId })
    return { ...base, reader }
  }
  // A proxy in front may add credentials of its own to what a browser sends: those are not ours.
  const bearer = bearerOf(authorization)
  const { signedIn, token } = await orCount<Admitted>(
    bearer === null
      ? requireSession(base, shell.identity).then((session) => ({ signedIn: session, token: null }))
      : managerOf(bearer, request.ip, endpoint, shell),
    () => count(stranger),
  )
  await count({ session: signedIn.sessionId, user: signedIn.userId })
  users.set(request, signedIn.userId)
  // First: what another site made a browser send is told nothing about rights.
  if (token === null && endpoint.method !== 'GET') requireCsrfToken(request, signedIn.csrfToken)
  requireRights(endpoint, signedIn)
  if (token === null) requireBrowser(endpoint, signedIn)
  return {
    ...base,
    signedIn,
    actor: { kind: 'user', id: signedIn.userId, ...(token && { token: actingTokenOf(token) }) },
    reader: { organizationId: signedIn.organization.id, userId: signedIn.userId },
  }
}

/** Who is not let in is counted by address; those who are, by who they are, so that neighbours do not use up theirs. */
const orCount = async <T>(admission: Promise<T>, count: () => Promise<void>): Promise<T> => {
  try {
    return await admission
  } catch (error) {
    if (error instanceof FaultError) await count()
    throw error
  }
}

const countRequest = async (
  counted: Counted,
  reply: FastifyReply,
  limits: RequestLimits | null | undefined,
): Promise<void> => {
  if (!limits) return
  const { headers, retryAfterSeconds } = await limits.count(counted)
  reply.headers(headers)
  if (retryAfterSeconds !== null) throw new FaultError(fault('rate_limited', { retryAfterSeconds }))
}

/** What shows that its user may be there, and is. Tokens need neither: no browser sends them by itself. */
const requireBrowser = (endpoint: Endpoint, signedIn: SignedIn): void => {
  if (signedIn.obstacle !== null && !endpoint.despiteObstacle)
    throw new FaultError(fault(faultOfObstacle[signedIn.obstacle]))
  if (endpoint.ofWholeAccount && signedIn.onlyOrganizationId !== null) throw new FaultError(notByCompany)
  if (endpoint.stepUp && signedIn.provedUntil === null) throw new FaultError(fault('step_up_required'))
}

/** Of whoever calls, signed in or by a token: the role is that of now, not that of when the token was made. */
const requireRights = (endpoint: Endpoint, signedIn: SignedIn): void => {
  if (endpoint.auth === 'administrator' && !signedIn.isPlatformAdministrator)
    throw new FaultError(fault('forbidden'))
  // Nobody can tell what the page around it shows: it reads, and does what needs no proof.
  const isKeptOut =
    endpoint.notEmbedded || endpoint.stepUp || (isForBrowsers(endpoint) && endpoint.method !== 'GET')
  if (signedIn.isEmbedded && isKeptOut)
    throw new FaultError(
      fault('forbidden', {
        message: 'This cannot be done inside another application.',
        next: 'Sign in at the dashboard itself.',
      }),
    )
  const { role, ownRole } = signedIn
  // Inside a host application somebody is a member, and who may do less elsewhere may not do more there.
  const isAllowed = (permission: Permission) => may(role, permission) && may(ownRole, permission)
  if (endpoint.permission !== undefined && !isAllowed(endpoint.permission))
    throw new FaultError(
      fault('forbidden', {
        message: `This is for these roles in an organisation: ${permissions[endpoint.permission].join(', ')}.`,
        next: 'Ask an owner or administrator of your organisation.',
      }),
    )
}

/** Which of a browser’s cookies is meant: our pages inside a host application send it. */
const embeddedHeader = 'x-aideon-embedded'

const publicContext = (
  request: FastifyRequest,
  reply: FastifyReply,
  publicUrl: string | null,
): PublicContext => {
  const cookies = cookiesOf(isSecure(request, publicUrl))
  const { browser, pending, company, embedded, embeddedOptions } = cookies
  const isEmbedded = request.headers[embeddedHeader] !== undefined
  const session = isEmbedded ? embedded : cookies.session
  const options = isEmbedded ? embeddedOptions : cookies.options
  const setSession: PublicContext['setSession'] = ({ token, expiresAt, browser: known }) => {
    reply.setCookie(session, token, { ...options, expires: expiresAt })
    if (known) reply.setCookie(browser, known.token, { ...options, expires: known.expiresAt })
  }
  const setPending: PublicContext['setPending'] = ({ token, expiresAt }) =>
    void reply.setCookie(pending, token, { ...options, expires: expiresAt })
  return {
    origin: {
      address: request.ip,
      userAgent: request.headers['user-agent'] ?? null,
      previousToken: request.cookies[session] ?? null,
      browserToken: wellFormed(request.cookies[browser]),
      pendingToken: wellFormed(request.cookies[pending]),
    },
    baseUrl: publicUrl ?? `${request.protocol}://${request.host}`,
    isAddressConfigured: publicUrl !== null,
    setSession,
    setPending,
    enter: (entry) => {
      if (entry.kind === 'second_factor') {
        setPending(entry.pending)
        throw new FaultError(fault('second_factor_required'))
      }
      setSession(entry.session)
      if (request.cookies[pending] !== undefined) reply.clearCookie(pending, options)
      return entry.session
    },
    clearSession: () => void reply.clearCookie(session, options),
    setEmbedded: ({ token, expiresAt }) =>
      void reply.setCookie(embedded, token, { ...embeddedOptions, expires: expiresAt }),
    ssoSecret: wellFormed(request.cookies[company]),
    setSsoSecret: (secret) =>
      void (secret === null
        ? reply.clearCookie(company, options)
        : reply.setCookie(company, secret.token, { ...options, expires: secret.expiresAt })),
  }
}

/** What this server handed out; anything else would be stored as if it had been. */
const wellFormed = (token: string | undefined): string | null =>
  token !== undefined && /^[A-Za-z0-9_-]{43}$/.test(token) ? token : null

/** The cookie stays: a reply to a request that was under way while the session was renewed would take the new one away. */
const requireSession = async ({ origin }: PublicContext, identity: Identity): Promise<SignedIn> => {
  const { previousToken: token, address } = origin
  const signedIn = token === null ? null : await identity.session(token, address)
  if (signedIn) return signedIn
  throw new FaultError(fault('not_signed_in'))
}

const actingTokenOf = ({ id, scopes, expiresAt }: AccessToken): ActingToken => ({ id, scopes, expiresAt })

const bearerOf = (authorization: string | undefined): string | null =>
  /^Bearer (\S+)$/i.exec(authorization ?? '')?.[1] ?? null

const tokenOf = async (bearer: string, access: Access): Promise<AccessToken> => {
  if (!isWellFormed(bearer)) throw new FaultError(fault('invalid_token'))
  const token = must(await access.authenticate(hashOfToken(bearer)))
  access.noteUse(token)
  return token
}

interface Admitted {
  readonly signedIn: SignedIn
  /** Null: a session. */
  readonly token: AccessToken | null
}

const forBrowsers = fault('insufficient_scope', {
  message: 'This is about how a person signs in: no access token opens it.',
  next: 'Sign in to the dashboard.',
})
const faultOfObstacle = {
  network: 'network_not_allowed',
  single_sign_on: 'sso_required',
  second_factor: 'second_factor_missing',
} as const satisfies Record<NonNullable<SignedIn['obstacle']>, Fault['code']>

const scopeNeeded = { session: 'manage', administrator: 'administer' } as const

/** Somebody whose token may manage stands where they would stand if they were signed in, and no further. */
const managerOf = async (
  bearer: string,
  address: string,
  endpoint: Endpoint,
  { access, identity }: Shell,
): Promise<Admitted> => {
  const token = await tokenOf(bearer, access)
  if (isForBrowsers(endpoint)) throw new FaultError(forBrowsers)
  const scope = scopeNeeded[endpoint.auth === 'administrator' ? 'administrator' : 'session']
  const { userId } = token
  if (userId === null || !token.scopes.includes(scope))
    throw new FaultError(
      fault('insufficient_scope', {
        message: `This needs an access token of a user with the scope ${scope}.`,
        next: 'Make one in the dashboard under Access tokens.',
      }),
    )
  return { signedIn: must(await identity.standing({ ...token, userId }, address)), token }
}

/**
 * A user's token reads for that user; a platform token for the user it names, as on /v1/*. The session policy of that user's
 * organisation holds for whatever stands for them, and the platform's for its own tokens and administrators.
 */
const readerOf = async (authorization: string, request: FastifyRequest, shell: Shell) => {
  const bearer = bearerOf(authorization)
  if (bearer === null) throw new FaultError(fault('missing_token'))
  const { token, person } = await personOf(bearer, request, shell)
  must(judgeToken(person.tokenPolicies, token, shell.clock(), request.ip))
  return { reader: person, tokenId: token.id }
}

const personOf = async (bearer: string, { headers }: FastifyRequest, { access, machines }: Shell) => {
  if (looksLikeHostToken(bearer)) {
    const host = must(await machines.applications.authenticate(bearer))
    if (!host.token.scopes.includes('read')) throw new FaultError(fault('insufficient_scope'))
    access.noteUse(host.token)
    return host
  }
  const token = await tokenOf(bearer, access)
  if (token.kind === 'user') {
    if (!token.scopes.includes('read') && !token.scopes.includes('manage'))
      throw new FaultError(
        fault('insufficient_scope', { message: 'This needs an access token with the scope read.' }),
      )
    return { token, person: must(await access.person(token.organizationId, token.userId as string)) }
  }
  const user = headers['x-aideon-user']
  if (typeof user !== 'string' || user === '')
    throw new FaultError(fault('unknown_user', { field: 'x-aideon-user' }))
  return { token, person: must(await access.personFor(token, user)) }
}

const patterns = Object.values(endpoints).map((endpoint) => ({
  method: endpoint.method,
  pattern: new RegExp(`^/api${endpoint.path.replace(/:[a-zA-Z]+/g, '[^/]+')}$`),
}))

/** Tells a wrong method from a wrong path. */
export const noSuchEndpoint = (url: string): Fault => {
  const path = url.split('?')[0] as string
  const methods = patterns.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method)
  if (methods.length === 0) return fault('unknown_route')
  return fault('method_not_allowed', { message: `This endpoint takes ${methods.join(', ')}.` })
}
