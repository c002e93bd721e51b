import type { ReplyInput, RequestOutput } from '../contract/endpoint.ts'
import type { rateLimitEndpoints } from '../contract/limits.ts'
import type { SessionContext } from '../http/handler.ts'
import { must } from '../kit/fault.ts'
import { platformOrganizationId } from '../kit/id.ts'
import type { Limits, RateLimits, Subject } from './limits.ts'

type Table = typeof rateLimitEndpoints
/** All of these are for signed-in people. */
type RateLimitHandlers = {
  readonly [Name in keyof Table]: (
    received: RequestOutput<Table[Name]>,
    context: SessionContext,
  ) => Promise<ReplyInput<Table[Name]>>
}

const none: RateLimits = { requestsPerMinute: null, tokensPerMinute: null, concurrent: null }

/** Users limit their own access tokens; everything else is for administrators. */
export const rateLimitApi = ({ limits }: { limits: Limits }): RateLimitHandlers => {
  const set = async (
    { actor }: SessionContext,
    subject: Subject & { userId?: string },
    wanted: RateLimits,
  ): Promise<RateLimits> => {
    must(await limits.set(actor, subject, wanted))
    return wanted
  }
  const itemsOf = (found: ReadonlyMap<string, RateLimits>) =>
    [...found].map(([id, itsLimits]) => ({ id, limits: itsLimits }))
  const ofPlatform = (kind: Subject['kind'], id: string): Subject => ({
    organizationId: platformOrganizationId,
    kind,
    id,
  })

  return {
    async listAccessTokenLimits(_, { signedIn }) {
      const { organization, userId } = signedIn
      return { items: itemsOf(await limits.listOwn(organization.id, userId)) }
    },

    setAccessTokenLimits({ params, body }, context) {
      const { organization, userId } = context.signedIn
      return set(
        context,
        { organizationId: organization.id, kind: 'access_token', id: params.id, userId },
        body,
      )
    },

    setPlatformTokenLimits: ({ params, body }, context) =>
      set(context, ofPlatform('access_token', params.id), body),

    listUserLimits: async ({ query }) => ({
      items: (await limits.listAll('user'))
        .filter(({ organizationId }) => (query.organization ?? organizationId) === organizationId)
        .map(({ organizationId, id, limits: itsLimits }) => ({ organizationId, id, limits: itsLimits })),
    }),

    listPlatformTokenLimits: async () => ({
      items: itemsOf(await limits.list(platformOrganizationId, 'access_token')),
    }),

    readUserLimits: async ({ params }) =>
      must(await limits.find({ organizationId: params.organization, kind: 'user', id: params.id })) ?? none,

    setUserLimits: ({ params, body }, context) =>
      set(context, { organizationId: params.organization, kind: 'user', id: params.id }, body),

    listSystemKeyLimits: async () => ({
      items: itemsOf(await limits.list(platformOrganizationId, 'service_key')),
    }),

    setSystemKeyLimits: ({ params, body }, context) =>
      set(context, ofPlatform('service_key', params.id), body),
  }
}
