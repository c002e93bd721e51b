import type { Received } from '../contract/endpoints.ts'
import { may } from '../contract/permissions.ts'
import type { AccessRequest as WireRequest, requestEndpoints } from '../contract/requests.ts'
import { defineHandlers } from '../http/handler.ts'
import type { SignedIn } from '../identity/identity.ts'
import { decodeCursor, encodeCursor } from '../kit/cursor.ts'
import { FaultError, fault, must } from '../kit/fault.ts'
import type { Organizations } from '../organizations/organizations.ts'
import { tidy } from '../organizations/policy-document.ts'
import { type AccessRequest, type Approval, isExceptable, openingOf, type Requests } from './requests.ts'

export interface RequestApiParts {
  readonly requests: Requests
  readonly organizations: Pick<Organizations, 'policy'>
}

export const requestApi = ({ requests, organizations }: RequestApiParts) => {
  const page = async (
    filter: Parameters<Requests['list']>[0],
    { cursor, limit }: { cursor?: string | undefined; limit: number },
  ) => {
    const rows = await requests.list(filter, { before: decodeCursor(cursor), limit: limit + 1 })
    const items = rows.slice(0, limit)
    const last = rows.length > limit ? items.at(-1) : undefined
    return { items, nextCursor: last ? encodeCursor(last.id) : null }
  }

  return defineHandlers<keyof typeof requestEndpoints>({
    listDeciders: async (_, { signedIn }) => ({
      items: [...(await requests.deciders(signedIn.organization.id))],
    }),

    async listOwnRequests({ query }, { signedIn }) {
      const filter = { organizationId: signedIn.organization.id, userId: signedIn.userId }
      const { items, nextCursor } = await page(filter, query)
      return { items: items.map(onWire), nextCursor }
    },

    createRequest: async ({ body }, { signedIn }) =>
      onWire(
        must(
          await requests.create({
            organizationId: signedIn.organization.id,
            userId: signedIn.userId,
            ...body,
          }),
        ),
      ),

    withdrawRequest: async ({ params }, { signedIn, actor }) =>
      onWire(
        must(await requests.withdraw(actor, { ...placeOf(signedIn, params.id), userId: signedIn.userId })),
      ),

    async listRequests({ query }, { signedIn }) {
      const organizationId = signedIn.organization.id
      const [{ items, nextCursor }, policy] = await Promise.all([
        page({ organizationId, state: query.state }, query),
        organizations.policy(organizationId),
      ])
      const current = tidy(must(policy).current.document)
      return {
        items: items.map((request) => {
          const opening = openingOf(current, request)
          return {
            ...onWire(request),
            user: { id: request.userId, email: request.email, name: request.name },
            decidedBy: request.decidedByEmail,
            opening: opening && tidy(opening),
            mayBeExcepted: isExceptable(current, request),
          }
        }),
        nextCursor,
        current,
      }
    },

    checkRequestedKey: async ({ params, body }, { signedIn }) => {
      const check = must(await requests.checkKey(placeOf(signedIn, params.id), body))
      return { ...check, scopeWarnings: [...check.scopeWarnings] }
    },

    async approveRequest({ params, body }, { signedIn, actor }) {
      // An answer is no way around what one may not do otherwise.
      const needed = {
        policy: 'policy.change',
        key: 'organization_keys.manage',
        exception: 'policy.change',
        other: 'requests.decide',
      } as const
      if (!may(signedIn.role, needed[body.by])) throw new FaultError(fault('forbidden'))
      return onWire(must(await requests.approve(actor, placeOf(signedIn, params.id), approvalOf(body))))
    },

    declineRequest: async ({ params, body }, { signedIn, actor }) =>
      onWire(must(await requests.decline(actor, placeOf(signedIn, params.id), body.answer))),
  })
}

const placeOf = ({ organization }: SignedIn, id: string) => ({ organizationId: organization.id, id })

const approvalOf = (body: Received<'approveRequest'>['body']): Approval => {
  const answer = body.answer === '' ? null : body.answer
  // A secret that somebody gives is never dropped without a word.
  for (const [field, by] of [
    ['key', 'key'],
    ['expiresAt', 'exception'],
  ] as const)
    if (body[field] !== null && body.by !== by)
      throw new FaultError(fault('invalid_request', { message: `This goes with "by": "${by}" only.`, field }))
  if (body.by === 'exception')
    return { by: body.by, expiresAt: body.expiresAt === null ? null : new Date(body.expiresAt), answer }
  if (body.by !== 'key') return { by: body.by, answer }
  if (body.key === null)
    throw new FaultError(
      fault('invalid_request', { message: 'Give the key that is to be shared.', field: 'key' }),
    )
  return { by: 'key', key: body.key, answer }
}

const onWire = (request: AccessRequest): WireRequest => ({
  id: request.id,
  kind: request.kind,
  serviceId: request.serviceId,
  model: request.model,
  reason: request.reason,
  state: request.state,
  grantedBy: request.grantedBy,
  answer: request.answer,
  createdAt: request.createdAt.toISOString(),
  decidedAt: request.decidedAt?.toISOString() ?? null,
})
