import type { Answer, Received } from '../contract/endpoints.ts'
import { defineHandlers } from '../http/handler.ts'
import { decodeCursor, encodeCursor } from '../kit/cursor.ts'
import { must } from '../kit/fault.ts'
import type { AccountDifference, Rerated, Totals } from './rate.ts'
import type { Rerating, Reratings, Terms } from './rerating.ts'

export const reratingApi = ({ reratings }: { readonly reratings: Reratings }) => {
  const accountsOnWire = async (accounts: readonly AccountDifference[]) => {
    const emails = await reratings.emails([...new Set(accounts.map(({ userId }) => userId))])
    return accounts.map((account) => ({
      ...account,
      email: emails.get(account.userId) ?? null,
      oldMicros: `${account.oldMicros}`,
      newMicros: `${account.newMicros}`,
      refundMicros: `${account.refundMicros}`,
      chargeMicros: `${account.chargeMicros}`,
    }))
  }

  return defineHandlers<
    | 'previewRerating'
    | 'requestRerating'
    | 'listReratings'
    | 'readRerating'
    | 'listReratedOperations'
    | 'approveRerating'
    | 'denyRerating'
  >({
    async previewRerating({ body }) {
      const preview = must(await reratings.preview(termsFrom(body)))
      return {
        ...preview,
        totals: totalsOnWire(preview.totals),
        accounts: await accountsOnWire(preview.accounts),
        operations: preview.operations.map((operation) =>
          operationOnWire({ ...operation, state: 'waiting' }),
        ),
      }
    },

    async requestRerating({ body }, { actor }) {
      const { digest, reason, chargeReason, idempotencyKey } = body
      const request = { ...termsFrom(body), digest, reason, chargeReason, idempotencyKey }
      return reratingOnWire(must(await reratings.request(actor, request)))
    },

    async listReratings({ query }) {
      const found = await reratings.list(decodeCursor(query.cursor), query.limit)
      const last = found.length === query.limit ? found.at(-1) : undefined
      return {
        items: found.map(reratingOnWire),
        nextCursor: last === undefined ? null : encodeCursor(last.id),
      }
    },

    async readRerating({ params }) {
      const rerating = must(await reratings.read(params.id))
      const { accounts, count } = await reratings.accounts(params.id)
      return {
        rerating: reratingOnWire(rerating),
        accounts: await accountsOnWire(accounts),
        accountCount: count,
      }
    },

    async listReratedOperations({ params, query }) {
      must(await reratings.read(params.id))
      const found = await reratings.operations(params.id, decodeCursor(query.cursor), query.limit)
      const last = found.length === query.limit ? found.at(-1) : undefined
      return {
        items: found.map(operationOnWire),
        nextCursor: last === undefined ? null : encodeCursor(last.operationId),
      }
    },

    approveRerating: async ({ params }, { actor }) =>
      reratingOnWire(must(await reratings.approve(actor, params.id))),
    denyRerating: async ({ params, body }, { actor }) =>
      reratingOnWire(must(await reratings.deny(actor, params.id, body.reason))),
  })
}

const termsFrom = ({ scope, toVersion, chargesMore }: Received<'previewRerating'>['body']): Terms => ({
  scope: { ...scope, from: new Date(scope.from), until: new Date(scope.until) },
  toVersion,
  chargesMore,
})

const totalsOnWire = (totals: Totals) => ({
  ...totals,
  refundMicros: `${totals.refundMicros}`,
  chargeMicros: `${totals.chargeMicros}`,
})

const operationOnWire = (operation: Rerated & { readonly state: 'waiting' | 'done' | 'changed' }) => ({
  ...operation,
  startedAt: operation.startedAt.toISOString(),
  oldMicros: `${operation.oldMicros}`,
  newMicros: `${operation.newMicros}`,
  differenceMicros: `${operation.newMicros - operation.oldMicros}`,
})

const reratingOnWire = (rerating: Rerating): Answer<'requestRerating'> => ({
  ...rerating,
  scope: {
    ...rerating.scope,
    from: rerating.scope.from.toISOString(),
    until: rerating.scope.until.toISOString(),
  },
  totals: totalsOnWire(rerating.totals),
  createdAt: rerating.createdAt.toISOString(),
  decidedAt: rerating.decidedAt?.toISOString() ?? null,
  finishedAt: rerating.finishedAt?.toISOString() ?? null,
})
